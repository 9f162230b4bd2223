"""What an analysis declares of itself: its name, its Params and the fields of its Result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.contract.params import Params

AbsentAxes = Callable[[Mapping[str, Any]], frozenset[str]]
"""From a result's settings to the axes that its arrays then lack."""


def _none_absent(_params: Mapping[str, Any]) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True)
class FieldSpec:
    """One named field of a result.

    Attributes:
        name: Its key in the result object.
        axes: Names of its axes, outermost first; empty for a single value.
        meaning: One phrase for column headings and help pages.
        unit: Its unit; `metric` stands for that of the chosen metric.
        nullable: Whether a missing value (NaN in memory, null in JSON) is a legitimate answer.
    """

    name: str
    axes: tuple[str, ...]
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class Analysis:
    """One analysis: from this, forms, options, exports and menus follow by themselves.

    Attributes:
        name: Its name in the contract.
        title: Its name on a tab.
        summary: One sentence.
        params: Its settings.
        needs_answers: Whether its default metric needs an answer.
        compares_answers: Whether answers that share their leading tokens must be refused.
        fields: What its result may hold.
        absent: Which axes are left out under which settings.
    """

    name: str
    title: str
    summary: str
    params: type[Params]
    fields: tuple[FieldSpec, ...]
    needs_answers: bool = False
    compares_answers: bool = False
    absent: AbsentAxes = _none_absent

    def axes(self, name: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the axes of a field in a result made with these settings, outermost first."""
        spec = self.field(name)
        absent = self.absent(params)
        return () if spec is None else tuple(axis for axis in spec.axes if axis not in absent)

    def field(self, name: str) -> FieldSpec | None:
        """Return the spec of a field; `_mean` and `_sem` twins inherit theirs."""
        for spec in self.fields:
            if spec.name == name:
                return spec
        stem, _, twin = name.rpartition("_")
        if twin in {"mean", "sem"}:
            origin = self.field(stem)
            if origin is not None and origin.axes and origin.axes[-1] == "prompt":
                meaning = ("Mean of " if twin == "mean" else "Standard error of ") + origin.meaning
                return FieldSpec(name, origin.axes[:-1], meaning, origin.unit, nullable=True)
        return None
