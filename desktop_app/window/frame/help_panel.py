"""The help beside the picture: one page at a time, opened at a heading, with letters that zoom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSignalBlocker, QSize, Signal
from PySide6.QtGui import (
    QImageReader,
    QTextBlock,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override
from desktop_app.support.paths import resource
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.window.frame.help_pages import NAME, START, plain, read_page, titles
from desktop_app.window.frame.page_looks import MARGIN, show_page

if TYPE_CHECKING:
    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QResizeEvent, QShowEvent

_LEAST_LETTERS = 14
_BEGINNING = 40  # as many letters tell one paragraph from another


class HelpPanel(QWidget):
    """Shows one page at a time; links lead to the others, and back again.

    Signals:
        zoom_wanted: Larger letters (1) or smaller ones (−1).
    """

    zoom_wanted = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._page = START
        self._sought = "", ""
        self._zoom = 100
        self._before: list[str] = []
        self._pages = QComboBox()
        self._pages.setAccessibleName("Help page")
        # As wide as the panel is, whatever the page is called: turning pages moves nothing.
        self._pages.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._pages.setMinimumContentsLength(_LEAST_LETTERS)
        self.renew()
        self.browser = QTextBrowser()
        self.browser.setStyleSheet("QTextBrowser { border: none; background: transparent; }")
        self.browser.setOpenLinks(False)
        self.browser.setSearchPaths([str(resource("help"))])
        self.browser.setWordWrapMode(QTextOption.WrapMode.WordWrap)  # a cut word says nothing
        self.browser.verticalScrollBar().actionTriggered.connect(self._on_scrolled)
        self.browser.setAccessibleName("Help")
        self.browser.anchorClicked.connect(self._on_anchor_clicked)
        self._pages.currentIndexChanged.connect(self._on_page_changed)
        self._build()
        theme_hub().theme_changed.connect(self._on_theme_changed)

    def _build(self) -> None:
        self._back = icon_button("chevron-left", "Back to the page before", "text_muted")
        self._back.setEnabled(False)
        self._back.clicked.connect(self._on_back_clicked)
        line = filled(QHBoxLayout(), self._back, (self._pages, 1), spacing=4)
        letters = filled(QHBoxLayout(), None, spacing=4)
        for text, words, slot in (
            ("A−", "Smaller letters (Ctrl+−)", self._on_smaller_clicked),
            ("A+", "Larger letters (Ctrl++)", self._on_larger_clicked),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(plain_tip(words))
            button.setAccessibleName(words.partition(" (")[0])
            button.clicked.connect(slot)
            letters.addWidget(button)
        # Beside the page's name they would leave no room for it in a narrow panel.
        parts = line, (self.browser, 1), letters
        filled(QVBoxLayout(self), *parts, margins=(10, 6, 10, 8))
        self.setMinimumWidth(248)

    def renew(self) -> None:
        """List the pages there are now; the one that is shown stays."""
        with QSignalBlocker(self._pages):
            self._pages.clear()
            for name, title in titles().items():
                self._pages.addItem(title, name)
            self._pages.setCurrentIndex(self._pages.findData(self._page))

    def show_page(self, name: str, heading: str = "", words: str = "") -> None:
        """Show the page of an analysis, or `start`; at a heading, or at those words beneath it."""
        if name != self._page:
            self._before.append(self._page)
            self._back.setEnabled(True)
        self._turn_to(name, heading, words)

    def page(self) -> str:
        """Return the name of the page on screen."""
        return self._page

    def seen_heading(self) -> str:
        """Return the last heading at or above the upper edge of what is seen."""
        top = self.browser.verticalScrollBar().value() + 2 * self.browser.fontMetrics().height()
        found, block = "", self.browser.document().begin()
        while block.isValid() and self._top_of(block) <= top:
            if block.blockFormat().headingLevel():
                found = block.text()
            block = block.next()
        return found

    def zoom(self) -> int:
        """Return how large letters are, in percent."""
        return self._zoom

    def set_zoom(self, percent: int) -> None:
        """Show letters of that size; what is read stays in sight."""
        if percent != self._zoom:
            self._zoom = percent
            self._render_in_place()

    @override
    def sizeHint(self) -> QSize:
        return QSize(420, 600)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._render()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        _fit_pictures(self.browser)
        if any(self._sought):  # the lines above it broke elsewhere
            self._go_to(*self._sought)

    def _on_scrolled(self) -> None:
        self._sought = "", ""

    def _turn_to(self, name: str, heading: str = "", words: str = "") -> None:
        self._page, self._sought = name, (heading, words)
        place = self._pages.findData(name)
        self._pages.blockSignals(True)
        self._pages.setCurrentIndex(place)
        self._pages.blockSignals(False)
        self._render()

    def _render(self) -> None:
        show_page(self.browser.document(), read_page(self._page), self._zoom)
        _fit_pictures(self.browser)
        self.browser.moveCursor(QTextCursor.MoveOperation.Start)
        if any(self._sought):
            self._go_to(*self._sought)

    def _render_in_place(self) -> None:
        bar = self.browser.verticalScrollBar()
        share = bar.value() / max(1, bar.maximum())
        self._sought = "", ""
        self._render()
        bar.setValue(round(share * bar.maximum()))

    def _go_to(self, heading: str, words: str) -> None:
        """Scroll to a heading, or to the paragraph beneath it that begins with these words."""
        wanted, first = (
            plain(heading).casefold(),
            words.split(" · ", maxsplit=1)[0][:_BEGINNING].casefold(),
        )
        block = self.browser.document().begin()
        while block.isValid() and not (
            block.blockFormat().headingLevel() and block.text().casefold() == wanted
        ):
            block = block.next()
        beneath = block.next() if block.isValid() else self.browser.document().begin()
        in_table = " · " in words  # the first cell of the row is a paragraph of its own
        while words and beneath.isValid():
            text = beneath.text().casefold()
            if text[:_BEGINNING] == first if in_table else text.startswith(first):
                break
            beneath = beneath.next()
        found = beneath if words and beneath.isValid() else block
        if found.isValid():
            cursor = QTextCursor(found)
            end = QTextCursor.MoveOperation.EndOfBlock
            cursor.movePosition(end, QTextCursor.MoveMode.KeepAnchor)
            self.browser.setTextCursor(cursor)  # marked, so that the eye finds it
            self.browser.verticalScrollBar().setValue(round(self._top_of(found)) - 4)

    def _top_of(self, block: QTextBlock) -> float:
        return self.browser.document().documentLayout().blockBoundingRect(block).top()

    def _on_page_changed(self) -> None:
        self.show_page(str(self._pages.currentData()))

    def _on_smaller_clicked(self) -> None:
        self.zoom_wanted.emit(-1)

    def _on_larger_clicked(self) -> None:
        self.zoom_wanted.emit(1)

    def _on_back_clicked(self) -> None:
        if self._before:
            self._turn_to(self._before.pop())
        self._back.setEnabled(bool(self._before))

    def _on_anchor_clicked(self, link: QUrl) -> None:
        name = link.toString().removesuffix(".md")
        if NAME.match(name):
            self.show_page(name)

    def _on_theme_changed(self) -> None:
        if self.isVisible():
            self._render_in_place()


def _fit_pictures(browser: QTextBrowser) -> None:
    """Make pictures as wide as the panel, and no wider than they are."""
    document, room = browser.document(), browser.viewport().width() - 4 * MARGIN
    block = document.begin()
    while block.isValid():
        parts = block.begin()
        while not parts.atEnd():
            fragment = parts.fragment()
            shape = fragment.charFormat().toImageFormat()
            if shape.isValid():
                natural = QImageReader(str(resource("help", shape.name()))).size().width()
                shape.setWidth(max(1, min(room, natural)))
                cursor = QTextCursor(document)
                cursor.setPosition(fragment.position())
                cursor.setPosition(
                    fragment.position() + fragment.length(), QTextCursor.MoveMode.KeepAnchor
                )
                cursor.setCharFormat(shape)
                break
            parts += 1
        block = block.next()
