"""Adding and removing plug-ins.

A wheel is unpacked into a temporary folder beside the others, which takes its name at the end: one
that is refused, or a program that is killed meanwhile, leaves what was there as it was. No system
exchanges two folders at once, so there is a moment between two renames in which a plug-in that is
being replaced has no name: it lies aside then, whole, in a hidden folder.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import secrets
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from desktop_app.support import paths, unfinished
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular, unwritable
from desktop_app.support.plugin_archives import ArchiveError, unpack
from desktop_app.support.plugin_facts import (
    MOST_RECORD_BYTES,
    DamagedError,
    here,
    is_for_here,
    read_facts,
)
from desktop_app.support.plugin_state import GROUP, key_of, plugins_dir, turn_off
from desktop_app.support.plugins import Plugin, find, found
from desktop_app.support.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class ThereAlreadyError(BadInputError):
    """A plug-in of that name is there: it is replaced only where that is wanted.

    Attributes:
        old: The one that is there.
        version: The version of the wheel.
    """

    def __init__(self, old: Plugin, version: str) -> None:
        """Say so, with what is there and what was to be added."""
        which = f" in version {old.version}" if old.version else ""
        super().__init__(
            f"The plug-in “{old.name}” is there already{which}: it stays, unless version {version} "
            "is to take its place."
        )
        self.old, self.version = old, version


def add(wheel: Path, *, replace: bool = False) -> Plugin:
    """Unpack a wheel into a folder of its own among the plug-ins; a new one is off.

    Args:
        wheel: The file; it is checked and stays where it is.
        replace: Whether it may take the place of one of its name, which stays on or off.

    Returns:
        The plug-in, as `found` tells of it.

    Raises:
        ThereAlreadyError: There is one of that name, and it was not said to replace it.
        BadInputError: The wheel is no plug-in, is damaged or for another machine, or there is no
            room for it.
    """
    key, version = _named(wheel)
    final = plugins_dir() / key
    old = _standing(key, final)
    if old is not None and not replace:
        raise ThereAlreadyError(old, str(version))
    try:
        paths.ensure(plugins_dir())
        with _temporary(key) as folder:
            _fill(folder, wheel, key, version)
            if old is None:
                turn_off(key)
            _take_place(folder, final)
    except OSError as error:
        raise _failed(wheel, error) from error
    return find(key)


def remove(name: str) -> Plugin:
    """Remove a plug-in with its folder, or with its files from one that it shares; it is off then.

    Returns:
        It, as it was.

    Raises:
        BadInputError: There is none of that name, or it cannot be removed.
    """
    plugin = find(name)
    turn_off(plugin.key)
    root, folder = plugins_dir(), plugin.folder
    is_shared = any(p.folder == folder and p.info != plugin.info for p in found())
    try:
        if folder.is_symlink():
            folder.unlink()
        elif folder.parent == root and not is_shared:
            _remove_folder(folder, plugin.key)
        else:
            _remove_files(folder, plugin.info)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInputError(
            f"The plug-in “{plugin.name}” cannot be removed ({reason}): it is off now; end "
            f"Lensbench and remove {folder} by hand."
        ) from error
    return plugin


# Adding.


def _named(wheel: Path) -> tuple[str, Version]:
    """Return name and version that a wheel's file name tells, where it is for this machine."""
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename:
        raise BadInputError(
            f"“{one_line(wheel.name)}” is no wheel: choose a file whose name is like "
            "name-1.0-py3-none-any.whl."
        ) from None
    _require_here(wheel, map(str, tags))
    return key_of(name), version


def _require_here(wheel: Path, tags: Iterable[str]) -> None:
    if not is_for_here(tags):
        raise BadInputError(f"“{wheel.name}” is not made for {here()}: choose the wheel that is.")


def _standing(key: str, final: Path) -> Plugin | None:
    """Return the plug-in of that name that may be replaced, or refuse what is in the way."""
    old = next((plugin for plugin in found() if plugin.key == key), None)
    if old is not None and old.folder != final and os.path.lexists(old.info):
        raise BadInputError(
            f"There is a plug-in “{old.name}” in {old.folder} already: remove that first."
        )
    if not os.path.lexists(final):
        return None
    if old is None or old.info == final or final.is_symlink():
        raise BadInputError(f"“{final}” is in the way and no plug-in: move it elsewhere.")
    return old


def _fill(folder: Path, wheel: Path, key: str, version: Version) -> None:
    """Unpack a wheel into a folder and see whether it is what its name says."""
    try:
        facts = read_facts(unpack(wheel, folder))
    except (ArchiveError, DamagedError) as error:
        raise BadInputError(
            f"“{wheel.name}” cannot be added, as {error}: ask where you have it from."
        ) from error
    if facts.key != key or not _is_version(facts.version, version):
        raise BadInputError(
            f"“{wheel.name}” cannot be added, as it says of itself that it is {facts.name} "
            f"{facts.version}: ask where you have it from."
        )
    if not facts.offers:
        raise BadInputError(
            f"“{wheel.name}” offers no analysis (entry points {GROUP}), so it is no plug-in; where "
            "a plug-in needs it, unpack it into the folder of that."
        )
    _require_here(wheel, facts.tags)


def _is_version(told: str, version: Version) -> bool:
    try:
        return Version(told) == version
    except InvalidVersion:
        return False


def _beside(key: str, kind: str) -> Path:
    """Return a new name among the plug-ins, in a form in which none is looked for."""
    return plugins_dir() / f".{key}-{secrets.token_hex(6)}.{kind}"


@contextlib.contextmanager
def _temporary(key: str) -> Iterator[Path]:
    """Give an empty folder beside the plug-ins; what is left of it afterwards is removed."""
    folder = _beside(key, "part")
    with unfinished.noted(folder):
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _take_place(folder: Path, final: Path) -> None:
    """Give a finished folder its name; the older one of that name goes, or stays where it fails."""
    if not final.exists():
        folder.rename(final)
        return
    aside = _beside(final.name, "old")
    final.rename(aside)
    try:
        folder.rename(final)
    except OSError:
        aside.rename(final)  # where this fails too it stays where it is: nothing of it is lost
        raise
    with unfinished.noted(aside):
        shutil.rmtree(aside, ignore_errors=True)


def _failed(wheel: Path, error: OSError) -> BadInputError:
    """Return the sentence for a wheel that could not be read, or its files not be written."""
    if error.errno == errno.EINVAL and error.filename is None:  # a place outside of the file
        return BadInputError(f"“{wheel.name}” is damaged: ask where you have it from.")
    if error.errno in {errno.ENOSPC, errno.EDQUOT} or error.filename != str(wheel):
        return unwritable(Path(error.filename or plugins_dir()), error)
    reason = error.strerror or type(error).__name__
    return BadInputError(f"“{one_line(str(wheel))}” cannot be read ({reason}): choose another.")


# Removing.


def _remove_folder(folder: Path, key: str) -> None:
    """Remove a folder at once: first it loses its name, so that no half of it is ever found."""
    if not os.path.lexists(folder):
        return
    with _temporary(key) as aside:
        folder.rename(aside / "old")


def _remove_files(folder: Path, info: Path) -> None:
    """Remove the files of one distribution among others, as its RECORD lists them."""
    for name in _listed(info):
        place = folder / name
        if not place.parent.resolve().is_relative_to(folder.resolve()):
            continue
        if place.is_symlink() or place.is_file():
            place.unlink()
        shutil.rmtree(place.parent / "__pycache__", ignore_errors=True)
        _remove_empty(place.parent, folder)
    if info.is_symlink():
        info.unlink()
    elif info.parent == folder and info.exists():
        shutil.rmtree(info)


def _listed(info: Path) -> list[PurePosixPath]:
    try:
        with open_regular(info / "RECORD") as file:
            text = file.read(MOST_RECORD_BYTES).decode("utf-8", "replace")
        names = [PurePosixPath(row[0]) for row in csv.reader(text.splitlines()) if row and row[0]]
    except (FileNotFoundError, csv.Error):
        return []
    return [name for name in names if not name.is_absolute() and ".." not in name.parts]


def _remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those above it as long as nothing is in them."""
    while folder not in {top, folder.parent}:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
