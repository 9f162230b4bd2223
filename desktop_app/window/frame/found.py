"""What a search finds: how well a text answers a query, and what is done with what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LETTERS = 3
"""The score of a text that has the letters of a query in their order and no more."""


@dataclass(frozen=True)
class Found:
    """One line of what was found.

    Attributes:
        text: What it is called.
        kind: What it is, at the right end of the line.
        choose: What choosing it does; None: nothing can be done now.
        score: How well it answers, smaller is better.
        detail: More words, muted behind its name.
        icon: The name of its icon.
        keys: Its shortcut.
    """

    text: str
    kind: str
    choose: Callable[[], object] | None
    score: float = 0.0
    detail: str = ""
    icon: str = ""
    keys: str = ""


def match_score(query: str, text: str) -> int | None:
    """Return how well a text answers a query, smaller is better, None where it does not.

    Whole words first, then parts of words, then the letters in their order.
    """
    needle, hay = query.lower().strip(), text.lower()
    if not needle:
        return 100
    if hay.startswith(needle):
        return 0
    words = needle.split()
    if all(any(part.startswith(w) for part in hay.split()) for w in words):
        return 1
    if all(w in hay for w in words):
        return 2
    letters = iter(hay)
    return LETTERS if all(c in letters for c in needle.replace(" ", "")) else None


def words_score(query: str, text: str) -> int | None:
    """Return how well a text has the words of a query; letters here and there count for nothing."""
    score = match_score(query, text)
    return None if score == LETTERS else score


def excerpt(text: str, query: str, length: int = 90) -> str:
    """Return the part of a text around a query, or around the first word of it that it has."""
    folded = text.lower()
    places = [folded.find(word) for word in (query.lower().strip(), *query.lower().split())]
    places = places[:1] if places[0] >= 0 else places
    first = min((place for place in places if place >= 0), default=0)
    if len(text) <= length or first < length // 2:
        return text if len(text) <= length else f"{text[: length - 1]}…"
    start = first - length // 3
    cut = text[start : start + length - 2]
    return f"…{cut}{'…' if start + length - 2 < len(text) else ''}"
