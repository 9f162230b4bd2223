"""The view of an analysis by its name: its own, where it brings one, else one for any result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.registry import find, hook
from desktop_app.views.default import DefaultView

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.selection import Selection


def create_view(name: str, selection: Selection, parent: QWidget | None = None) -> AnalysisView:
    """Return a new view of the analysis of that name."""
    analysis = find(name)
    view = hook(name, "view", "VIEW")
    if view is None:
        return DefaultView(analysis, selection, parent)
    made: AnalysisView = view(selection, parent)
    return made
