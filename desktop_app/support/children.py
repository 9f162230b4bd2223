"""Processes of our own: modules of this program, run by the same interpreter or program."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import desktop_app

# What the installed program, which is no interpreter, runs in place of itself.
MODULES = ("desktop_app.engine.bounded", "desktop_app.engine.packs.pack_convert")
MODULE_FLAG = "--run-module"
_STARTER = "_PYI_"
_SEARCH_PATH = "LD_LIBRARY_PATH"
_QT_PATHS = ("QT_PLUGIN_PATH", "QML2_IMPORT_PATH")
# Where Windows would open a console for each of them.
NO_CONSOLE: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def is_frozen() -> bool:
    """Return whether this is the installed program rather than an interpreter."""
    return bool(getattr(sys, "frozen", False))


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs one of `MODULES`.

    Args:
        module: Its dotted name.
        arguments: What it is given.
    """
    if not is_frozen():
        return [sys.executable, "-m", module, *arguments]
    # On Windows the one with a window has no standard streams; its twin beside it has.
    twin = Path(sys.executable).with_name("lensbench.exe")
    program = str(twin) if os.name == "nt" and twin.is_file() else sys.executable
    return [program, MODULE_FLAG, module, *arguments]


def run_module(arguments: list[str]) -> bool:
    """Run the module that the arguments of this process ask for; return whether they ask for one.

    Only the installed program is asked so, and only for what it starts itself.
    """
    if not is_frozen() or len(arguments) < 2 or arguments[0] != MODULE_FLAG:
        return False
    if arguments[1] not in MODULES:
        return False
    sys.argv = arguments[1:]
    runpy.run_module(arguments[1], run_name="__main__", alter_sys=False)
    return True


def forget_own_libraries() -> None:
    """Let programs of the machine that are started from here find its libraries and not ours.

    The installed program's starter puts its own folder first on the search path; the system's
    loader has read that already. Its own marks go as well: a program that inherits them, be it one
    of our children or one that a file manager starts, would take itself for a part of this one, and
    look for nothing.
    """
    if not is_frozen():
        return
    for name in [name for name in os.environ if name.startswith(_STARTER)]:
        del os.environ[name]
    if not sys.platform.startswith("linux"):
        return
    before = os.environ.pop(f"{_SEARCH_PATH}_ORIG", None)
    if before:
        os.environ[_SEARCH_PATH] = before
    else:
        os.environ.pop(_SEARCH_PATH, None)


def forget_own_plugins() -> None:
    """Let programs of the machine that Qt draws, file managers for one, load their own plugins.

    The installed program's starter names ours, and those of another Qt end such a program. Qt reads
    that when the application is made: before, it would not find them itself.
    """
    if is_frozen():
        for name in _QT_PATHS:
            os.environ.pop(name, None)


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child that runs one of our modules, offline and in UTF-8.

    Args:
        more: What it is told besides.
    """
    root = str(Path(desktop_app.__file__).resolve().parents[1])
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {
        **os.environ,
        "PYTHONPATH": search,
        "PYTHONIOENCODING": "utf-8",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        **more,
    }
