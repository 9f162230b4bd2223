"""Beside the maps: the best heads of a score, the chosen head's pattern, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.analyses.detect.picture import (
    family_sentence,
    head_pattern,
    layer_numbers,
    meaning,
    score_names,
    score_text,
    stripe_cells,
    top_heads,
)
from desktop_app.analyses.detect.roles import TITLES, headline
from desktop_app.analyses.detect.stripe import Stripe
from desktop_app.pictures.words import part_name
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.detect.picture import Cell
    from desktop_app.contract.result import Result

PAGES = (("top", "Top heads"), ("pattern", "Pattern"), ("summary", "Summary"))
# Room that the lists beside a pattern take.
_LISTS = 240


class Sentences(QScrollArea):
    """Sentences one below the other, readable and copyable."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.headline = label("", "title", wrap=True)
        self._label = label("", "body", wrap=True)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 4, 4, 0)
        column.setSpacing(12)
        column.addWidget(self.headline)
        column.addWidget(self._label)
        column.addStretch(1)
        for text in (self.headline, self._label):
            text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setWidget(inner)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)

    def set_headline(self, text: str) -> None:
        """Show the conclusion, large above the rest."""
        self.headline.setText(text)
        self.headline.setVisible(bool(text))

    def set_sentences(self, sentences: Sequence[str]) -> None:
        """Show these in place of the old ones."""
        self._label.setText("\n\n".join(sentences))

    def text(self) -> str:
        """Return what is shown."""
        return self._label.text()


class HeadPattern(QWidget):
    """A head's attention on the first sequence with the stripe of the chosen score over it.

    Signals:
        patterns_wanted: Run again and keep the patterns.
    """

    patterns_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = label("", "heading")
        self._sentence = label("", "small", wrap=True)
        self._pattern = PatternView()
        self._pattern.set_side_visible(False)
        self._pattern.setMinimumSize(220, 200)
        self._pattern.installEventFilter(self)
        self.stripe = Stripe(self._pattern.canvas)
        self._button = QPushButton("Keep patterns and run")
        self._button.setToolTip("Run the detectors again and keep every head's attention")
        bind_icon(self._button, "refresh")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._title)
        column.addWidget(self._sentence)
        column.addWidget(self._pattern, 1)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        self._spring = QWidget()
        column.addWidget(self._spring, 1)
        self._button.clicked.connect(self.patterns_wanted)

    def show_head(self, result: Result, place: Cell, name: str) -> None:
        """Show the head at (row, column), or offer to keep its pattern."""
        data = result.data
        layer = layer_numbers(data, place[0] + 1)[place[0]]
        told = f"{part_name(layer, place[1])} · {TITLES[name]} {score_text(data, name, *place)}"
        self._title.setText(told)
        kept = head_pattern(result, place)
        for widget, shown in (
            (self._pattern, kept is not None),
            (self._button, kept is None),
            (self._spring, kept is None),
        ):
            widget.setVisible(shown)
        if kept is None:
            self._sentence.setText("This run kept no patterns: only the scores were summed up.")
            return
        cells = [c for c in stripe_cells(result, name) if max(c) < len(kept[1])]
        where = "the outlined stripe" if cells else "no stripe: this score is not read off patterns"
        self._sentence.setText(f"First sequence; {meaning(name).lower()}: {where}.")
        self._pattern.show_pattern(*kept)
        self.stripe.set_cells(cells)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the lists beside the pattern where a square leaves room for them."""
        if watched is self._pattern and event.type() == QEvent.Type.Resize:
            room = self._pattern.size()
            self._pattern.set_side_visible(room.width() > room.height() + _LISTS)
        return super().eventFilter(watched, event)


class DetectSide(QWidget):
    """Best heads, pattern and summary; one of them at a time.

    Signals:
        head_clicked: (row, column) of a head that was chosen in the list.
        head_activated: (row, column), by double click or Enter.
        patterns_wanted: Run again and keep the patterns.
    """

    head_clicked = Signal(int, int)
    head_activated = Signal(int, int)
    patterns_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pages = SegmentedControl(PAGES)
        self.title = label("", "heading")
        self._meaning = label("", "small", wrap=True)
        self.table = RankingList("Best heads of the chosen score", sortable=True)
        self.families = label("", "small", wrap=True)
        self.pattern = HeadPattern()
        self.summary = Sentences()
        self._stack = QStackedWidget()
        for page in (self._build_top(), self.pattern, self.summary):
            self._stack.addWidget(page)
        top = QHBoxLayout()
        top.addWidget(self.pages)
        top.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._stack, 1)
        self.setMinimumWidth(280)
        self.pages.changed.connect(self._on_page_changed)
        self.table.row_selected.connect(self._on_row_selected)
        self.table.row_activated.connect(self._on_row_activated)
        self.pattern.patterns_wanted.connect(self.patterns_wanted)

    def _build_top(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.title, self._meaning):
            column.addWidget(widget)
        column.addWidget(self.table, 1)
        column.addWidget(self.families)
        return page

    def page(self) -> str:
        """Return the name of the page on screen."""
        return str(self.pages.value())

    def show_page(self, name: str) -> None:
        """Show `top`, `pattern` or `summary`."""
        self.pages.set_value(name)
        self._on_page_changed(name)

    def show_score(self, data: Mapping[str, Any], name: str) -> None:
        """List the best heads of a score."""
        self.title.setText(TITLES[name])
        self._meaning.setText(f"{meaning(name)}.")
        self.summary.set_headline(headline(data, name))
        self.table.set_ranking(top_heads(data, name))

    def show_head(self, result: Result, place: Cell | None, name: str) -> None:
        """Show the chosen head: its pattern, and its families where the score has them."""
        if place is None:
            return
        self.table.select_key(place)
        told = family_sentence(result.data, name, *place)
        self.families.setText(told)
        self.families.setVisible(bool(told))
        self.pattern.show_head(result, place, name)

    def show_summary(self, result: Result) -> None:
        """Say what was found."""
        self.summary.set_sentences(result.data.get("summary", ()))

    def best(self, data: Mapping[str, Any], name: str) -> Cell | None:
        """Return the place of the best head of a score."""
        rows = top_heads(data, name).rows if name in score_names(data) else ()
        best: Cell | None = rows[0].key if rows else None
        return best

    @Slot(object)
    def _on_page_changed(self, name: object) -> None:
        self._stack.setCurrentIndex([page for page, _title in PAGES].index(str(name)))

    @Slot(object)
    def _on_row_selected(self, key: object) -> None:
        if isinstance(key, tuple):
            self.head_clicked.emit(*key)

    @Slot(object)
    def _on_row_activated(self, key: object) -> None:
        if isinstance(key, tuple):
            self.head_activated.emit(*key)
