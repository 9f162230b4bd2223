"""What steering shows, computed from a result without Qt: what came of it, in words and rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.analyses.steer.acts import acts_of
from desktop_app.analyses.steer.findings_picture import cards_of
from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.said import NAMES, continuations, has_effect, partings
from desktop_app.analyses.steer.strength import strength_of
from desktop_app.analyses.steer.words import done_words, swept_words, what_words
from desktop_app.pictures.words import clipped, number, plural
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.analyses.steer.said import Continuation
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result
    from desktop_app.session.export_table import Table

NO_EFFECT = "no effect at this strength"
_NONE_HERE = "no effect"
_OTHERS = {"control": "the random control", "said": "the instruction"}


@dataclass(frozen=True)
class EffectBadge:
    """Whether steering did anything, in a few words."""

    text: str
    severity: str
    tooltip: str


def effect_badge(told: Sequence[Continuation], params: SteerParams) -> EffectBadge | None:
    """Return what stands beside the outcome; None where nothing was steered or all is well."""
    effect = has_effect(told)
    if effect is not False:
        return None
    largest = largest_change(told)
    if largest == 0:
        same = "The same tokens, and every one with the same log-probability to the bit."
    elif math.isfinite(largest):
        same = f"The same tokens; their log-probabilities move by up to {largest:.2g}."
    else:
        same = "The same tokens."
    strong = strength_of(params) is not None
    return EffectBadge(NO_EFFECT if strong else _NONE_HERE, "warn", same)


def largest_change(told: Sequence[Continuation]) -> float:
    """Return by how much a log-probability moves, where plain and steered say the same."""
    by_run = {one.run: one for one in told}
    plain, steered = by_run["plain"], by_run["steered"]
    moved = [
        abs(one.logprob - two.logprob)
        for one, two in zip(plain.tokens, steered.tokens, strict=False)
    ]
    return max((one for one in moved if math.isfinite(one)), default=math.nan)


def begin_of(result: Result) -> tuple[str, ...]:
    """Return what continuations began with."""
    made = made_params(result.params)
    return () if made is None else made.begin


def not_read_again(result: Result, prompt: int) -> str:
    """Return why a steered text was not compared with one full pass, in words."""
    told = continuations(result, prompt)
    if not any(one.run == "steered" and one.tokens for one in told):
        return "there is no token of it"
    if result.partial:
        return "the run stopped before that"
    return "there was too little memory for it"


def outcome_sentence(told: Sequence[Continuation]) -> str:
    """Say what came of it: where the steered text parts from the plain one, and the others."""
    by_run = {one.run: one for one in told}
    plain, parts = by_run.get("plain"), partings(told)
    if plain is None:
        return ""
    if not parts:
        return f"{_length(plain)}{_loss_words(plain)}"
    first, *rest = parts
    said = [_parting_words(NAMES[first], plain, by_run[first], parts[first])]
    for run in rest:
        at = parts[run]
        where = _same_words(plain, by_run[run]) if at is None else f"parts at step {at}"
        said.append(f"{_OTHERS.get(run, NAMES[run])} {where}")
    return ", ".join(said)


def _same_words(plain: Continuation, other: Continuation) -> str:
    """Say that a text says what plain says, as far as that is known."""
    if not (plain.cut or other.cut):
        return "says what plain says"
    if not other.tokens:
        return "has no tokens"
    return "says what plain says, as far as it goes"


def _length(one: Continuation) -> str:
    ended = ", ended by itself" if one.ended else ""
    return f"{plural(len(one.tokens), 'new token')}{ended}"


def _loss_words(one: Continuation) -> str:
    return "" if math.isnan(one.loss) else f", mean loss {number(one.loss, 2)} nats"


def _parting_words(name: str, plain: Continuation, other: Continuation, at: int | None) -> str:
    if at is None:
        return f"{name} {_same_words(plain, other)}"
    words = [
        f"“{one.tokens[at].label}”" if at < len(one.tokens) else "its end" for one in (plain, other)
    ]
    return f"{name} parts from plain at step {at} ({words[0]} → {words[1]})"


# For a terminal and the history.


def lines(result: Result) -> Iterator[str]:
    """Yield the continuations of every prompt, one below the other, for a terminal."""
    if done := done_words(made_params(result.params), result.data.get("acts") or ()):
        yield done
    for prompt, record in enumerate(result.prompts):
        told = continuations(result, prompt)
        yield f"“{clipped(record.text, 400)}”"
        for one in told:
            loss = "" if math.isnan(one.loss) else f"   loss {number(one.loss)}"
            yield f"  {NAMES[one.run]:<15}{clipped(one.text)!r}{loss}"
        if has_effect(told) is False:
            yield f"  {NO_EFFECT}"
    yield from _finding_lines(result)


def _finding_lines(result: Result) -> Iterator[str]:
    for card in cards_of(result.data):
        yield f"  {card.key}: {card.verdict}. {card.words}"


def named(result: Result) -> str:
    """Return what was done, for the name of a result: it tells the tries of a prompt apart."""
    params = made_params(result.params)
    if params is None:
        return "settings not known"
    if params.preset != "none":
        return "where and when it acts"
    acts = acts_of(params)
    if not acts:
        return "plain" if not params.say else "plain and just said"
    more = f" and {len(acts) - 1} more" if len(acts) > 1 else ""
    if params.sweep_layers or params.sweep_coefs:
        return f"sweep · {swept_words(acts[0])}{more}"
    first = acts[0]
    layer = "" if first.layer is None else f" L{first.layer}"
    asked = "positions · " if params.scan else ""
    return f"{asked}{what_words(first)}{layer}{more}"


def about(result: Result) -> str:
    """Return the first prompt, for the history."""
    return result.prompts[0].text if result.prompts else ""


_COLUMNS = ["prompt", "run", "step", "id", "token", "logprob", "plain_logprob", "reading"]
_SWEPT = ("sweep_metric", "sweep_loss", "sweep_control_metric", "sweep_control_loss")


def table(result: Result, _prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return every token of every continuation; of a sweep its cells."""
    if result.data.get("sweep_metric") is not None:
        return _swept(result)
    rows = []
    for prompt in range(len(result.prompts)):
        for one in continuations(result, prompt):
            for step, token in enumerate(one.tokens):
                place = [str(prompt), one.run, str(step), str(token.id), token.text]
                numbers = (token.logprob, token.plain_logprob, token.reading)
                rows.append([*place, *map(cell_text, numbers)])
    return list(_COLUMNS), rows


def _swept(result: Result) -> Table:
    known = [name for name in _SWEPT if result.data.get(name) is not None]
    values = [result.array(name) for name in known]
    layers, coefs = result.array("sweep_layer"), result.array("sweep_coef")
    rows = [
        [str(layer), cell_text(coef), *(cell_text(one[row, column]) for one in values)]
        for row, layer in enumerate(layers)
        for column, coef in enumerate(coefs)
    ]
    return ["layer", "coefficient", *known], rows
