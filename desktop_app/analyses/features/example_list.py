"""Examples of a feature one below the other: where each stands, and its text, tinted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSizePolicy, QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.strips import Strip
from desktop_app.analyses.features.words import amount
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.tokens.token_paint import GAP, MARGIN, StripLook, TokenCell, box_widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.features.found import Example, Found

_BEFORE = 0.7  # of the room left and right of an example, what is given to what stands before it
_WINDOW_LINES = 12


def fitting(widths: Sequence[int], at: int, room: int) -> tuple[int, int]:
    """Return which tokens around one fit on a line: from the first to behind the last.

    Args:
        widths: Of each token's box, in pixels.
        at: The token that must be there.
        room: Pixels; more of it goes to what stands before, where there is enough.
    """
    left = room - 2 * MARGIN - widths[at]
    first, last = at, at + 1

    def take(share: int) -> None:
        nonlocal first, left
        while first > 0 and share >= widths[first - 1] + GAP:
            first -= 1
            share -= widths[first] + GAP
            left -= widths[first] + GAP

    take(int(left * _BEFORE))
    while last < len(widths) and left >= widths[last] + GAP:
        left -= widths[last] + GAP
        last += 1
    take(left)
    return first, last


class ExampleRow(QWidget):
    """One example: its activation, its place, and as much of its text as fits on a line."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._example: Example | None = None
        self._feature, self._most, self._whole = -1, 1.0, False
        self._widths: list[int] = []
        self.told = ElidedLabel("", "small")
        self.strip = Strip("Example")
        self.strip.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column_in(self, row_of((self.told, 1)), self.strip, spacing=0)

    def show_example(self, found: Found, feature: int, one: Example, most: float) -> None:
        """Show an example; `most` is the activation at the end of the tints."""
        self._found, self._feature, self._example, self._most = found, feature, one, most
        tokens = found.window_tokens(one.window)
        look = StripLook([TokenCell(t.id, t.piece, t.text) for t in tokens])
        self._widths = box_widths(look)
        words = f"{amount(one.value)} · {charts.example_words(found, one)}"
        self.told.set_full_text(words)
        self.strip.setAccessibleName(f"Example, activation {words}")
        self._draw()

    def set_whole(self, whole: bool) -> None:
        """Show the whole window, or one line around the example."""
        self._whole = whole
        self.strip.set_most_lines(_WINDOW_LINES if whole else 1)
        self._draw()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width() and not self._whole:
            self._draw()

    def _draw(self) -> None:
        found, one = self._found, self._example
        if found is None or one is None:
            return
        count = len(self._widths)
        whole = self._whole or not 0 <= one.position < count
        room = max(self.width(), 160)
        first, last = (0, count) if whole else fitting(self._widths, one.position, room)
        values = found.in_window(self._feature, one.window)
        if values is None:
            values = np.full(count, np.nan)
            values[one.position] = one.value
        told = [f"activation {amount(float(v))}" if np.isfinite(v) else "" for v in values]
        tokens = found.window_tokens(one.window)[first:last]
        limits = (0.0, self._most)
        self.strip.show_tokens(tokens, values[first:last], limits, told[first:last], first=first)
        self.strip.set_selected(one.position - first)


class ExampleList(QWidget):
    """As many rows as there are examples; what is too much for the room scrolls around it."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[ExampleRow] = []
        self._shown = 0
        self._whole = False
        self._column = column_in(self, spacing=6)
        self._column.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def show_examples(
        self, found: Found, feature: int, examples: Sequence[Example], most: float
    ) -> None:
        """Show these, one below the other."""
        while len(self._rows) < len(examples):
            row = ExampleRow()
            self._column.insertWidget(len(self._rows), row)
            self._rows.append(row)
        for row, one in zip(self._rows, examples, strict=False):
            row.set_whole(self._whole)
            row.show_example(found, feature, one, most)
            row.setVisible(True)
        for row in self._rows[len(examples) :]:
            row.setVisible(False)
        self._shown = len(examples)

    def set_whole(self, whole: bool) -> None:
        """Show whole windows, or one line of each."""
        self._whole = whole
        for row in self._rows:
            row.set_whole(whole)

    def texts(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return what is said above each example, and its tokens."""
        shown = self._rows[: self._shown]
        return [(row.told.full_text(), row.strip.texts()) for row in shown]
