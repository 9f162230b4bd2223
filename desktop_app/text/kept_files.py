"""Circuits and trails in files: lists of parts, one a line, or what a result's `.json` holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from desktop_app.contract.kept import ALL, NONE, check_kept, parse_kept, written_kept
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import open_regular

MAX_BYTES = 20_000_000
_RESULT = "result"


def read_keep(given: str) -> str:
    """Return a circuit as settings write it, from a text or from the file that it names.

    A file holds one part a line, or is the `.json` of a result with a field `kept`.

    Raises:
        BadInputError: It is neither, or the file holds no circuit; the sentence names the line.
    """
    try:
        return check_kept(given)
    except ValueError as error:
        path = Path(given)
        # A list may be longer than any name of a file: os.path says no, and pathlib raises.
        if not (path.suffix or os.path.exists(given)) or not given.strip():
            raise BadInputError(f"--keep: {error}, or name a file.") from None
        if not os.path.exists(given):
            raise BadInputError(
                f"--keep: there is no file “{_short(given)}”, and as a list {error}."
            ) from None
    text = _text_of(path, "--keep")
    if path.suffix.lower() == ".json":
        return _kept_of(path, _result_of(path, text, "--keep"))
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.strip().lower()
        if word in {ALL, NONE}:
            raise BadInputError(f"--keep {path}, line {number}: write parts alone, one a line.")
        try:
            found += written_kept(parse_kept(line))
        except ValueError as error:
            raise BadInputError(f"--keep {path}, line {number}: {_short(str(error))}.") from None
    if not found:
        raise BadInputError(f"--keep {path} names no part: write one a line, or --keep none.")
    return check_kept(",".join(found))


def read_trail(given: str) -> str:
    """Return the trail of a stopped pruning as JSON, from a text or from a result's `.json`.

    Raises:
        BadInputError: The file holds no trail.
    """
    if not given.strip() or given.lstrip().startswith("["):
        return given
    path = Path(given)
    result = _result_of(path, _text_of(path, "--resume"), "--resume")
    trail = result.get("trail") if isinstance(result, dict) else None
    if not isinstance(trail, list):
        raise BadInputError(f"--resume {path} holds no trail: give the .json of a pruning.")
    return json.dumps(trail)


def _text_of(path: Path, option: str) -> str:
    if path.suffix.lower() == ".lens" and path.is_file():
        raise BadInputError(f"{option} {path} is a session: export the result as .json.")
    try:
        with open_regular(path) as file:
            stored = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadInputError(f"{option}: there is no file “{path}”: check the name.") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise BadInputError(f"{option} {path} cannot be read ({why}).") from None
    if len(stored) > MAX_BYTES:
        raise BadInputError(f"{option} {path} is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        return stored.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{option} {path} is not UTF-8: save it as UTF-8.") from None


def _result_of(path: Path, text: str, option: str) -> Any:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInputError(f"{option} {path} is no JSON: export the result as .json.") from None
    return document.get(_RESULT) if isinstance(document, dict) else document


def _kept_of(path: Path, result: Any) -> str:
    kept = result.get("kept") if isinstance(result, dict) else result
    if not isinstance(kept, list) or not all(isinstance(part, str) for part in kept):
        raise BadInputError(
            f"--keep {path} holds no circuit: give the .json of a result with a list of kept parts."
        )
    try:
        return check_kept(",".join(kept)) if kept else NONE
    except ValueError as error:
        raise BadInputError(f"--keep {path}: {_short(str(error))}.") from None


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
