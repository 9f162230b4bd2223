"""No temporary file of a killed program outlives the next start; the user's files are his alone."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from desktop_app.session import unsaved
from desktop_app.session.claim import Claim
from desktop_app.session.store import Session
from desktop_app.support import paths, unfinished
from desktop_app.support.crash_log import CrashLog
from desktop_app.support.files import write_atomically
from desktop_app.support.logs import LogBook
from desktop_app.window.settings import Settings, save_settings
from tests.samples import stored

REPOSITORY = Path(__file__).parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and SIGKILL are POSIX")
# Each makes temporary files in folder 1, says so, and is killed.
SAVING = """
    import sys
    from pathlib import Path
    from desktop_app.session import database
    from desktop_app.session.store import Session
    from desktop_app.support.files import write_atomically
    from desktop_app.support.unfinished import Workplace
    from tests.samples import stored
    folder = Path(sys.argv[1])
    session = Session.create(folder / "mine.lens")
    session.add(stored.attention_result())
    claimed = Session.open(folder / "mine.lens", claimed=True)
    work = Workplace("attention")
    (work.path / "1.f32").write_bytes(bytes(100))
    print(work.path, flush=True)
    with write_atomically(folder / "export.json") as file:
        file.write(b"half")
        def wait(*_names):
            print("ready", flush=True)
            sys.stdin.read()
        database.give_name = wait
        session.save_as(folder / "other.lens")
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home"


@posix
def test_what_a_killed_program_left_is_gone_after_the_next_start(tmp_path, home):
    folder = tmp_path / "documents"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SAVING), folder],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    work = Path(process.stdout.readline().strip())
    assert process.stdout.readline() == "ready\n"
    unfinished.tidy()  # its owner is alive
    before = {path.name for path in folder.iterdir()}
    assert sum(".tmp" in name for name in before) >= 2
    assert ".mine.lens.lock" in before
    assert work.is_dir()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    unfinished.tidy()
    assert {path.name for path in folder.iterdir()} == {"mine.lens"}
    assert not work.exists()
    assert list((home / "data" / unfinished.FOLDER).iterdir()) == []
    with Session.open(folder / "mine.lens") as session:
        assert len(session.rows()) == 1


def test_nothing_else_is_removed_whatever_a_note_says(tmp_path, home):
    folder = paths.private(home / "data" / unfinished.FOLDER)
    precious, link = tmp_path / "thesis.txt", tmp_path / "lensbench-x"
    precious.write_text("x")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    link.symlink_to(tmp_path / "kept")
    for number, place in enumerate((precious, tmp_path / "kept", link, tmp_path / "no/such.tmp")):
        (folder / str(number)).write_bytes(os.fsencode(place))
    (folder / "relative").write_text(".lensbench-1.tmp")
    (folder / "nothing").touch()
    unfinished.tidy()
    assert precious.read_text() == "x"
    assert (tmp_path / "kept" / "file").exists()


def test_a_lock_that_somebody_holds_by_now_stays(tmp_path, home):
    Session.create(tmp_path / "a.lens").close()
    claim = Claim.take(tmp_path / "a.lens")
    note = paths.private(home / "data" / unfinished.FOLDER) / "old"
    note.write_bytes(os.fsencode(tmp_path / ".a.lens.lock"))
    unfinished.tidy()
    assert (tmp_path / ".a.lens.lock").exists()
    claim.release()
    assert not (tmp_path / ".a.lens.lock").exists()


@pytest.mark.parametrize("system", ["linux", "win32"])
def test_a_lock_that_nobody_holds_is_removed(tmp_path, home, monkeypatch, system):
    lock = tmp_path / ".a.lens.lock"
    lock.touch()
    note = paths.private(home / "data" / unfinished.FOLDER) / "old"
    note.write_bytes(os.fsencode(lock))
    monkeypatch.setattr(sys, "platform", system)
    opened, unlink = [], Path.unlink
    close = os.close
    monkeypatch.setattr(os, "close", lambda handle: (opened.append(handle), close(handle))[1])

    def closed_first(path, **how):
        if path == lock and system == "win32":
            assert opened, "nothing that is open can be removed there"
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", closed_first)
    unfinished.tidy()
    assert not lock.exists()
    assert not note.exists()


def test_where_nothing_can_be_noted_files_are_written_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "file"))
    with write_atomically(tmp_path / "a.txt") as file:
        file.write(b"x")
    assert (tmp_path / "a.txt").read_bytes() == b"x"
    unfinished.tidy()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_settings_logs_and_unsaved_work_are_the_users_alone(home):
    old = os.umask(0o000)
    try:
        paths.config_dir().mkdir(parents=True)
        paths.log_dir().mkdir(parents=True)
        (paths.log_dir() / "lensbench.log").write_text("of an earlier version")
        save_settings(paths.config_dir(), Settings())
        book = LogBook(paths.log_dir() / "lensbench.log")
        crash = CrashLog(paths.log_dir())
        crash.start()
        session = unsaved.begin()
        session.add(stored.attention_result())
        found = {path: mode(path) for path in home.rglob("*")}
        crash.stop()
        book.close()
        session.close()
    finally:
        os.umask(old)
    for path, bits in found.items():
        is_ours = path != home / "data"  # it holds models, which others may share
        assert bits & 0o077 == 0 or not is_ours, (path, oct(bits))
        assert path.is_dir() or bits == 0o600, (path, oct(bits))
    assert len(found) > 7


@posix
def test_a_file_of_the_users_own_has_the_usual_mode(tmp_path):
    with write_atomically(tmp_path / "a.json") as file:
        file.write(b"x")
    Session.create(tmp_path / "a.lens").close()
    (tmp_path / "plain").touch()
    expected = mode(tmp_path / "plain")
    assert (mode(tmp_path / "a.json"), mode(tmp_path / "a.lens")) == (expected, expected)
