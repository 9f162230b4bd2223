"""Sets of texts: given one by one, or by the name of a prompt file that holds them.

Files are opened once, where a person names them: what settings and results hold are texts, of
which none is a name.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.contract.steering import MAX_TEXTS
from desktop_app.support.errors import BadInputError
from desktop_app.text.prompts import read_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENDINGS = (".txt", ".csv", ".jsonl")
_LONGEST_NAME = 4_096
_SETS = frozenset({"from", "to", "from_texts", "to_texts"})


def names_file(text: str) -> bool:
    """Return whether a text is the name of a prompt file that is there."""
    if not text.lower().endswith(ENDINGS) or len(text) > _LONGEST_NAME or "\0" in text:
        return False
    try:
        return Path(os.path.expanduser(text)).is_file()
    except (OSError, ValueError):
        return False


def looks_like_file(text: str) -> bool:
    """Return whether a text looks like the name of a prompt file, and there is none."""
    return text.lower().endswith(ENDINGS) and not any(map(str.isspace, text.strip()))


def read_sets(texts: Iterable[str], option: str = "--to") -> tuple[str, ...]:
    """Return the texts of a set, to the letter; in place of each file's name those that it holds.

    Args:
        texts: As given.
        option: What they were given to, for sentences.

    Raises:
        BadInputError: A file cannot be read, or there are too many texts.
    """
    found: list[str] = []
    for text in texts:
        if names_file(text):
            found += read_texts(Path(os.path.expanduser(text)))
        else:
            found.append(text)
        _check_count(found, option)
    return tuple(found)


def read_written(interventions: Iterable[str], option: str = "--also") -> tuple[str, ...]:
    """Return interventions written as JSON, with what their sets' files hold in place of names.

    Args:
        interventions: As given; what is no JSON stays as it is.
        option: What they were given to, for sentences.

    Raises:
        BadInputError: A file cannot be read, or there are too many texts.
    """
    return tuple(_with_texts(written, option) for written in interventions)


def _with_texts(written: str, option: str) -> str:
    try:
        told = json.loads(written)
    except (ValueError, RecursionError):
        return written
    sets = told.items() if isinstance(told, dict) else ()
    read = {
        name: read_sets(texts, f"{option} “{name}”")
        for name, texts in sets
        if name in _SETS
        and isinstance(texts, list)
        and all(isinstance(text, str) for text in texts)
    }
    return json.dumps({**told, **read}) if read else written


def _check_count(found: Sequence[str], option: str) -> None:
    if len(found) > MAX_TEXTS:
        raise BadInputError(f"{option} has more than {MAX_TEXTS:,} texts: give fewer.")
