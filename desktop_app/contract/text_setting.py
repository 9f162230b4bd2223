"""The setting that names a text to be read window by window, as more than one analysis has it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator

from desktop_app.contract.params import setting

MAX_PATH = 4_096
OWN = "own"
"""What may be written for the corpus that comes along."""


def _take_own(given: str) -> str:
    """Let `own` mean the corpus that comes along, as empty does; ./own is a file."""
    return "" if given == OWN else given


TextPath = Annotated[str, AfterValidator(_take_own)]


def text_setting(used: str = "") -> Any:
    """Return the setting `text`, a `TextPath`; `used` says what the text is for."""
    return setting(
        "",
        "Text",
        f"A text file in UTF-8, or a folder of .txt and .md files{used}; empty or {OWN} takes the "
        "small corpus that comes with Lensbench.",
        placeholder="the corpus of Lensbench",
        cli="path",
        metavar="FILE|FOLDER",
        max_length=MAX_PATH,
        words={"": "on Lensbench's own corpus"},
        named={"": ""},
    )
