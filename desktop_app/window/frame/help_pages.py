"""The help's pages as text: each analysis' own, the general ones, and what they say where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.spec import Analysis

START = "start"
PROCESSING = "processing"
SESSION_FILE = "session_file"
GLOSSARY = "glossary"
# Recorded studies, which are written by what they tell of, and their titles.
STUDIES = {
    "number_study": "A number-sequence study",
    "steering_study": "A steering study",
}
NAME = re.compile(r"^[a-z_]{1,40}$")
_HEADING = re.compile(r"^(#{1,4}) +(.*)$")
# What Markdown marks words with, and what leads elsewhere.
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*\*|[*`]")
_RULE = re.compile(r"^[|\s:-]+$")


@dataclass(frozen=True)
class Passage:
    """A paragraph, a list's entry or a table's row of a page, as it is read.

    Attributes:
        page: The name of the page.
        title: What the page is called.
        heading: The heading above it.
        text: Its words; empty: the heading itself is meant.
    """

    page: str
    title: str
    heading: str
    text: str


def titles() -> dict[str, str]:
    """Return what each page is called, in their order."""
    named = {name: analysis.title for name, analysis in ANALYSES.items()}
    general = {PROCESSING: "What processing changes", SESSION_FILE: "The session file"}
    studies = {name: t for name, t in STUDIES.items() if resource("help", f"{name}.md").is_file()}
    first = {START: "Getting started", GLOSSARY: "Glossary"}
    return {**first, **studies, **named, **general}


def read_page(name: str) -> str:
    """Return a help page as Markdown; a sentence where there is none."""
    path = file_of(name, "help.md") or resource("help", f"{name}.md")
    if NAME.match(name) and path.is_file():
        return path.read_text(encoding="utf-8")
    return spec_page(ANALYSES[name]) if name in ANALYSES else f"There is no help page “{name}”."


def passages() -> list[Passage]:
    """Return all that the help says, to be searched."""
    return [passage for name, title in titles().items() for passage in _passages_of(name, title)]


def plain(markdown: str) -> str:
    """Return a line of Markdown as it is read."""
    text = _MARKS.sub("", _LINK.sub(r"\1", markdown))
    return " · ".join(cell.strip() for cell in text.strip().strip("|").split("|") if cell.strip())


def _passages_of(name: str, title: str) -> list[Passage]:
    found, heading, in_code = [], title, False
    for line in read_page(name).splitlines():
        if line.startswith("```"):
            in_code = not in_code
        elif in_code or not line.strip() or _RULE.match(line):
            continue
        elif match := _HEADING.match(line):
            heading = plain(match[2])
            found.append(Passage(name, title, heading, ""))
        else:
            found.append(Passage(name, title, heading, plain(line.lstrip("-0123456789. "))))
    return found


def spec_page(analysis: Analysis) -> str:
    """Return summary, settings and fields of an analysis as Markdown."""
    settings = [
        (field.title or name, f"{field.description or ''} Default: {field.get_default()}.".strip())
        for name, field in analysis.params.own_fields().items()
    ]
    fields = [
        (field.name, " × ".join(field.axes) or "one value", field.unit or "–", field.meaning)
        for field in analysis.fields
    ]
    return "\n".join(
        (
            f"# {analysis.title}",
            f"\n{analysis.summary}",
            *_table("Settings", ("Setting", "What it does"), settings),
            *_table("What a result holds", ("Field", "Axes", "Unit", "What it is"), fields),
        )
    )


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    if not lines:
        return []
    ruled = [list(heads), ["---"] * len(heads), *lines]
    return [f"\n## {title}\n", *(f"| {' | '.join(line)} |" for line in ruled)]
