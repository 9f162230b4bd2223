"""What packages say that they need, and which versions are meant, by Python's own rules."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

_MAX_LETTERS = 2_000  # more is no requirement of anybody's, and would be parsed for long


def read_requirement(line: str) -> Requirement | None:
    """Return what a line of `Requires-Dist` says; None where it says nothing that can be read."""
    try:
        return Requirement(line[:_MAX_LETTERS])
    except (InvalidRequirement, RecursionError):
        return None


def counts_here(needed: Requirement, extras: frozenset[str] = frozenset()) -> bool:
    """Return whether a requirement counts on this machine and Python, with these extras.

    A condition that cannot be judged counts: rather one package too many than one forgotten.
    """
    marker = needed.marker
    try:
        return marker is None or any(marker.evaluate({"extra": e}) for e in extras or {""})
    except ValueError:
        return True


def satisfies(version: str, wanted: str) -> bool:
    """Return whether a version, an early one too, is among those that are meant.

    Args:
        version: Such as `2.13.0+cpu`.
        wanted: Conditions between commas, such as `>=4,<5` or `==6.12.*`; empty: any version.

    Raises:
        ValueError: One of them cannot be read.
    """
    return SpecifierSet(wanted).contains(Version(version), prereleases=True)
