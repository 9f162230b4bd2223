"""The numbers of an autoencoder, with what its settings say folded into them, as SAELens folds it.

What is folded leaves activations and output as they were trained: factors of inputs, the norms of
decoder rows by which features were chosen, the factors that a finetuning has left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from desktop_app.support.autoencoder_files import FINETUNED
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_numbers

if TYPE_CHECKING:
    from desktop_app.support.autoencoder_files import AutoencoderHead

_LEAST_NORM = 1e-8


def bytes_of(head: AutoencoderHead) -> int:
    """Return what the weights take while they are read and folded."""
    skip = head.d_in * head.d_out if head.skip else 0
    return 4 * (2 * head.d_sae * (head.d_in + head.d_out) + skip)


def read_weights(head: AutoencoderHead, device: torch.device) -> dict[str, torch.Tensor]:
    """Return the weights, float32 on a device.

    Args:
        head: What the folder says.
        device: Where they go.

    Returns:
        `W_enc` `[d_in, d_sae]`, `W_dec` `[d_sae, d_out]`, `b_dec` `[d_out]`; `b_enc`, or `b_gate`,
        `b_mag` and `r_mag` of a gated one; `threshold` of a jumprelu one; `W_skip`
        `[d_out, d_in]` of a transcoder that has one.

    Raises:
        BadInputError: They are not all there, or not finite, or the settings contradict them.
    """
    found = {key: _numbers(head, key).to(device) for key in head.keys}
    _take_threshold(found, head.d_sae)
    _take_finetuned(head, found)
    if head.rescaled:
        norms = found["W_dec"].norm(dim=-1).clamp_min(_LEAST_NORM)
        found["W_enc"] *= norms
        found["b_enc"] *= norms
        found["W_dec"] /= norms[:, None]
    if head.factor != 1:
        found["W_enc"] *= head.factor
        for key in ("W_dec", "b_dec") if not head.is_transcoder else ():
            found[key] /= head.factor
    _refuse_not_finite(head, found)
    return found


def _numbers(head: AutoencoderHead, key: str) -> torch.Tensor:
    tensors = head.tensors
    told = f"{head.told}: “{key}”"
    return torch.from_numpy(read_numbers(tensors.path, told, tensors.entry(key)))


def _take_threshold(found: dict[str, torch.Tensor], features: int) -> None:
    """Make what a pre-activation must exceed of its logarithm, or of one number for all."""
    if "log_threshold" in found:
        found["threshold"] = found.pop("log_threshold").exp()
    if "topk_threshold" in found:
        found["threshold"] = found.pop("topk_threshold").repeat(features)


def _refuse_not_finite(head: AutoencoderHead, found: dict[str, torch.Tensor]) -> None:
    """Refuse weights that what is folded into them has made too large to be numbers."""
    for key, value in found.items():
        used = value.exp() if key == "r_mag" else value  # a gated one scales by its exponential
        if not bool(used.isfinite().all()):
            raise BadInputError(
                f"{head.told}: “{key}” is not finite once what its settings and its other tensors "
                "say is folded into it (factors, norms, logarithms): one of them is wrong; fetch "
                "the folder again."
            )


def _take_finetuned(head: AutoencoderHead, found: dict[str, torch.Tensor]) -> None:
    """Give the decoder the factors of activations, each its own row; factors of 1 say nothing."""
    for key in FINETUNED:
        factors = found.pop(key, None)
        if factors is None or bool((factors - 1).abs().max() < 1e-5):
            continue
        if not head.finetuned or head.rescaled:
            raise BadInputError(
                f"{head.told} holds a “{key}” that is not 1, and its settings do not say how it is "
                "used (finetuning_scaling_factor): correct them, or take it out of the weights."
            )
        found["W_dec"] *= factors[:, None]
