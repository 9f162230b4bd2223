"""What meets at one position of one place, as at most one value of each kind.

Coefficients of one vector are summed before it is added, so that what cancels out is no change at
all; what is projected out goes together, as one subspace.
"""

from __future__ import annotations

from decimal import Decimal
from math import prod
from typing import TYPE_CHECKING, Protocol

import torch

from desktop_app.engine.interventions import Add, ProjectOut, Replace, Scale, Value, Zero

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.steering import Op

ADDED: frozenset[Op] = frozenset({"add", "difference"})
# Directions that are this much shorter once others are taken out of them add nothing.
_DEPENDENT = 1e-5


class Meeting(Protocol):
    """An intervention, as far as it decides what is written."""

    @property
    def op(self) -> Op:
        """What is done."""

    @property
    def strength(self) -> float:
        """The coefficient of its vector, or the factor of `scale`."""

    @property
    def vector(self) -> torch.Tensor | None:
        """Float32 `[width]`; None where it has none."""

    @property
    def shape(self) -> tuple[int, ...]:
        """What the vector's axes are at its site; empty: the one that it has."""

    @property
    def site(self) -> str:
        """The place in the block."""


def values_of(items: Sequence[Meeting]) -> Iterator[tuple[Value, int | None]]:
    """Yield what is written there, and of which head; None: of all.

    Args:
        items: The interventions that meet, in the order of the settings.
    """
    if any(one.op == "zero" for one in items):
        yield Zero(), None
    factor = prod(one.strength for one in items if one.op == "scale")
    if factor != 1:
        yield Scale(factor), None
    put = [one for one in items if one.op == "set"]
    if put:
        yield Replace(_shaped(put[-1], _vector(put[-1]) * put[-1].strength)), None
    total = summed(items)
    if total is not None:
        yield Add(_shaped(items[0], total)), None
    gone = [_vector(one) for one in items if one.op == "project_out"]
    basis = orthonormal(gone)
    if len(basis):
        yield ProjectOut(basis), None


def summed(items: Sequence[Meeting]) -> torch.Tensor | None:
    """Return the sum of the vectors that are added, each times its coefficients; None for nothing.

    Coefficients of one vector (or of its opposite) are summed as they are written, in decimals: 0.1
    and 0.2 and −0.3 are nothing.
    """
    found: list[tuple[torch.Tensor, Decimal]] = []
    for one in items:
        if one.op not in ADDED:
            continue
        vector, coef = _vector(one), Decimal(repr(float(one.strength)))
        for place, (known, so_far) in enumerate(found):
            if torch.equal(known, vector):
                found[place] = known, so_far + coef
                break
            if torch.equal(known, -vector):
                found[place] = known, so_far - coef
                break
        else:
            found.append((vector, coef))
    parts = [vector * float(coef) for vector, coef in found if coef and bool(vector.any())]
    return torch.stack(parts).sum(0) if parts else None


def orthonormal(vectors: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return an orthonormal basis `[k, width]`, float32, of what the vectors span."""
    basis: list[torch.Tensor] = []
    for vector in vectors:
        rest = vector.double()
        length = float(rest.norm())
        for _again in range(2):
            for one in basis:
                rest = rest - (rest @ one) * one
        if length and float(rest.norm()) > _DEPENDENT * length:
            basis.append(rest / rest.norm())
    return torch.stack(basis).float() if basis else torch.empty(0, 0)


def _vector(one: Meeting) -> torch.Tensor:
    if one.vector is None:
        raise TypeError(f"{one.op} has no vector")
    return one.vector


def _shaped(one: Meeting, vector: torch.Tensor) -> torch.Tensor:
    """Return a vector as an edit writes it: `[1, width]`, at `head_z` `[1, head, width]`."""
    return vector.view(1, *one.shape) if one.shape else vector[None]
