"""Two results of the history laid over each other, in a window of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.window.frame.actions import in_menu
from desktop_app.window.sessions.entries import kind, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.session.store import SessionRow
    from desktop_app.window.comparison.view import ComparisonDialog
    from desktop_app.window.exports.picture_desk import PictureDesk
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.sessions.results_panel import ResultsPanel
    from desktop_app.window.sessions.session_desk import SessionDesk


class ComparisonDesk(QObject):
    """Opens comparisons of the results that are marked in the history."""

    def __init__(
        self, hall: Hall, session: SessionDesk, results: ResultsPanel, pictures: PictureDesk
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._session = session
        self._results = results
        self._pictures = pictures
        self.dialog: ComparisonDialog | None = None
        # Stored arrays of a session that is closed can no longer be read.
        self._session.opened.connect(self.close)
        results.asked.connect(self._on_asked)

    def action_specs(self) -> list[ActionSpec]:
        """Return the comparison."""
        tip = "Mark two results of one analysis in the history"
        compare, keys = self.compare_marked, "Ctrl+Shift+D"
        return in_menu("&File", ("compare", "Compare results…", 90, compare, keys, "compare", tip))

    def compare_marked(self) -> None:
        """Compare the two marked results, or the marked one with the one of its kind before it."""
        marked = self._results.marked()
        if not marked:
            self._hall.say("Mark a result in the history first, or two with Ctrl+click.")
            return
        if len(marked) > 2 or len({row.analysis for row in marked}) > 1:
            self._hall.say("Mark two results of one analysis to compare them.")
            return
        rows = [r for r in self._session.rows() if r.analysis == marked[0].analysis]
        pair = sorted(row.id for row in marked)
        if len(pair) == 1:
            others = [r.id for r in rows if r.id != pair[0]]
            if not others:
                self._hall.say(f"There is no other result of {kind(marked[0])} to compare it with.")
                return
            before = [n for n in others if n < pair[0]]
            pair = sorted((before[-1] if before else others[0], pair[0]))
        self._open(rows, pair[0], pair[1])

    def close(self) -> None:
        """Close the comparison."""
        if self.dialog is not None:
            self.dialog.close()

    def _open(self, rows: Sequence[SessionRow], first: int, second: int) -> None:
        from desktop_app.window.comparison.view import (  # noqa: PLC0415 - when first opened
            ComparisonDialog,
        )

        self.close()
        dialog = ComparisonDialog(rows, self._pictures, self._hall.window)
        self.dialog = dialog
        dialog.pair_chosen.connect(self._show)
        dialog.finished.connect(self._on_finished)
        dialog.set_chosen(first, second)
        if self._show(first, second):
            dialog.show()
            self._results.unmark()
        else:
            dialog.close()

    def _show(self, first: int, second: int) -> bool:
        left, right = self._session.result(first), self._session.result(second)
        if left is None or right is None or self.dialog is None:
            return False
        titles = {row.id: f"{row.id} · {words(row)[0]}" for row in self._session.rows()}
        self.dialog.view.show_pair(left, right, (titles.get(first, ""), titles.get(second, "")))
        return True

    def _on_asked(self, code: str, _number: int) -> None:
        if code == "compare":
            self.compare_marked()

    def _on_finished(self) -> None:
        self.dialog = None
