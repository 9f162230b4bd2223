"""One head, large: its pattern as a matrix, as text or as arcs, and who looks where, in lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QBoxLayout, QStackedLayout, QWidget

from desktop_app.analyses.attention.picture import looked_at_by, looks_at, strongest
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label
from desktop_app.widgets.basics.icons import icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.arc_view import ArcView
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.looks import SIDE_WIDTH, Looks
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tokens.token_strip import cells
from desktop_app.widgets.tokens.token_text import TokenText

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import TokenList
    from desktop_app.pictures.stretch import Stretch

MATRIX, TEXT, ARCS = "matrix", "text", "arcs"
MODES = ((MATRIX, "Matrix"), (TEXT, "Text"), (ARCS, "Arcs"))
_EACH = ((1, "1"), (3, "3"), (10, "10"))
# What a head's name, its read-out and the lists beneath it take, in pixels.
_BENEATH = 150
# What labels and the colour bar take left and right of a matrix; labels and read-out above it.
_LABELS_LEFT, _LABELS_ABOVE = 130, 95
_NARROWEST, _LOWEST = 220, 330
# Narrower, a matrix has no room for its words.
_LEAST_MATRIX = 270
# Rows of the lists beneath: as many as fit what the matrix leaves, within bounds; their height.
_FEWEST, _MOST, _ROW = 3, 14, 28


@dataclass(frozen=True)
class Shown:
    """All that a pane draws of one head."""

    picture: HeadPicture
    tokens: TokenList
    stretch: Stretch
    title: str
    told: str


class TextPage(QWidget):
    """The text, coloured by what a chosen token gives to each, or gets from each.

    Signals:
        token_chosen: A position was chosen.
        token_hovered: The position under the pointer; −1 when it leaves.
    """

    token_chosen = Signal(int)
    token_hovered = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._shown: Shown | None = None
        self._tokens: TokenList | None = None
        self.way = SegmentedControl([("from", "Where it looks"), ("to", "Who looks at it")])
        self.way.setAccessibleName("Weights from the chosen token or to it")
        self.text = TokenText()
        self.text.setAccessibleName("The prompt, coloured by the head's weights")
        self.said, self._bar = ElidedLabel("", "small"), ColorBar()
        body = row_in(None, (self.text, 1), self._bar, spacing=4)
        column_in(self, row_of(self.way, (self.said, 1)), (body, 1), spacing=6)
        self.setFocusProxy(self.text)
        self.way.changed.connect(self._draw)
        self.text.token_clicked.connect(self.token_chosen)
        self.text.token_hovered.connect(self.token_hovered)

    def show_head(self, shown: Shown) -> None:
        """Show a head over its prompt; the chosen token stays."""
        if shown.tokens != self._tokens:
            self._tokens = shown.tokens
            self.text.set_tokens(cells(shown.tokens))
        self._shown = shown
        drawn = shown.picture
        self._bar.set_scale(shown.stretch.limits, diverging=drawn.diverging, stretch=shown.stretch)
        self._bar.setToolTip(plain_tip(drawn.name))
        self._draw()

    def set_way(self, way: str) -> None:
        """Colour by what the chosen token gives (`from`), or by what it gets (`to`)."""
        self.way.set_value(way)
        self._draw()

    def choose(self, position: int) -> None:
        """Choose a token without a signal."""
        self.text.set_selected(position)
        self._draw()

    @Slot()
    def _draw(self, _way: object = None) -> None:
        shown, at = self._shown, self.text.selected()
        if shown is None or at is None or at >= len(shown.tokens):
            return
        drawn, giving = shown.picture, self.way.value() == "from"
        values = (looks_at if giving else looked_at_by)(drawn.values, at)
        self.text.set_values(
            values,
            limits=drawn.limits,
            diverging=drawn.diverging,
            value_name=drawn.name,
            stretch=shown.stretch,
        )
        said = "looks at" if giving else "is looked at by"
        self.said.set_full_text(f"{said} {strongest(values, shown.tokens.texts)}")


class ArcPage(QWidget):
    """The arcs of a head, and how many of every token are drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.arcs = ArcView()
        self.each = SegmentedControl(_EACH)
        self.each.setAccessibleName("Arcs of every token")
        self.each.set_value(3)
        self.said = ElidedLabel("", "small")
        row = row_of(label("Strongest of every token", "small"), self.each, (self.said, 1))
        column_in(self, row, (self.arcs, 1), spacing=6)
        self.setFocusProxy(self.arcs)
        self.each.changed.connect(self.arcs.set_each)

    def set_each(self, count: int) -> None:
        """Draw so many arcs of every token."""
        self.each.set_value(count)
        self.arcs.set_each(count)

    def show_head(self, shown: Shown) -> None:
        """Show a head over its tokens."""
        self.arcs.show_arcs(shown.picture.values, list(shown.tokens.texts), shown.stretch)


class HeadPane(QWidget):
    """One head in one of three pictures, with its name, its read-out and its lists.

    Signals:
        pair_hovered: (query, key) under the pointer, (−1, −1) when it leaves.
        pair_selected: (query, key) that was chosen.
        token_hovered: A position under the pointer, −1 when it leaves.
        token_chosen: A position was chosen, from which the head looks.
        habits_changed: Which way round the text is coloured, and how many arcs a token has.
        closed: The pane is not wanted any more.
    """

    pair_hovered = Signal(int, int)
    pair_selected = Signal(int, int)
    token_hovered = Signal(int)
    token_chosen = Signal(int)
    habits_changed = Signal(str, int)
    closed = Signal()

    def __init__(self, *, closable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown: Shown | None = None
        self._mode, self._pair = MATRIX, (0, 0)
        self._texts: list[str] = []
        self._placed: tuple[bool, int] | None = None
        self.title, self.told = ElidedLabel("", "heading"), ElidedLabel("", "small")
        self.pattern, self.text, self.arcs = PatternView(), TextPage(), ArcPage()
        self.pattern.set_side_visible(False)
        self.looks = Looks()
        self.wait = label("", "muted", wrap=True)
        self.wait.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        close = icon_button("close", "Compare no more", "text_muted", words="Compare no more")
        policy = close.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # names of two heads stand on one line
        close.setSizePolicy(policy)
        if not closable:  # shown before it has its place, it would be a window of its own
            close.hide()
        close.clicked.connect(self.closed)
        self._pages = QStackedLayout()
        self._body = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._body.addLayout(self._pages, 1)
        self._body.addWidget(self.looks)
        self._body.setSpacing(6)
        head = row_of((self.title, 2), (self.told, 3), close, spacing=12)
        column_in(self, head, (self._body, 1), spacing=4)
        for page in (self.pattern, self.text, self.arcs, self.wait):
            self._pages.addWidget(page)
        self._connect()

    def _connect(self) -> None:
        self.pattern.pair_hovered.connect(self.pair_hovered)
        self.pattern.pair_selected.connect(self.pair_selected)
        self.pattern.token_hovered.connect(self.token_hovered)
        self.text.token_hovered.connect(self.token_hovered)
        self.text.token_chosen.connect(self.token_chosen)
        self.arcs.arcs.token_hovered.connect(self.token_hovered)
        self.arcs.arcs.token_chosen.connect(self.token_chosen)
        self.text.way.changed.connect(self._on_habits)
        self.arcs.each.changed.connect(self._on_habits)
        self.looks.key_chosen.connect(self._on_key_chosen)
        self.looks.query_chosen.connect(self._on_query_chosen)

    # What the view uses.

    def show_head(self, shown: Shown) -> None:
        """Draw a head."""
        self.shown = shown
        self._texts = [display_text(text) for text in shown.tokens.texts]
        self.title.set_full_text(shown.title)
        self.told.set_full_text(shown.told)
        self._draw()
        self._turn()

    def say_instead(self, title: str, words: str) -> None:
        """Say why there is no pattern to be seen."""
        self.shown = None
        self.title.set_full_text(title)
        self.wait.setText(words)
        self._turn()

    def set_mode(self, mode: str) -> None:
        """Turn to the matrix, the text or the arcs."""
        self._mode = mode
        self._draw()
        self._turn()

    def set_habits(self, way: str, each: int) -> None:
        """Colour the text that way round, and draw so many arcs of a token, without a signal."""
        self.text.set_way(way)
        self.arcs.set_each(each)

    def show_pair(self, query: int, key: int, *, chosen: bool) -> None:
        """Speak of a pair; a chosen one is outlined too."""
        if self.shown is None:
            return
        values = self.shown.picture.values
        if max(query, key) >= len(values):
            return
        self._pair = (query, key) if chosen else self._pair
        self.looks.show_pair(
            values, self._texts, (query, key), diverging=self.shown.picture.diverging
        )
        if chosen:
            self.pattern.set_selected(query, key)
            self.text.choose(query)
            self.arcs.arcs.set_chosen(query)

    def read(self) -> dict[str, Any]:
        """Return what is shown, for tests and whatever reads along."""
        drawn = None if self.shown is None else self.shown.picture
        return {
            "head": self.title.full_text(),
            "pattern": None if drawn is None else drawn.values,
            "diverging": drawn is not None and drawn.diverging,
            "scale": None if self.shown is None else self.shown.stretch.kind,
            "limits": None if self.shown is None else self.shown.stretch.limits,
            "pair": self.pattern.selected(),
            "beside": self.is_beside(),
            "instead": self.wait.text() if self.shown is None else "",
        }

    # Qt.

    @override
    def minimumSizeHint(self) -> QSize:
        # Less than the layout would say of lists that stand beside: they go beneath in time.
        return QSize(_NARROWEST, _LOWEST)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_lists()

    # Within.

    def _draw(self) -> None:
        shown = self.shown
        if shown is None:
            return
        if self._mode == MATRIX:
            drawn = shown.picture
            self.pattern.show_pattern(
                drawn.values,
                list(shown.tokens.texts),
                value_name=drawn.name,
                diverging=drawn.diverging,
                limits=shown.stretch.limits,
                stretch=shown.stretch,
            )
            self.pattern.setAccessibleName(f"{drawn.title}, {drawn.name}, query by key")
        elif self._mode == TEXT:
            self.text.show_head(shown)
        else:
            self.arcs.show_head(shown)

    def _turn(self) -> None:
        pages = {MATRIX: self.pattern, TEXT: self.text, ARCS: self.arcs}
        self._pages.setCurrentWidget(self.wait if self.shown is None else pages[self._mode])
        self.looks.setVisible(self.shown is not None)
        self._place_lists()

    def is_beside(self) -> bool:
        """Return whether the lists stand beside the picture."""
        return self._body.direction() == QBoxLayout.Direction.LeftToRight

    def _place_lists(self) -> None:
        """Put the lists beside the picture or beneath it, wherever it stays larger."""
        width, height = self.width(), self.height() - 30
        if self._mode == MATRIX:
            across, down = width - _LABELS_LEFT, height - _LABELS_ABOVE
            beside = min(across - SIDE_WIDTH, down) >= min(across, down - _BENEATH)
            beside = beside and width - SIDE_WIDTH >= _LEAST_MATRIX
        else:
            beside = width >= 3 * SIDE_WIDTH
        left = height - _LABELS_ABOVE - (width - _LABELS_LEFT)
        spare = left // _ROW if self._mode == MATRIX else _FEWEST
        rows = min(max(spare, _FEWEST), _MOST)
        if (beside, rows) != self._placed:
            self._placed = beside, rows
            ways = QBoxLayout.Direction
            self._body.setDirection(ways.LeftToRight if beside else ways.TopToBottom)
            self.looks.set_beside(beside=beside, rows=rows)

    @Slot(object)
    def _on_habits(self, _value: object) -> None:
        self.habits_changed.emit(str(self.text.way.value()), int(self.arcs.each.value()))

    @Slot(int)
    def _on_key_chosen(self, key: int) -> None:
        query = max(self._pair[0], key)
        self.pair_selected.emit(query, key)

    @Slot(int)
    def _on_query_chosen(self, query: int) -> None:
        self.pair_selected.emit(query, min(self._pair[1], query))


def strongest_pair(values: np.ndarray) -> tuple[int, int]:
    """Return the last query, and where it looks most."""
    last = values.shape[0] - 1
    row = np.nan_to_num(np.abs(values[last, : last + 1]), nan=-1.0)
    return last, int(row.argmax())
