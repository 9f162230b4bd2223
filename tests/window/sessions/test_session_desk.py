"""Results go into the session file off the window's thread, in order, and come back."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer

from desktop_app.contract.params import PromptRow
from desktop_app.session import unsaved
from desktop_app.session.store import Session
from desktop_app.window.sessions.session_desk import SessionDesk
from tests.patience import CHILD_S
from tests.samples import drawn

pytestmark = pytest.mark.gui


@pytest.fixture
def desk(qapp):
    desk = SessionDesk()
    yield desk
    desk.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("session")]


def test_results_are_kept_in_order_and_off_this_thread(qtbot, desk, monkeypatch):
    threads = set()
    add = desk.session.add

    def spy(result, title=""):
        threads.add(threading.get_ident())
        return add(result, title)

    monkeypatch.setattr(desk.session, "add", spy)
    ids = []
    desk.row_added.connect(ids.append)
    for result in (drawn.rank_result(), drawn.ablate_result(), drawn.tokens_result()):
        desk.add(result)
    qtbot.waitUntil(lambda: len(ids) == 3)
    assert ids == [1, 2, 3]
    assert [row.analysis for row in desk.rows()] == ["rank", "ablate", "tokens"]
    assert threading.get_ident() not in threads
    assert desk.has_unsaved


def test_a_saved_session_opens_with_everything(qtbot, desk, tmp_path):
    path = tmp_path / "a.lens"
    desk.add(drawn.ablate_result())
    desk.set_prompts([PromptRow(text="1 2 ")], {"bos": "no", "chat": False})
    desk.set_notes("note")
    with qtbot.waitSignal(desk.saved):
        desk.save_as(path)
    assert not desk.has_unsaved
    assert desk.session.path.stem == "a"
    desk.start_new()
    assert desk.rows() == ()
    assert desk.open(path)
    assert desk.result(1).data["mode"] == "zero"
    assert desk.session.prompts() == ((PromptRow(text="1 2 "),), {"bos": "no", "chat": False})
    assert desk.session.notes == "note"


def test_a_bad_file_is_refused_and_the_old_session_stays(qtbot, desk, tmp_path):
    (tmp_path / "x.lens").write_bytes(b"rubbish")
    desk.add(drawn.rank_result())
    desk.wait()
    with qtbot.waitSignal(desk.failed):
        assert not desk.open(tmp_path / "x.lens")
    assert len(desk.rows()) == 1


def test_an_unwritable_place_is_told(qtbot, desk, tmp_path):
    with qtbot.waitSignal(desk.failed) as heard:
        desk.save_as(tmp_path / "no" / "such" / "folder" / "a.lens")
    assert "folder" in heard.args[0]
    with qtbot.waitSignal(desk.failed):
        desk.export(drawn.rank_result(), tmp_path / "a.xyz")


def test_what_was_finished_when_closing_is_in_the_file(qtbot, tmp_path):
    path = tmp_path / "b.lens"
    desk = SessionDesk()
    desk.save_as(path)
    desk.wait()
    for _ in range(5):
        desk.add(drawn.rank_result())
    desk.close()
    with Session.open(path) as session:
        assert len(session.rows()) == 5


def test_what_comes_after_the_closing_is_told_to_the_log_and_harms_nothing(qtbot, caplog):
    desk = SessionDesk()
    desk.close()
    desk.add(drawn.rank_result())
    desk.look_again()
    assert caplog.text.count("after the session's file was closed") == 2


def filled(qtbot, desk, count=2):
    for _ in range(count):
        desk.add(drawn.rank_result())
    desk.wait()
    assert len(desk.rows()) == count


def save(desk, path):
    desk.save_as(path)
    desk.wait()
    assert desk.session.path == path


def test_notes_tags_and_star_reach_the_file(qtbot, desk, tmp_path):
    filled(qtbot, desk)
    desk.annotate(2, "seen", ["a", "b"])
    desk.set_star(2, True)
    desk.rename(2, "New")
    save(desk, tmp_path / "a.lens")
    with Session.open(tmp_path / "a.lens") as session:
        row = session.rows()[1]
    assert (row.title, row.notes, row.tags, row.star) == ("New", "seen", ("a", "b"), True)


def test_deleting_can_be_undone_until_the_session_is_closed(qtbot, desk, tmp_path):
    save(desk, tmp_path / "a.lens")
    filled(qtbot, desk, 3)
    with qtbot.waitSignal(desk.deleted):
        desk.delete(2)
    assert [row.id for row in desk.rows()] == [1, 3]
    desk.bring_back(2)
    desk.wait()
    assert [row.id for row in desk.rows()] == [1, 2, 3]
    desk.delete(1)
    desk.start_new()
    desk.wait()
    with Session.open(tmp_path / "a.lens") as session:
        assert [row.id for row in session.rows()] == [2, 3]
        assert session.deleted_rows() == ()


def test_work_without_a_name_is_on_the_disk_and_only_what_counts_is_offered(qtbot, desk):
    desk.add(drawn.rank_result(), counts=False)
    desk.wait()
    path = desk.session.path
    assert path.parent == unsaved.folder()
    assert not desk.has_unsaved
    assert not desk.session.recall("worth_keeping", default=False)
    desk.add(drawn.rank_result())
    desk.wait()
    assert desk.has_unsaved
    assert desk.session.recall("worth_keeping", default=False)
    desk.start_new()
    desk.wait()
    assert not path.exists()


def vanish(desk):
    desk.session.path.unlink()


def replace(desk):
    other = desk.session.path.with_name("other")
    Session.create(other).close()
    other.replace(desk.session.path)


def fill_the_disk(desk):
    pages = desk.session.query("PRAGMA page_count")[0][0]
    desk.session.query(f"PRAGMA max_page_count = {pages}")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [(vanish, "no longer there"), (replace, "was replaced"), (fill_the_disk, "disk is full")],
)
def test_what_cannot_be_written_stays_in_memory_until_it_can(qtbot, desk, tmp_path, trouble, words):
    save(desk, tmp_path / "a.lens")
    filled(qtbot, desk, 1)
    trouble(desk)
    result = drawn.attention_result()
    with qtbot.waitSignal(desk.write_failed) as heard:
        desk.add(result)
    assert words in heard.args[0]
    assert "kept in memory" in heard.args[0]
    assert [row.id for row in desk.rows()] == [1, -1]
    assert desk.result(-1) is result
    assert desk.has_unsaved
    save(desk, tmp_path / "b.lens")
    assert [row.id for row in desk.rows()] == [1, 2]
    assert not desk.has_unsaved
    with Session.open(tmp_path / "b.lens") as session:
        assert [row.analysis for row in session.rows()] == ["rank", "attention"]


def test_what_was_kept_is_written_once_there_is_room(qtbot, desk, tmp_path):
    save(desk, tmp_path / "a.lens")
    fill_the_disk(desk)
    for _ in range(6):
        desk.add(drawn.attention_result())
    desk.wait()
    assert [row.id for row in desk.rows() if row.id < 0][:2] == [-1, -2]
    desk.delete(-1)
    desk.bring_back(-1)
    desk.session.query("PRAGMA max_page_count = 1000000")
    desk.retry()
    desk.wait()
    assert sorted(row.id for row in desk.rows()) == [1, 2, 3, 4, 5, 6]
    assert not desk.has_unsaved


def test_a_file_spoilt_under_our_feet_is_rescued_from_memory(qtbot, desk, tmp_path):
    path = tmp_path / "a.lens"
    save(desk, path)
    filled(qtbot, desk, 2)
    desk.annotate(1, "kept too", ["tag"])
    desk.wait()
    path.write_bytes(b"spoilt " * 9000)
    save(desk, tmp_path / "b.lens")
    with Session.open(tmp_path / "b.lens") as session:
        assert [row.analysis for row in session.rows()] == ["rank", "rank"]
        assert session.rows()[0].notes == "kept too"


def test_what_others_add_is_seen_and_what_they_take_is_told(qtbot, desk, tmp_path):
    path = tmp_path / "a.lens"
    save(desk, path)
    filled(qtbot, desk, 1)
    with Session.open_or_create(path) as other:
        other.add(drawn.ablate_result())
    with qtbot.waitSignal(desk.added_elsewhere) as heard:
        desk.look_again()
    assert heard.args == [1]
    assert [row.analysis for row in desk.rows()] == ["rank", "ablate"]
    path.unlink()
    told = []
    desk.write_failed.connect(told.append)
    for _ in range(3):
        desk.look_again()
    desk.wait()
    assert len(told) == 1
    assert "deleted, moved or replaced" in told[0]


def test_a_second_window_reads_only_and_keeps_its_results(qtbot, desk, tmp_path):
    path = tmp_path / "a.lens"
    save(desk, path)
    filled(qtbot, desk, 1)
    second = SessionDesk()
    try:
        assert second.open(path)
        assert "open in another window" in second.session.notice
        assert len(second.rows()) == 1
        second.set_notes("not written")
        second.add(drawn.ablate_result())
        second.wait()
        assert [row.id for row in second.rows()] == [1, -1]
        save(second, tmp_path / "mine.lens")
        assert [row.id for row in second.rows()] == [1, 2]
        assert desk.open(path)  # its own file once more: nothing happens
        assert len(desk.rows()) == 1
    finally:
        second.close()


def test_prompts_are_written_once(qtbot, desk, monkeypatch):
    written = []
    monkeypatch.setattr(desk.session, "set_prompts", lambda *a: written.append(a))
    for text in ("a", "a", "b"):
        desk.set_prompts([PromptRow(text=text)], {"bos": "auto"})
    desk.wait()
    assert len(written) == 2


def test_what_cannot_be_written_is_offered_by_the_next_start(qtbot, desk, tmp_path, lensbench_home):
    save(desk, tmp_path / "a.lens")
    vanish(desk)
    result = drawn.attention_result()
    with qtbot.waitSignal(desk.write_failed) as heard:
        desk.add(result)
    place = Path(heard.args[0].partition("in “")[2].partition("”")[0])
    assert place.parent == unsaved.folder()
    with Session.open(place) as kept:  # as it lies there should the program die now
        assert kept.load(1).analysis == "attention"
        assert unsaved._examine(place).results == 1
    desk.retry()
    desk.wait()
    with Session.open(place) as kept:
        assert len(kept.rows()) == 1  # a second try that fails keeps nothing twice
    save(desk, tmp_path / "b.lens")
    desk.wait()
    assert not place.exists()


def test_a_session_that_can_only_be_read_is_told_of_before_a_run(qtbot, desk, tmp_path):
    save(desk, tmp_path / "a.lens")
    told = []
    desk.write_failed.connect(told.append)
    desk.try_out()
    desk.wait()
    assert told == []
    desk.session.notice = "It is open for reading only."
    desk.try_out()
    desk.try_out()
    desk.wait()
    assert len(told) == 1
    assert "What is computed now is kept in memory" in told[0]


@contextmanager
def another_writes(desk):
    """Another program is in the midst of writing to the file."""
    with closing(sqlite3.connect(desk.session.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_results_are_shown_while_another_program_writes(qtbot, desk, tmp_path, monkeypatch):
    path = tmp_path / "a.lens"
    save(desk, path)
    filled(qtbot, desk)
    desk.start_new()  # nothing of it is in memory
    assert desk.open(path)
    told, waits, clock = [], threading.Event(), time.monotonic
    desk.failed.connect(told.append)
    with another_writes(desk):
        monkeypatch.setattr(time, "monotonic", lambda: waits.set() or clock())
        desk.rename(2, "New")
        assert waits.wait(CHILD_S)
        assert desk.result(1).analysis == "rank"
        assert told == []  # the writing has not been given up: it still waits
    desk.wait()
    assert [row.title for row in desk.rows()][1] == "New"


def test_the_window_is_drawn_while_it_waits_for_the_file(qtbot, desk):
    drawn_meanwhile = threading.Event()
    heard = []
    desk.run(lambda: heard.append(drawn_meanwhile.wait(CHILD_S)))
    QTimer.singleShot(0, drawn_meanwhile.set)
    desk.wait()
    assert heard == [True]


def test_a_result_that_waits_for_another_program_is_not_left_behind(
    qtbot, desk, tmp_path, monkeypatch
):
    monkeypatch.setattr("desktop_app.session.database.HURRIED_S", 0.0)
    save(desk, tmp_path / "b.lens")
    save(desk, tmp_path / "a.lens")
    with another_writes(desk), qtbot.waitSignal(desk.write_failed) as heard:
        desk.add(drawn.rank_result())
        assert not desk.open(tmp_path / "b.lens")
    assert "in use by another program" in heard.args[0]
    assert [row.id for row in desk.rows()] == [-1]
    assert desk.session.path == tmp_path / "a.lens"
    desk.retry()
    desk.wait()
    assert [row.id for row in desk.rows()] == [1]
    assert desk.open(tmp_path / "b.lens")


def test_a_result_that_waits_while_the_window_closes_is_offered_by_the_next_start(
    qtbot, tmp_path, lensbench_home, monkeypatch
):
    monkeypatch.setattr("desktop_app.session.database.HURRIED_S", 0.0)
    desk = SessionDesk()
    save(desk, tmp_path / "a.lens")
    with another_writes(desk):
        desk.add(drawn.rank_result())
        desk.close()
    (left,) = unsaved.leftovers()
    assert left.results == 1
