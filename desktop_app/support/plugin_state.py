"""Which plug-ins are on, and which folders of theirs this process imports from.

A start asks this first, and where none is on it pays for nothing else of `plugins`.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
from typing import TYPE_CHECKING

from desktop_app.support import paths
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GROUP = "lensbench.analyses"
"""The entry points by which a package offers analyses."""
FOLDER = "plugins"
SWITCHES = "plugins.json"
MOST_NAMES = 500
_MOST_BYTES = 100_000
_SEPARATORS = re.compile(r"[-_.]+")
_log = logging.getLogger(__name__)
_active: list[str] = []


def plugins_dir() -> Path:
    """Return the folder in which plug-ins lie; it may not be there."""
    return paths.data_dir() / FOLDER


def key_of(name: str) -> str:
    """Return a distribution's name in the form in which names are compared.

    As `packaging` does it, which a start would import for this alone.
    """
    return _SEPARATORS.sub("-", name).lower()


def switched_on() -> frozenset[str]:
    """Return the names of what is on, as names are compared; none where they cannot be read."""
    path = paths.config_dir() / SWITCHES
    try:
        with open_regular(path) as file:
            stored = json.loads(file.read(_MOST_BYTES))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("The switches in %s cannot be read (%s): all plug-ins are off.", path, error)
        return frozenset()
    names = stored.get("on") if isinstance(stored, dict) else None
    if not isinstance(names, list):
        _log.warning("The switches in %s are no switches: all plug-ins are off.", path)
        return frozenset()
    return frozenset(key_of(name) for name in names[:MOST_NAMES] if isinstance(name, str))


def keep(names: Iterable[str]) -> None:
    """Write which plug-ins are on; the file is replaced wholly or not at all.

    Raises:
        BadInputError: It cannot be written.
    """
    folder = paths.config_dir()
    try:
        paths.private(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInputError(f"“{folder}” cannot be made ({reason}): mend that.") from error
    with write_atomically(folder / SWITCHES, private=True) as file:
        file.write(json.dumps({"on": sorted(names)}, indent=1).encode("utf-8"))


def turn_off(name: str) -> None:
    """Let a plug-in that has just come or gone be off, whatever one of its name was before.

    Raises:
        BadInputError: Nothing can be written.
    """
    names, key = switched_on(), key_of(name)
    if key in names:
        keep(names - {key})


def import_from(folder: Path) -> None:
    """Let modules be found in a folder, after all other places."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        _active.append(str(folder))
        importlib.invalidate_caches()


def is_imported_from(folder: Path) -> bool:
    """Return whether this process may have imported something from there."""
    return str(folder) in _active


def deactivate() -> None:
    """Let nothing further be imported from plug-ins until they are activated again."""
    while _active:
        folder = _active.pop()
        if folder in sys.path:
            sys.path.remove(folder)
