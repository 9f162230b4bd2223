"""A session without a file, for when nothing on this machine can be written to."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from desktop_app.session import schema
from desktop_app.session.claim import Claim
from desktop_app.session.store import Session


class MemorySession(Session):
    """Keeps everything in memory until `save_as` gives it a file; it ends with the program."""

    def __init__(self) -> None:
        """Begin an empty session."""
        # The file is what the base class is about; here there is none to open.
        self.path = Path("(in memory)")
        self.is_temporary = True
        self.notice = None
        self._lock = threading.RLock()
        self._claim = Claim()
        self._place = None
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        schema.make_tables(self._connection)
        self._connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {schema.SCHEMA}")
        self._seen_version = self._data_version()

    def is_gone(self) -> bool:
        """Return whether the file was deleted, moved or replaced: never while there is none."""
        return self._place is not None and super().is_gone()

    def _check_place(self) -> None:
        if self._place is not None:
            super()._check_place()
