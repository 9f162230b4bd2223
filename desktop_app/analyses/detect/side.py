"""Beside the maps: the best heads of a score, the chosen head's pattern, what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.detect.picture import (
    family_sentence,
    head_pattern,
    layer_numbers,
    meaning,
    runs,
    score_names,
    score_text,
    stripe_cells,
    top_heads,
)
from desktop_app.analyses.detect.roles import TITLES, headline
from desktop_app.pictures.words import part_name
from desktop_app.views.frame import label, scrolled
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.detect.picture import Cell
    from desktop_app.contract.result import Result

# Room that the lists beside a pattern take.
_LISTS = 240


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
        self._button = QPushButton("Keep patterns and run")
        self._button.setToolTip("Run the detectors again and keep every head's attention")
        bind_icon(self._button, "refresh")
        self._spring = QWidget()
        column = column_in(self, self._title, self._sentence, (self._pattern, 1), spacing=6)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
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
        self._pattern.canvas.set_stripe(runs(cells))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the lists beside the pattern where a square leaves room for them."""
        if watched is self._pattern and event.type() == QEvent.Type.Resize:
            room = self._pattern.size()
            self._pattern.set_side_visible(room.width() > room.height() + _LISTS)
        return super().eventFilter(watched, event)


class DetectSide(QWidget):
    """Best heads, pattern and summary; one of them at a time.

    Signals:
        head_clicked: Place (row, column) of a head that was chosen in the list.
        head_activated: The same by double click or Enter.
        patterns_wanted: Run again and keep the patterns.
    """

    head_clicked = Signal(object)
    head_activated = Signal(object)
    patterns_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "heading")
        self._meaning = label("", "small", wrap=True)
        self.table = RankingList("Best heads of the chosen score", sortable=True)
        self.families = label("", "small", wrap=True)
        self.pattern = HeadPattern()
        self.headline = label("", "title", wrap=True)
        self.summary = label("", "body", wrap=True)
        top, found = QWidget(), QWidget()
        column_in(top, self.title, self._meaning, (self.table, 1), self.families, spacing=4)
        told = column_in(found, self.headline, self.summary, spacing=12)
        told.setContentsMargins(0, 4, 4, 0)
        told.addStretch(1)
        for text in (self.headline, self.summary):
            text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.pages = Pages(
            ("top", "Top heads", top),
            ("pattern", "Pattern", self.pattern),
            ("summary", "Summary", scrolled(found)),
        )
        column_in(self, self.pages)
        self.setMinimumWidth(280)
        self.table.row_selected.connect(self.head_clicked)
        self.table.row_activated.connect(self.head_activated)
        self.pattern.patterns_wanted.connect(self.patterns_wanted)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "side": self.pages.page(),
            "score": self.title.text(),
            "listed": self.table.selected_key(),
            "headline": self.headline.text(),
            "summary": self.summary.text(),
        }

    def show_score(self, data: Mapping[str, Any], name: str) -> None:
        """List the best heads of a score."""
        self.title.setText(TITLES[name])
        self._meaning.setText(f"{meaning(name)}.")
        told = headline(data, name)
        self.headline.setText(told)
        self.headline.setVisible(bool(told))
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
        self.summary.setText("\n\n".join(result.data.get("summary", ())))

    def best(self, data: Mapping[str, Any], name: str) -> Cell | None:
        """Return the place of the best head of a score."""
        rows = top_heads(data, name).rows if name in score_names(data) else ()
        best: Cell | None = rows[0].key if rows else None
        return best
