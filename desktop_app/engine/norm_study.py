"""How far a huge eps is from a model without division, and what becomes of it without new weights.

For a model that is loaded with its norms: they are exchanged for a pass and put back. The curve is
the check behind `--layernorm eps`: with weights times the root of eps, the error falls as
variance / 2 eps; with weights as they were, nothing is left of the model from some eps on.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

from desktop_app.engine.norm_effects import Damage, damage
from desktop_app.engine.norms import Norm, described, normalises, without_division
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.engine.model import LoadedModel

EXPONENTS = tuple(range(4, 15))
"""The usual curve: eps from 1e4 to 1e14."""


@dataclass(frozen=True)
class EpsPoint:
    """What an eps makes of a model.

    Attributes:
        eps: The eps of each norm of the stream.
        error: The largest difference of logits to the model without division, as a share of its
            largest logit.
        damage: How far it is from the model as it was trained; `damage.destroyed`,
            `damage.words()`.
    """

    eps: float
    error: float
    damage: Damage


class _Eps(torch.nn.Module):
    """A norm with another eps, its weights times a factor."""

    def __init__(self, norm: Norm, eps: float, factor: float) -> None:
        super().__init__()
        self._plain, self._norm = without_division(norm), norm
        self._eps, self._factor = eps, factor

    @override
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return what the norm would give."""
        inside = self._plain.centred(x)
        scale = (inside.pow(2).mean(-1, keepdim=True) + self._eps).sqrt()
        # Divided first, as norms do: what a large eps loses to rounding is part of the answer.
        return self._plain.affine(inside / scale * self._factor, x.dtype)


def eps_curve(
    model: LoadedModel,
    ids: torch.Tensor,
    exponents: Sequence[int] = EXPONENTS,
    *,
    rescaled: bool = True,
) -> tuple[EpsPoint, ...]:
    """Return what rising eps make of a model's logits on one text.

    Args:
        model: A model with its norms (`--layernorm keep`) and raw weights.
        ids: Token ids `[1, S]`.
        exponents: Powers of ten.
        rescaled: Whether weights are multiplied by the root of eps, as the recipe has it.

    Raises:
        BadInputError: The model has no norms any more, or they are of no known kind.
    """
    before, linear = _logits(model, ids), linear_logits(model, ids)
    found = []
    for exponent in exponents:
        eps = 10.0**exponent
        factor = eps**0.5 if rescaled else 1.0
        with exchanged(model, partial(_Eps, eps=eps, factor=factor)):
            logits = _logits(model, ids)
        error = (logits - linear).abs().max() / linear.abs().max()
        found.append(EpsPoint(eps, float(error), damage(before, logits)))
    return tuple(found)


def linear_logits(model: LoadedModel, ids: torch.Tensor) -> torch.Tensor:
    """Return the logits `[S, V]` of a model whose norms divide by nothing."""
    with exchanged(model, without_division):
        return _logits(model, ids)


@contextmanager
def exchanged(model: LoadedModel, make: Callable[[Norm], torch.nn.Module]) -> Iterator[None]:
    """Put something else in the place of the stream's norms, and the norms back behind it.

    Raises:
        BadInputError: The model has no norms any more, or processed weights.
    """
    before = []
    try:
        for part, norm in attached_norms(model):
            before.append((part, norm.module, part.use_native_layernorm_autograd))
            part.add_module("_original_component", make(norm))
            part.use_native_layernorm_autograd = True
        yield
    finally:
        for part, module, native in before:
            part.add_module("_original_component", module)
            part.use_native_layernorm_autograd = native


def attached_norms(model: LoadedModel) -> tuple[tuple[Any, Norm], ...]:
    """Return TransformerLens' norms of a loaded model's stream, and what each does.

    Raises:
        BadInputError: The model has no norms any more, or processed weights.
    """
    from transformer_lens.model_bridge.generalized_components.normalization import (
        NormalizationBridge,
    )

    if model.info.layernorm != "keep" or model.info.weights != "raw":
        raise BadInputError(
            f"The norms of {model.info.label} are no longer the trained ones: load it with "
            "--layernorm keep and --weights raw."
        )
    config = model.bridge.original_model.config.get_text_config()
    parents = [
        ("", model.bridge),
        *((f"blocks.{i}.", b) for i, b in enumerate(model.bridge.blocks)),
    ]
    found = []
    for path, parent in parents:
        for own, part in parent.named_children():
            inside = part.original_component if isinstance(part, NormalizationBridge) else None
            if inside is not None and normalises(inside, model.info.d_model):
                norm = described(
                    inside, f"{path}{own}", model.info.d_model, config, model.info.name
                )
                found.append((part, norm))
    if not found:
        raise BadInputError(f"{model.info.label} has no norms that TransformerLens shows.")
    return tuple(found)


def _logits(model: LoadedModel, ids: torch.Tensor) -> torch.Tensor:
    return model.run(ids)[0].float().cpu()
