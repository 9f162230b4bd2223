"""What a file, a model or a user says is never read as markup: by the syntax of all code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "desktop_app"
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for path in ROOT.rglob("*.py")
    if "PySide6" in path.read_text("utf-8")
}
WORDS = "widgets/basics/words.py"
# What shows markup, and whoever may: the help pages, which come with the code.
MARKUP = {
    "setHtml", "insertHtml", "appendHtml", "setMarkdown", "insertMarkdown", "fromHtml", "RichText",
    "MarkdownText", "AutoText", "QStaticText", "QErrorMessage", "setWhatsThis",
}  # fmt: skip
ALLOWED = {
    ("window/frame/page_looks.py", "setMarkdown"),  # pages that come with the program
    ("window/sessions/history_desk.py", "setMarkdown"),  # notes, without HTML and without pictures
}


def calls(module):
    return [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def is_plain(node):
    """Return whether a text is our own, or goes through the one place that escapes it."""
    if isinstance(node, ast.Constant):
        return node.value is None or "<" not in str(node.value)
    if isinstance(node, ast.IfExp):
        return is_plain(node.body) and is_plain(node.orelse)
    if isinstance(node, ast.BoolOp):
        return all(map(is_plain, node.values))
    return isinstance(node, ast.Call) and name_of(node) == "plain_tip"


@pytest.mark.parametrize("module", TREES)
def test_every_tooltip_is_plain(module):
    for call in calls(module):
        if name_of(call) == "setToolTip":
            assert is_plain(call.args[0]), ast.unparse(call)
        if name_of(call) == "showText":
            assert is_plain(call.args[1]), ast.unparse(call)
        if any(ast.unparse(arg).endswith("ToolTipRole") for arg in call.args):
            assert name_of(call) == "setItemData", ast.unparse(call)
            assert is_plain(call.args[1]), ast.unparse(call)
        for keyword in call.keywords:
            assert keyword.arg != "toolTip", ast.unparse(call)


def answers_of(tree):
    """Give what models answer for a tooltip: after `case` or `if` of its role, and in tables."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.match_case) and "ToolTipRole" in ast.unparse(node.pattern)) or (
            isinstance(node, ast.If) and "ToolTipRole" in ast.unparse(node.test)
        ):
            yield from node.body
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None and ast.unparse(key).endswith("ToolTipRole"):
                    yield ast.Return(value)


def test_every_model_answers_plainly():
    seen = 0
    for module, tree in TREES.items():
        for answer in answers_of(tree):
            value = getattr(answer, "value", None)
            if isinstance(answer, (ast.Return, ast.Assign)) and ast.unparse(answer).strip():
                seen += 1
                last = isinstance(answer, ast.Return) or "look" in ast.unparse(answer.targets[0])
                assert is_plain(value) or not last, (module, ast.unparse(answer))
    assert seen >= 4


@pytest.mark.parametrize("module", [name for name in TREES if name != WORDS])
def test_every_label_is_plain(module):
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call):
            assert name_of(node) != "QLabel", ast.unparse(node)
        if isinstance(node, ast.ClassDef):
            assert "QLabel" not in map(ast.unparse, node.bases), node.name


@pytest.mark.parametrize("module", TREES)
def test_nothing_shows_markup(module):
    for node in ast.walk(TREES[module]):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in MARKUP:
            assert (module, name) in ALLOWED, name
        assert not isinstance(node, ast.Attribute) or ast.unparse(node) != "QMessageBox.about"
