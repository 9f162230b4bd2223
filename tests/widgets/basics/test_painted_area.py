"""A painted area follows the theme as long as it lives, and not a moment longer."""

from __future__ import annotations

import shiboken6
from PySide6.QtWidgets import QWidget

from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.matrix.head_grid import HeadGrid


def test_a_deleted_grid_is_not_told_of_a_theme(qapp, qtbot):
    parent = QWidget()
    grid = HeadGrid(parent)
    shiboken6.delete(parent)
    with qtbot.captureExceptions() as caught:
        apply_theme(qapp, "dark")
        apply_theme(qapp, "light")
    assert not shiboken6.isValid(grid)
    assert not caught
