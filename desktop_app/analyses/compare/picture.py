"""What the comparison of two models shows, computed from a result without Qt."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compare.spec import TOP
from desktop_app.pictures.curves import Curves, Line, Mark, Scale
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import MINUS, WITHHELD, number, plural, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.result import Result

_NORMS = {
    "keep": "with its norms",
    "eps": "without norms (eps)",
    "identity": "without norms (identity)",
    "constant": "with constant norms",
}
_HALF = frozenset({"bfloat16", "float16"})
_SAME, _OTHER = "within", "beyond"
_DECADES = 3
# Cosines nearer to 1 than this look like 1.
_FLAT = 0.99


# Whose numbers these are.


def whose(result: Result) -> tuple[str, str]:
    """Return what both models are called: where the files are the same, by what differs."""
    own, other = _info(result)
    told = {
        "dtype": (str(own.get("dtype")), str(other.get("dtype"))),
        "layernorm": tuple(_NORMS.get(str(m.get("layernorm", "keep")), "?") for m in (own, other)),
        "weights": tuple(f"{m.get('weights', 'raw')} weights" for m in (own, other)),
    }
    differing = [pair for pair in told.values() if pair[0] != pair[1]]
    if not result.data.get("same_files"):
        names = [display_text(str(m.get("name"))) for m in (own, other)]
        if names[0] == names[1]:
            names[1] = f"{names[1]}, other files"
        shown = [(names[0], names[1]), *differing]
    elif differing:
        shown = differing
    else:
        shown = [("first run", "second run")]
    one, two = (" ".join(pair[side] for pair in shown) for side in (0, 1))
    return one, two


def named(result: Result) -> str:
    """Return what the name of a result says of its settings."""
    one, two = whose(result)
    ranked = ", heads ranked" if has_heads(result) else ""
    twice = (one, two) == ("first run", "second run")
    return ("twice the same" if twice else f"{one} | {two}") + ranked


def made_sentence(result: Result) -> str:
    """Say what was compared, and over what."""
    own, other = _info(result)
    places = int(sum(values.size for values in _by_prompt(result, "top1_same")))
    prompts = plural(len(result.prompts), "prompt")
    one, two = whose(result)
    name = display_text(str(own.get("name")))
    pair = f"{one} and {two}"
    if result.data.get("same_files") and name == str(other.get("name")):
        pair = f"{name}: {pair}"
    return f"{pair} · the same tokens, {plural(places, 'position')} of {prompts}"


def _info(result: Result) -> tuple[dict[str, Any], dict[str, Any]]:
    other = result.data.get("with_model")
    return vars(result.model), dict(other) if isinstance(other, dict) else {}


# What it comes to.


def small(value: float) -> str:
    """Write a number so that small ones stay readable: `0`, `4.1e−06`, `0.126`, `12.3`."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return number(value) if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    return written("{:.1e}" if abs(value) < 1e-3 else "{:.3g}", value)


def headline(result: Result) -> str:
    """Say in a sentence where both part, and claim no more than the table does."""
    data = result.data
    verdict, logprob = str(data["verdict"]), float(data["max_logprob_difference"])
    dtype = str(data["tolerance"]["dtype"])
    within = f"log-probabilities agree within {small(logprob)}"
    if verdict == "identical":
        return "Both give the very same numbers: every difference is 0."
    if verdict == "shifted":
        shift = np.concatenate([v.ravel() for v in _by_prompt(result, "logit_shift")])
        low, high = number(float(shift.min()), sign=True), number(float(shift.max()), sign=True)
        span = low if low == high else f"{low} … {high}"
        return f"Logits shift by a constant at each position ({span}); {within}."
    if verdict == "equal":
        what = "They agree within what is held equal"
        if dtype in _HALF:
            what = f"They agree within what rounding to {dtype} may do"
        return f"{what}: {within[0].lower()}{within[1:].replace(' agree', '')}."
    if math.isnan(logprob):
        return "They part: there are numbers that are not finite, of one of them or of both."
    return f"They part: log-probabilities differ by up to {small(logprob)}{_most_kl(result)}."


def _most_kl(result: Result) -> str:
    """Say where the next-token distributions are farthest apart."""
    values = _by_prompt(result, "kl")
    most = [float(np.nanmax(v)) if np.isfinite(v).any() else math.nan for v in values]
    if not np.isfinite(most).any():
        return ""
    prompt = int(np.nanargmax(most))
    place = int(np.nanargmax(values[prompt]))
    where = f"position {place} “{_token(result, prompt, place)}”"
    where += f" of prompt {prompt + 1}" if len(values) > 1 else ""
    return f", KL by up to {small(most[prompt])} nats ({where})"


def stream_sentence(result: Result) -> str:
    """Say from where on the streams part, and how that was decided."""
    errors = np.asarray(result.data["resid_relative_error"], dtype=float)
    if np.isnan(errors).all():
        return "Their streams cannot be compared: the models have other layers or another width."
    tolerance = small(float(result.data["tolerance"]["stream"]))
    if not errors.any():
        return "The streams are the same at every layer."
    first = result.data["first_apart"]
    if first is None or math.isnan(float(first)):
        return (
            f"The streams stay within the tolerance of {result.data['tolerance']['dtype']} "
            f"({tolerance}) at every layer."
        )
    layer = int(first)
    if np.isnan(errors[layer]):
        where = stream_name(layer, len(errors))
        return f"The streams part first {where}: their relative error there is not a number."
    return (
        f"The streams part first {stream_name(layer, len(errors))}: relative error "
        f"{small(float(errors[layer]))}, above the {tolerance} that "
        f"{result.data['tolerance']['dtype']} may make."
    )


def stream_name(index: int, count: int) -> str:
    """Name a stream in a sentence: `before layer 3`, `behind the last layer`."""
    return "behind the last layer" if index == count - 1 else f"before layer {index}"


def heads_sentence(result: Result) -> str:
    """Say how the rankings of heads agree; empty where none was made."""
    if not has_heads(result):
        return ""
    spearman, overlap = float(result.data["head_spearman"]), float(result.data["head_overlap"])
    if math.isnan(overlap):
        return "The heads of both cannot be matched: the models have other layers or heads."
    most = min(TOP, int(np.asarray(result.data["head_effect_mean"]).size))
    return (
        f"Heads by what zeroing them costs: Spearman {number(spearman)}, and {int(overlap)} of the "
        f"{most} most harmful are the same."
    )


def has_heads(result: Result) -> bool:
    """Return whether heads were ranked."""
    return "head_effect_mean" in result.data


# Tables.


def numbers(result: Result) -> Ranking:
    """Return the numbers of the comparison, each with its tolerance and what follows."""
    columns = (
        Column("what", "text", "", width="stretch", least=130),
        Column("value", "number", format=str, width=78),
        Column("tolerance", "number", format=str, width=76, muted=True, priority=1),
        Column("verdict", "mark", "", width=62),
    )
    rows = [
        Row(key, (what, value, allowed, verdict), tip, _emphasis(verdict))
        for key, what, value, allowed, verdict, tip in _told(result)
    ]
    return Ranking(columns, tuple(rows))


def _emphasis(verdict: str) -> Any:
    return {_SAME: "good", _OTHER: "bad"}.get(verdict, "")


def _told(result: Result) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Yield key, what, value, tolerance, verdict and tip of each number."""
    data, allowed = result.data, result.data["tolerance"]
    logits, logprobs = float(allowed["logit"]), float(allowed["logprob"])
    one = float(data["max_logit_difference"])
    yield _line("logit", "largest |Δ logit|", one, logits, "over all tokens of the vocabulary")
    mean = float(data["mean_logit_difference"])
    yield _line("mean", "mean |Δ logit|", mean, math.nan, "over vocabulary and positions")
    yield _line(
        "logprob",
        "largest |Δ log-prob.|",
        float(data["max_logprob_difference"]),
        logprobs,
        "in nats; a constant added to all logits of a position does not count here",
    )
    kl = max(_largest(v) for v in _by_prompt(result, "kl"))
    yield _line("kl", "largest KL, nats", kl, logprobs, "KL(first ‖ second) of the next token")
    share = float(data["top1_agreement"])
    same = np.concatenate([v.ravel() for v in _by_prompt(result, "top1_same")]).astype(bool)
    yield (
        "top",
        "same top token",
        f"{int(same.sum()):,} of {same.size:,}",
        "",
        _SAME if share == 1 else _OTHER,
        "at how many positions",
    )
    spread = max(_largest(v) for v in _by_prompt(result, "logit_shift_spread"))
    yield _line(
        "spread", "spread of the shift", spread, logits, "0: all logits of a position shift alike"
    )
    errors, what = np.asarray(data["resid_relative_error"], dtype=float), "largest stream error"
    if np.isnan(errors).all():
        yield "stream", what, WITHHELD, "", "", "the streams cannot be compared"
    else:
        stream = float(allowed["stream"])
        yield _line("stream", what, _largest(errors), stream, "relative, of a layer")
    if has_heads(result):
        yield "spearman", "Spearman of heads", number(float(data["head_spearman"])), "", "", ""


def _line(
    key: str, what: str, value: float, allowed: float, tip: str
) -> tuple[str, str, str, str, str, str]:
    verdict = "" if math.isnan(allowed) else _SAME if value <= allowed else _OTHER
    return key, what, small(value), "" if math.isnan(allowed) else small(allowed), verdict, tip


def layers(result: Result) -> Ranking:
    """Return both numbers of every stream, in order."""
    errors, cosines = _streams(result)
    columns = (
        Column("stream", "name", "stream", width="stretch", least=112),
        Column("error", "number", "error", format=str, width=78, tooltip="Relative error"),
        Column("cosine", "number", format=str, width=94),
        Column("verdict", "mark", "", width=62, priority=1),
    )
    if np.isnan(errors).all():
        return Ranking(columns)
    allowed = float(result.data["tolerance"]["stream"])
    rows = []
    for index, (error, cosine) in enumerate(zip(errors, cosines, strict=True)):
        verdict = _SAME if error <= allowed else _OTHER
        name = stream_name(index, len(errors))
        values = (name, small(float(error)), cosine_text(float(cosine)), verdict)
        rows.append(Row(index, values, "", _emphasis(verdict)))
    return Ranking(columns, tuple(rows))


def cosine_text(value: float) -> str:
    """Write a cosine; one that is nearly 1 by how far it is from it."""
    if math.isnan(value) or value == 1:
        return number(value, 0)
    return f"1 {MINUS} {small(1 - value)}" if value > 0.9995 else number(value, 4)


# Curves.


def _streams(result: Result) -> tuple[np.ndarray, np.ndarray]:
    found = (result.data["resid_relative_error"], result.data["resid_cosine"])
    errors, cosines = (np.asarray(values, dtype=float) for values in found)
    return errors, cosines


def _stream_scale(count: int) -> Scale:
    labels = (*(str(i) for i in range(count - 1)), "end")
    return Scale("stream before layer", labels=labels, whole=True)


def error_curves(result: Result, prompt: int | None = None) -> Curves:
    """Return the relative error of the streams over layers, and that of one of several prompts."""
    errors, _cosines = _streams(result)
    name, axis = "mean" if prompt is not None else "", Scale("relative error", log=True)
    lines = [Line(name, errors, dots=_has_lone(axis, errors))]
    if prompt is not None and "resid_error" in result.data:
        own = np.asarray(_by_prompt(result, "resid_error")[prompt], dtype=float).mean(-1)
        lone = _has_lone(axis, own)
        lines.append(Line(f"prompt {prompt + 1}", own, tone="warn", thin=True, dots=lone))
    allowed = float(result.data["tolerance"]["stream"])
    shown = [v for line in lines for v in line.values if v > 0]
    return Curves(
        tuple(lines),
        _stream_scale(len(errors)),
        replace(axis, limits=decades([*shown, allowed])),
        tip=bind(_stream_tip, result),
        marks=(Mark(allowed, f"tolerance {small(allowed)}"),),
    )


def _has_lone(axis: Scale, values: np.ndarray) -> bool:
    """Return whether a place has a number and none beside it has: no line leads there."""
    known = np.isfinite(axis.placed(values))
    ends = np.concatenate(([False], known, [False]))
    return bool((known & ~ends[:-2] & ~ends[2:]).any())


def decades(values: Sequence[float]) -> tuple[float, float]:
    """Return ends of a log axis that hold values, and ticks at three powers of ten at least.

    What overflowed has no place on it.
    """
    values = [v for v in values if math.isfinite(v)] or [1.0]
    low, high = (math.log10(v) for v in (min(values), max(values)))
    first, last = math.floor(low), math.ceil(high)
    while last - first < _DECADES:
        first, last = (first - 1, last) if low - first < last - high else (first, last + 1)
    return 10.0 ** (first - 0.15), 10.0 ** (last + 0.15)


def cosine_curves(result: Result) -> Curves:
    """Return the cosine of both streams over layers."""
    _errors, cosines = _streams(result)
    known = cosines[np.isfinite(cosines)]
    low = float(known.min()) if known.size else 0.0
    low = min(low, _FLAT)
    room = (1 - low) * 0.05
    axis = Scale("cosine", limits=(low - room, 1 + room))
    return Curves(
        (Line("", cosines, dots=_has_lone(axis, cosines)),),
        _stream_scale(len(cosines)),
        axis,
        tip=bind(_stream_tip, result),
    )


def _stream_tip(result: Result, index: int) -> str:
    errors, cosines = _streams(result)
    return (
        f"{stream_name(index, len(errors))}\nrelative error {small(float(errors[index]))}\n"
        f"cosine {cosine_text(float(cosines[index]))}"
    )


PLACES = (("kl", "KL"), ("logprob_difference", "Δ log-prob"), ("logit_shift", "Logit shift"))
_UNITS = {
    "kl": "KL(first ‖ second), nats",
    "logprob_difference": "largest |Δ log-probability|, nats",
    "logit_shift": "shift of the logits",
}


def place_bars(result: Result, name: str, prompt: int) -> Curves:
    """Return a number of every position of a prompt as bars, over its tokens."""
    values = np.asarray(_by_prompt(result, name)[prompt], dtype=float)
    texts = tuple(display_text(text) for text in result.prompts[prompt].tokens.texts)
    return Curves(
        (Line("", values, bars=True),),
        Scale("token", labels=texts, whole=True),
        Scale(_UNITS[name], limits=None if values.any() else (0.0, 1.0)),
        tip=bind(place_text, result, prompt),
    )


def place_text(result: Result, prompt: int, place: int) -> str:
    """Say all numbers of a position."""
    value = {
        name: _by_prompt(result, name)[prompt][place]
        for name in ("kl", "logprob_difference", "logit_difference", "logit_shift", "top1_same")
    }
    top = "the same" if value["top1_same"] else "another"
    return "\n".join(
        (
            f"position {place} “{_token(result, prompt, place)}”",
            f"KL {small(float(value['kl']))} nats",
            f"largest |Δ log-probability| {small(float(value['logprob_difference']))}",
            f"largest |Δ logit| {small(float(value['logit_difference']))}",
            f"logits shift by {small(float(value['logit_shift']))}",
            f"top token: {top}",
        )
    )


def lines(result: Result) -> Iterator[str]:
    """Yield the comparison as text for a terminal."""
    yield headline(result)
    yield stream_sentence(result)
    if told := heads_sentence(result):
        yield told
    for row in numbers(result).rows:
        what, value, allowed, verdict = (str(v) for v in row.values)
        limit = f"  (tolerance {allowed}: {verdict})" if allowed else ""
        yield f"  {what:<30}{value:>12}{limit}"
    for row in layers(result).rows:
        name, error, cosine, _verdict = (str(v) for v in row.values)
        yield f"  {name:<26}error {error:>10}   cosine {cosine}"


def numbers_at(result: Result, name: str, prompt: int) -> np.ndarray:
    """Return a number of every position of a prompt."""
    return np.asarray(_by_prompt(result, name)[prompt], dtype=float)


def _by_prompt(result: Result, name: str) -> list[np.ndarray]:
    """Return a field `[..., S, N]` prompt by prompt."""
    value = result.data[name]
    if isinstance(value, (list, tuple)):
        return [np.asarray(part) for part in value]
    table = np.asarray(value)
    return [table[..., prompt] for prompt in range(table.shape[-1])]


def _largest(values: np.ndarray) -> float:
    """Return the largest of numbers; not-a-number where one is, or where there is none."""
    return float(np.max(values)) if np.size(values) else math.nan


def _token(result: Result, prompt: int, place: int) -> str:
    return display_text(result.prompts[prompt].tokens.texts[place])
