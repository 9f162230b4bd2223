"""Results for other programs: JSON, .npz, .csv, and scripts that compute them anew.

JSON is the contract's, the table has one row per cell, and a circuit of edges can be had as MIB's
own JSON. Whatever the size of a result, no more than one head of a stored pattern is in memory at
once.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from desktop_app.contract.result import plain
from desktop_app.session.export_table import write_tidy
from desktop_app.session.mib_circuits import ENDING as MIB_ENDING
from desktop_app.session.mib_circuits import write_mib
from desktop_app.session.parts import LazyArray, Stored, leading_axes
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from desktop_app.contract.result import Result


NOT_STORED = "patterns_not_stored"
"""The warning of a result whose largest arrays were not kept."""
_WHOLE = frozenset({".json", ".npz"})


def export(result: Result, path: Path | str, title: str = "") -> None:
    """Write a result as the ending of `path` says; the file appears complete or not at all.

    Args:
        result: What is written.
        path: The file.
        title: What the history calls it, for scripts to say; empty: they name their analysis alone.

    Raises:
        BadInputError: The ending is unknown, or the file cannot be written.
    """
    target = Path(path)
    writer = _WRITERS.get(_ending_of(target))
    if writer is None:
        raise _unknown_ending(target, ENDINGS)
    if _ending_of(target) in _WHOLE:
        _refuse_partial(result)
    with write_atomically(target) as file:
        writer(result, file, title)


def _refuse_partial(result: Result) -> None:
    """Refuse numbers for other programs where the largest of them were not kept."""
    told = [n.message for n in result.warnings if n.code == NOT_STORED]
    if told:
        raise BadInputError(
            "This result keeps no patterns, which were too large: run it again with fewer --layers "
            "or --heads."
        )


def check_ending(path: Path | str) -> None:
    """Refuse a name that says neither what data nor what picture is wanted."""
    if _ending_of(Path(path)) not in (*_WRITERS, *PICTURE_ENDINGS):
        raise _unknown_ending(Path(path), ENDINGS + PICTURE_ENDINGS)


def _ending_of(path: Path) -> str:
    """Return the ending that says what is written, the longest one that is known."""
    name = path.name.lower()
    return MIB_ENDING if name.endswith(MIB_ENDING) else path.suffix.lower()


def is_picture(path: Path | str) -> bool:
    """Return whether the name asks for a picture, which the views draw."""
    return Path(path).suffix.lower() in PICTURE_ENDINGS


def _unknown_ending(path: Path, endings: tuple[str, ...]) -> BadInputError:
    return BadInputError(
        f"“{path}” cannot be exported: end its name in one of {', '.join(endings)}."
    )


def to_json_text(result: Result) -> str:
    """Return the result object of the contract as JSON, stored arrays included."""
    return "".join(json_pieces(result))


def json_pieces(result: Result) -> Iterator[str]:
    """Give the JSON of a result in pieces, so that large patterns need not fit into memory."""
    start = "{"
    for name, value in dataclasses.replace(result, data={}).to_json().items():
        yield f"{start}{json.dumps(name)}: "
        yield from _object(result.data) if name == "result" else (_dumps(value),)
        start = ",\n "
    yield "}\n"


def _object(data: Mapping[str, Any]) -> Iterator[str]:
    start = "{"
    for name, value in data.items():
        yield f"{start}{_dumps(name)}: "
        yield from _value(value)
        start = ",\n  "
    yield "}" if data else "{}"


def _value(value: Any) -> Iterator[str]:
    whole = value.ndim <= 2 if isinstance(value, Stored) else not _holds_arrays(value)
    if whole:
        yield _dumps(plain(np.asarray(value) if isinstance(value, LazyArray) else value))
        return
    start = "["
    for item in value:
        yield start
        yield from _value(item)
        start = ",\n   "
    yield "]" if len(value) else "[]"


def _dumps(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair is no UTF-8; JSON can still spell it.
    is_utf8 = text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
    return text if is_utf8 else json.dumps(value, allow_nan=False)


def _write_json(result: Result, file: BinaryIO, _title: str) -> None:
    for piece in json_pieces(result):
        file.write(piece.encode("utf-8"))


def _write_npz(result: Result, file: BinaryIO, _title: str) -> None:
    """Write a .npz that loads without pickle.

    Members: each array by its name; one array a prompt as `name_0`, `name_1`, …; and `document`,
    the contract's result object as JSON text, in which those arrays are named instead of listed.
    Texts are in it to the letter, while numpy's own drop NUL characters at their end.
    """
    rest: dict[str, Any] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, value in result.data.items():
            members = _members(name, value)
            for member, array in members.items():
                _write_member(archive, member, array)
            rest[name] = {"members": list(members)} if _holds_arrays(value) else value
        document = np.array(to_json_text(dataclasses.replace(result, data=rest)))
        _write_member(archive, "document", document)


def _members(name: str, value: Any) -> dict[str, Stored]:
    """Return the arrays that a field gives, by member name; none where it is no array."""
    if isinstance(value, Stored):
        return {name: value}
    if isinstance(value, (bool, int, float, str)):
        return {name: np.array(value)}
    if not isinstance(value, tuple):
        return {}
    arrays = [v if isinstance(v, Stored) else _as_array(v) for v in value]
    return {f"{name}_{i}": a for i, a in enumerate(arrays) if a is not None}


def _as_array(value: Any) -> np.ndarray | None:
    """Return tokens' tuples of numbers, truth values or texts as an array, None for the rest."""
    if not isinstance(value, tuple):
        return None
    try:
        array = np.array(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "biufU" else None


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, Stored) or (
        isinstance(value, tuple) and any(isinstance(v, Stored) for v in value)
    )


def _write_member(archive: zipfile.ZipFile, name: str, array: Stored) -> None:
    dtype = array.dtype.newbyteorder("<")
    header = {"descr": dtype.str, "fortran_order": False, "shape": array.shape}
    lead = leading_axes(array.shape, dtype.itemsize)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_2_0(member, header)
        for index in np.ndindex(*array.shape[:lead]):
            member.write(np.ascontiguousarray(array[index], dtype=dtype).tobytes())


def _write_csv(result: Result, file: BinaryIO, _title: str) -> None:
    # Python's own name for "as it is": half a surrogate pair becomes \udXXX in plain letters.
    text = io.TextIOWrapper(file, "utf-8", errors="backslashreplace", newline="")
    write_tidy(result, text)
    text.flush()
    text.detach()


def _write_script(result: Result, file: BinaryIO, title: str, *, notebook: bool = False) -> None:
    from desktop_app.session import export_scripts as scripts  # noqa: PLC0415 - jinja2, when needed

    text = (
        scripts.to_notebook(result, title) if notebook else scripts.to_script(result, title=title)
    )
    file.write(text.encode("utf-8"))


_WRITERS: dict[str, Callable[[Result, BinaryIO, str], None]] = {
    ".json": _write_json,
    ".npz": _write_npz,
    ".csv": _write_csv,
    MIB_ENDING: write_mib,
    ".py": _write_script,
    ".ipynb": partial(_write_script, notebook=True),
}
ENDINGS = tuple(ending for ending in _WRITERS if ending != MIB_ENDING)  # of any result
PICTURE_ENDINGS = (".png", ".svg", ".pdf")
