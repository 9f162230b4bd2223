"""Where Lensbench keeps things: its own resources, and the user's data, settings and logs.

Nothing here creates a folder except `ensure` and `private`. The environment variable
`LENSBENCH_HOME` names one folder that then holds all of the user's files (tests and portable
installations use it).
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Literal, TextIO

import platformdirs

APP_NAME = "Lensbench"
HOME_VARIABLE = "LENSBENCH_HOME"


def resource(*parts: str) -> Path:
    """Return the path of a file or folder that travels with the application.

    Args:
        parts: Path below `resources/`, one name each; none gives the folder itself.

    Returns:
        An absolute path. It is not checked that the file exists.
    """
    return _resources_folder().joinpath(*parts)


def document(name: str) -> Path:
    """Return the path of a text of the whole project that is shown in the program.

    Such texts lie in the root of the source tree, and among the resources of a wheel and of the
    frozen program.

    Args:
        name: `CHANGELOG.md` or `LICENSE`.

    Returns:
        An absolute path. It is not checked that the file exists.
    """
    resources = _resources_folder()
    return (resources.parent if resources == _source_resources() else resources) / name


def data_dir() -> Path:
    """Return the folder of what took work to get: model packs, sessions being written."""
    return _user_folder("data", platformdirs.user_data_path(APP_NAME, appauthor=False))


def config_dir() -> Path:
    """Return the folder of the settings."""
    return _user_folder("config", platformdirs.user_config_path(APP_NAME, appauthor=False))


def log_dir() -> Path:
    """Return the folder of the logs and crash reports."""
    return _user_folder("log", platformdirs.user_log_path(APP_NAME, appauthor=False))


def ensure(path: Path) -> Path:
    """Create a folder and its parents where they are missing, and return it."""
    path.mkdir(parents=True, exist_ok=True)
    return path


def private(path: Path) -> Path:
    """Create a folder that nobody but the user may look into, and return it.

    One that is there already and belongs to the user is closed to others.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    return path


def open_private(path: Path, mode: Literal["a", "w"]) -> TextIO:
    """Open a text file for writing that nobody but the user may read."""
    file = open(  # noqa: SIM115 - for the caller, who closes it
        path, mode, encoding="utf-8", errors="backslashreplace", opener=_for_user
    )
    with contextlib.suppress(OSError):
        path.chmod(0o600)  # one of an earlier version
    return file


def _for_user(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _resources_folder() -> Path:
    """Find `resources/` in the frozen program, the installed wheel, or the source tree."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return Path(bundle) / "resources"
    inside_wheel = Path(__file__).resolve().parents[1] / "resources"
    return inside_wheel if inside_wheel.is_dir() else _source_resources()


def _source_resources() -> Path:
    return Path(__file__).resolve().parents[2] / "resources"


def _user_folder(kind: str, platform_default: Path) -> Path:
    """Return one of the user's folders, below `LENSBENCH_HOME` where that is set."""
    home = os.environ.get(HOME_VARIABLE)
    return Path(home).expanduser().absolute() / kind if home else platform_default
