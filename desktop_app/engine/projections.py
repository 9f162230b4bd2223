"""Output projections as matrices, whatever their layout: what a head or a neuron writes.

A linear module's own weights are taken where they are at hand and feeding it a row shows that they
are what it computes with: no copy in another precision, no pass over an identity. Else they are
read off by feeding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.model import input_width

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.engine.model import LoadedModel

_ROWS_AT_ONCE = 1024
_TOLERANCE, _HALF_TOLERANCE = 1e-4, 3e-2


@dataclass(frozen=True)
class Projection:
    """A linear module: `x @ matrix + bias`.

    Attributes:
        matrix: `[d_in, d_out]`, in the model's own dtype where it is the module's own.
        bias: `[d_out]`, float32.
    """

    matrix: torch.Tensor
    bias: torch.Tensor

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """Return what it makes of rows `[..., d_in]`, float32."""
        found, first = self.bias, 0
        for some in self._pieces():
            found = found + x[..., first : first + len(some)].float() @ some
            first += len(some)
        return found

    def back(self, direction: torch.Tensor) -> torch.Tensor:
        """Return what each input writes along directions `[N, d_out]`: float32 `[N, d_in]`."""
        return torch.cat([direction.float() @ some.T for some in self._pieces()], dim=-1)

    def _pieces(self) -> Iterator[torch.Tensor]:
        """Yield the matrix in float32: whole, or where that is a copy some rows at a time."""
        whole = self.matrix.dtype is torch.float32
        for some in torch.split(self.matrix, len(self.matrix) if whole else _ROWS_AT_ONCE):
            yield some.float()


def projection(model: LoadedModel, module: Any) -> Projection:
    """Return a linear module's matrix and bias.

    Raises:
        ValueError: It is none, or does not say how many numbers it reads.
    """
    width = input_width(module)
    if width is None:
        raise ValueError("the module does not say how many numbers it reads")
    dtype = next(iter(model.bridge.original_model.parameters())).dtype
    with torch.no_grad():
        alone: torch.Tensor = module(torch.zeros(1, 1, width, dtype=dtype, device=model.device))
        bias = alone[0, 0].float()
        weight = getattr(getattr(module, "original_component", module), "weight", None)
        if isinstance(weight, torch.Tensor) and weight.ndim == 2 and weight.device.type != "meta":
            for matrix in (weight.detach().T, weight.detach()):
                found = Projection(matrix, bias)
                if matrix.shape == (width, len(bias)) and _is_right(model, module, found, dtype):
                    return found
        return Projection(_fed(model, module, width, dtype, bias), bias)


def _is_right(model: LoadedModel, module: Any, found: Projection, dtype: torch.dtype) -> bool:
    """Return whether a module makes of a row what its weights do."""
    width = len(found.matrix)
    row = torch.cos(torch.arange(width, dtype=torch.float32)).to(model.device, dtype)
    made: torch.Tensor = module(row[None, None])[0, 0].float()
    own = found.of(row[None])[0]
    allowed = _TOLERANCE if dtype is torch.float32 else _HALF_TOLERANCE
    return bool((made - own).norm() <= allowed * made.norm().clamp_min(1e-12))


def _fed(
    model: LoadedModel, module: Any, width: int, dtype: torch.dtype, bias: torch.Tensor
) -> torch.Tensor:
    """Return the matrix, read off by feeding the rows of an identity."""
    parts = []
    for first in range(0, width, _ROWS_AT_ONCE):
        rows = torch.zeros(min(_ROWS_AT_ONCE, width - first), width)
        rows[torch.arange(len(rows)), torch.arange(first, first + len(rows))] = 1
        made: torch.Tensor = module(rows.to(model.device, dtype)[None])[0]
        parts.append(made.float() - bias)
    return torch.cat(parts)
