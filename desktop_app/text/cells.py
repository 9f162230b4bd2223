"""Texts as cells of a table that a spreadsheet may open: none of them begins a formula.

A cell that begins with `=`, `+`, `-` or `@` is computed when the table is opened, and a formula can
start programs or send what stands in other cells away. Tabs and line ends before such
a sign are skipped by some programs.
"""

from __future__ import annotations

import re

MARK = "'"
# With the wide forms, which spreadsheets take for the same.
_FORMULA = re.compile("[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n\x00]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)\Z")


def begins_formula(text: str) -> bool:
    """Return whether a spreadsheet would take a text for a formula; a number is none."""
    return _FORMULA.match(text) is not None and _NUMBER.match(text) is None


def plain_cell(text: str) -> str:
    """Return a text as a cell that is shown and never computed."""
    return MARK + text if begins_formula(text) else text
