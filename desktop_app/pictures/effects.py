"""What removing a part does in all, for whoever knows what it does directly.

Whoever has such numbers offers them in its picture as `part_effect(result, asked)`, and all of them
at once as `part_effects(result)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.result import same_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.grammar import Part
    from desktop_app.contract.result import ModelInfo, PromptRecord, Result


@dataclass(frozen=True)
class AskedEffect:
    """A part of a model, a metric, and the prompts on which it is watched.

    Attributes:
        model: What runs them.
        records: The prompts with their answers.
        metric: The number that is watched, at the last token of each.
        layer: The model's number of the layer.
        head: That of the head; None for the MLP.
    """

    model: ModelInfo
    records: tuple[PromptRecord, ...]
    metric: str
    layer: int
    head: int | None

    def places(self, result: Result) -> list[int] | None:
        """Return where a result speaks of each of the prompts; None where it does not of all."""
        if not same_model(result.model, self.model):
            return None
        if str(result.params.get("metric")) != self.metric:
            return None
        known = {_key(record): place for place, record in reversed(list(enumerate(result.prompts)))}
        found = [known.get(_key(record)) for record in self.records]
        return None if None in found else [place for place in found if place is not None]


@dataclass(frozen=True)
class PartEffect:
    """What removing it changes.

    Attributes:
        values: Removed − untouched, one per prompt that was asked for.
        mode: What took its place: `zero`, `mean` or `resample`.
        estimated: Whether they are gradient estimates.
    """

    values: np.ndarray
    mode: str
    estimated: bool = False

    def of(self, prompt: int | None) -> float:
        """Return the change on a prompt, or its mean."""
        known = self.values[np.isfinite(self.values)]
        if prompt is not None:
            return float(self.values[prompt])
        return float(known.mean()) if known.size else float("nan")


@dataclass(frozen=True)
class PartEffects:
    """What removing each of many parts changes, one at a time, on average over prompts.

    Attributes:
        values: By part; negative where it hurts, whatever the metric.
        metric: What changes, in words.
        estimated: Whether they are gradient estimates.
    """

    values: Mapping[Part, float]
    metric: str
    estimated: bool = False

    def below(self, least: float) -> tuple[Part, ...]:
        """Return the parts whose removal costs more than `least`, the costliest first."""
        hurt = (part for part, value in self.values.items() if value < -least)
        return tuple(sorted(hurt, key=lambda part: self.values[part]))


def compared(record: PromptRecord) -> tuple[object, ...]:
    """Return what is compared of a prompt: where it is read, and the ids of answers and wrongs."""
    ids = (tuple(a.token_id for a in some) for some in (record.answers, record.wrongs))
    return record.read_position, *ids


def _key(record: PromptRecord) -> tuple[object, ...]:
    return record.tokens.ids, *compared(record)
