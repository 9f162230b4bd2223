"""Files of every version that was ever written open for ever; newer ones for reading only."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import fields_of
from desktop_app.session import database
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import resource
from tests.samples import stored

OLD = Path(__file__).parent / "old"
VERSIONS = sorted(path.stem for path in OLD.glob("*.lens"))


def digest(value):
    """Return what identifies a value bit for bit, as JSON."""
    if hasattr(value, "shape"):
        array = np.asarray(value)
        return [array.dtype.str, list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]
    if isinstance(value, dict):
        return {str(k): digest(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [digest(v) for v in value]
    return repr(value)


@pytest.fixture(params=VERSIONS)
def old(request, tmp_path):
    """Return a copy of an old file and what is known to be in it."""
    path = tmp_path / "old.lens"
    shutil.copy(OLD / f"{request.param}.lens", path)
    return path, json.loads((OLD / f"{request.param}.json").read_text(encoding="utf-8"))


def assert_known(session, known):
    rows = session.rows()
    assert [[r.id, r.analysis, r.title, r.created, r.model] for r in rows] == [
        k["row"] for k in known
    ]
    for row, expected in zip(rows, known, strict=True):
        result = session.load(row.id)
        assert digest(dict(result.data)) == expected["data"], row
        assert digest(dict(result.params)) == expected["params"]
        assert [p.text for p in result.prompts] == expected["prompts"]
    assert session.title == "An old session"
    assert session.notes.startswith("Written by version")
    expected = (PromptRow(text="1 2 ", corrupt="2 1 ", answer="3", wrong="4"),)
    assert session.prompts() == (expected, {"bos": "no", "chat": True})


def test_there_is_a_file_of_every_older_version():
    kept = {database.read_header(OLD / f"{name}.lens").user_version for name in VERSIONS}
    assert kept >= set(range(1, database.SCHEMA))


def test_an_old_file_opens_and_reading_leaves_it_as_it_is(old):
    path, known = old
    before = path.read_bytes()
    with Session.open(path) as session:
        assert session.notice is None
        assert_known(session, known)
    assert path.read_bytes() == before


def test_an_old_file_is_brought_up_to_date_by_the_first_change(old):
    path, known = old
    with Session.open(path) as session:
        session.annotate(2, "noted later")
        assert_known(session, known)
        assert session.rows()[1].notes == "noted later"
        assert session.add(stored.rank_result()) == len(known) + 1
    assert database.read_header(path).user_version == database.SCHEMA
    with Session.open(path) as session:
        assert session.notice is None
        assert session.rows()[1].notes == "noted later"
        assert session.query("PRAGMA integrity_check") == [("ok",)]


def test_an_interrupted_migration_leaves_the_old_file(old, monkeypatch):
    path, known = old
    before = database.read_header(path).user_version
    broken = (*database.STEPS[database.SCHEMA], "THIS IS NO SQL")
    monkeypatch.setitem(database.STEPS, database.SCHEMA, broken)
    with Session.open(path) as session, pytest.raises(BadInputError):
        session.annotate(1, "x")
    monkeypatch.undo()
    assert database.read_header(path).user_version == before
    with Session.open(path) as session:
        assert_known(session, known)


def test_an_old_file_in_a_read_only_place_opens(old):
    path, known = old
    with Session(path, reason="Only for reading.") as session:
        assert_known(session, known)


def test_what_fields_are_is_told_of_old_results_and_not_written(old):
    path, _known = old
    with Session.open(path) as session:
        session.set_star(1, star=True)  # this brings the tables up to date
        ablation = session.load(3)
        assert fields_of(ablation)["effect"].axes == ("layer", "head", "prompt")
        assert fields_of(ablation)["effect_mean"].axes == ("layer", "head")
        assert "metric" in ablation.params_schema["properties"]
        assert session.query("SELECT fields, params_schema FROM results WHERE id = 3") == [
            (None, None)
        ]
        copy = session.load(session.add(ablation))
        assert (copy.fields, copy.params_schema) == (ablation.fields, ablation.params_schema)


def test_a_file_of_schema_2_keeps_what_was_noted(tmp_path):
    path = Path(shutil.copy(OLD / "schema_2.lens", tmp_path / "old.lens"))
    with Session.open(path) as session:
        row = session.rows()[2]
        assert (row.notes, row.star, row.tags) == ("A *note*.", True, ("kept", "ü"))
        session.set_tags(3, ["new"])
        assert session.rows()[2].notes == "A *note*."


def test_a_new_file_has_the_tables_of_a_migrated_one(old, tmp_path):
    def tables(path):
        with closing(sqlite3.connect(path)) as connection:
            return sorted(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())

    Session.create(tmp_path / "new.lens").close()
    with Session.open(old[0]) as session:
        session.set_star(1, star=True)
    assert tables(old[0]) == tables(tmp_path / "new.lens")


def test_a_file_that_becomes_newer_while_open_is_left_alone(session, path):
    with closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {database.SCHEMA + 1}")
        other.commit()
    with pytest.raises(BadInputError, match="newer version"):
        session.add(stored.rank_result())
    assert session.rows() == ()


def test_a_newer_file_that_lacks_known_columns_asks_for_an_update(session, path):
    session.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE results DROP COLUMN notes")
        other.execute(f"PRAGMA user_version = {database.SCHEMA + 1}")
        other.commit()
    with pytest.raises(BadInputError, match="update Lensbench"):
        Session.open(path)


def test_the_program_on_the_help_page_reads_a_session(session, path, tmp_path):
    session.add(stored.attention_result())
    session.add(stored.ablate_result(), "A title")
    page = resource("help", "session_file.md").read_text(encoding="utf-8")
    assert f"Schema **{database.SCHEMA}**" in page
    program = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    plain = shutil.copy(path, tmp_path / "plain.lens")
    done = subprocess.run(
        [sys.executable, "-c", program, str(plain)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("1 ")
    assert "   entropy (2, 3, 2)" in lines
    assert "2 A title" in lines
    assert "   effect (2, 4, 2)" in lines


def test_the_help_page_names_every_column_and_kind_of_number():
    page = resource("help", "session_file.md").read_text(encoding="utf-8")
    for sql in database.tables(database.SCHEMA).values():
        for column in re.findall(r"(\w+) (?:TEXT|INTEGER|BLOB)", sql):
            assert f"`{column}`" in page, column


def test_other_programs_know_the_file_by_its_mark(session, path):
    head = path.read_bytes()[:100]
    assert head[68:72] == b"LENS"
    assert int.from_bytes(head[60:64], "big") == database.SCHEMA
