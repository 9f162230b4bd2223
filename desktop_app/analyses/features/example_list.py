"""Examples of a feature one below the other: where each stands, and its text, tinted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.strips import Strip
from desktop_app.analyses.features.words import amount
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.tokens.token_paint import GAP, MARGIN, StripLook, TokenCell, box_widths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QResizeEvent

    from desktop_app.analyses.features.found import Example, Found, Token

_BEFORE = 0.7  # of the room left and right of an example, what is given to what stands before it
_WINDOW_LINES = 12
_NEAR = 60


def _told(values: np.ndarray, token: int) -> str:
    value = float(values[token])
    return f"activation {amount(value)}" if np.isfinite(value) else ""


@dataclass(frozen=True)
class Group:
    """Examples that belong together, under a heading where that is not empty."""

    heading: str
    examples: tuple[Example, ...]


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


class _RowStrip(Strip):
    """A strip among others: arrow keys go to the one above and below as well.

    Signals:
        stepped: −1 or 1: the strip above or below is to have the keyboard.
    """

    stepped = Signal(int)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)


class ExampleRow(QWidget):
    """One example: its activation, its place, and as much of its text as fits on a line.

    Signals:
        stepped: Itself, and −1 or 1: the example above or below is to have the keyboard.
    """

    stepped = Signal(object, int)

    def __init__(self, lines: int) -> None:
        """Make one; of a whole window so many lines are in sight."""
        super().__init__()
        self._lines = lines
        self._found: Found | None = None
        self._example: Example | None = None
        self._feature, self._most, self._whole = -1, 1.0, False
        self._widths: list[int] = []
        self._near: list[Token] = []
        self._first = 0
        self.told = ElidedLabel("", "small")
        self.strip = _RowStrip("Example")
        self.strip.stepped.connect(self._on_stepped)
        self.strip.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column_in(self, self.told, self.strip, spacing=0)

    def show_example(
        self, found: Found, feature: int, one: Example, most: float, *, whole: bool
    ) -> None:
        """Show an example; `most` is the activation at the end of the tints."""
        self._found, self._feature, self._example, self._most = found, feature, one, most
        # No line holds more tokens than this; a window may have thousands.
        self._first = max(0, one.position - _NEAR)
        self._near = found.window_tokens(one.window, self._first, one.position + _NEAR)
        cells = [TokenCell(t.id, t.piece, t.text) for t in self._near]
        self._widths = box_widths(StripLook(cells))
        words = f"{amount(one.value)} · {charts.example_words(found, one)}"
        self.told.set_full_text(words)
        self.strip.setAccessibleName(f"Example, activation {words}")
        self._whole = whole
        self.strip.set_most_lines(self._lines if whole else 1)
        self._draw()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width() and not self._whole:
            self._draw()

    def fit(self, width: int) -> None:
        """Show as much as fits so wide a line, whether or not it is laid out."""
        for part in (self, self.strip):
            part.resize(width, part.height())
        self._draw()

    def _on_stepped(self, step: int) -> None:
        self.stepped.emit(self, step)

    def _draw(self) -> None:
        found, one = self._found, self._example
        if found is None or one is None:
            return
        if self._whole:
            first, tokens = 0, found.window_tokens(one.window)
        else:
            ends = fitting(self._widths, one.position - self._first, max(self.width(), 160))
            first, tokens = self._first + ends[0], self._near[slice(*ends)]
        values = found.in_window(self._feature, one.window)
        if values is None:
            values = np.full(found.window, np.nan)
            values[one.position] = one.value
        values, limits = values[first : first + len(tokens)], (0.0, self._most)
        self.strip.show_tokens(tokens, values, limits, partial(_told, values), first=first)
        self.strip.set_selected(one.position - first)


class _Group(QWidget):
    """Examples under a heading, or without one; says what its rows say."""

    stepped = Signal(object, int)

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.heading = ElidedLabel("", "heading")
        self.rows: list[ExampleRow] = []
        self.count = 0
        self._column = column_in(self, self.heading, spacing=4)

    def shown(self) -> list[ExampleRow]:
        """Return the rows that hold an example."""
        return self.rows[: self.count]

    def fill(self, found: Found, feature: int, group: Group, most: float, *, whole: bool) -> None:
        self.heading.set_full_text(group.heading)
        self.heading.setVisible(bool(group.heading))
        while len(self.rows) < len(group.examples):
            row = ExampleRow(self._lines)
            row.stepped.connect(self.stepped)
            self._column.addWidget(row)
            self.rows.append(row)
        self.count = len(group.examples)
        for row, one in zip(self.rows, group.examples, strict=False):
            row.show_example(found, feature, one, most, whole=whole)
            row.setVisible(True)
        for row in self.rows[self.count :]:
            row.setVisible(False)


class ExampleList(QWidget):
    """Groups one below the other; what is too much for the room scrolls around them.

    Tab stops at the first example, and arrow keys go on from there.

    Signals:
        row_reached: The widget of the example that the keyboard has come to.
    """

    row_reached = Signal(object)

    def __init__(self, lines: int = _WINDOW_LINES) -> None:
        """Make an empty one; of whole windows so many lines are in sight, further ones scroll."""
        super().__init__()
        self._lines = lines
        self._groups: list[_Group] = []
        self._shown = 0
        self._whole = False
        self._column = column_in(self, spacing=10)
        self._column.addStretch(1)

    def show_groups(self, found: Found, feature: int, groups: Sequence[Group], most: float) -> None:
        """Show these, one below the other; `most` is the activation at the end of the tints."""
        while len(self._groups) < len(groups):
            made = _Group(self._lines)
            made.stepped.connect(self._on_stepped)
            self._column.insertWidget(len(self._groups), made)
            self._groups.append(made)
        for shown, group in zip(self._groups, groups, strict=False):
            shown.fill(found, feature, group, most, whole=self._whole)
            shown.setVisible(True)
        for shown in self._groups[len(groups) :]:
            shown.setVisible(False)
        self._shown = len(groups)
        for place, row in enumerate(self._rows()):
            focus = Qt.FocusPolicy.ClickFocus if place else Qt.FocusPolicy.StrongFocus
            row.strip.setFocusPolicy(focus)

    def _rows(self) -> list[ExampleRow]:
        return [row for group in self._groups[: self._shown] for row in group.shown()]

    def _on_stepped(self, row: ExampleRow, step: int) -> None:
        rows = self._rows()
        at = rows.index(row) + step if row in rows else -1
        if 0 <= at < len(rows):
            rows[at].strip.setFocus(Qt.FocusReason.TabFocusReason)
            self.row_reached.emit(rows[at])

    def set_whole(self, whole: bool) -> None:
        """Have whole windows shown from now on, or one line of each."""
        self._whole = whole

    def fit(self, width: int) -> None:
        """Show as much of each example as fits so wide a line."""
        for row in self._rows():
            row.fit(width)

    def top_of(self, group: int) -> int:
        """Return where a group begins, in pixels."""
        return self._groups[group].y() if 0 <= group < self._shown else 0

    def texts(self) -> list[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
        """Return the heading of each group, and of its examples what is said and the tokens."""
        return [
            (
                group.heading.full_text(),
                [(row.told.full_text(), row.strip.texts()) for row in group.shown()],
            )
            for group in self._groups[: self._shown]
        ]
