"""One source of the version: nothing but pyproject states it, and everything shows what it says."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from desktop_app.support import installed

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
# What was made by a version says so for ever.
RECORDS = {"resources/saes/toy/cfg.json"}
TEXTS = {".py", ".json", ".md", ".toml", ".txt", ".iss", ".sh", ".spec", ".in", ".xml", ".yml"}


def texts():
    for folder in ("desktop_app", "packaging", "resources", ".github"):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and path.suffix in TEXTS and name not in RECORDS:
                yield name, path.read_text("utf-8", "replace")


def test_what_is_installed_is_what_pyproject_says():
    assert version("lensbench") == VERSION == installed.package_version("lensbench")


def test_nothing_else_states_it():
    stated = re.compile(rf"(?<![\w.+-]){re.escape(VERSION)}(?![\w.+-])")
    found = [name for name, text in texts() if stated.search(text)]
    pinned = [name for name in found if name != "packaging/constraints.txt"]
    assert pinned == []


@pytest.mark.parametrize("file", ["README.md", "packaging/README.md"])
def test_pages_that_name_it_name_no_other(file):
    path = ROOT / file
    text = path.read_text("utf-8") if path.is_file() else ""
    named = re.findall(r"lensbench(?:-viewer)?[-_](\d+\.\d+\.\d+)", text)
    assert set(named) <= {VERSION}


def test_the_changelog_has_a_section_for_it():
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert VERSION in [section.split()[0] for section in sections]
