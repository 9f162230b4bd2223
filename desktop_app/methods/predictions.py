"""What the untouched model says: next tokens as rows, and whether it does the task at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.contract.result import Notice, PromptRecord
from desktop_app.engine.metrics import rank_of

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel


def token_row(
    model: LoadedModel, logits: torch.Tensor, logprobs: torch.Tensor, token: int
) -> dict[str, Any]:
    """Return a token with its logit, log-probability and probability."""
    piece, text = model.tokenizer.describe(token)
    logprob = float(logprobs[token])
    return {
        "id": token,
        "piece": piece,
        "text": text,
        "logit": float(logits[token]),
        "logprob": logprob,
        "prob": float(np.exp(logprob)),
    }


def top_rows(model: LoadedModel, logits: torch.Tensor, count: int) -> list[dict[str, Any]]:
    """Return the most likely tokens; ties go to the smaller id."""
    logprobs = logits.log_softmax(-1)
    return [token_row(model, logits, logprobs, token) for token in _highest(logits, count)]


def _highest(logits: torch.Tensor, count: int) -> list[int]:
    """Return the ids of the highest logits, ties by id, without sorting a whole vocabulary."""
    among = torch.arange(len(logits), device=logits.device)
    if bool(torch.isfinite(logits).all()):
        least = logits.topk(min(count, len(logits))).values[-1]
        among = among[logits >= least]
    order = torch.argsort(logits[among], descending=True, stable=True)[:count]
    found: list[int] = among[order].tolist()
    return found


@dataclass(frozen=True)
class Gate:
    """What the untouched model does with each prompt.

    Attributes:
        done: Whether the answer is on top and above the wrong one; True where there is no answer.
        answer_rank: Rank of the best answer, 0 = top; NaN where there is none.
        notices: `task_not_done` for each prompt that fails.
    """

    done: np.ndarray
    answer_rank: np.ndarray
    notices: list[Notice]


def check_gate(
    records: tuple[PromptRecord, ...],
    base_logits: list[torch.Tensor],
    consequence: str = "percentages are withheld for it",
) -> Gate:
    """Ask of each prompt whether its answer is on top and its logit difference positive.

    Args:
        records: The prompts with their resolved answers.
        base_logits: Each prompt's untouched logits `[V]` at the read position.
        consequence: What follows for a prompt that fails, for the warning.
    """
    done = np.ones(len(records), dtype=bool)
    ranks = np.full(len(records), np.nan)
    notices = []
    for index, (record, logits) in enumerate(zip(records, base_logits, strict=True)):
        if not record.answers or not len(logits):  # none where the run was stopped before it
            continue
        answers = logits[[a.token_id for a in record.answers]]
        rank = int(rank_of(logits[None], answers[None]).min())
        ranks[index] = rank
        reasons = [] if rank == 0 else [f"the answer's rank is {rank} (0 = top)"]
        if bool(answers.isnan().any()):
            ranks[index], reasons = np.nan, ["the answer's logit is no number"]
        if record.wrongs:
            difference = float(answers.mean() - logits[[w.token_id for w in record.wrongs]].mean())
            if not difference > 0:
                reasons.append(f"the logit difference is {difference:.3f}")
        if reasons:
            done[index] = False
            message = (
                f"The model does not do the task on prompt {index + 1}: "
                f"{' and '.join(reasons)}; {consequence}."
            )
            notices.append(Notice("task_not_done", message, None, index, (record.read_position,)))
    return Gate(done, ranks, notices)
