"""The history in words: what stands on one line, how lines are grouped, and what a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.spec import GROUPS
from desktop_app.pictures.naming import DOT
from desktop_app.pictures.words import clipped
from desktop_app.window.prompts.prompt_model import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from desktop_app.session.store import SessionRow


@dataclass(frozen=True)
class Entry:
    """One line of the history: a result, or all tries of one question.

    Attributes:
        rows: Oldest first; never empty.
    """

    rows: tuple[SessionRow, ...]

    @property
    def analysis(self) -> str:
        """The analysis that made it."""
        return self.rows[-1].analysis

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of its results, oldest first."""
        return tuple(row.id for row in self.rows)

    def row(self, shown: int | None = None) -> SessionRow:
        """Return the result that it stands for: the one that is shown, else the newest."""
        return next((row for row in self.rows if row.id == shown), self.rows[-1])


@dataclass(frozen=True)
class Group:
    """The entries of one analysis, newest first."""

    analysis: str
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        """What it is called."""
        return analysis_title(self.analysis)


def entries(rows: Iterable[SessionRow]) -> tuple[Entry, ...]:
    """Return the lines of a history given oldest first, newest first; tries are joined."""
    found: dict[object, list[SessionRow]] = {}
    for row in rows:
        found.setdefault((row.analysis, row.question) if row.question else row.id, []).append(row)
    made = [Entry(tuple(joined)) for joined in found.values()]
    return tuple(sorted(made, key=lambda entry: _age(entry.rows[-1].id), reverse=True))


def _age(number: int) -> tuple[bool, int]:
    """Return what orders results by age; those in memory only, below 0, are the newest."""
    return (number < 0, abs(number))


def groups(rows: Iterable[SessionRow]) -> tuple[Group, ...]:
    """Return a history by analysis, in the order of the rail; what is not installed comes last."""
    found: dict[str, list[Entry]] = {}
    for entry in entries(rows):
        found.setdefault(entry.analysis, []).append(entry)
    order = [name for part in GROUPS for name in ANALYSES if ANALYSES[name].group == part]
    order = [name for name in order if name in found]
    order += sorted(name for name in found if name not in ANALYSES)
    return tuple(Group(name, tuple(found[name])) for name in order)


def found_in(rows: Sequence[SessionRow], wanted: str) -> Iterator[SessionRow]:
    """Give what a search finds; of tries of one question all, where one is found."""
    asked = {row.question for row in rows if row.question and matches(row, wanted)}
    return (row for row in rows if row.question in asked or matches(row, wanted))


def words(row: SessionRow) -> tuple[str, str]:
    """Return a result's title and its line of facts."""
    facts = [visible(row.model), moment(row.created), *(f"#{visible(tag)}" for tag in row.tags)]
    if row.id < 0:
        facts.insert(0, "in memory only")
    return visible(row.title or kind(row)), clipped(DOT.join(facts))


def entry_words(entry: Entry, shown: int | None) -> tuple[str, str]:
    """Return an entry's name beneath the heading of its group, and its line of facts."""
    row = entry.row(shown)
    title, facts = words(row)
    heading = f"{kind(row)}{DOT}"
    short = title.removeprefix(heading) if title.startswith(heading) else title
    if len(entry.rows) > 1:
        facts = f"{len(entry.rows):,} tries{DOT}{facts}"
        named = next((one for one in reversed(entry.rows) if one.star and one.title), None)
        if named is not None and named is not row:  # what was saved by name is still to be found
            facts = f"★ {visible(named.title)}{DOT}{facts}"
    return short, facts


def kind(row: SessionRow) -> str:
    """Return what the analysis of a result is called."""
    return analysis_title(row.analysis)


def analysis_title(name: str) -> str:
    """Return what an analysis is called; one that is not installed, by its name."""
    analysis = ANALYSES.get(name)
    return analysis.title if analysis is not None else visible(name)


def moment(created: str, *, full: bool = False) -> str:
    """Return when a result was made, in the local time of whoever looks."""
    try:
        when = datetime.fromisoformat(created).astimezone()
    except (ValueError, OverflowError, OSError):
        return visible(created)
    if full:
        return when.strftime("%Y-%m-%d %H:%M:%S")
    today = when.date() == datetime.now().astimezone().date()
    return when.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M")


def matches(row: SessionRow, wanted: str) -> bool:
    """Return whether every word that is looked for is in a result's title, notes, tags or facts.

    A `#word` is looked for among the tags alone, and `*` is the star.
    """
    text = "\n".join((row.title, row.notes, kind(row), row.analysis, row.model)).casefold()
    tags = [f"#{tag.casefold()}" for tag in row.tags]
    for word in wanted.casefold().split():
        if word == "*":
            found = row.star
        elif word.startswith("#"):
            found = any(tag.startswith(word) for tag in tags)
        else:
            found = word in text or any(word in tag for tag in tags)
        if not found:
            return False
    return True
