from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.pattern_view import PatternView
from tests.finding import find, said

TOKENS = ["<s>", "1", " ", "2", " "]


def causal(size):
    pattern = np.tril(np.ones((size, size), dtype=np.float32))
    return pattern / pattern.sum(axis=1, keepdims=True)


@pytest.fixture
def view(shown):
    view = PatternView()
    pattern = causal(5)
    pattern[4] = [0.1, 0.0, 0.0, 0.8, 0.1]
    view.show_pattern(pattern, TOKENS, title="L1H2")
    return shown(view, 900, 560)


def at(view, query, key):
    return view.canvas.cell_center(query, key).toPoint()


def test_hovering_a_pair_names_both_tokens_and_the_value(view, qtbot):
    with qtbot.waitSignal(view.pair_hovered) as told:
        qtbot.mouseMove(view.canvas, at(view, 4, 3))
    assert told.args == [4, 3]
    assert "␠ (4)  →  2 (3)    0.8000" in said(view)
    assert view.looks.looks_at.list.texts()[0] == ("2 (3)", "0.80", "0.80")
    assert view.looks.looks_at.list.ranking.rows[0].key == 3
    assert [row.key for row in view.looks.looked_at.list.ranking.rows] == [4, 3]


def test_clicking_selects_a_pair(view, qtbot):
    with qtbot.waitSignal(view.pair_selected) as told:
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=at(view, 2, 1))
    assert told.args == [2, 1]
    assert view.selected() == (2, 1)


def test_above_the_diagonal_is_blank(view):
    image = view.canvas.grab().toImage()
    corner = view.canvas.frame.cell_rect(1, 3).topLeft() + QPointF(4, 4)
    assert image.pixelColor(corner.toPoint()) == theme_hub().current.color("panel")
    assert view.pair_text(1, 3).endswith("masked")


def test_a_tokens_label_speaks_for_its_strongest_pair(view, qtbot):
    frame = view.canvas.frame
    label = QPointF(frame.plot.left() - 20, frame.cell_rect(4, 0).center().y()).toPoint()
    # Where the pointer stood when the view came, a move to the same place would say nothing.
    qtbot.mouseMove(view.canvas, at(view, 2, 0))
    with qtbot.waitSignals([view.token_hovered, view.pair_hovered]):
        qtbot.mouseMove(view.canvas, label)
    assert view.canvas.hover == (4, 3)
    with qtbot.waitSignal(view.pair_selected) as told:
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=label)
    assert told.args == [4, 3]


def test_keys_walk_over_pairs(view, qtbot):
    view.set_selected(3, 2)
    with qtbot.waitSignal(view.pair_selected) as told:
        qtbot.keyClick(view.canvas, Qt.Key.Key_Down)
    assert told.args == [4, 2]


def test_cells_are_square(view):
    assert view.canvas.frame.cell_width() == pytest.approx(view.canvas.frame.cell_height())


def test_a_difference_is_centred_on_zero(shown):
    view = PatternView()
    difference = causal(4) - np.eye(4, dtype=np.float32)
    view.show_pattern(difference, TOKENS[:4], diverging=True)
    shown(view, 800, 500)
    assert find(view, ColorBar).read_out()["limits"] == (-0.75, 0.75)
    assert view.pair_text(3, 3).endswith("−0.7500")


@pytest.mark.parametrize(
    ("pattern", "tokens", "message"),
    [
        (np.zeros((3, 4)), TOKENS[:3], "square"),
        (np.zeros((0, 0)), [], "square"),
        (np.zeros((3, 3)), TOKENS, "5 tokens for a pattern of 3"),
    ],
)
def test_what_does_not_fit_is_refused(view, pattern, tokens, message):
    with pytest.raises(ValueError, match=message):
        view.show_pattern(pattern, tokens)


def test_cleared_and_single_token_patterns(view, qtbot):
    view.clear_pattern()
    view.grab()
    view.show_pattern(np.ones((1, 1)), ["x"])
    view.grab()
    with qtbot.waitSignal(view.pair_selected) as told:
        qtbot.mouseClick(view.canvas, Qt.MouseButton.LeftButton, pos=at(view, 0, 0))
    assert told.args == [0, 0]


def test_given_pattern_is_not_changed(shown):
    pattern = np.ones((4, 4), dtype=np.float32)
    pattern.flags.writeable = False
    view = PatternView()
    view.show_pattern(pattern, TOKENS[:4])
    assert pattern.sum() == 16


@pytest.mark.benchmark
def test_frames_per_second_of_a_large_pattern(shown, capsys):
    size = 2048
    view = PatternView()
    view.show_pattern(causal(size), [" word"] * size)
    shown(view, 1280, 900)
    view.canvas.grab()
    view.canvas.zoom_by(2.0)
    rates = {}
    for name, action in (
        ("pan", lambda: view.canvas.frame.pan(-7, -5)),
        ("zoom", lambda: view.canvas.zoom_by(1.05)),
    ):
        start = time.perf_counter()
        for _ in range(20):
            action()
            view.canvas.grab()
        rates[name] = 20 / (time.perf_counter() - start)
    with capsys.disabled():
        print(  # noqa: T201 - the budget is shown, not asserted
            f"\npattern 2,048 × 2,048: {rates['pan']:.0f} frames/s panning, "
            f"{rates['zoom']:.0f} zooming"
        )
    assert view.canvas.frame.is_zoomed()
    assert min(rates.values()) >= 30


# The grid of heads.


@pytest.fixture
def grid(shown):
    grid = HeadGrid()
    grid.set_shape(4, 6)
    grid.set_thumbnails(np.tile(causal(8), (4, 6, 1, 1)))
    return shown(grid, 500, 400)


def test_grid_mouse_and_keys_give_heads(grid, qtbot):
    qtbot.mouseMove(grid.viewport(), grid.head_center(2, 5))
    qtbot.waitUntil(lambda: grid.hovered() == (2, 5))
    with qtbot.waitSignal(grid.head_clicked) as told:
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.head_center(1, 4))
    assert told.args == [1, 4]
    with qtbot.waitSignal(grid.head_clicked) as told:
        qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert told.args == [2, 4]
    with qtbot.waitSignal(grid.head_activated) as told:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert told.args == [2, 4]
    with qtbot.waitSignal(grid.head_activated) as told:
        qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.head_center(0, 0))
    assert told.args == [0, 0]


def test_first_arrow_key_begins_at_the_first_head(grid, qtbot):
    with qtbot.waitSignal(grid.head_clicked) as told:
        qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert told.args == [0, 0]


def test_names_are_the_models_numbers(grid):
    grid.set_labels([3, 7, 8, 9], range(6))
    assert grid.head_name(1, 5) == "L7H5"
    with pytest.raises(ValueError, match="do not fit"):
        grid.set_labels([1], [2])


def test_thumbnails_must_fit(grid):
    with pytest.raises(ValueError, match="do not fit"):
        grid.set_thumbnails(np.zeros((4, 5, 8, 8)))


def test_bytes_and_shares_look_alike(shown):
    pictures = []
    for thumbnails in (np.full((2, 2, 4, 4), 255, dtype=np.uint8), np.ones((2, 2, 4, 4))):
        grid = HeadGrid()
        grid.set_shape(2, 2)
        grid.set_thumbnails(thumbnails)
        shown(grid, 300, 300)
        pictures.append(grid.viewport().grab().toImage())
    assert pictures[0] == pictures[1]


def test_many_heads_scroll_and_selection_comes_into_view(shown):
    grid = HeadGrid()
    grid.set_shape(80, 128)
    grid.set_thumbnails(np.zeros((80, 128, 16, 16), dtype=np.uint8))
    grid.set_groups(8)
    shown(grid, 700, 500)
    assert grid.pitch >= 14
    grid.set_selected(79, 127)
    assert grid.viewport().rect().contains(grid.head_center(79, 127))
    assert grid.grab().size() == grid.size()


def test_pinned_labels_take_no_clicks(shown, qtbot):
    grid = HeadGrid()
    grid.set_shape(80, 4)
    shown(grid, 300, 300)
    grid.verticalScrollBar().setValue(200)
    spot = grid.head_center(40, 1)
    spot.setY(10)
    with qtbot.assertNotEmitted(grid.head_clicked):
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=spot)


def test_grid_survives_clearing_and_themes(grid, qapp):
    apply_theme(qapp, "dark")
    grid.grab()
    grid.clear()
    grid.grab()
    assert grid.selected() is None


def test_thirty_layers_are_in_sight_in_a_small_window(shown):
    grid = shown(HeadGrid(), 200, 416)
    grid.set_shape(30, 9)
    assert grid.pitch == 12
    assert grid.verticalScrollBar().maximum() == 0
