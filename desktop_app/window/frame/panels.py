"""The panels around the picture; help and log, which show themselves, are made here."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES, file_of
from desktop_app.pictures.ranking import Column
from desktop_app.support.guard import override
from desktop_app.support.paths import resource
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.fonts import ui_font
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.theme import set_role, theme_hub
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.frame import layout
from desktop_app.window.frame.actions import ActionSpec, in_menu
from desktop_app.window.frame.edges import KEYS, Edges
from desktop_app.window.frame.fitting import Fitting
from desktop_app.window.frame.hall import PICTURE
from desktop_app.window.frame.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from PySide6.QtCore import QUrl
    from PySide6.QtGui import QShowEvent
    from PySide6.QtWidgets import QMainWindow

    from desktop_app.contract.spec import Analysis
    from desktop_app.support.logs import LogBook
    from desktop_app.window.frame.hall import Hall

START = "start"
SESSION_FILE = "session_file"
_NAME = re.compile(r"^[a-z_]{1,40}$")
_HEADING_PIXELS = {1: 19, 2: 15, 3: 13}
POLL_MS = 500
_WARNING = 30
_INFO = 20
_COLUMNS = (
    Column("Time", "mono", width=76),
    Column("times", title="×", align="right", width=64, tooltip="How often it came"),
    Column("Level", width=76),
    Column("Source", width=150),
    Column("Message", width="stretch"),
)
_LOG_HEIGHT = 190


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

    @override
    def showEvent(self, event: QShowEvent) -> None:
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


class LogPanel(QWidget):
    """A table of the log book, looked at twice a second: a flood costs the window nothing.

    Signals:
        warnings_counted: How many different warnings and errors there are.
    """

    warnings_counted = Signal(int)

    def __init__(self, book: LogBook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._revision = -1
        self._counted = -1
        self._level = SegmentedControl([("warnings", "Warnings"), ("all", "All")])
        self._level.setAccessibleName("Which records to show")
        self.table = RankingList("Log", _COLUMNS, sortable=True)
        self.table.set_empty_text("Nothing to report.")
        self._build()
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        self._level.changed.connect(self._show)

    def refresh(self) -> None:
        """Look into the book where it has news."""
        if self._book.revision == self._revision:
            return
        self._revision = self._book.revision
        count = sum(entry.level >= _WARNING for entry in self._book.entries())
        if count != self._counted:
            self._counted = count
            self.warnings_counted.emit(count)
        if self.isVisible():
            self._show()

    def stop(self) -> None:
        """Look no longer."""
        self._timer.stop()

    @override
    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self._show()

    def _build(self) -> None:
        copy, clear = QPushButton("Copy"), QPushButton("Clear")
        for button in (copy, clear):
            set_role(button, "quiet")
        copy.clicked.connect(self._on_copy_clicked)
        clear.clicked.connect(self._on_clear_clicked)
        # What may be cut: the panel fits at a side, too.
        told = ElidedLabel("Identical records are counted, not repeated.", "small")
        line = filled(QHBoxLayout(), self._level, (told, 1), copy, clear)
        filled(QVBoxLayout(self), line, (self.table, 1), margins=(10, 6, 10, 8))

    def _show(self) -> None:
        entries = self._book.entries()
        lowest = _INFO if self._level.value() == "all" else _WARNING
        shown = sorted((e for e in entries if e.level >= lowest), key=lambda e: -e.last)
        rows = [
            (
                time.strftime("%H:%M:%S", time.localtime(e.last)),
                f"×{e.count:,}" if e.count > 1 else "",
                e.level_name,
                e.source,
                e.message,
            )
            for e in shown
        ]
        self.table.set_rows(rows)

    def _on_clear_clicked(self) -> None:
        self._book.clear()
        self.refresh()

    def _on_copy_clicked(self) -> None:
        text = "\n".join(
            f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(e.last))} {e.level_name} "
            f"{e.source}: {e.message} (×{e.count:,})"
            for e in self._book.entries()
        )
        QApplication.clipboard().setText(text)


class Panels(QObject):
    """Docks the panels, and brings those forward that are hidden at first.

    Attributes:
        window: What they stand in.
        docks: The docks by name.
        edges: What is folded away to the window's edges.
        whole: What takes the whole window.
        help: The help pages.
        log: What was logged.
    """

    def __init__(
        self, window: QMainWindow, hall: Hall, rooms: Mapping[str, QWidget], log_book: LogBook
    ) -> None:
        super().__init__(window)
        self.window = window
        self._views = hall.views
        self.help = HelpPanel()
        self.log = LogPanel(log_book)
        widgets = {**rooms, "help": self.help, "log": self.log}
        self.docks = {
            key: layout.make_dock(key, key.capitalize(), widget, window)
            for key, widget in widgets.items()
        }
        self.edges = Edges(window, self.docks)
        self.whole = Whole(window, self.docks, self.edges)
        self._fitting = Fitting(window, self.docks, self.edges)
        self._offer_whole(hall)
        self._tidying = QTimer(self, singleShot=True, interval=0)
        self._tidying.timeout.connect(self._tidy)
        for changed in (
            *(self.edges.changed, self.whole.changed),
            *(dock.topLevelChanged for dock in self.docks.values()),
            *(dock.dockLocationChanged for dock in self.docks.values()),
        ):
            changed.connect(self._tidying.start)
        self.whole.changed.connect(self.fit)
        self.edges.changed.connect(self._fitting.fit_new)
        hall.whole_wanted.connect(self.whole.toggle)
        self.whole.changed.connect(hall.whole_changed)
        hall.help_wanted.connect(self.show_help)
        hall.log_wanted.connect(self.show_log)
        self.log.warnings_counted.connect(self._on_warnings_counted)

    def action_specs(self) -> list[ActionSpec]:
        """Return what shows and hides panels."""
        return [
            *(
                ActionSpec(
                    *(f"dock_{key}", key, "&View", 30),
                    action=dock.toggleViewAction(),
                    separated=place == 0,
                )
                for place, (key, dock) in enumerate(self.docks.items())
            ),
            *in_menu("&View", *self._frame_rows()),
            *in_menu(
                "&Help",
                ("help", "Help on this analysis", 0, self._show_here, "F1", "help"),
                ("help_start", "Getting started", 10, partial(self.show_help, START)),
                ("show_log", "Log", 20, self.show_log, "Ctrl+L"),
            ),
        ]

    def _frame_rows(self) -> list[tuple[object, ...]]:
        picture, prompts = (partial(self.whole.toggle, what) for what in (PICTURE, "prompts"))
        told = "Hide panels and bars, or show them again"
        names = (
            ("whole_picture", "Picture over the whole window"),
            ("whole_prompts", "Prompt table over the whole window"),
        )
        folds = [
            (f"fold_{side}", f"Fold the panels at the {side}", 32, partial(self.fold, side), keys)
            for side, keys in KEYS.items()
        ]
        return [
            *folds,
            (*names[0], 34, picture, "F11", "whole", told, True),
            (*names[1], 34, prompts, "Shift+F11", "table", told),
        ]

    def place(self) -> None:
        """Put all docks back to where they were at the first start."""
        self.whole.leave()
        with self.edges.at_rest():
            layout.place_docks(self.window, self.docks)
        self.take_over((), ())
        self._tidying.start()

    def folded(self) -> tuple[list[str], list[str]]:
        """Return the panels that are folded away, and those of them that only gave room."""
        return list(self.edges.folded()), list(self._fitting.folded())

    def restore(self, state: object, folded: Sequence[str], gave_room: Sequence[str]) -> bool:
        """Put panels to where a state has them, as far as there is room; False: unusable."""
        self.whole.leave()
        with self.edges.at_rest():
            done = layout.restore_state(self.window, state)
        self.take_over(folded, gave_room)
        return done

    def take_over(self, folded: Sequence[str], gave_room: Sequence[str]) -> None:
        """Have these folded away, of what a restored state does not show, and fit the rest."""
        self.edges.set_folded(folded)
        self.edges.put_back()
        self._fitting.forget(gave_room)
        self.fit()

    def fold(self, side: str) -> None:
        """Fold the panels of a side away to their edge, or bring them back."""
        self.whole.leave()
        self.edges.toggle(side)

    def fit(self) -> None:
        """Fit the panels into a window that has become narrower or wider."""
        if self.window.isVisible() and not self.whole.what:
            self._fitting.fit()

    def show_help(self, page: str) -> None:
        """Show a help page beside the picture."""
        self.whole.leave()
        self.help.show_page(page)
        self.docks["help"].show()
        self.docks["help"].raise_()

    def show_log(self) -> None:
        """Show the log."""
        self.whole.leave()
        log = self.docks["log"]
        was_hidden = not log.isVisible()
        if was_hidden:
            log.show()
        if log.isVisible() and not log.isFloating() and was_hidden:
            self.window.resizeDocks([log], [_LOG_HEIGHT], Qt.Orientation.Vertical)
        log.raise_()

    def _offer_whole(self, hall: Hall) -> None:
        """Put a button into the title of the prompts that gives them the whole window."""
        button, title = QToolButton(), self.docks["prompts"].titleBarWidget()

        def show(what: str) -> None:
            back = what == "prompts"
            bind_icon(button, "whole-back" if back else "whole", "text_muted")
            words = "Show the picture again" if back else "Give the prompts the whole window"
            button.setToolTip(plain_tip(f"{words} (Shift+F11)"))
            button.setAccessibleName(words)

        show("")
        button.clicked.connect(partial(self.whole.toggle, "prompts"))
        hall.whole_changed.connect(show)
        if isinstance(title, layout.DockTitle):
            title.add_button(button)

    def _tidy(self) -> None:
        layout.hide_stray_tabs(self.window, self.docks.values())

    def _show_here(self) -> None:
        self.show_help(self._views.current)

    def _on_warnings_counted(self, count: int) -> None:
        self.docks["log"].setWindowTitle(f"Log ({count})" if count else "Log")
