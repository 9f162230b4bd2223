"""Changes that hold in every run of a prompt: what a circuit lacks, beneath further changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.engine.model import Site

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class Standing:
    """What is replaced in one place.

    Attributes:
        gone: Where, `[prompt, position]`, of heads `[prompt, position, head]`.
        values: By what, `[entry, position, ...]` or anything that broadcasts behind these axes.
        entries: The entry of each prompt `[prompt]`.
    """

    gone: torch.Tensor
    values: torch.Tensor
    entries: torch.Tensor


StandingChanges = Mapping[tuple[int, Site], Standing]


def put_standing(
    x: torch.Tensor,
    change: Standing,
    of: torch.Tensor,
    read: torch.Tensor | None = None,
    start: int = 0,
) -> None:
    """Write a change into an activation.

    Args:
        x: `[row, position, ...]`.
        change: What is replaced.
        of: The prompt of each row.
        read: The one position that each row has here; None: all from `start` on.
        start: The first position that is computed.
    """
    of = of.to(change.gone.device)
    if read is None:
        gone = change.gone[of, start : start + x.shape[1]]
    else:
        gone = change.gone[of, read.to(of.device)][:, None]
    index = gone.nonzero().unbind(1)
    if not len(index[0]):
        return
    rows, at, *heads = index
    positions = at + start if read is None else read.to(of.device)[rows]
    there = (change.entries[of[rows]], positions, *heads)
    x[index] = change.values[there].to(x)
