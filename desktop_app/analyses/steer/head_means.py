"""What heads become that are ablated: their means over the reference prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.contract.result import Notice
from desktop_app.methods.grid import Group
from desktop_app.methods.watching import other_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.methods.substitutes import MeanValues


class HeadMeans:
    """What heads become: their means over the reference, position by position.

    Positions beyond those of the reference take the mean over its positions.

    Args:
        means: The means, read already.
        lengths: The token count of each prompt.
    """

    def __init__(self, means: MeanValues, lengths: Sequence[int]) -> None:
        self._means, self._lengths = means, tuple(lengths)
        self._rows: dict[tuple[int, int], torch.Tensor] = {}

    def at(self, layer: int, prompt: int, positions: Iterable[int]) -> torch.Tensor:
        """Return z `[position, head, width]` at absolute positions of a prompt and what follows."""
        key = layer, prompt
        if key not in self._rows:
            length = self._lengths[prompt]
            group = Group((prompt,), torch.empty(1, length, dtype=torch.long))
            table = self._means.table(group, layer, "head_z")
            own = table[self._means.entry(group, 0)]
            self._rows[key] = torch.cat([own, own.mean(0, keepdim=True)])
        rows = self._rows[key]
        return rows[[min(p, len(rows) - 1) for p in positions]]


def head_notices(params: SteerParams, means: MeanValues) -> list[Notice]:
    """Return what must be said of the means, in the words of these settings."""
    message = (
        "The reference is the prompt alone, so heads keep their own value at its positions and "
        f"later ones take the mean over them: {other_reference(params)}."
    )
    return [Notice(n.code, message) if n.code == "reference_is_self" else n for n in means.notices]
