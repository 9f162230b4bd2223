"""What a run of steering may be asked beside its texts: each part adds fields of its own.

A part first says whether what is asked of it can be done, before anything is generated, and how
much work it is; behind the texts it is made, in this order. Where it is cancelled it may return
what it has with the warning `partial`, if the reporter keeps that; else it lets `Cancelled` pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from desktop_app.analyses.steer import equivalence, readings, scan, sweep
from desktop_app.analyses.steer.growth import Strips
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL

if TYPE_CHECKING:
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.analyses.steer.study import Study
    from desktop_app.analyses.steer.trials import Worth
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice

Found = tuple[Mapping[str, Any], "Sequence[Notice]"]


@dataclass(frozen=True)
class Extra:
    """One part.

    Attributes:
        title: What it is called where it is missing.
        asked: Whether settings ask for it.
        check: Refuses what cannot be done, and returns what it costs.
        make: Makes it of the finished study.
    """

    title: str
    asked: Callable[[SteerParams], bool]
    check: Callable[[Study], Worth]
    make: Callable[[Study, Reporter], Found]


EXTRAS: tuple[Extra, ...] = (
    Extra(
        "the readings along the direction",
        lambda params: bool(params.read_direction),
        readings.check,
        readings.read,
    ),
    Extra(
        "the sweep",
        lambda params: bool(params.sweep_layers or params.sweep_coefs),
        sweep.check,
        sweep.swept,
    ),
    Extra("the scan", lambda params: params.scan, scan.check, scan.scanned),
    Extra(
        "the experiments",
        lambda params: params.preset == "equivalence",
        equivalence.check,
        equivalence.found_by,
    ),
)


class Extras:
    """The parts that settings of a study ask for.

    Args:
        study: The study, nothing said yet.

    Attributes:
        share: What share of all work they are.
        memory: Bytes that they take at their peak, beside what is held already.
        data: Their fields, as far as they are made.
        notices: Their warnings.

    Raises:
        BadInputError: A part cannot be done.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._parts = [part for part in EXTRAS if part.asked(study.params)]
        costs = [part.check(study) for part in self._parts]
        self._work = [cost.continuations for cost in costs]
        self.memory = max((cost.memory for cost in costs), default=0)
        own = len(study.names) * len(study.texts)
        self.share = sum(self._work) / (own + sum(self._work))
        self.data: dict[str, Any] = {}
        self.notices: list[Notice] = []
        self._made = 0

    @property
    def missing(self) -> tuple[str, ...]:
        """The parts that were not made, by their titles."""
        return tuple(part.title for part in self._parts[self._made :])

    def make(self, report: Reporter) -> None:
        """Make all parts; the first that is stopped is the last."""
        done = 0.0
        for part, work in zip(self._parts, self._work, strict=True):
            share = ShareReporter(report, done / sum(self._work), work / sum(self._work))
            found, told = part.make(self._study, _Beside(share, self._study, self.data))
            self._made += 1
            self.data |= found
            done += work
            if any(notice.code == PARTIAL for notice in told):
                self.notices += map(self._with_missing, told)
                return
            self.notices += told

    def _with_missing(self, notice: Notice) -> Notice:
        """Return the warning of a part that was stopped with those that were not begun."""
        if notice.code != PARTIAL or not self.missing:
            return notice
        return replace(notice, message=f"{notice.message} {missing_words(self.missing)}")


def missing_words(titles: Sequence[str]) -> str:
    """Say which parts are missing."""
    return f"Missing: {', '.join(titles)}."


class _Beside(ShareReporter):
    """Hands over what a part knows beside the texts and the parts that were made before it."""

    def __init__(self, inner: Reporter, study: Study, made: Mapping[str, Any]) -> None:
        super().__init__(inner, 0.0, 1.0)
        self._study, self._made = study, made
        self._texts: dict[str, Any] | None = None

    @override
    def partial(self, data: Mapping[str, Any]) -> None:
        if self._texts is None:
            self._texts = dict(Strips(self._study))
        super().partial({**self._texts, **self._made, **data})
