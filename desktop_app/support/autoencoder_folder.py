"""Where autoencoders are kept that were trained here and given no other place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.support import paths

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "autoencoders"


def folder() -> Path:
    """Return that folder; it need not exist."""
    return paths.data_dir() / FOLDER
