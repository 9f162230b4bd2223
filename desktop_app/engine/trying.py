"""What is tried of a model while it loads, so that the first sweep costs no more than the next.

Most of it is remembered by configuration, settings and versions (`remembered`), and costs nothing
the next time. What guards these very weights is tried at each loading.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.memory import release_memory
from desktop_app.engine.model import LoadedModel, Site, one_dnn_is_faster
from desktop_app.engine.remembered import recall, recalled
from desktop_app.engine.shortcuts import FAILURES, Trial, acting
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.support.errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.remembered import Finding

_WORDS = "Trying out its hooks, once for this architecture"
# Where analyses change a model unless they are told otherwise; the others are tried when they do.
_USUAL: tuple[Site, ...] = ("head_z", "attn_out", "mlp_out", "resid_pre", "resid_post")

_log = logging.getLogger(__name__)


def try_out(model: LoadedModel, report: Reporter, done: tuple[float, float]) -> None:
    """Try whatever is not known yet of a model that has just been loaded.

    A trial that cannot be made is left to the analysis that needs it, and so are all of a model
    whose layers come from the disk for every pass.

    Args:
        model: The model.
        report: Told before each trial; may cancel there.
        done: The fractions of loading between which this stands.

    Raises:
        Cancelled: Loading was stopped.
    """
    if model.device.type == "cpu" and model.info.dtype == "float32":
        one_dnn_is_faster()
    # OPT comes with hooks of its own, and what is remembered was found without any.
    model.bridge.reset_hooks(including_permanent=True)
    if model.spec.offload != "none":
        return
    unknown = [(name, trial) for name, trial in _trials(model) if recalled(model, name) is None]
    for count, (name, trial) in enumerate(unknown):
        report.step(done[0] + (done[1] - done[0]) * count / len(unknown), _WORDS)
        if name == "resumes" and not recalled(model, "grows"):
            continue  # nothing asks for it then
        try:
            with no_hooks_left(model):
                recall(model, name, trial)
        except (MemoryError, *FAILURES) as error:
            _log.debug("“%s” was not tried while loading.", name, exc_info=error)
            if is_out_of_memory(error):
                release_memory(model.device)
                return


def _trials(model: LoadedModel) -> list[tuple[str, Callable[[], Finding | None]]]:
    trial = Trial(model)
    return [
        ("grows", trial.grows),
        ("resumes", trial.resumes),
        ("trims", trial.trims),
        *((acting(site), partial(trial.acts, site)) for site in _USUAL),
    ]


def reads_together(bridge: Any, ids: torch.Tensor, plain: torch.Tensor, allowed: float) -> bool:
    """Return whether a text reads the same behind another one in its pass, and alone.

    Not remembered: experts that tokens compete for would show it with some weights only.

    Args:
        bridge: The hooked model.
        ids: Token ids `[1, S]`.
        plain: Their logits `[S, V]` alone, on the CPU.
        allowed: The largest difference of log-probabilities that counts as none.
    """
    other = (ids + 1) % plain.shape[-1]
    try:
        with torch.no_grad():
            logits = bridge(torch.cat([other, ids, other]), use_cache=False)[1]
    except (MemoryError, *FAILURES):
        return False
    found = logits.float().log_softmax(-1).cpu()
    return bool((found - plain.log_softmax(-1)).abs().max() <= allowed)
