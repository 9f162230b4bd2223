"""The views of the analyses, each built when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from desktop_app.contract.registry import ANALYSES
from desktop_app.views.making import create_view, stand_in_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import Analysis
    from desktop_app.views.base import AnalysisView
    from desktop_app.widgets.basics.selection import Selection


class ViewShelf(QObject):
    """A mapping from names to views; a view that nobody has asked for costs nothing.

    Attributes:
        current: The name of the analysis that is shown.

    Signals:
        built: The view that has just been made.
        opened: The view that is to be shown now.
        lodgers_changed: Analyses that are not installed came with a session, or went.
    """

    built = Signal(object)
    opened = Signal(object)
    lodgers_changed = Signal()

    def __init__(self, selection: Selection, parent: QObject) -> None:
        super().__init__(parent)
        self._selection = selection
        self._views: dict[str, AnalysisView] = {}
        self._lodgers: dict[str, Analysis] = {}
        self.current = next(iter(ANALYSES))

    def __getitem__(self, name: str) -> AnalysisView:
        if name not in self._views:
            view = create_view(self.analyses()[name], self._selection)
            if name in self._lodgers:
                view.forbid_running(self._lodgers[name].summary)
            self._views[name] = view
            self.built.emit(view)
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.analyses())

    def __contains__(self, name: str) -> bool:
        return name in self._lodgers or name in ANALYSES

    def analyses(self) -> dict[str, Analysis]:
        """Return what there are views of: what is installed, and what only a session brought."""
        return {**ANALYSES, **self._lodgers}

    def open(self, name: str) -> None:
        """Show the view of an analysis; one that there is not leaves the view that is shown."""
        if name in self:
            self.current = name
            self.opened.emit(self[name])

    def shown(self) -> AnalysisView:
        """Return the view that is shown."""
        return self[self.current]

    def there(self, name: str) -> AnalysisView | None:
        """Return a view where it is built already."""
        return self._views.get(name)

    def standing(self) -> list[AnalysisView]:
        """Return the views that are built."""
        return list(self._views.values())

    def lodge(self, result: Result) -> None:
        """Make room for a result, whether or not its analysis is installed."""
        if result.analysis not in self:
            self._lodgers[result.analysis] = stand_in_for(result)
            self.lodgers_changed.emit()

    def dismiss_lodgers(self) -> None:
        """Let go of the analyses that are not installed, with their views."""
        names, self._lodgers = tuple(self._lodgers), {}
        for name in names:
            if name in self._views:
                self._views.pop(name).deleteLater()
        if names:
            self.lodgers_changed.emit()
        if self.current not in self:
            self.open(next(iter(self)))
