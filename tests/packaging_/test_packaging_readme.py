"""The page on packaging names what is there, and all of it."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "packaging"
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_file_that_the_page_names_is_there():
    for name in re.findall(r"`((?:linux/|macos/|windows/)?\w+\.(?:py|spec|iss|txt|plist))`", TEXT):
        place = "macos" if name == "Info.plist" else ""
        assert (FOLDER / place / name).exists(), name


def test_the_page_names_every_script():
    named = set(re.findall(r"`([\w*]+)\.py`", TEXT))
    patterns = [re.compile(name.replace("*", r"\w*")) for name in named]
    for path in FOLDER.glob("*.py"):
        assert any(pattern.fullmatch(path.stem) for pattern in patterns), path.name
