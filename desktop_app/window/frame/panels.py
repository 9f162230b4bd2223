"""The panels around the picture; help and log, which show themselves, are made here."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.ranking import Column
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.frame import layout
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.frame.edges import KEYS, Edges
from desktop_app.window.frame.fitting import Fitting
from desktop_app.window.frame.hall import PICTURE
from desktop_app.window.frame.help_pages import GLOSSARY, START
from desktop_app.window.frame.help_panel import HelpPanel
from desktop_app.window.frame.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtWidgets import QMainWindow

    from desktop_app.support.logs import LogBook
    from desktop_app.window.frame.hall import Hall

POLL_MS = 500
_WARNING = 30
_INFO = 20
_COLUMNS = (
    Column("Time", "mono", width=76),
    Column("times", title="×", align="right", width=64, tooltip="How often it came"),
    Column("Level", width=76),
    Column("Source", width=150),
    Column("Message", width="stretch"),
)
_LOG_HEIGHT = 190
_PANELS = "Panels"


class LogPanel(QWidget):
    """A table of the log book, looked at twice a second: a flood costs the window nothing.

    Signals:
        warnings_counted: How many different warnings and errors there are.
    """

    warnings_counted = Signal(int)

    def __init__(self, book: LogBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._revision = -1
        self._counted = -1
        self._level = SegmentedControl([("warnings", "Warnings"), ("all", "All")])
        self._level.setAccessibleName("Which records to show")
        self.table = RankingList("Log", _COLUMNS, sortable=True)
        self.table.set_empty_text("Nothing to report.")
        self._build()
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self._level.changed.connect(self._show)

    def refresh(self) -> None:
        """Look into the book where it has news."""
        if self._book.revision == self._revision:
            return
        self._revision = self._book.revision
        count = sum(entry.level >= _WARNING for entry in self._book.entries())
        if count != self._counted:
            self._counted = count
            self.warnings_counted.emit(count)
        if self.isVisible():
            self._show()

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    @override
    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._show()

    def _build(self) -> None:
        copy, clear = QPushButton("Copy"), QPushButton("Clear")
        for button in (copy, clear):
            set_role(button, "quiet")
        copy.clicked.connect(self._on_copy_clicked)
        clear.clicked.connect(self._on_clear_clicked)
        told = ElidedLabel("Identical records are counted, not repeated.", "small")
        line = filled(QHBoxLayout(), self._level, (told, 1), copy, clear)
        filled(QVBoxLayout(self), line, (self.table, 1), margins=(10, 6, 10, 8))

    def _show(self) -> None:
        entries = self._book.entries()
        lowest = _INFO if self._level.value() == "all" else _WARNING
        shown = sorted((e for e in entries if e.level >= lowest), key=lambda e: -e.last)
        rows = [
            (
                time.strftime("%H:%M:%S", time.localtime(e.last)),
                f"×{e.count:,}" if e.count > 1 else "",
                e.level_name,
                e.source,
                e.message,
            )
            for e in shown
        ]
        self.table.set_rows(rows)

    def _on_clear_clicked(self) -> None:
        self._book.clear()
        self.refresh()

    def _on_copy_clicked(self) -> None:
        text = "\n".join(
            f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(e.last))} {e.level_name} "
            f"{e.source}: {e.message} (×{e.count:,})"
            for e in self._book.entries()
        )
        QApplication.clipboard().setText(text)


class Panels(QObject):
    """Docks the panels, and brings those forward that are hidden at first.

    Attributes:
        window: What they stand in.
        docks: The docks by name.
        edges: What is folded away to the window's edges.
        whole: What takes the whole window.
        help: The help pages.
        help_width: How wide the help was last; 0 before it was shown.
        log: What was logged.
    """

    def __init__(
        self, window: QMainWindow, hall: Hall, rooms: Mapping[str, QWidget], log_book: LogBook
    ) -> None:
        super().__init__(window)
        self.window = window
        self._views = hall.views
        self.help_width = self._beside = 0
        self.help = HelpPanel()
        self.log = LogPanel(log_book)
        widgets = {**rooms, "help": self.help, "log": self.log}
        self.docks = {
            key: layout.make_dock(key, key.capitalize(), widget, window)
            for key, widget in widgets.items()
        }
        self.edges = Edges(window, self.docks)
        self.whole = Whole(window, self.docks, self.edges)
        self._fitting = Fitting(window, self.docks, self.edges)
        self._offer_whole(hall)
        self._tidying = QTimer(self, singleShot=True, interval=0)
        self._tidying.timeout.connect(self._tidy)
        for changed in (
            *(self.edges.changed, self.whole.changed),
            *(dock.topLevelChanged for dock in self.docks.values()),
            *(dock.dockLocationChanged for dock in self.docks.values()),
        ):
            changed.connect(self._tidying.start)
        self.whole.changed.connect(self.fit)
        self.edges.changed.connect(self._fitting.fit_new)
        hall.whole_wanted.connect(self.whole.toggle)
        self.whole.changed.connect(hall.whole_changed)
        self.docks["help"].toggleViewAction().toggled.connect(self._on_help_toggled)
        hall.help_wanted.connect(self.show_help)
        hall.heading_wanted.connect(self.show_help)
        hall.log_wanted.connect(self.show_log)
        hall.prompts_wanted.connect(self.show_prompts)
        self.log.warnings_counted.connect(self._on_warnings_counted)

    def action_specs(self) -> list[ActionSpec]:
        """Return what shows and hides panels."""
        return [
            *(
                ActionSpec(
                    *(f"dock_{key}", key, "&View", 30),
                    action=dock.toggleViewAction(),
                    submenu=_PANELS,
                )
                for key, dock in self.docks.items()
            ),
            *(replace(spec, submenu=_PANELS) for spec in in_menu("&View", *self._folds())),
            *in_menu("&View", *self._whole_rows()),
            *in_menu(
                "&Help",
                ("help", "Help on this analysis", 0, self._show_here, "F1", "help"),
                ("help_start", "Getting started", 10, partial(self.show_help, START)),
                ("help_glossary", "Glossary", 10, partial(self.show_help, GLOSSARY)),
                ("show_log", "Log", 20, self.show_log, "Ctrl+L"),
            ),
        ]

    def _folds(self) -> list[tuple[object, ...]]:
        told = "Fold the panels at the {}"
        return [
            (f"fold_{side}", told.format(side), 30, partial(self.fold, side), keys)
            for side, keys in KEYS.items()
        ]

    def _whole_rows(self) -> list[tuple[object, ...]]:
        picture, prompts = (partial(self.whole.toggle, what) for what in (PICTURE, "prompts"))
        told = "Hide panels and bars, or show them again"
        names = (
            ("whole_picture", "Picture over the whole window"),
            ("whole_prompts", "Prompt table over the whole window"),
        )
        return [
            (*names[0], 34, picture, "F11", "whole", told, True),
            (*names[1], 34, prompts, "Shift+F11", "table", told),
        ]

    def place(self) -> None:
        """Put all docks back to where they were at the first start."""
        self.whole.leave()
        with self.edges.at_rest():
            layout.place_docks(self.window, self.docks)
        self.take_over((), ())
        self._tidying.start()

    def folded(self) -> tuple[list[str], list[str]]:
        """Return the panels that are folded away, and those of them that only gave room."""
        return list(self.edges.folded()), list(self._fitting.folded())

    def restore(self, state: object, folded: Sequence[str], gave_room: Sequence[str]) -> bool:
        """Put panels to where a state has them, as far as there is room; False: unusable."""
        self.whole.leave()
        with self.edges.at_rest():
            done = layout.restore_state(self.window, state)
        self.take_over(folded, gave_room)
        return done

    def take_over(self, folded: Sequence[str], gave_room: Sequence[str]) -> None:
        """Have these folded away, of what a restored state does not show, and fit the rest."""
        self.edges.set_folded(folded)
        self.edges.put_back()
        self._fitting.forget(gave_room)
        self.fit()

    def fold(self, side: str) -> None:
        """Fold the panels of a side away to their edge, or bring them back."""
        self.whole.leave()
        self.edges.toggle(side)

    def fit(self) -> None:
        """Fit the panels into a window that has become narrower or wider."""
        if self.window.isVisible() and not self.whole.what:
            self._fitting.fit()

    def show_help(self, page: str, heading: str = "", words: str = "") -> None:
        """Show a help page beside the picture, at a heading or at words beneath it."""
        self.whole.leave()
        dock = self.docks["help"]
        self.help.show_page(page, heading, words)
        if not dock.isVisible():
            self._beside = self.docks["inspector"].width()
            layout.show_help(self.window, dock, self.help_width)
        dock.raise_()

    def show_prompts(self) -> None:
        """Bring the prompt table into sight."""
        if self.whole.what == PICTURE:
            self.whole.leave()
        if not self.docks["prompts"].isVisible():
            self.edges.unfold("prompts")

    def show_log(self) -> None:
        """Show the log."""
        self.whole.leave()
        log = self.docks["log"]
        was_hidden = not log.isVisible()
        if was_hidden:
            log.show()
        if log.isVisible() and not log.isFloating() and was_hidden:
            self.window.resizeDocks([log], [_LOG_HEIGHT], Qt.Orientation.Vertical)
        log.raise_()

    def _offer_whole(self, hall: Hall) -> None:
        """Put a button into the title of the prompts that gives them the whole window."""
        button, title = QToolButton(), self.docks["prompts"].titleBarWidget()

        def show(what: str) -> None:
            back = what == "prompts"
            bind_icon(button, "whole-back" if back else "whole", "text_muted")
            words = "Show the picture again" if back else "Give the prompts the whole window"
            button.setToolTip(plain_tip(f"{words} (Shift+F11)"))
            button.setAccessibleName(words)

        show("")
        button.clicked.connect(partial(self.whole.toggle, "prompts"))
        hall.whole_changed.connect(show)
        if isinstance(title, layout.DockTitle):
            title.add_button(button)

    def _on_help_toggled(self, shown: bool) -> None:
        """Give the inspector its width back, which had grown with the help in its place."""
        if not shown and self._beside:
            layout.set_width(self.window, self.docks["inspector"], self._beside)

    def _tidy(self) -> None:
        layout.hide_stray_tabs(self.window, self.docks.values())

    def _show_here(self) -> None:
        """Show the help on this analysis; with the focus in its picture, on the number there."""
        view, focus = self._views.shown(), QApplication.focusWidget()
        told = view.explain() if focus is not None and view.isAncestorOf(focus) else None
        self.show_help(self._views.current, "" if told is None else told.heading)

    def _on_warnings_counted(self, count: int) -> None:
        self.docks["log"].setWindowTitle(f"Log ({count})" if count else "Log")
