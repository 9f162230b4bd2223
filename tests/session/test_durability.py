"""What is committed stays, whoever dies, fills the disk or reads along meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from desktop_app.session import database
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored

REPOSITORY = Path(__file__).parents[2]


def test_a_process_killed_right_after_add_loses_nothing(path):
    code = (
        "import os, sys; from desktop_app.session.store import Session\n"
        "from tests.samples import stored\n"
        "s = Session.create(sys.argv[1]); s.add(stored.attention_result()); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], cwd=REPOSITORY, check=False)
    assert done.returncode == 9
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    with Session.open(path) as session:
        stored.assert_same_result(stored.attention_result(), session.load(1))


def test_a_process_killed_within_add_leaves_the_earlier_results(path):
    code = (
        "import os, sys; from desktop_app.session import parts, store\n"
        "from tests.samples import stored\n"
        "s = store.Session.create(sys.argv[1]); s.add(stored.rank_result())\n"
        "s.query('PRAGMA cache_size = 1')\n"  # what is written goes to the file at once
        "pack = parts.pack_parts\n"
        "def killed(array, lead):\n"
        "    if array.shape == (3,): os._exit(9)\n"
        "    return pack(array, lead)\n"
        "parts.pack_parts = killed; s.add(stored.attention_result())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], cwd=REPOSITORY, check=False)
    assert done.returncode == 9
    assert path.with_name(path.name + "-journal").stat().st_size > 0
    with Session.open(path) as session:
        assert [row.analysis for row in session.rows()] == ["rank"]
        assert session.add(stored.rank_result()) == 2
        assert session.query("PRAGMA integrity_check") == [("ok",)]


def test_a_full_disk_changes_nothing_and_says_so(session):
    session.add(stored.rank_result())
    pages = session.query("PRAGMA page_count")[0][0]
    session.query(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(BadInputError, match="disk is full"):
        session.add(stored.attention_result())
    assert len(session.rows()) == 1
    session.query("PRAGMA max_page_count = 1000000")
    assert session.add(stored.attention_result()) == 2


def test_two_programs_may_have_it_open(session, path):
    with Session.open(path) as other:
        session.add(stored.rank_result())
        assert [row.id for row in other.rows()] == [1]
        assert other.add(stored.ablate_result()) == 2
        assert [row.analysis for row in session.rows()] == ["rank", "ablate"]
        stored.assert_same_result(stored.ablate_result(), session.load(2))


def test_a_locked_file_is_said_to_be_in_use(session, path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE_S", 0.0)
    with Session.open(path) as other:
        other.query("PRAGMA busy_timeout = 10")
        with session.writing(), pytest.raises(BadInputError, match="in use"):
            other.add(stored.rank_result())


def test_any_thread_may_use_it(session):
    errors = []

    def work():
        try:
            for _ in range(5):
                stored.assert_same_result(
                    stored.ablate_result(), session.load(session.add(stored.ablate_result()))
                )
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [row.id for row in session.rows()] == list(range(1, 21))
