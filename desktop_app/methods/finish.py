"""From computed numbers to a Result: twins over prompts, provenance, timing, non-finite numbers."""

from __future__ import annotations

import math
import platform
import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.contract.registry import described
from desktop_app.contract.result import PARTIAL, Notice, PromptRecord, Result, Timing, freeze
from desktop_app.engine.memory import PeakMemory
from desktop_app.engine.model import LoadedModel, Site, site_hook
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.precision import parity_notice
from desktop_app.methods.text_notices import standing_notices
from desktop_app.support.installed import package_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from desktop_app.contract.params import Params
    from desktop_app.contract.spec import Analysis
    from desktop_app.engine.model import HookFn, LoadedModel

# Arrays larger than this are not searched for non-finite numbers a second time.
_SEARCH_LIMIT = 50_000_000
_SEARCHED_PROMPTS = 8
# Some architectures show no stream behind a block, but what its parts give.
_OUTPUTS: tuple[Site, ...] = ("attn_out", "mlp_out", "resid_post")


class Clock:
    """Measures what a run costs: seconds, passes and peak memory."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._passes = model.forward_passes
        self._started = time.perf_counter()
        self._peak = PeakMemory(model.device)

    def timing(self) -> Timing:
        """Return the costs since the clock was made."""
        seconds = time.perf_counter() - self._started
        return Timing(seconds, self._model.forward_passes - self._passes, self._peak.bytes())


def with_twins(
    name: str, values: np.ndarray, counted: np.ndarray | None = None
) -> dict[str, np.ndarray | float]:
    """Return a `[..., N]` array with its mean and standard error over prompts.

    Missing values are left out, and those that are not `counted` where that is said; the standard
    error of a single prompt does not exist (NaN).
    """
    values = np.asarray(values, dtype=np.float64)
    used = values if counted is None else np.where(counted, values, np.nan)
    known = np.isfinite(used)
    count = known.sum(-1)
    total = np.where(known, used, 0.0).sum(-1)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    squares = np.where(known, (used - mean[..., None]) ** 2, 0.0).sum(-1)
    sem = np.full(total.shape, np.nan)
    np.divide(np.sqrt(squares), np.sqrt(count * np.maximum(count - 1, 1)), out=sem, where=count > 1)
    return {name: values, f"{name}_mean": _scalar(mean), f"{name}_sem": _scalar(sem)}


def finish(
    model: LoadedModel,
    analysis: Analysis,
    params: Params,
    prompts: tuple[PromptRecord, ...],
    found: tuple[Mapping[str, Any], Iterable[Notice]],
    clock: Clock,
) -> Result:
    """Return the frozen result of an analysis; `found` is its fields and its warnings.

    What a run that was stopped has left out is a field as well (`partial`).
    """
    data, given = found
    notices = tuple(given)
    frozen = {name: _freeze(value) for name, value in data.items()}
    frozen |= {n.code: n.message for n in notices if n.code == PARTIAL}
    bad = _non_finite(analysis, frozen, notices)
    if bad:
        some = [p.tokens.ids for p in prompts[:_SEARCHED_PROMPTS]]
        notices = (*notices, not_finite(bad, model, some))
    notices = (*parity_notice(model), *model.notices, *notices)
    notices = (*notices, *standing_notices(model, params, prompts, notices))
    result = Result(
        analysis=analysis.name,
        params=params.model_dump(mode="json"),
        model=model.info,
        prompts=prompts,
        data=frozen,
        warnings=notices,
        provenance=provenance(model, params),
        timing=clock.timing(),
        version=package_version("lensbench"),
    )
    return described(result)


def provenance(model: LoadedModel, params: Params) -> dict[str, Any]:
    """Return what a reader needs to make the same numbers again."""
    bos = params.bos == "yes"
    if params.bos == "auto":
        bos = model.tokenizer.adds_bos and not params.chat  # a template brings its own
    return {
        "lensbench": package_version("lensbench"),
        "torch": package_version("torch"),
        "transformers": package_version("transformers"),
        "transformer_lens": package_version("transformer-lens"),
        "python": platform.python_version(),
        "device": str(model.device),
        "dtype": model.info.dtype,
        "bos": "added" if bos else "not added",
        "weights": model.info.weights,
        "layernorm": model.info.layernorm,
        "seed": getattr(params, "seed", None),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        # A script must give these hooks the same axes, change these norms in the same way, and make
        # the same tokenizer; it cannot attach itself by an adapter of ours.
        **({"turned_hooks": list(model.turned)} if model.turned else {}),
        **({"adapter": model.adapter} if model.adapter else {}),
        **({"norms": model.removed.change.recipe()} if model.removed is not None else {}),
        **({"tokenizer": dict(model.tokenizer.made)} if model.tokenizer.made else {}),
    }


def not_finite(
    where: str, model: LoadedModel, prompts: Sequence[Sequence[int]], prompt: int | None = None
) -> Notice:
    """Return the warning for a result that holds not-a-number.

    Args:
        where: What holds it.
        model: Whose numbers they are; the first layer that holds such numbers is looked for.
        prompts: Token ids of the prompts that it is looked for on.
        prompt: On which prompt it is, where it is one.
    """
    with no_hooks_left(model):
        layers = [_first_bad_layer(model, ids) for ids in prompts]
    layer = min((layer for layer in layers if layer is not None), default=None)
    place = f"first in layer {layer}" if layer is not None else "in no layer's output"
    message = f"{where} holds numbers that are not finite, {place}: {_why_not_finite(model)}."
    return Notice("not_finite", message, None, prompt)


def _why_not_finite(model: LoadedModel) -> str:
    """Return what to do about numbers that are not finite, or that they are what was asked for."""
    finer = "load the model with --dtype float32"
    if model.removed is not None:
        said = "this is what the model is without its norms"
        return f"{said}; {finer}, which holds larger numbers" if _is_narrow(model) else said
    if model.info.dtype == "float32":
        return "look into the model's files, which may hold them"
    return finer


def _is_narrow(model: LoadedModel) -> bool:
    """Return whether a longer number format reaches further: bfloat16 goes as far as float32."""
    return model.info.dtype == "float16"


def _non_finite(analysis: Analysis, data: Mapping[str, Any], notices: tuple[Notice, ...]) -> str:
    """Name the field that holds not-a-number where none is a legitimate answer; empty for none."""
    if any(n.code in {"not_finite", PARTIAL} for n in notices):
        return ""
    for name, value in data.items():
        spec = analysis.field(name)
        if spec is not None and not spec.nullable and not _all_finite(value):
            return name
    return ""


def _all_finite(value: Any) -> bool:
    """Return whether all numbers in an array, or in rows of plain values, are finite."""
    if isinstance(value, np.ndarray):
        is_searched = value.dtype.kind == "f" and value.size < _SEARCH_LIMIT
        return not is_searched or bool(np.isfinite(value).all())
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _freeze(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return freeze(value)
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return tuple(_freeze(v) for v in value)
    return value


def _scalar(values: np.ndarray) -> np.ndarray | float:
    return float(values) if values.ndim == 0 else values


def _first_bad_layer(model: LoadedModel, ids: Sequence[int]) -> int | None:
    """Return the first layer whose output holds not-a-number or infinity, or None."""
    bad: list[int] = []
    model.run(model.ids([ids]), finite_hooks(model, bad))
    return bad[0] if bad else None


def finite_hooks(model: LoadedModel, bad: list[int]) -> list[tuple[str, HookFn]]:
    """Return hooks that put the first layer into `bad` whose output is not finite."""

    def look(x: torch.Tensor, hook: object, layer: int) -> None:
        if not bad and not bool(torch.isfinite(x).all()):
            bad.append(layer)

    return [
        (site_hook(layer, site), partial(look, layer=layer))
        for layer in range(model.info.n_layers)
        for site in _OUTPUTS
        if (layer, site) not in model.unfit
    ]
