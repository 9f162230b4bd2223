"""Where the tokens of texts stand that share a pass: each by itself, or padded to one length.

A *position* counts a text's own tokens from 0; a *column* counts what the pass holds, padding
included. New tokens stand in one column, behind the padding where that is at the right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from typing_extensions import override

from desktop_app.engine.interventions import FromTable, Place, Replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.engine.interventions import Edit, Members

Padding = Literal["none", "left", "right"]


@dataclass(frozen=True)
class Layout:
    """Where tokens stand.

    Attributes:
        lengths: The token counts of the texts at step 0.
        side: Where shorter ones are filled up; `none`: all are of one length.
        cached: Whether later steps hold the new token alone.
    """

    lengths: tuple[int, ...]
    side: Padding
    cached: bool

    def __post_init__(self) -> None:
        if self.side == "none" and len(set(self.lengths)) > 1:
            raise ValueError("texts of several lengths share no pass unless they are padded")

    @cached_property
    def width(self) -> int:
        """How many columns the prompt pass has."""
        return max(self.lengths)

    @cached_property
    def is_padded(self) -> bool:
        """Whether any text is filled up."""
        return min(self.lengths) < self.width

    def columns(self, step: int) -> range:
        """Return the columns that a step's pass holds."""
        length = self.width + step
        return range(length - 1 if self.cached and step else 0, length)

    def held(self, step: int) -> tuple[range, ...]:
        """Return row by row the positions that a step's pass holds."""
        later = self.cached and step > 0
        ends = [length + step for length in self.lengths]
        return tuple(range(end - 1 if later else 0, end) for end in ends)

    def column(self, index: int, position: int) -> int:
        """Return the column of a row's position."""
        length = self.lengths[index]
        if self.side == "right" and position < length:
            return position
        return position + self.width - length

    def filled(self, texts: Sequence[Sequence[int]]) -> list[list[int]]:
        """Return texts of one length; what stands in the padding is read by nobody."""
        rows = []
        for text in texts:
            filler = [text[-1]] * (self.width - len(text))
            rows.append([*text, *filler] if self.side == "right" else [*filler, *text])
        return rows

    def told(self, columns: range, device: torch.device) -> dict[str, Any]:
        """Return what a model must be told of a pass of these columns; nothing without padding."""
        if not self.is_padded:
            return {}
        mask = torch.ones(len(self.lengths), columns.stop, dtype=torch.long)
        for row, length in enumerate(self.lengths):
            if self.side == "right":
                mask[row, length : self.width] = 0
            else:
                mask[row, : self.width - length] = 0
        positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, columns.start :]
        return {"attention_mask": mask.to(device), "position_ids": positions.to(device)}

    def needed(self, step: int) -> int:
        """Return of how many last columns logits are needed for each row's own last token."""
        return self.width - min(self.lengths) + 1 if self.side == "right" and not step else 1

    def last(self, logits: torch.Tensor, step: int) -> torch.Tensor:
        """Return the logits at each row's own last token `[rows, d_vocab]`.

        Args:
            logits: Of at least the last columns that are needed.
            step: Of which step.
        """
        if self.needed(step) == 1:
            return logits[:, -1]
        ends = torch.tensor(self.lengths) - 1 - self.width + logits.shape[1]
        rows = torch.arange(len(self.lengths), device=logits.device)
        return logits[rows, ends.to(logits.device)]

    def placed(self, members: Members, step: int) -> tuple[Members, Place]:
        """Return edits and the place in which they are found in a step's pass."""
        columns = self.columns(step)
        if not self.is_padded:
            return members, Place(columns.start, columns.stop)
        held = self.held(step)
        spelled = [(row, _spelled(edit, held[row])) for row, edit in members]
        return spelled, _PaddedPlace(columns.start, columns.stop, layout=self)


@dataclass(frozen=True)
class _PaddedPlace(Place):
    """A pass whose rows begin or end with padding."""

    layout: Layout | None = None

    @override
    def local(self, positions: torch.Tensor, row: int) -> torch.Tensor:
        if self.layout is None:
            return super().local(positions, row)
        found = [self.layout.column(row, p) for p in positions.tolist()]
        columns = torch.tensor(found, dtype=torch.long)
        there = (columns >= self.start) & (columns < self.length)
        return torch.where(there, columns - self.start, -1)


def _spelled(edit: Edit, held: range) -> Edit:
    """Return an edit with its positions named, and with values of its own."""
    positions = tuple(held) if edit.positions is None else edit.positions
    value = edit.value
    if isinstance(value, FromTable):
        taken = value.table[value.entry, list(positions)]
        value = Replace(taken if edit.head is None else taken[:, edit.head])
    return replace(edit, positions=positions, value=value)
