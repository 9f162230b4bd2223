"""Rows and columns of widgets, filled in one call."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLayout, QVBoxLayout, QWidget

Part = QWidget | QLayout | int | tuple[QWidget, int] | tuple[QWidget, int, Qt.AlignmentFlag]
"""What stands in a row or a column: a widget, alone or with its share of the room that is left and
its place in it, a layout, or a spring of some strength."""


def column_in(
    holder: QWidget | None, *parts: Part, spacing: int = 8, margins: tuple[int, ...] = (0,) * 4
) -> QVBoxLayout:
    """Fill a widget with parts one below the other; without one, return a column to be placed."""
    column = QVBoxLayout()
    _fill(column, holder, parts, spacing, margins)
    return column


def row_in(
    holder: QWidget | None, *parts: Part, spacing: int = 8, margins: tuple[int, ...] = (0,) * 4
) -> QHBoxLayout:
    """Fill a widget with parts side by side; without one, return a row to be placed."""
    row = QHBoxLayout()
    _fill(row, holder, parts, spacing, margins)
    return row


def _fill(
    box: QBoxLayout,
    holder: QWidget | None,
    parts: tuple[Part, ...],
    spacing: int,
    margins: tuple[int, ...],
) -> None:
    if holder is not None:
        holder.setLayout(box)
    box.setContentsMargins(*margins)
    box.setSpacing(spacing)
    for part in parts:
        if isinstance(part, int):
            box.addStretch(part)
        elif isinstance(part, QLayout):
            box.addLayout(part)
        elif isinstance(part, tuple):
            box.addWidget(*part)
        else:
            box.addWidget(part)
