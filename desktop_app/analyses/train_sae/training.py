"""Training of a sparse autoencoder on activations at hand, step by step.

Activations are scaled by s, so that their mean norm is √width: settings then mean the same at every
place and in every model. With z = s · x,

    f = act((z − b_dec) W_enc + b_enc),  ẑ = f W_dec + b_dec,  rows of W_dec of norm 1,

where `act` is ReLU, or keeps the k largest and then takes ReLU (topk). Minimised is the mean over a
batch of ‖z − ẑ‖², for `standard` plus l1 · Σ f, whose weight rises over the first twentieth of the
steps as the learning rate does. To both comes what revives features that no recent
token activated (Gao et al., arXiv 2406.04093): half as many of them as the activations are wide,
those with the largest scores, are to reconstruct what ẑ lacks, with a weight of 1/32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import SilentReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.analyses.train_sae.spec import TrainSaeParams
    from desktop_app.contract.report import Reporter

DEAD_TOKENS = 20_000
"""A feature counts as dead at a step if none of so many tokens before it activated it."""
_WARM_UP, _FALL = 1 / 20, 1 / 5
_REVIVAL = 1 / 32
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_TINY = 1e-12
_SUMMED_AT_ONCE = 4_096
_MEASURED_AT_ONCE = 2**24
"""Scores of one pass of measuring, tokens times features."""


@dataclass(frozen=True)
class Step:
    """What a step has seen, before it moved the weights.

    Attributes:
        loss: What it minimises, without what revives features; in scaled units.
        l0: Active features per token.
        dead: The share of features that no recent token activated.
    """

    loss: float
    l0: float
    dead: float


@dataclass(frozen=True)
class Measured:
    """What an autoencoder does on some tokens.

    Attributes:
        explained: 1 − Σ‖x − x̂‖² / Σ‖x − mean‖²; NaN where they are all alike.
        l0: Active features per token.
        mse: Mean squared error per number.
        dead: The share of features that none of them activates.
    """

    explained: float
    l0: float
    mse: float
    dead: float


def scale_of(x: torch.Tensor) -> float:
    """Return what brings activations `[n, d]` to a mean norm of √d."""
    sizes = torch.cat([block.norm(dim=-1).double() for block in torch.split(x, _SUMMED_AT_ONCE)])
    return float(x.shape[1] ** 0.5 / sizes.mean().clamp_min(_TINY))


def kept(params: TrainSaeParams) -> int:
    """Return how many features of each token are kept; 0: all that are active."""
    return params.k if params.kind == "topk" else 0


class Trainer:
    """An autoencoder in training.

    Attributes:
        scale: What activations are multiplied by.
        device: Where it is trained.
        kept: How many features of each token are kept; 0: all that are active.
        done: Steps so far.
    """

    def __init__(
        self,
        x: torch.Tensor,
        scale: float,
        features: int,
        params: TrainSaeParams,
        device: torch.device,
    ) -> None:
        """Draw the first weights.

        Args:
            x: Activations `[n, d]` on the CPU, float32, as the model has them.
            scale: What they are multiplied by.
            features: How many.
            params: Kind, penalty, steps, batch, learning rate and seed.
            device: Where it is trained.
        """
        self._x, self.scale, self._params, self.device = x, scale, params, device
        self.kept = kept(params)
        self._random = torch.Generator().manual_seed(params.seed)
        rows = torch.randn(features, x.shape[1], generator=self._random)
        rows = _unit(rows)
        centre = (_mean(x) * scale).float()
        first = {
            "W_enc": rows.T.contiguous(),
            "b_enc": torch.zeros(features),
            "W_dec": rows,
            "b_dec": centre,
        }
        self._weights = {
            name: value.clone().to(device).requires_grad_() for name, value in first.items()
        }
        self._adam = torch.optim.Adam(
            list(self._weights.values()), lr=params.lr, betas=_BETAS, eps=_EPSILON
        )
        self._batches = _batches(len(x), params.batch, self._random)
        self._quiet = torch.zeros(features, dtype=torch.long, device=device)  # tokens since active
        self.done = 0

    def step(self) -> Step:
        """Go on by one step."""
        params, weights = self._params, self._weights
        rise = min(1.0, (self.done + 1) / max(1.0, params.steps * _WARM_UP))
        fall = min(1.0, (params.steps - self.done) / max(1.0, params.steps * _FALL))
        for group in self._adam.param_groups:
            group["lr"] = params.lr * min(rise, fall)
        z = self._x[next(self._batches)].to(self.device) * self.scale
        with torch.enable_grad():
            scores = (z - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
            features = act(scores, self.kept)
            missing = z - (features @ weights["W_dec"] + weights["b_dec"])
            loss = missing.square().sum(-1).mean()
            if not self.kept:
                loss = loss + params.l1 * rise * features.sum(-1).mean()
            seen = self._look(features.detach(), float(loss.detach()))
            whole = loss + _REVIVAL * self._revival(scores, missing.detach())
            self._adam.zero_grad(set_to_none=True)
            whole.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            rows = weights["W_dec"]
            assert rows.grad is not None  # noqa: S101 - of a loss that rows take part in
            rows.grad -= (rows.grad * rows).sum(-1, keepdim=True) * rows  # it only turns them
            self._adam.step()
            rows.copy_(_unit(rows))
        self.done += 1
        return seen

    def weights(self) -> dict[str, torch.Tensor]:
        """Return the weights for activations as the model has them, on the CPU.

        The rows of the decoder have norm 1, so that an activation is how much is written, in the
        model's own units: f(x) = f(z) / s.
        """
        held = {name: value.detach().cpu().clone() for name, value in self._weights.items()}
        for name in ("b_enc", "b_dec"):
            held[name] /= self.scale
        return held

    def _look(self, features: torch.Tensor, loss: float) -> Step:
        """Count what is active and what has been quiet."""
        active = features > 0
        self._quiet += len(features)
        self._quiet[active.any(0)] = 0
        recent = min(DEAD_TOKENS, (self.done + 1) * len(features))
        dead = (self._quiet >= recent).float().mean()
        return Step(loss, float(active.sum(-1).float().mean()), float(dead))

    def _revival(self, scores: torch.Tensor, missing: torch.Tensor) -> torch.Tensor:
        """Return how badly dead features reconstruct what is missing; 0 where there are none."""
        dead = torch.nonzero(self._quiet >= DEAD_TOKENS)[:, 0]
        if not len(dead):
            return missing.new_zeros(())
        count = max(1, missing.shape[1] // 2)
        few = min(count, len(dead))
        values, places = scores[:, dead].topk(few, dim=-1)
        some = torch.zeros_like(scores[:, dead]).scatter(-1, places, values)
        found = some @ self._weights["W_dec"][dead]
        return (missing - found).square().sum(-1).mean() * (few / count)


def act(scores: torch.Tensor, k: int) -> torch.Tensor:
    """Return activations of scores `[..., features]`; `k` of each are kept, all where it is 0."""
    if not k:
        return scores.relu()
    values, places = scores.topk(k, dim=-1)
    return torch.zeros_like(scores).scatter(-1, places, values.relu())


def measured_at_once(features: int) -> int:
    """Return how many tokens are measured in a pass."""
    return min(_SUMMED_AT_ONCE, max(1, _MEASURED_AT_ONCE // features))


def measure(
    weights: dict[str, torch.Tensor],
    k: int,
    x: torch.Tensor,
    report: Reporter | None = None,
    device: torch.device | None = None,
) -> Measured:
    """Return what finished weights do on activations as the model has them.

    Args:
        weights: As `Trainer.weights` gives them.
        k: How many features of each token are kept; 0: all that are active.
        x: Activations `[n, d]` on the CPU.
        report: Told before every pass; may cancel there.
        device: Where it is computed; where the weights are, without it.
    """
    report = report or SilentReporter()
    w = {name: value.to(device or value.device) for name, value in weights.items()}
    mean = _mean(x)
    error = spread = active = 0.0
    done, ever = 0, torch.zeros_like(w["b_enc"], dtype=torch.bool)
    for block in torch.split(x, measured_at_once(len(ever))):
        report.step(done / len(x), f"measuring, {done:,} of {len(x):,} tokens")
        own = block.to(ever.device)
        features = act((own - w["b_dec"]) @ w["W_enc"] + w["b_enc"], k)
        missing = own - (features @ w["W_dec"] + w["b_dec"])
        error += float(missing.cpu().double().square().sum())  # not every device has float64
        spread += float((block.double() - mean).square().sum())
        active += int((features > 0).sum())
        ever |= (features > 0).any(0)
        done += len(block)
    explained = 1 - error / spread if spread > 0 else float("nan")
    return Measured(explained, active / len(x), error / x.numel(), 1 - float(ever.float().mean()))


def _mean(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of activations `[n, d]`, in float64."""
    total = torch.zeros(x.shape[1], dtype=torch.float64)
    for block in torch.split(x, _SUMMED_AT_ONCE):
        total += block.double().sum(0)
    return total / len(x)


def _unit(rows: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = rows / rows.norm(dim=-1, keepdim=True).clamp_min(_TINY)
    return found


def _batches(count: int, size: int, random: torch.Generator) -> Iterator[torch.Tensor]:
    """Yield the tokens of each batch for ever: all of them once, in an order that is drawn."""
    left = torch.empty(0, dtype=torch.long)
    while True:
        while len(left) < size:
            left = torch.cat([left, torch.randperm(count, generator=random)])
        yield left[:size]
        left = left[size:]
