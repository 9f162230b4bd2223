"""The page about the program: what it is, versions, licences, folders, what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QSize, Signal, qVersion
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
)

from desktop_app.support import facts
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.about.about_pages import AboutPage, FoldersPage, NewsPage
from desktop_app.window.about.licences_page import LicencesPage
from desktop_app.window.about.versions_page import VersionsPage

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

Page = Literal["about", "versions", "licences", "folders", "news"]
_TITLES: dict[Page, str] = {
    "about": "About",
    "versions": "Versions",
    "licences": "Licences",
    "folders": "Folders",
    "news": "What’s new",
}
_SIZE = QSize(980, 620)


class AboutDialog(QDialog):
    """A window beside the main one; nothing in it blocks.

    Signals:
        folder_wanted: The path of a folder that is to be shown.
    """

    folder_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About Lensbench")
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - QSize(24, 56)))
        self._facts = {**facts.all_facts(), "Qt": qVersion()}
        self.about, self.versions = AboutPage(), VersionsPage()
        self.licences, self.folders, self.news = LicencesPage(), FoldersPage(), NewsPage()
        self.pages, self._said = QTabWidget(), PlainLabel()
        self._names: dict[Page, QWidget] = {
            "about": self.about,
            "versions": self.versions,
            "licences": self.licences,
            "folders": self.folders,
            "news": self.news,
        }
        for name, page in self._names.items():
            self.pages.addTab(page, _TITLES[name])
        self._build()
        self.folders.folder_wanted.connect(self.folder_wanted)
        self.folders.copied.connect(self.say)
        self.about.more_wanted.connect(self._on_more_wanted)

    def _build(self) -> None:
        self.pages.setAccessibleName("Pages about Lensbench")
        self.pages.tabBar().setAccessibleName("Pages about Lensbench")
        copy, close = QPushButton("Copy for a report"), QPushButton("Close")
        copy.setToolTip(
            "Versions, machine, folders and what is known to be wrong, as lines of text"
        )
        copy.clicked.connect(self.copy_facts)
        close.clicked.connect(self.reject)
        close.setDefault(True)
        line = filled(QHBoxLayout(), copy, 8, (self._said, 1), close, margins=(16, 10, 16, 14))
        filled(QVBoxLayout(self), (self.pages, 1), line, spacing=0)

    def open_at(self, name: Page) -> None:
        """Show itself at one of its pages."""
        self.pages.setCurrentWidget(self._names[name])
        self.show()
        self.raise_()
        self.activateWindow()

    def page(self) -> Page:
        """Return the name of the page in sight."""
        shown = self.pages.currentWidget()
        return next(name for name, page in self._names.items() if page is shown)

    def say(self, sentence: str) -> None:
        """Say something beside the buttons."""
        self._said.setText(sentence)

    def said(self) -> str:
        """Return what it says beside the buttons."""
        return self._said.text()

    def copy_facts(self) -> None:
        """Put all facts on the clipboard, as the doctor writes them."""
        QApplication.clipboard().setText("\n".join(facts.as_lines(self._facts)) + "\n")
        self.say("Copied.")

    def _on_more_wanted(self) -> None:
        self.open_at("versions")
