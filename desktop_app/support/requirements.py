"""What packages say that they need: names, extras, versions, and where it counts."""

from __future__ import annotations

import ast
import operator
import os
import platform
import re
import sys
from dataclasses import dataclass

from desktop_app.support.versions import key

_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?:@\s*\S+|\(?(?P<versions>[^;()]*)\)?)\s*(?:;(?P<marker>.*))?",
    re.DOTALL,
)
_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_MAX_LETTERS = 2_000  # more is no marker of anybody's, and would be parsed for long


@dataclass(frozen=True)
class Requirement:
    """One line of what a package needs.

    Attributes:
        name: As `plain_name` writes it.
        extras: What is asked for beside the package itself.
        versions: Conditions between commas; empty: any version.
        marker: Where it counts, as a condition; empty: everywhere.
    """

    name: str
    extras: frozenset[str] = frozenset()
    versions: str = ""
    marker: str = ""


def plain_name(name: str) -> str:
    """Return a package's name as all spellings of it have it: `typing_extensions` as with `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_requirement(line: str) -> Requirement | None:
    """Return what a line of `Requires-Dist` says; None where it says nothing that can be read."""
    match = _REQUIREMENT.fullmatch(line[:_MAX_LETTERS])
    if match is None:
        return None
    extras = frozenset(plain_name(e.strip()) for e in (match["extras"] or "").split(",") if e)
    versions, marker = (match["versions"] or "").strip(), (match["marker"] or "").strip()
    return Requirement(plain_name(match["name"]), extras, versions, marker)


def counts_here(marker: str, extras: frozenset[str] = frozenset()) -> bool:
    """Return whether a requirement counts on this machine and Python, with these extras.

    A condition that cannot be read counts: rather one package too many than one forgotten.
    """
    if not marker:
        return True
    try:
        tree = ast.parse(marker, mode="eval")
        return any(_holds(tree.body, _environment(extra)) for extra in extras or {""})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True


def _environment(extra: str) -> dict[str, str]:
    return {
        "extra": extra,
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


def _holds(node: ast.expr, known: dict[str, str]) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = (_holds(part, known) for part in node.values)
        return all(parts) if isinstance(node.op, ast.And) else any(parts)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = _word(node.left, known), _word(node.comparators[0], known)
        names = {n.id for n in (node.left, node.comparators[0]) if isinstance(n, ast.Name)}
        return _compare(node.ops[0], left, right, is_version=any("version" in n for n in names))
    raise ValueError("A marker joins comparisons by and, or.")


def _word(node: ast.expr, known: dict[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name) and node.id in known:
        return known[node.id]
    raise ValueError("A marker compares names that are known with texts.")


def _compare(sign: ast.cmpop, left: str, right: str, *, is_version: bool) -> bool:
    if isinstance(sign, ast.In):
        return left in right
    if isinstance(sign, ast.NotIn):
        return left not in right
    if type(sign) not in _COMPARE:
        raise ValueError("A marker knows no such comparison.")
    compare = _COMPARE[type(sign)]
    return bool(compare(key(left), key(right)) if is_version else compare(left, right))
