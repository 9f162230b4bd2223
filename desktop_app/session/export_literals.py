"""Values as Python source, laid out as a formatter would; nothing else may enter a script.

Results come from files of strangers. Whatever of them goes into a script goes through here and
comes out as a literal: text quoted and escaped, so that no prompt, title or model name can end a
string and go on as code. Characters that cannot be seen, those that turn the direction of writing
among them, come out as escapes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

WIDTH = 100
_SHORT = 16
_NAME = re.compile(r"[A-Z][A-Z_]*\Z")


class Code(str):
    """Source that is safe to put into a script."""

    __slots__ = ()


def literal(value: Any, start: int = 0, after: int = 0) -> Code:
    """Return a value as source.

    Args:
        value: None, truth values, numbers, texts, and lists, tuples and dicts of these.
        start: The column at which it begins; later lines are indented below it.
        after: How many characters follow on its last line.

    Raises:
        TypeError: It holds something else.
    """
    return Code(_Writer().write(value, 0, start, after))


def assign(name: str, value: Any) -> Code:
    """Return `NAME = value` as source."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} is no name of a constant")
    writer = _Writer()
    text = writer.write(value, 0, len(name) + 3, 0)
    # Formatters would give every number a line of its own.
    return Code(f"{name} = {text}{'  # fmt: skip' if writer.has_packed else ''}")


def span(numbers: Sequence[int]) -> Code:
    """Return whole numbers as a range where they are one, else as a list."""
    found = [int(n) for n in numbers]
    if found and found == list(range(found[0], found[-1] + 1)):
        first = f"{found[0]}, " if found[0] else ""
        return Code(f"range({first}{found[-1] + 1})")
    return literal(found)


class _Writer:
    """Lays out one value.

    Attributes:
        has_packed: Whether a list has several entries a line.
    """

    def __init__(self) -> None:
        self.has_packed = False

    def write(self, value: Any, indent: int, start: int, after: int) -> str:
        """Return the source; `indent` is that of the line on which it begins."""
        value = _plain(value)
        flat = _flat(value)
        if start + len(flat) + after <= WIDTH or not isinstance(value, (list, tuple, Mapping)):
            return flat
        inner, edge = " " * (indent + 4), " " * indent
        if isinstance(value, Mapping):
            heads = {f"{inner}{_flat(_plain(key))}: ": item for key, item in value.items()}
            lines = [f"{h}{self.write(v, indent + 4, len(h), 1)},\n" for h, v in heads.items()]
            return "{\n" + "".join(lines) + edge + "}"
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        if len(value) > 1 and all(_is_short(_plain(item)) for item in value):
            self.has_packed = True
            return f"{opening}\n{_packed(value, inner)}{edge}{closing}"
        lines = [f"{inner}{self.write(item, indent + 4, indent + 4, 1)},\n" for item in value]
        return opening + "\n" + "".join(lines) + edge + closing


def _packed(numbers: Sequence[Any], inner: str) -> str:
    """Return entries in full lines: one a line would make the ids of a prompt a page."""
    lines, line = [], inner
    for number in numbers:
        piece = f"{_flat(_plain(number))},"
        if len(line) + len(piece) + 1 > WIDTH and line != inner:
            lines.append(line.rstrip())
            line = inner
        line += piece + " "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if value is None or isinstance(value, (bool, int)):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = (f"{_flat(_plain(k))}: {_flat(_plain(v))}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(_plain(v)) for v in value) + "]"
    if isinstance(value, tuple):
        inside = ", ".join(_flat(_plain(v)) for v in value)
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    raise TypeError(f"{type(value).__name__} cannot be written as a literal")


def _text(text: str) -> str:
    """Return quoted text, in double quotes where that needs no more escapes."""
    quoted = repr(str(text))
    if quoted[0] == "'" and '"' not in text:
        return f'"{quoted[1:-1]}"'
    return quoted


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value


def _is_short(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and len(value) <= _SHORT)
