"""What an autoencoder makes of prompts: features of each token, what it explains, what it costs.

Every token of a prompt counts, its BOS among them: many autoencoders were never shown a first
position and reconstruct it badly, which the error of each token says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.engine.memory import budget_bytes
from desktop_app.methods.autoencoders import inputs, spliced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder

_MOST_BYTES = 400_000_000
HELD = 3
"""Activations of prompts that are held at once: untouched, changed, and while they are made."""
_COPIES = 6  # activations, and what is made of them on the way
_TINY = 1e-12
AVERAGED = ("variance_explained", "l0", "mse", "loss", "loss_spliced", "loss_change")
"""Fields of one number per prompt, whose means over prompts are given."""
LISTED = ("top", "top_activation", "l0_token", "error_token")
"""Fields of a number, or a list, for each token."""


def read_prompts(
    model: LoadedModel, autoencoder: Autoencoder, ids: torch.Tensor, settings: tuple[int, int]
) -> tuple[list[dict[str, Any]], torch.Tensor]:
    """Read prompts of one length.

    Args:
        model: The model.
        autoencoder: The autoencoder.
        ids: Token ids `[N, S]`.
        settings: How many features are listed of each token; the one that is looked at, −1: none.

    Returns:
        Per prompt the fields of a result; and the untouched log-probability of each true next token
        `[N, S − 1]`.
    """
    x, y = inputs(model, autoencoder, ids)
    own = next_logprobs(model.run(ids), ids)
    changed = next_logprobs(spliced(model, autoencoder, ids), ids)
    found = [tokens_of(autoencoder, *pair, settings) for pair in zip(x, y, strict=True)]
    for one, before, behind in zip(found, own, changed, strict=True):
        loss, other = _mean_loss(before), _mean_loss(behind)
        one |= {"loss": loss, "loss_spliced": other, "loss_change": other - loss}
    return found, own


def next_logprobs(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each true next token, float32 `[N, S − 1]`, in nats."""
    logits, wanted = logits[:, :-1], ids.to(logits.device)[:, 1:, None]
    return logits.gather(-1, wanted)[..., 0].float() - logits.float().logsumexp(-1)


def _mean_loss(logprobs: torch.Tensor) -> float:
    """Return the mean next-token loss; NaN of a single token, which has no next one."""
    return -float(logprobs.cpu().double().mean()) if len(logprobs) else float("nan")


def tokens_of(
    autoencoder: Autoencoder, x: torch.Tensor, y: torch.Tensor, settings: tuple[int, int]
) -> dict[str, Any]:
    """Return the fields of one prompt that need no logits.

    Args:
        autoencoder: The autoencoder.
        x: What it reads, `[S, d_in]`.
        y: What it should give, `[S, d_out]`.
        settings: As for `read_prompts`.
    """
    listed, feature = settings
    most = min(listed, autoencoder.head.d_sae)
    kept: dict[str, list[torch.Tensor]] = {}
    for some, features in encoded(autoencoder, x):
        apart = y[some] - autoencoder.decode(features, x[some])
        values, best = _largest(features, most)
        parts = {
            "top": best,
            "top_activation": values,
            "l0_token": (features > 0).sum(-1),
            "missed": apart.cpu().double().square().sum(-1),
        }
        if feature >= 0:
            parts["activation"] = features[:, feature].clone()
        for name, value in parts.items():
            kept.setdefault(name, []).append(value.cpu())
    found = {name: torch.cat(pieces).numpy() for name, pieces in kept.items()}
    missed = found.pop("missed")
    return found | _explained(missed, y.cpu().double().numpy(), found["l0_token"])


def encoded(autoencoder: Autoencoder, x: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Yield which tokens were encoded, and their activations `[tokens, d_sae]`, piece by piece.

    An autoencoder may have a thousand times as many features as a stream has numbers.
    """
    at_once = max(1, _MOST_BYTES // (4 * _COPIES * autoencoder.head.d_sae))
    for first in range(0, len(x), at_once):
        some = slice(first, first + at_once)
        yield some, autoencoder.encode(x[some])


def prompts_per_pass(model: LoadedModel, limit: int, length: int, wide: int) -> int:
    """Return how many prompts of a length share a pass, whose activations are `wide` numbers."""
    if not model.reads_together:
        return 1
    each = 4 * max(1, length) * wide
    return max(1, min(limit, int(budget_bytes(model) / (HELD * each))))


def _largest(features: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the largest activations `[tokens, count]` and their features; −1: no more is active.

    Of equal ones the smaller number comes first.
    """
    values, best = features.topk(count, dim=-1)
    best, order = best.sort(-1)
    values, order = values.gather(-1, order).sort(stable=True, dim=-1, descending=True)
    best = best.gather(-1, order)
    active = values > 0
    return torch.where(active, values, torch.zeros_like(values)), torch.where(active, best, -1)


def _explained(missed: np.ndarray, y: np.ndarray, active: np.ndarray) -> dict[str, Any]:
    """Return what is explained of a prompt; `missed` is ‖y − ŷ‖² of each token."""
    whole = float(np.square(y - y.mean(0)).sum())
    explained = 1 - float(missed.sum()) / whole if len(y) > 1 and whole > 0 else float("nan")
    sizes = np.maximum(np.linalg.norm(y, axis=-1), _TINY)
    return {
        "error_token": (np.sqrt(missed) / sizes).astype(np.float32),
        "variance_explained": explained,
        "l0": float(active.mean()),
        "mse": float(missed.sum()) / y.size,
    }


def fields_of(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of prompts, one array a prompt, or one number a prompt."""
    several = [n for n in found[0] if n not in AVERAGED] if found else []
    return {name: tuple(one[name] for one in found) for name in several}
