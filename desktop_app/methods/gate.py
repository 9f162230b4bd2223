"""Does the model do the task at all? Asked before every causal analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.result import Notice, PromptRecord
from desktop_app.engine.metrics import rank_of

if TYPE_CHECKING:
    import torch


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
        if not record.answers:
            continue
        answers = logits[[a.token_id for a in record.answers]]
        rank = int(rank_of(logits[None], answers[None]).min())
        ranks[index] = rank
        reasons = [] if rank == 0 else [f"the answer's rank is {rank} (0 = top)"]
        if record.wrongs:
            difference = float(answers.mean() - logits[[w.token_id for w in record.wrongs]].mean())
            if not difference > 0:
                reasons.append(f"the logit difference is {difference:.3f}")
        if reasons:
            done[index] = False
            notices.append(
                Notice(
                    "task_not_done",
                    f"The model does not do the task on prompt {index + 1}: "
                    f"{' and '.join(reasons)}; {consequence}.",
                    None,
                    index,
                    (record.read_position,),
                )
            )
    return Gate(done, ranks, notices)
