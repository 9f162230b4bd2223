"""The grids of one run of one prompt, filled from its logits as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.engine.metrics import Target, score

if TYPE_CHECKING:
    from desktop_app.contract.result import PromptRecord


SCORES = ("answer_rank", "answer_logprob", "logit_diff", "wrong_rank")


class Grid:
    """What the lens reads of one run of one prompt, layer by position.

    Attributes:
        top: Ids `[L+1, S, k]`, −1 where nothing is read.
        prob: Their probabilities, NaN where nothing is read.
        scores: `answer_rank`, `answer_logprob`, `logit_diff`, `wrong_rank` `[L+1, S]`; NaN where
            they do not exist.
        apart: How far the last row is from the model's own logits, at the read position.
        largest: The model's own largest logit there, in size.
        bad: The first row that is not all numbers; None: there is none.
    """

    def __init__(self, record: PromptRecord, shape: tuple[int, int, int]) -> None:
        rows, length, top = shape
        self.top = np.full((rows, length, top), -1, dtype=np.int32)
        self.prob = np.full((rows, length, top), np.nan, dtype=np.float32)
        self.scores = {name: np.full((rows, length), np.nan, dtype=np.float32) for name in SCORES}
        self.apart, self.largest = float("nan"), float("nan")
        self.bad: int | None = None
        self._target = Target(
            torch.empty(0, dtype=torch.long),
            tuple(a.token_id for a in record.answers),
            tuple(w.token_id for w in record.wrongs),
        )
        self._wrong = Target(self._target.ids, self._target.wrongs, ())
        self._read = record.read_position
        self._last = rows - 1

    def fill(self, row: int, at: slice, logits: torch.Tensor, own: torch.Tensor) -> None:
        """Take over logits `[positions, V]` of a row; `own` are the model's at the read one."""
        ids, values = highest(logits, self.top.shape[-1])
        whole = logits.logsumexp(-1, keepdim=True)
        # Of what is no number nothing is on top, and everything would be.
        bad = ~torch.isfinite(whole[:, 0])
        self.top[row, at] = ids.masked_fill(bad[:, None], -1).cpu().numpy()
        shares = (values - whole).exp().masked_fill(bad[:, None], torch.nan)
        self.prob[row, at] = shares.cpu().numpy()
        target = self._target
        if target.answers:
            logprobs = logits[:, list(target.answers)].mean(-1) - whole[:, 0]
            self._note("answer_logprob", row, at, logprobs)
            self._note("answer_rank", row, at, score("rank", logits, target))
        if target.answers and target.wrongs:
            self._note("logit_diff", row, at, score("logit_diff", logits, target))
        if self._wrong.answers:
            self._note("wrong_rank", row, at, score("rank", logits, self._wrong))
        if bool(bad.any()):
            for values_of in self.scores.values():
                values_of[row, at][bad.cpu().numpy()] = np.nan
            self.bad = row if self.bad is None else min(self.bad, row)
        if row == self._last and at.start <= self._read < at.stop:
            self.apart = float((logits[self._read - at.start] - own).abs().max())
            self.largest = float(own.abs().max())

    def _note(self, name: str, row: int, at: slice, values: torch.Tensor) -> None:
        self.scores[name][row, at] = values.cpu().numpy()


def highest(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and values `[rows, k]` of the highest logits, ties by the smaller id."""
    values, ids = logits.topk(count, dim=-1)
    # Where more logits are as high as the last one, any of them may have come.
    tied = (logits >= values[:, -1:]).sum(-1) > count
    for row in tied.nonzero()[:, 0].tolist():
        order = torch.argsort(logits[row], descending=True, stable=True)[:count]
        ids[row], values[row] = order, logits[row][order]
    within = (values[:, 1:] == values[:, :-1]).any(-1) & ~tied
    for row in within.nonzero()[:, 0].tolist():
        order = torch.argsort(ids[row], stable=True)
        order = order[torch.argsort(values[row][order], descending=True, stable=True)]
        ids[row], values[row] = ids[row][order], values[row][order]
    return ids, values
