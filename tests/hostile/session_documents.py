"""Edits of one result's document in a session's file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from desktop_app.contract.registry import ANALYSES
from tests.hostile import values

if TYPE_CHECKING:
    import random
    import sqlite3


def read(connection: sqlite3.Connection, number: int) -> Any:
    (text,) = connection.execute("SELECT document FROM results WHERE id = ?", (number,)).fetchone()
    return json.loads(text)


def write(connection: sqlite3.Connection, number: int, document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    connection.execute("UPDATE results SET document = ? WHERE id = ?", (text, number))


def document(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    document, where = values.replace_somewhere(
        read(connection, number), throw, values.hostile(throw)
    )
    write(connection, number, document)
    return where


def data(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    return _inside(connection, throw, number, "data")


def prompts(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    return _inside(connection, throw, number, "prompts")


def settings(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    return _inside(connection, throw, number, "params")


def about(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    part = throw.choice(("model", "warnings", "provenance", "timing"))
    return f"{part} {_inside(connection, throw, number, part)}"


def _inside(connection: sqlite3.Connection, throw: random.Random, number: int, part: str) -> str:
    document = read(connection, number)
    document[part], where = values.replace_somewhere(document[part], throw, values.hostile(throw))
    write(connection, number, document)
    return where


def other_analysis(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """The document says what another analysis' view is to draw."""
    document = read(connection, number)
    name = throw.choice([*ANALYSES, "telepathy", "", "../x", values.PICTURE, "a" * 5000])
    document["analysis"] = name
    write(connection, number, document)
    if throw.random() < 0.7:
        connection.execute("UPDATE results SET analysis = ? WHERE id = ?", (name, number))
    return values.short(name)


def without_fields(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    document = read(connection, number)
    data = document["data"]
    gone = throw.sample(sorted(data), throw.choice((1, 1, 2, len(data) // 2, len(data))))
    document["data"] = {name: value for name, value in data.items() if name not in gone}
    write(connection, number, document)
    return f"without {', '.join(gone)}"[:200]


def text_of_document(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    texts = (
        *("", "null", "[]", "{", '{"data": Infinity}', "[" * 100_000, '{"a":' * 50_000),
        json.dumps(read(connection, number))[:-40],
        json.dumps({**read(connection, number), "more": "x" * 20_000_000}),
    )
    text = throw.choice(texts)
    write(connection, number, text)
    return values.short(text)
