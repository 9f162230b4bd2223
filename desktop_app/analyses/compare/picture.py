"""What the comparison of two models shows, computed from a result without Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.compare.spec import TOP
from desktop_app.analyses.compare.words import (
    by_prompt,
    cosine_text,
    info_of,
    small,
    stream_name,
    streams,
    token,
    whose,
)
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import WITHHELD, number, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_HALF = frozenset({"bfloat16", "float16"})
_SAME, _OTHER = "within", "beyond"


# Whose numbers these are.


def named(result: Result) -> str:
    """Return what the name of a result says of its settings."""
    one, two = whose(result)
    ranked = ", heads ranked" if has_heads(result) else ""
    twice = (one, two) == ("first run", "second run")
    return ("twice the same" if twice else f"{one} | {two}") + ranked


def made_sentence(result: Result) -> str:
    """Say what was compared, and over what."""
    own, other = info_of(result)
    places = int(sum(values.size for values in by_prompt(result, "top1_same")))
    prompts = plural(len(result.prompts), "prompt")
    one, two = whose(result)
    name = display_text(str(own.get("name")))
    pair = f"{one} and {two}"
    if result.data.get("same_files") and name == str(other.get("name")):
        pair = f"{name}: {pair}"
    return f"{pair} · the same tokens, {plural(places, 'position')} of {prompts}"


# What it comes to.


def headline(result: Result) -> str:
    """Say in a sentence where both part, and claim no more than the table does."""
    data = result.data
    verdict, logprob = str(data["verdict"]), float(data["max_logprob_difference"])
    dtype = str(data["tolerance"]["dtype"])
    within = f"log-probabilities agree within {small(logprob)}"
    if verdict == "identical":
        return "Both give the very same numbers: every difference is 0."
    if verdict == "shifted":
        shift = np.concatenate([v.ravel() for v in by_prompt(result, "logit_shift")])
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
    values = by_prompt(result, "kl")
    most = [float(np.nanmax(v)) if np.isfinite(v).any() else math.nan for v in values]
    if not np.isfinite(most).any():
        return ""
    prompt = int(np.nanargmax(most))
    place = int(np.nanargmax(values[prompt]))
    where = f"position {place} “{token(result, prompt, place)}”"
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
    kl = max(_largest(v) for v in by_prompt(result, "kl"))
    yield _line("kl", "largest KL, nats", kl, logprobs, "KL(first ‖ second) of the next token")
    share = float(data["top1_agreement"])
    same = np.concatenate([v.ravel() for v in by_prompt(result, "top1_same")]).astype(bool)
    yield (
        "top",
        "same top token",
        f"{int(same.sum()):,} of {same.size:,}",
        "",
        _SAME if share == 1 else _OTHER,
        "at how many positions",
    )
    spread = max(_largest(v) for v in by_prompt(result, "logit_shift_spread"))
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
    errors, cosines = streams(result)
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


def _largest(values: np.ndarray) -> float:
    """Return the largest of numbers; not-a-number where one is, or where there is none."""
    return float(np.max(values)) if np.size(values) else math.nan
