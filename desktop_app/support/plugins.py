"""Plug-ins: analyses of others in `plugins/` of the user's data folder, each off until switched on.

There lie unpacked wheels: folders that hold a `*.dist-info`, and `plugins/` itself likewise, as
`pip install --target` leaves it. What is switched on is found at the end of `sys.path`, so that
nothing of the program is shadowed; of the others nothing is imported, and their files are read
within bounds.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.support.errors import BadInputError
from desktop_app.support.plugin_facts import (
    INFO,
    DamagedError,
    Facts,
    here,
    is_for_here,
    lacking,
    read_facts,
)
from desktop_app.support.plugin_state import (
    FOLDER,
    MOST_NAMES,
    import_from,
    keep,
    key_of,
    plugins_dir,
    switched_on,
)
from desktop_app.support.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_FOLDERS = 200
_NAMED = 5  # of a longer list
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plugin:
    """A plug-in that was found, or that is switched on and was not.

    Attributes:
        name: What it is called, by itself.
        version: Its version; empty where that cannot be read.
        summary: One line on what it is for.
        offers: Names of its analyses with their packages.
        folder: Where it is imported from.
        info: Its `*.dist-info`; the folder where it has none.
        is_on: Whether it is switched on.
        problem: A sentence on why it cannot be used; empty where it can.
        notes: Sentences on what is to be known of it.
        lacks: What it needs and neither the program nor its folder has, such as `scipy >=1.11`.
        modules: The top-level names that it brings.
    """

    name: str
    version: str = ""
    summary: str = ""
    offers: tuple[tuple[str, str], ...] = ()
    folder: Path = Path()
    info: Path = Path()
    is_on: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Its name in the form in which names are compared."""
        return key_of(self.name)

    @property
    def entrances(self) -> frozenset[str]:
        """The top-level names through which its analyses are imported."""
        return frozenset(package.partition(".")[0] for _, package in self.offers)


def found() -> tuple[Plugin, ...]:
    """Return the plug-ins there are, by name, and those switched on that are gone.

    Never raises: what cannot be read is a plug-in with a problem.
    """
    on = switched_on()
    seen = sorted(_looked_for(on), key=lambda plugin: (plugin.key, str(plugin.folder)))
    known = {plugin.key for plugin in seen}
    gone = f"It is switched on and no longer in {plugins_dir()}: add it again, or switch it off."
    for name in sorted(on - known):
        place = plugins_dir() / name
        seen.append(Plugin(name, folder=place, info=place, is_on=True, problem=gone))
    return tuple(_judged(seen))


def find(name: str) -> Plugin:
    """Return the plug-in of that name.

    Raises:
        BadInputError: There is none; the names there are, are told.
    """
    key, there = key_of(name), found()
    for plugin in there:
        if plugin.key == key:
            return plugin
    names = ", ".join(dict.fromkeys(plugin.name for plugin in there))
    what = f"choose one of {names}" if names else f"there are none in {plugins_dir()}"
    raise BadInputError(f"There is no plug-in “{one_line(name)}”: {what}.")


def switch(name: str, *, on: bool) -> Plugin:
    """Switch a plug-in on or off, for this program's next look at the analyses and every start.

    Returns:
        It, as it is now.

    Raises:
        BadInputError: There is none of that name, it cannot be used, or nothing can be written.
    """
    plugin = find(name)
    if on and plugin.problem:
        raise BadInputError(f"“{plugin.name}” cannot be switched on. {plugin.problem}")
    names = switched_on()
    keep(names | {plugin.key} if on else names - {plugin.key})
    return replace(plugin, is_on=on)


def activate() -> tuple[list[tuple[str, str]], list[str]]:
    """Let what is switched on be imported.

    Returns:
        Names of analyses with their packages, and sentences on what could not be used.
    """
    offers: list[tuple[str, str]] = []
    problems: list[str] = []
    for plugin in found() if switched_on() else ():
        if not plugin.is_on:
            continue
        if plugin.problem:
            problems.append(f"The plug-in “{plugin.name}” cannot be used. {plugin.problem}")
            continue
        offers += plugin.offers
        import_from(plugin.folder)
    return offers, problems


# What lies there.


def _looked_for(on: frozenset[str]) -> Iterator[Plugin]:
    root = plugins_dir()
    try:
        names = sorted(path.name for path in root.iterdir() if path.is_dir())
    except FileNotFoundError:
        return
    except OSError as error:
        yield Plugin(FOLDER, folder=root, info=root, problem=_unreadable(error))
        return
    yield from _in_folder(root, on)
    folders = [name for name in names if not name.startswith(".") and not name.endswith(INFO)]
    for name in folders[:MOST_FOLDERS]:
        yield from _in_folder(root / name, on)
    if len(folders) > MOST_FOLDERS:
        _log.warning("%s has more than %s folders: the others are left.", root, MOST_FOLDERS)


def _in_folder(folder: Path, on: frozenset[str]) -> Iterator[Plugin]:
    """Return the plug-ins of one folder; libraries that they need may lie beside them."""
    root = plugins_dir()
    is_on = key_of(folder.name) in on
    bare = Plugin(one_line(folder.name), folder=folder, info=folder, is_on=is_on)
    try:
        if not _is_within(folder, root):
            problem = f"It is a link that leads out of {root}: put the folder itself there."
            yield replace(bare, problem=problem)
            return
        infos = sorted(path for path in folder.iterdir() if path.name.endswith(INFO))
    except (OSError, RuntimeError) as error:
        yield replace(bare, problem=_unreadable(error))
        return
    there: list[Facts] = []
    for info in infos[:MOST_NAMES]:
        name = one_line(info.name.removesuffix(INFO).partition("-")[0])
        try:
            if not _is_within(info, folder):
                raise DamagedError("it is a link that leads elsewhere")
            there.append(read_facts(info))
        except DamagedError as error:
            problem = f"It cannot be used, as {error}: add it again."
            is_on = key_of(name) in on
            yield replace(bare, name=name, info=info, problem=problem, is_on=is_on)
    beside = {facts.key: facts.version for facts in there}
    offering = [facts for facts in there if facts.offers]
    for facts in offering:
        yield _plugin(facts, folder, beside, on)
    if there and not offering and folder != root:
        problem = "It offers no analysis: it is no plug-in of Lensbench."
        yield replace(bare, problem=problem)


def _plugin(facts: Facts, folder: Path, beside: dict[str, str], on: frozenset[str]) -> Plugin:
    problem = ""
    if not is_for_here(facts.tags):
        made = _some(facts.tags)
        problem = f"It is made for {made}, not for {here()}: add the wheel that is."
    elif any(not _is_within(folder / n, folder) for m in facts.entrances for n in (m, f"{m}.py")):
        problem = "A module of it is a link that leads elsewhere: add it again."
    return Plugin(
        name=facts.name,
        version=facts.version,
        summary=facts.summary,
        offers=facts.offers,
        folder=folder,
        info=facts.info,
        is_on=facts.key in on,
        problem=problem,
        lacks=lacking(facts, beside),
        modules=facts.modules,
    )


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a path, its links followed, still lies in a folder."""
    return path.resolve().is_relative_to(folder.resolve())


def _unreadable(error: Exception) -> str:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return f"It cannot be read ({reason}): mend that, or remove it."


# Whether they get on with the program and with each other.


def _judged(plugins: Sequence[Plugin]) -> Iterator[Plugin]:
    """Return plug-ins with what each other and the program mean for them.

    Where two cannot be used together, the one that is on stays, or the first of those that are.
    """
    standing = [p for p in plugins if p.is_on and not p.problem]
    for plugin in plugins:
        if plugin.problem:
            yield plugin
            continue
        others = [p for p in plugins if p is not plugin and not p.problem]
        before = [p for p in standing if p is not plugin]
        if plugin in standing:
            before = standing[: standing.index(plugin)]
        yield _among(plugin, others, before)


def _among(plugin: Plugin, others: Sequence[Plugin], before: Sequence[Plugin]) -> Plugin:
    twins = [p for p in others if p.key == plugin.key]
    if twins:
        places = f"{plugin.folder} and {twins[0].folder}"
        return replace(plugin, problem=f"There are two of that name, in {places}: remove one.")
    if _is_installed(plugin):
        problem = "It is installed beside the program already, and used from there: remove this."
        return replace(plugin, problem=problem)
    taken = {module for module in plugin.modules if _is_of_program(module)}
    if taken & plugin.entrances:
        problem = f"It brings {_some(taken & plugin.entrances)}, which the program has itself."
        return replace(plugin, problem=f"{problem} Ask its author for another name.")
    notes = []
    if taken:
        notes.append(f"It brings {_some(taken)}, which the program has: the program's is used.")
    for other in others:
        shared = (plugin.modules & other.modules) - taken
        if not shared or plugin.folder == other.folder:
            continue
        told = f"It brings {_some(shared)}, and so does “{other.name}”"
        is_entrance = shared & (plugin.entrances | other.entrances)
        if is_entrance and other in before:
            return replace(plugin, problem=f"{told}, which is on: switch that off first.")
        notes.append(f"{told}: only one of them can be used." if is_entrance else f"{told}.")
    return replace(plugin, notes=tuple(notes))


def _is_installed(plugin: Plugin) -> bool:
    """Return whether a distribution of that name is found before the plug-in's."""
    try:
        place = metadata.distribution(plugin.name).locate_file("")
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return not _is_within(Path(str(place)), plugins_dir())


def _is_of_program(module: str) -> bool:
    """Return whether the program has a module of that name; nothing is imported for the answer."""
    if module in sys.stdlib_module_names or module in sys.builtin_module_names:
        return True
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return True
    if spec is None or spec.origin is None:  # a mere folder of that name gives way to a package
        return False
    return not (spec.has_location and _is_within(Path(spec.origin), plugins_dir()))


def _some(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
