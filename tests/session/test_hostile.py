"""Files that somebody else made, or that a disk has spoilt."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tracemalloc
import zlib
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from desktop_app.session import database
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored as samples

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def written(path):
    with Session.create(path) as session:
        session.add(samples.attention_result())
        session.add(samples.rank_result())
    return path


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(*statement if isinstance(statement, tuple) else (statement,))
        forget_checksums(connection)
        connection.commit()


def forget_checksums(connection):
    """Leave none that would give the change away at once; whoever means harm can count too."""
    for table in ("results", "arrays"):
        with suppress(sqlite3.OperationalError):
            connection.execute(f"UPDATE {table} SET crc = NULL")  # noqa: S608


def change_document(path, edit):
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT document FROM results WHERE id = 1").fetchone()
        document = json.loads(text)
        edit(document)
        values = (json.dumps(document),)
        connection.execute("UPDATE results SET document = ? WHERE id = 1", values)
        forget_checksums(connection)
        connection.commit()


def read_all(path):
    """Read everything there is, as a curious user would."""
    with Session.open(path) as session:
        session.prompts()
        for row in session.rows():
            read_result(session, row.id)


def read_result(session, number):
    for value in session.load(number).data.values():
        for item in value if isinstance(value, tuple) else (value,):
            np.asarray(item) if hasattr(item, "shape") else None


@pytest.mark.parametrize(
    "content",
    [b"", b"SQLite format 3\x00", b"PK\x03\x04" + bytes(200), np.random.default_rng(0).bytes(9000)],
    ids=["empty", "header alone", "zip", "random"],
)
def test_other_files_are_named_as_such(path, content):
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="not a Lensbench session"):
        Session.open(path)
    assert path.read_bytes() == content


def test_other_databases_are_named_as_such(path):
    change(path, "CREATE TABLE results (id INTEGER)")
    with pytest.raises(BadInputError, match="not a Lensbench session"):
        Session.open(path)


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(BadInputError, match="no file"):
        Session.open(tmp_path / "missing.lens")
    with pytest.raises(BadInputError, match="cannot be read"):
        Session.open(tmp_path)
    with pytest.raises(BadInputError):
        Session.create(tmp_path)


# Cut by less than a page, a file may have lost nothing but what SQLite left empty.
@pytest.mark.parametrize("share", [0.0001, 0.01, 0.5, 0.9, 0.98])
def test_a_truncated_file_is_refused_in_one_sentence(written, share):
    content = written.read_bytes()
    written.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BadInputError, match=r"damaged|not a Lensbench session"):
        read_all(written)


def test_spoilt_bytes_never_end_in_anything_but_a_sentence(written):
    good = written.read_bytes()
    numbers = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        content = np.frombuffer(good, np.uint8).copy()
        count = numbers.choice([1, 20, 500])
        content[numbers.integers(len(good), size=count)] = numbers.integers(256, size=count)
        written.write_bytes(content.tobytes())
        try:
            read_all(written)
        except BadInputError:
            refused += 1
    assert 0 < refused < 150


def claim(**changes):
    def edit(document):
        document["data"]["entropy"].update(changes)
        document["data"]["pattern"]["$tuple"][0].update(changes)

    return edit


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [2, 3, 2**20, 2**20]},
        {"shape": [2**31, 2**31]},
        {"shape": [2**70]},
        {"shape": [-1, 3]},
        {"shape": [1] * 9},
        {"shape": [0, 2**62, 2**62]},
        {"shape": [2.0, 3]},
        {"shape": [True]},
        {"shape": "12"},
        {"shape": None},
        {"shape": [2, 3, 160, 161]},
        {"dtype": "object"},
        {"dtype": "|O"},
        {"dtype": "<U5"},
        {"dtype": "V8"},
        {"dtype": "<f4, <f4"},
        {"dtype": ["<f4"]},
        {"dtype": "<c8"},
        {"dtype": "|b1"},
        {"lead": -1},
        {"lead": 9},
        {"lead": 4},
        {"lead": "2"},
        {"$array": "no such array"},
        {"$array": "\ud800"},
        {"$array": 3},
    ],
    ids=str,
)
def test_claims_are_checked_before_memory_is_taken(written, changes):
    change_document(written, claim(**changes))
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="damaged"):
            read_all(written)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_bomb_is_not_unpacked(written):
    bomb = zlib.compress(bytes(200_000_000), 9)
    change(
        written,
        ("UPDATE arrays SET codec = 'zlib', bytes = ? WHERE name = 'entropy'", (bomb,)),
    )
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="damaged"):
            read_all(written)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE arrays SET bytes = 'text' WHERE part = 2",
        "UPDATE arrays SET codec = 'pickle' WHERE part = 2",
        "UPDATE arrays SET bytes = zeroblob(7) WHERE part = 2",
        "UPDATE arrays SET bytes = substr(bytes, 1, 900) WHERE name = 'pattern.0'",
        "DELETE FROM arrays WHERE part = 2",
        "UPDATE arrays SET part = part + 1 WHERE part = 5",
        "UPDATE results SET document = x'00ff'",
        "UPDATE results SET document = CAST(x'ff00ff' AS TEXT)",
        "UPDATE results SET document = 'null'",
        "UPDATE results SET document = '{\"data\": NaN}'",
        "UPDATE results SET document = replace(hex(zeroblob(100000)), '0', '[')",
        'UPDATE results SET document = replace(document, \'"n_layers":3\', \'"n_layers":"3"\')',
        "UPDATE results SET document = replace(document, '\"n_layers\":3,', '')",
        "UPDATE results SET document = replace(document, '\"entropy\"', '\"../entropy\"')",
        "UPDATE results SET document = replace(document, '$tuple', '$dict')",
        "UPDATE results SET document = replace(document, '$array', '$number')",
        'INSERT INTO meta VALUES (\'prompts\', \'{"rows": [{"code": 1}], "settings": {}}\')',
        "INSERT INTO meta VALUES ('prompts', '[]')",
    ],
)
def test_rows_of_the_wrong_form_are_damage(written, statement):
    change(written, statement)
    with pytest.raises(BadInputError, match="damaged"):
        read_all(written)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM results; END",
        "CREATE TRIGGER t AFTER INSERT ON meta BEGIN UPDATE results SET title = 'x'; END",
        "CREATE VIEW v AS SELECT load_extension('evil')",
        "CREATE TABLE more (a)",
        "CREATE INDEX i ON results (lower(title))",
    ],
)
def test_strangers_objects_are_ignored(written, statement):
    change(written, statement)
    before = written.read_bytes()
    with Session.open(written) as session:
        assert "did not write" in session.notice
        samples.assert_same_result(samples.rank_result(), session.load(2))
        with pytest.raises(BadInputError, match="cannot be changed"):
            session.add(samples.rank_result())
        with pytest.raises(BadInputError):
            session.title = "x"
        with pytest.raises(BadInputError):
            session.query("DELETE FROM results")
    read_all(written)
    assert written.read_bytes() == before


@pytest.mark.parametrize(
    "statements",
    [
        ("DROP TABLE meta",),
        ("ALTER TABLE results RENAME TO r", "CREATE VIEW results AS SELECT * FROM r"),
        ("ALTER TABLE results ADD COLUMN more AS (upper(title))",),
        ("DROP TABLE arrays", "CREATE VIRTUAL TABLE arrays USING fts5(result, name, part)"),
    ],
    ids=["missing", "view", "computed column", "virtual"],
)
def test_tables_that_are_not_its_own_are_damage(written, statements):
    change(written, *statements)
    with pytest.raises(BadInputError, match="damaged"):
        Session.open(written)


def test_a_newer_version_opens_read_only(written):
    change(
        written,
        f"PRAGMA user_version = {database.SCHEMA + 1}",
        "ALTER TABLE results ADD COLUMN stars INTEGER",
    )
    change_document(written, lambda d: d["model"].update(colour="blue"))
    before = written.read_bytes()
    with Session.open(written) as session:
        assert session.is_read_only
        assert "newer version" in session.notice
        samples.assert_same_result(samples.attention_result(), session.load(1))
        with pytest.raises(BadInputError, match="newer version"):
            session.add(samples.rank_result())
    assert written.read_bytes() == before


def test_a_newer_version_without_the_known_tables_says_so(written):
    change(written, "PRAGMA user_version = 99", "DROP TABLE arrays")
    with pytest.raises(BadInputError, match="newer version"):
        Session.open(written)


@pytest.mark.parametrize("table", ["results", "arrays"])
def test_one_flipped_bit_is_noticed(written, table):
    """A number that is only a little wrong is worse than one that is missing."""
    column = {"results": "document", "arrays": "bytes"}[table]
    with closing(sqlite3.connect(written)) as connection:
        sql = f"SELECT rowid, {column} FROM {table} LIMIT 1"  # noqa: S608
        ((row, stored),) = connection.execute(sql).fetchall()
        raw = stored.encode() if isinstance(stored, str) else stored
        place = raw.index(b"2026") if isinstance(stored, str) else len(raw) // 2
        spoilt = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        value = spoilt.decode() if isinstance(stored, str) else spoilt
        sql = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"  # noqa: S608
        connection.execute(sql, (value, row))
        connection.commit()
    with Session.open(written) as session:
        with pytest.raises(BadInputError, match="Result 1 "):
            read_result(session, 1)
        samples.assert_same_result(samples.rank_result(), session.load(2))


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX")
def test_hundreds_of_spoilt_files_cost_neither_a_crash_nor_memory(path):
    with Session.create(path) as session:
        for make in samples.ALL.values():
            session.add(make())
        session.notes = "notes"
    done = subprocess.run(
        [sys.executable, "-m", "tests.session.hostile_driver", str(path), "0", "420"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["refused"] > 100
    assert found["partial"] > 50
    assert found["grown"] < 64e6


def test_ten_gigabytes_claimed_in_a_file_of_a_few_pages(path):
    with Session.create(path) as session:
        session.add(samples.result_of("ablate", {"effect": np.zeros((2, 3, 300, 300), "<f4")}))
    assert path.stat().st_size < 50_000
    shape = [2, 3, 20_000, 20_000]
    change_document(path, lambda d: d["data"]["effect"].update(shape=shape))
    tracemalloc.start()
    try:
        with Session.open(path) as session, pytest.raises(BadInputError, match="Result 1"):
            session.load(1)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_no_way_in(written, number):
    sql = "UPDATE results SET document = replace(document, '1.25', ?) WHERE id = 2"
    change(written, (sql, (number,)))
    with Session.open(written) as session:
        if number == "1e999":  # plain JSON, and infinite by the time it is a float
            assert session.load(2).timing.seconds == float("inf")
        else:
            with pytest.raises(BadInputError, match="Result 2"):
                session.load(2)
        samples.assert_same_result(samples.attention_result(), session.load(1))


def test_an_unknown_analysis_still_loads(written):
    change_document(written, lambda d: d.update(analysis="telepathy"))
    with Session.open(written) as session:
        assert session.load(1).analysis == "telepathy"


def write_packed(path, size, count):
    """Add arrays that are all zeros, as many bytes as a thousand times what is stored."""
    packed = zlib.compress(bytes(size), 9)
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT document FROM results WHERE id = 1").fetchone()
        document = json.loads(text)
        for number in range(count):
            name = f"zeros_{number}"
            spec = {"$array": name, "dtype": "|u1", "shape": [size], "lead": 0}
            document["data"][name] = spec
            values = (1, name, 0, "zlib", packed)
            connection.execute(
                "INSERT INTO arrays (result, name, part, codec, bytes) VALUES (?, ?, ?, ?, ?)",
                values,
            )
        values = (json.dumps(document),)
        connection.execute("UPDATE results SET document = ? WHERE id = 1", values)
        forget_checksums(connection)
        connection.commit()


@pytest.mark.parametrize(("size", "count"), [(400_000_000, 1), (30_000_000, 40)])
def test_arrays_packed_a_thousand_times_are_not_unpacked(written, size, count):
    write_packed(written, size, count)
    tracemalloc.start()
    try:
        with pytest.raises(BadInputError, match="damaged"):
            read_all(written)
        assert tracemalloc.get_traced_memory()[1] < 400e6
    finally:
        tracemalloc.stop()


def test_own_arrays_of_one_value_come_back_however_large(path, monkeypatch):
    monkeypatch.setattr("desktop_app.session.parts._FREE_PART_BYTES", 100_000)
    with Session.create(path) as session:
        zeros = (np.zeros((2, 3, 300, 300), np.float32),)
        number = session.add(samples.attention_result(zeros))
        np.testing.assert_array_equal(session.load(number).data["pattern"][0], zeros[0])


@pytest.mark.parametrize("number", [0, -5, 2**31, 2**63 - 1])
def test_a_number_that_no_session_gives_is_a_line_that_cannot_be_read(written, number):
    """A window's signals carry 32 bits: a larger one ended the showing of the history."""
    change(written, ("UPDATE results SET id = ? WHERE id = 2", (number,)))
    with Session.open(written) as session:
        assert [row.id for row in session.rows()] == [1]
        assert "One result of this session cannot be read" in session.missing()
        with pytest.raises(BadInputError, match="no result"):
            session.load(number)
