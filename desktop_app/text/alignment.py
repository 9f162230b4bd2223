"""Two tokenizations of one text, side by side by their characters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.text.encoding import Encoding


def align(left: Encoding, right: Encoding) -> list[dict[str, Any]]:
    """Return the smallest stretches of text at whose ends both tokenizers cut.

    Returns:
        One dict per stretch in reading order: `start` and `end` characters, `left` and `right`
        positions, and `same`, whether both sides have one token there. Added specials are left out.
    """
    cuts = sorted(_ends(left) & _ends(right))
    groups, start = [], 0
    for end in cuts:
        one, two = _inside(left, start, end), _inside(right, start, end)
        groups.append(
            {
                "start": start,
                "end": end,
                "left": one,
                "right": two,
                "same": len(one) == len(two) == 1,
            }
        )
        start = end
    return groups


def _ends(encoding: Encoding) -> set[int]:
    """Return the characters at which a token ends and no other token covers both sides."""
    spans = [span for span in encoding.offsets if span[1] > span[0]]
    ends = {end for _, end in spans}
    return {e for e in ends if not any(a < e < b for a, b in spans)}


def _inside(encoding: Encoding, start: int, end: int) -> list[int]:
    return [i for i, (a, b) in enumerate(encoding.offsets) if b > a >= start and b <= end]
