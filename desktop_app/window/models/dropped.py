"""What was dropped, and what of it can be opened as a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtCore import QMimeData

_PARTS = frozenset({"config.json", "tokenizer.json", "model.safetensors.index.json"})


def dropped_path(data: QMimeData) -> Path | None:
    """Return the file or folder that is being dropped."""
    urls = [url for url in data.urls() if url.isLocalFile()]
    return Path(urls[0].toLocalFile()) if urls else None


def model_place(path: Path) -> Path | None:
    """Return what can be opened: a folder, a `.gguf`, or the folder of a model's file."""
    if path.is_dir() or path.suffix.lower() == ".gguf":
        return path
    is_part = path.suffix.lower() == ".safetensors" or path.name in _PARTS
    return path.parent if is_part and path.is_file() else None
