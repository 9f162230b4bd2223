"""Training rows of the toy model, made on the fly: repeated tokens, counting, and distractors.

A row is the BOS followed by segments until it is full, so that the same kind of segment is seen at
every position. Kinds: `r r` of distinct random tokens (only the second half can be predicted),
members of a family in order, and members of a family in no order (nothing can be predicted).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from toy_tokenizer import CYCLIC, FAMILIES

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray
    from toy_tokenizer import Vocabulary

# Ascending sequences that begin at these members are never a training segment: they measure
# whether the model continues a sequence that it has not seen from its start.
HELD_OUT_STARTS = {
    "numbers": frozenset(range(3, 101, 8)),
    "number_words": frozenset({3, 11}),
    "months": frozenset({2, 7}),
    "days": frozenset({3}),
}
UNPREDICTABLE_WEIGHT = 0.1


@dataclass
class Segment:
    """Tokens and, for each, whether the tokens before it determine it."""

    ids: list[int] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)

    def add(self, token: int, *, known: bool) -> None:
        """Append one token."""
        self.ids.append(token)
        self.known.append(known)


@dataclass(frozen=True)
class Mixture:
    """What the rows of one training phase hold.

    Attributes:
        rows: Rows per step.
        length: Tokens per row, the BOS included.
        shortest: Fewest tokens of a repeated stretch.
        longest: Most tokens of a repeated stretch.
    """

    rows: int
    length: int
    shortest: int
    longest: int


def repeated(rng: Generator, pool: NDArray[np.int64], length: int, repeats: int) -> Segment:
    """Return `r` repeated, `r` being `length` distinct tokens of the pool."""
    chosen = [int(token) for token in rng.choice(pool, size=length, replace=False)]
    segment = Segment()
    for turn in range(repeats):
        for place, token in enumerate(chosen):
            # Where the first repeat ends is not known before its first token has come again.
            segment.add(token, known=turn > 1 or (turn == 1 and place > 0))
    return segment


def ordered(family: str, start: int, step: int, wanted: int) -> list[int]:
    """Return indices into a family: from `start` in steps, round where the family is cyclic."""
    size = len(FAMILIES[family])
    indices = [start + step * place for place in range(wanted)]
    if family in CYCLIC:
        return [index % size for index in indices]
    return [index for index in indices if 0 <= index < size]


def listing(
    vocabulary: Vocabulary,
    family: str,
    indices: list[int],
    *,
    commas: bool,
    bare: bool,
    known: bool,
) -> Segment:
    """Write out members of a family, with commas or without.

    Args:
        vocabulary: The ids.
        family: Name of the family.
        indices: Members to write.
        commas: Whether a comma follows each member but the last.
        bare: Whether the first member stands without its leading space.
        known: Whether the members after the first follow from those before.
    """
    segment = Segment()
    for place, index in enumerate(indices):
        if place and commas:
            segment.add(vocabulary.comma, known=place > 1)
        ids = vocabulary.bare if bare and not place else vocabulary.spaced
        segment.add(ids[family][index], known=known and place > 0)
    return segment


def random_listing(rng: Generator, vocabulary: Vocabulary, *, bare: bool) -> Segment:
    """Return members upwards (most often), downwards, in steps of two, or in no order.

    So the last member alone does not tell what follows: attention has to bring the ones before.
    """
    family = str(rng.choice(list(FAMILIES), p=[0.4, 0.24, 0.2, 0.16]))
    size = len(FAMILIES[family])
    kind = rng.choice(["up", "down", "twos", "shuffled"], p=[0.55, 0.2, 0.1, 0.15])
    commas = bool(rng.random() < 0.4)
    wanted = int(rng.integers(3, 16))
    if kind == "shuffled":
        indices = [int(index) for index in rng.permutation(size)[:wanted]]
        return listing(vocabulary, family, indices, commas=commas, bare=bare, known=False)
    start = int(rng.integers(size))
    if kind == "up" and start in HELD_OUT_STARTS[family]:
        start -= 1
    step = {"up": 1, "down": -1, "twos": 2}[str(kind)]
    indices = ordered(family, start, step, wanted)
    return listing(vocabulary, family, indices, commas=commas, bare=bare, known=True)


def sequence_segment(rng: Generator, vocabulary: Vocabulary, *, first: bool) -> Segment:
    """Return a listing, at times behind a frame ("Count:"), random words or a line end."""
    opening: list[int] = []
    chance = rng.random()
    if chance < 0.2:
        opening = vocabulary.frames[int(rng.integers(len(vocabulary.frames)))]
    elif chance < 0.35:
        opening = [int(i) for i in rng.choice(vocabulary.words, size=int(rng.integers(1, 5)))]
    elif not first:
        opening = [vocabulary.newline]
    bare = opening == [vocabulary.newline] or not opening
    rest = random_listing(rng, vocabulary, bare=bare)
    return Segment(opening + rest.ids, [False] * len(opening) + rest.known)


def repeat_segment(rng: Generator, vocabulary: Vocabulary, mixture: Mixture) -> Segment:
    """Return a repeated stretch of random tokens, of words, or of the members of a family."""
    repeats = 2 if rng.random() < 0.75 else 3
    length = int(rng.integers(mixture.shortest, mixture.longest + 1))
    chance = rng.random()
    if chance < 0.8:
        return repeated(rng, vocabulary.ordinary, length, repeats)
    short = int(rng.integers(3, 9))
    if chance < 0.9:
        return repeated(rng, np.asarray(vocabulary.words), short, repeats)
    family = str(rng.choice(list(FAMILIES)))
    pool = np.asarray(vocabulary.spaced[family])
    return repeated(rng, pool, min(short, len(pool)), repeats)


class RowMaker:
    """Makes training rows from one stream of random numbers."""

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self._vocabulary = vocabulary
        self._rng = np.random.default_rng(seed)

    def _segment(self, mixture: Mixture, *, first: bool) -> Segment:
        if self._rng.random() < 0.45:
            return repeat_segment(self._rng, self._vocabulary, mixture)
        return sequence_segment(self._rng, self._vocabulary, first=first)

    def make(self, mixture: Mixture) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return ids `[rows, length]` and the weight of each token as a target (same shape)."""
        ids = np.zeros((mixture.rows, mixture.length), dtype=np.int64)
        weights = np.zeros((mixture.rows, mixture.length), dtype=np.float32)
        for row in range(mixture.rows):
            tokens, known = [self._vocabulary.bos], [False]
            while len(tokens) < mixture.length:
                segment = self._segment(mixture, first=len(tokens) == 1)
                tokens += segment.ids
                known += segment.known
            ids[row] = tokens[: mixture.length]
            weights[row] = np.where(known[: mixture.length], 1.0, UNPREDICTABLE_WEIGHT)
        weights[:, 0] = 0.0
        return ids, weights
