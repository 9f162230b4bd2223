"""Versions of packages: which of two is later, and whether one is among those that are meant.

As much of Python's rules for versions as what is known to be wrong and the list of licences need.
"""

from __future__ import annotations

import operator
import re

_VERSION = re.compile(
    r"v?(?:\d+!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<early>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<number>\d*))?"
    r"(?P<post>[-_.]?(?:post|rev|r)[-_.]?\d*|-\d+)?"
    r"(?P<dev>[-_.]?dev[-_.]?\d*)?"
    r"(?:\+[a-z0-9._-]+)?",
    re.IGNORECASE,
)
_PART = re.compile(r"\s*(==|~=|!=|<=|>=|<|>)\s*([^\s,]+)\s*")
_EARLY = {"a": -3, "b": -2}
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}

Key = tuple[tuple[int, ...], int, int]


def key(version: str) -> Key:
    """Return what versions are sorted by; a local part such as `+cpu` counts for nothing.

    Raises:
        ValueError: That is no version.
    """
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        raise ValueError(f"“{version[:40]}” is no version.")
    numbers = [int(part) for part in match["release"].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    if match["early"]:
        phase = _EARLY.get(match["early"][0].lower(), -1)
    else:
        phase = 1 if match["post"] else -4 if match["dev"] else 0
    return tuple(numbers), phase, int(match["number"] or 0)


def satisfies(version: str, wanted: str) -> bool:
    """Return whether a version is among those that are meant.

    Args:
        version: Such as `2.13.0+cpu`.
        wanted: Conditions between commas, such as `>=4,<5` or `==6.12.*`; empty: any version.

    Raises:
        ValueError: One of them cannot be read.
    """
    return all(_meets(version, sign, bound) for sign, bound in conditions(wanted))


def conditions(wanted: str) -> list[tuple[str, str]]:
    """Return the conditions of a range: signs and versions.

    Raises:
        ValueError: One of them cannot be read.
    """
    found = []
    for part in filter(str.strip, wanted.split(",")):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"“{part.strip()[:40]}” is no range of versions.")
        key(match[2].removesuffix(".*"))
        found.append((match[1], match[2]))
    return found


def _meets(version: str, sign: str, bound: str) -> bool:
    if bound.endswith(".*"):
        return _begins(version, bound.removesuffix(".*")) == (sign != "!=")
    mine, other = key(version), key(bound)
    if sign == "~=":
        return mine >= other and _begins(version, bound.rpartition(".")[0])
    if sign == "<" and mine[0] == other[0] and other[1] == 0:
        return False  # an early version of what is excluded is excluded too
    return bool(_COMPARE[sign](mine, other))


def _begins(version: str, bound: str) -> bool:
    wanted = [int(part) for part in bound.split(".")]
    release = list(key(version)[0])
    return (release + [0] * len(wanted))[: len(wanted)] == wanted
