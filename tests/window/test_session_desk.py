"""Results go into the session file off the window's thread, in order, and come back."""

from __future__ import annotations

import threading

import pytest

from desktop_app.analyses.base import PromptRow
from desktop_app.session.store import Session
from desktop_app.window.session_desk import SessionDesk
from tests.views import samples

pytestmark = pytest.mark.gui
WAIT = 5_000


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
    for result in (samples.rank_result(), samples.ablate_result(), samples.tokens_result()):
        desk.add(result)
    qtbot.waitUntil(lambda: len(ids) == 3, timeout=WAIT)
    assert ids == [1, 2, 3]
    assert [row.analysis for row in desk.rows()] == ["rank", "ablate", "tokens"]
    assert threading.get_ident() not in threads
    assert desk.has_unsaved


def test_a_saved_session_opens_with_everything(qtbot, desk, tmp_path):
    path = tmp_path / "a.lens"
    desk.add(samples.ablate_result())
    desk.set_prompts([PromptRow(text="1 2 ")], {"bos": "no", "chat": False})
    desk.set_notes("note")
    with qtbot.waitSignal(desk.saved, timeout=WAIT):
        desk.save_as(path)
    assert not desk.has_unsaved
    assert desk.name == "a"
    desk.start_new()
    assert desk.rows() == ()
    assert desk.open(path)
    assert desk.result(1).data["mode"] == "zero"
    assert desk.session.prompts() == ((PromptRow(text="1 2 "),), {"bos": "no", "chat": False})
    assert desk.session.notes == "note"


def test_a_bad_file_is_refused_and_the_old_session_stays(qtbot, desk, tmp_path):
    (tmp_path / "x.lens").write_bytes(b"rubbish")
    desk.add(samples.rank_result())
    desk.wait()
    with qtbot.waitSignal(desk.failed, timeout=WAIT):
        assert not desk.open(tmp_path / "x.lens")
    assert len(desk.rows()) == 1


def test_an_unwritable_place_is_told(qtbot, desk, tmp_path):
    with qtbot.waitSignal(desk.failed, timeout=WAIT) as heard:
        desk.save_as(tmp_path / "no" / "such" / "folder" / "a.lens")
    assert "folder" in heard.args[0]
    with qtbot.waitSignal(desk.failed, timeout=WAIT):
        desk.export(samples.rank_result(), tmp_path / "a.xyz")


def test_what_was_finished_when_closing_is_in_the_file(qtbot, tmp_path):
    path = tmp_path / "b.lens"
    desk = SessionDesk()
    desk.save_as(path)
    desk.wait()
    for _ in range(5):
        desk.add(samples.rank_result())
    desk.close()
    with Session.open(path) as session:
        assert len(session.rows()) == 5
