"""Sparse autoencoders and transcoders: features of activations, and activations of features.

The formulas are SAELens': standard f = ReLU((x − b_dec) W_enc + b_enc), x̂ = f W_dec + b_dec, and
its kin (gated, jumprelu, topk), with the scaling of inputs that the settings name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel
    from desktop_app.support.autoencoder_files import AutoencoderHead


class Autoencoder:
    """An autoencoder on the device of a model, float32.

    Attributes:
        head: What its folder says of it.
        W_enc: `[d_in, d_sae]`.
        W_dec: `[d_sae, d_out]`.
        b_dec: `[d_out]`.
    """

    def __init__(self, head: AutoencoderHead, weights: dict[str, torch.Tensor]) -> None:
        self.head, self.weights = head, weights

    @property
    def W_enc(self) -> torch.Tensor:  # noqa: N802 - its usual name
        """What reads, `[d_in, d_sae]`."""
        return self.weights["W_enc"]

    @property
    def W_dec(self) -> torch.Tensor:  # noqa: N802
        """What writes, `[d_sae, d_out]`."""
        return self.weights["W_dec"]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return activations `[..., d_sae]` of inputs `[..., d_in]`."""
        raise NotImplementedError

    def decode(self, features: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return x̂ `[..., d_out]` of activations; `x` is the input that they were made of.

        The input tells by how much it was scaled, and what a skip connection adds.
        """
        raise NotImplementedError


def open_autoencoder(model: LoadedModel, given: str, option: str = "--sae") -> Autoencoder:
    """Return the autoencoder of a folder, checked against a model.

    Raises:
        BadInputError: It holds none, its sizes or its hook are not the model's, or its weights are
            not finite.
    """
    raise NotImplementedError


def inputs(
    model: LoadedModel, autoencoder: Autoencoder, ids: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what it reads `[N, S, d_in]` and what it should give `[N, S, d_out]`, float32."""
    raise NotImplementedError


def spliced(
    model: LoadedModel,
    autoencoder: Autoencoder,
    ids: torch.Tensor,
    change: object = None,
    *,
    error: bool = False,
) -> torch.Tensor:
    """Return the logits `[N, S, V]` with x̂ in place of what it stands for.

    Args:
        model: The model.
        autoencoder: The autoencoder.
        ids: Token ids `[N, S]`.
        change: From activations to other activations, before they are decoded; None: none.
        error: Whether what x̂ lacks of the untouched activations is added, so that without a change
            the logits are the model's own.
    """
    raise NotImplementedError
