"""Reads torch's libraries from the disk without holding up the window.

`import torch` maps several hundred megabytes of shared library while it holds the interpreter's
lock, so that the window stands still for 0.3 s, and for seconds on a slow disk. Called through
ctypes, the system's loader runs without that lock; the import then finds the library loaded.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

_LIBRARIES = {
    "linux": ("libtorch_cpu.so", "libtorch_python.so"),
    "darwin": ("libtorch_cpu.dylib", "libtorch_python.dylib"),
}


def preload_torch() -> bool:
    """Load torch's large libraries; return whether that was possible. Imports nothing.

    Where it is not possible, the import does the same by itself, less smoothly.
    """
    names = _LIBRARIES.get(sys.platform)
    if names is None or "torch" in sys.modules:
        return False
    folder = _torch_libraries()
    if folder is None:
        return False
    loader = ctypes.CDLL(None).dlopen
    loader.restype = ctypes.c_void_p
    loader.argtypes = (ctypes.c_char_p, ctypes.c_int)
    handles = [loader(os.fsencode(folder / name), os.RTLD_NOW) for name in names]
    return all(handles)


def _torch_libraries() -> Path | None:
    try:
        spec = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "lib"
    return folder if folder.is_dir() else None
