"""The sessions of late: remembered, listed in the File menu and on the start, and offered there."""

from __future__ import annotations

from functools import partial
from os.path import isfile as is_file
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QMenu

from desktop_app.widgets.basics.words import plain_on_button, plain_tip
from desktop_app.window.frame.actions import ActionSpec
from desktop_app.window.prompts.prompt_model import visible
from desktop_app.window.sessions.recent_list import Recent
from desktop_app.window.settings import MAX_RECENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.sessions.file_desk import FileDesk, Recovery
    from desktop_app.window.sessions.recent_list import StartPanel
    from desktop_app.window.sessions.session_desk import SessionDesk
    from desktop_app.window.settings import Memory

_OFFER, _FORGET = "open_last", "forget_session"


class RecentDesk(QObject):
    """Keeps the list, opens what is chosen from it, and offers the last one at a start.

    A file that is no longer there stays in the list, and is said to be missing: its disk may come
    back. It goes when the user takes it off.
    """

    def __init__(
        self,
        hall: Hall,
        memory: Memory,
        session: SessionDesk,
        files: FileDesk,
        start: StartPanel,
        recovery: Recovery,
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._memory = memory
        self._session = session
        self._files = files
        self._start = start
        self._missing: frozenset[str] = frozenset()
        self._may_offer = False
        self.menu = QMenu("Open recent", hall.window)
        self.menu.setToolTipsVisible(True)
        self.menu.setAccessibleName("Open recent")
        self.menu.menuAction().setObjectName("open_recent")
        self.menu.menuAction().triggered.connect(self._pop_up)
        self.menu.aboutToShow.connect(self._fill_menu)
        start.recent.chosen.connect(self.open)
        start.recent.forgotten.connect(self.forget)
        start.open_clicked.connect(files.ask_session)
        session.opened.connect(self._on_opened)
        session.saved.connect(self._on_saved)
        session.row_added.connect(self._withdraw)
        recovery.settled.connect(self._offer_last)
        self._show()

    def action_specs(self) -> list[ActionSpec]:
        """Return the menu of the sessions of late."""
        action = self.menu.menuAction()
        return [ActionSpec("open_recent", "Open recent", "&File", 21, action=action)]

    def recent(self) -> tuple[Recent, ...]:
        """Return the sessions of late, the one of last at first."""
        kept = self._memory.settings.recent_sessions
        return tuple(Recent(path, path not in self._missing) for path in kept)

    def begin(self, *, offered: bool) -> None:
        """Look which files are there; `offered`: the last one is offered once that is known."""
        self._may_offer = offered
        self.look()

    def look(self) -> None:
        """See which files are there, off the window's thread: a disk may be slow, or gone."""
        paths = self._memory.settings.recent_sessions

        def work() -> partial[None]:
            return partial(self._tell_missing, {p: is_file(p) for p in paths})

        self._session.run(work)
        self._show()

    def open(self, path: str) -> None:
        """Open a session of the list; of one that is not there it is said."""
        self._hall.withdraw(_OFFER)
        if not is_file(path):
            self._missing |= {path}
            self._show()
            told = (
                f"“{visible(path)}” is not there: it was moved or deleted, or its disk is not "
                "connected. It stays in the list."
            )
            forget = {_FORGET: ("Take off the list", partial(self.forget, path))}
            self._hall.show(told, "warn", forget)
            return
        self._files.open_session(Path(path))

    def forget(self, path: str) -> None:
        """Take a session off the list; its file stays where it is."""
        self._hall.withdraw(_FORGET)
        self._keep(tuple(p for p in self._memory.settings.recent_sessions if p != path))

    def clear(self) -> None:
        """Empty the list; no file is touched."""
        self._keep(())
        self._hall.say("The list of recent sessions is empty; no file was touched.", "info")

    def _keep(self, paths: tuple[str, ...]) -> None:
        self._memory.change(recent_sessions=paths[:MAX_RECENT])
        self._memory.keep()  # a program that dies would forget the session it had open
        self._show()

    def _note(self, path: Path) -> None:
        """Put a session at the head of the list."""
        known, mine = self._memory.settings.recent_sessions, str(path.absolute())
        self._missing -= {mine}
        self._keep((mine, *(p for p in known if p != mine)))

    def _on_opened(self) -> None:
        self._withdraw()
        session = self._session.session
        if not session.is_temporary:
            self._note(session.path)

    def _on_saved(self, path: str) -> None:
        # A result's export is told by the same signal.
        if Path(path) == self._session.session.path:
            self._on_opened()

    def _withdraw(self) -> None:
        self._may_offer = False
        self._hall.withdraw(_OFFER)

    def _tell_missing(self, there: Mapping[str, bool]) -> None:
        self._missing = frozenset(path for path, is_there in there.items() if not is_there)
        self._show()

    def _offer_last(self) -> None:
        """Offer the session of last, where no unsaved work waits and nothing is being said."""
        last = next(iter(self.recent()), None)
        is_free = self._hall.banner.isHidden() and self._session.session.is_temporary
        if not self._may_offer or last is None or not last.is_there or not is_free:
            return
        self._may_offer = False
        told = f"Go on where you were: “{last.name}” in {last.folder}."
        self._hall.show(
            told, "info", {_OFFER: ("Open last session", partial(self.open, last.path))}
        )

    def _show(self) -> None:
        found = self.recent()
        self._start.show_recent(found)
        # An open menu keeps its entries: the one that was chosen may be speaking just now.
        for action in self.menu.actions():
            told = next((recent for recent in found if recent.path == action.data()), None)
            if told is not None:
                action.setText(_entry(told))

    def _fill_menu(self) -> None:
        self.look()
        found = self.recent()
        self.menu.clear()
        for recent in found:
            action = self.menu.addAction(_entry(recent))
            action.setData(recent.path)
            action.setToolTip(plain_tip(visible(recent.path)))
            action.triggered.connect(partial(self.open, recent.path))
        if found:
            self.menu.addSeparator()
            self.menu.addAction("Clear this list").triggered.connect(self.clear)
        else:
            self.menu.addAction("No session was opened or saved yet").setEnabled(False)

    def _pop_up(self) -> None:
        """Show the list where it was asked for by the search, which knows no menus in menus."""
        window = self._hall.window
        self.menu.popup(window.mapToGlobal(QPoint(window.width() // 3, 80)))


def _entry(recent: Recent) -> str:
    return plain_on_button(recent.words())
