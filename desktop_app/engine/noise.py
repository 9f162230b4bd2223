"""The noise floor of half precision: how far the untouched metric goes apart over batch sizes.

Which kernel multiplies, and so in which order numbers are rounded, depends on how many rows a pass
has. In float32 that moves a metric in its sixth digit; in bfloat16 in its second. A sweep has other
batch sizes than the loop that runs one prompt at a time, and differs from it by as much: what
removing a part changes means nothing below that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.interventions import Edit, FromRun, Variant
from desktop_app.engine.memory import rows_per_pass
from desktop_app.engine.sweep_pass import Loss, Pass, Prompts, SweepPlan, pass_cost
from desktop_app.support.errors import is_out_of_memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

HALF = frozenset({"bfloat16", "float16"})
# Of the sweep's own work, so that measuring stays cheap; twice the prompts are always run.
_SHARE_OF_WORK = 0.08
# What rounding makes of a sum over parts, beside the largest of them, with room to spare.
_ROUNDED, _HALF_ROUNDED = 1e-3, 3e-2


def share_rounded(dtype: str) -> float:
    """Return by which share a whole may differ from its parts, when none of them is missing."""
    return _HALF_ROUNDED if dtype in HALF else _ROUNDED


class NoiseFloor:
    """Collects the untouched metric of a sweep's passes, and of a few more of other sizes."""

    def __init__(self, model: LoadedModel, prompts: Prompts, plan: SweepPlan) -> None:
        self._model = model
        self._prompts = prompts
        self._plan = replace(plan, heard=None)
        self._found: list[torch.Tensor] = []
        self._done = self._share = 0.0  # of the whole, and that of each further token

    def add(self, untouched: torch.Tensor) -> None:
        """Take over the metric `[N]` of the untouched rows of a pass."""
        self._found.append(untouched)

    def tokens(self, work: float) -> float:
        """Return what measuring it costs, in tokens through the model; 0 in full precision."""
        if self._model.info.dtype not in HALF:
            return 0.0
        count, copies = self._count, list(self._sizes(work))
        passes = (count + len(copies)) * pass_cost(self._model)
        return passes + count * (1 + sum(copies)) * self._prompts.ids.shape[1]

    def measure(self, report: Reporter, work: float, done: float) -> torch.Tensor | None:
        """Return the spread `[N]`, largest − smallest; None for full precision.

        Args:
            report: May cancel.
            work: Rows through the whole depth that the sweep's variants took.
            done: The fraction of the whole that went before.
        """
        if self._model.info.dtype not in HALF or self._prompts.base is None:
            return None
        self._done, self._share = done, (1 - done) / self.tokens(work)
        try:
            self.add(torch.cat([self._alone(report, row) for row in range(self._count)]))
            for copies in self._sizes(work):
                self.add(self._together(report, copies))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        found = torch.stack(self._found)
        return found.amax(0) - found.amin(0)

    @property
    def _count(self) -> int:
        return len(self._prompts.ids)

    def _sizes(self, work: float) -> Iterator[int]:
        """Yield of how many copies of all prompts a pass is made: 2, 3, 4, 6, 8, 12 and so on."""
        shape = tuple(self._prompts.ids.shape)
        most = (rows_per_pass(self._model, shape[1], shape, self._plan) + shape[0]) // shape[0]
        left, copies, after = max(2.0, _SHARE_OF_WORK * work / shape[0]), 2, 3
        while copies <= min(left, most):
            yield copies
            left, copies, after = left - copies, after, 2 * copies

    def _together(self, report: Reporter, copies: int) -> torch.Tensor:
        """Return the metric of untouched rows in a pass of so many copies of each prompt."""
        same = [
            Variant((Edit(0, "resid_pre", FromRun(row)),), row)
            for row in range(self._count)
            for _ in range(copies - 1)
        ]
        return self._pass(self._prompts, self._plan, same, report)

    def _alone(self, report: Reporter, row: int) -> torch.Tensor:
        """Return the metric of one prompt in a pass of its own, as a plain loop has it, `[1]`."""
        prompts, plan = self._prompts, self._plan
        other = row if plan.compared is None else plan.compared[row]
        one = Prompts(
            prompts.ids[row : row + 1],
            prompts.stream[row : row + 1],
            base=torch.zeros(1),
            base_logits=prompts.base_logits[other : other + 1],
            base_losses=prompts.base_losses[row : row + 1],
        )
        score, loss = plan.score, plan.loss
        return self._pass(
            one,
            SweepPlan(
                (plan.read[row],),
                None if score is None else lambda logits, _row, base: score(logits, row, base),
                None if loss is None else Loss(loss.targets[row : row + 1], loss.first),
            ),
            [],
            report,
        )

    def _pass(
        self, prompts: Prompts, plan: SweepPlan, variants: list[Variant], report: Reporter
    ) -> torch.Tensor:
        one = Pass(self._model, prompts, plan, 0, variants)
        rows = len(prompts.ids) + len(variants)
        share = self._share * (pass_cost(self._model) + rows * prompts.ids.shape[1])
        one.run(report, self._done, share)
        self._done += share
        return one.untouched
