"""Work without a name: it is on the disk from the first result on, and found again."""

from __future__ import annotations

import os

import numpy as np
import pytest

from desktop_app.session import unsaved
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.support.files import temporary_sibling
from tests.samples import stored
from tests.session.test_places import child, end

WORKER = """
    import sys
    from pathlib import Path
    from desktop_app.session import unsaved
    from desktop_app.session.store import Session
    from tests.samples import stored
    session = Session.begin(Path(sys.argv[1]))
    if sys.argv[2] == "worth":
        unsaved.mark_worth_keeping(session)
    session.add(stored.rank_result())
    session.add(stored.ablate_result())
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "sessions"


def test_work_of_a_killed_program_is_found_and_restored(folder):
    worker = child(WORKER, folder, "worth")
    try:
        assert unsaved.leftovers(folder) == ()  # its owner is alive
    finally:
        end(worker)
    (found,) = unsaved.leftovers(folder)
    assert (found.results, found.newest) == (2, "2026-11-21T10:00:00+00:00")
    session = unsaved.restore(found.path)
    assert session.is_temporary
    assert unsaved.leftovers(folder) == ()
    with pytest.raises(BadInputError, match="another window already"):
        unsaved.restore(found.path)
    stored.assert_same_result(stored.ablate_result(), session.load(2))
    session.save_as(folder / "kept.lens")
    session.close()
    assert not found.path.exists()
    with Session.open(folder / "kept.lens") as kept:
        assert len(kept.rows()) == 2


def test_what_is_not_worth_keeping_is_tidied_away(folder):
    end(child(WORKER, folder, "worthless"))
    assert len(list(folder.glob("*.lens"))) == 1
    assert unsaved.leftovers(folder) == ()
    assert list(folder.iterdir()) == []


def test_half_written_files_are_tidied_away_once_they_are_old(folder):
    folder.mkdir(parents=True)
    old, fresh = temporary_sibling(folder / "a.lens"), temporary_sibling(folder / "a.lens")
    old.touch()
    fresh.touch()
    os.utime(old, (1, 1))
    assert unsaved.leftovers(folder) == ()
    assert list(folder.iterdir()) == [fresh]


def test_closing_in_peace_leaves_nothing(folder):
    with Session.begin(folder) as session:
        unsaved.mark_worth_keeping(session)
        session.add(stored.rank_result())
        assert session.path.parent == folder
    assert list(folder.iterdir()) == []


def test_an_unreadable_leftover_is_neither_offered_nor_removed(folder, caplog):
    folder.mkdir(parents=True)
    (folder / "x.lens").write_bytes(b"SQLite format 3\x00" + bytes(200))
    assert unsaved.leftovers(folder) == ()
    assert (folder / "x.lens").exists()
    assert "cannot be read" in caplog.text


def test_a_leftover_can_be_discarded_but_not_one_that_is_open(folder):
    end(child(WORKER, folder, "worth"))
    (found,) = unsaved.leftovers(folder)
    session = unsaved.restore(found.path)
    unsaved.discard(found.path)
    assert found.path.exists()
    session._claim.release()
    unsaved.discard(found.path)
    assert not found.path.exists()
    session.close()


def test_without_a_data_folder_work_begins_elsewhere(monkeypatch, tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(unsaved, "folder", lambda: tmp_path / "file" / "sessions")
    with unsaved.begin() as session:
        assert session.add(stored.rank_result()) == 1
        assert session.is_temporary
    assert "cannot be kept" in caplog.text


def test_with_nowhere_to_write_work_is_kept_in_memory(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(unsaved, "folder", lambda: tmp_path / "file" / "sessions")
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with unsaved.begin() as session:
        assert session.add(stored.attention_result()) == 1
        session.delete(1)
        session.restore(1)
        lazy = session.load(1).data["pattern"][0]
        assert not session.is_gone()
        session.save_as(tmp_path / "kept.lens")
        np.testing.assert_array_equal(lazy[1, 1], stored.patterns(160, 1)[1, 1])
        assert session.add(stored.rank_result()) == 2
        (tmp_path / "kept.lens").rename(tmp_path / "moved.lens")
        assert session.is_gone()
        with pytest.raises(BadInputError, match="no longer there"):
            session.add(stored.rank_result())
    with Session.open(tmp_path / "moved.lens") as kept:
        assert len(kept.rows()) == 2
    assert "in memory alone" in caplog.text


def test_begin_uses_the_users_folder(lensbench_home):
    with unsaved.begin() as session:
        assert session.path.parent == lensbench_home / "data" / "sessions"
