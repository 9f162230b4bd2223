"""Whether the model does prompts that are being made: asked in a click, said in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QProgressBar, QPushButton

from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import Sign, bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.segmented import Toggle
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.jobs.events import JobProgress

_TRY, _CANCEL = "Does the model do it?", "Cancel"
_KEEP = "Keep only those that the model does"


class GateBar(QFrame):
    """A button that tries the prompts, what came of it, and whether the others are let go.

    Signals:
        wanted: The prompts are to be tried.
        cancelled: The trial is to end.
        keep_changed: Whether only those are kept that the model does.
    """

    wanted = Signal()
    cancelled = Signal()
    keep_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._is_trying = self._keeps = False
        self.button = QPushButton(_TRY)
        self.button.setAutoDefault(False)
        self.keep = Toggle(_KEEP)
        self._mark = Sign(16)
        self._words = label("", "heading", wrap=True)
        self._rule = label("", "small", wrap=True)
        self._progress = QProgressBar()
        self._progress.setTextVisible(False)
        self._progress.setFixedHeight(4)
        self.keep.setAccessibleName(_KEEP)
        self._progress.setAccessibleName("How far the trial is")
        middle = Qt.AlignmentFlag.AlignVCenter
        line = row_in(None, self.button, (self._mark, 0, middle), (self._words, 1), self.keep)
        column_in(self, line, self._progress, self._rule, spacing=6, margins=10)
        self.button.clicked.connect(self._on_clicked)
        self.keep.clicked.connect(self._on_keep)
        self._progress.hide()
        self.say("", "info", "")
        self.let_try("Nothing to try yet")
        self.let_keep(allowed=False)

    def say(self, words: str, severity: str, rule: str) -> None:
        """Say what the model does, by which rule."""
        self._words.setText(words)
        self._words.setProperty("severity", severity)
        self._mark.set_severity(severity)
        self._mark.setVisible(bool(words))
        self._rule.setText(rule)
        self._rule.setVisible(bool(rule))
        self.setAccessibleName(f"{severity}: {words}" if words else "Whether the model does it")

    def let_try(self, why_not: str = "") -> None:
        """Let the prompts be tried, or say why they cannot be."""
        self.button.setEnabled(self._is_trying or not why_not)
        tip = "Ranks every prompt's next token; the window stays free, and Cancel ends it"
        self.button.setToolTip(plain_tip(why_not or tip))

    def let_keep(self, *, allowed: bool) -> None:
        """Let only those be kept that the model does; what was chosen holds again then."""
        self.keep.setEnabled(allowed)
        self.keep.setChecked(allowed and self._keeps)
        self.keep.setToolTip(plain_tip("" if allowed else "Known once the prompts were tried"))

    def keeps(self) -> bool:
        """Return whether only those are to be kept, where it is known which."""
        return self._keeps

    def show_trying(self, trying: bool) -> None:
        """Show that the prompts are being tried, or no longer."""
        self._is_trying = trying
        self.button.setText(_CANCEL if trying else _TRY)
        bind_icon(self.button, "cancel" if trying else "run")
        self._progress.setRange(0, 0)
        self._progress.setVisible(trying)
        if trying:
            self.button.setEnabled(True)

    def show_progress(self, event: JobProgress) -> None:
        """Show how far it is."""
        if self._is_trying:
            self._progress.setRange(0, 1_000)
            self._progress.setValue(int(event.fraction * 1_000))

    def read_out(self) -> dict[str, Any]:
        """Return what is said and what can be chosen."""
        return {
            "gate": self._words.text(),
            "rule": self._rule.text(),
            "trying": self._is_trying,
            "keep": self.keep.isChecked(),
        }

    @Slot()
    def _on_clicked(self) -> None:
        (self.cancelled if self._is_trying else self.wanted).emit()

    @Slot()
    def _on_keep(self) -> None:
        self._keeps = self.keep.isChecked()
        self.keep_changed.emit(self._keeps)
