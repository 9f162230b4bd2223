"""In which order Tab goes through what is on the screen: as one reads, card by card.

Qt goes in the order in which widgets were made: what comes later, such as the chips of a result,
would always be last.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QScrollArea,
    QTabBar,
    QWidget,
)

# Two widgets stand beside each other where they share this much of the lower one's height.
_SHARED = 0.5


def takes_keys(widget: QWidget) -> bool:
    """Return whether Tab stops at a widget now."""
    stops = (widget.focusPolicy() & Qt.FocusPolicy.TabFocus) == Qt.FocusPolicy.TabFocus
    inner = isinstance(widget, QHeaderView) or _is_inside(widget)
    empty = isinstance(widget, QTabBar) and not widget.count()  # Qt keeps those that it emptied
    return stops and widget.isVisible() and widget.isEnabled() and not inner and not empty


def _is_inside(widget: QWidget) -> bool:
    """Return whether a widget hands the keys on to what it is the inside of.

    Not asked with `focusProxy()`: PySide takes its answer for a part of whoever was asked. A list
    then belongs to its own viewport, the two to nobody else, and the collector ends them both.
    """
    above = widget.parentWidget()
    if isinstance(above, QAbstractScrollArea):
        return above.viewport() is widget
    return isinstance(widget, QLineEdit) and isinstance(above, (QAbstractSpinBox, QComboBox))


def in_reading_order(root: QWidget) -> list[QWidget]:
    """Return what takes keys in a widget, itself first, then its parts from above and the left."""
    found = [root] if takes_keys(root) else []
    children = [
        child
        for child in root.children()
        if isinstance(child, QWidget) and child.isVisible() and not child.isWindow()
    ]
    return found + [part for child in _rows_first(children) for part in in_reading_order(child)]


def give_keys(widget: QWidget, reason: Qt.FocusReason) -> None:
    """Give a widget the keyboard and scroll it into sight, wherever it lies."""
    widget.setFocus(reason)
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget, 0, 8)
        above = above.parentWidget()


def step(order: list[QWidget], *, forward: bool) -> bool:
    """Go on from what has the keyboard, round again at the end; return whether there was a way."""
    here = QApplication.focusWidget()
    while here is not None and here not in order:
        here = here.parentWidget()
    if not order:
        return False
    if here is None:
        place = 0 if forward else len(order) - 1
    else:
        place = (order.index(here) + (1 if forward else -1)) % len(order)
    reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
    give_keys(order[place], reason)
    return True


def _rows_first(widgets: list[QWidget]) -> list[QWidget]:
    """Sort widgets into rows from above, each from the left."""
    if len(widgets) < 2:
        return widgets
    rows: list[list[QWidget]] = []
    for widget in sorted(widgets, key=lambda w: (w.y(), w.x())):
        if rows and _is_beside(rows[-1][0], widget):
            rows[-1].append(widget)
        else:
            rows.append([widget])
    return [widget for row in rows for widget in sorted(row, key=lambda w: w.x())]


def _is_beside(one: QWidget, other: QWidget) -> bool:
    top, bottom = max(one.y(), other.y()), min(one.geometry().bottom(), other.geometry().bottom())
    return bottom - top + 1 > _SHARED * min(one.height(), other.height())
