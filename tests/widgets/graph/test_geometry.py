"""Where names stand on the board."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF

from desktop_app.widgets.graph.geometry import within


def test_boxes_of_names_are_moved_into_the_plot_and_still_hold_their_nodes():
    plot = QRectF(10, 0, 200, 100)
    x, widths = np.array([12.0, 110.0, 205.0]), np.array([60.0, 60.0, 120.0])
    found = within(x, widths, plot)
    low, high = found[:, 0] - widths / 2, found[:, 0] + widths / 2
    assert (low >= plot.left()).all()
    assert (high <= plot.right()).all()
    assert ((low <= x) & (x <= high)).all()
    assert found[1].tolist() == [110.0, 60.0]


def test_a_box_wider_than_the_plot_stands_somewhere():
    assert np.isfinite(within(np.array([50.0]), np.array([900.0]), QRectF(0, 0, 100, 100))).all()
