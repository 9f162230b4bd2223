"""Prompt tables on disk: `.csv` and `.jsonl` with the columns prompt, corrupt, answer, wrong.

Columns `label` and `group` are kept where there are any.

Texts are used to the letter: nothing is trimmed, a trailing space stays, quotes and line breaks
inside a text survive. `answer` and `wrong` may hold several, `|` between. A `.csv` that is written
here has an apostrophe before texts with which a spreadsheet would begin a formula; its last column,
`marked`, names those cells, so that they are read as they were.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from desktop_app.contract.params import MAX_PROMPT_CHARACTERS, MAX_PROMPTS, PromptRow
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular, write_atomically
from desktop_app.text.cells import begins_formula, plain_cell
from desktop_app.text.prompt_tables import (
    COLUMNS,
    FIELDS,
    KEPT,
    MARKED,
    MAX_TABLE_BYTES,
    csv_lines,
    jsonl_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.text.prompt_tables import Line

_T = TypeVar("_T")
MAX_FILE_BYTES = MAX_TABLE_BYTES


def read_prompts(path: Path | str) -> tuple[PromptRow, ...]:
    """Return the rows of a prompt table.

    Raises:
        BadInputError: The file is missing, too large, or not such a table; the sentence names the
            line and the column.
    """
    target = Path(path)
    reader = _by_ending(target, {".csv": csv_lines, ".jsonl": jsonl_lines}, "prompt table")
    return _checked(f"“{target}”", reader(f"“{target}”", _read_text(target)))


def read_table(source: str, text: str, *, is_json: bool) -> tuple[PromptRow, ...]:
    """Return the rows of a prompt table that came as text, such as by pasting.

    Raises:
        BadInputError: As of `read_prompts`; the sentence begins with `source`.
    """
    return _checked(source, (jsonl_lines if is_json else csv_lines)(source, text))


def _checked(source: str, lines: Iterable[Line]) -> tuple[PromptRow, ...]:
    rows: list[PromptRow] = []
    for line, cells in lines:
        _check_count(source, line, len(rows))
        rows.append(_row(source, line, cells))
    if not rows:
        raise BadInputError(f"{source} holds no prompts: add a line per prompt.")
    return tuple(rows)


def read_texts(path: Path | str) -> tuple[str, ...]:
    """Return reference texts: the prompts of a table, or the lines of a `.txt` file.

    Empty lines of a `.txt` file are passed over; nothing else is dropped or trimmed.

    Raises:
        BadInputError: As of `read_prompts`.
    """
    return tuple(row.text for row in read_rows(path))


def read_rows(path: Path | str) -> tuple[PromptRow, ...]:
    """Return the rows of a table of reference prompts, or a row for each line of a `.txt` file.

    Raises:
        BadInputError: As of `read_prompts`.
    """
    target = Path(path)
    if target.suffix.lower() != ".txt":
        _by_ending(target, {".csv": None, ".jsonl": None, ".txt": None}, "file of prompts")
        return read_prompts(target)
    lines = (line.removesuffix("\r") for line in _read_text(target).split("\n"))
    texts: list[PromptRow] = []
    for number, line in enumerate(lines, 1):
        if line:
            _check_count(f"“{target}”", number, len(texts))
            if len(line) > MAX_PROMPT_CHARACTERS:
                raise _too_long(f"“{target}”", number, "prompt")
            texts.append(PromptRow(text=line))
    if not texts:
        raise BadInputError(f"“{target}” holds no prompts: write one a line.")
    return tuple(texts)


def write_prompts(path: Path | str, rows: Sequence[PromptRow]) -> None:
    """Write a prompt table as the ending of `path` says; it appears complete or not at all.

    Raises:
        BadInputError: The ending is unknown, a text cannot be written so, or the disk is full.
    """
    target = Path(path)
    text = _by_ending(target, {".csv": _csv_text, ".jsonl": _jsonl_text}, "prompt table")(rows)
    try:
        stored = text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInputError(
            f"“{target}” cannot hold half a surrogate pair: remove the damaged character."
        ) from None
    with write_atomically(target) as file:
        file.write(stored)


def prompts_text(rows: Sequence[PromptRow], *, as_json: bool = False) -> str:
    """Return a prompt table as the lines of a `.csv`, or of a `.jsonl`.

    Raises:
        BadInputError: A text cannot be written so.
    """
    return _jsonl_text(rows) if as_json else _csv_text(rows, "\n")


def _by_ending(path: Path, choices: dict[str, _T], what: str) -> _T:
    try:
        return choices[path.suffix.lower()]
    except KeyError:
        endings = ", ".join(choices)
        raise BadInputError(f"“{path}” is no {what}: its name must end in {endings}.") from None


def _read_text(path: Path) -> str:
    try:
        with open_regular(path) as file:
            stored = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise BadInputError(f"There is no file “{path}”: check the name.") from None
    except OSError as error:
        raise BadInputError(f"“{path}” cannot be read ({error.strerror}).") from error
    if len(stored) > MAX_FILE_BYTES:
        size = MAX_FILE_BYTES // 1024**2
        raise BadInputError(f"“{path}” is larger than {size} MB: split it.")
    try:
        return stored.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + stored.count(b"\n", 0, error.start)
        raise BadInputError(f"“{path}”, line {line}: not UTF-8; save the file as UTF-8.") from None


def _row(source: str, line: int, cells: dict[str, Any]) -> PromptRow:
    # An empty cell of a .csv is a missing one: there is no corrupt twin without a text.
    values = {FIELDS[name]: cell for name, cell in cells.items()}
    values["corrupt"] = values.get("corrupt") or None
    try:
        return PromptRow.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "prompt"
        column = "prompt" if name == "text" else name
        if first["type"] == "string_too_long":
            raise _too_long(source, line, column) from None
        raise BadInputError(
            f"{source}, line {line}, column {column}: {first['msg'].lower()}."
        ) from None


def _check_count(source: str, line: int, count: int) -> None:
    if count >= MAX_PROMPTS:
        raise BadInputError(
            f"{source}, line {line}: more than {MAX_PROMPTS:,} prompts; split the file."
        )


def _too_long(source: str, line: int, column: str) -> BadInputError:
    return BadInputError(
        f"{source}, line {line}, column {column}: longer than {MAX_PROMPT_CHARACTERS:,} "
        "characters; shorten it."
    )


def _columns(rows: Sequence[PromptRow]) -> list[str]:
    """Return the columns of a table: label and group only where some row has one."""
    return [*COLUMNS, *(name for name in KEPT if any(getattr(row, name) for row in rows))]


def _cells(row: PromptRow, columns: Sequence[str]) -> list[str]:
    several = {"answer": "|".join(row.answer), "wrong": "|".join(row.wrong)}
    texts = {"prompt": row.text, "corrupt": row.corrupt or "", **several}
    texts |= {name: getattr(row, name) for name in KEPT}
    return [texts[name] for name in columns]


def _begun(row: PromptRow, columns: Sequence[str]) -> list[str]:
    """Return the columns in which a spreadsheet would take the text for a formula."""
    cells = zip(columns, _cells(row, columns), strict=True)
    return [name for name, cell in cells if begins_formula(cell)]


def _csv_text(rows: Sequence[PromptRow], line_end: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    columns = _columns(rows)
    marks = [MARKED] if any(_begun(row, columns) for row in rows) else []
    writer.writerow([*columns, *marks])
    for number, row in enumerate(rows, 1):
        for column, several in (("answer", row.answer), ("wrong", row.wrong)):
            if any(not part or "|" in part for part in several):
                raise BadInputError(
                    f"Row {number}, column {column}: a .csv cannot hold an answer with “|” in it "
                    "or an empty one; save the table as .jsonl."
                )
        begun = ["|".join(_begun(row, columns))] if marks else []
        writer.writerow([*map(plain_cell, _cells(row, columns)), *begun])
    return text.getvalue()


def _jsonl_text(rows: Sequence[PromptRow]) -> str:
    lines = []
    for row in rows:
        value: dict[str, Any] = {"prompt": row.text}
        if row.corrupt:
            value["corrupt"] = row.corrupt
        for column, several in (("answer", row.answer), ("wrong", row.wrong)):
            if several:
                plain = all(part and "|" not in part for part in several)
                value[column] = "|".join(several) if plain else list(several)
        value |= {name: getattr(row, name) for name in KEPT if getattr(row, name)}
        lines.append(json.dumps(value, ensure_ascii=False) + "\n")
    return "".join(lines)
