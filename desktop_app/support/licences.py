"""What is shipped with Lensbench, or installed for it, and under which licences.

Distributions say so themselves; what none of them has stands in `resources/licences`: Python, Qt,
the model, fonts, data (`others.json`), and the libraries of the system that the installed program
holds (`system.json`, which its build writes). About 80 packages are read, so only on demand.
"""

from __future__ import annotations

import logging
import platform
import re
import sys
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desktop_app.support import installed, paths
from desktop_app.support.requirements import counts_here, read_requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message

_log = logging.getLogger(__name__)

Kind = Literal["program", "library", "model", "font", "data", "system"]
KIND_NAMES: dict[Kind, str] = {
    "program": "Program",
    "library": "Library",
    "model": "Model",
    "font": "Font",
    "data": "Data",
    "system": "Library of the system",
}
NOT_NAMED = "not named"
APP = "lensbench"
EXTRAS = frozenset({"compute"})
_MAX_BYTES = 1_000_000
_RULE = "─" * 40
_TEXT_NAME = re.compile(r"LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE", re.IGNORECASE)
_HOLDER = re.compile(
    r"^[ \t*#/.-]*((?:©|\(c\)|copyright\b)[^\n]{0,200}\d{4}[^\n]{0,200})$",
    re.IGNORECASE | re.MULTILINE,
)
# Texts for licences that a distribution names and does not bring.
_GENERAL = (
    ("lgpl", ("lgpl-3.0.txt", "gpl-3.0.txt")),
    ("apache", ("apache-2.0.txt",)),
)
_HOMES = ("homepage", "home", "repository", "source", "source code", "code", "github")


@dataclass(frozen=True)
class Licence:
    """One thing that is shipped.

    Attributes:
        licence: As its makers name it; mostly an SPDX expression.
        home: An address, or empty.
        note: Sentences of ours on it, or empty.
        makers: Whose it is, as far as that is said beside the texts; or empty.
        distribution: The name of the distribution whose texts are to be read; empty: `paths`.
        paths: Files of its texts, where no distribution has them.
    """

    name: str
    version: str
    kind: Kind
    licence: str
    home: str = ""
    note: str = ""
    makers: str = ""
    distribution: str = ""
    paths: tuple[Path, ...] = ()

    def files(self) -> tuple[Path, ...]:
        """Return the files of its licence; none: it brings no text."""
        if self.distribution:
            return tuple(_texts_of(self.distribution))
        return tuple(path for path in self.paths if path.is_file())

    def text(self) -> str:
        """Return the whole text of its licence; what several files say alike stands once.

        Where it brings none, this says so, and the general text of the licence follows if known.
        """
        own = _joined(self.files())
        if own:
            return own
        if self.licence == NOT_NAMED:
            return f"{self.name} names no licence and brings no text of one."
        general = _joined(_general(self.licence))
        said = f"{self.name} brings no text of its licence, which it names as {self.licence}."
        return f"{said} The general text of that follows.\n\n{general}" if general else said

    def holders(self) -> tuple[str, ...]:
        """Return the lines that name whose it is, each once; none: nobody is named."""
        if self.makers and not self.distribution:  # general texts name those who wrote the text
            return (self.makers,)
        found = (match[1].strip() for match in _HOLDER.finditer(_joined(self.files())))
        lines = tuple(dict.fromkeys(" ".join(line.split()) for line in found))
        return lines or ((self.makers,) if self.makers else ())


class _Item(BaseModel):
    """One entry of `others.json` or `system.json`; `files` lie below the resources.

    Attributes:
        inside: What of the resources an installed program must hold for it to be shipped.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    version: str = ""
    version_of: str = ""
    kind: Kind
    licence: str
    home: str = ""
    note: str = ""
    makers: str = ""
    files: tuple[str, ...] = ()
    builds: tuple[installed.Build, ...] = ("source", "bundle", "viewer")
    inside: str = ""


class _Items(BaseModel):
    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = Field(alias="schema")
    items: tuple[_Item, ...]


def shipped() -> tuple[Licence, ...]:
    """Return what this program consists of: itself, what no distribution has, distributions.

    In the installed program those are all that it holds; elsewhere all that Lensbench needs, as
    far as they are installed. Takes some tenths of a second.
    """
    return (_own(), *_others("others.json"), *_others("system.json"), *_distributions())


def _own() -> Licence:
    home = "" if (found := _find(APP)) is None else _home(_told(found))
    version = installed.package_version(APP)
    return Licence("Lensbench", version, "program", "MIT", home, paths=(paths.document("LICENSE"),))


def _others(name: str) -> Iterator[Licence]:
    file, build = paths.resource("licences", name), installed.build()
    try:
        listed = _Items.model_validate_json(file.read_bytes())
    except FileNotFoundError:  # only the installed program holds libraries of a system
        return
    except (OSError, ValidationError) as error:
        _log.warning("“%s” cannot be read: %s", file, error)
        return
    for item in listed.items:
        is_there = build == "source" or _resource(item.inside).exists()
        if build not in item.builds or not is_there:
            continue
        texts = tuple(map(_resource, item.files))
        version = _version_of(item.version_of) if item.version_of else item.version
        named = item.name, version, item.kind, item.licence, item.home, item.note, item.makers
        yield Licence(*named, paths=texts)


def _resource(name: str) -> Path:
    return paths.resource(*filter(None, name.split("/")))


def _version_of(name: str) -> str:
    return platform.python_version() if name == "python" else installed.package_version(name)


def _distributions() -> Iterator[Licence]:
    told = _needed() if installed.build() == "source" else map(_told, _all())
    by_name = {canonicalize_name(said["Name"] or ""): said for said in told}
    for name in sorted(by_name):
        if name not in {"", APP}:
            yield _of_distribution(by_name[name])


def _needed() -> Iterator[Message]:
    """Give what Lensbench needs, and what that needs, as far as it is installed."""
    seen, todo = set(), [(APP, EXTRAS)]
    while todo:
        name, extras = asked = todo.pop()
        distribution = None if asked in seen else _find(name)
        seen.add(asked)
        if distribution is None:
            continue
        told = _told(distribution)
        yield told
        for line in told.get_all("Requires-Dist") or ():
            needed = read_requirement(line)
            if needed is not None and counts_here(needed, extras):
                asked_for = frozenset(map(canonicalize_name, needed.extras))
                todo.append((canonicalize_name(needed.name), asked_for))


def _told(distribution: metadata.Distribution) -> Message:
    """Return what a distribution says of itself, without the page about it that follows."""
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    return HeaderParser().parsestr(text.replace("\r\n", "\n").partition("\n\n")[0])


def _find(name: str) -> metadata.Distribution | None:
    return next(iter(_all(name)), None)


def _all(name: str | None = None) -> Iterable[metadata.Distribution]:
    """Return distributions: in the installed program those inside it, not those of plug-ins."""
    inside = getattr(sys, "_MEIPASS", None)
    return metadata.distributions(name=name, path=sys.path if inside is None else [inside])


def _of_distribution(told: Message) -> Licence:
    name, makers = told["Name"], told["Author"] or told["Author-email"] or ""
    return Licence(
        name,
        told["Version"] or "",
        "library",
        _licence(told),
        _home(told),
        makers=makers.partition("<")[0].strip(' "'),
        distribution=name,
    )


def _licence(told: Message) -> str:
    """Return the licence that metadata name, by the field that says it most exactly."""
    classifiers = [c for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    named = [c.rpartition(" :: ")[2] for c in classifiers]
    lines = (told["License"] or "").strip().splitlines()
    exact = (told["License-Expression"] or "").strip()
    return exact or " / ".join(named) or (lines[0].strip()[:200] if lines else NOT_NAMED)


def _home(told: Message) -> str:
    links = (line.partition(",") for line in told.get_all("Project-URL") or ())
    by_label = {label.strip().lower(): address.strip() for label, _, address in links}
    named = [by_label[label] for label in _HOMES if label in by_label]
    first = [told["Home-page"] or "", *named]
    return next((a for a in first if a.startswith(("https://", "http://"))), "")


def _texts_of(name: str) -> Iterator[Path]:
    distribution = _find(name)
    if distribution is None:
        return
    for file in distribution.files or ():
        parts = file.parts
        if parts[0].endswith(".dist-info") and _TEXT_NAME.search(parts[-1]):
            path = Path(str(distribution.locate_file(file)))
            if path.is_file():
                yield path


def _general(licence: str) -> list[Path]:
    for word, names in _GENERAL:
        if word in licence.lower():
            return [paths.resource("licences", name) for name in names]
    return []


def _joined(files: Iterable[Path]) -> str:
    """Return texts one after another, each under its name where there are several."""
    texts: dict[str, list[str]] = {}
    for file in files:
        try:
            with file.open("rb") as opened:
                said = opened.read(_MAX_BYTES).decode("utf-8", "replace").strip("\r\n")
        except OSError as error:
            _log.warning("“%s” cannot be read: %s", file, error)
            continue
        texts.setdefault(said.replace("\r\n", "\n"), []).append(_title(file))
    if len(texts) == 1:
        return next(iter(texts))
    return "\n\n\n".join("\n".join((*names, _RULE, said)) for said, names in texts.items())


def _title(file: Path) -> str:
    """Return a file's name, with the folders that tell it from others of its distribution."""
    inside = [n for n, part in enumerate(file.parts) if part.endswith(".dist-info")]
    parts = file.parts[inside[-1] + 1 :] if inside else file.parts[-1:]
    return "/".join(parts[1:] if parts[0] == "licenses" and len(parts) > 1 else parts)
