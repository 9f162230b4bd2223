"""Text of unknown origin on a terminal: what would steer it or hide is shown instead.

A prompt, a title or a message of a library may hold escape sequences that move the cursor, rename
the window or answer for the user, and marks that turn the direction of writing around.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from typing import TextIO

from typing_extensions import override

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Return text with control characters as their signs; line ends and tabs stay."""
    return _STEERING.sub(lambda found: _sign(found[0]), text)


def printable_json(text: str) -> str:
    """Return JSON of the same value in which such characters are escapes."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    """Return text on a single line."""
    return printable(" ".join(text.split("\n")))


def put_line(text: str) -> None:
    """Write to standard output; characters that it cannot show or that would steer it change."""
    stream, text = sys.stdout, printable(text)
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def put_json(text: str) -> None:
    """Write JSON to standard output; what that cannot show or would steer it becomes an escape."""
    text = printable_json(text)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = re.sub(r"[^\x00-\x7f]", lambda found: json.dumps(found[0])[1:-1], text)
    put_line(text)


def prepare_streams() -> None:
    """Give the program streams that can be written to, whatever started it.

    A Windows program without a console has none at all, and libraries write to them all the same.
    Into a pipe Windows writes in an alphabet that lacks most signs; a question mark is shown for
    such a sign, where otherwise the program would end.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            nowhere = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 - for good
            setattr(sys, name, nowhere)
        elif name == "stdout" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class PlainStream(io.TextIOBase):
    """A stream for what others write, a library for one: none of it steers the terminal."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    @override
    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    @override
    def flush(self) -> None:
        self._stream.flush()

    @override
    def fileno(self) -> int:
        return self._stream.fileno()


def _sign(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"\\u{code:04x}"
