"""Tests look at what anybody can see: none reads a private member of what the program makes.

What a view shows is told by its `read_out`; what is clicked is found by its name (`finding.py`).
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
OWN = {"self", "cls"}
BY_NAME = {"getattr", "setattr", "delattr", "hasattr"}

_COUNTED = "is counted or made to fail where it is called: nothing else tells of it"
_STEP = "one step of a computation, held against a plain one"
_ENDS = "of `os`: ends the process at once"
_SERVICE = "of the tests' own service"
# What is read nevertheless, and why.
EXCEPTIONS = {
    ("analyses/detect/test_run.py", "_one_pass"): _COUNTED,
    ("analyses/fit_lens/test_run.py", "_jacobian_for_prompt"): _COUNTED,
    ("analyses/repeat/test_run.py", "_maps"): _STEP,
    ("analyses/tokens/test_run.py", "_encode"): _COUNTED,
    ("engine/test_devices.py", "_pass"): _COUNTED,
    ("engine/test_devices.py", "_variants"): _COUNTED,
    ("engine/test_hook_axes.py", "_look"): _COUNTED,
    ("engine/test_noise.py", "_together"): _COUNTED,
    ("engine/packs/test_pack.py", "_catalogue"): "stands in for what is fetched from the network",
    (
        "engine/packs/test_pack_again.py",
        "_catalogue",
    ): "stands in for what is fetched from the network",
    (
        "engine/packs/test_pack_again.py",
        "_write_manifest",
    ): "makes a pack as an earlier version did",
    ("engine/test_remembered.py", "_resumed"): _COUNTED,
    ("engine/test_products.py", "_one_dnn"): _COUNTED,
    ("engine/test_weights.py", "_expand"): _STEP,
    ("engine/test_weights.py", "_feed"): _STEP,
    ("hostile/writers_child.py", "_exit"): _ENDS,
    ("session/fault_driver.py", "_exit"): _ENDS,
    ("session/test_creating.py", "_places"): "stands in for a machine without these folders",
    ("session/test_export_literals.py", "_environment"): "no template of ours writes a bare text",
    ("session/test_exports.py", "_write_member"): "fails where an array is held whole",
    ("session/test_places.py", "_check_place"): _COUNTED,
    ("session/test_store.py", "_read_part"): _COUNTED,
    ("session/test_unsaved.py", "_claim"): "let go as by a process that died",
    ("test_cli_keeping.py", "_add"): _COUNTED,
    ("test_plugins.py", "_model"): "stands in for a model that was opened",
    ("window/runs/test_looking.py", "_run"): _SERVICE,
    ("window/sessions/test_session_desk.py", "_examine"): "the next start's, of a file in use now",
    ("window/test_long_texts.py", "_run"): _SERVICE,
    ("window/test_window.py", "_run"): _SERVICE,
}


# A NamedTuple's own methods, which have an underscore so as not to be taken for fields.
OF_TUPLES = {"_asdict", "_replace"}


def is_private(name: str) -> bool:
    """Return whether a name has one underscore before it."""
    return name.startswith("_") and not name.startswith("__") and name not in OF_TUPLES


def names_in(node: ast.AST) -> list[str]:
    """Return the members of something else that a piece of a program names.

    Limits, written in capitals, may be set: how else would a test come to them?
    """
    if isinstance(node, ast.Attribute):
        mine = isinstance(node.value, ast.Name) and node.value.id in OWN
        return [] if mine else [node.attr]
    if isinstance(node, ast.ImportFrom) and not node.level:
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Call):
        called = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given = [part.value for part in node.args[:2] if isinstance(part, ast.Constant)]
        told = [str(name).rpartition(".")[2] for name in given] if called in BY_NAME else []
        return [name for name in told if not (called == "setattr" and name.isupper())]
    return []


def private_members(tree: ast.Module) -> set[str]:
    """Return the private members of others that a module reads, calls, sets or imports."""
    return {name for node in ast.walk(tree) for name in names_in(node) if is_private(name)}


@pytest.fixture(scope="module")
def found():
    return {
        (path.relative_to(TESTS).as_posix(), name)
        for path in sorted(TESTS.rglob("*.py"))
        for name in private_members(ast.parse(path.read_text(encoding="utf-8")))
    }


def test_no_test_reads_a_private_member(found):
    assert sorted(found - EXCEPTIONS.keys()) == []


def test_no_exception_is_left_without_need(found):
    assert sorted(EXCEPTIONS.keys() - found) == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("assert view._map.values()", {"_map"}),
        ("view.read()[0]._cards[1].strip", {"_cards"}),
        ("view.read_out()['a']._x = 1", {"_x"}),
        ("from desktop_app.window.comparison.view import ComparisonView, _words", {"_words"}),
        ("getattr(view, '_stack')", {"_stack"}),
        ("monkeypatch.setattr(service, '_run', broken)", {"_run"}),
        ("monkeypatch.setattr('desktop_app.engine.packs.pack._catalogue', dict)", {"_catalogue"}),
        ("monkeypatch.setattr(module, 'run', broken)", set()),
        ("monkeypatch.setattr(module, '_MOST', 3)", set()),
        ("assert module._MOST", {"_MOST"}),
        ("self._kept = cls._made", set()),
        ("self.view._map", {"_map"}),
        ("view.__dict__", set()),
        ("_local = 1; _local.real", set()),
    ],
)
def test_what_is_planted_is_found(source, names):
    assert private_members(ast.parse(source)) == names
