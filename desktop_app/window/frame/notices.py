"""What the window says above the picture: one sentence, with what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication

from desktop_app.widgets.basics.messages import Banner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desktop_app.widgets.basics.chip import Severity
    from desktop_app.window.frame.main_window import MainWindow

    Offer = tuple[str, Callable[[], object]]


class Notices(QObject):
    """One banner for all rooms; the newest sentence takes the place of the one before.

    Signals:
        problem_told: A sentence on what went wrong.
    """

    problem_told = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.banner = Banner()
        self._slots: Mapping[str, Callable[[], object]] = {}
        self.banner.action_clicked.connect(self._on_action_clicked)

    def show(
        self,
        sentence: str,
        severity: Severity = "bad",
        offers: Mapping[str, Offer] | None = None,
    ) -> None:
        """Say something until it is read.

        Args:
            sentence: What is wrong, with what, and what to do.
            severity: Its colour and sign.
            offers: Label and slot of each button, by its code.
        """
        given = offers or {}
        self._slots = {code: slot for code, (_, slot) in given.items()}
        labels = [(code, label) for code, (label, _) in given.items()]
        self.banner.show_message(sentence, severity, labels)
        if severity == "bad":
            self.problem_told.emit(sentence)

    def show_problem(self, sentence: str) -> None:
        """Say what went wrong."""
        self.show(sentence)

    def copying(self, label: str, report: str) -> Offer:
        """Return the offer to copy a report."""

        def copy() -> None:
            QApplication.clipboard().setText(report)
            self._window.say("Copied.", "good")

        return label, copy

    def withdraw(self, code: str) -> None:
        """Take the banner away where it makes that offer."""
        if self.banner.offers(code):
            self.banner.dismiss()

    def _on_action_clicked(self, code: str) -> None:
        if code in self._slots:
            self._slots[code]()
