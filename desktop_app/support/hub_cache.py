"""Whether a Hub model lies in the local cache: told by its folders, no library is imported."""

from __future__ import annotations

import os
from pathlib import Path


def hub_cache() -> Path:
    """Return the folder of the local Hub cache, as its library has it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if given := os.environ.get(name):
            return Path(given).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "huggingface" / "hub"


def is_cached(name: str) -> bool:
    """Return whether a snapshot of a Hub id is at hand, with its settings and weights."""
    snapshots = hub_cache() / f"models--{name.replace('/', '--')}" / "snapshots"
    try:
        folders = list(snapshots.iterdir())
    except OSError:
        return False
    return any(
        (folder / "config.json").is_file()
        and any(path.suffix in {".safetensors", ".bin"} for path in folder.iterdir())
        for folder in folders
        if folder.is_dir()
    )
