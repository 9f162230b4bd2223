"""What the numbers of steering are, with those of the prompt on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.picture import not_read_again
from desktop_app.analyses.steer.said import NAMES, continuations, partings
from desktop_app.analyses.steer.strength import strength_of
from desktop_app.analyses.steer.words import done_words
from desktop_app.pictures.explained import difference, term
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import METRIC_NAMES, number, probability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.steer.said import Continuation
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("loss", "logprob", "plain_logprob", "changed", "control", "recompute", "reading")
_KEYS = {
    "log prob": "logprob",
    "prob": "logprob",
    "share": "logprob",
    "base": "changed",
    "control_metric": "changed",
    "plain_loss": "loss",
    "steered_loss": "loss",
    "control_loss": "loss",
    "sweep_metric": "changed",
    "sweep_loss": "loss",
    "differs": "loss",
}
_PAGE, _SEE, _HOW = "steer", "What you see", "Formula"
_TERMS = 8  # of a longer text the first and the last are written out


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the prompt that is shown."""
    makers = {
        "loss": _loss,
        "logprob": _logprob,
        "plain_logprob": _plain_logprob,
        "changed": _changed,
        "control": _control,
        "recompute": _recompute,
        "reading": _reading,
    }
    make = makers.get(_KEYS.get(what, what))
    return None if make is None else make(result, place)


def _told(result: Result, place: Place) -> dict[str, Continuation]:
    found = continuations(result, min(place.prompt, max(0, len(result.prompts) - 1)))
    return {one.run: one for one in found}


def _most_telling(told: dict[str, Continuation]) -> tuple[Continuation, int] | None:
    """Return the steered text and where it parts, else the first text and its first token."""
    at = partings(list(told.values())).get("steered")
    if at is not None and at < len(told["steered"].tokens):
        return told["steered"], at
    one = next(iter(told.values()), None)
    return None if one is None or not one.tokens else (one, 0)


def _loss(result: Result, place: Place) -> Explained:
    told = _told(result, place)
    one = told.get("steered") or told.get("plain")
    working = ""
    if one is not None and one.tokens and math.isfinite(one.loss):
        values = [token.plain_logprob for token in one.tokens]
        values = [t.logprob for t in one.tokens] if one.run == "plain" else values
        terms = [term(value, 2) for value in values]
        if len(terms) > _TERMS:
            terms = [*terms[: _TERMS // 2], "…", *terms[-_TERMS // 2 :]]
        working = f"−({' + '.join(terms)}) / {len(values)} = {number(one.loss, 2)}"
        working += f"   ({NAMES[one.run].lower()})"
    return Explained(
        "Loss of a continuation",
        "loss = −mean over its tokens of log p(token given all before it), plain model, in nats",
        working,
        "Fluency: what the model without any intervention finds of the text. Much above the plain "
        "text's own, steering has broken it.",
        _PAGE,
        _HOW,
    )


def _logprob(result: Result, place: Place) -> Explained:
    found = _most_telling(_told(result, place))
    working = ""
    if found is not None and math.isfinite(found[0].tokens[found[1]].logprob):
        one, step = found
        token = one.tokens[step]
        prob = probability(math.exp(token.logprob))
        working = f"log {prob} = {number(token.logprob)}   ({_named(one, step)})"
    return Explained(
        "Log-probability of a token",
        "log p(token given prompt and new tokens before it), by the run that said it, in nats",
        working,
        "0: certain. Before temperature, top k and top p: the model's own.",
        _PAGE,
        _SEE,
    )


def _plain_logprob(result: Result, place: Place) -> Explained:
    found = _most_telling(_told(result, place))
    working = ""
    if found is not None:
        one, step = found
        token = one.tokens[step]
        sum_ = difference(token.logprob, token.plain_logprob)
        working = f"{sum_}   (own − plain, {_named(one, step)})" if sum_ else ""
    return Explained(
        "Log-probability under the plain model",
        "log p(token given the same text before it), without any intervention",
        working,
        "Far below its own: the intervention alone made the model say it.",
        _PAGE,
        _SEE,
    )


def _named(one: Continuation, step: int) -> str:
    return f"{NAMES[one.run].lower()}, step {step}, “{one.tokens[step].label}”"


def _changed(result: Result, place: Place) -> Explained:
    name = str(result.data.get("metric") or result.params.get("metric") or "")
    name = METRIC_NAMES.get(name, "metric")
    working = ""
    base, changed = (result.data.get(key) for key in ("base", "changed"))
    if base is not None and changed is not None and place.prompt < len(base):
        working = difference(float(changed[place.prompt]), float(base[place.prompt]))
    return Explained(
        f"{name.capitalize()} of the first new token",
        "change = steered − plain, at the prompt's last token",
        working,
        "Of a KL divergence the plain value is 0.",
        _PAGE,
        _HOW,
    )


def _control(result: Result, _place: Place) -> Explained:
    done = done_words(made_params(result.params), result.data.get("acts") or ())
    return Explained(
        "Random control",
        "control: the change δ = new − old at each place becomes ‖δ‖ · a random unit vector",
        done,
        "One direction for each layer and site, drawn by the seed. What it does as well comes of "
        "the size alone and not of the direction.",
        _PAGE,
        _HOW,
    )


def _recompute(result: Result, place: Place) -> Explained:
    rows, working = result.data.get("recompute"), ""
    if rows is not None and place.prompt < len(rows) and rows[place.prompt]:
        told = rows[place.prompt]
        working = _compared(told)
        if told.get("same_tokens") is None:
            working = f"not read again: {not_read_again(result, place.prompt)}"
    return Explained(
        "The steered text in one full pass",
        "prompt and new tokens at once, changed at the very positions that the steps changed",
        working,
        "With the cache it is the same experiment, and logits differ by rounding: what was changed "
        "lives on in later layers' keys and values. Without it later steps may compute a changed "
        "position anew, without the change: then it is another one.",
        _PAGE,
        _HOW,
    )


def _compared(told: Mapping[str, Any]) -> str:
    same = "the same" if told.get("same_tokens") else "other"
    largest = told.get("max_logit_difference")
    by = "" if largest is None else f", largest difference of a logit {_small(float(largest))}"
    return f"{same} tokens{by}"


def _reading(result: Result, place: Place) -> Explained:
    told, working = _told(result, place), ""
    for one in told.values():
        values = [t.reading for t in one.tokens if math.isfinite(t.reading)]
        if values:
            mean = number(sum(values) / len(values), sign=True)
            working += f"{'; ' if working else ''}{NAMES[one.run].lower()} {mean} on average"
    made, sign = made_params(result.params), ""
    if made is not None and strength_of(made) is not None:
        sign = (
            " A vector along it that is added at its very place raises the reading of a changed "
            "token by coefficient · ‖vector‖, the text before it being the same."
        )
    return Explained(
        "Reading along a direction",
        "reading = stream · direction / ‖direction‖, at each new token",
        working,
        f"Above 0: towards what the direction stands for.{sign}",
        _PAGE,
        _SEE,
    )


def _small(value: float) -> str:
    return f"{value:.1e}".replace("-", "−")
