"""The door: `lensbench …` is the command line, `lensbench` and `lensbench FILE.lens` the window."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys

from desktop_app.support.children import forget_own_libraries, run_module
from desktop_app.support.terminal import prepare_streams

OUT_FOLDER = "out"


def main() -> int:
    """Start what the arguments name and return the exit status."""
    try:
        return _start()
    except KeyboardInterrupt:  # while the libraries are imported
        sys.stderr.write("lensbench: interrupted\n")
        return 130


def _start() -> int:
    multiprocessing.freeze_support()
    forget_own_libraries()
    prepare_streams()
    arguments = sys.argv[1:]
    if run_module(arguments):
        return 0
    if arguments and not arguments[0].lower().endswith(".lens"):
        from desktop_app import cli

        return cli.main(arguments)
    # Modules that are imported stay, and looking at them costs a tenth of the start; the window
    # has a clock of its own for the collector.
    gc.disable()
    if not arguments and not has_display():
        from desktop_app import app

        return app.headless(OUT_FOLDER)
    from desktop_app import app

    return app.main(arguments)


def has_display() -> bool:
    """Return whether a window can be shown; Linux without one runs the worked example instead."""
    if not sys.platform.startswith("linux"):
        return True
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return any(os.environ.get(name) for name in names)


if __name__ == "__main__":
    sys.exit(main())
