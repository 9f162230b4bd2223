"""Deleting a result as a step that can be undone, on the stack of all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QUndoCommand

from desktop_app.pictures.words import clipped
from desktop_app.support.guard import override

if TYPE_CHECKING:
    from desktop_app.window.sessions.session_desk import SessionDesk

_TITLE = 60


class DeleteStep(QUndoCommand):
    """Brings deleted results back into their session, or deletes them again."""

    def __init__(self, desk: SessionDesk, numbers: tuple[int, ...], title: str) -> None:
        super().__init__(f"deleting “{clipped(title, _TITLE)}”")
        self._desk = desk
        self._session = desk.session
        self._numbers = numbers
        self._is_done = True  # what is pushed has happened already

    @override
    def undo(self) -> None:
        if self._desk.session is self._session:
            self._desk.bring_back(*self._numbers)

    @override
    def redo(self) -> None:
        if self._is_done:
            self._is_done = False
        elif self._desk.session is self._session:
            self._desk.delete(*self._numbers, again=True)
