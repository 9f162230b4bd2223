from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor

from desktop_app.pictures.matrix import Matrix, numbered
from desktop_app.widgets.basics.colormaps import diverging_map, lookup, sequential_map
from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.matrix_axes import fitting, thinned
from desktop_app.widgets.matrix.matrix_cells import MatrixImage
from desktop_app.widgets.matrix.matrix_frame import MatrixFrame
from tests.finding import find
from tests.gestures import wheel


def at(heatmap, row, col):
    return heatmap.cell_center(row, col).toPoint()


def colour_of(heatmap, row, col):
    canvas = heatmap.canvas
    rect = canvas.frame.cell_rect(row, col)
    image = canvas.grab().toImage()
    return image.pixelColor((rect.topLeft() + QPointF(4, 4)).toPoint())


def matrix(values, **look):
    rows, columns = values.shape
    return Matrix(values, numbered("Layer", rows), numbered("Head", columns), **look)


@pytest.fixture
def values():
    values = np.zeros((6, 4))
    values[2, 1] = -3.0
    values[4, 3] = 1.5
    values[5, 0] = np.nan
    return values


@pytest.fixture
def heatmap(shown, values):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(values, name="effect"))
    return shown(heatmap)


def test_colours_are_those_of_the_map(heatmap):
    table = lookup(diverging_map(), 255)
    assert colour_of(heatmap, 2, 1) == QColor(*map(int, table[0, :3]))
    assert colour_of(heatmap, 0, 0) == theme_hub().current.color("panel")
    three_quarters = QColor(*map(int, table[round(0.75 * 254), :3]))
    assert colour_of(heatmap, 4, 3) == three_quarters


def test_nan_is_muted_and_said(heatmap):
    assert colour_of(heatmap, 5, 0) == theme_hub().current.color("hover")
    assert heatmap.cell_text(5, 0).endswith("no value")


def test_first_row_is_at_the_top(heatmap):
    assert heatmap.cell_center(0, 0).y() < heatmap.cell_center(5, 0).y()
    assert heatmap.cell_center(0, 0).x() < heatmap.cell_center(0, 3).x()


def test_mouse_gives_cells(heatmap, qtbot):
    with qtbot.waitSignal(heatmap.cell_hovered) as told:
        qtbot.mouseMove(heatmap.canvas, at(heatmap, 4, 3))
    assert told.args == [4, 3]
    assert heatmap.panes[0].readout.text() == "L4H3    +1.500"
    with qtbot.waitSignal(heatmap.cell_clicked) as told:
        qtbot.mouseClick(heatmap.canvas, Qt.MouseButton.LeftButton, pos=at(heatmap, 2, 1))
    assert told.args == [2, 1]
    assert heatmap.selected() == (2, 1)
    with qtbot.waitSignal(heatmap.cell_activated) as told:
        qtbot.mouseDClick(heatmap.canvas, Qt.MouseButton.LeftButton, pos=at(heatmap, 2, 1))
    assert told.args == [2, 1]


def test_keys_move_and_stop_at_the_edge(heatmap, qtbot):
    heatmap.set_selected(4, 3)
    seen = []
    heatmap.cell_clicked.connect(lambda row, col: seen.append((row, col)))
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(heatmap.canvas, key)
    assert seen == [(5, 3), (5, 3), (5, 3), (5, 2)]
    with qtbot.waitSignal(heatmap.cell_activated) as told:
        qtbot.keyClick(heatmap.canvas, Qt.Key.Key_Return)
    assert told.args == [5, 2]


def test_selecting_from_outside_is_silent_and_ignores_what_is_not_there(heatmap, qtbot):
    with qtbot.assertNotEmitted(heatmap.cell_clicked):
        heatmap.set_selected(1, 1)
    assert heatmap.selected() == (1, 1)
    heatmap.set_selected(9, 9)
    assert heatmap.selected() is None
    heatmap.set_selected(None, None)
    assert heatmap.selected() is None


def test_other_values_keep_selection_and_rescale_open_limits(heatmap, values):
    heatmap.set_selected(2, 1)
    heatmap.show_maps(replace(heatmap.maps()[0], values=values * 2))
    assert heatmap.selected() == (2, 1)
    assert find(heatmap, ColorBar).read_out()["limits"] == (-6.0, 6.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (12, 1), (80, 128)])
def test_any_shape_is_drawn_and_can_be_clicked(shown, qtbot, shape):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(np.arange(np.prod(shape), dtype=float).reshape(shape)))
    shown(heatmap, 900, 600)
    last = (shape[0] - 1, shape[1] - 1)
    with qtbot.waitSignal(heatmap.cell_clicked) as told:
        qtbot.mouseClick(heatmap.canvas, Qt.MouseButton.LeftButton, pos=at(heatmap, *last))
    assert tuple(told.args) == last


def test_all_missing_is_drawn(shown):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(np.full((3, 3), np.nan)))
    shown(heatmap)
    assert find(heatmap, ColorBar).read_out()["limits"] == (-1.0, 1.0)


def test_ends_without_a_distance_are_drawn(shown):
    heatmap = Heatmap()
    far = replace(matrix(np.ones((3, 3))), scale=(-np.inf, np.inf), seen=(0.0, np.inf))
    heatmap.show_maps(far)
    shown(heatmap)
    assert np.isfinite(find(heatmap, ColorBar).read_out()["seen"]).all()


def test_maps_of_different_shapes_keep_their_own_part_in_sight(shown):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(np.ones((4, 4))), matrix(np.ones((4, 4))))
    shown(heatmap, 900, 400)
    second = heatmap.panes[1].canvas
    second.show_matrix(None)
    second.show_matrix(matrix(np.ones((7, 2))))
    assert heatmap.canvas.frame.seen.size().toTuple() == (4, 4)


def test_wheel_zooms_within_bounds_and_escape_shows_all(shown, qtbot):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(np.zeros((80, 128))))
    shown(heatmap, 900, 600)
    frame = heatmap.canvas.frame
    point = at(heatmap, 40, 64)
    for _ in range(60):
        wheel(heatmap.canvas, point, 240)
    assert frame.cell_at(QPointF(point)) == (40, 64)
    assert min(frame.seen.width(), frame.seen.height()) == pytest.approx(4.0)
    assert heatmap.panes[0].reset.isVisible()
    qtbot.keyClick(heatmap.canvas, Qt.Key.Key_Escape)
    assert frame.seen == QRectF(0, 0, 128, 80)
    assert not heatmap.panes[0].reset.isVisible()
    for _ in range(5):
        wheel(heatmap.canvas, point, -240)
    assert frame.seen == QRectF(0, 0, 128, 80)


def test_dragging_pans_and_is_no_click(shown, qtbot):
    heatmap = Heatmap()
    heatmap.show_maps(matrix(np.zeros((80, 128))))
    shown(heatmap, 900, 600)
    canvas = heatmap.canvas
    for _ in range(4):
        canvas.zoom_by(1.5)
    before, start = canvas.frame.seen, at(heatmap, 40, 64)
    clicks = []
    heatmap.cell_clicked.connect(lambda *cell: clicks.append(cell))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(canvas, start + QPoint(40, 20), buttons=Qt.MouseButton.LeftButton)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(40, 20))
    assert clicks == []
    width, height = canvas.frame.cell_width(), canvas.frame.cell_height()
    assert canvas.frame.seen.left() == pytest.approx(before.left() - 40 / width)
    assert canvas.frame.seen.top() == pytest.approx(before.top() - 20 / height)


def test_theme_switch_repaints(heatmap, qapp):
    apply_theme(qapp, "dark")
    assert colour_of(heatmap, 0, 0) == theme_hub().current.color("panel")


def test_cleared_map_is_empty(heatmap, qtbot):
    heatmap.clear_values()
    assert heatmap.values() is None
    assert heatmap.selected() is None
    with qtbot.assertNotEmitted(heatmap.cell_clicked):
        qtbot.keyClick(heatmap.canvas, Qt.Key.Key_Down)


def test_frame_finds_its_cells_again():
    frame = MatrixFrame()
    frame.set_shape(30, 9)
    frame.plot = QRectF(50, 40, 300, 600)
    for cell in ((0, 0), (29, 8), (17, 3)):
        assert frame.cell_at(frame.cell_rect(*cell).center()) == cell
    assert frame.cell_at(QPointF(49, 50)) is None
    frame.zoom(3.0, frame.cell_rect(17, 3).center())
    assert frame.cell_at(frame.cell_rect(17, 3).center()) == (17, 3)
    frame.reveal(0, 0)
    assert frame.rows_seen().start == 0
    assert frame.cols_seen().start == 0


@pytest.mark.parametrize(("count", "pitch", "room"), [(30, 5, 14), (128, 7, 20), (2048, 0.3, 14)])
def test_thinned_labels_never_touch(count, pitch, room):
    shown = list(thinned(range(count), pitch, room))
    assert shown[0] == 0
    assert all((b - a) * pitch >= room for a, b in pairwise(shown))


def test_a_lone_strong_cell_survives_in_every_coarser_picture():
    values = np.zeros((1000, 1000), dtype=np.float32)
    values[617, 333] = -1.0
    image = MatrixImage(values, (-1.0, 1.0), diverging=True)
    image.set_colours(diverging_map(), QColor("#000000"))
    strongest = QColor(*map(int, lookup(diverging_map(), 255)[0, :3]))
    for level in range(6):
        picture = image.picture(level)
        assert picture.pixelColor(333 >> level, 617 >> level) == strongest


def test_missing_cells_give_way_to_values_when_shrunk():
    values = np.full((4, 4), np.nan, dtype=np.float32)
    values[1, 1] = 1.0
    image = MatrixImage(values, (0.0, 1.0), diverging=False)
    image.set_colours(sequential_map(), QColor("#123456"))
    last = QColor(*map(int, lookup(sequential_map(), 255)[-1, :3]))
    assert image.picture(1).pixelColor(0, 0) == last
    assert image.picture(1).pixelColor(1, 1) == QColor("#123456")


def test_maps_beside_each_other_have_the_colours_of_the_one_bar(qtbot):
    heatmap = Heatmap()
    qtbot.addWidget(heatmap)
    heatmap.resize(600, 300)
    heatmap.show()
    values = np.array([[0.5, -0.5], [0.1, 0.0]])
    one = Matrix(values, numbered("Layer", 2), numbered("Head", 2))
    other = Matrix(values * 10, numbered("Layer", 2), numbered("Head", 2))
    heatmap.show_maps(one, other)
    limits = find(heatmap, ColorBar).read_out()["limits"]
    assert [shown.limits for shown in heatmap.maps()] == [limits, limits]
    assert heatmap.values(1)[0, 0] == 5.0


def test_the_picture_of_a_small_map_is_coarse_and_keeps_the_strongest():
    values = np.zeros((1000, 300))
    values[701, 33] = 1.0
    image = MatrixImage(values, (0.0, 1.0), diverging=False)
    image.set_colours(sequential_map(), QColor("red"))
    small = image.small()
    assert (small.height(), small.width()) == (500, 150)
    assert small.pixelColor(16, 350) == image.colour(701, 33)
    few = MatrixImage(values[:3, :5], (0.0, 1.0), diverging=False).small()
    assert (few.height(), few.width()) == (3, 5)


def test_a_label_takes_the_room_that_it_needs_and_no_more():
    widths = [20.0, 20.0, 20.0, 20.0, 44.0]
    assert fitting(range(5), 32.0, widths.__getitem__) == [0, 1, 2, 3, 4]
    assert fitting(range(5), 31.0, widths.__getitem__) == [0, 2, 4]  # the last two would touch
    assert fitting(range(5), 31.0, widths.__getitem__, {3}) == [0, 2, 3]
    assert fitting(range(1, 5), 31.0, widths.__getitem__) == [2, 4]
    assert fitting(range(0), 31.0, widths.__getitem__) == []
    assert fitting(range(5), 0.0, widths.__getitem__) == []
