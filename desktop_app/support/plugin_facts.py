"""What an unpacked wheel says of itself: its `*.dist-info`, read within bounds, nothing imported.

A stranger wrote it, so files are read up to a size, lists up to a length, and a link that leads out
of the folder is not followed.
"""

from __future__ import annotations

import csv
import platform
import re
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import sys_tags
from packaging.version import InvalidVersion, Version

from desktop_app.support.files import open_regular
from desktop_app.support.plugin_state import GROUP, key_of
from desktop_app.support.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message
    from pathlib import Path

INFO = ".dist-info"
MOST_RECORD_BYTES = 8_000_000
_MOST_BYTES = 1_000_000
_MOST_LISTED = 200
_LONGEST_SUMMARY = 300
_LONGEST_NEED = 500  # brackets of a marker are nested no deeper than it is long
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?\Z")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}\Z")
_PACKAGE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\Z", re.ASCII)
_CODE = (".py", ".so", ".pyd")


class DamagedError(Exception):
    """Facts that cannot be read: words that follow “it cannot be used, as”."""


@dataclass(frozen=True)
class Facts:
    """What a distribution says of itself.

    Attributes:
        info: Its `*.dist-info`.
        name: Its name as it writes it.
        version: Its version.
        summary: One line on what it is for.
        offers: Names of analyses with their packages.
        requires: The distributions that it needs, as it writes them.
        python: The Pythons that it is for, as it writes them.
        tags: The Pythons and platforms that it was built for; none are known where it says none.
        modules: The top-level names that it brings.
    """

    info: Path
    name: str
    version: str
    summary: str
    offers: tuple[tuple[str, str], ...]
    requires: tuple[str, ...]
    python: str
    tags: tuple[str, ...]
    modules: frozenset[str]

    @property
    def key(self) -> str:
        """Its name in the form in which names are compared."""
        return key_of(self.name)

    @property
    def entrances(self) -> frozenset[str]:
        """The top-level names through which its analyses are imported."""
        return frozenset(package.partition(".")[0] for _, package in self.offers)


def read_facts(info: Path) -> Facts:
    """Read what a `*.dist-info` says.

    Raises:
        DamagedError: It cannot be read or understood.
    """
    told = HeaderParser().parsestr(_text(info, "METADATA"), headersonly=True)
    name, version = _header(told, "Name"), _header(told, "Version")
    if not _NAME.match(name) or not _VERSION.match(version):
        raise DamagedError("its METADATA tells no name and version")
    offers = tuple(_offers(_text(info, "entry_points.txt", needed=False)))
    wheel = HeaderParser().parsestr(_text(info, "WHEEL", needed=False), headersonly=True)
    facts = Facts(
        info=info,
        name=name,
        version=version,
        summary=_header(told, "Summary")[:_LONGEST_SUMMARY],
        offers=offers,
        requires=tuple(_headers(told, "Requires-Dist")),
        python=_header(told, "Requires-Python"),
        tags=tuple(_headers(wheel, "Tag")),
        modules=frozenset(),
    )
    modules = facts.entrances | set(_modules(_text(info, "RECORD", needed=False)))
    return Facts(**{**vars(facts), "modules": frozenset(modules)})


def is_for_here(tags: Iterable[str]) -> bool:
    """Return whether a wheel's tags allow this Python and platform; one without any may be."""
    told = set(tags)
    return not told or "py3-none-any" in told or bool(told & _tags_here())


def here() -> str:
    """Return in words for which Python and platform a wheel has to be made."""
    return f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"


def lacking(facts: Facts, beside: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a distribution needs and neither the program nor its own folder has.

    Args:
        facts: The distribution.
        beside: Versions of what lies in its folder, by names as they are compared.
    """
    found = []
    if not _holds(facts.python, platform.python_version()):
        found.append(f"Python {facts.python} (here {platform.python_version()})")
    for text in facts.requires:
        found += [need for need in _unmet(text, beside) if need not in found]
    return tuple(found)


def _unmet(text: str, beside: Mapping[str, str]) -> Iterator[str]:
    """Return what a line of `Requires-Dist` asks for in vain, its extras taken along."""
    try:
        need = Requirement(text)
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            return
    except (InvalidRequirement, RecursionError, ValueError, LookupError):
        yield f"“{text}”, which cannot be read"
        return
    version = _version_of(need.name, beside)
    asked = f"{need.name} {need.specifier}".strip()
    if not version:
        yield asked
    elif not _holds(str(need.specifier), version):
        yield f"{asked} (here {version})"
    else:
        for extra in sorted(need.extras)[:_MOST_LISTED]:
            yield from _unmet_of_extra(need.name, extra, beside)


def _unmet_of_extra(name: str, extra: str, beside: Mapping[str, str]) -> Iterator[str]:
    """Return what an extra of an installed distribution asks for in vain."""
    try:
        lines = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return  # it lies beside, and says itself what it needs
    for line in lines[:_MOST_LISTED]:
        try:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                continue  # not of the extra
            if not need.marker.evaluate({"extra": extra}):
                continue
        except (InvalidRequirement, RecursionError, ValueError, LookupError):
            continue
        version = _version_of(need.name, beside)
        if not version:
            yield f"{need.name} {need.specifier}".strip()


def _version_of(name: str, beside: Mapping[str, str]) -> str:
    """Return the version that is imported: the program's own comes first."""
    try:
        return metadata.version(name) or ""
    except (metadata.PackageNotFoundError, KeyError, ValueError):
        return beside.get(key_of(name), "")


def _holds(specifier: str, version: str) -> bool:
    """Return whether a version is one of those asked for; what cannot be read asks for nothing."""
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return True


def _offers(text: str) -> Iterator[tuple[str, str]]:
    section = ""
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("["):
            section = words.strip("[]").strip()
        elif section == GROUP and words and words[0] not in "#;":
            name, equals, package = (part.strip() for part in words.partition("="))
            package = package.partition("[")[0].strip()
            if not equals or not name or not _PACKAGE.match(package):
                raise DamagedError("its entry_points.txt has a line that names no package")
            yield one_line(name)[:100], package


def _modules(record: str) -> Iterator[str]:
    """Return the top-level names that a list of files brings."""
    try:
        rows = list(csv.reader(record.splitlines()))
    except csv.Error:
        raise DamagedError("its RECORD cannot be read") from None
    for row in rows:
        first, slash, _ = (row[0] if row else "").partition("/")
        name = first if slash else first.partition(".")[0]
        if name.isidentifier() and name.isascii() and row[0].endswith(_CODE):
            yield name


def _text(info: Path, file: str, *, needed: bool = True) -> str:
    """Return a file of a `*.dist-info`; empty where there is none and none is needed."""
    path, most = info / file, MOST_RECORD_BYTES if file == "RECORD" else _MOST_BYTES
    try:
        if not path.resolve().is_relative_to(info.resolve()):
            raise DamagedError(f"its {file} is a link that leads elsewhere")
        with open_regular(path) as opened:
            data = opened.read(most + 1)
    except FileNotFoundError:
        if needed:
            raise DamagedError(f"its {file} is missing") from None
        return ""
    except (OSError, RuntimeError) as error:  # a circle of links, before Python 3.13
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DamagedError(f"its {file} cannot be read ({reason})") from error
    if len(data) > most:
        raise DamagedError(f"its {file} is larger than {most // 1_000_000} MB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise DamagedError(f"its {file} is no text") from None


def _header(told: Message, name: str) -> str:
    return one_line(str(told.get(name, ""))).strip()


def _headers(told: Message, name: str) -> list[str]:
    values = told.get_all(name, [])[:_MOST_LISTED]
    return [one_line(str(value)).strip()[:_LONGEST_NEED] for value in values]


@cache
def _tags_here() -> frozenset[str]:
    return frozenset(map(str, sys_tags()))
