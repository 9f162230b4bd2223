"""What this machine and this installation are, in words: for the doctor and for bug reports.

Nothing heavy is imported for it, and nothing of what runs models: it is told in the viewer too.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING, Any

import psutil

from desktop_app.support import installed, known_wrong, paths
from desktop_app.support.plugin_state import plugins_dir
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from pathlib import Path

Facts = dict[str, "str | list[str]"]

PACKAGES = (
    *("torch", "transformers", "transformer-lens", "tokenizers", "safetensors", "accelerate"),
    *("huggingface_hub", "gguf", "PySide6-Essentials", "pyqtgraph", "numpy", "pydantic"),
)
"""What is named with its version: what computes, and what draws."""


WRONG, GUARDED = "known wrong", "harmless here"


def versions() -> dict[str, str]:
    """Return what this program is and what it is built of, with their versions."""
    return {
        "lensbench": installed.package_version("lensbench"),
        "build": installed.BUILD_NAMES[installed.build()],
        "python": platform.python_version(),
        "system": platform.platform(),
        **{name: _or_missing(installed.package_version(name)) for name in PACKAGES},
    }


def machine() -> dict[str, str]:
    """Return memory, disk and display of this machine."""
    memory = psutil.virtual_memory()
    free, total = human_bytes(memory.available), human_bytes(memory.total)
    return {
        "memory": f"{free} free of {total}",
        "disk": _disk(paths.data_dir()),
        "display": _display(),
    }


def folders() -> dict[str, Path]:
    """Return where things are kept; none of them needs to exist yet."""
    return {
        "data folder": paths.data_dir(),
        "settings folder": paths.config_dir(),
        "log folder": paths.log_dir(),
        "plug-ins folder": plugins_dir(),
        "program folder": paths.resource().parent,
    }


def troubles() -> Facts:
    """Return what is lacking and what does not go together, where there is something."""
    told: dict[str, Any] = {}
    problem = installed.compute_problem()
    if problem is not None:
        told["lacks"] = ", ".join(installed.missing())
        told["runs models"] = problem
    for found in known_wrong.found_here():
        told.setdefault(GUARDED if found.pair.guarded else WRONG, []).append(found.sentence)
    out_of_range = list(known_wrong.out_of_range().values())
    if out_of_range:
        told["other versions"] = out_of_range
    return told


def all_facts() -> Facts:
    """Return everything above by name."""
    where = {name: str(path) for name, path in folders().items()}
    return {**versions(), **machine(), **where, **troubles()}


def as_lines(facts: Facts) -> list[str]:
    """Return facts as lines of a table; what are several things stands in a line each."""
    several = {name: [said] if isinstance(said, str) else said for name, said in facts.items()}
    return [f"{name:<24} {line}" for name, lines in several.items() for line in lines]


def _or_missing(version: str) -> str:
    return "missing" if version == installed.UNKNOWN else version


def _disk(folder: Path) -> str:
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    try:
        usage = shutil.disk_usage(there or folder)
    except OSError:
        return "unknown"
    return f"{human_bytes(usage.free)} free of {human_bytes(usage.total)} at the data folder"


def _display() -> str:
    if not sys.platform.startswith("linux"):
        return "native"
    shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    alone = "no window opens" if installed.missing() else "the worked example runs headless"
    return shown or f"none: {alone}"
