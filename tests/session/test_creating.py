"""Several programs that make the same session: nobody's result is replaced, whoever comes later."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest

from desktop_app.session import database, keeping
from desktop_app.session.store import Session
from desktop_app.support import files
from desktop_app.support.errors import BadInputError
from tests.samples import stored
from tests.session.test_places import child, end

# Stops where the tables are made, between looking for the file and having made it.
PAUSED = """
    import sys
    from desktop_app.session import database
    from desktop_app.session.store import Session
    from tests.samples import stored
    make = database.make_tables
    def pausing(connection, *rest):
        if connection.execute("PRAGMA database_list").fetchone()[2]:  # none in memory
            print("paused", flush=True)
            sys.stdin.readline()
        make(connection, *rest)
    database.make_tables = pausing
    with Session.open_or_create(sys.argv[1]) as session:
        print(session.add(stored.rank_result()), flush=True)
    sys.stdin.read()
"""
WRITER = """
    import sys
    from desktop_app.session.store import Session
    from tests.samples import stored
    print("begun", flush=True)
    with Session.open_or_create(sys.argv[1]) as session:
        print(session.add(stored.ablate_result()), flush=True)
    sys.stdin.read()
"""
MANY = """
    import sys
    from desktop_app.session import keeping
    from pathlib import Path
    from tests.samples import stored
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(5):
        result = stored.result_of("ablate", {"who": int(sys.argv[2]), "which": number})
        keeping.keep(result, Path(sys.argv[1]))
    print("done", flush=True)
    sys.stdin.read()
"""


def is_held(path):
    """Return whether somebody is writing to the file now."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        return False


def test_who_comes_while_another_makes_the_file_loses_nothing(path):
    first = child(PAUSED, path, ready="paused")
    second = child(WRITER, path, ready="begun")
    try:
        if not is_held(path):  # nothing keeps the second one from being done first
            assert second.stdout.readline().strip().isdecimal()
        first.stdin.write("\n")
        first.stdin.flush()
        numbers = [int(process.stdout.readline()) for process in (first, second)]
    finally:
        end(first)
        end(second)
    with Session.open(path) as session:
        kinds = {row.id: row.analysis for row in session.rows()}
        assert kinds == {numbers[0]: "rank", numbers[1]: "ablate"}
        stored.assert_same_result(stored.ablate_result(), session.load(numbers[1]))


def test_ten_writers_of_a_new_file(path):
    writers = [child(MANY, path, str(number)) for number in range(10)]
    try:
        for writer in writers:
            writer.stdin.write("\n")
            writer.stdin.flush()
        assert [writer.stdout.readline().strip() for writer in writers] == ["done"] * 10
    finally:
        for writer in writers:
            end(writer)
    with Session.open(path) as session:
        found = [session.load(row.id).data for row in session.rows()]
    assert sorted((data["who"], data["which"]) for data in found) == [
        (who, which) for who in range(10) for which in range(5)
    ]


def test_what_a_killed_maker_leaves_is_made_by_the_next(path):
    end(child(PAUSED, path, ready="paused"))
    with pytest.raises(BadInputError, match="not a Lensbench session"):
        Session.open(path)
    with Session.open_or_create(path) as session:
        assert session.add(stored.rank_result()) == 1


@pytest.mark.parametrize("first_page", [False, True])
def test_what_a_killed_maker_leaves_in_the_midst_of_writing_may_be_written_to(
    path, tmp_path, first_page
):
    maker = tmp_path / "maker.lens"
    maker.touch()
    with contextlib.closing(sqlite3.connect(maker, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")  # pages go to the file before the end
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id = {database.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {database.SCHEMA}")
        database.make_tables(connection)
        connection.execute("INSERT INTO meta VALUES ('text', hex(zeroblob(1000000)))")
        # As a kill leaves both: of the file some pages, or all of them.
        shutil.copy(f"{maker}-journal", f"{path}-journal")
        if first_page:
            connection.execute("COMMIT")
        shutil.copy(maker, path)
    assert path.read_bytes().startswith(b"SQLite") is first_page
    with pytest.raises(BadInputError, match="not a Lensbench session"):
        Session.open(shutil.copytree(path.parent, tmp_path / "copied") / path.name)
    keeping.check_target(path)
    keeping.keep(stored.rank_result(), path)
    with Session.open(path) as session:
        assert [row.analysis for row in session.rows()] == ["rank"]


def test_a_session_saved_under_a_name_that_was_taken_meanwhile(session, tmp_path, monkeypatch):
    target = tmp_path / "taken.lens"
    session.add(stored.rank_result())
    original = database.give_name

    def late(temporary, place):
        keeping.keep(stored.ablate_result(), target)
        original(temporary, place)

    monkeypatch.setattr(database, "give_name", late)
    with pytest.raises(BadInputError, match="exists already"):
        session.save_as(target)
    with Session.open(target) as theirs:
        assert [row.analysis for row in theirs.rows()] == ["ablate"]
    assert [row.analysis for row in session.rows()] == ["rank"]
    assert sorted(p.name for p in tmp_path.glob(".*")) == []


def test_a_new_file_is_made_where_links_are_unknown(session, tmp_path, monkeypatch):
    def no_links(*_names):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    session.add(stored.rank_result())
    session.save_as(tmp_path / "stick.lens")
    made = tmp_path / "made"
    made.write_text("theirs")
    temporary = tmp_path / "temporary"
    temporary.write_text("mine")
    with pytest.raises(FileExistsError):
        files.give_name(temporary, made)
    assert made.read_text() == "theirs"
    with monkeypatch.context() as patch:
        patch.setattr(files.ctypes, "CDLL", lambda *a, **k: object())  # no such call either
        with pytest.raises(FileExistsError):
            files.give_name(temporary, made)
        files.give_name(temporary, tmp_path / "free")
    assert (tmp_path / "free").read_text() == "mine"


# A result that cannot be written where it was asked for.


def kept_in(error):
    """Return the result of the file that a sentence names."""
    name = str(error.value).partition("kept in “")[2].partition("”")[0]
    with Session.open(name) as session:
        (row,) = session.rows()
        return Path(name), session.load(row.id)


def test_a_result_that_does_not_fit_is_kept_beside(path, tmp_path):
    path.write_bytes(b"another kind of file")
    with pytest.raises(BadInputError, match="not a Lensbench session") as error:
        keeping.keep(stored.rank_result(), path)
    place, result = kept_in(error)
    assert place.parent == tmp_path
    assert sys.platform == "win32" or place.stat().st_mode & 0o077 == 0
    stored.assert_same_result(stored.rank_result(), result)
    assert path.read_bytes() == b"another kind of file"


def test_a_result_whose_folder_went_away_is_kept_with_the_users_files(tmp_path, lensbench_home):
    with pytest.raises(BadInputError, match="does not exist") as error:
        keeping.keep(stored.rank_result(), tmp_path / "gone" / "x.lens")
    place, _result = kept_in(error)
    assert place.parent in {tmp_path / "gone", lensbench_home / "data" / "rescued"}


def test_a_result_in_a_name_that_is_too_long_is_kept(tmp_path):
    with pytest.raises(BadInputError, match=r"too long|cannot be read or written") as error:
        keeping.keep(stored.rank_result(), tmp_path / f"{'n' * 248}.lens")
    assert kept_in(error)[0].parent == tmp_path
    with pytest.raises(BadInputError, match="too long"):
        keeping.check_target(tmp_path / f"{'n' * 248}.lens")  # its journal has a longer one
    keeping.check_target(tmp_path / f"{'n' * 240}.lens")


def test_a_result_for_a_full_disk_is_kept_where_there_is_room(
    tmp_path, monkeypatch, lensbench_home
):
    real = os.fsync

    def full(handle):
        if os.readlink(f"/proc/self/fd/{handle}").startswith(str(tmp_path)):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    if not sys.platform.startswith("linux"):
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(keeping, "_places", lambda target: iter((lensbench_home / "k.lens",)))
    with pytest.raises(BadInputError, match="disk is full") as error:
        keeping.keep(stored.rank_result(), tmp_path / "x.json")
    stored.assert_same_result(stored.rank_result(), kept_in(error)[1])
    with pytest.raises(BadInputError, match="disk is full"):
        keeping.check_target(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []


def test_a_result_for_a_replaced_file_goes_into_the_new_one(path, tmp_path, monkeypatch):
    with Session.create(path) as session:
        session.add(stored.rank_result())
    with Session.create(tmp_path / "other.lens") as session:
        session.add(stored.ablate_result())
    original = Session.add
    replaced = []

    def add(self, result, title=""):
        if not replaced:
            replaced.append(path)
            os.replace(tmp_path / "other.lens", path)
        return original(self, result, title)

    monkeypatch.setattr(Session, "add", add)
    keeping.keep(stored.attention_result(), path)
    with Session.open(path) as session:
        assert [row.analysis for row in session.rows()] == ["ablate", "attention"]


def test_where_nothing_can_be_written_the_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "_places", lambda target: iter(()))
    with pytest.raises(BadInputError, match="kept nowhere else"):
        keeping.keep(stored.rank_result(), tmp_path / "gone" / "x.json")


def test_targets_are_tried_before_anything_is_computed(tmp_path, path):
    keeping.check_target(path)
    keeping.check_target(tmp_path / "x.json")
    assert list(tmp_path.iterdir()) == []
    with Session.create(path) as session:
        session.add(stored.rank_result())
    keeping.check_target(path)
    (tmp_path / "x.npz").mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE VIEW v AS SELECT 1")
    connection.close()
    (tmp_path / "text.lens").write_text("not a session")
    for name in (path.name, "x.npz", "text.lens", "no/such/x.lens"):
        with pytest.raises(BadInputError):
            keeping.check_target(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
@pytest.mark.parametrize("ending", ["lens", "json", "csv"])
def test_a_pipe_is_refused_and_stays(tmp_path, ending):
    pipe = tmp_path / f"pipe.{ending}"
    os.mkfifo(pipe)
    for use in (
        lambda: keeping.check_target(pipe),
        lambda: Session.open(pipe),
        lambda: Session.create(pipe),
        lambda: Session.open_or_create(pipe),
    ):
        with pytest.raises(BadInputError, match="pipe or a device"):
            use()
    with pytest.raises(BadInputError, match="pipe or a device"):
        keeping.keep(stored.rank_result(), pipe)
    assert pipe.is_fifo()
