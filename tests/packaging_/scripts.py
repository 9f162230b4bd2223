"""How tests reach the scripts of `packaging/`, which is no package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "packaging"


def script(name):
    """Import one by its name; as for the script itself, its siblings are found beside it."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(name)
