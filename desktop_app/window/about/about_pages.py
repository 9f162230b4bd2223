"""The plain pages about the program: what it is, where its folders are, what is new."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support import facts, installed, known_wrong, paths
from desktop_app.support.guard import override
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import logo
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.frame.page_looks import show_page

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QShowEvent

_WHAT = (
    "A desktop workbench for mechanistic interpretability. Open a language model on your own "
    "machine, look at how a prompt is tokenized and what the model predicts, find the heads that "
    "matter and where they look, take the circuit apart, and keep every result in one file."
)
_QUIET = (
    "Lensbench sends nothing anywhere and looks for no updates. A connection is opened only for a "
    "model that you ask for, where you allow the network."
)
_BUILT = "Built with TransformerLens, Hugging Face transformers, PyTorch, Qt and pyqtgraph."
_RIGHTS = "© 2026 The Lensbench authors. MIT licence; those of its parts are on the page Licences."
_TOLD = {
    "data folder": ("Data", "Models that were converted, sessions being written, plug-ins"),
    "settings folder": ("Settings", "What is remembered between starts"),
    "log folder": ("Logs", "lensbench.log, and reports of crashes"),
    "plug-ins folder": ("Plug-ins", "Analyses of your own and of others, as unpacked wheels"),
    "program folder": ("Program", "Lensbench itself; nothing of yours is kept there"),
}
_ICON = 56
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")
_MARGINS = (24, 22, 24, 16)


class AboutPage(QWidget):
    """What the program is, and what is wrong with this installation of it.

    Signals:
        more_wanted: More is to be told of versions that do not go together.
    """

    more_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._sign = PlainLabel()
        self._sign.setFixedSize(_ICON, _ICON)
        self.lacking, self.wrong = Banner(), Banner()
        self.wrong.action_clicked.connect(self._on_action_clicked)
        version = installed.package_version("lensbench")
        words = (
            label("Lensbench", "title"),
            label(f"Version {version} · {installed.BUILD_NAMES[installed.build()]}"),
        )
        title = filled(QVBoxLayout(), None, *words, None, spacing=2)
        parts = (
            filled(QHBoxLayout(), self._sign, title, None, spacing=14),
            label(_WHAT, "", wrap=True),
            self.lacking,
            self.wrong,
            label(_QUIET, wrap=True),
            filled(QVBoxLayout(), label(_BUILT, "small"), label(_RIGHTS, "small"), spacing=4),
            None,
        )
        filled(QVBoxLayout(self), *parts, margins=_MARGINS, spacing=14)
        self._sign.setPixmap(logo().pixmap(_ICON, _ICON))
        self._tell()

    def _tell(self) -> None:
        problem = installed.compute_problem()
        if problem is not None:
            self.lacking.show_message(problem, "info", dismissible=False)
        found = [pair for pair in known_wrong.found_here() if not pair.pair.guarded]
        told = [pair.brief for pair in found] + list(known_wrong.out_of_range().values())
        if told:
            offers = [("more", f"All {len(told)}")] if len(told) > 1 else [("more", "Versions")]
            self.wrong.show_message(told[0], "warn", offers, dismissible=False)

    def _on_action_clicked(self, _code: str) -> None:
        self.more_wanted.emit()


class FoldersPage(QWidget):
    """Where things are kept, each folder with buttons that show it and copy its path.

    Signals:
        folder_wanted: The path of a folder that is to be shown.
        copied: A sentence: a path is on the clipboard.
    """

    folder_wanted = Signal(object)
    copied = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._folders = facts.folders()
        self._open: dict[str, QPushButton] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        for place, (name, path) in enumerate(self._folders.items()):
            self._add(grid, 3 * place, name, path)
        moved = (
            f"The variable {paths.HOME_VARIABLE} names another folder for data, settings and logs. "
            "Removing the program leaves them."
        )
        parts = (grid, label(moved, wrap=True), None)
        filled(QVBoxLayout(self), *parts, margins=_MARGINS, spacing=12)

    def path(self, name: str) -> Path:
        """Return one of the folders, by the name that the doctor gives it."""
        return self._folders[name]

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        for name, button in self._open.items():
            there = self._folders[name].is_dir()
            button.setEnabled(there)
            button.setToolTip("" if there else "It is made when there is something to keep in it")

    def _add(self, grid: QGridLayout, row: int, name: str, path: Path) -> None:
        title, told = _TOLD[name]
        where = label(str(path), "mono", wrap=True)
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        head = filled(QHBoxLayout(), label(title, "heading"), label(told, "small"), None, spacing=8)
        shows, copies = QPushButton("Open"), QPushButton("Copy")
        shows.setAccessibleName(f"Open the {name}")
        copies.setAccessibleName(f"Copy the path of the {name}")
        shows.clicked.connect(partial(self.folder_wanted.emit, path))
        copies.clicked.connect(partial(self._copy, path))
        self._open[name] = shows
        grid.addLayout(head, row, 0)
        grid.addWidget(where, row + 1, 0)
        for column, button in enumerate((shows, copies), 1):
            grid.addWidget(button, row, column, 2, 1, Qt.AlignmentFlag.AlignVCenter)
        grid.setRowMinimumHeight(row + 2, 10)

    def _copy(self, path: Path) -> None:
        QApplication.clipboard().setText(str(path))
        self.copied.emit("The path is copied.")


class NewsPage(QTextBrowser):
    """The changelog, newest first."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("What is new")
        # Nothing in it leads anywhere: this window opens no connection, and Tab passes on.
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QTextBrowser { border: none; background: transparent; padding: 14px; }")
        self._is_filled = False
        theme_hub().theme_changed.connect(self._on_theme_changed)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_filled:
            self._fill()

    def _fill(self) -> None:
        self._is_filled = True
        show_page(self.document(), changelog())

    def _on_theme_changed(self) -> None:
        if self._is_filled:
            self._fill()


def changelog() -> str:
    """Return the changelog as Markdown, its links as words; else a sentence that there is none."""
    file = paths.document("CHANGELOG.md")
    try:
        return _LINK.sub(r"\1", file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return "This installation has no changelog: install Lensbench again."
