"""Two models on the same prompts: the second is loaded, compared, and let go of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.compare.apart import Apart, measure, streams_compare
from desktop_app.analyses.compare.second import (
    left_out,
    memory_needed,
    plain_spec,
    reading_notices,
    require_second,
    same_files,
    second_named,
    second_of,
)
from desktop_app.analyses.compare.spec import ANALYSIS, HARM_RISES, TOP, CompareParams
from desktop_app.analyses.compare.steps import norm_steps
from desktop_app.analyses.compare.told import (
    empty_stream_notices,
    not_finite_notices,
    of_second,
    other_shape,
    ranking_notices,
    steps_notices,
)
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.loading import tolerance_of
from desktop_app.engine.memory import release_memory
from desktop_app.methods import stopped
from desktop_app.methods.estimates import rank_agreement
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.heads import head_effects, without_heads
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.prepare import Prepared, prepare
from desktop_app.pictures.text_tables import most_harmful
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

# Which relative error of a stream a number format makes by itself: in float32 what sums in another
# order come to, in half precision eight units of its last place.
STREAM_TOLERANCE = {"float32": 1e-5, "float16": 8 / 2**10, "bfloat16": 8 / 2**7}
# The share of the work that making sure of the second model takes, fetching included.
_CHECK = 0.05
_COARSEST = ("bfloat16", "float16", "float32")
_TORCH = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class _Shares:
    """Where in the work each part begins and ends; ranking the heads takes most of it."""

    check: tuple[float, float]
    steps: tuple[float, float]
    load: tuple[float, float]
    apart: tuple[float, float]
    heads: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, params: CompareParams) -> _Shares:
        steps = 0.3 if params.norm_steps else 0.0
        rest = 1 - _CHECK - steps
        load, apart = (0.25, 0.15) if params.rank_heads else (0.6, 0.4)
        loads = _CHECK + steps
        begin = loads + (load + apart) * rest
        heads = ((begin, 0.3 * rest), (begin + 0.3 * rest, 0.3 * rest))
        return cls(
            (0.0, _CHECK),
            (_CHECK, steps),
            (loads, load * rest),
            (loads + load * rest, apart * rest),
            heads if params.rank_heads else (),
        )


def run(model: LoadedModel, params: CompareParams, report: Reporter) -> Result:
    """Compare the loaded model with a second one, which is loaded for this alone.

    Returns:
        Differences of logits and log-probabilities, KL(first ‖ second) by position and prompt, and
        how far the streams are apart before each block and behind the last.
    """
    clock, shares = Clock(model), _Shares.of(params)
    prepared = _prepare(model, params, report)
    report.needs(memory_needed(model, params, prepared))
    require_second(model, params, ShareReporter(report, *shares.check))
    steps: dict[str, Any] = {}
    if params.norm_steps:  # before the second model is loaded: no three stand beside each other
        texts = [encoding.ids for encoding in prepared.encodings]
        spec, share = plain_spec(model, params), ShareReporter(report, *shares.steps)
        with second_named(spec):
            steps = norm_steps(spec, texts, share)
        release_memory(model.device)
    bad = steps.pop("not_finite", None)
    other = second_of(model, params, prepared, ShareReporter(report, *shares.load))
    try:
        data, notices = _compared(model, other, params, prepared, report)
        data |= steps
    finally:
        del other  # what it took is free before the result is looked at
        release_memory(model.device)
    stopped.tell_end(report)
    told = (*(prepared.notices if params.rank_heads or params.fix else ()), *notices)
    told = (*told, *steps_notices(data["with_model"], bad))
    return finish(model, ANALYSIS, params, prepared.records, (data, told), clock)


def _prepare(model: LoadedModel, params: CompareParams, report: Reporter) -> Prepared:
    """Return the prompts; their answers matter to the ranking of heads alone."""
    if params.rank_heads:
        return prepare_near(model, params, report)
    return prepare(model, params, answers="inspected")


def _compared(
    model: LoadedModel,
    other: LoadedModel,
    params: CompareParams,
    prepared: Prepared,
    report: Reporter,
) -> tuple[dict[str, Any], list[Notice]]:
    shares = _Shares.of(params)
    texts = [encoding.ids for encoding in prepared.encodings]
    found = measure(model, other, texts, ShareReporter(report, *shares.apart))
    data = _fields(model, other, found)
    notices = [*reading_notices(model, other, params, prepared), *of_second(model, other)]
    if not streams_compare(model, other):
        notices.append(other_shape(model, other))
    if params.rank_heads:
        try:
            more, told = _ranked(model, other, params, prepared, report)
        except Cancelled:
            more, told = {}, [*stopped.before("the ranking of heads", report)]
        data |= more
        notices += told
    bad = not_finite_notices((model, other), found, texts, data)
    return data, [*notices, *bad, *empty_stream_notices(model, other, found)]


def _fields(model: LoadedModel, other: LoadedModel, found: list[Apart]) -> dict[str, Any]:
    tolerance = tolerances(model, other, max(float(a.largest.max()) for a in found))
    largest = {
        "max_logit_difference": float(np.max([a.logit.max() for a in found])),
        "mean_logit_difference": float(np.concatenate([a.mean_logit for a in found]).mean()),
        "max_logprob_difference": float(np.max([a.logprob.max() for a in found])),
        "top1_agreement": float(np.concatenate([a.same for a in found]).mean()),
    }
    streams = _stream_fields(model, found, float(tolerance["stream"]))
    return {
        **largest,
        **_by_place("kl", [a.kl for a in found], twins=True),
        **with_twins("kl_of_prompt", np.array([a.kl.mean() for a in found])),
        **_by_place("top1_same", [a.same for a in found]),
        **_by_place("logit_difference", [a.logit for a in found]),
        **_by_place("logprob_difference", [a.logprob for a in found]),
        **_by_place("logit_shift", [a.shift for a in found]),
        **_by_place("logit_shift_spread", [a.spread for a in found]),
        **streams,
        "tolerance": tolerance,
        "verdict": _verdict(largest, [a.spread for a in found], tolerance, streams),
        "with_model": _described(model, other),
        "same_files": same_files(model, other),
    }


def _described(model: LoadedModel, other: LoadedModel) -> dict[str, Any]:
    """Return the second model, and what a script must know to make it again."""
    return {
        **asdict(other.info),
        "norms": [] if other.removed is None else other.removed.change.recipe(),
        "turned_hooks": list(other.turned),
        "adapter": other.adapter,
        "left_out": [] if model is other else left_out(model, other),
    }


def tolerances(model: LoadedModel, other: LoadedModel, largest: float) -> dict[str, Any]:
    """Return what counts as equal in the coarser of both number formats.

    Logits and log-probabilities are held to what loading holds a model to against plain Hugging
    Face; `largest` is that of a logit.
    """
    used = {model.info.dtype, other.info.dtype}
    dtype = next(name for name in _COARSEST if name in used)
    allowed = tolerance_of(_TORCH[dtype], largest)
    return {
        "dtype": dtype,
        "logit": allowed,
        "logprob": allowed,
        "stream": STREAM_TOLERANCE[dtype],
    }


def _stream_fields(model: LoadedModel, found: list[Apart], tolerance: float) -> dict[str, Any]:
    """Return how far the streams are apart, a mean over all positions of all prompts."""
    if not found[0].error.size:
        none = np.full(model.info.n_layers + 1, np.nan)
        return {
            "resid_cosine": none,
            "resid_relative_error": none.copy(),
            "first_apart": float("nan"),
        }
    error = np.concatenate([a.error for a in found], axis=1).mean(1)
    cosine = np.concatenate([a.cosine for a in found], axis=1).mean(1)
    beyond = np.flatnonzero(~(error <= tolerance))
    return {
        "resid_cosine": cosine,
        "resid_relative_error": error,
        "first_apart": int(beyond[0]) if len(beyond) else float("nan"),
        **_by_place("resid_error", [a.error for a in found]),
    }


def _by_place(name: str, columns: list[np.ndarray], *, twins: bool = False) -> dict[str, Any]:
    """Return a field `[..., S, N]`; prompts of several lengths each have an array of their own."""
    if len({column.shape for column in columns}) > 1:
        return {name: tuple(columns)}
    table = np.stack(columns, axis=-1)
    return with_twins(name, table) if twins else {name: table}


def _verdict(
    largest: dict[str, float],
    spreads: list[np.ndarray],
    tolerance: dict[str, Any],
    streams: dict[str, Any],
) -> str:
    """Return what the numbers come to; not-a-number is never equal."""
    errors = streams["resid_relative_error"]
    alike = not errors.any() or np.isnan(errors).all()  # or there are none to be compared
    if largest["max_logit_difference"] == 0 and alike:
        return "identical"
    if not largest["max_logprob_difference"] <= tolerance["logprob"]:
        return "apart"
    if largest["max_logit_difference"] <= tolerance["logit"]:
        return "equal"
    spread = max(float(s.max()) for s in spreads)
    return "shifted" if spread <= tolerance["logit"] else "apart"


# The ranking of heads.


def _ranked(
    model: LoadedModel,
    other: LoadedModel,
    params: CompareParams,
    prepared: Prepared,
    report: Reporter,
) -> tuple[dict[str, Any], list[Notice]]:
    """Return both models' effects of each head replaced by zero, and how their ranks agree."""
    first, second = (ShareReporter(report, *share) for share in _Shares.of(params).heads)
    one = without_heads(model, prepared, params.metric, first)
    two = without_heads(other, prepared, params.metric, second)
    effects = [head_effects(one), head_effects(two)]
    records = prepared.records
    data: dict[str, Any] = {
        **with_twins("base", one.base[0]),
        **with_twins("with_base", two.base[0]),
        **with_twins("head_effect", effects[0]),
        **with_twins("with_head_effect", effects[1]),
        **one.noise_field(),
        **{f"with_{name}": values for name, values in two.noise_field().items()},
        "read_position": np.array([r.read_position for r in records]),
        "head_spearman": float("nan"),
        "head_overlap": float("nan"),
    }
    notices = [*near_notices(model, params, prepared, enumerate(one.logits[0]))]
    if effects[0].shape == effects[1].shape:
        data |= _agreement(data["head_effect_mean"], data["with_head_effect_mean"], params)
    else:
        message = (
            f"{model.info.label} has {model.info.n_layers} × {model.info.n_heads} heads and "
            f"{other.info.label} {other.info.n_layers} × {other.info.n_heads}: their ranks cannot "
            "be compared."
        )
        notices.append(Notice("heads_not_comparable", message))
    for whose, found, place in ((model, one, "first"), (other, two, "second")):
        notices += ranking_notices(whose, prepared, found, place)
    return data, notices


def _agreement(one: np.ndarray, two: np.ndarray, params: CompareParams) -> dict[str, Any]:
    harm = 1 if params.metric in HARM_RISES else -1
    best = [set(most_harmful(effect, TOP, harm=harm)) for effect in (one, two)]
    # Rounding takes a correlation of the very same order past 1.
    spearman = float(np.clip(rank_agreement(one, two), -1.0, 1.0))
    return {"head_spearman": spearman, "head_overlap": len(best[0] & best[1])}
