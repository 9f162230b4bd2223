"""Edits of one result's arrays in a session's file: shapes, numbers, bytes, bombs."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.session import parts
from tests.hostile.session_documents import read, without_fields, write

if TYPE_CHECKING:
    import random
    import sqlite3
    from collections.abc import Callable

_BOMB_SIDE = 8_000


def nodes_of(tree: Any) -> list[dict[str, Any]]:
    """Return the places of a document that name an array."""
    if isinstance(tree, dict):
        if "$array" in tree:
            return [tree]
        tree = list(tree.values())
    return [node for item in tree for node in nodes_of(item)] if isinstance(tree, list) else []


def _array(connection: sqlite3.Connection, number: int, node: dict[str, Any]) -> np.ndarray:
    spec = parts.ArraySpec(node["$array"], node["dtype"], tuple(node["shape"]), node["lead"])
    rows = connection.execute(
        "SELECT codec, bytes FROM arrays WHERE result = ? AND name = ? ORDER BY part",
        (number, spec.name),
    ).fetchall()
    found = [parts.unpack_part(codec, stored, spec) for codec, stored in rows]
    return np.stack(found).reshape(spec.shape) if found else np.zeros(spec.shape, spec.dtype)


def _put(
    connection: sqlite3.Connection, number: int, node: dict[str, Any], array: np.ndarray
) -> None:
    spec = parts.describe(node["$array"], array)
    node |= {"dtype": spec.dtype, "shape": list(spec.shape), "lead": spec.lead}
    _put_parts(connection, number, spec.name, list(parts.pack_parts(array, spec.lead)))


def _put_parts(
    connection: sqlite3.Connection, number: int, name: str, packed: list[tuple[str, Any]]
) -> None:
    connection.execute("DELETE FROM arrays WHERE result = ? AND name = ?", (number, name))
    connection.executemany(
        "INSERT INTO arrays (result, name, part, codec, bytes) VALUES (?, ?, ?, ?, ?)",
        [(number, name, n, codec, bytes(raw)) for n, (codec, raw) in enumerate(packed)],
    )


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "nothing in it": lambda a: a.reshape(-1)[:0],
    "first axis empty": lambda a: a[:0] if a.ndim else a.reshape(1)[:0],
    "last axis empty": lambda a: a[..., :0] if a.ndim else a.reshape(1)[:0],
    "one short": lambda a: a[:-1] if a.ndim else a,
    "one short at the end": lambda a: a[..., :-1] if a.ndim else a,
    "twice as long": lambda a: np.concatenate([a, a]) if a.ndim else np.stack([a, a]),
    "an axis more": lambda a: a[None],
    "an axis at the end": lambda a: a[..., None],
    "flat": lambda a: a.reshape(-1),
    "a single value": lambda a: a.reshape(-1)[0] if a.size else a.reshape(-1),
    "turned": lambda a: a.T,
    "thousands long": lambda a: np.resize(a, (5_000, *a.shape[1:])) if a.ndim else a,
}
NUMBERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "not a number": lambda a: np.full(a.shape, np.nan),
    "infinite": lambda a: np.full(a.shape, np.inf),
    "minus infinite": lambda a: np.full(a.shape, -np.inf),
    "huge": lambda a: np.full(a.shape, 1e308),
    "huge both ways": lambda a: (
        np.where(np.indices(a.shape).sum(0) % 2, 1e308, -1e308) if a.ndim else a
    ),
    "tiny": lambda a: np.full(a.shape, 1e-320),
    "whole and huge": lambda a: np.full(a.shape, 2**62, np.int64),
    "negative": lambda a: np.full(a.shape, -7, np.int64),
    "truth values": lambda a: np.ones(a.shape, bool),
    "bytes": lambda a: np.full(a.shape, 200, np.uint8),
    "half precision": lambda a: np.full(a.shape, 6e4, np.float16),
    "unsigned": lambda a: np.full(a.shape, 2**64 - 1, np.uint64),
}


def shape(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    return _change_array(connection, throw, number, SHAPES)


def numbers(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    return _change_array(connection, throw, number, NUMBERS)


def all_shapes(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """Every array of a result is changed in the same way, so that they may still fit."""
    how = throw.choice(sorted(SHAPES))
    document = read(connection, number)
    for node in nodes_of(document):
        _put(connection, number, node, np.asarray(SHAPES[how](_array(connection, number, node))))
    write(connection, number, document)
    return how


def _change_array(
    connection: sqlite3.Connection,
    throw: random.Random,
    number: int,
    ways: dict[str, Callable[[np.ndarray], np.ndarray]],
) -> str:
    document = read(connection, number)
    nodes = nodes_of(document)
    if not nodes:
        return without_fields(connection, throw, number)
    node, how = throw.choice(nodes), throw.choice(sorted(ways))
    _put(connection, number, node, np.asarray(ways[how](_array(connection, number, node))))
    write(connection, number, document)
    return f"{node['$array']} {how}"


def bomb(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    """Zeros, packed a thousand to one, with the axes that the array had."""
    document = read(connection, number)
    nodes = [node for node in nodes_of(document) if node["shape"]]
    if not nodes:
        return without_fields(connection, throw, number)
    node = throw.choice(nodes)
    axes = len(node["shape"])
    shape = [*node["shape"][:-2], _BOMB_SIDE, _BOMB_SIDE] if axes > 1 else [_BOMB_SIDE**2]
    itemsize = np.dtype(node["dtype"]).itemsize
    lead = parts.leading_axes(tuple(shape), itemsize)
    node |= {"shape": shape, "lead": lead}
    spec = parts.ArraySpec(node["$array"], node["dtype"], tuple(shape), lead)
    packed = zlib.compress(bytes(spec.part_bytes), 9)
    _put_parts(connection, number, spec.name, [("zlib", packed)] * spec.part_count)
    write(connection, number, document)
    return f"{spec.name} of {spec.part_count * spec.part_bytes / 1e9:.1f} GB"


def stored_bytes(connection: sqlite3.Connection, throw: random.Random, number: int) -> str:
    statement = throw.choice(
        (
            "UPDATE arrays SET codec = 'pickle' WHERE result = ?",
            "UPDATE arrays SET codec = CASE codec WHEN 'raw' THEN 'zlib' ELSE 'raw' END "
            "WHERE result = ?",
            "UPDATE arrays SET bytes = zeroblob(7) WHERE result = ?",
            "UPDATE arrays SET bytes = 'text' WHERE result = ?",
            "UPDATE arrays SET bytes = zeroblob(length(bytes)) WHERE result = ?",
            "UPDATE arrays SET bytes = randomblob(length(bytes)), codec = 'raw' WHERE result = ?",
            "DELETE FROM arrays WHERE result = ?",
            "UPDATE arrays SET part = part + 1000000 WHERE result = ?",
            "UPDATE arrays SET part = -part - 1 WHERE result = ?",
            "UPDATE arrays SET name = name || ' ' WHERE result = ?",
        )
    )
    connection.execute(statement, (number,))
    return statement
