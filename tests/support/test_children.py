"""Processes of our own, run by an interpreter or by the installed program."""

from __future__ import annotations

import os
import sys

import pytest

from desktop_app.support import children

BOUNDED, CONVERT = children.MODULES


@pytest.fixture
def frozen(monkeypatch):
    """Let this be the installed program, of which the starter has set the search path."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "argv", ["lensbench"])


def test_an_interpreter_runs_a_module():
    expected = [sys.executable, "-m", BOUNDED, "some.module"]
    assert children.command(BOUNDED, "some.module") == expected


@pytest.mark.usefixtures("frozen")
def test_the_installed_program_runs_itself(monkeypatch):
    asked = children.command(CONVERT, "a.gguf", "there")
    assert asked == [sys.executable, children.MODULE_FLAG, CONVERT, "a.gguf", "there"]
    ran = []
    monkeypatch.setattr(
        children.runpy, "run_module", lambda name, **_how: ran.append((name, sys.argv))
    )
    assert children.run_module(asked[1:])
    assert ran == [(CONVERT, [CONVERT, "a.gguf", "there"])]


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["--run-module"], ["--run-module", "http.server"], ["a.lens"]]
)
def test_nothing_else_is_run(arguments):
    assert not children.run_module(arguments)


def test_an_interpreter_is_never_asked_so():
    assert not children.run_module([children.MODULE_FLAG, BOUNDED])


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("before", [None, "/opt/own"])
def test_programs_of_the_machine_find_its_libraries(monkeypatch, before):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/inside")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    if before:
        monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", before)
    children.forget_own_libraries()
    assert os.environ.get("LD_LIBRARY_PATH") == before
    assert "LD_LIBRARY_PATH_ORIG" not in os.environ


def test_an_interpreter_keeps_its_search_path(monkeypatch):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")
    children.forget_own_libraries()
    assert os.environ["LD_LIBRARY_PATH"] == "/mine"


@pytest.mark.usefixtures("frozen")
def test_a_child_of_the_installed_program_finds_its_own_libraries_anew(monkeypatch):
    """Its starter takes it for a part of this process, which has forgotten them, unless told."""
    monkeypatch.setenv("LD_LIBRARY_PATH", "/inside")
    monkeypatch.setenv("_PYI_APPLICATION_HOME_DIR", "/inside")
    monkeypatch.setenv("_PYI_PARENT_PROCESS_LEVEL", "1")
    children.forget_own_libraries()
    told = children.environment()
    assert "LD_LIBRARY_PATH" not in told
    assert not [name for name in told if name.startswith("_PYI_")]
