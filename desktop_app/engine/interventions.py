"""Interventions as data: where the model is changed, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from desktop_app.engine.model import Site

HEAD_SITES: frozenset[str] = frozenset({"head_z", "head_q", "head_k", "head_v"})


@dataclass(frozen=True)
class Zero:
    """The activation becomes 0."""


@dataclass(frozen=True)
class Scale:
    """The activation is multiplied."""

    factor: float


@dataclass(frozen=True)
class Replace:
    """The activation becomes another, such as a mean over a reference.

    Attributes:
        values: `[position, ...]` of the edit's positions, or anything that broadcasts to it.
    """

    values: torch.Tensor


@dataclass(frozen=True)
class FromRun:
    """The activation becomes that of an untouched prompt of the same sweep: nothing is stored.

    Attributes:
        prompt: The row of the sweep's prompts that it is read from.
        positions: Where it is read, one for each position that is written; None: at the same ones.
    """

    prompt: int
    positions: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Add:
    """A vector is added, shaped as for `Replace`."""

    values: torch.Tensor


Value = Zero | Scale | Replace | FromRun | Add


@dataclass(frozen=True)
class Edit:
    """One change in one place.

    Attributes:
        layer: The block.
        site: The place in the block.
        value: What the activation becomes.
        head: The head for head sites (a key-value head for `head_k` and `head_v`) and for the
            pattern; None for all of them.
        positions: Positions changed, from 0 (rows of the pattern: queries); None for all of them.
    """

    layer: int
    site: Site
    value: Value
    head: int | None = None
    positions: tuple[int, ...] | None = None

    @property
    def first_position(self) -> int:
        """The first position that it touches or reads: nothing before it is needed anew."""
        if self.positions is None:
            return 0
        read = self.value.positions if isinstance(self.value, FromRun) else None
        return min(*self.positions, *(read or self.positions))

    @property
    def reads_elsewhere(self) -> bool:
        """Whether it reads a position other than the one it writes."""
        return isinstance(self.value, FromRun) and self.value.positions not in {
            None,
            self.positions,
        }


@dataclass(frozen=True)
class Variant:
    """A run of its own: one prompt with edits; a sweep is a list of them.

    Attributes:
        edits: What is changed. Where several meet in one place: zero, then scale, then
            replacements, then additions.
        prompt: The row of the sweep's prompts that is run.
    """

    edits: tuple[Edit, ...]
    prompt: int = 0

    @property
    def changes_nothing(self) -> bool:
        """Whether every activation is replaced by itself."""
        return all(edit.value == FromRun(self.prompt) for edit in self.edits)

    @property
    def layer(self) -> int:
        """The first layer that it touches: below, it equals the untouched run."""
        return min(edit.layer for edit in self.edits)

    @property
    def first_position(self) -> int:
        """The first position that it touches or reads: nothing before it is needed anew."""
        return min(edit.first_position for edit in self.edits)
