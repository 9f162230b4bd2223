from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import Qt

from desktop_app.pictures.matrix import Axis, Matrix, PairColumn, numbered
from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.matrix_axes import rows_labelled, spread
from tests.finding import find
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
SENTENCES = (
    ("Enough", "a long sentence that says what is put where"),
    ("Needed", "another long sentence of that kind"),
)


@pytest.fixture
def row(qtbot, qapp):
    apply_theme(qapp, "light")
    row = Heatmap()
    qtbot.addWidget(row)
    row.resize(700, 400)
    row.show()
    qtbot.waitExposed(row)
    return row


def show(row, values, pairs=(), *, count=2, dimmed=0, read=None):
    labels = [str(i) for i in range(values.shape[1])]
    columns = Axis("Position", labels, pairs=pairs, dimmed=dimmed, read=read)
    maps = [
        Matrix(
            shown,
            numbered("Layer", len(values)),
            columns,
            "share",
            scale=(-2.0, 2.0),
            value_format="{:+.2f}",
            exact_format="{:+.4f}",
            title=title,
            sentence=sentence,
            short="short",
        )
        for shown, (title, sentence) in zip((values, -values), SENTENCES, strict=True)
    ]
    row.show_maps(*maps[:count])


def pairs(count):
    return [PairColumn(f"t{i}", f"u{i}" if i == 2 else f"t{i}", i == 2) for i in range(count)]


def test_plots_have_one_width_one_height_and_the_bar_theirs(row):
    for size in ((700, 400), (1600, 900), (360, 260)):
        row.resize(*size)
        show(row, np.eye(5, 4), pairs(4))
        left, right = (m.canvas.frame.plot for m in row.panes)
        assert left.width() == pytest.approx(right.width(), abs=2)
        assert (left.top(), left.height()) == (right.top(), right.height())
        bar = find(row, ColorBar)
        top, bottom = bar.read_out()["span"]
        assert bottom - top == pytest.approx(left.height())
        assert row.panes[1].geometry().right() < bar.geometry().left()


def test_the_bar_follows_when_the_row_grows_afterwards(row, qtbot):
    show(row, np.eye(5, 4), pairs(4))
    row.resize(1200, 800)
    turn_the_loop()
    top, bottom = find(row, ColorBar).read_out()["span"]
    assert bottom - top == pytest.approx(row.panes[0].canvas.frame.plot.height())


def test_one_map_fills_the_room(row):
    show(row, np.eye(5, 4), count=1)
    assert len(row.panes) == 1
    assert row.values(1) is None
    assert row.panes[0].width() > 0.85 * row.width()


def test_words_shorten_before_they_are_cut(row):
    show(row, np.eye(5, 4))
    assert row.panes[0].word.text() == "Enough · share"
    row.resize(340, 300)
    assert row.panes[0].line.text() == "short"


def test_arrow_keys_select_in_both(row, qtbot):
    heard = []
    row.cell_clicked.connect(lambda r, c: heard.append((r, c)))
    show(row, np.eye(5, 4))
    row.set_selected(1, 1)
    qtbot.keyClick(row.panes[1].canvas, Qt.Key.Key_Down)
    assert heard == [(2, 1)]
    assert [m.canvas.selected for m in row.panes] == [(2, 1), (2, 1)]


def test_what_is_said_under_the_cells_is_exact_and_never_cut(row, qtbot):
    values = np.full((5, 4), 0.12345)
    show(row, values)
    row.set_selected(1, 2)
    assert row.panes[0].readout.text() == "Layer 1 · Position 2    +0.1235"
    row.resize(340, 300)
    turn_the_loop()
    text = row.panes[0].readout.text()
    assert text in {"L1 · 2    +0.1235", "+0.1235"}
    assert row.panes[0].readout.fontMetrics().horizontalAdvance(text) < row.panes[0].width()


def test_differing_columns_are_tinted_and_equal_ones_are_not(row):
    show(row, np.zeros((5, 4)), pairs(4))
    canvas = row.panes[0].canvas
    image = canvas.grab().toImage()
    tint = theme_hub().current.color("token_differs")
    seen = [
        image.pixelColor(canvas.frame.cell_rect(0, col).left().__int__() + 5, 14) == tint
        for col in range(4)
    ]
    assert seen == [False, False, True, False]


def test_dimmed_columns_look_different(row):
    show(row, np.full((5, 4), 2.0), pairs(4))
    canvas = row.panes[0].canvas
    at = canvas.cell_center(2, 0).toPoint()
    before = canvas.grab().toImage().pixelColor(at.x() + 9, at.y() + 12)
    show(row, np.full((5, 4), 2.0), pairs(4), dimmed=1)
    after = canvas.grab().toImage()
    assert after.pixelColor(at.x() + 9, at.y() + 12) != before
    other = canvas.cell_center(2, 1).toPoint()
    assert after.pixelColor(other.x() + 9, other.y() + 12) == before


def test_labels_that_matter_come_first_and_none_touch():
    assert spread(range(5), 20.0, 12.0, []) == set(range(5))
    shown = spread(range(100), 4.0, 12.0, [37, 38, 50])
    assert {37, 50} <= shown
    assert 38 not in shown
    ordered = sorted(shown)
    assert min(b - a for a, b in pairwise(ordered)) >= 3
    assert len(shown) > 15


@pytest.mark.benchmark
def test_many_cells_are_drawn_in_time(row):
    show(row, np.random.default_rng(0).normal(size=(80, 2000)), pairs(2000), dimmed=700, read=1999)
    row.grab()
    began = time.perf_counter()
    row.grab()
    assert time.perf_counter() - began < 0.5


# Words that have little room.


def test_the_word_in_brackets_goes_before_a_word_is_cut(row, monkeypatch):
    names = ("Enough (denoising)", "Needed (noising)")
    told = [(name, "a sentence") for name in names]
    monkeypatch.setattr("tests.widgets.matrix.test_map_pane.SENTENCES", told)
    show(row, np.zeros((4, 5)))
    row.resize(900, 400)
    turn_the_loop()
    assert [pane.word.text() for pane in row.panes] == [f"{name} · share" for name in names]
    seen = set()
    for width in range(900, 250, -25):
        row.resize(width, 400)
        turn_the_loop(2)
        seen |= {pane.word.text() for pane in row.panes}
        assert not [pane.word.text() for pane in row.panes if "…" in pane.word.text()], width
    assert {"Enough", "Needed"} <= seen
    assert [pane.word.toolTip() for pane in row.panes] == list(names)


def test_a_selected_row_takes_no_label_from_its_neighbours_where_there_is_room(row, qtbot):
    row.show_maps(Matrix(np.zeros((30, 9)), numbered("Layer", 30), numbered("Head", 9), "x"))
    row.resize(700, 30 * 14 + 70)
    turn_the_loop()
    frame = row.canvas.frame
    assert 12 < frame.cell_height() < 16
    qtbot.mouseClick(
        row.canvas, Qt.MouseButton.LeftButton, pos=frame.cell_rect(1, 4).center().toPoint()
    )
    assert row.canvas.selected == (1, 4)
    shown = rows_labelled(frame, row.canvas.matrix.rows, {1})
    assert {0, 1, 2} <= set(shown)
