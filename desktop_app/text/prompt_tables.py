"""Prompt tables as text: comma, semicolon or tab between cells, or one JSON object a line.

What a file holds and what is pasted is read alike; only a pasted table may lack the line that names
the columns. Nothing is trimmed, quotes and line breaks inside a text survive.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from desktop_app.support.errors import BadInputError
from desktop_app.text.cells import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Line = tuple[int, dict[str, Any]]
MAX_TABLE_BYTES = 64 * 1024**2
COLUMNS = ("prompt", "corrupt", "answer", "wrong")
KEPT = ("label", "group")
MARKED = "marked"
FIELDS = {"text": "text", "prompt": "text"} | {n: n for n in (*COLUMNS[1:], *KEPT)}
_COLUMN_LIST = ", ".join((*COLUMNS, *KEPT))
_DELIMITERS = (",", ";", "\t")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SIGNS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}


def csv_lines(source: str, text: str) -> Iterator[Line]:
    """Give (line, cells by column) of each row that is not empty.

    Raises:
        BadInputError: It is no such table; the sentence begins with `source` and names the line.
    """
    delimiter = _delimiter_of_header(text) or ","
    reader = _reader(text, delimiter)
    line = 1
    try:
        columns = _header(source, next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(columns):
                raise BadInputError(
                    f"{source}, line {line}, column {len(columns) + 1}: more cells than the header "
                    f"has columns; put texts that hold {_SIGNS[delimiter]} in quotes."
                )
            if cells:
                yield line, _unmarked(dict(zip(columns, cells, strict=False)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(
            f"{source}, line {line}: {error}; double the quotes inside a quoted text."
        ) from None


def jsonl_lines(source: str, text: str) -> Iterator[Line]:
    """Give (line, values by key) of each line that is not blank.

    Raises:
        BadInputError: As of `csv_lines`.
    """
    for line, written in enumerate(text.split("\n"), 1):
        if not written.strip():
            continue
        try:
            value = json.loads(written)
        except json.JSONDecodeError as error:
            raise BadInputError(
                f"{source}, line {line}, column {error.colno}: not JSON ({error.msg})."
            ) from None
        except (ValueError, RecursionError):
            raise BadInputError(f"{source}, line {line}: not JSON that can be read.") from None
        if not isinstance(value, dict):
            raise BadInputError(f"{source}, line {line}: write one object a line, in braces.")
        _check_keys(source, line, value)
        _check_texts(source, line, value)
        yield line, value


def has_header(text: str) -> bool:
    """Return whether the first line names the columns of a table."""
    return _delimiter_of_header(text) is not None


def bare_cells(text: str) -> tuple[list[list[str]], str] | None:
    """Return the cells of a table without a header and what parts them, or None for plain lines.

    Prose has commas too, each with a space after it: a table has as many cells in every line, a
    first cell of several words, and in each line a comma or semicolon that no space follows, unless
    its cells stand in quotes.
    """
    for delimiter in _DELIMITERS:
        if delimiter not in text:
            continue
        try:
            table = [cells for cells in _reader(text, delimiter) if any(cells)]
        except csv.Error:
            continue
        if _is_table(table, text, delimiter):
            return table, _NAMES[delimiter]
    if "\t" in text:  # a spreadsheet's own quoting may be loose
        loose = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
        return [cells for cells in loose if any(cells)], _NAMES["\t"]
    return None


def _is_table(table: Sequence[Sequence[str]], text: str, delimiter: str) -> bool:
    widths = {len(cells) for cells in table}
    if len(widths) != 1 or not 2 <= min(widths) <= len(COLUMNS) + len(KEPT):
        return False
    if delimiter == "\t" or _is_quoted(text, delimiter):
        return True
    if not all(len(cells[0].split()) > 1 for cells in table):
        return False
    enough = len(table) > 1 or min(widths) > 2
    return enough and all(any(_is_tight(cell) for cell in cells[1:]) for cells in table)


def _is_tight(cell: str) -> bool:
    """Return whether no space stands between a cell and the sign before it."""
    return not cell[:1].isspace()


def _is_quoted(text: str, delimiter: str) -> bool:
    """Return whether a cell begins with quotes after a delimiter, or ends with them before one."""
    return f'{delimiter}"' in text or f'"{delimiter}' in text


def _reader(text: str, delimiter: str) -> Any:
    # The module's own limit is 131,072 characters and holds for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_TABLE_BYTES))
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _delimiter_of_header(text: str) -> str | None:
    """Return what parts the names of the columns in the first line, or None where it has none.

    A single name does for a file; a pasted line may be a prompt of one word.
    """
    for delimiter in _DELIMITERS:
        try:
            first: list[str] = next(_reader(text, delimiter), [])
        except csv.Error:
            continue
        names = [cell.strip().casefold() for cell in first]
        fields = {FIELDS.get(name, name) for name in names}
        known = all(name in FIELDS or name == MARKED for name in names)
        if known and len(names) > 1 and "text" in fields:
            return delimiter
    return None


def _unmarked(cells: dict[str, Any]) -> dict[str, Any]:
    """Return cells as they were before they were written so that no spreadsheet computes them."""
    for name in filter(None, str(cells.pop(MARKED, "")).split("|")):
        if name in cells:
            cells[name] = cells[name].removeprefix(MARK)
    return cells


def _header(source: str, cells: Sequence[str]) -> list[str]:
    columns = [cell.strip().casefold() for cell in cells]
    for number, (name, cell) in enumerate(zip(columns, cells, strict=True), 1):
        if name not in FIELDS and name != MARKED:
            raise BadInputError(
                f"{source}, line 1, column {number}: there is no column “{cell[:40]}”; the first "
                f"line names the columns {_COLUMN_LIST}."
            )
    fields = [FIELDS.get(name, name) for name in columns]
    if "text" not in fields or len(set(fields)) < len(fields):
        raise BadInputError(
            f"{source}, line 1: the first line must name each column once, prompt among them: "
            f"{_COLUMN_LIST}."
        )
    return columns


def _check_texts(source: str, line: int, value: dict[str, Any]) -> None:
    """Refuse what is no text: a number is a token or another one, as it is written."""
    for key, cell in value.items():
        several = cell if isinstance(cell, list) and FIELDS[key] in {"answer", "wrong"} else [cell]
        odd = next((c for c in several if c is not None and not isinstance(c, str)), None)
        if odd is not None:
            told = json.dumps(odd, ensure_ascii=False)[:40]
            raise BadInputError(
                f"{source}, line {line}, column {key}: {told} is {_kind(odd)}, not a text; put it "
                "in quotes, with its leading space where the answer has one."
            )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _check_keys(source: str, line: int, value: dict[str, Any]) -> None:
    unknown = next((key for key in value if key not in FIELDS), None)
    if unknown is not None:
        raise BadInputError(
            f"{source}, line {line}: there is no column “{unknown[:40]}”; use {_COLUMN_LIST}."
        )
    if ("prompt" in value) == ("text" in value):
        raise BadInputError(f"{source}, line {line}, column prompt: exactly one is needed.")
