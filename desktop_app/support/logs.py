"""The log book: every log record and warning once, with a count, however often it comes.

Libraries that warn in a loop (tokenizers are known for it) must neither flood the terminal nor slow
the window: a record costs one look into a dictionary, the window asks for news on its own clock,
and only a bounded number of different records is kept.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import warnings
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from typing_extensions import override

from desktop_app.support import paths
from desktop_app.support.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_ENTRIES = 500
MAX_MESSAGE_CHARACTERS = 4_000
_MAX_LOG_BYTES = 2_000_000
_LIBRARIES = ("transformers", "huggingface_hub", "torch", "transformer_lens", "accelerate")


@dataclass(frozen=True)
class LogEntry:
    """One distinct record.

    Attributes:
        level: As in `logging`: 10 debug … 40 error.
        source: Logger name, or the warning's category.
        count: How often it came.
        first: Seconds since the epoch of its first time.
        last: The same of its latest.
    """

    level: int
    source: str
    message: str
    count: int
    first: float
    last: float

    @property
    def level_name(self) -> str:
        """The level in words, such as `warning`."""
        return logging.getLevelName(self.level).lower()


class LogBook(logging.Handler):
    """A logging handler that counts identical records and keeps the latest 500 different ones.

    Attributes:
        revision: Grows with every record; the window compares it to know whether to look again.
    """

    def __init__(self, file: Path | None = None, stream: TextIO | None = None) -> None:
        super().__init__(logging.INFO)
        self.revision = 0
        self._entries: OrderedDict[tuple[int, str, str], list[float]] = OrderedDict()
        self._guard = threading.Lock()
        self._stream = stream
        self._file = _open_log(file)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        # Take a record in; never raises, since logging must not break what is logged.
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
        except Exception:  # noqa: BLE001 - a malformed record of a library is worth showing too
            message = str(record.msg)
        self.note(record.levelno, record.name, message)

    def note(self, level: int, source: str, message: str) -> None:
        """Count one record; write it out the first time and at its 10th, 100th, and so on."""
        key = (level, source, message[:MAX_MESSAGE_CHARACTERS])
        now = time.time()
        with self._guard:
            self.revision += 1
            state = self._entries.get(key)
            if state is None:
                state = self._entries[key] = [0, now, now]
                if len(self._entries) > MAX_ENTRIES:
                    self._entries.popitem(last=False)
            state[0] += 1
            state[2] = now
            count = int(state[0])
            if count == 1:
                self._entries.move_to_end(key)
        if _is_power_of_ten(count):
            self._write(level, source, key[2], count)

    def note_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,  # noqa: ARG002 - the signature is that of `warnings.showwarning`
        lineno: int,  # noqa: ARG002
        file: TextIO | None = None,
        line: str | None = None,  # noqa: ARG002
    ) -> None:
        """Count a warning, or write it where Python asked for it explicitly."""
        if file is not None:
            file.write(f"{category.__name__}: {message}\n")
        else:
            self.note(logging.WARNING, category.__name__, str(message))

    def entries(self) -> tuple[LogEntry, ...]:
        """Return what is kept, in order of first appearance."""
        with self._guard:
            items = [(key, tuple(state)) for key, state in self._entries.items()]
        return tuple(
            LogEntry(level, source, message, int(state[0]), state[1], state[2])
            for (level, source, message), state in items
        )

    def clear(self) -> None:
        """Forget all entries; the log file stays."""
        with self._guard:
            self._entries.clear()
            self.revision += 1

    @override
    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        super().close()

    def _write(self, level: int, source: str, message: str, count: int) -> None:
        times = f" (×{count:,})" if count > 1 else ""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        name, message = logging.getLevelName(level), printable(message)
        try:
            if self._file is not None:
                self._file.write(f"{stamp} {name} {source}: {message}{times}\n")
                self._file.flush()
            if self._stream is not None and level >= logging.WARNING and count == 1:
                self._stream.write(f"{source}: {message}\n")
        except (OSError, ValueError):  # a full disk or a closed terminal must not stop the work
            return


def install(file: Path | None = None, *, echo: bool = True) -> LogBook:
    """Make a log book that hears the root logger and Python's warnings.

    Args:
        file: Log file; the previous one is kept beside it with `.1` once it grows large.
        echo: Whether warnings also go to the terminal, each once.
    """
    book = LogBook(file, sys.stderr if echo else None)
    root = logging.getLogger()
    root.addHandler(book)
    if root.level > logging.INFO or root.level == logging.NOTSET:
        root.setLevel(logging.INFO)
    logging.captureWarnings(capture=False)
    warnings.showwarning = book.note_warning
    adopt_library_loggers()
    return book


def adopt_library_loggers(names: Iterable[str] = _LIBRARIES) -> None:
    """Take away libraries' own terminal handlers, so that their records reach the book alone."""
    for name in names:
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if not isinstance(handler, LogBook):
                logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def _is_power_of_ten(count: int) -> bool:
    while count >= 10 and count % 10 == 0:
        count //= 10
    return count == 1


def _open_log(file: Path | None) -> TextIO | None:
    if file is None:
        return None
    try:
        paths.private(file.parent)
        if file.exists() and file.stat().st_size > _MAX_LOG_BYTES:
            file.replace(file.with_name(file.name + ".1"))
        return paths.open_private(file, "a")
    except OSError:  # no place for a log is no reason not to start
        return None
