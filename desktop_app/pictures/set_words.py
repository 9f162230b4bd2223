"""How a vector was made of two sets of texts, in words: the same whoever makes or saves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.pictures.words import clipped, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

_BRIEF = 41


def difference_words(end: Sequence[str], start: Sequence[str], at: str) -> str:
    """Say what a difference of means is made of.

    Args:
        end: The texts that it leads to.
        start: Those whose mean is subtracted.
        at: `last` where each text is read at its last token, `mean` where over all of them.
    """
    where = "at their last token" if at == "last" else "as the mean over their tokens"
    return f"difference of means: {_set(end)} minus {_set(start)}, read {where}"


def _set(texts: Sequence[str]) -> str:
    """Count the texts of a set, and name the first."""
    more = " …" if len(texts) > 1 else ""
    named = f" (“{clipped(texts[0], _BRIEF)}”{more})" if texts else ""
    return f"{plural(len(texts), 'text')}{named}"
