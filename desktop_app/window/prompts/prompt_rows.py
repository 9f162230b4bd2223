"""The prompt table's content without Qt: rows as typed, checks, fixes, what is pasted, widths."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from desktop_app.contract.params import MAX_PROMPT_CHARACTERS, MAX_PROMPTS, PromptRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLUMNS = ("prompt", "corrupt", "answer", "wrong")
_HEADINGS = {"prompt", "text", "corrupt", "answer", "wrong"}
_ANSWER_SHARE, _ANSWER_LEAST, _ANSWER_MOST = 0.13, 52, 110
_EMPTY_CORRUPT = 62
_PROMPT_SHARE = 0.6
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class TypedRow:
    """One row as typed: four texts to the letter; several answers are divided by `|`."""

    prompt: str = ""
    corrupt: str = ""
    answer: str = ""
    wrong: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was typed."""
        return not (self.prompt or self.corrupt or self.answer or self.wrong)

    def cell(self, column: int) -> str:
        """Return one of the four texts."""
        return str(getattr(self, COLUMNS[column]))

    def with_cell(self, column: int, text: str) -> TypedRow:
        """Return the row with one text changed."""
        return replace(self, **{COLUMNS[column]: text})


def typed(row: PromptRow) -> TypedRow:
    """Return a prompt row as it would be typed."""
    return TypedRow(row.text, row.corrupt or "", "|".join(row.answer), "|".join(row.wrong))


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
    shared = set(_parts(row.answer)) & set(_parts(row.wrong))
    if shared:
        return f"“{sorted(shared)[0]}” is both answer and wrong: change one of them."
    return None


def to_prompts(rows: Sequence[TypedRow]) -> tuple[list[PromptRow], list[int]]:
    """Return the usable rows as prompts, and which table row each one is.

    Rows with a problem are left out; see `first_problem` for refusing them instead.
    """
    prompts: list[PromptRow] = []
    places: list[int] = []
    for place, row in enumerate(rows):
        if row.is_empty or problem(row) is not None:
            continue
        texts = {"text": row.prompt, "corrupt": row.corrupt or None}
        try:
            made = PromptRow.model_validate({**texts, "answer": row.answer, "wrong": row.wrong})
        except ValidationError:
            continue
        prompts.append(made)
        places.append(place)
    return prompts[:MAX_PROMPTS], places[:MAX_PROMPTS]


def first_problem(rows: Sequence[TypedRow]) -> tuple[int, str] | None:
    """Return the first row that cannot be run, with its sentence, or None."""
    for place, row in enumerate(rows):
        sentence = problem(row)
        if sentence is not None:
            return place, sentence
    if all(row.is_empty for row in rows):
        return 0, "There is no prompt: type one into the table."
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


def parse_pasted(text: str) -> list[TypedRow]:
    """Return what was copied elsewhere as rows: tab-separated columns, or one prompt a line.

    A spreadsheet's own quoting is undone, a heading line is passed over, nothing is trimmed.
    """
    if "\t" in text:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    else:
        table = [[line] for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    rows = [TypedRow(*cells[: len(COLUMNS)]) for cells in table if any(cells)]
    if rows and len(table[0]) > 1 and {c.strip().lower() for c in table[0] if c} <= _HEADINGS:
        rows = rows[1:]
    return rows[:MAX_PROMPTS]


def to_pasted(rows: Sequence[TypedRow]) -> str:
    """Return rows as tab-separated text, as spreadsheets take it."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    writer.writerows([[row.prompt, row.corrupt, row.answer, row.wrong] for row in rows])
    return out.getvalue()


def _parts(text: str) -> list[str]:
    return [part for part in text.split("|") if part]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "|".join(str(v) for v in value)
    return str(value)


def column_widths(width: int, rows: Sequence[TypedRow]) -> tuple[int, int, int, int]:
    """Return the widths of prompt, corrupt, answer and wrong.

    Answers are short; a corrupt twin is as long as its prompt but read less often, and takes no
    more than its heading where there is none.
    """
    answer = max(_ANSWER_LEAST, min(_ANSWER_MOST, int(width * _ANSWER_SHARE)))
    rest = max(0, width - 2 * answer)
    has_twins = any(row.corrupt for row in rows)
    prompt = int(rest * _PROMPT_SHARE) if has_twins else max(rest - _EMPTY_CORRUPT, rest // 2)
    return prompt, rest - prompt, answer, answer


def line_count(text: str, letters: int) -> int:
    """Return how many lines of so many letters a text takes where it is broken at spaces."""
    lines, used = 1, 0
    for word in text.split(" "):
        needed = len(word) + (1 if used else 0)
        if used and used + needed > letters:
            lines, used = lines + 1, len(word)
        else:
            used += needed
    return lines
