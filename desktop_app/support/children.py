"""Processes of our own: modules of this program, run by the same interpreter."""

from __future__ import annotations

import os
from pathlib import Path

import desktop_app


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
