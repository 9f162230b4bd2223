"""What can happen to the place where a session lies: two windows, a vanished or replaced file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from desktop_app.session.claim import Claim
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored

REPOSITORY = Path(__file__).parents[2]


def child(code, *arguments, ready="ready"):
    """Start a program that says that word once it is so far."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    word = process.stdout.readline()
    if word != f"{ready}\n":
        end(process)
        pytest.fail(f"the program said {word!r}")
    return process


def end(process, number=signal.SIGKILL):
    process.send_signal(number)
    process.communicate()


HOLDER = """
    import sys
    from desktop_app.session.store import Session
    from tests.samples import stored
    session = Session.open(sys.argv[1], claimed=True)
    assert session.notice is None
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_second_window_gets_the_file_for_reading_only(session, path):
    session.add(stored.rank_result())
    session.close()
    holder = child(HOLDER, path)
    try:
        with Session.open(path, claimed=True) as second:
            assert "open in another window" in second.notice
            stored.assert_same_result(stored.rank_result(), second.load(1))
            with pytest.raises(BadInputError, match="another window"):
                second.add(stored.rank_result())
            # The command line adds a result in one stroke, and both windows see it.
            with Session.open_or_create(path) as command:
                assert command.add(stored.ablate_result()) == 2
            assert second.changed_elsewhere()
            assert [row.analysis for row in second.rows()] == ["rank", "ablate"]
    finally:
        end(holder)
    with Session.open(path, claimed=True) as third:  # killed, its claim is gone with it
        assert third.notice is None
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_claim_is_given_up_by_closing_and_can_be_taken_again(path):
    Session.create(path).close()
    first = Session.open(path, claimed=True)
    link = path.with_name("link.lens")
    link.symlink_to(path)
    with Session.open(link, claimed=True) as second:
        assert second.is_read_only
    first.close()
    first.close()
    with Session.open(link, claimed=True) as third:
        assert not third.is_read_only


def test_a_refused_file_leaves_no_lock_behind(tmp_path):
    (tmp_path / "x.lens").write_bytes(b"rubbish")
    for name in ("x.lens", "missing.lens"):
        with pytest.raises(BadInputError):
            Session.open(tmp_path / name, claimed=True)
    assert [p.name for p in tmp_path.iterdir()] == ["x.lens"]


def test_many_windows_and_one_owner(path):
    Session.create(path).close()
    for _ in range(50):
        claims = [Claim.take(path) for _ in range(3)]
        assert [claim is None for claim in claims] == [False, True, True]
        claims[0].release()
        claims[0].release()


def test_where_no_lock_can_be_had_the_claim_is_granted(tmp_path):
    nowhere = Claim.take(tmp_path / "missing" / "a.lens")
    assert nowhere is not None
    nowhere.release()


def test_a_long_name_has_a_lock_too(tmp_path):
    path = tmp_path / ("ü" * 120 + ".lens")
    with Session.create(path):
        claim = Claim.take(path)
        assert Claim.take(path) is None
        claim.release()


def test_a_session_cannot_be_saved_over_one_that_is_open_elsewhere(session, tmp_path):
    taken = tmp_path / "taken.lens"
    Session.create(taken).close()
    with Session.open(taken, claimed=True), pytest.raises(BadInputError, match="another window"):
        session.save_as(taken)
    session.save_as(taken)
    assert Claim.take(taken) is None  # the session owns its new place
    session.close()


def test_a_vanished_file_is_named_and_nothing_read_is_lost(session, path, tmp_path):
    session.add(stored.attention_result())
    lazy = session.load(1).data["pattern"][0]
    path.unlink()
    assert session.is_gone()
    with pytest.raises(BadInputError, match="no longer there"):
        session.add(stored.rank_result())
    session.save_as(tmp_path / "new.lens")
    assert session.add(stored.rank_result()) == 2
    assert lazy[0, 0].shape == (160, 160)
    with Session.open(tmp_path / "new.lens") as again:
        stored.assert_same_result(stored.attention_result(), again.load(1))


def test_a_vanished_file_can_be_saved_under_its_own_name(path):
    Session.create(path).close()
    with Session.open(path, claimed=True) as session:
        session.add(stored.rank_result())
        path.unlink()
        session.save_as(path)
        assert session.add(stored.ablate_result()) == 2
        with Session.open(path, claimed=True) as second:
            assert second.is_read_only  # it still owns its name
            assert len(second.rows()) == 2


def test_a_file_that_was_moved_is_not_followed(session, path, tmp_path):
    session.add(stored.rank_result())
    shutil.move(path, tmp_path / "elsewhere.lens")
    with pytest.raises(BadInputError, match="no longer there"):
        session.set_star(1, star=True)


def test_a_file_that_vanishes_within_a_write_is_told_of(session, path, monkeypatch):
    # Between the check and the commit: what went into the nameless file must not count as kept.
    original = Session._check_place
    calls = []

    def check(self):
        calls.append(1)
        if len(calls) == 2:
            path.unlink()
        original(self)

    monkeypatch.setattr(Session, "_check_place", check)
    with pytest.raises(BadInputError, match="no longer there"):
        session.add(stored.rank_result())


def test_a_replaced_file_is_left_alone(session, path, tmp_path):
    session.add(stored.rank_result())
    with Session.create(tmp_path / "other.lens") as other:
        other.add(stored.ablate_result())
    os.replace(tmp_path / "other.lens", path)
    with pytest.raises(BadInputError, match="replaced by another program"):
        session.add(stored.rank_result())
    session.save_as(tmp_path / "mine.lens")
    assert [row.analysis for row in session.rows()] == ["rank"]
    with Session.open(path) as theirs:
        assert [row.analysis for row in theirs.rows()] == ["ablate"]


def test_a_file_overwritten_in_place_is_a_sentence_not_a_crash(session, path):
    session.add(stored.rank_result())
    path.write_bytes(b"not what it was" * 4000)
    for use in (
        lambda: session.add(stored.rank_result()),
        lambda: session.load(1),
        session.rows,
        lambda: session.save_copy(path.with_name("copy.lens")),
    ):
        with pytest.raises(BadInputError):
            use()
    assert not path.with_name("copy.lens").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are POSIX")
def test_a_write_that_the_system_refuses_half_way_changes_nothing(path):
    code = """
        import resource, sys
        from desktop_app.session.store import Session
        from desktop_app.support.errors import BadInputError
        from tests.samples import stored
        session = Session.create(sys.argv[1])
        session.add(stored.rank_result())
        size = session.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50_000, resource.RLIM_INFINITY))
        try:
            session.add(stored.attention_result())
        except BadInputError as error:
            print(error)
        assert len(session.rows()) == 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        assert session.add(stored.attention_result()) == 2
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be read or written" in done.stdout
    assert done.stdout.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_becomes_read_only(session, path):
    session.add(stored.rank_result())
    path.parent.chmod(0o555)
    try:
        with pytest.raises(BadInputError, match="cannot be read or written"):
            session.add(stored.rank_result())
        with Session.open(path) as second:
            assert "may not be written" in second.notice
    finally:
        path.parent.chmod(0o755)
    assert session.add(stored.rank_result()) == 2
