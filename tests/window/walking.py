"""Finds in a window what a demanding designer would: what is cut, squeezed or lies over another.

Every finding is a sentence that names the widget by the way to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDockWidget,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSplitter,
    QSplitterHandle,
    QStackedLayout,
    QStyle,
    QStyleOptionComboBox,
    QWidget,
)

from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.matrix.heatmap import MapPane
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tables.ranking_paint import PAD, cell_font

if TYPE_CHECKING:
    from collections.abc import Iterator

# Rounding of layouts and of text metrics.
_SLACK = 1
# Less of a text than this says nothing.
_LEAST_TEXT = 24
# Style sheets draw controls some points lower than Qt says.
_FRAME = 3
# A text that begins nearer to the edge of its box looks cut.
_EDGE = 5


def called(widget: QWidget) -> str:
    """Return what a widget is, short enough for a line."""
    text = getattr(widget, "text", None)
    shown = text() if callable(text) else ""
    name = widget.accessibleName() or (shown if isinstance(shown, str) else "")
    return f"{type(widget).__name__}({name[:40]})" if name else type(widget).__name__


def way_to(widget: QWidget, steps: int = 3) -> str:
    """Return the last steps of the way to a widget."""
    way = [called(widget)]
    above = widget.parentWidget()
    while above is not None and len(way) < steps and not above.isWindow():
        if type(above) is not QWidget or above.accessibleName():
            way.append(called(above))
        above = above.parentWidget()
    return " < ".join(way)


def shown_children(widget: QWidget) -> Iterator[QWidget]:
    """Yield the children in sight that belong to the same window.

    Qt keeps out of sight what has no place: a dock behind another's tab, tabs without any dock.
    """
    frame = isinstance(widget, QMainWindow)
    for child in widget.children():
        seen = isinstance(child, QWidget) and child.isVisible() and not child.isWindow()
        if seen and not (frame and child.visibleRegion().isEmpty()):
            yield child


def walk(root: QWidget) -> Iterator[QWidget]:
    """Yield a widget and all in sight beneath it; the insides of Qt's own are not walked."""
    yield root
    if isinstance(root, (QComboBox, QAbstractSpinBox, QLineEdit, QHeaderView)):
        return
    for child in shown_children(root):
        yield from walk(child)


def faults(root: QWidget) -> list[str]:
    """Return what is wrong with the places and texts of a window, or of a part of it."""
    return [
        f"{fault}: {way_to(widget)}"
        for widget in walk(root)
        for fault in (*_places(widget), *_texts(widget))
    ]


# Places.


def _lies_freely(widget: QWidget) -> bool:
    """Return whether a widget lies over others on purpose.

    A wash over a picture does, the handles between docks, and docks behind the tab of another.
    """
    if isinstance(widget.parentWidget(), QMainWindow):
        return type(widget) is QWidget
    glass = widget.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return glass and not isinstance(widget, QLabel)


def _places(widget: QWidget) -> Iterator[str]:
    if isinstance(widget, QSplitterHandle):
        return
    yield from _squeezed(widget)
    yield from _cut_in_scrolling(widget)
    if not isinstance(widget, QAbstractScrollArea):
        children = [child for child in shown_children(widget) if not _lies_freely(child)]
        scrolls = isinstance(widget.parentWidget(), QAbstractScrollArea)
        if not scrolls:  # what a viewport holds is scrolled
            yield from _outside(widget, children)
        yield from _overlapping(children)


def _outside(widget: QWidget, children: list[QWidget]) -> Iterator[str]:
    room = widget.rect().adjusted(-_SLACK, -_SLACK, _SLACK, _SLACK)
    for child in children:
        if not child.geometry().isEmpty() and not room.contains(child.geometry()):
            yield f"{called(child)} at {_told(child.geometry())} leaves {_told(widget.rect())}"


def _overlapping(children: list[QWidget]) -> Iterator[str]:
    for place, one in enumerate(children):
        for other in children[place + 1 :]:
            if isinstance(one, QSplitterHandle) or isinstance(other, QSplitterHandle):
                continue
            shared = one.geometry().intersected(other.geometry())
            if shared.width() > _SLACK and shared.height() > _SLACK:
                yield f"{called(one)} and {called(other)} share {_told(shared)}"


def _squeezed(widget: QWidget) -> Iterator[str]:
    """Yield where a widget is smaller than what its layout needs, or than it says it is at least.

    What places its children by hand knows better than they do; pages that are turned away count in
    Qt's own sums, and so does the height of words at another width: those are looked at one by one.
    """
    above, layout, size = widget.parentWidget(), widget.layout(), widget.size()
    if above is None or widget.isWindow() or isinstance(widget, (QMainWindow, QDockWidget)):
        return
    if above.layout() is None and not isinstance(above, QSplitter):
        return
    if isinstance(above, MapPane):  # maps side by side share their room by hand
        return
    if any(isinstance(part.layout(), QStackedLayout) for part in walk(widget)):
        return
    if isinstance(widget, QAbstractScrollArea) and not isinstance(widget, RankingList):
        return  # what is inside scrolls
    least = widget.minimumSizeHint() if layout is None else layout.totalMinimumSize()
    given = widget.minimumSize()
    least = QSize(given.width() or least.width(), given.height() or least.height())
    policy = widget.sizePolicy()
    fixed = widget.minimumSize(), widget.maximumSize()
    bends = widget.hasHeightForWidth() or (layout is not None and layout.hasHeightForWidth())
    if (
        least.width() > size.width() + _SLACK
        and policy.horizontalPolicy() != QSizePolicy.Policy.Ignored
        and fixed[0].width() != fixed[1].width()
    ):
        yield f"needs a width of {least.width()} and has {size.width()}"
    if (
        least.height() > size.height() + _FRAME
        and not bends
        and policy.verticalPolicy() != QSizePolicy.Policy.Ignored
        and fixed[0].height() != fixed[1].height()
    ):
        yield f"needs a height of {least.height()} and has {size.height()}"


def _cut_in_scrolling(widget: QWidget) -> Iterator[str]:
    """Yield where a room scrolls in one direction only and cuts in the other."""
    if not isinstance(widget, QScrollArea) or widget.widget() is None:
        return
    off, inside, room = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, widget.widget(), widget.viewport()
    if (
        widget.horizontalScrollBarPolicy() == off
        and inside.width() > room.width() + _SLACK
        and inside.isVisible()
    ):
        yield f"{inside.width()} points wide in a room of {room.width()} that does not scroll"


def _told(rect: QRect) -> str:
    return f"{rect.x()},{rect.y()} {rect.width()}×{rect.height()}"


# Texts.


def _texts(widget: QWidget) -> Iterator[str]:
    for kind, check in _CHECKS:
        if isinstance(widget, kind):
            yield from check(widget)


def _label(label: QLabel) -> Iterator[str]:
    text, room = label.text(), label.contentsRect()
    if isinstance(label, ElidedLabel):
        if label.full_text() and label.width() < _LEAST_TEXT:
            yield f"nothing is left of “{label.full_text()}”"
        if text != label.full_text() and not label.toolTip():
            yield f"“{text}” is elided without a tooltip"
        return
    if not text or label.textFormat() == Qt.TextFormat.RichText:
        return
    if label.wordWrap():
        flags = int(Qt.TextFlag.TextWordWrap)
        needed = label.fontMetrics().boundingRect(QRect(0, 0, room.width(), 9_999), flags, text)
        if needed.height() > room.height() + 2 or needed.width() > room.width() + 2:
            yield f"“{text}” needs {needed.height()} points of height and has {room.height()}"
        return
    widest = max(label.fontMetrics().horizontalAdvance(line) for line in text.split("\n"))
    if widest > room.width() + _SLACK:
        yield f"“{text}” is {widest} points wide and has {room.width()}"


def _button(button: QAbstractButton) -> Iterator[str]:
    needed = button.minimumSizeHint().expandedTo(button.sizeHint())
    elided = bool(button.toolTip()) and "…" in button.text()
    if button.text() and needed.width() > button.width() + _SLACK and not elided:
        yield f"the button is {button.width()} points wide and needs {needed.width()}"
    if needed.height() > button.height() + 2 and isinstance(button, QPushButton):
        yield f"the button is {button.height()} points high and needs {needed.height()}"


def _box(box: QComboBox) -> Iterator[str]:
    option = QStyleOptionComboBox()
    box.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    room = box.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, box)
    needed = box.fontMetrics().horizontalAdvance(box.currentText())
    if needed > room.width() + _SLACK and box.currentText() not in box.toolTip():
        yield f"“{box.currentText()}” is {needed} points wide and has {room.width()}"


def _line(line: QLineEdit) -> Iterator[str]:
    shown = line.placeholderText() if not line.text() else ""
    needed = line.fontMetrics().horizontalAdvance(shown)
    if needed > line.contentsRect().width() - 2 and not line.toolTip():
        yield f"“{shown}” is {needed} points wide and has {line.contentsRect().width()}"


def _spin(box: QAbstractSpinBox) -> Iterator[str]:
    line = box.findChild(QLineEdit)
    if line is None:
        return
    needed = line.fontMetrics().horizontalAdvance(line.text())
    if needed > line.width() + _SLACK:
        yield f"“{line.text()}” is {needed} points wide and has {line.width()}"
    start = line.mapTo(box, line.cursorRect().center()).x()
    if line.cursorPosition() == 0 and start < _EDGE:
        yield f"“{line.text()}” touches the edge of its box"


def _ranking(table: RankingList) -> Iterator[str]:
    """Yield columns that leave the table, and numbers that are wider than their column."""
    if not table.ranking.rows:
        return
    heads = table.horizontalHeader()
    room = table.viewport().width()
    if heads.length() > room + _SLACK and not table.horizontalScrollBar().isVisible():
        yield f"columns of {heads.length()} points in a room of {room}"
    if table.viewport().height() < table.verticalHeader().defaultSectionSize():
        yield f"not one row fits: {table.viewport().height()} points"
    for place, column in enumerate(table.ranking.columns):
        if table.isColumnHidden(place) or column.kind != "number":
            continue
        from PySide6.QtGui import QFontMetrics

        font = cell_font(column.kind, table.verticalHeader().defaultSectionSize())
        width = heads.sectionSize(place) - 2 * PAD
        for row in range(min(len(table.ranking.rows), 60)):
            text = table.ranking.text(row, place)
            needed = QFontMetrics(font).horizontalAdvance(text)
            if needed > width + _SLACK:
                yield f"“{text}” needs {needed} points in a column of {width}"
                break


def _heads(heads: QHeaderView) -> Iterator[str]:
    """Yield headings that are cut without a sign."""
    model = heads.model()
    flat = heads.orientation() == Qt.Orientation.Horizontal
    if model is None or not flat or heads.textElideMode() != Qt.TextElideMode.ElideNone:
        return
    for place in range(heads.count()):
        text = str(model.headerData(place, heads.orientation()) or "")
        needed = heads.fontMetrics().horizontalAdvance(text)
        if not heads.isSectionHidden(place) and needed > heads.sectionSize(place):
            yield f"“{text}” needs {needed} points in a column of {heads.sectionSize(place)}"


_CHECKS = (
    (QHeaderView, _heads),
    (QLabel, _label),
    (QAbstractButton, _button),
    (QComboBox, _box),
    (QLineEdit, _line),
    (QAbstractSpinBox, _spin),
    (RankingList, _ranking),
)


def settled(window: QWidget) -> QWidget:
    """Let a window lay itself out and return it."""
    for _ in range(12):
        QApplication.sendPostedEvents()
        QApplication.processEvents()
    return window
