"""Prompt tables on disk: `.csv` and `.jsonl` with the columns prompt, corrupt, answer, wrong.

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
from desktop_app.text.cells import MARK, begins_formula, plain_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_T = TypeVar("_T")
MAX_FILE_BYTES = 64 * 1024**2

_COLUMNS = ("prompt", "corrupt", "answer", "wrong")
MARKED = "marked"
_COLUMN_LIST = ", ".join(_COLUMNS)
_FIELDS = {"text": "text", "prompt": "text", "corrupt": "corrupt", "answer": "answer"}
_FIELDS["wrong"] = "wrong"


def read_prompts(path: Path | str) -> tuple[PromptRow, ...]:
    """Return the rows of a prompt table.

    Raises:
        BadInputError: The file is missing, too large, or not such a table; the sentence names the
            line and the column.
    """
    target = Path(path)
    reader = _by_ending(target, {".csv": _csv_rows, ".jsonl": _jsonl_rows}, "prompt table")
    rows: list[PromptRow] = []
    for line, cells in reader(target, _read_text(target)):
        _check_count(target, line, len(rows))
        rows.append(_row(target, line, cells))
    if not rows:
        raise BadInputError(f"“{target}” holds no prompts: add a line per prompt.")
    return tuple(rows)


def read_texts(path: Path | str) -> tuple[str, ...]:
    """Return reference texts: the prompts of a table, or the lines of a `.txt` file.

    Empty lines of a `.txt` file are passed over; nothing else is dropped or trimmed.

    Raises:
        BadInputError: As of `read_prompts`.
    """
    target = Path(path)
    if target.suffix.lower() != ".txt":
        _by_ending(target, {".csv": None, ".jsonl": None, ".txt": None}, "file of prompts")
        return tuple(row.text for row in read_prompts(target))
    lines = (line.removesuffix("\r") for line in _read_text(target).split("\n"))
    texts: list[str] = []
    for number, line in enumerate(lines, 1):
        if line:
            _check_count(target, number, len(texts))
            if len(line) > MAX_PROMPT_CHARACTERS:
                raise _too_long(target, number, "prompt")
            texts.append(line)
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


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give (line, cells by column) of each row that is not empty."""
    # The module's own limit is 131,072 characters and holds for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_FILE_BYTES))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        columns = _header(path, next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) > len(columns):
                raise BadInputError(
                    f"“{path}”, line {line}, column {len(columns) + 1}: more cells than the "
                    "header has columns; put texts that hold a comma in quotes."
                )
            if cells:
                yield line, _unmarked(dict(zip(columns, cells, strict=False)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInputError(
            f"“{path}”, line {line}: {error}; double the quotes inside a quoted text."
        ) from None


def _unmarked(cells: dict[str, Any]) -> dict[str, Any]:
    """Return cells as they were before they were written so that no spreadsheet computes them."""
    for name in filter(None, str(cells.pop(MARKED, "")).split("|")):
        if name in cells:
            cells[name] = cells[name].removeprefix(MARK)
    return cells


def _header(path: Path, cells: list[str]) -> list[str]:
    columns = [cell.strip().casefold() for cell in cells]
    for number, (name, cell) in enumerate(zip(columns, cells, strict=True), 1):
        if name not in _FIELDS and name != MARKED:
            raise BadInputError(
                f"“{path}”, line 1, column {number}: there is no column “{cell[:40]}”; the first "
                f"line names the columns {_COLUMN_LIST}."
            )
    fields = [_FIELDS.get(name, name) for name in columns]
    if "text" not in fields or len(set(fields)) < len(fields):
        raise BadInputError(
            f"“{path}”, line 1: the first line must name each column once, prompt among them: "
            f"{_COLUMN_LIST}."
        )
    return columns


def _jsonl_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give (line, values by key) of each line that is not blank."""
    for line, source in enumerate(text.split("\n"), 1):
        if not source.strip():
            continue
        try:
            value = json.loads(source)
        except json.JSONDecodeError as error:
            raise BadInputError(
                f"“{path}”, line {line}, column {error.colno}: not JSON ({error.msg})."
            ) from None
        except (ValueError, RecursionError):
            raise BadInputError(f"“{path}”, line {line}: not JSON that can be read.") from None
        if not isinstance(value, dict):
            raise BadInputError(f"“{path}”, line {line}: write one object a line, in braces.")
        _check_keys(path, line, value)
        _check_texts(path, line, value)
        yield line, value


def _check_texts(path: Path, line: int, value: dict[str, Any]) -> None:
    """Refuse what is no text: a number is a token or another one, as it is written."""
    for key, cell in value.items():
        several = cell if isinstance(cell, list) and _FIELDS[key] in {"answer", "wrong"} else [cell]
        odd = next((c for c in several if c is not None and not isinstance(c, str)), None)
        if odd is not None:
            told = json.dumps(odd, ensure_ascii=False)[:40]
            raise BadInputError(
                f"“{path}”, line {line}, column {key}: {told} is {_kind(odd)}, not a text; put it "
                "in quotes, with its leading space where the answer has one."
            )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    return "a list" if isinstance(value, list) else "an object"


def _check_keys(path: Path, line: int, value: dict[str, Any]) -> None:
    unknown = next((key for key in value if key not in _FIELDS), None)
    if unknown is not None:
        raise BadInputError(
            f"“{path}”, line {line}: there is no column “{unknown[:40]}”; use {_COLUMN_LIST}."
        )
    if ("prompt" in value) == ("text" in value):
        raise BadInputError(f"“{path}”, line {line}, column prompt: exactly one is needed.")


def _row(path: Path, line: int, cells: dict[str, Any]) -> PromptRow:
    # An empty cell of a .csv is a missing one: there is no corrupt twin without a text.
    values = {_FIELDS[name]: cell for name, cell in cells.items()}
    values["corrupt"] = values.get("corrupt") or None
    try:
        return PromptRow.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "prompt"
        column = "prompt" if name == "text" else name
        if first["type"] == "string_too_long":
            raise _too_long(path, line, column) from None
        raise BadInputError(
            f"“{path}”, line {line}, column {column}: {first['msg'].lower()}."
        ) from None


def _check_count(path: Path, line: int, count: int) -> None:
    if count >= MAX_PROMPTS:
        raise BadInputError(
            f"“{path}”, line {line}: more than {MAX_PROMPTS:,} prompts; split the file."
        )


def _too_long(path: Path, line: int, column: str) -> BadInputError:
    return BadInputError(
        f"“{path}”, line {line}, column {column}: longer than {MAX_PROMPT_CHARACTERS:,} "
        "characters; shorten it."
    )


def _cells(row: PromptRow) -> tuple[str, ...]:
    return row.text, row.corrupt or "", "|".join(row.answer), "|".join(row.wrong)


def _begun(row: PromptRow) -> list[str]:
    """Return the columns in which a spreadsheet would take the text for a formula."""
    return [name for name, cell in zip(_COLUMNS, _cells(row), strict=True) if begins_formula(cell)]


def _csv_text(rows: Sequence[PromptRow]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    marks = [MARKED] if any(map(_begun, rows)) else []
    writer.writerow([*_COLUMNS, *marks])
    for number, row in enumerate(rows, 1):
        for column, several in (("answer", row.answer), ("wrong", row.wrong)):
            if any(not part or "|" in part for part in several):
                raise BadInputError(
                    f"Row {number}, column {column}: a .csv cannot hold an answer with “|” in it "
                    "or an empty one; save the table as .jsonl."
                )
        begun = ["|".join(_begun(row))] if marks else []
        writer.writerow([*map(plain_cell, _cells(row)), *begun])
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
        lines.append(json.dumps(value, ensure_ascii=False) + "\n")
    return "".join(lines)
