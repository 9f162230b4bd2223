"""A computed result is kept: where it was asked for, else wherever there is a place for it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desktop_app.session.database import SIDECARS, UnmadeError, remove
from desktop_app.session.exports import export
from desktop_app.session.file import GoneError
from desktop_app.session.store import Session, unsaved_place
from desktop_app.support import paths
from desktop_app.support.errors import BadInputError, LensbenchError
from desktop_app.support.files import try_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from desktop_app.contract.result import Result

FOLDER = "rescued"
ENDING = ".lens"
_TRIES = 5
_STEM_BYTES = 60


def check_target(target: Path) -> None:
    """Refuse a file that a result could not be written to, before it is computed.

    Raises:
        BadInputError: In a sentence, why not.
    """
    if not _is_session(target):
        try_out(target)
    elif os.path.isfile(target) and os.path.getsize(target) > 0:
        try:
            with Session.open(target) as session:
                session.try_out()
        except UnmadeError:  # as good as not there
            try_out(target, SIDECARS[0])
    else:
        try_out(target, SIDECARS[0])


def keep(result: Result, target: Path) -> None:
    """Add a result to a session, or write it to another file, as the ending says.

    Raises:
        BadInputError: It could not be written there: the sentence names the file that it was
            written to instead, where there is one.
    """
    try:
        if _is_session(target):
            _add(result, target)
        else:
            export(result, target)
    except (LensbenchError, OSError, sqlite3.Error, MemoryError) as error:
        problem = str(error) or f"“{target}” cannot be written ({type(error).__name__})."
        for place in _places(target):
            if rescue(result, place):
                raise BadInputError(
                    f"{problem} The result is kept in “{place}”: open it, or copy it from there."
                ) from error
        raise BadInputError(f"{problem} The result could be kept nowhere else.") from error


def rescue(result: Result, place: Path) -> bool:
    """Try to write a result to a new session; return whether it is there."""
    try:
        if not place.parent.exists():
            paths.private(place.parent)
        session = Session.create(place, private=True)
    except (LensbenchError, OSError, sqlite3.Error):
        return False
    with session:
        try:
            session.add(result)
        except (LensbenchError, OSError, sqlite3.Error, MemoryError):
            remove(place)
            return False
    return True


def _add(result: Result, target: Path) -> None:
    """Add a result to a session file, anew where another program replaced the file meanwhile."""
    for _ in range(_TRIES):
        try:
            with Session.open_or_create(target) as session:
                session.add(result)
        except GoneError:
            continue
        return
    with Session.open_or_create(target) as session:
        session.add(result)


def _places(target: Path) -> Iterator[Path]:
    """Give new names to try: beside the one that was asked for, then where the user's files are."""
    stamp = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    stem = target.stem.encode("utf-8", "replace")[:_STEM_BYTES].decode("utf-8", "ignore")
    name = f"{stem or 'result'}-rescued-{stamp}{ENDING}"
    yield target.absolute().parent / name
    yield paths.data_dir() / FOLDER / name
    with contextlib.suppress(BadInputError):
        yield unsaved_place() / name


def _is_session(target: Path) -> bool:
    return target.suffix.lower() == ENDING
