"""What this machine has and lacks."""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
from typing import Any

from desktop_app.engine import pack
from desktop_app.engine.devices import list_devices
from desktop_app.engine.memory import human_bytes
from desktop_app.support import paths
from desktop_app.support.installed import package_version

_PACKAGES = (
    "lensbench",
    "torch",
    "transformers",
    "transformer-lens",
    "PySide6-Essentials",
    "pyqtgraph",
)


def examine() -> dict[str, Any]:
    """Return facts by name, in words: versions, devices, models, display, folders."""
    facts: dict[str, Any] = {"python": platform.python_version(), "system": platform.platform()}
    facts |= {name: package_version(name) for name in _PACKAGES}
    for device in list_devices():
        free, total = human_bytes(device.free), human_bytes(device.total)
        facts[device.device] = f"{device.name}, {free} free of {total}"
    for name in pack.pack_names():
        facts[f"model {name}"] = pack.pack_problem(name) or "installed"
    facts["accelerate"] = "present" if importlib.util.find_spec("accelerate") else "missing"
    facts["display"] = _display()
    facts["data folder"] = str(paths.data_dir())
    return facts


def _display() -> str:
    if not sys.platform.startswith("linux"):
        return "native"
    shown = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    return shown or "none: the worked example runs headless"
