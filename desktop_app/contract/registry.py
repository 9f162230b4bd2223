"""The analyses there are, in the order of the rail: the one place that knows them by name.

A part of a slice (`run`, `picture`, `view`, `script`) is imported when it is first asked for, so
that a machine without torch opens every session, and a start pays for specs alone. Packages outside
bring theirs by the entry point `lensbench.analyses`, `NAME = package.folder`; they follow the
built-in ones, and one that cannot be imported costs a sentence in `problems`, never the start.
Plug-ins that the user has switched on (`support.plugins`) bring theirs likewise.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError
from typing_extensions import override

from desktop_app.contract.params import TAKEN, Params
from desktop_app.contract.spec import GROUPS, Analysis, FieldSpec
from desktop_app.support import plugin_state
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from types import ModuleType

    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import IntentName

ENTRY_POINTS = plugin_state.GROUP
BUILT_IN = (
    "tokens",
    "rank",
    "lens",
    "ablate",
    "attention",
    "patch",
    "attribute",
    "circuit",
    "edges",
    "hand_patch",
    "steer",
    "probe",
    "detect",
    "corpus",
    "features",
    "repeat",
    "compose",
    "residual",
    "compare",
    "candidates",
    "fit_lens",
    "train_sae",
)
Part = Literal["run", "picture", "explain", "view", "script"]
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_log = logging.getLogger(__name__)


class _Analyses(Mapping[str, Analysis]):
    """Specs by name, imported with the first look."""

    def __init__(self) -> None:
        self._packages: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._specs: dict[str, Analysis] | None = None
        self.problems: tuple[str, ...] = ()

    @override
    def __getitem__(self, name: str) -> Analysis:
        return self._loaded()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    @override
    def __len__(self) -> int:
        return len(self._loaded())

    def package(self, name: str) -> str | None:
        """Return the dotted name of the folder of an analysis."""
        self._loaded()
        return self._packages.get(name)

    def refusal(self, package: str) -> str:
        """Return why an analysis of a package was not taken in; empty where none was refused."""
        self._loaded()
        return self._refused.get(package, "")

    def forget(self) -> None:
        """Look for packages anew at the next question."""
        plugin_state.deactivate()
        importlib.invalidate_caches()
        self._specs, self._refused = None, {}
        self.problems = ()

    def widen(self) -> tuple[str, ...]:
        """Take in plug-ins that were switched on meanwhile; return the names of their analyses.

        What is here stays, be its plug-in switched off or not: views and results speak of it.
        """
        specs, packages = self._loaded(), set(self._packages.values())
        before, wider = set(specs), dict(specs)
        for name, package in self._plugged():
            if package not in packages:
                self._adopt(wider, name, package)
        self._specs = wider  # at once: another thread may be going through the old ones
        return tuple(name for name in wider if name not in before)

    def complain(self, problem: str, error: BaseException | None = None) -> None:
        """Note what is wrong with a package, once."""
        if problem not in self.problems:
            _log.info("%s", problem, exc_info=error)  # the command line has no log and warns itself
            self.problems = (*self.problems, problem)

    def _loaded(self) -> dict[str, Analysis]:
        if self._specs is None:
            self._packages = {name: f"desktop_app.analyses.{name}" for name in BUILT_IN}
            self._specs = {n: _spec(n, package) for n, package in self._packages.items()}
            for name, package in (*self._outside(), *self._plugged()):
                self._adopt(self._specs, name, package)
        return self._specs

    def _outside(self) -> list[tuple[str, str]]:
        """Return names and packages of what other packages offer, by name."""
        try:
            return sorted((point.name, point.value) for point in entry_points(group=ENTRY_POINTS))
        except Exception as error:  # noqa: BLE001 - one spoilt package spoils the list of all
            problem = f"Analyses of other packages cannot be looked for: {_one_line(error)}."
            self.complain(problem, error)
            return []

    def _plugged(self) -> list[tuple[str, str]]:
        """Return names and packages of what plug-ins offer that are on; they can be imported then.

        They come after what is installed, which keeps its names.
        """
        if not plugin_state.switched_on():
            return []
        from desktop_app.support import plugins  # noqa: PLC0415 - with the first that is on

        offers, told = plugins.activate()
        for problem in told:
            self.complain(problem)
        return sorted(offers)

    def _adopt(self, specs: dict[str, Analysis], name: str, package: str) -> None:
        """Take an analysis of another package in, or note why not."""
        if name in self._packages:
            problem = f"{package} brings an analysis “{name}”, which there is already: rename it."
            self._refuse(package, problem)
            return
        try:
            specs[name] = _spec(name, package)
            self._packages[name] = package
            self._refused.pop(package, None)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's module may raise anything
            problem = f"The analysis “{name}” of {package} cannot be loaded: {_one_line(error)}."
            self._refuse(package, problem, error)

    def _refuse(self, package: str, problem: str, error: BaseException | None = None) -> None:
        self._refused[package] = problem
        self.complain(problem, error)


def _spec(name: str, package: str) -> Analysis:
    if not _NAME.match(name):
        raise ValueError("its name must be small letters, digits and _, and begin with a letter")
    spec = importlib.import_module(f"{package}.spec").ANALYSIS
    if not isinstance(spec, Analysis) or spec.name != name:
        raise TypeError(f"its spec.ANALYSIS is not an Analysis named “{name}”")
    params: Any = spec.params
    if not isinstance(params, type) or not issubclass(params, Params):
        raise TypeError("its settings are not a class made from Params")
    if taken := TAKEN & params.stored_fields().keys():
        raise TypeError(f"its setting “{min(taken)}” has the name of an option of every analysis")
    if not all(isinstance(field, FieldSpec) for field in spec.fields) or spec.group not in GROUPS:
        raise TypeError("its fields are not of FieldSpec, or its group is unknown")
    return spec


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".:")[:300]


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
    """Return a module of an analysis' folder, imported now; None where it has none.

    Raises:
        BadInputError: It is the computation of another package, and cannot be imported.
    """
    package = ANALYSES.package(name)
    try:
        if package is None or importlib.util.find_spec(f"{package}.{part}") is None:
            return None
        return importlib.import_module(f"{package}.{part}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if name in BUILT_IN:
            raise
        problem = f"The {part} of “{name}” cannot be loaded: {_one_line(error)}."
        if part == "run":
            raise BadInputError(problem) from error
        ANALYSES.complain(problem, error)  # the rest of it works as if there were none
        return None


def hook(name: str, part: Part, attribute: str) -> Any:
    """Return what an analysis gives under that name in that part, or None."""
    return getattr(part_of(name, part), attribute, None)


def file_of(name: str, file: str) -> Path | None:
    """Return a file of an analysis' own folder, such as `help.md`; None where there is none."""
    package = ANALYSES.package(name)
    folders = importlib.import_module(package).__path__ if package else ()
    return next((path for folder in folders if (path := Path(folder, file)).is_file()), None)


def serving(intent: IntentName) -> tuple[str, ...]:
    """Return the analyses that answer an intent, in order."""
    return tuple(name for name, analysis in ANALYSES.items() if intent in analysis.serves)


def worked_order() -> tuple[str, ...]:
    """Return the analyses of the worked example in their turn."""
    turns = {name: turn for name in BUILT_IN if (turn := ANALYSES[name].example) is not None}
    return tuple(sorted(turns, key=turns.__getitem__))


def described(result: Result) -> Result:
    """Return the result with the specs of its fields, where it lacks them and they are known."""
    analysis = ANALYSES.get(result.analysis)
    if result.fields or analysis is None:
        return result
    fields = analysis.describe(result.data, result.params)
    return replace(result, fields=fields, params_schema=analysis.params.model_json_schema())


def fields_of(result: Result) -> dict[str, FieldSpec]:
    """Return the specs of a result's fields by name, as far as they are known."""
    analysis = ANALYSES.get(result.analysis)
    specs = result.fields
    if not specs and analysis is not None:
        specs = analysis.describe(result.data, result.params)
    return {spec.name: spec for spec in specs}


def reads_prompts(result: Result) -> bool:
    """Return whether a result speaks of the prompt table, rather than of sequences of its own."""
    analysis = ANALYSES.get(result.analysis)
    if analysis is None:
        return bool(result.prompts)
    kind = analysis.params
    known = {k: v for k, v in result.params.items() if k in kind.stored_fields()}
    try:
        made = kind.model_validate(known)
        return made.reads_prompts() or (made.takes_prompts() and bool(result.prompts))
    except ValidationError:
        return bool(result.prompts)
