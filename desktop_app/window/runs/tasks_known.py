"""Which prompts the open model was seen to do, and which it was not: remembered, without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import ModelInfo, Result

Key = tuple[object, ...]
MOST_KNOWN = 50_000


@dataclass(frozen=True)
class Shared:
    """What a verdict hangs on beside the prompt: the model, and how texts become tokens."""

    model: ModelInfo
    bos: str = "auto"
    chat: bool = False

    def key(self, row: PromptRow) -> Key:
        """Return what tells a prompt from all others; its label, group and twin do not count."""
        made = self.model
        model = made.fingerprint, made.dtype, made.weights, made.layernorm
        return (*model, self.bos, self.chat, row.text, row.answer, row.wrong)


def shared_of(result: Result) -> Shared:
    """Return what the verdicts of a result hang on."""
    given = result.params
    return Shared(result.model, str(given.get("bos", "auto")), bool(given.get("chat", False)))


class TaskBook:
    """Remembers verdicts; the oldest are let go where there are very many."""

    def __init__(self) -> None:
        self._known: dict[Key, bool] = {}

    def learn(self, shared: Shared, rows: Sequence[PromptRow], done: Sequence[bool | None]) -> bool:
        """Take verdicts over, None saying nothing; return whether any is news."""
        is_news = False
        for row, verdict in zip(rows, done, strict=False):
            key = shared.key(row)
            if verdict is not None and self._known.get(key) is not verdict:
                self._known[key] = verdict
                is_news = True
        for key in list(self._known)[: max(0, len(self._known) - MOST_KNOWN)]:
            del self._known[key]
        return is_news

    def verdicts(self, shared: Shared, rows: Sequence[PromptRow]) -> tuple[bool | None, ...]:
        """Return whether the model does each prompt; None where that was never seen."""
        return tuple(self._known.get(shared.key(row)) for row in rows)


def task_of(result: Result) -> tuple[bool | None, ...]:
    """Return what a ranking says by the gate of causal analyses: on top, and preferred to wrong."""
    found = []
    for number, record in enumerate(result.prompts):
        ranks = [entry["rows"][0]["rank"] for entry in result.data["answers"][number]]
        on_top = bool(ranks) and min(ranks) == 0
        preferred = not record.wrongs or float(result.data["logit_diff"][number]) > 0
        found.append(on_top and preferred if record.answers and ranks else None)
    return tuple(found)


def gate_of(result: Result, rows: Sequence[PromptRow]) -> tuple[bool | None, ...]:
    """Return what a result with a gate of its own says; of prompts without an answer nothing."""
    found = result.data.get("task_done")
    if found is None or result.partial:
        return ()
    done = np.asarray(found).astype(bool).tolist()
    return tuple(bool(d) if row.answer else None for d, row in zip(done, rows, strict=False))
