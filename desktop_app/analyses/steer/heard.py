"""What is taken of logits as they come: a whole vocabulary of every step of every text is too much.

Of the first new token the metric is measured at once, and only the steered texts' logits are kept,
until their full pass has been compared with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.steer.recompute import Kept
from desktop_app.methods.nearness import near_notices

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.steering import RunName


class Heard:
    """Hears the logits of continuations that grow together, as `Growing.logits`.

    Args:
        study: The run; it is told.
        names: The continuations, plain first where it is one of them.
        prompts: The prompt of each row.

    Attributes:
        kept: The logits of all steps of the steered ones.
    """

    def __init__(self, study: Study, names: Sequence[RunName], prompts: Sequence[int]) -> None:
        self.kept = Kept()
        self._study, self._names, self._prompts = study, names, prompts
        self._plain: dict[int, torch.Tensor] = {}

    def __call__(self, run: int, rows: Sequence[int], step: int, logits: torch.Tensor) -> None:
        """Hear one step of some rows `[rows, V]`."""
        if self._names[run] == "steered":
            self.kept.put(rows, step, logits)
        if step == 0:
            own = logits.to("cpu", copy=True)
            told = dict(zip((self._prompts[row] for row in rows), own, strict=True))
            if self._names[run] == "plain":
                self._hear_plain(told)
            self._measure(self._names[run], told)

    def _hear_plain(self, told: dict[int, torch.Tensor]) -> None:
        study = self._study
        self._plain = told  # rows that grow together are measured before the next ones come
        if study.keeps_base:
            study.base.update((prompt, own.clone()) for prompt, own in told.items())
        for prompt, own in told.items():
            study.near[prompt] = near_notices(
                study.model, study.params, study.prepared, [(prompt, own)]
            )

    def _measure(self, name: RunName, told: dict[int, torch.Tensor]) -> None:
        study = self._study
        for prompt, own in told.items():
            base = self._plain.get(prompt, study.base.get(prompt))
            study.first[name, prompt] = study.measured(prompt, own, base)
