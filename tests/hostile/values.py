"""Values that nobody expects, and trees of JSON in which one of them takes a place."""

from __future__ import annotations

import copy
import random
from typing import Any

LONG = 300_000
FORMULA = "=cmd|' /C calc'!A0"
PICTURE = '<img src="file:///etc/hostname"><b>bold</b>'
ESCAPES = "\x1b[31mred\x1b]0;title\x07\x9b2J\x00\r\x08"


def dice(seed: int) -> random.Random:
    """Return numbers that a seed alone determines."""
    return random.Random(seed)  # noqa: S311 - trials, not secrets


def nested(depth: int) -> Any:
    """Return a list in a list in a list."""
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


def hostile(throw: random.Random) -> Any:
    """Return a value of JSON that is likely to be out of place."""
    numbers = (0, -1, 1, 7, 2**31, 2**53 + 1, -(2**63), 2**70, 10**400, 0.5, -0.0, 1e308, 1e-320)
    texts = (
        *("", " ", "0", "NaN", "\ud800", "�", "a\nb", "é" * 200, "../../x", "😀" * 1000),
        *(FORMULA, PICTURE, ESCAPES, "x" * LONG),
    )
    trees: tuple[Any, ...] = (
        *([], {}, [[]], [None], [0, "a", None], {"": 0}, {"a": {"b": []}}, [1] * 5000),
        *([[1, 2], [3]], nested(50), {"$number": "nan"}, {"$tuple": []}, {"$dict": [[1, 2]]}),
        *({"$array": "none"}, {"$number": "inf"}, {"$tuple": [1, "a"]}),
    )
    return throw.choice(throw.choice((numbers, texts, trees, (None, True, False))))


def short(value: Any) -> str:
    """Return a value in few letters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} of {len(text):,} characters"


def replace_somewhere(tree: Any, throw: random.Random, value: Any) -> tuple[Any, str]:
    """Return a copy of a tree with a value in place of one of its nodes, and where.

    The way down is drawn step by step, so that short branches are taken as often as long ones.
    """
    tree = copy.deepcopy(tree)
    holder, key, path = None, None, []
    here = tree
    while isinstance(here, (dict, list)) and here and (not path or throw.random() < 0.8):
        key = throw.choice(list(here) if isinstance(here, dict) else range(len(here)))
        holder, here = here, here[key]
        path.append(str(key))
    if holder is None:
        return value, "all of it"
    if throw.random() < 0.2:
        del holder[key]
        return tree, f"without {'.'.join(path)}"
    holder[key] = value
    return tree, f"{'.'.join(path)} = {short(value)}"
