"""No method that Qt calls lacks its guard: by the syntax of every module, and by its classes."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import FunctionType

import pytest
from shiboken6 import Shiboken

from desktop_app.support.guard import is_called_by_qt

ROOT = Path(__file__).parents[1] / "desktop_app"
GUARD = "desktop_app.support.guard"
# What draws: of these packages, and whoever names Qt.
FLOORS = ("desktop_app.views", "desktop_app.widgets", "desktop_app.window")
QT = ("PySide6", "pyqtgraph")
# Methods that hide one of Qt's which Qt never calls.
OWN = {
    "desktop_app.views.frame.RunButton.setEnabled",
    "desktop_app.widgets.basics.words.PlainLabel.setText",
}


def name_of(path):
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree):
    """Return (module, name) of every import, also of those in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def knows_qt(tree):
    return any(module.startswith((*QT, *FLOORS)) for module, _name in imports_of(tree))


TREES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in ROOT.rglob("*.py")}
DRAWING = {name: tree for name, tree in TREES.items() if knows_qt(tree) and name != GUARD}
CLASSES = [
    (module, node)
    for module, tree in DRAWING.items()
    for node in ast.walk(tree)
    if isinstance(node, ast.ClassDef) and node.bases
]


def test_there_is_something_to_look_at():
    assert len(DRAWING) > 60
    assert len(CLASSES) > 80


@pytest.mark.parametrize("module", sorted(DRAWING))
def test_whoever_draws_overrides_under_the_guard(module):
    others = [m for m, name in imports_of(DRAWING[module]) if name == "override" and m != GUARD]
    allowed = (
        ["typing_extensions"] if module in {"desktop_app.jobs.worker", "desktop_app.cli"} else []
    )
    assert others == allowed


@pytest.mark.parametrize(("module", "node"), CLASSES, ids=lambda v: getattr(v, "name", v))
def test_every_method_with_a_name_of_qts_is_marked(module, node):
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and is_called_by_qt(method.name):
            marks = {m.id for m in method.decorator_list if isinstance(m, ast.Name)}
            known = f"{module}.{node.name}.{method.name}" in NOT_QTS
            assert "override" in marks or known, f"{module}.{node.name}.{method.name}"


# Their classes are none of Qt's, or Qt has no such method there.
NOT_QTS = {
    "desktop_app.window.sessions.session_desk.SessionDesk.run",
    "desktop_app.window.sessions.session_thread.SessionThread.submit",
    "desktop_app.window.runs.conductor.Conductor.run",
    "desktop_app.window.runs.run_desk.RunDesk.run",
    "desktop_app.jobs.runner.JobRunner.submit",
}


def own_classes():
    for module in DRAWING:
        if module != "desktop_app.__main__":
            for kind in vars(importlib.import_module(module)).values():
                is_qts = isinstance(kind, type) and issubclass(kind, Shiboken.Object)
                if is_qts and kind.__module__ == module:
                    yield kind


def qts(kind, name):
    """Return whether Qt itself has a method of that name in a base class."""
    return any(
        name in vars(base) and base.__module__.startswith("PySide6") for base in kind.__mro__[1:]
    )


def test_every_method_that_hides_one_of_qts_is_guarded():
    seen = 0
    for kind in own_classes():
        for name, method in vars(kind).items():
            if not isinstance(method, FunctionType) or name.startswith("__"):
                continue
            place = f"{kind.__module__}.{kind.__qualname__}.{name}"
            is_guarded = hasattr(method, "is_guarded")
            assert is_guarded == qts(kind, name) or place in OWN, place
            seen += is_guarded
    assert seen > 100
