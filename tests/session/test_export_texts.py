"""The texts of a folder as scripts find them: those that the program reads, in its order."""

from __future__ import annotations

from pathlib import Path

import pytest

import desktop_app
from desktop_app.analyses.train_sae.spec import TrainSaeParams
from desktop_app.methods.text_windows import TextWindows
from tests.models import named

PACKAGE = Path(desktop_app.__file__).parent
SHARED = "texts.py.jinja"
THERE = (
    "b.txt",
    "a.MD",
    "c.rst",
    ".hidden.txt",
    ".hidden/a.txt",
    "z/.git/a.md",
    "z/b.txt",
    "z/a.txt",
    "a/deep/one.txt",
    "a/two.md",
    "named.txt/inside.txt",
)


@pytest.fixture
def texts_of():
    """Return the function that is printed into scripts."""
    names = {"Path": Path}
    exec((PACKAGE / "session/scripts" / SHARED).read_text("utf-8"), names)  # noqa: S102
    return names["texts_of"]


def test_a_script_reads_the_files_that_the_program_reads(texts_of, tmp_path):
    for name in THERE:
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1 2 3", "utf-8")
    root = tmp_path / "texts"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/far.txt").write_text("1 2 3", "utf-8")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "linked.txt").symlink_to(tmp_path / "elsewhere/far.txt")
    (root / "lost.txt").symlink_to(tmp_path / "nothing")
    found = [path.relative_to(root).as_posix() for path in texts_of(root)]
    text = TextWindows(named("toy"), TrainSaeParams(), str(root), 16, 100, "--text")
    assert found == list(text.files)
    assert found == [
        "a.MD",
        "b.txt",
        "linked.txt",
        "a/two.md",
        "a/deep/one.txt",
        "named.txt/inside.txt",
        "z/a.txt",
        "z/b.txt",
    ]


def test_a_file_is_the_text_itself_whatever_its_name(texts_of, tmp_path):
    path = tmp_path / ".notes"
    path.write_text("1 2 3", "utf-8")
    assert texts_of(path) == [path]


def test_no_template_finds_texts_by_a_rule_of_its_own():
    templates = list(PACKAGE.glob("analyses/*/script.py.jinja"))
    for path in templates:
        said = path.read_text("utf-8")
        assert "rglob" not in said
        assert "iterdir" not in said
        assert ("texts_of(" in said) == (SHARED in said)
    assert {p.parent.name for p in templates if SHARED in p.read_text("utf-8")} == {
        "corpus",
        "train_sae",
    }
