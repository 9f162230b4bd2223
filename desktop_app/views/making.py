"""The view of an analysis: its own, where it brings one, and the one that draws any result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.params import Params
from desktop_app.contract.registry import ANALYSES, BUILT_IN, find, hook
from desktop_app.contract.spec import Analysis
from desktop_app.support.guard import guard_package

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.contract.result import Result
    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.selection import Selection


def create_view(
    analysis: Analysis | str, selection: Selection, parent: QWidget | None = None
) -> AnalysisView:
    """Return a new view of an analysis, given by its name where it is installed."""
    declared = find(analysis) if isinstance(analysis, str) else analysis
    view = hook(declared.name, "view", "VIEW")
    if view is None:
        from desktop_app.views.default import DefaultView  # noqa: PLC0415 - with the first such

        view = DefaultView
    _guard(declared.name)
    made: AnalysisView = view(declared, selection, parent)
    _guard(declared.name)  # what was imported with the making
    return made


def _guard(name: str) -> None:
    """Guard what Qt calls in the widgets of another package."""
    package = ANALYSES.package(name)
    if package is not None and name not in BUILT_IN:
        guard_package(package.partition(".")[0])


def stand_in_for(result: Result) -> Analysis:
    """Return what is known of an analysis that is not installed here: what its result says."""
    title = result.analysis.replace("_", " ").capitalize()
    return Analysis(
        name=result.analysis,
        title=title,
        summary=f"{title} is not installed here: its results can be read, not made.",
        params=Params,
        fields=result.fields,
    )
