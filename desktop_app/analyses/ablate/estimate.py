"""The gradient estimate of ablation: every effect from one run forward and one back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.engine.gradients import Linear, gradients
from desktop_app.engine.interventions import FromRun, Replace, Value, Zero
from desktop_app.methods.reference import capture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.engine.model import LoadedModel, Site


def estimate_effects(
    model: LoadedModel,
    tokens: tuple[tuple[int, ...], tuple[int, ...] | None],
    place: tuple[Sequence[int], Site, Sequence[int | None], tuple[int, ...] | None],
    metric: tuple[Callable[[torch.Tensor], torch.Tensor], int | None],
    value_of: Callable[[int, int | None], Value],
) -> tuple[float, np.ndarray]:
    """Return a prompt's metric and what each removal would change if the metric were linear.

    `effect ≈ (replacement − activation) · gradient`, summed over the positions of the removal.

    Args:
        model: The model.
        tokens: The prompt's ids, and its twin's where values are taken from it.
        place: Layers, site, heads (or None alone) and positions (None: all).
        metric: From logits to a number, and where they are read (None: everywhere).
        value_of: What the part of a layer and head becomes.

    Returns:
        The metric untouched, and effects `[layers, heads]`.
    """
    layers, site, heads, positions = place
    base, linear = gradients(model, tokens[0], (layers, site), *metric)
    twin = None
    if tokens[1] is not None:
        taken = capture(model, model.ids([list(tokens[1])]), layers, site)
        twin = {layer: values[0].float() for layer, values in taken.items()}
    at = slice(None) if positions is None else list(positions)
    effects = np.zeros((len(layers), len(heads)))
    for i, layer in enumerate(layers):
        for j, head in enumerate(heads):
            activation, gradient = _part(linear, layer, head, at)
            new = _new(value_of(layer, head), activation, twin, (layer, head, at))
            effects[i, j] = float(((new - activation) * gradient).sum())
    return base, effects


def _part(
    linear: Linear, layer: int, head: int | None, at: slice | list[int]
) -> tuple[torch.Tensor, torch.Tensor]:
    activation, gradient = (x if head is None else x[:, head] for x in linear[layer])
    return activation[at], gradient[at]


def _new(
    value: Value,
    activation: torch.Tensor,
    twin: dict[int, torch.Tensor] | None,
    place: tuple[int, int | None, slice | list[int]],
) -> torch.Tensor:
    """Return what the activation becomes, shaped like it."""
    layer, head, at = place
    if isinstance(value, Zero):
        return torch.zeros_like(activation)
    if isinstance(value, Replace):
        return value.values.to(activation).expand_as(activation)
    if isinstance(value, FromRun) and twin is not None:
        whole = twin[layer] if head is None else twin[layer][:, head]
        return whole[at]
    raise TypeError(f"no estimate for {type(value).__name__}")
