"""A word in its place as tokens: which are its own, and whether the prompt stays as long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.analyses.candidates.words import Spot
    from desktop_app.text.encoding import Encoding


@dataclass(frozen=True)
class Swap:
    """A prompt with a word in a place.

    Attributes:
        word: The word.
        encoding: The whole prompt with it, as tokens.
        own: The numbers of the tokens that hold any of its characters.
        region: These, and all that stand in the place of the prompt's own word.
        count: How many tokens the prompt has in the place of its own word.
        fits: Whether these are as many as before, and so is the whole prompt.
        moves: Whether other tokens than its own change with it.
    """

    word: str
    encoding: Encoding
    own: range
    region: range
    count: int
    fits: bool
    moves: bool = False

    @property
    def ids(self) -> tuple[int, ...]:
        """The prompt with it, as token ids."""
        return self.encoding.ids

    def characters(self) -> tuple[int, int]:
        """Return the first character that its own tokens hold, and the one after the last."""
        offsets = self.encoding.offsets
        return offsets[self.own.start][0], offsets[self.own.stop - 1][1]

    def told(self) -> dict[str, Any]:
        """Return its tokens, and those beside it that change with it, as plain values."""
        part = slice(self.region.start, self.region.stop)
        return {
            "first": self.region.start,
            "ids": list(self.encoding.ids[part]),
            "pieces": list(self.encoding.pieces[part]),
            "texts": list(self.encoding.texts[part]),
        }


def swap_of(word: str, encoding: Encoding, spot: Spot, base: Swap | None) -> Swap:
    """Return a prompt with a word in a place.

    Args:
        word: The word.
        encoding: The prompt with it.
        spot: Where the prompt's own word stands; this one begins at the same character.
        base: The prompt with its own word; None where this is it.
    """
    own = _tokens_within(encoding, spot.start, spot.start + len(word))
    if base is None:
        return Swap(word, encoding, own, own, len(own), fits=True)
    longer = len(encoding) - len(base.encoding)
    if longer or len(own) != base.count:
        count = base.count + longer if longer and base.count + longer > 0 else len(own)
        # What the own word's tokens hold beside it, such as a space, may be a token of its own now.
        first, last = base.characters()
        region = _tokens_within(encoding, first, last + len(word) - len(base.word)) or own
        return Swap(word, encoding, own, region, count, fits=False)
    pairs = zip(encoding.ids, base.ids, strict=True)
    changed = [i for i, (one, other) in enumerate(pairs) if one != other]
    held = [*own, *base.own, *changed]
    region = range(min(held), max(held) + 1)
    moves = any(i not in own or i not in base.own for i in changed)
    return Swap(word, encoding, own, region, len(own), True, moves)


def _tokens_within(encoding: Encoding, start: int, end: int) -> range:
    """Return the tokens from the first to the last that hold any of these characters."""
    spans = enumerate(encoding.offsets)
    found = [i for i, (first, last) in spans if first < end and last > start]
    return range(found[0], found[-1] + 1) if found else range(0)
