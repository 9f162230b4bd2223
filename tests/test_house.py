"""The house rules, held by the tools that know them: ruff, mypy, import-linter."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FORBIDDEN = ("/work/", "/root/", "shared/")


def tool(*arguments: str) -> str:
    """Run a tool in the repository's root and return its complaint, empty when it has none."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_has_no_complaint():
    assert tool("-m", "ruff", "check", "desktop_app", "packaging", "tests") == ""


@pytest.mark.slow
def test_mypy_has_no_complaint():
    assert tool("-m", "mypy", "desktop_app") == ""


def test_layers_hold():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    assert tool("-c", code) == ""


@pytest.mark.parametrize("folder", ["desktop_app", "packaging", "resources"])
def test_no_path_of_a_developers_machine(folder):
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".md", ".json", ".toml", ".txt", ".qss"} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not [word for word in FORBIDDEN if word in text], path


def test_no_torch_in_the_modules_that_open_sessions():
    """The viewer half must import where torch is missing."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['transformers'] = None\n"
        "import desktop_app.session.store, desktop_app.session.exports, desktop_app.text.prompts\n"
        "import desktop_app.contract.registry, desktop_app.views.making\n"
        "import desktop_app.window.main_window"
    )
    assert tool("-c", code) == ""


def test_window_module_needs_no_torch_to_start():
    code = "import sys; import desktop_app.app; sys.exit('torch' in sys.modules)"
    assert tool("-c", code) == ""


def test_every_package_says_what_it_is():
    for init in (ROOT / "desktop_app").rglob("__init__.py"):
        assert init.read_text(encoding="utf-8").lstrip().startswith('"""'), init


def test_every_slice_is_whole():
    """Spec, run, script, help and icon; a view, or the one that draws any result."""
    from desktop_app.contract.registry import ANALYSES, BUILT_IN, file_of

    assert tuple(ANALYSES)[: len(BUILT_IN)] == BUILT_IN
    for name in BUILT_IN:
        for part in ("spec", "run", "script"):
            assert importlib.util.find_spec(f"desktop_app.analyses.{name}.{part}") is not None
        for file in ("script.py.jinja", "help.md", "icon.svg"):
            assert file_of(name, file) is not None, (name, file)


@pytest.mark.parametrize("folder", ["desktop_app", "tests"])
def test_no_question_that_gives_a_widget_another_owner(folder):
    """PySide6 takes what these return for children of what was asked, and destroys them with it.

    A scroll area that its own viewport names belongs to nobody any more.
    """
    asked = re.compile(
        r"\.(focusProxy|nextInFocusChain|previousInFocusChain|topLevelWidget|splitter|buddy)\(\)"
    )
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in (ROOT / folder).rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if asked.search(line)
    ]
    assert not found
