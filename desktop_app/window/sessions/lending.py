"""Lends a view the results of others that it can draw beneath its own, from the history.

What a view wants are functions that pictures offer by name; nobody here knows an analysis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.contract.registry import hook
from desktop_app.window.sessions.entries import moment, words

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.sessions.session_desk import SessionDesk

# Older ones than these are not asked: each is read from the file.
_NEWEST = 8


class LendingDesk(QObject):
    """Tells the views that want it what the history holds, the newest first."""

    def __init__(self, hall: Hall, session: SessionDesk) -> None:
        super().__init__(hall)
        self._views = hall.views
        self._session = session
        hall.views.built.connect(self._on_view_built)
        session.rows_changed.connect(self._on_rows_changed)
        session.opened.connect(self._on_rows_changed)

    def _on_view_built(self, view: AnalysisView) -> None:
        if view.borrows:
            self._lend(view)

    def _on_rows_changed(self, _rows: object = None) -> None:
        for view in self._views.standing():
            if view.borrows:
                self._lend(view)

    def _lend(self, view: AnalysisView) -> None:
        offered: dict[tuple[str, str], bool] = {}
        lent = dict.fromkeys(view.borrows, 0)
        found: list[tuple[str, Result]] = []
        for row in sorted(self._session.rows(), key=_made, reverse=True):
            wanted = [name for name in lent if _offers(row.analysis, name, offered)]
            if all(lent[name] >= _NEWEST for name in wanted):
                continue
            result = self._session.result(row.id)
            if result is not None:
                found.append((f"{words(row)[0]}, {moment(row.created)}", result))
                lent |= {name: lent[name] + 1 for name in wanted}
        view.take_lent(found)


def _offers(analysis: str, function: str, known: dict[tuple[str, str], bool]) -> bool:
    if (analysis, function) not in known:
        known[analysis, function] = hook(analysis, "picture", function) is not None
    return known[analysis, function]


def _made(row: SessionRow) -> tuple[str, int]:
    return row.created, row.id
