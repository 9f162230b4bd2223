"""Large maps: zoom, pan, the small map, square cells, through the events a user makes."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QNativeGestureEvent, QPointingDevice
from PySide6.QtWidgets import QApplication, QScrollArea

from desktop_app.pictures.matrix import Matrix, numbered
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.pattern_view import PatternView
from tests.gestures import click_and_drag, drag, wheel

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
PLAIN, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
LEFT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton


def pairs(count, **look):
    """Return a map of all pairs of `count` heads."""
    values = np.random.default_rng(0).random((count, count))
    values[np.triu_indices(count)] = np.nan
    return Matrix(
        values,
        numbered("Later head", count),
        numbered("Earlier head", count),
        diverging=False,
        scale=(0.0, 1.0),
        value_format="{:.3f}",
        **look,
    )


@pytest.fixture
def large(shown):
    heatmap = Heatmap()
    heatmap.show_maps(pairs(270, square=True))
    return shown(heatmap, 900, 560)


def point(heatmap, row, column):
    return heatmap.cell_center(row, column).toPoint()


def zoomed(qtbot, canvas, times=6):
    for _ in range(times):
        qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    return canvas.frame


def test_cells_of_pairs_are_square_at_every_size_and_zoom(large, qtbot):
    frame = large.canvas.frame
    for size in ((900, 560), (420, 900), (1900, 1100)):
        large.resize(*size)
        assert frame.cell_width() == pytest.approx(frame.cell_height())
    zoomed(qtbot, large.canvas, 3)
    assert frame.cell_width() == pytest.approx(frame.cell_height())
    large.resize(700, 900)
    assert frame.cell_width() == pytest.approx(frame.cell_height())
    assert QRectF(0, 0, 270, 270).contains(frame.seen)


def test_ctrl_and_wheel_zoom_about_the_pointer(large):
    frame, spot = large.canvas.frame, point(large, 200, 40)
    for _ in range(12):
        wheel(large.canvas, spot, 120)
    assert frame.cell_at(QPointF(spot)) == (200, 40)
    assert frame.seen.width() < 60
    for _ in range(40):
        wheel(large.canvas, spot, -120)
    assert frame.seen == QRectF(0, 0, 270, 270)


def test_the_wheel_scrolls_what_is_zoomed_and_else_what_holds_the_map(qtbot):
    area, heatmap = QScrollArea(), Heatmap()
    heatmap.show_maps(pairs(270, square=True))
    heatmap.resize(500, 1200)
    area.setWidget(heatmap)
    qtbot.addWidget(area)
    area.resize(520, 400)
    area.show()
    qtbot.waitExposed(area)
    spot, bar = QPoint(250, 150), area.verticalScrollBar()
    wheel(heatmap.canvas, spot, -120, PLAIN)
    scrolled = bar.value()
    assert scrolled > 0
    assert not heatmap.canvas.frame.is_zoomed()
    frame = zoomed(qtbot, heatmap.canvas)
    before = QRectF(frame.seen)
    wheel(heatmap.canvas, spot, -120, PLAIN)
    assert frame.seen.top() > before.top()
    assert frame.seen.size() == before.size()
    wheel(heatmap.canvas, spot, -120, SHIFT)
    assert frame.seen.left() > before.left()
    assert bar.value() == scrolled


def test_two_fingers_zoom(large):
    spot = QPointF(point(large, 200, 40))
    gesture = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture,
        QPointingDevice.primaryPointingDevice(),
        2,
        spot,
        spot,
        large.canvas.mapToGlobal(spot),
        1.0,
        QPointF(),
    )
    QApplication.sendEvent(large.canvas, gesture)
    assert large.canvas.frame.is_zoomed()
    assert large.canvas.frame.cell_at(spot) == (200, 40)


def test_keys_zoom_about_the_chosen_cell_and_numbers_appear(large, qtbot):
    heatmap, frame = large, large.canvas.frame
    heatmap.set_selected(260, 9)
    before = heatmap.grab().toImage()
    frame = zoomed(qtbot, heatmap.canvas, 12)
    assert frame.plot.contains(heatmap.cell_center(260, 9))
    assert frame.cell_width() > 60
    assert heatmap.grab().toImage() != before
    assert heatmap.selected() == (260, 9)
    page = len(frame.rows_seen()) - 1
    for key, cell in (
        (Qt.Key.Key_PageUp, (260 - page, 9)),
        (Qt.Key.Key_Right, (260 - page, 10)),
        (Qt.Key.Key_Home, (260 - page, 0)),
        (Qt.Key.Key_End, (260 - page, 269)),
    ):
        qtbot.keyClick(heatmap.canvas, key)
        assert heatmap.selected() == cell
        assert frame.plot.contains(heatmap.cell_center(*cell))
    qtbot.keyClick(heatmap.canvas, Qt.Key.Key_Minus)
    assert frame.cell_width() < 100
    qtbot.keyClick(heatmap.canvas, Qt.Key.Key_0)
    assert not frame.is_zoomed()


@pytest.mark.parametrize("how", ["middle", "space"])
def test_middle_button_and_space_move_without_a_click(large, qtbot, how):
    canvas, clicked = large.canvas, []
    frame = zoomed(qtbot, canvas)
    large.cell_clicked.connect(lambda *cell: clicked.append(cell))
    canvas.zooming.left_pans = False  # where dragging picks cells
    before = QRectF(frame.seen)
    start, step = frame.plot.center().toPoint(), QPoint(-50, -30)
    if how == "middle":
        drag(canvas, MIDDLE, start, step)
    else:
        qtbot.keyPress(canvas, Qt.Key.Key_Space)
        drag(canvas, LEFT, start, step)
        qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    side = frame.cell_width()
    assert frame.seen.left() == pytest.approx(before.left() + 50 / side)
    assert frame.seen.top() == pytest.approx(before.top() + 30 / side)
    assert clicked == []
    here = QRectF(frame.seen)
    drag(canvas, LEFT, start, step)  # without Space, dragging is for picking
    assert frame.seen == here


def test_the_small_map_shows_the_frame_and_is_dragged(large, qtbot):
    canvas, zooming, clicked = large.canvas, large.canvas.zooming, []
    large.cell_clicked.connect(lambda *cell: clicked.append(cell))
    assert zooming.map_rect().isEmpty()
    frame = zoomed(qtbot, canvas)
    whole = zooming.map_rect()
    assert whole.contains(zooming.frame_rect())
    assert whole.width() == pytest.approx(whole.height())
    ink = theme_hub().current.color("mark")
    image = canvas.grab().toImage()
    edge = zooming.frame_rect().topLeft().toPoint()
    near = [image.pixelColor(edge + QPoint(x, y)) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    assert ink in near
    target = (whole.topLeft() + QPointF(0.2 * whole.width(), 0.8 * whole.height())).toPoint()
    drag(canvas, LEFT, whole.center().toPoint(), target - whole.center().toPoint())
    assert frame.seen.center().x() == pytest.approx(0.2 * 270, abs=6)
    assert frame.seen.center().y() == pytest.approx(0.8 * 270, abs=6)
    assert clicked == []
    qtbot.mouseMove(canvas, whole.center().toPoint())
    assert canvas.hover is None


def test_the_small_map_makes_way_for_the_chosen_cell(large, qtbot):
    canvas = large.canvas
    large.resize(480, 560)
    frame = zoomed(qtbot, canvas, 5)
    covered = frame.cell_at(canvas.zooming.map_rect().center())
    before = canvas.zooming.map_rect()
    large.set_selected(*covered)
    assert not canvas.zooming.map_rect().intersects(frame.cell_rect(*covered))
    assert canvas.zooming.map_rect() != before


def test_a_double_click_where_nothing_is_fits(large, qtbot):
    canvas = large.canvas
    frame = zoomed(qtbot, canvas, 2)
    cell = next(
        (row, col)
        for row in frame.rows_seen()
        for col in frame.cols_seen()
        if col > row and frame.plot.contains(canvas.cell_center(row, col))
    )
    spot = canvas.cell_center(*cell).toPoint()
    assert not canvas.zooming.map_rect().contains(QPointF(spot))
    with qtbot.assertNotEmitted(large.cell_activated):
        qtbot.mouseDClick(canvas, LEFT, pos=spot)
    assert not frame.is_zoomed()


def test_a_map_of_few_rows_zooms_along_its_columns(shown, qtbot):
    heatmap = Heatmap()
    heatmap.show_maps(Matrix(np.zeros((3, 128)), numbered("Layer", 3), numbered("Position", 128)))
    shown(heatmap, 900, 500)
    frame = zoomed(qtbot, heatmap.canvas)
    assert frame.seen.height() == 3
    assert frame.seen.width() < 20


def test_333_tokens_zoom_and_their_labels_follow(shown, qtbot):
    view = PatternView()
    pattern = np.tril(np.ones((333, 333), np.float32))
    view.show_pattern(pattern / pattern.sum(1, keepdims=True), [f"t{i}" for i in range(333)])
    shown(view, 800, 560)
    view.set_selected(300, 290)
    frame = zoomed(qtbot, view.canvas, 10)
    assert frame.cell_width() == pytest.approx(frame.cell_height())
    assert frame.plot.contains(view.canvas.cell_center(300, 290))
    assert not view.canvas.zooming.map_rect().isEmpty()
    label = QPointF(frame.plot.left() - 12, view.canvas.cell_center(300, 290).y()).toPoint()
    qtbot.mouseMove(view.canvas, label)
    assert view.canvas.hover is not None
    assert view.canvas.hover[0] == 300


def test_keys_with_ctrl_are_left_to_the_window(large, qtbot):
    for key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus):
        qtbot.keyClick(large.canvas, key, Qt.KeyboardModifier.ControlModifier)
    assert not large.canvas.frame.is_zoomed()


def test_the_small_map_is_dragged_right_after_a_click_too(large, qtbot):
    canvas, frame = large.canvas, zoomed(qtbot, large.canvas, 4)
    whole = canvas.zooming.map_rect()
    start, end = whole.topLeft() + QPointF(6, 6), whole.bottomRight() - QPointF(6, 6)
    click_and_drag(canvas, LEFT, start.toPoint(), end.toPoint())
    assert frame.seen.bottom() == frame.rows
    # With the middle button the map itself.
    before, spot = frame.seen.top(), frame.plot.center().toPoint()
    click_and_drag(canvas, MIDDLE, spot, spot + QPoint(0, 60))
    assert frame.seen.top() < before
