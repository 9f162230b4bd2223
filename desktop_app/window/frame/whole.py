"""One thing takes the whole window, picture or prompt table, and gives it back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QDockWidget,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.window.frame import layout
from desktop_app.window.frame.hall import PICTURE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.window.frame.edges import Edges


class Whole(QObject):
    """Hides all but one thing of a window, and puts everything back.

    Attributes:
        what: What has the window to itself: `picture`, the name of a dock, or empty for nothing.

    Signals:
        changed: The same, whenever it is another.
    """

    changed = Signal(str)

    def __init__(self, window: QMainWindow, docks: Mapping[str, QDockWidget], edges: Edges) -> None:
        super().__init__(window)
        self._window = window
        self._docks = docks
        self._edges = edges
        self.what = ""
        self._state: object = None
        self._hidden: list[QWidget] = []
        self._bars: list[QWidget] = []
        self._focus: QWidget | None = None
        self._lent: QWidget | None = None
        for dock in docks.values():
            dock.toggleViewAction().triggered.connect(self._on_dock_wanted)

    def stand_beside(self, *widgets: QWidget) -> None:
        """Take note of what is hidden beside the docks and the window's own bars."""
        self._bars = list(widgets)

    def toggle(self, what: str = PICTURE) -> None:
        """Give one thing the whole window; where it has it already, go back."""
        if self.what == what:
            self.leave()
            return
        self.leave()
        self._enter(what)

    def leave(self) -> None:
        """Put everything back to where it was."""
        if not self.what:
            return
        if self.what in self._docks:
            layout.title_of(self._docks[self.what]).stand_alone(False)
        self.what = ""
        self._lent = None
        for widget in self._hidden:
            widget.show()
        self._hidden = []
        with self._edges.at_rest():
            layout.restore_state(self._window, self._state)
        self._edges.put_back()
        if self._focus is not None and self._focus.isVisible():
            self._focus.setFocus(Qt.FocusReason.OtherFocusReason)
        self._focus = None
        self.changed.emit("")

    def with_bar(
        self, bar: QWidget, field: QWidget, slot: Callable[[], object] | None
    ) -> Callable[[], None]:
        """Return a slot that shows a hidden bar for as long as a field of it has the keyboard."""
        field.installEventFilter(self)

        def show_and_do() -> None:
            if self.what and bar.isHidden():
                self._lent = bar
                bar.show()
            if slot is not None:
                slot()

        return show_and_do

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and self._lent is not None:
            # Not at once: what was chosen there may be about to leave, too.
            QTimer.singleShot(0, self._take_back)
        return super().eventFilter(watched, event)

    def _take_back(self) -> None:
        if self._lent is not None and self.what:
            self._lent.hide()
        self._lent = None

    def _enter(self, what: str) -> None:
        window = self._window
        self._focus = QApplication.focusWidget()
        self._state = layout.state_of(window)
        dock = self._docks.get(what)
        central = window.centralWidget() if dock is not None else None
        bars = (window.menuBar(), window.statusBar(), *self._bars, central)
        self._hidden = [bar for bar in bars if bar is not None and not bar.isHidden()]
        self.what = what
        if dock is not None:
            dock.setFloating(False)
            dock.show()
            dock.raise_()
        for other in self._docks.values():
            if other is not dock and not other.isFloating():
                other.hide()
        self._edges.hide_strips()
        for bar in self._hidden:
            bar.hide()
        if dock is not None:
            layout.title_of(dock).stand_alone(True)
            self._take_keys(dock)
        self.changed.emit(what)

    def _take_keys(self, dock: QDockWidget) -> None:
        """Give a panel's list or table the keyboard, unless a text in the panel is being edited."""
        inside = dock.findChild(QAbstractItemView)
        edited = isinstance(self._focus, (QLineEdit, QPlainTextEdit))
        if inside is not None and not (edited and dock.isAncestorOf(self._focus or dock)):
            inside.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_dock_wanted(self, shown: bool) -> None:
        """Leave for a panel that was asked for by name."""
        action = self.sender()
        wanted = [dock for dock in self._docks.values() if dock.toggleViewAction() is action]
        if self.what and wanted:
            self.leave()
            wanted[0].setVisible(shown)
            if shown:
                wanted[0].raise_()
