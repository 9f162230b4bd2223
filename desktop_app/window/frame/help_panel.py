"""The help pages: formula, sign and pitfalls of each panel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtGui import (
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import QComboBox, QTextBrowser, QVBoxLayout, QWidget

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.support.paths import resource
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.window.frame.parts import filled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QShowEvent

    from desktop_app.contract.spec import Analysis

START = "start"
SESSION_FILE = "session_file"
_NAME = re.compile(r"^[a-z_]{1,40}$")
_HEADING_PIXELS = {1: 19, 2: 15, 3: 13}


def read_page(name: str) -> str:
    """Return a help page as Markdown; a sentence where there is none."""
    path = file_of(name, "help.md") or resource("help", f"{name}.md")
    if _NAME.match(name) and path.is_file():
        return path.read_text(encoding="utf-8")
    return spec_page(ANALYSES[name]) if name in ANALYSES else f"There is no help page “{name}”."


class HelpPanel(QWidget):
    """Shows one page at a time; links lead to the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._page = START
        self._pages = QComboBox()
        self._pages.setAccessibleName("Help page")
        self._pages.addItem("Getting started", START)
        for analysis in ANALYSES.values():
            self._pages.addItem(analysis.title, analysis.name)
        self._pages.addItem("The session file", SESSION_FILE)
        self.browser = QTextBrowser()
        self.browser.setStyleSheet("QTextBrowser { border: none; background: transparent; }")
        self.browser.setOpenLinks(False)
        self.browser.setAccessibleName("Help")
        self.browser.anchorClicked.connect(self._on_anchor_clicked)
        self._pages.currentIndexChanged.connect(self._on_page_changed)
        filled(QVBoxLayout(self), self._pages, (self.browser, 1), margins=(10, 6, 10, 8))
        self.setMinimumWidth(220)
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def show_page(self, name: str) -> None:
        """Show the page of an analysis, or `start`."""
        self._page = name
        place = self._pages.findData(name)
        if place >= 0 and place != self._pages.currentIndex():
            self._pages.setCurrentIndex(place)
        else:
            self._render()

    def page(self) -> str:
        """Return the name of the page on screen."""
        return self._page

    def showEvent(self, event: QShowEvent) -> None:
        """Render with the fonts of the screen that the panel is on."""
        super().showEvent(event)
        self._render()

    def _render(self) -> None:
        document = self.browser.document()
        document.setDefaultFont(ui_font(13))
        document.setDocumentMargin(4)
        document.setIndentWidth(16)
        features = QTextDocument.MarkdownFeature.MarkdownDialectGitHub
        document.setMarkdown(read_page(self._page), features)
        _set_blocks(document)
        _set_tables(document)
        self.browser.moveCursor(QTextCursor.MoveOperation.Start)

    def _on_page_changed(self) -> None:
        self._page = str(self._pages.currentData())
        self._render()

    def _on_anchor_clicked(self, link: QUrl) -> None:
        name = link.toString().removesuffix(".md")
        if _NAME.match(name):
            self.show_page(name)

    def _on_theme_changed(self) -> None:
        if self.isVisible():
            self._render()


def _set_blocks(document: QTextDocument) -> None:
    """Give headings and paragraphs the sizes and distances of the window."""
    block = document.begin()
    while block.isValid():
        level = block.blockFormat().headingLevel()
        shape = QTextBlockFormat()
        shape.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        in_table = QTextCursor(block).currentTable() is not None
        shape.setTopMargin(12 if level > 1 else 0)
        shape.setBottomMargin(0 if in_table else 4 if level or block.textList() is not None else 8)
        cursor = QTextCursor(block)
        cursor.mergeBlockFormat(shape)
        if level:
            end = QTextCursor.MoveOperation.EndOfBlock
            cursor.movePosition(end, QTextCursor.MoveMode.KeepAnchor)
            look = QTextCharFormat()
            look.setFont(ui_font(_HEADING_PIXELS.get(level, 13), "semibold"))
            # Replaced, not merged: a heading's relative size would win over the font.
            cursor.setCharFormat(look)
        block = block.next()


def _set_tables(document: QTextDocument) -> None:
    """Draw tables with thin lines over the whole width."""
    for frame in document.rootFrame().childFrames():
        if not isinstance(frame, QTextTable):
            continue
        shape = frame.format()
        shape.setBorder(1)
        shape.setBorderCollapse(True)
        shape.setBorderBrush(theme_hub().current.color("border"))
        shape.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        shape.setCellPadding(5)
        shape.setCellSpacing(0)
        shape.setTopMargin(4)
        shape.setBottomMargin(8)
        shape.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        frame.setFormat(shape)


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
