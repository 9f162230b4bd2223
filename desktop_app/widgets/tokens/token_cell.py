"""One token as plain data, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class TokenCell:
    """One token of a strip.

    Attributes:
        id: Its number in the vocabulary.
        piece: The vocabulary's own string.
        text: The token decoded alone.
        special: Whether it stands for no text, such as a BOS.
    """

    id: int
    piece: str
    text: str
    special: bool = False


def describe(
    position: int,
    cells: Sequence[TokenCell],
    second: Sequence[TokenCell] | None,
    value: str,
    *,
    read: bool,
) -> str:
    """Return what is known of a position, in lines.

    Args:
        position: Counted from 0.
        cells: The strip.
        second: The strip beneath it, or None.
        value: The position's value with its name, or an empty text.
        read: Whether the model is read here.
    """
    lines = [f"position {position} of {len(cells)}" + (" · read here" if read else "")]
    for name, row in (("", cells), ("second: ", second or ())):
        if position < len(row):
            cell = row[position]
            kind = " · special" if cell.special else ""
            lines.append(f"{name}id {cell.id} · piece {cell.piece!r} · text {cell.text!r}{kind}")
    return "\n".join([*lines, value] if value else lines)
