"""What is copied elsewhere and pasted as prompts: a table, JSON lines, or plain lines."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.contract.params import MAX_PROMPTS
from desktop_app.text.prompt_tables import bare_cells, has_header
from desktop_app.text.prompts import read_table
from desktop_app.window.prompts.prompt_rows import COLUMNS, TEXTS, TypedRow, typed

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCE = "The pasted text"


@dataclass(frozen=True)
class Pasted:
    """Rows that were read, and how they were.

    Attributes:
        parted: What was taken to part the cells of a table without a header, such as `commas`.
        lines: The same as one prompt a line, where that was not what it was taken for.
    """

    rows: list[TypedRow]
    parted: str = ""
    lines: tuple[TypedRow, ...] = ()


def parse_pasted(text: str) -> Pasted:
    """Return what was copied elsewhere as rows; nothing is trimmed.

    Raises:
        BadInputError: It is a table with a header and has a fault; the sentence names the line.
    """
    if _is_json(text):
        return Pasted([typed(row) for row in read_table(_SOURCE, text, is_json=True)])
    if has_header(text):
        return Pasted([typed(row) for row in read_table(_SOURCE, text, is_json=False)])
    lines = _lines(text)
    found = bare_cells(text)
    if found is None:
        return Pasted(lines)
    table, parted = found
    named = (dict(zip(COLUMNS, cells, strict=False)) for cells in table[:MAX_PROMPTS])
    rows = [TypedRow(**texts) for texts in named]  # type: ignore[arg-type]  # all are texts
    # A tab is no sign of prose: what has some came from a spreadsheet.
    return Pasted(rows, parted, () if parted == "tabs" else tuple(lines))


def is_prompt_table(text: str) -> bool:
    """Return whether a text is clearly no prompt but a table of them: a header, and rows below."""
    return has_header(text) and len([line for line in text.splitlines() if line.strip()]) > 1


def to_pasted(rows: Sequence[TypedRow]) -> str:
    """Return rows as tab-separated text, as spreadsheets take it; with a header where needed."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n")
    columns = TEXTS if any(row.label or row.group for row in rows) else COLUMNS
    if columns is TEXTS:
        writer.writerow(TEXTS)
    writer.writerows([[getattr(row, name) for name in columns] for row in rows])
    return out.getvalue()


def _lines(text: str) -> list[TypedRow]:
    plain = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [TypedRow(line) for line in plain if line][:MAX_PROMPTS]


def _is_json(text: str) -> bool:
    first = next((line for line in text.split("\n") if line.strip()), "").strip()
    return first.startswith("{") and first.endswith("}") and '"' in first
