"""Several heads picked in maps and lists, by mouse and keys, and marked in every map of heads."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.contract.registry import ANALYSES
from desktop_app.views.default import DefaultView
from desktop_app.views.picked import picked_words
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, in_sight
from tests.samples import drawn, heads, patching

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT = Qt.MouseButton.LeftButton
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def view(make_view):
    """The ablation of layers 4 to 6 with 4 heads each."""
    view = make_view("ablate")
    view.show_result(drawn.ablate_result())
    return view


def cells_of(view):
    return in_sight(view, MatrixCanvas)[0]


def pick(canvas, *cells):
    for cell in cells:
        QTest.mouseClick(canvas, LEFT, SHIFT, canvas.cell_center(*cell).toPoint())


def click_row(table, place, modifier):
    at = table.visualRect(table.model().index(place, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, modifier, at)


def test_shift_and_click_pick_and_let_go(view, selection):
    canvas = cells_of(view)
    before = canvas.grab().toImage()
    pick(canvas, (1, 3), (0, 2))
    assert selection.picked == ((4, 2), (5, 3))
    assert find(view, Heatmap).picked() == {(1, 3), (0, 2)}
    assert canvas.grab().toImage() != before
    pick(canvas, (1, 3))
    assert selection.picked == ((4, 2),)
    assert find(view, Heatmap).picked() == {(0, 2)}


def test_a_plain_click_and_a_double_click_stay_what_they_are(view, selection, heard):
    opened, canvas = heard(view.intent_raised), cells_of(view)
    pick(canvas, (1, 3))
    QTest.mouseClick(canvas, LEFT, pos=canvas.cell_center(2, 1).toPoint())
    assert (selection.layer, selection.head) == (6, 1)
    assert selection.picked == ((5, 3),)
    QTest.mouseDClick(canvas, LEFT, pos=canvas.cell_center(0, 0).toPoint())
    assert [told[0].name for told in opened] == ["open_attention"]
    assert selection.picked == ((5, 3),)


def test_shift_and_drag_pick_a_box(view, selection):
    canvas = cells_of(view)
    start, end = (canvas.cell_center(*cell).toPoint() for cell in ((0, 1), (1, 2)))
    QTest.mousePress(canvas, LEFT, SHIFT, start)
    QTest.mouseMove(canvas, end)
    drawn_box = canvas.grab().toImage()
    QTest.mouseRelease(canvas, LEFT, SHIFT, end)
    assert selection.picked == ((4, 1), (4, 2), (5, 1), (5, 2))
    assert canvas.grab().toImage() != drawn_box
    # The same box again lets them go.
    QTest.mousePress(canvas, LEFT, SHIFT, end)
    QTest.mouseMove(canvas, start)
    QTest.mouseRelease(canvas, LEFT, SHIFT, start)
    assert selection.picked == ()


def test_the_keys_pick_one_and_a_box(view, selection, qtbot):
    canvas = cells_of(view)
    selection.select_head(4, 0)
    qtbot.keyClick(canvas, Qt.Key.Key_Return, SHIFT)
    assert selection.picked == ((4, 0),)
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Right, SHIFT)
    qtbot.keyClick(canvas, Qt.Key.Key_Down, SHIFT)
    assert (selection.layer, selection.head) == (5, 2)
    qtbot.keyClick(canvas, Qt.Key.Key_Return, SHIFT)
    assert selection.picked == ((4, 0), (4, 1), (4, 2), (5, 1), (5, 2))
    qtbot.keyClick(canvas, Qt.Key.Key_Left, SHIFT)
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.picker.box is None


def test_control_and_shift_pick_in_the_list(view, selection):
    table = find(view, RankingList, "Parts by effect")
    keys = [row.key for row in table.ranking.rows]
    parts = [(4 + row, column) for row, column in keys]
    click_row(table, 0, Qt.KeyboardModifier.NoModifier)
    assert selection.picked == ()
    click_row(table, 2, CTRL)
    assert set(selection.picked) == {parts[0], parts[2]}
    assert table.marked() == {keys[0], keys[2]}
    click_row(table, 4, SHIFT)
    assert set(selection.picked) >= {*parts[2:5]}
    click_row(table, 3, CTRL)
    assert parts[3] not in selection.picked
    assert parts[4] in selection.picked


def test_the_list_is_picked_from_by_keys(view, selection, qtbot):
    table = find(view, RankingList, "Parts by effect")
    parts = [(4 + row.key[0], row.key[1]) for row in table.ranking.rows]
    click_row(table, 0, Qt.KeyboardModifier.NoModifier)
    qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(table, Qt.Key.Key_Down, SHIFT)
    assert set(selection.picked) == set(parts[:3])


def test_the_set_stands_beneath_and_moves_nothing(view, selection, heard):
    asked, canvas = heard(view.intent_raised), cells_of(view)
    height = canvas.height()
    assert not in_sight(view, QPushButton, "Ablate together")
    pick(canvas, (1, 3), (0, 2))
    assert canvas.height() == height
    assert view.read_out()["picked"] == "2 picked: L4H2, L5H3"
    (button,) = in_sight(view, QPushButton, "Ablate together")
    QTest.mouseClick(button, LEFT)
    assert [(told[0].name, told[0].data["parts"]) for told in asked] == [
        ("ablate_together", "4.2,5.3")
    ]
    selection.pick(())
    assert view.read_out()["picked"] == ""


def test_an_mlp_is_picked_in_its_own_bars(make_view, selection):
    view = make_view("ablate")
    view.show_result(drawn.ablate_result(component="mlp"))
    table = find(view, RankingList, "Effect per layer")
    click_row(table, 0, Qt.KeyboardModifier.NoModifier)
    click_row(table, 1, CTRL)
    assert selection.picked == ((4, None), (5, None))
    assert table.marked() == {(0, 0), (1, 0)}
    assert picked_words(selection.picked) == "2 picked: L4 MLP, L5 MLP"


def test_what_is_picked_in_one_map_is_marked_in_every_other(make_view, selection):
    detect = make_view("detect")
    detect.show_result(heads.detect_result())
    patch = make_view("patch")
    patch.show_result(patching.heads_result())
    attention = make_view("attention")
    attention.show_result(drawn.attention_result())
    ablate = make_view("ablate")
    ablate.show_result(drawn.ablate_result())
    pick(cells_of(ablate), (1, 3))
    assert find(patch, Heatmap).picked() == {(1, 3)}
    selection.pick(((4, 0), (5, 3)))
    both = {(0, 0), (1, 3)}
    assert set(detect.read_out()["marked"]) == both
    assert find(attention, HeadGrid).picked() == both
    assert find(patch, Heatmap).picked() == both
    assert find(ablate, Heatmap).picked() == both


def test_heads_are_picked_in_the_detectors_and_the_attention_grid(make_view, selection, qtbot):
    detect = make_view("detect")
    detect.show_result(heads.detect_result())
    pick(cells_of(detect), (0, 1), (1, 0))
    assert len(selection.picked) == 2
    assert detect.read_out()["marked"] == [(0, 1), (1, 0)]
    marked = [canvas for canvas in in_sight(detect, MatrixCanvas) if canvas.picked]
    assert len(marked) == len(detect.read_out()["scores"])
    selection.pick(())
    attention = make_view("attention")
    attention.show_result(drawn.attention_result())
    grid = find(attention, HeadGrid)
    QTest.mouseClick(grid.viewport(), LEFT, SHIFT, grid.head_center(1, 1))
    assert len(selection.picked) == 1
    assert grid.picked() == {(1, 1)}
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert len(selection.picked) == 1


def test_with_a_key_value_head_all_that_read_it_are_picked(make_view, selection):
    view = make_view("patch")
    view.show_result(patching.key_value_result())
    pick(cells_of(view), (1, 1))
    assert selection.picked == ((5, 2), (5, 3))
    assert find(view, Heatmap).picked() == {(1, 1)}
    selection.pick(((5, 2),))
    assert find(view, Heatmap).picked() == frozenset()


def test_cells_that_are_no_heads_say_so(make_view, selection, heard):
    view = make_view("patch")
    view.show_result(patching.patch_result())
    said = heard(view.message_requested)
    pick(cells_of(view), (1, 1))
    assert selection.picked == ()
    assert "no heads" in said[0][0]


def test_heads_that_another_model_lacks_are_let_go(selection):
    selection.pick(((1, 3), (2, None), (9, 0)))
    selection.keep_within(3, 2)
    assert selection.picked == ((2, None),)


def test_the_view_of_an_analysis_without_one_picks_as_well(qtbot, selection):
    view = DefaultView(ANALYSES["ablate"], selection)
    qtbot.addWidget(view)
    view.resize(1000, 700)
    view.show()
    view.show_result(drawn.ablate_result())
    view.show_field(next(title for title in view.fields() if "effect" in title.lower()))
    pick(cells_of(view), (1, 3))
    assert selection.picked == ((5, 3),)
    assert find(view, Heatmap).picked() == {(1, 3)}
    selection.pick(((4, 0), (9, 9), (4, None)))
    assert find(view, Heatmap).picked() == {(0, 0)}


@pytest.mark.qt_log_ignore("does not support")
def test_a_ranking_offers_its_upper_rows_as_a_circuit(view, selection, heard):
    asked, table = heard(view.intent_raised), find(view, RankingList, "Parts by effect")
    click_row(table, 1, Qt.KeyboardModifier.NoModifier)
    offered = []
    view.menu_opening.connect(lambda menu, _what: offered.extend(menu.actions()))
    place = table.visualRect(table.model().index(1, 0)).center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse, place, table.viewport().mapToGlobal(place)
    )
    QApplication.sendEvent(table.viewport(), event)
    named = {action.text(): action for action in offered}
    parts = [(4 + row, column) for row, column in (r.key for r in table.ranking.rows[:2])]
    named["Pick these 2: this row and all above it"].trigger()
    assert set(selection.picked) == set(parts)
    named["Keep these 2: this row and all above it, as a circuit"].trigger()
    assert asked[-1][0].name == "keep_parts"
    assert asked[-1][0].data["parts"] == ",".join(f"{layer}.{head}" for layer, head in parts)
    QApplication.activePopupWidget().close()
