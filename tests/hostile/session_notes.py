"""Edits of what a session notes about a result, and of the session as a whole."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

from tests.hostile import values
from tests.hostile.session_documents import read, write

if TYPE_CHECKING:
    import random


def row(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    columns = ("title", "created", "model", "notes", "star", "tags", "deleted", "analysis")
    column, value = throw.choice(columns), values.hostile(throw)
    if isinstance(value, (list, dict)) or (isinstance(value, int) and abs(value) >= 2**63):
        value = json.dumps(value)
    if isinstance(value, str) and "\ud800" in value:
        value = values.ESCAPES
    with contextlib.suppress(sqlite3.IntegrityError):  # null, where there must be something
        sql = f"UPDATE results SET {column} = ? WHERE id = ?"  # noqa: S608 - our own columns
        connection.execute(sql, (value, number))
    return f"{column} = {values.short(value)}"


def long_notes(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    kind = throw.choice(("# ", "<table>", "[a](", "*a", "\n", "> ", "```\n", "a ")) * 100_000
    for column in ("notes", "title"):
        sql = f"UPDATE results SET {column} = ? WHERE id = ?"  # noqa: S608 - our own columns
        connection.execute(sql, (kind, number))
    return values.short(kind)


def specs(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    column = throw.choice(("fields", "fields", "params_schema"))
    sql = f"SELECT {column} FROM results WHERE id = ?"  # noqa: S608 - our own columns
    (text,) = connection.execute(sql, (number,)).fetchone()
    tree, where = values.replace_somewhere(json.loads(text), throw, values.hostile(throw))
    sql = f"UPDATE results SET {column} = ? WHERE id = ?"  # noqa: S608
    connection.execute(sql, (json.dumps(tree), number))
    return f"{column} {where}"


def strange_specs(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """A result of an analysis that is not here, drawn from specs that do not fit its arrays."""
    document = read(connection, number)
    document["analysis"] = "telepathy"
    write(connection, number, document)
    axes = ("layer", "head", "kv_head", "position", "query", "key", "prompt", "token", "edge")
    fields = [
        {
            "name": name,
            "axes": throw.sample(axes, throw.randint(0, 5)),
            "meaning": throw.choice((values.PICTURE, "x" * 500, "")),
            "unit": throw.choice(("metric", "%", values.ESCAPES[:10])),
            "nullable": throw.random() < 0.5,
            "labels": throw.choice(("", "layer", "head", "key")),
            "telling": throw.choice((-1, 0, 2**31)),
        }
        for name in document["data"]
    ]
    connection.execute(
        "UPDATE results SET analysis = 'telepathy', fields = ? WHERE id = ?",
        (json.dumps(fields), number),
    )
    return f"{len(fields)} fields"


# --- the session as a whole


def meta(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    key = throw.choice(("title", "notes", "created", "prompts", "worth_keeping"))
    value = values.hostile(throw)
    text = throw.choice((json.dumps(value), "null", "{", "", values.PICTURE))
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, text))
    return f"{key} = {values.short(text)}"


def table(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """The prompt table, whose texts the window tokenizes as soon as it has them."""
    rows: tuple[Any, ...] = (
        [{"text": "x" * values.LONG}],
        [{"text": values.PICTURE, "corrupt": values.ESCAPES, "answer": ["\x00"], "wrong": []}],
        [{"text": f"{i} "} for i in range(10_001)],
        [{"text": f"{i} ", "answer": [str(i)] * 50} for i in range(3_000)],
        [{"text": values.FORMULA, "answer": "|" * 10_000}],
        [{"text": ""}, {"text": "\u202e\u200b"}, {"text": 7}],
        [{"text": "a"}, {"text": "b", "label": "x", "group": "y", "more": []}],
    )
    settings: tuple[Any, ...] = ({"bos": "auto"}, {"bos": 7, "chat": "no"}, [], {"bos": "x" * 1000})
    table = {"rows": throw.choice(rows), "settings": throw.choice(settings)}
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('prompts', ?)", (json.dumps(table),))
    return f"{values.short(table['rows'])}, {values.short(table['settings'])}"


def many(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """Thousands of lines in the history, whose arrays are not there."""
    count = throw.choice((1_000, 5_000))
    columns = "analysis, title, created, model, document, notes, star, tags, fields, params_schema"
    connection.execute(
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "  # noqa: S608
        f"INSERT INTO results ({columns}) SELECT {columns} FROM results, n WHERE id = {number}"
    )
    return f"{count:,} times"


def ids(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    given = throw.choice((0, -5, 2**62, 2**63 - 1, 999_999_999))
    connection.execute("UPDATE results SET id = ? WHERE id = ?", (given, number))
    connection.execute("UPDATE arrays SET result = ? WHERE result = ?", (given, number))
    if throw.random() < 0.5:
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (throw.choice((2**62, -1, "a")),))
    return f"becomes {given}"


def tables(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    statements = (
        "DROP TABLE meta",
        "DROP TABLE arrays",
        "ALTER TABLE results DROP COLUMN notes",
        "ALTER TABLE results RENAME TO other",
        "CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM results; END",
        "CREATE VIEW v AS SELECT load_extension('x')",
        "CREATE TABLE more (a)",
        "CREATE INDEX i ON results (lower(title))",
        f"PRAGMA user_version = {throw.choice((0, 1, 2, 4, 99, 2**31 - 1, -1))}",
        "PRAGMA application_id = 7",
        "DELETE FROM results",
        "DELETE FROM meta",
        "PRAGMA journal_mode = WAL",
    )
    statement = throw.choice(statements)
    connection.execute(statement)
    return statement
