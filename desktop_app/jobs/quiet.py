"""Keeps libraries from drawing progress bars and printing on the compute thread."""

from __future__ import annotations

import os
import threading

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
