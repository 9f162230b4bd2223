"""Pairs of versions that are known not to go together, and which of them are installed here.

They stand in `resources/known_wrong.json`: what is wrong, since when, what to install, and who says
so. Versions are read from the packages' own words; nothing is imported.
"""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from desktop_app.support import installed, paths
from desktop_app.support.requirements import counts_here, read_requirement, satisfies

_log = logging.getLogger(__name__)

FILE = "known_wrong.json"
_MAX_BYTES = 256_000
_MAX_PAIRS = 200
_PYTHON, _SYSTEM = "python", "system"
_SYSTEM_NAMES = {"Darwin": "macOS"}

Words = Annotated[str, Field(max_length=600)]


class Pair(BaseModel):
    """One pair that is known not to go together.

    Attributes:
        package: What is wrong, in those `versions`; an empty range means all.
        partners: With what: ranges by package; `python` is the interpreter, `system` what
            `platform.system()` and `platform.machine()` say, such as `Darwin arm64`.
        effect: What comes of it.
        guarded: Whether Lensbench goes around it, so that only other programs are touched.
        brief: What is wrong, as one short sentence.
        what: The same with all that is known of it.
        install: What to install, as a requirement; empty: nothing helps yet.
        instead: What else helps, as the end of a sentence; empty: nothing.
        source: Who says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{2,60}$")]
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")]
    versions: Words = ""
    partners: dict[str, Words] = Field(default={}, alias="with", max_length=8)
    effect: Literal["crash", "wrong numbers", "does not load"]
    guarded: bool = False
    brief: Annotated[str, Field(max_length=100)]
    what: Words
    since: Words
    install: Words = ""
    instead: Words = ""
    source: Words

    @field_validator("versions")
    @classmethod
    def _is_range(cls, value: str) -> str:
        SpecifierSet(value)
        return value

    @field_validator("partners")
    @classmethod
    def _are_ranges(cls, value: dict[str, str]) -> dict[str, str]:
        for name, wanted in value.items():
            if name != _SYSTEM:
                SpecifierSet(wanted)
        return value

    def advice(self) -> str:
        """Return what to do, in one sentence; empty: nothing helps."""
        install = f"install {self.install}" if self.install else ""
        if install and installed.build() != "source":
            install = "install a newer Lensbench"  # nobody installs into the installed program
        said = ", or ".join(part for part in (install, self.instead) if part)
        return f"{said[:1].upper()}{said[1:]}." if said else ""


class _Pairs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = Field(alias="schema")
    pairs: Annotated[tuple[Pair, ...], Field(max_length=_MAX_PAIRS)]


@dataclass(frozen=True)
class Found:
    """A pair that is installed here.

    Attributes:
        names: What it is, with the versions that are here.
    """

    pair: Pair
    names: str

    @property
    def brief(self) -> str:
        """What is wrong and what to do, in as few words as can be."""
        return f"{self.names}: {self.pair.brief} {self.pair.advice()}".strip()

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, as one line."""
        pair = self.pair
        around = " Lensbench goes around it." if pair.guarded else ""
        return f"{self.names}: {pair.what}{around} {pair.advice()}".strip()


@cache
def pairs() -> tuple[Pair, ...]:
    """Return all pairs of the file; a damaged file costs its own knowledge alone."""
    file = paths.resource(FILE)
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ValueError("it is too long")
        return _Pairs.model_validate_json(text).pairs
    except (OSError, ValueError, ValidationError) as error:
        _log.warning("“%s” cannot be read: %s", file, error)
        return ()


def found_here() -> tuple[Found, ...]:
    """Return the pairs that are installed here, those that touch Lensbench first."""
    found = [Found(pair, names) for pair in pairs() if (names := _installed(pair))]
    return tuple(sorted(found, key=lambda f: f.pair.guarded))


def out_of_range() -> dict[str, str]:
    """Return the libraries here that are not of the versions that Lensbench needs.

    Returns:
        A sentence for each, by its plain name.
    """
    told: dict[str, str] = {}
    for line in installed.requirements():
        needed = read_requirement(line)
        if needed is None or not counts_here(needed, frozenset({"compute"})):
            continue
        name, ranges = canonicalize_name(needed.name), str(needed.specifier)
        version = installed.package_version(name)
        if version != installed.UNKNOWN and not _is_in(version, ranges):
            bounds = sorted(ranges.split(","), key=lambda bound: bound[0] != ">")
            wanted = ",".join(bounds)
            told[name] = (
                f"{name} {version} is installed, and Lensbench was made for {wanted}: "
                f'install "{name}{wanted}".'
            )
    return told


def _installed(pair: Pair) -> str:
    """Return the names and versions of a pair where it is installed here, else nothing."""
    version = installed.package_version(pair.package)
    if version == installed.UNKNOWN or not _is_in(version, pair.versions):
        return ""
    partners = []
    for name, wanted in pair.partners.items():
        here = _partner(name)
        if not (here.startswith(wanted) if name == _SYSTEM else _is_in(here, wanted)):
            return ""
        if name != _SYSTEM:
            partners.append(f"{_title(name)} {here}")
    said = f"{pair.package} {version}"
    if partners:
        said = f"{said} with {' and '.join(partners)}"
    return f"{said} on {_system_name()}" if _SYSTEM in pair.partners else said


def _partner(name: str) -> str:
    if name == _SYSTEM:
        return f"{platform.system()} {platform.machine()}"
    return platform.python_version() if name == _PYTHON else installed.package_version(name)


def _system_name() -> str:
    return f"{_SYSTEM_NAMES.get(platform.system(), platform.system())} {platform.machine()}"


def _title(name: str) -> str:
    return "Python" if name == _PYTHON else name


def _is_in(version: str, wanted: str) -> bool:
    """Return whether a version is meant; one that cannot be read, as of somebody's own, is not."""
    try:
        return satisfies(version, wanted)
    except ValueError:
        return False
