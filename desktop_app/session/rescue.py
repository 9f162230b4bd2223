"""Writing down what is still known of a session whose file can no longer be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.session.memory import MemorySession
from desktop_app.support.errors import LensbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from desktop_app.contract.result import Result
    from desktop_app.session.history import SessionRow
    from desktop_app.session.store import Session


def is_readable(session: Session) -> bool:
    """Return whether a session's file can still be read from end to end."""
    try:
        return session.query("PRAGMA quick_check(1)") == [("ok",)]
    except LensbenchError:
        return False


def rescue(
    rows: Sequence[SessionRow], known: Mapping[int, Result], path: Path
) -> tuple[Session, int]:
    """Write the results that are still in memory to a new session.

    Args:
        rows: The history as it was last read.
        known: Results by id; those whose arrays lie in the lost file cannot be saved.
        path: The new file.

    Returns:
        The new session, and how many results of the history are lost.

    Raises:
        BadInputError: It cannot be written there either.
    """
    fresh = MemorySession()
    lost = 0
    for row in rows:
        result = known.get(row.id)
        try:
            if result is None:
                raise LensbenchError
            number = fresh.add(result, row.title)
        except LensbenchError:
            lost += 1
            continue
        fresh.annotate(number, row.notes)
        fresh.set_star(number, star=row.star)
        fresh.set_tags(number, row.tags)
    fresh.save_as(path)
    return fresh, lost
