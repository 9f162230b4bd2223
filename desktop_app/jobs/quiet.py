"""Keeps libraries quiet on the compute thread, and its start from holding up the window."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import threading
from pathlib import Path

from desktop_app.support.logs import adopt_library_loggers


def quieten_environment() -> None:
    """Set what libraries read when they are imported; imports none of them."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def quieten_transformers() -> None:
    """Import transformers' logging (slow, hence on the compute thread) and silence its bars."""
    from transformers.utils import logging as transformers_logging  # noqa: PLC0415 - slow

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    adopt_library_loggers()


def yield_to_the_window() -> None:
    """Give this thread, and the arithmetic threads that it will start, a lower priority.

    Linux alone counts priorities per thread; elsewhere the scheduler favours the window by itself.
    """
    if not hasattr(os, "setpriority") or not os.path.isdir("/proc/self/task"):
        return
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 2)
    except OSError:  # a sandbox without the right to do so: slower pictures, nothing worse
        return


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
