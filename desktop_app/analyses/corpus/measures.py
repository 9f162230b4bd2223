"""The numbers of every head as one table: what is measured on text, and what is borrowed.

A result, a part of one that is still computed, and others' effects on prompts are read alike.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.contract.registry import hook
from desktop_app.contract.result import same_model
from desktop_app.pictures.words import number, part_name
from desktop_app.support.errors import MISFITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import ModelInfo, Result

Head = tuple[int, int]
"""Layer and head by the model's numbers, which are row and column here: all layers are read."""

BORROWED = "part_effects"
"""What other pictures offer: the effect of removing each part, on average over prompts."""
EFFECT = "effect"
_MOST_BORROWED = 4


@dataclass(frozen=True)
class Measure:
    """One number per head.

    Attributes:
        key: Its name in the result, or `effect…` for one that is borrowed.
        title: What it is called.
        short: The same as a heading of a narrow column.
        meaning: One phrase.
        unit: Its unit; empty for a share of attention, from 0 to 1.
        sizes: Whether a head is told by how far its number lies from 0, as effects are.
        digits: How many decimals are written.
    """

    key: str
    title: str
    short: str
    meaning: str
    unit: str = ""
    sizes: bool = False
    digits: int = 3

    @property
    def name(self) -> str:
        """Its title with its unit, as an axis says it."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def is_share(self) -> bool:
        """Whether it is a share of attention."""
        return not (self.unit or self.sizes)

    def text(self, value: float) -> str:
        """Write a value of it."""
        return number(value, self.digits, sign=self.sizes)


MEASURES = (
    Measure("induction", "Induction", "induction", "attention to what followed the same token"),
    Measure("previous", "Previous token", "previous", "attention to the token before"),
    Measure("duplicate", "Duplicate token", "duplicate", "attention to the same token before"),
    Measure("first", "First position", "first", "attention to position 0"),
    Measure("current", "Token itself", "itself", "attention to the token itself"),
    Measure("largest", "Largest weight", "largest", "mean of a row's largest weight"),
    Measure("entropy", "Entropy", "entropy", "how widely a row is spread", "nats"),
    Measure("distance", "Distance", "distance", "expected q − k, position 0 too", "tokens back",
            digits=1),
)  # fmt: skip
HABITS = ("previous", "duplicate", "induction", "current")
"""Measures by which a head is called, as in the literature; resting at position 0 is none."""


@dataclass(frozen=True)
class Effects:
    """What removing each head does on prompts, as another result knows it.

    Attributes:
        title: What the history calls that result.
        values: `[L, H]`; negative where removing it hurts, NaN where it was not removed.
        metric: What changes, in words.
        prompts: Over how many prompts it is a mean.
        estimated: Whether they are gradient estimates.
    """

    title: str
    values: np.ndarray
    metric: str
    prompts: int
    estimated: bool = False


def borrowed(
    lent: Sequence[tuple[str, Result]], model: ModelInfo, shape: tuple[int, int]
) -> tuple[Effects, ...]:
    """Return the effects of heads that finished results of this very model know, newest first."""
    found: list[Effects] = []
    for title, result in lent:
        tell = hook(result.analysis, "picture", BORROWED)
        if tell is None or result.partial or not same_model(result.model, model):
            continue
        with suppress(*MISFITS):  # a file's result may hold anything
            effects = tell(result)
            values = np.full(shape, np.nan)
            for (layer, head), value in {} if effects is None else effects.values.items():
                if head is not None and layer < shape[0] and head < shape[1]:
                    values[layer, head] = value
            if np.isfinite(values).any():
                count = len(result.prompts)
                found.append(Effects(title, values, effects.metric, count, effects.estimated))
        if len(found) == _MOST_BORROWED:
            break
    return tuple(found)


@dataclass(frozen=True)
class Heads:
    """The numbers of all heads.

    Attributes:
        data: The fields of a result, or those known so far.
        effects: What is borrowed, the newest first.
    """

    data: Mapping[str, Any]
    effects: tuple[Effects, ...] = ()
    _known: dict[str, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    def measures(self) -> tuple[Measure, ...]:
        """Return what there is to be looked at."""
        own = tuple(m for m in MEASURES if m.key in self.data)
        return (*own, *(effect_measure(self.effects, at) for at in range(len(self.effects))))

    def measure(self, key: str) -> Measure | None:
        """Return one of them by its key."""
        return next((m for m in self.measures() if m.key == key), None)

    def values(self, key: str) -> np.ndarray:
        """Return a number of each head, float64 `[L, H]`; NaN where it is not known."""
        if key not in self._known:
            at = effect_place(key)
            own = self.data[key] if at is None else self.effects[at].values
            values = np.asarray(own, dtype=np.float64)
            if values.ndim != 2:
                raise ValueError(f"{key}: one number per head was expected")
            self._known[key] = values
        return self._known[key]

    def value(self, key: str, head: Head) -> float:
        """Return a number of one head; NaN where the measure is not there."""
        if key not in self.data and effect_place(key) is None:
            return float("nan")
        return float(self.values(key)[head])

    @property
    def shape(self) -> tuple[int, int]:
        """How many layers and heads there are; zeros where nothing is known yet."""
        first = next((m.key for m in MEASURES if m.key in self.data), None)
        if first is None:
            return 0, 0
        layers, heads = self.values(first).shape
        return layers, heads

    def find(self, layer: int | None, head: int | None) -> Head | None:
        """Return a head by the model's numbers; None where it is not here."""
        layers, heads = self.shape
        if layer is None or head is None or not (0 <= layer < layers and 0 <= head < heads):
            return None
        return layer, head

    def head_of(self, flat: int) -> Head:
        """Return the head at a place of all heads in order."""
        layer, head = divmod(flat, self.shape[1])
        return layer, head

    def order(self, measure: Measure) -> list[Head]:
        """Return all heads that have the number, the largest first; of effects the largest size."""
        values = self.values(measure.key).ravel()
        told = np.abs(values) if measure.sizes else values
        order = np.argsort(-told, kind="stable")
        return [self.head_of(int(flat)) for flat in order if np.isfinite(told[flat])]

    def standing(self, measure: Measure, head: Head) -> tuple[int, int]:
        """Return a head's place among those that have the number, from 1, and how many they are.

        Heads of equal numbers share the better place; 0 of a head without one.
        """
        values = self.values(measure.key)
        told = np.abs(values) if measure.sizes else values
        known, own = told[np.isfinite(told)], told[head]
        if not np.isfinite(own):
            return 0, int(known.size)
        return int((known > own).sum()) + 1, int(known.size)

    def tip(self, head: Head) -> str:
        """Return a head in words: each of its numbers on a line."""
        told = [f"{m.title} {self.number(m, head)}" for m in self.measures()]
        return "\n".join([part_name(*head), *told])

    def number(self, measure: Measure, head: Head) -> str:
        """Write a number of a head with its unit."""
        text = measure.text(float(self.values(measure.key)[head]))
        return f"{text} {measure.unit}".strip()


def effect_measure(effects: Sequence[Effects], at: int) -> Measure:
    """Return what a borrowed effect is called: the newest by itself, others by their result."""
    one = effects[at]
    title = "Effect on my prompts" if at == 0 else f"Effect: {one.title}"
    about = "estimated effect" if one.estimated else "effect"
    meaning = f"{about} of removing it on {one.metric}; negative hurts; from: {one.title}"
    return Measure(f"{EFFECT}{at or ''}", title, "effect" if at == 0 else f"effect {at + 1}",
                   meaning, one.metric, sizes=True)  # fmt: skip


def effect_place(key: str) -> int | None:
    """Return which of the borrowed effects a key means; None of one's own measures."""
    if not key.startswith(EFFECT):
        return None
    return int(key.removeprefix(EFFECT) or 0)
