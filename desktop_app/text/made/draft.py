"""A prompt on its way: what is asked, and how its twins and its reference prompts are drawn."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from desktop_app.text.encoding import Encoder, Encoding

_T = TypeVar("_T")
_PIECE = re.compile(r" ?[^\W\d_]+|\d|[\W_]")


class Dice:
    """What draws at random, the same for the same seed and purpose."""

    def __init__(self, seed: int, purpose: str, number: int = 0) -> None:
        spelled = int.from_bytes(purpose.encode("utf-8"), "big")
        self._rng = np.random.default_rng([seed, number, spelled])

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of them."""
        return choices[int(self._rng.integers(len(choices)))]

    def sample(self, choices: Sequence[_T], count: int) -> list[_T]:
        """Return several, each once as long as there are enough, in any order."""
        order = [int(i) for i in self._rng.permutation(len(choices))]
        while len(order) < count:
            order += [int(i) for i in self._rng.permutation(len(choices))]
        return [choices[i] for i in order[:count]]

    def shuffled(self, values: Sequence[_T]) -> list[_T]:
        """Return all of them in another order."""
        return self.sample(values, len(values))


@dataclass(frozen=True)
class Twin:
    """A corrupt twin that may do.

    Attributes:
        text: Its text, like the draft's.
        wrong: What the draft's answer is compared with, where that goes with the twin.
    """

    text: str
    wrong: tuple[str, ...] = ()


Draw = Callable[[Dice], Twin | None]
"""Draws a text; None where the one that was drawn would lead to the answer."""


def _draws_nothing(_dice: Dice) -> Twin | None:
    return None


@dataclass(frozen=True)
class Draft:
    """A prompt on its way.

    Attributes:
        group: Its template, whose prompts share means.
        text: Up to the answer, without the space before it.
        answer: Continuations, each with that space, as it follows the text.
        wrong: What they are compared with; empty where the twin says it.
        twin: Draws corrupt twins.
        mould: Draws reference prompts of the same template.
        problem: Why it cannot be asked; empty where it can.
        strict: Whether the answer may not stand in a twin as a word.
        thinned: Whether answers and wrongs that are not one token may be left out, since there are
            many.
    """

    group: str
    text: str
    answer: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    twin: Draw = _draws_nothing
    mould: Draw = _draws_nothing
    problem: str = ""
    strict: bool = True
    thinned: bool = False


def placed(draft: Draft, *, moved: bool) -> Draft:
    """Return a draft with the space before its answers at its own end."""
    if not moved or not all(text.startswith(" ") for text in (*draft.answer, *draft.wrong)):
        return draft
    return moved_on(draft, " ")


def with_beginning(draft: Draft, prompt: str) -> Draft:
    """Return a draft that goes as far as a prompt which holds the beginning of its answers."""
    begun = moved_on(draft, prompt.removeprefix(draft.text))
    return replace(begun, group=f"{draft.group} begun")


def moved_on(draft: Draft, begun: str) -> Draft:
    """Return a draft with the beginning of its answers at its own end, and at its twins'."""

    def longer(twin: Twin | None) -> Twin | None:
        if twin is None:
            return None
        wrong = tuple(text.removeprefix(begun) for text in twin.wrong)
        return replace(twin, text=twin.text + begun, wrong=wrong)

    return replace(
        draft,
        text=draft.text + begun,
        answer=tuple(text.removeprefix(begun) for text in draft.answer),
        wrong=tuple(text.removeprefix(begun) for text in draft.wrong),
        twin=lambda dice: longer(draft.twin(dice)),
        mould=lambda dice: longer(draft.mould(dice)),
    )


def single_tokens(words: Sequence[str], encoder: Encoder, least: int) -> tuple[str, ...]:
    """Return the words that are one token, at a text's beginning and behind a space.

    Where fewer than `least` are, all of them.
    """

    def count(text: str) -> int:
        return len(encoder.encode_plain(text))

    def is_single(word: str) -> bool:  # in its place: some tokenizers begin every text anew
        return count(f"{word} was") - count("was") == 1 == count(f"It {word} was") - count("It was")

    found = tuple(word for word in words if is_single(word))
    return found if len(found) >= least else tuple(words)


class SpelledEncoder:
    """What counts tokens where no model is loaded: words, digits and signs, one each.

    A word takes the space before it along; digits do not.
    """

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> Encoding:
        """Take a text apart."""
        spans = [match.span() for match in _PIECE.finditer(text)]
        pieces = tuple(text[start:end] for start, end in spans)
        ids = tuple(self._ids.setdefault(piece, len(self._ids)) for piece in pieces)
        return Encoding(ids, pieces, pieces, tuple(spans), (False,) * len(spans))

    def encode_plain(self, text: str) -> Encoding:
        """Take a text apart; there are no special tokens."""
        return self.encode(text)
