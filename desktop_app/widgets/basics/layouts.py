"""Rows and columns of widgets, filled in one call, and rows that wrap like words."""

from __future__ import annotations

from typing import Any, TypeVar

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QBoxLayout,
    QHBoxLayout,
    QLayout,
    QLayoutItem,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.support.guard import override

Piece = QWidget | QLayout | int | None
Part = Piece | tuple[Piece, int] | tuple[QWidget, int, Qt.AlignmentFlag]
"""What stands in a row or a column, alone or with its share of the room that is left, and its place
in it; a number is so many pixels of room, None all that is left."""
Box = TypeVar("Box", bound=QBoxLayout)
Margins = int | tuple[int, int, int, int]
_TEXT_MARGIN = 6


def filled(layout: Box, *parts: Part, margins: Margins = 0, spacing: int | None = None) -> Box:
    """Fill a row or a column and return it; spacing of None is left to the style."""
    layout.setContentsMargins(*((margins,) * 4 if isinstance(margins, int) else margins))
    if spacing is not None:
        layout.setSpacing(spacing)
    for part in parts:
        given: tuple[Any, ...] = part if isinstance(part, tuple) else (part,)
        inside, *room = given
        if inside is None:
            layout.addStretch(*(room or (1,)))
        elif isinstance(inside, int):
            layout.addSpacing(inside)
        elif isinstance(inside, QWidget):
            layout.addWidget(inside, *room)
        else:
            layout.addLayout(inside, *room)
    return layout


def column_in(
    holder: QWidget | None, *parts: Part, spacing: int | None = 8, margins: Margins = 0
) -> QVBoxLayout:
    """Fill a widget with parts one below the other; None returns a column to be placed."""
    box = QVBoxLayout() if holder is None else QVBoxLayout(holder)
    return filled(box, *parts, margins=margins, spacing=spacing)


def row_in(
    holder: QWidget | None, *parts: Part, spacing: int | None = 8, margins: Margins = 0
) -> QHBoxLayout:
    """Fill a widget with parts beside each other; None returns a row to be placed."""
    box = QHBoxLayout() if holder is None else QHBoxLayout(holder)
    return filled(box, *parts, margins=margins, spacing=spacing)


def row_of(*parts: Part, spacing: int | None = None) -> QHBoxLayout:
    """Return a row of parts beside each other, apart as the style has it unless told."""
    return row_in(None, *parts, spacing=spacing)


def keep_off_edge(box: QAbstractSpinBox) -> None:
    """Let a number begin where the text of a line does: no style sheet reaches a box' own line."""
    box.lineEdit().setTextMargins(_TEXT_MARGIN, 0, 0, 0)


class PageStack(QStackedWidget):
    """Pages of which the one in sight alone says how much room is needed."""

    def __init__(self, *pages: QWidget) -> None:
        super().__init__()
        for page in pages:
            self.addWidget(page)
        self.currentChanged.connect(self.updateGeometry)

    @override
    def sizeHint(self) -> QSize:
        page = self.currentWidget()
        return super().sizeHint() if page is None else page.sizeHint()

    @override
    def minimumSizeHint(self) -> QSize:
        page = self.currentWidget()
        if page is None:
            return super().minimumSizeHint()
        return page.minimumSizeHint().expandedTo(page.minimumSize())


class FlowLayout(QLayout):
    """Left to right, top to bottom; as high as the width makes it, and without margins."""

    def __init__(self, parent: QWidget | None = None, spacing: int = 8) -> None:
        super().__init__(parent)
        self._items: list[QLayoutItem] = []
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)

    @override
    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    @override
    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    @override
    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    @override
    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    @override
    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    @override
    def hasHeightForWidth(self) -> bool:
        return True

    @override
    def heightForWidth(self, width: int) -> int:
        return self._flow(QRect(0, 0, width, 0), place=False)

    @override
    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._flow(rect, place=True)

    @override
    def sizeHint(self) -> QSize:
        shown = [item.sizeHint() for item in self._items if not item.isEmpty()]
        gaps = self.spacing() * max(0, len(shown) - 1)
        width = sum(size.width() for size in shown) + gaps
        height = max((size.height() for size in shown), default=0)
        return QSize(width, height)

    @override
    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._items:
            if not item.isEmpty():
                size = size.expandedTo(item.minimumSize())
        return size

    def _flow(self, rect: QRect, *, place: bool) -> int:
        """Put the items in place, or only measure; return the height that they need."""
        x, y, line = rect.left(), rect.top(), 0
        for item in self._items:
            if item.isEmpty():
                continue
            size = item.sizeHint().expandedTo(item.minimumSize())
            size.setWidth(min(size.width(), max(rect.width(), item.minimumSize().width())))
            if x > rect.left() and x + size.width() > rect.left() + rect.width():
                x, y, line = rect.left(), y + line + self.spacing(), 0
            if place:
                item.setGeometry(QRect(QPoint(x, y), size))
            x += size.width() + self.spacing()
            line = max(line, size.height())
        return y + line - rect.top()
