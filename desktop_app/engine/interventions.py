"""Interventions as data: where the model is changed, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import BadInputError

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
    """The activation becomes another: a mean, or the value of another run.

    Attributes:
        values: `[prompt, position, ...]`, or anything that broadcasts to it.
    """

    values: torch.Tensor


@dataclass(frozen=True)
class Add:
    """A vector is added, shaped as for `Replace`."""

    values: torch.Tensor


Value = Zero | Scale | Replace | Add


@dataclass(frozen=True)
class Edit:
    """One change in one place; a sweep is a list of them, each in a run of its own.

    Attributes:
        layer: The block.
        site: The place in the block.
        value: What the activation becomes.
        head: The head for head sites (a key-value head for `head_k` and `head_v`), else None.
        positions: Positions changed, or None for all of them.
    """

    layer: int
    site: Site
    value: Value
    head: int | None = None
    positions: tuple[int, ...] | None = None


def apply(edit: Edit, activation: torch.Tensor, rows: slice) -> None:
    """Change an edit's own rows of an activation in place.

    Args:
        edit: The change.
        activation: `[row, position, ...]` as the hook received it.
        rows: The edit's rows, one per prompt.
    """
    part = activation[rows]
    if edit.site in HEAD_SITES:
        if part.ndim != 4 or edit.head is None:
            raise BadInputError(f"{edit.site} needs a head, and this model shows none there.")
        part = part[:, :, edit.head]
    elif edit.site == "pattern":
        part = part if edit.head is None else part[:, edit.head]
    index: tuple[Any, ...] = (
        (slice(None),) if edit.positions is None else (slice(None), list(edit.positions))
    )
    _write(part, index, edit.value)


def _write(part: torch.Tensor, index: tuple[Any, ...], value: Value) -> None:
    """Write a value into a view of the activation; `part` shares its memory."""
    if isinstance(value, Zero):
        part[index] = 0
    elif isinstance(value, Scale):
        part[index] = part[index] * value.factor
    elif isinstance(value, Replace):
        part[index] = value.values.to(part.dtype)
    else:
        part[index] = part[index] + value.values.to(part.dtype)
