"""What each run says after a prompt, token by token, and where texts part. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from desktop_app.contract.steering import parse_begin
from desktop_app.pictures.token_text import token_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.steering import Begin, RunName
    from desktop_app.pictures.shown import Shown

    Partings = dict[RunName, int | None]

RUNS: tuple[RunName, ...] = ("plain", "steered", "control", "said")
NAMES: dict[str, str] = {
    "plain": "Plain",
    "steered": "Steered",
    "control": "Random control",
    "said": "Just say it",
}
TOLD: dict[str, str] = {
    "plain": "what the model says by itself",
    "steered": "what it says under the interventions",
    "control": "the same with random vectors of equal norm",
    "said": "what it says behind the instruction in words, without any intervention",
}


@dataclass(frozen=True)
class Token:
    """One token that a run said.

    Attributes:
        id: Its number in the vocabulary.
        piece: The vocabulary's own string.
        text: The token decoded alone.
        logprob: Its log-probability under the run that said it.
        plain_logprob: The same after the same text under the plain model.
        reading: What the stream reads along the chosen direction; NaN where none was.
        top: The likeliest tokens of that step: id, text, log-probability.
        given: Whether the text began with it, where the model would have said another one.
    """

    id: int
    piece: str
    text: str
    logprob: float = math.nan
    plain_logprob: float = math.nan
    reading: float = math.nan
    top: tuple[tuple[int, str, float], ...] = ()
    given: bool = False

    @property
    def label(self) -> str:
        """What its box shows."""
        return token_label(self.piece, self.text)


@dataclass(frozen=True)
class Continuation:
    """What one run says after one prompt.

    Attributes:
        run: Which run.
        tokens: What it says.
        text: All of it decoded together.
        loss: Its mean loss under the plain model.
        ended: Whether it came to its end by itself.
        prompt: The prompt with what was said before it, where that is another one.
        cut: Whether tokens are missing: the run was stopped, or its numbers were no numbers.
    """

    run: RunName
    tokens: tuple[Token, ...]
    text: str
    loss: float = math.nan
    ended: bool = False
    prompt: str = ""
    cut: bool = False

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens' numbers."""
        return tuple(token.id for token in self.tokens)


def continuations(
    shown: Shown, prompt: int, begin: Sequence[str] = (), known: Sequence[Continuation] = ()
) -> list[Continuation]:
    """Return what each run says after a prompt, as far as it is known; plain first.

    Args:
        shown: A result, or what is there of one.
        prompt: Which prompt.
        begin: What texts began with, as settings write it.
        known: The same of a moment ago, where texts grow: tokens that were there are taken over.
    """
    before = {one.run: one for one in known}
    given = {(b.run, b.prompt): b for b in map(parse_begin, begin)}
    found, wanted = [], _wanted(shown)
    for run in RUNS:
        told = shown.data.get(run)
        if told is not None and len(told) > prompt and told[prompt]:
            one = told[prompt]
            tokens = _grown(before.get(run), one)
            whole = _continuation(run, one, given.get((run, prompt)), tokens)
            found.append(replace(whole, cut=not whole.ended and len(whole.tokens) < wanted))
    return found


def _wanted(shown: Shown) -> int:
    """Return how many tokens a text has that does not end before; 0 while it still grows."""
    most = getattr(shown, "params", {}).get("max_new_tokens")
    return most if isinstance(most, int) else 0


def _grown(before: Continuation | None, told: Mapping[str, Any]) -> tuple[Token, ...]:
    """Return the tokens that a growing text had already."""
    if before is None or before.ids != tuple(told["ids"][: len(before.tokens)]):
        return ()
    return before.tokens


def _continuation(
    run: RunName, told: Mapping[str, Any], begin: Begin | None, known: tuple[Token, ...]
) -> Continuation:
    ids, texts = told["ids"], told["texts"]
    pieces = told.get("pieces") or texts
    count = min(len(ids), len(texts), len(pieces))
    given = _given(told, begin, texts)
    columns = {name: told.get(name) for name in ("logprobs", "plain_logprobs", "reading", "top")}
    tokens = known[:count] + tuple(
        Token(
            int(ids[step]),
            str(pieces[step]),
            str(texts[step]),
            _at(columns["logprobs"], step),
            _at(columns["plain_logprobs"], step),
            _at(columns["reading"], step),
            _top(columns["top"], step),
            step in given,
        )
        for step in range(len(known), count)
    )
    text = told.get("text")
    return Continuation(
        run,
        tokens,
        "".join(token.text for token in tokens) if text is None else str(text),
        _number(told.get("loss")),
        bool(told.get("ended")),
        str(told.get("prompt") or ""),
    )


def _given(
    told: Mapping[str, Any], begin: Begin | None, texts: Sequence[str]
) -> frozenset[int] | range:
    """Return the steps at which a text was given its token rather than that the model chose it.

    Where that is not told they are all that it began with; those of what was typed are told by
    their texts.
    """
    if told.get("given") is not None:
        return frozenset(int(step) for step in told["given"])
    if begin is None:
        return range(0)
    count, left = len(begin.ids), len(begin.text)
    while left > 0 and count < len(texts):
        left -= max(1, len(texts[count]))
        count += 1
    return range(count)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _at(values: Any, step: int) -> float:
    """Return one of the values, which a run that goes on may not have yet."""
    return _number(values[step]) if values is not None and step < len(values) else math.nan


def _top(rows: Any, step: int) -> tuple[tuple[int, str, float], ...]:
    if rows is None or step >= len(rows):
        return ()
    return tuple((int(row[0]), str(row[1]), float(row[2])) for row in rows[step])


# Where texts part.


def parting(plain: Continuation, other: Continuation) -> int | None:
    """Return the first step where two continuations say different tokens, or None.

    A text that has ended while the other goes on says its end where the other does not; one that is
    cut there says nothing of it.
    """
    for step, (one, two) in enumerate(zip(plain.tokens, other.tokens, strict=False)):
        if one.id != two.id:
            return step
    shorter, longer = sorted((plain, other), key=lambda one: len(one.tokens))
    least = len(shorter.tokens)
    return None if shorter.cut or least == len(longer.tokens) else least


def partings(told: Sequence[Continuation]) -> Partings:
    """Return where each continuation parts from the plain one."""
    plain = next((one for one in told if one.run == "plain"), None)
    if plain is None:
        return {}
    return {one.run: parting(plain, one) for one in told if one is not plain}


def has_effect(told: Sequence[Continuation]) -> bool | None:
    """Return whether the steered text differs from the plain one; None where that is not known."""
    by_run = {one.run: one for one in told}
    plain, steered = by_run.get("plain"), by_run.get("steered")
    if plain is None or steered is None:
        return None
    if parting(plain, steered) is not None:
        return True
    return None if plain.cut or steered.cut else False
