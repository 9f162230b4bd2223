"""The prompt table's content without Qt: rows as typed, ticks, checks, fixes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from desktop_app.contract.params import MAX_LABEL, MAX_PROMPT_CHARACTERS, MAX_PROMPTS, PromptRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = ("prompt", "corrupt", "answer", "wrong")
KEPT = ("label", "group")
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TypedRow:
    """One row as typed: texts to the letter; several answers are divided by `|`.

    Attributes:
        ticked: Whether runs take it.
    """

    prompt: str = ""
    corrupt: str = ""
    answer: str = ""
    wrong: str = ""
    label: str = ""
    group: str = ""
    ticked: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was typed."""
        return not (self.prompt or self.corrupt or self.answer or self.wrong)

    def cell(self, column: int) -> str:
        """Return one of the texts."""
        return str(getattr(self, TEXTS[column]))

    def with_cell(self, column: int, text: str) -> TypedRow:
        """Return the row with one text changed."""
        changed: dict[str, Any] = {TEXTS[column]: text}
        return replace(self, **changed)


TEXTS = (*COLUMNS, *KEPT)


def typed(row: PromptRow, *, ticked: bool = True) -> TypedRow:
    """Return a prompt row as it would be typed."""
    several = "|".join(row.answer), "|".join(row.wrong)
    return TypedRow(row.text, row.corrupt or "", *several, row.label, row.group, ticked)


def problem(row: TypedRow) -> str | None:
    """Return what is wrong with a row, in one sentence, or None."""
    if row.is_empty:
        return None
    if not row.prompt:
        return "The prompt is empty: type one, or remove the row."
    for column in range(len(COLUMNS)):
        text = row.cell(column)
        if _HALF.search(text):
            return f"The {COLUMNS[column]} holds half a character (a lone surrogate): retype it."
        if len(text) > MAX_PROMPT_CHARACTERS:
            return f"The {COLUMNS[column]} has over {MAX_PROMPT_CHARACTERS:,} characters: cut it."
    kept = [(name, getattr(row, name)) for name in KEPT]
    odd = [name for name, text in kept if len(text) > MAX_LABEL or _HALF.search(text)]
    shared = set(_parts(row.answer)) & set(_parts(row.wrong))
    if shared:
        return f"“{sorted(shared)[0]}” is both answer and wrong: change one of them."
    return f"The {odd[0]} is too long or damaged: retype it." if odd else None


def to_prompts(
    rows: Sequence[TypedRow], *, ticked_only: bool = True
) -> tuple[list[PromptRow], list[int]]:
    """Return the usable rows as prompts, and which table row each one is.

    Rows with a problem are left out; see `first_problem` for refusing them instead.
    """
    prompts: list[PromptRow] = []
    places: list[int] = []
    for place, row in enumerate(rows):
        if row.is_empty or problem(row) is not None or (ticked_only and not row.ticked):
            continue
        texts = {"text": row.prompt, "corrupt": row.corrupt or None}
        texts |= {"label": row.label, "group": row.group}
        try:
            made = PromptRow.model_validate({**texts, "answer": row.answer, "wrong": row.wrong})
        except ValidationError:
            continue
        prompts.append(made)
        places.append(place)
    return prompts[:MAX_PROMPTS], places[:MAX_PROMPTS]


def usable_places(rows: Sequence[TypedRow]) -> list[int]:
    """Return the table rows that `to_prompts` would make prompts of, without making them."""
    usable = (i for i, row in enumerate(rows) if row.ticked and not row.is_empty)
    return [place for place in usable if problem(rows[place]) is None][:MAX_PROMPTS]


def run_numbers(rows: Sequence[TypedRow]) -> dict[int, int]:
    """Return the number that a run gives to the prompt of a table row: the ticked, from 1."""
    taken = (place for place, row in enumerate(rows) if row.ticked and not row.is_empty)
    return {place: number for number, place in enumerate(taken, 1)}


def first_problem(rows: Sequence[TypedRow]) -> tuple[int, str] | None:
    """Return the first ticked row that cannot be run, with its sentence, or None."""
    for place, row in enumerate(rows):
        sentence = problem(row) if row.ticked else None
        if sentence is not None:
            return place, sentence
    if all(row.is_empty for row in rows):
        return 0, "There is no prompt: type one into the table."
    if not any(row.ticked and not row.is_empty for row in rows):
        return 0, "No prompt is ticked: tick those that are to be run."
    return None


def fixed(row: TypedRow, fix: Mapping[str, Any]) -> TypedRow:
    """Return the row with a notice's repair applied; fields that it does not name stay."""
    changed = row
    for column, name in enumerate(COLUMNS):
        if name in fix:
            changed = changed.with_cell(column, _as_text(fix[name]))
    return changed


def find_row(rows: Sequence[TypedRow], prompt: str | None, index: int) -> int | None:
    """Return the table row that a notice speaks of: the one with its text, nearest to its number.

    Rows may have been moved or removed since the analysis ran, so the text decides.
    """
    if prompt is None:
        return index if 0 <= index < len(rows) else None
    matches = [place for place, row in enumerate(rows) if row.prompt == prompt]
    return min(matches, key=lambda place: abs(place - index)) if matches else None


def _parts(text: str) -> list[str]:
    return [part for part in text.split("|") if part]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "|".join(str(v) for v in value)
    return str(value)


def with_answer(row: TypedRow, role: str, text: str) -> TypedRow:
    """Return a row with a text as its `answer` or `wrong`, and no longer as the other one.

    `corrupt` makes it the prompt's twin.
    `append` puts it at the prompt's end, and at the end of its twin, which keeps their lengths.
    """
    if role == "append":
        twin = row.corrupt + text if row.corrupt else ""
        return replace(row, prompt=row.prompt + text, corrupt=twin)
    if role == "corrupt":
        return replace(row, corrupt=text)
    other = "wrong" if role == "answer" else "answer"
    kept = [part for part in _parts(getattr(row, other)) if part != text]
    changed: dict[str, Any] = {role: text, other: "|".join(kept)}
    return replace(row, **changed)


def marks_of(rows: Sequence[TypedRow]) -> list[list[Any]]:
    """Return label, group and tick of each row, as plain values; none where all are the usual."""
    marks = [[row.label, row.group, row.ticked] for row in rows]
    return marks if any(mark != ["", "", True] for mark in marks) else []


def marked(rows: Sequence[TypedRow], marks: object) -> list[TypedRow]:
    """Return rows with the marks that a file holds of them; what is no mark is passed over."""
    found = list(rows)
    if not isinstance(marks, (list, tuple)) or len(marks) != len(found):
        return found
    for place, mark in enumerate(marks):
        match mark:
            case [str(label), str(group), bool(ticked)]:
                found[place] = replace(found[place], label=label, group=group, ticked=ticked)
    return found
