from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import put_in_place, write_atomically


def test_the_file_appears_only_when_complete(tmp_path):
    target = tmp_path / "a.bin"
    with write_atomically(target) as file:
        file.write(b"one")
        assert not target.exists()
    assert target.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [target]


def fail_after(file):
    file.write(b"half")
    raise ZeroDivisionError


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.bin"
    target.write_bytes(b"older")
    with pytest.raises(ZeroDivisionError), write_atomically(target) as file:
        fail_after(file)
    assert target.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [target]


def test_errors_are_sentences(tmp_path):
    with (
        pytest.raises(BadInputError, match="folder does not exist"),
        write_atomically(tmp_path / "missing" / "a.bin"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(BadInputError, match="cannot be written"),
        write_atomically(tmp_path / "folder"),
    ):
        pass
    with pytest.raises(BadInputError, match="disk is full"), write_atomically(tmp_path / "a"):
        raise OSError(28, "No space left on device")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "a.bin", tmp_path / "link.bin"
    target.write_bytes(b"older")
    link.symlink_to(target)
    with write_atomically(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(("system", "busy"), [("win32", 2), ("win32", 99), ("linux", 1)])
def test_windows_may_hold_a_file_for_a_moment(tmp_path, monkeypatch, system, busy):
    made, final, replace = tmp_path / "new", tmp_path / "a.bin", Path.replace
    made.write_bytes(b"new")
    tried = []

    def sometimes(path, target):
        tried.append(path)
        if len(tried) <= busy:
            raise PermissionError(13, "Access is denied")
        return replace(path, target)

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(Path, "replace", sometimes)
    if (system, busy) == ("win32", 2):
        put_in_place(made, final)
        assert final.read_bytes() == b"new"
        return
    with pytest.raises(PermissionError):
        put_in_place(made, final)
    assert len(tried) == (10 if system == "win32" else 1)
    assert made.exists()
