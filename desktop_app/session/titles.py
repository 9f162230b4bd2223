"""What results are called in a session, so that no two read alike, and which are one question."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.result import plain
from desktop_app.pictures.naming import DOT, Made, Name
from desktop_app.session import codec
from desktop_app.session.parts import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result

# What reading a stranger's document may raise.
_DAMAGED = (
    *(ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError),
    DamagedError,
)
_MOST_TOLD = 4
_MOST_RUNS = 10_000


def free_title(connection: sqlite3.Connection, result: Result) -> str:
    """Return what a result is called, told apart from those that would read alike.

    The first setting in which it differs from each of them is added; where nothing differs, which
    run of the same it is.
    """
    name = Name(result)
    for _ in range(_MOST_TOLD):
        other = _made(connection, str(name))
        if other is None:
            return str(name)
        if not name.tell_apart(other):
            break
    return _numbered(connection, str(name))


def _numbered(connection: sqlite3.Connection, title: str) -> str:
    runs = (title, *(f"{title}{DOT}run {n}" for n in range(2, _MOST_RUNS)))
    sql = "SELECT 1 FROM results WHERE title = ? LIMIT 1"
    is_free = (t for t in runs if connection.execute(sql, (t,)).fetchone() is None)
    return next(is_free, title)


def _made(connection: sqlite3.Connection, title: str) -> Made | None:
    """Return what made the newest result of that title; None where there is none."""
    sql = "SELECT document FROM results WHERE title = ? ORDER BY id DESC LIMIT 1"
    found = connection.execute(sql, (title,)).fetchone()
    return None if found is None else _read(found[0])


def _read(document: Any) -> Made:
    """Read what made a result; of a damaged document nothing is told."""
    try:
        source = json.loads(document)
        params, model = (codec.decode_plain(source[name]) for name in ("params", "model"))
        texts = tuple(str(codec.decode_plain(p)["text"]) for p in source["prompts"])
    except _DAMAGED:
        return Made({}, (), {})
    return Made(_mapping(params), texts, _mapping(model))


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def is_tried(analysis: str) -> bool:
    """Return whether results of an analysis are tries, many of one question."""
    known = ANALYSES.get(analysis)
    return known is not None and known.question is not None


def question_of(result: Result) -> str:
    """Return a short name of the question that a result is a try of; empty where it is none."""
    prompts = [dataclasses.asdict(prompt) for prompt in result.prompts]
    return _question(result.analysis, result.params, prompts, dataclasses.asdict(result.model))


def stored_question(analysis: str, document: Any) -> str:
    """Return the same of a stored document; one that is damaged stands alone."""
    try:
        source = json.loads(document)
        params, model = (codec.decode_plain(source[name]) for name in ("params", "model"))
        prompts = [codec.decode_plain(p) for p in source["prompts"]]
        return _question(analysis, params, prompts, model)
    except _DAMAGED:
        return ""


def _question(
    analysis: str, params: Mapping[str, Any], prompts: Sequence[Any], model: Mapping[str, Any]
) -> str:
    known = ANALYSES.get(analysis)
    if known is None or known.question is None:
        return ""
    question = known.question(params, prompts)
    if question is None:
        return ""
    made_by = [analysis, model.get("name"), model.get("fingerprint")]
    if (variant := model.get("layernorm", "keep")) != "keep":
        made_by.append(variant)
    asked = plain([*made_by, question])
    told = json.dumps(asked, sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:16]
