"""The five experiments on where and when an intervention acts, as data: cards, numbers. No Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from desktop_app.analyses.steer.findings_words import is_told, name_words, value_words
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import MINUS, clipped, number, plural, written

PASS, FAIL, OPEN = "holds", "does not hold", "not tried"
TITLES = {
    "which_position": "Which position matters",
    "persistence": "A change persists through the cache",
    "equivalence": "The last position is its number at step 0",
    "out_of_range": "A later step holds the new token alone",
    "differs": "Steered differs from plain",
}
"""What the experiments are called; others by their name in the result."""
_MOST_CARDS, _MOST_ROWS, _MOST_COLUMNS = 40, 200, 12
_LONG = 300
_WIDE = 6
_SAID = "text"


@dataclass(frozen=True)
class Card:
    """One experiment.

    Attributes:
        key: Its name in the result.
        title: Its name in words.
        holds: Whether it came out as stated; None where it could not be tried, or says nothing.
        words: What was found, and why.
        facts: Single numbers, name and text.
        tables: Numbers that are tables: name and rows.
    """

    key: str
    title: str
    holds: bool | None
    words: str
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[tuple[str, Ranking], ...] = field(default=())

    @property
    def verdict(self) -> str:
        """What came of it, in a word or two."""
        return OPEN if self.holds is None else PASS if self.holds else FAIL

    @property
    def severity(self) -> str:
        """The colour of the verdict."""
        return "info" if self.holds is None else "good" if self.holds else "bad"


def cards_of(data: Mapping[str, Any]) -> tuple[Card, ...]:
    """Return the experiments of a result in their order."""
    found = list(data.get("findings") or ())[:_MOST_CARDS]
    return tuple(_card(one) for one in found)


def headline(cards: Sequence[Card]) -> str:
    """Say how many experiments came out as stated."""
    held = sum(card.holds is True for card in cards)
    failed = [card.title for card in cards if card.holds is False]
    untried = sum(card.holds is None for card in cards)
    said = f"{held} of {plural(len(cards), 'experiment')} came out as stated"
    if failed:
        said += f"; not: {', '.join(failed)}"
    if untried:
        said += f"; {untried} could not be tried here"
    return f"{said}."


def _card(given: Any) -> Card:
    """Return one experiment; what a stranger's file lacks is left out."""
    told = given if isinstance(given, Mapping) else {}
    key = clipped(str(told.get("name", "")), 80)
    holds = told.get("holds")
    numbers = told.get("numbers")
    facts: list[tuple[str, str]] = []
    tables: list[tuple[str, Ranking]] = []
    for name, value in numbers.items() if isinstance(numbers, Mapping) else ():
        title = name_words(str(name))
        if (table := _table(value)) is not None:
            tables.append((title, table))
        elif is_told(str(name), value):
            facts.append((title, _told(str(name), value)))
    return Card(
        key,
        TITLES.get(key) or name_words(key) or "Experiment",
        None if holds is None else bool(holds),
        clipped(str(told.get("words", ""))),
        tuple(facts),
        tuple(tables),
    )


def _table(value: Any) -> Ranking | None:
    """Return numbers that have rows as a table; None of what is a number, a text or a list."""
    if isinstance(value, Mapping) and value:
        values = list(value.items())[:_MOST_ROWS]
        if all(isinstance(v, Mapping) for _k, v in values):
            return _records([{"": str(k), **v} for k, v in values])
        columns = (Column("name", "name", ""), Column("value", "mono", "", width="stretch"))
        rows = (Row(place, (_name(k), _text(v))) for place, (k, v) in enumerate(values))
        return Ranking(columns, tuple(rows))
    is_list = isinstance(value, Sequence) and not isinstance(value, str) and len(value) > 0
    if not is_list:
        return None
    if all(isinstance(row, Mapping) for row in value):
        return _records(list(value)[:_MOST_ROWS])
    if all(_is_row(row) for row in value):
        columns = (Column("row", "name", ""), Column("value", "mono", "", width="stretch"))
        rows = (Row(p, (str(p), _text(row))) for p, row in enumerate(value[:_MOST_ROWS]))
        return Ranking(columns, tuple(rows))
    return None


def _is_row(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _records(records: Sequence[Mapping[str, Any]]) -> Ranking:
    names = list(dict.fromkeys(str(name) for record in records for name in record))
    names = names[:_MOST_COLUMNS]
    if len(names) > _WIDE and len(records) <= _MOST_COLUMNS:
        return _upright(records, names)
    columns = tuple(
        Column(
            name or "name",
            "mono" if name == _SAID or _holds_lists(records, name) else "text",
            name_words(name),
            width="stretch" if name == names[-1] else None,
        )
        for name in names
    )
    rows = (
        Row(place, tuple(_cell(name, record.get(name)) for name in names))
        for place, record in enumerate(records)
    )
    return Ranking(columns, tuple(rows))


def _cell(name: str, value: Any) -> str:
    """Write a value of a table; of what was said every space and line end is drawn."""
    is_said = name == _SAID and isinstance(value, str)
    return display_text(value) if is_said else _told(name, value)


def _told(name: str, value: Any) -> str:
    """Write a number, a text, or a list of them, in words where its name has some."""
    return value_words(name, value) or _text(value)


def _upright(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Ranking:
    """Return few records of many numbers with a row for each number."""
    first, *rest = names
    heads = [_head(first, record.get(first)) for record in records]
    columns = (
        Column("name", "name", ""),
        *(Column(str(place), "text", head) for place, head in enumerate(heads)),
    )
    rows = (
        Row(name, (name_words(name), *(_cell(name, record.get(name)) for record in records)))
        for name in rest
    )
    return Ranking(columns, tuple(rows))


def _head(name: str, value: Any) -> str:
    """Name a record by its first value; one in words speaks for itself."""
    if said := value_words(name, value):
        return said[:1].upper() + said[1:]
    return f"{name_words(name)} {_text(value)}".strip()


def _holds_lists(records: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(_is_row(record.get(name)) for record in records)


def _name(key: Any) -> str:
    text = str(key)
    return text if text.lstrip("-").isdigit() else name_words(text)


def _text(value: Any) -> str:
    """Write a number, a text, or a list of them."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return _number(value)
    if _is_row(value):
        return clipped(", ".join(_text(v) for v in value), _LONG)
    if isinstance(value, Mapping):
        return clipped(
            ", ".join(f"{name_words(str(k))} {_text(v)}" for k, v in value.items()), _LONG
        )
    return clipped(" ".join(str(value).split("\n")), _LONG)


def _number(value: float) -> str:
    """Write a number; one near 0 by its magnitude, since exact zeros and roundings differ."""
    if isinstance(value, int):
        return str(value).replace("-", MINUS)
    if not math.isfinite(value):
        return number(math.nan)
    if value == 0 or abs(value) >= 0.0005:
        return number(value, 4) if value else "0"
    return written("{:.1e}", value)
