"""The help pages: formula, sign and pitfalls of each panel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QFrame, QHBoxLayout, QTextBrowser, QVBoxLayout, QWidget

from desktop_app.analyses.registry import ANALYSES
from desktop_app.support.paths import resource
from desktop_app.widgets.fonts import ui_font
from desktop_app.widgets.segmented import SegmentedControl
from desktop_app.widgets.theme import theme_hub

if TYPE_CHECKING:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QShowEvent

START = "start"
_NAME = re.compile(r"^[a-z_]{1,40}$")


def read_page(name: str) -> str:
    """Return a help page as Markdown; a sentence where there is none."""
    path = resource("help", f"{name}.md")
    if not _NAME.match(name) or not path.is_file():
        return f"There is no help page “{name}”."
    return path.read_text(encoding="utf-8")


class HelpPanel(QWidget):
    """Shows one page at a time; links lead to the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._page = START
        titles = [(START, "Start"), *((a.name, a.title) for a in ANALYSES.values())]
        self._pages = SegmentedControl(titles)
        self._pages.setAccessibleName("Help page")
        self.browser = QTextBrowser()
        self.browser.setFrameShape(QFrame.Shape.NoFrame)
        self.browser.setOpenLinks(False)
        self.browser.setAccessibleName("Help")
        self.browser.anchorClicked.connect(self._on_anchor_clicked)
        self._pages.changed.connect(self._on_page_changed)
        line = QHBoxLayout()
        line.addWidget(self._pages)
        line.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.addLayout(line)
        column.addWidget(self.browser, 1)
        theme_hub().theme_changed.connect(self._on_theme_changed)
        self._render()

    def show_page(self, name: str) -> None:
        """Show the page of an analysis, or `start`."""
        self._page = name
        self._pages.set_value(name)
        self._render()

    def page(self) -> str:
        """Return the name of the page on screen."""
        return self._page

    def showEvent(self, event: QShowEvent) -> None:
        """Render with the fonts of the screen that the panel is on."""
        super().showEvent(event)
        self._render()

    def _render(self) -> None:
        theme = theme_hub().current
        document = self.browser.document()
        document.setDefaultFont(ui_font(13))
        document.setDocumentMargin(6)
        document.setMarkdown(
            read_page(self._page), QTextDocument.MarkdownFeature.MarkdownDialectGitHub
        )
        sheet = f"a {{ color: {theme.accent}; }} code {{ color: {theme.text}; }}"
        html = document.toHtml()
        document.setDefaultStyleSheet(sheet)
        document.setHtml(html)

    def _on_page_changed(self) -> None:
        self._page = str(self._pages.value())
        self._render()

    def _on_anchor_clicked(self, link: QUrl) -> None:
        name = link.toString().removesuffix(".md")
        if _NAME.match(name):
            self.show_page(name)

    def _on_theme_changed(self) -> None:
        self._render()
