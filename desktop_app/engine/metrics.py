"""The numbers that analyses watch: one per prompt, in float32, at the read position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.params import Metric
    from desktop_app.contract.result import PromptRecord

NEEDS_ANSWER: frozenset[str] = frozenset({"logit_diff", "logit", "logprob", "prob", "rank"})

# Below this a base is too near zero for a percentage; logits and nats, and plain fractions.
_NEAR_ZERO = {"logit_diff": 0.01, "logit": 0.01, "loss": 1e-6, "prob": 1e-6}


@dataclass(frozen=True)
class Target:
    """What one prompt's metric compares.

    Attributes:
        ids: The prompt's own tokens `[S]`, for the loss.
        answers: Token ids that count as right; may be empty for `loss` and `kl`.
        wrongs: Token ids that they are compared with.
    """

    ids: torch.Tensor
    answers: tuple[int, ...]
    wrongs: tuple[int, ...]


def make_target(prompt: PromptRecord, metric: Metric, index: int) -> Target:
    """Return what the metric needs of a prompt; refuse a prompt that lacks it."""
    answers = tuple(a.token_id for a in prompt.answers)
    wrongs = tuple(w.token_id for w in prompt.wrongs)
    if metric in NEEDS_ANSWER and not answers:
        raise BadInputError(
            f"Prompt {index + 1} has no answer, which {metric} needs: give --answer, or choose "
            "--metric loss or kl."
        )
    if metric == "logit_diff" and not wrongs:
        raise BadInputError(
            f"Prompt {index + 1} has no wrong continuation, which logit_diff needs: give --wrong, "
            "or choose --metric logprob."
        )
    if metric == "loss" and len(prompt.tokens) < 2:
        raise BadInputError(
            f"Prompt {index + 1} has a single token, and loss needs two: lengthen it."
        )
    return Target(torch.tensor(prompt.tokens.ids), answers, wrongs)


def score(
    metric: Metric, logits: torch.Tensor, target: Target, base: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the metric of each row.

    Args:
        metric: Which number.
        logits: `[rows, d_vocab]` at the read position; for `loss` `[rows, S, d_vocab]`.
        target: The prompt that all rows belong to.
        base: Logits `[d_vocab]` of the untouched run, for `kl`.

    Returns:
        Float32 `[rows]`. `rank` counts strictly larger logits, so ties share the smaller rank; it
        is not a number where the answer's logit is none.
    """
    logits = logits.float()
    if metric == "loss":
        return _loss(logits, target.ids.to(logits.device))
    if metric == "kl":
        return _kl(logits, logits[0] if base is None else base.float())
    answers = logits[:, list(target.answers)]
    if metric == "logit_diff":
        return answers.mean(-1) - logits[:, list(target.wrongs)].mean(-1)
    if metric == "logit":
        return answers.mean(-1)
    if metric == "rank":
        # Of what is no number nothing is larger: it would come out on top.
        ranks = rank_of(logits, answers).float().masked_fill(answers.isnan(), torch.nan)
        return ranks.min(-1).values
    logprobs = answers - logits.logsumexp(-1, keepdim=True)
    return logprobs.mean(-1) if metric == "logprob" else logprobs.exp().mean(-1)


def rank_of(logits: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return how many logits are strictly larger than each value: `[rows, k]` from `[rows, V]`."""
    return torch.stack([(logits > v[:, None]).sum(-1) for v in values.unbind(-1)], dim=-1)


def near_zero(metric: Metric) -> float:
    """Return the base below which a percentage would mean nothing; infinite where it never does."""
    return _NEAR_ZERO.get(metric, float("inf"))


def _loss(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return the mean next-token cross-entropy in nats over the prompt."""
    predicted, targets = logits[:, :-1], ids[1:]
    index = targets.expand(len(logits), -1)[..., None]
    return (predicted.logsumexp(-1) - predicted.gather(-1, index)[..., 0]).mean(-1)


def _kl(logits: torch.Tensor, base: torch.Tensor) -> torch.Tensor:
    """Return KL(base ‖ changed) in nats of the next-token distribution."""
    log_base = base.log_softmax(-1)
    return (log_base.exp() * (log_base - logits.log_softmax(-1))).sum(-1).clamp_min(0.0)
