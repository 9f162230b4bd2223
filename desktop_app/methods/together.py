"""Reading many texts in few passes: those of one token length share one, and none is padded.

What is read of a text does not depend on the others in its pass, beyond the last digits that any
batch size rounds differently. An architecture that does not stand it is read one text at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import ShareReporter, SilentReporter
from desktop_app.engine.memory import fewer_rows, text_bytes, texts_per_pass, used_bytes
from desktop_app.engine.model import READ_HOOK
from desktop_app.engine.noise import HALF
from desktop_app.engine.sites import report_hooks
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.prepare import equal_length_groups

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import HookFn, LoadedModel

# In half precision so many texts are read once more alone, and so many of their logits compared.
_MOST_ASKED, _LIKELY = 3, 10

Read = Callable[[int, torch.Tensor], None]
"""Told the number of a text, and its logits `[positions, V]`, float32."""


@dataclass(frozen=True)
class Text:
    """Token ids, and the positions at which their logits are read.

    Attributes:
        ids: All of them, unpadded.
        first: The first position.
        end: The one after the last; None for all that follow.
    """

    ids: tuple[int, ...]
    first: int = 0
    end: int | None = None

    @property
    def last(self) -> int:
        """The position after the last one that is read."""
        return len(self.ids) if self.end is None else self.end

    @property
    def count(self) -> int:
        """At how many positions it is read."""
        return self.last - self.first


class Reader:
    """Reads texts with one model; what ran out of memory once is not tried as large again."""

    def __init__(self, model: LoadedModel) -> None:
        self._model = model
        self._is_shared = False
        self._asked = 0
        self._most_tokens: int | None = None

    def groups(self, texts: Sequence[Text]) -> list[list[int]]:
        """Return the numbers of texts that may share a pass, by the first of each group.

        Groups are no longer than a pass, so that the texts are done nearly in their order.
        """
        by_length: dict[int, int] = {}
        for text in texts:
            by_length[len(text.ids)] = max(text.count, by_length.get(len(text.ids), 1))
        limits = {n: self._limit(n, read) for n, read in by_length.items()}
        groups = []
        for length, limit in limits.items():
            own = [i for i, text in enumerate(texts) if len(text.ids) == length]
            some = equal_length_groups([length] * len(own), limit)
            groups += [[own[i] for i in group] for group in some]
        return sorted(groups)

    def needs(self, texts: Sequence[Text], groups: Sequence[Sequence[int]]) -> int:
        """Return the memory of the process (or on the GPU) at the peak of reading these groups."""
        most = (
            len(group) * text_bytes(self._model, len(texts[i].ids), max(1, texts[i].count))
            for group in groups
            for i in group[:1]
        )
        return used_bytes(self._model.device) + max(most, default=0)

    def read(
        self, texts: Sequence[Text], group: Sequence[int], report: Reporter, told: Read
    ) -> None:
        """Read the texts of a group, and tell of each.

        Args:
            texts: All texts.
            group: The numbers of those that are read: of one token length.
            report: Told after every layer; may cancel there and between texts.
            told: Told of each text in order.

        Raises:
            MemoryExhaustedError: Not even one text at a time fits.
        """
        first = 0
        while first < len(group):
            length = len(texts[group[0]].ids)
            some = group[first : first + min(len(group), self._allowed(length))]
            share = ShareReporter(report, first / len(group), len(some) / len(group))
            try:
                logits = self._pass([texts[i] for i in some], share)
            except (RuntimeError, MemoryError) as error:
                rows = fewer_rows(self._model, error, len(some), ("prompt", "prompts"))
                self._most_tokens = rows * length
                continue
            self._is_shared = len(some) > 1
            for number, own in zip(some, logits, strict=True):
                report.check()
                told(number, own.float())
            first += len(some)

    def rounding(self, text: Text, position: int, together: torch.Tensor) -> list[float]:
        """Return how far the likeliest logits go apart that a text has in its pass and alone.

        In float32 that is a matter of the sixth digit, and nothing is asked; in half precision of
        some texts only, since each costs a pass.

        Args:
            text: One that has just been read.
            position: Where.
            together: The logits `[V]` that it had there.
        """
        is_half = self._model.info.dtype in HALF
        if not (is_half and self._is_shared and self._asked < _MOST_ASKED):
            return []
        self._asked += 1
        alone = self._pass([Text(text.ids, position, position + 1)], SilentReporter())[0][0]
        likely = together.topk(min(_LIKELY, len(together))).indices
        apart = (alone.float() - together)[likely].abs().max()
        return [float(apart)] if bool(torch.isfinite(apart)) else []

    def _limit(self, length: int, read: int) -> int:
        if not self._model.reads_together:
            return 1
        return min(texts_per_pass(self._model, length, read), self._allowed(length))

    def _allowed(self, length: int) -> int:
        if self._most_tokens is None:
            return 2**31
        return max(1, self._most_tokens // max(1, length))

    def _pass(self, texts: Sequence[Text], report: Reporter) -> Sequence[torch.Tensor]:
        """Return each text's logits `[positions, V]`: of one pass, one batch row per text."""
        ids = self._model.ids([text.ids for text in texts])
        hooks = list(report_hooks(self._model, report))
        whole = all(text.count == len(text.ids) for text in texts)
        if not whole:
            hooks.append((READ_HOOK, _keeper(texts)))
        with no_hooks_left(self._model):
            logits = self._model.run(ids, hooks)
        if whole:
            return list(logits)
        return torch.split(logits[0], [text.count for text in texts])


def _keeper(texts: Sequence[Text]) -> HookFn:
    """Return a hook that keeps the positions that are read, those of all texts in one row."""
    rows = torch.tensor([n for n, text in enumerate(texts) for _ in range(text.count)])
    at = torch.tensor([place for text in texts for place in range(text.first, text.last)])

    def keep(x: torch.Tensor, hook: object) -> torch.Tensor:
        return x[rows.to(x.device), at.to(x.device)][None]

    return keep
