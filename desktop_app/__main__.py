"""The door: `lensbench …` is the command line, `lensbench` and `lensbench FILE.lens` the window."""

from __future__ import annotations

import multiprocessing
import sys


def main() -> int:
    """Start what the arguments name and return the exit status."""
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if arguments and not arguments[0].endswith(".lens"):
        from desktop_app import cli

        return cli.main(arguments)
    from desktop_app import app

    return app.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
