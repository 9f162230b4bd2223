"""What a program that died left unsaved: found at the start, offered without being in the way."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.session import unsaved
from desktop_app.widgets.basics.messages import Banner
from desktop_app.window.sessions.results_rows import moment

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from desktop_app.session.unsaved import Leftover
    from desktop_app.window.sessions.file_desk import FileDesk
    from desktop_app.window.sessions.session_desk import SessionDesk
    from desktop_app.window.sessions.session_thread import Answer

_RESTORE, _DISCARD = "restore_unsaved", "discard_unsaved"


class Recovery(QObject):
    """Offers unsaved sessions one after another, newest first, in a banner of its own.

    Dismissed, the offer comes again at the next start.
    """

    def __init__(self, session: SessionDesk, files: FileDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self.banner = Banner()
        self.banner.hide()
        self._session = session
        self._files = files
        self._left: tuple[Leftover, ...] = ()
        self.banner.action_clicked.connect(self._on_action)

    def look(self) -> None:
        """Look for unsaved work, off the window's thread."""
        self._session.run(self._find)

    def _find(self) -> Answer:
        return functools.partial(self._offer, unsaved.leftovers())

    def _offer(self, left: tuple[Leftover, ...]) -> None:
        self._left = left
        if not left:
            self.banner.dismiss()
            return
        newest = left[0]
        what = "1 result was" if newest.results == 1 else f"{newest.results} results were"
        more = f" {len(left) - 1} more such sessions wait." if len(left) > 1 else ""
        self.banner.show_message(
            f"{what} not saved when Lensbench ended unexpectedly (the newest of "
            f"{moment(newest.newest)}).{more}",
            "warn",
            [(_RESTORE, "Restore"), (_DISCARD, "Discard")],
        )

    def _on_action(self, code: str) -> None:
        if not self._left:
            return
        path, rest = self._left[0].path, self._left[1:]
        if code == _RESTORE:
            if not self._files.may_leave() or not self._session.restore(path):
                return
        else:
            self._session.run(functools.partial(unsaved.discard, path))
        self._offer(rest)
