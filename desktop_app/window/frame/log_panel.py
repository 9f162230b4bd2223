"""The log: every record once, with a count."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.pictures.ranking import Column
from desktop_app.views.frame import label
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.support.logs import LogBook, LogEntry

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
        self._level.changed.connect(self._on_level_changed)

    def refresh(self) -> None:
        """Look into the book where it has news."""
        if self._book.revision == self._revision:
            return
        self._revision = self._book.revision
        entries = self._book.entries()
        count = sum(entry.level >= _WARNING for entry in entries)
        if count != self._counted:
            self._counted = count
            self.warnings_counted.emit(count)
        if self.isVisible():
            self._show(entries)

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    def showEvent(self, event: object) -> None:
        """Catch up with what happened while the panel was hidden."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._show(self._book.entries())

    def _build(self) -> None:
        copy, clear = QPushButton("Copy"), QPushButton("Clear")
        for button in (copy, clear):
            set_role(button, "quiet")
        copy.clicked.connect(self._on_copy_clicked)
        clear.clicked.connect(self._on_clear_clicked)
        line = QHBoxLayout()
        line.addWidget(self._level)
        line.addWidget(label("Identical records are counted, not repeated.", "small"))
        line.addStretch(1)
        line.addWidget(copy)
        line.addWidget(clear)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.addLayout(line)
        column.addWidget(self.table, 1)

    def _show(self, entries: Sequence[LogEntry]) -> None:
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

    def _on_level_changed(self) -> None:
        self._show(self._book.entries())

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
