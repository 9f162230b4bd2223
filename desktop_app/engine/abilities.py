"""Which shortcuts an architecture stands; each is tried out once before it is relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.model import Hooks, LoadedModel, Site, mlp_input_hook, site_hook
from desktop_app.engine.prefix import PrefixCache, RecordingCache

if TYPE_CHECKING:
    from collections.abc import Callable

# In the last layer these see the read position alone, where it is trimmed to that.
TRIMMED_SITES: tuple[Site, ...] = ("attn_out", "mlp_out")
_TOKENS = 6
_TOLERANCE = {"float32": 1e-3}  # of log-probabilities; a failure is off by whole units
_HALF_TOLERANCE = 0.25

_known: dict[tuple[str, str, str], Abilities] = {}


@dataclass(frozen=True)
class Abilities:
    """What was tried out.

    Attributes:
        grows: Rows may join between two layers; BLOOM's attention, say, keeps the row count that
            it began with.
        resumes: A pass may begin in the middle of a prompt, on keys and values kept before.
        trims: In the last layer one position may go on alone once attention has mixed them.
    """

    grows: bool
    resumes: bool
    trims: bool


def abilities(model: LoadedModel) -> Abilities:
    """Return what this model's architecture stands, from five small passes the first time."""
    architecture = type(model.bridge.original_model).__name__
    key = (architecture, model.info.dtype, model.info.fingerprint)  # settings matter too: alibi
    if key not in _known:
        passes = model.forward_passes
        try:
            _known[key] = _try_out(model)
        finally:
            model.forward_passes = passes
    return _known[key]


def _try_out(model: LoadedModel) -> Abilities:
    length = min(_TOKENS, model.info.n_ctx)
    ids = model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(length)]])
    stream: list[torch.Tensor] = []
    enter = site_hook(0, "resid_pre")
    whole = model.run(ids, [(enter, lambda x, hook: stream.append(x.clone()))])
    tolerance = _TOLERANCE.get(model.info.dtype, _HALF_TOLERANCE)

    def agrees(run: Callable[[], torch.Tensor]) -> bool:
        try:
            found = run()
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError):
            return False
        expected = whole[:, -1].float().log_softmax(-1)
        difference = (found[:, -1].float().log_softmax(-1) - expected).abs().max()
        return bool(difference <= tolerance)

    def grown() -> torch.Tensor:
        double = (site_hook(model.info.n_layers - 1, "resid_pre"), _twice)
        return model.run(ids, [double])

    def resumed() -> torch.Tensor:
        record = RecordingCache(1)
        model.run(ids, cache=record)
        half = length // 2
        rows = stream[0][:, half:].repeat(2, 1, 1)
        prefix = PrefixCache(record.found, half, torch.zeros(2, dtype=torch.long))
        return model.run(ids[:, half:], [(enter, lambda _x, hook: rows)], cache=prefix)

    def keep_last(x: torch.Tensor, hook: object) -> torch.Tensor:
        if x.ndim < 3:  # OPT joins rows and positions to one axis
            raise ValueError("there is no axis of positions")
        return x[:, -1:]

    def trimmed() -> torch.Tensor:
        return model.run(ids.repeat(2, 1), trim_hooks(model, keep_last))

    grows = agrees(grown)
    return Abilities(grows, grows and length > 1 and agrees(resumed), agrees(trimmed))


def _twice(x: torch.Tensor, hook: object) -> torch.Tensor:
    return torch.cat([x, x])


def acts(model: LoadedModel, site: Site) -> bool:
    """Return whether what is written into a site changes the model's output.

    On OPT, GPT-J and GPT-Neo, say, the bridge only shows the pattern: the model goes on with its
    own.
    """
    ids = model.ids([[(7 * i + 3) % model.info.d_vocab for i in range(min(_TOKENS, 4))]])
    passes = model.forward_passes
    layer = model.info.n_layers - 1

    def destroy(x: torch.Tensor, hook: object) -> torch.Tensor:
        x[:] = 0
        return x

    try:
        untouched = model.run(ids[:, : model.info.n_ctx])
        changed = model.run(ids[:, : model.info.n_ctx], [(site_hook(layer, site), destroy)])
    finally:
        model.forward_passes = passes
    return not torch.equal(untouched, changed)


def trim_hooks(model: LoadedModel, keep: Callable[..., torch.Tensor]) -> Hooks:
    """Return the hooks that leave the last layer one position each: after z, and before the MLP.

    What is added back to the whole stream then has length 1 and is added everywhere, which is right
    at the position that is kept, and only that one is read.
    """
    last = model.info.n_layers - 1
    return [(site_hook(last, "head_z"), keep), (mlp_input_hook(last), keep)]
