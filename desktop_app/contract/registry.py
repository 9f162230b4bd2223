"""The analyses there are, in the order of the rail: the one place that knows them by name.

A part of a slice (`run`, `picture`, `view`, `script`) is imported when it is first asked for, so
that a machine without torch opens every session, and a start pays for specs alone. Packages outside
bring theirs by the entry point `lensbench.analyses`, `NAME = package.folder`; they follow the
built-in ones, and one that cannot be imported costs a sentence in `problems`, never the start.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from desktop_app.contract.spec import Analysis
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from types import ModuleType

    from desktop_app.contract.intents import IntentName

ENTRY_POINTS = "lensbench.analyses"
BUILT_IN = (
    "tokens",
    "rank",
    "ablate",
    "attention",
    "patch",
    "hand_patch",
    "detect",
    "repeat",
    "compose",
)
Part = Literal["run", "picture", "view", "script"]
_log = logging.getLogger(__name__)


class _Analyses(Mapping[str, Analysis]):
    """Specs by name, imported with the first look."""

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}
        self._specs: dict[str, Analysis] | None = None
        self.problems: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Analysis:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def package(self, name: str) -> str | None:
        """Return the dotted name of the folder of an analysis."""
        self._loaded()
        return self._packages.get(name)

    def forget(self) -> None:
        """Look for packages anew at the next question."""
        self._specs = None

    def _loaded(self) -> dict[str, Analysis]:
        if self._specs is None:
            self._packages = {name: f"desktop_app.analyses.{name}" for name in BUILT_IN}
            self._specs = {n: _spec(n, package) for n, package in self._packages.items()}
            self.problems = tuple(filter(None, map(self._adopt, _outside())))
        return self._specs

    def _adopt(self, offered: tuple[str, str]) -> str:
        """Take an analysis of another package in; return a sentence where that fails."""
        name, package = offered
        if name in self._packages:
            return f"{package} brings an analysis “{name}”, which there is already: rename it."
        try:
            spec = _spec(name, package)
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
            _log.warning("The analysis %s of %s cannot be loaded", name, package, exc_info=True)
            return f"The analysis “{name}” of {package} cannot be loaded: {_one_line(error)}."
        self._packages[name] = package
        if self._specs is not None:
            self._specs[name] = spec
        return ""


def _outside() -> list[tuple[str, str]]:
    found = sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)
    return [(point.name, point.value) for point in found]


def _spec(name: str, package: str) -> Analysis:
    spec = importlib.import_module(f"{package}.spec").ANALYSIS
    if not isinstance(spec, Analysis) or spec.name != name:
        raise TypeError(f"its spec.ANALYSIS is not an Analysis named “{name}”")
    return spec


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")[:300]


ANALYSES = _Analyses()


def problems() -> tuple[str, ...]:
    """Return a sentence for each package whose analysis could not be taken in."""
    len(ANALYSES)
    return ANALYSES.problems


def find(name: str) -> Analysis:
    """Return the analysis of that name, or refuse with the names there are."""
    try:
        return ANALYSES[name]
    except KeyError:
        names = ", ".join(ANALYSES)
        raise BadInputError(f"There is no analysis “{name}”: choose one of {names}.") from None


def part_of(name: str, part: Part) -> ModuleType | None:
    """Return a module of an analysis' folder, imported now; None where it has none."""
    package = ANALYSES.package(name)
    if package is None or importlib.util.find_spec(f"{package}.{part}") is None:
        return None
    return importlib.import_module(f"{package}.{part}")


def hook(name: str, part: Part, attribute: str) -> Any:
    """Return what an analysis gives under that name in that part, or None."""
    return getattr(part_of(name, part), attribute, None)


def file_of(name: str, file: str) -> Path | None:
    """Return a file of an analysis' own folder, such as `help.md`; None where there is none."""
    package = ANALYSES.package(name)
    origin = importlib.import_module(f"{package}.spec").__file__ if package else None
    path = Path(origin).with_name(file) if origin else None
    return path if path is not None and path.is_file() else None


def serving(intent: IntentName) -> tuple[str, ...]:
    """Return the analyses that answer an intent, in order."""
    return tuple(name for name, analysis in ANALYSES.items() if intent in analysis.serves)


def worked_order() -> tuple[str, ...]:
    """Return the analyses of the worked example in their turn."""
    turns = {name: a.example for name, a in ANALYSES.items() if a.example is not None}
    return tuple(sorted(turns, key=lambda name: turns[name] or 0))
