from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt

from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.result import Notice
from desktop_app.widgets.basics.theme import theme_hub
from tests.views import patch_samples as made

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.fixture
def view(make_view):
    view = make_view("patch")
    view.show_result(made.patch_result())
    return view


def choose(view, quantity):
    view._picture.quantity.set_value(quantity)
    view._picture.choice_changed.emit()


def scope(view, value):
    view._picture.scope.set_value(value)
    view._picture.choice_changed.emit()


def titles(maps):
    return tuple(matrix.title for matrix in maps.maps())


def test_both_directions_stand_side_by_side_on_one_scale(view):
    maps = view._maps
    assert titles(maps) == ("Enough", "Needed")
    assert maps.maps()[0].limits == (-1.0, 1.0)
    left, right = maps.panes
    assert not left.isHidden()
    assert not right.isHidden()
    assert left.canvas.frame.plot.width() == pytest.approx(right.canvas.frame.plot.width(), abs=2)
    assert left.canvas.frame.plot.top() == right.canvas.frame.plot.top()
    assert maps._bar.width() > 20


def test_asymmetry_is_one_map_that_fills_the_room(view):
    choose(view, "asymmetry")
    assert titles(view._maps) == ("Asymmetry",)
    assert view._maps.panes[1].isHidden()
    assert view._maps.values()[1, 4] == pytest.approx(0.9)
    assert view._side.title.text() == "Most asymmetric"
    assert view._maps.panes[0].width() > 0.85 * view._maps.width()


def test_raw_values_take_the_place_of_shares(view):
    choose(view, "raw")
    scope(view, "prompt")
    assert view._maps.values(0)[1, 4] == -4.0
    assert view._maps.maps()[0].limits == (-4.0, 4.0)


@pytest.mark.parametrize("way", ["denoise", "noise"])
def test_one_direction_is_one_map(view, way):
    choose(view, "asymmetry")
    view.show_result(made.one_way_result(way))
    assert titles(view._maps) == ("Enough" if way == "denoise" else "Needed",)
    assert view._picture.quantity.value() == "share"
    assert view._side.order.isHidden()


def test_prompts_of_several_lengths_leave_no_mean(view, selection):
    view.show_result(made.ragged_result())
    assert view._picture.scope.isHidden()
    assert not view._picture.chooser.isHidden()
    assert view._maps.values().shape == (3, 8)
    selection.select_prompt(1)
    assert view._maps.values().shape == (3, 10)
    view.show_result(made.patch_result())
    assert not view._picture.scope.isHidden()


def test_a_cell_is_selected_everywhere(view, selection):
    view._maps.panes[1].canvas.cell_clicked.emit(1, 4)
    assert (selection.layer, selection.head, selection.position) == (5, None, 4)
    assert [m.canvas.selected for m in view._maps.panes] == [(1, 4), (1, 4)]
    assert view._list.selected_row() == 0
    assert view._details.title.text() == "L5 · 4"
    selection.select_position(7)
    assert view._maps.selected() == (1, 7)


def test_selecting_a_position_keeps_the_head_of_that_layer(view, selection):
    selection.select_head(5, 2)
    view._maps.cell_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 2)
    view._maps.cell_clicked.emit(2, 3)
    assert (selection.layer, selection.head) == (6, None)


def test_pointing_at_one_map_points_at_both(view):
    view._maps.panes[0].canvas.cell_hovered.emit(2, 7)
    assert [m.canvas.hover for m in view._maps.panes] == [(2, 7), (2, 7)]
    assert "+0.9000" in view._maps.panes[1].readout.text()
    assert view._details.title.text() == "L6 · 7: ␠"
    view._maps.panes[0].canvas.cell_hovered.emit(-1, -1)
    assert view._maps.panes[1].canvas.hover is None


def test_zooming_one_map_zooms_both(view):
    left, right = (m.canvas for m in view._maps.panes)
    left.frame.seen = QRectF(2, 0, 4, 3)
    left.view_changed.emit()
    assert right.frame.seen == QRectF(2, 0, 4, 3)
    assert not view._maps.panes[1].reset.isHidden()
    right.reset_view()
    assert not left.frame.is_zoomed()


def test_what_is_exactly_0_is_dimmed_and_tokens_stand_above(view, selection):
    scope(view, "prompt")
    canvas = view._maps.panes[0].canvas
    assert canvas.matrix.columns.dimmed == 4
    assert [pair.clean for pair in canvas.matrix.columns.pairs] == list("1␠2␠3␠4␠")
    selection.select_prompt(1)
    assert canvas.matrix.columns.dimmed == 6


def test_the_header_follows_the_prompt(view, selection):
    assert "over 2 prompts" in view._header.ends.full_text()
    scope(view, "prompt")
    selection.select_prompt(1)
    assert view._header.ends.full_text() == "Logit difference: clean 2.000, corrupt −2.000"


def test_the_gate_has_a_banner_and_no_chip(view):
    assert view._header.gate.isHidden()
    notices = (Notice("task_not_done", "Prompt 2 fails."), Notice("bos_added", "A BOS."))
    data = {"task_done": np.array([True, False])}
    view.show_result(made.patch_result(warnings=notices, data=data))
    assert not view._header.gate.isHidden()
    assert list(view._notices) == ["bos_added"]


def test_the_order_of_the_list(view, heard):
    assert view._list.part(0).name == "L5 · 4"
    view._side.order.set_value("restored")
    view._side.order.changed.emit("restored")
    assert view._list.part(0).name == "L6 · 7: ␠"
    assert view._side.title.text() == "Most restored"


def test_the_list_selects(view, selection, qtbot):
    qtbot.keyClick(view._list, Qt.Key.Key_Down)
    assert (selection.layer, selection.position) == (5, 4)


def test_details_count_every_prompt_and_lead_to_it(view, selection):
    selection.select_head(5, None)
    selection.select_position(4)
    model = view._details.table.model()
    assert model.rowCount() == 2
    assert [model.index(i, 2).data() for i in range(2)] == ["0.000", "0.200"]
    view._details.table.row_clicked.emit(1)
    assert selection.prompt == 1


def test_heads_at_a_position(view, selection):
    view.show_result(made.heads_result())
    assert not view._picture.positions.strip.isHidden()
    assert view._maps.values()[1, 3] == pytest.approx(0.8)
    view._picture.positions.strip.token_clicked.emit(6)
    assert selection.position == 6
    assert view._maps.values()[1, 3] == pytest.approx(-0.1)
    assert view._picture.positions.kind.value() == "one"
    assert view._list.part(0).name == "L4H0 · 6"
    view._picture.positions._on_kind_changed("strongest")
    assert selection.position is None
    assert view._maps.values()[1, 3] == pytest.approx(0.8)
    view._picture.positions._on_kind_changed("one")
    assert selection.position == 7


def test_a_head_opens_its_attention(view, selection, heads_opened):
    asked = heads_opened(view)
    view._maps.cell_activated.emit(1, 4)
    assert asked == []
    view.show_result(made.heads_result())
    view._maps.cell_activated.emit(1, 3)
    view.show_result(made.key_value_result())
    selection.select_head(4, 0)
    view._maps.cell_activated.emit(1, 1)
    assert asked == [("open_attention", 5, 3), ("open_attention", 5, 2)]


def test_a_query_head_selected_elsewhere_shows_its_key_value_head(view, selection):
    view.show_result(made.key_value_result())
    selection.select_head(5, 3)
    assert view._maps.selected() == (1, 1)


def partial(estimated, value=0.5):
    values = np.full((3, 8), np.nan)
    values[0] = value
    return {
        "restored": values[..., None],
        "restored_mean": values,
        "broken": values[..., None] * 2,
        "broken_mean": values * 2,
        "layers": np.array([4, 5, 6]),
        "estimated": estimated,
    }


def test_an_estimate_comes_first_and_is_replaced(view):
    badge = view._header.badge
    view.show_busy(True)
    view.show_partial(partial(True))
    assert view._veil.isHidden()
    assert badge.text() == "estimate"
    assert not badge.isHidden()
    assert view._maps.values(1)[0, 0] == 1.0
    view.show_partial(partial(False, 0.25))
    assert badge.text() == "estimate"  # some cells still are
    assert view._maps.values()[0, 0] == 0.25
    view.show_result(made.patch_result(data={"preview_agreement": 0.934}))
    assert badge.text() == "estimate and exact agree: ρ = 0.93"
    view.show_result(made.patch_result(data={"preview_agreement": float("nan")}))
    assert badge.isHidden()


def test_a_sweep_without_an_estimate_is_not_marked(view):
    view.show_busy(True)
    view.show_partial(partial(False))
    assert view._header.badge.isHidden()
    assert "Sweeping" in view._header.ends.full_text()


def test_an_estimate_that_was_asked_for_stays_marked(view):
    view.show_result(made.patch_result(data={"estimated": True}))
    assert view._header.badge.text() == "estimate"
    assert not view._header.badge.isHidden()


def test_what_is_stopped_gives_the_old_picture_back(view, selection):
    view.show_busy(True)
    view.show_partial(partial(True))
    view._maps.cell_clicked.emit(0, 0)
    assert selection.layer is None
    view.show_busy(False)
    assert view._maps.values()[2, 7] == pytest.approx(0.9)
    assert view._header.badge.isHidden()


def test_the_colour_of_a_cell_is_the_same_in_both_maps(view):
    left, right = view._maps.panes
    for heatmap in (left, right):
        heatmap.canvas.set_selected(None)
    pixels = []
    for heatmap in (left, right):
        at = heatmap.canvas.cell_center(2, 7).toPoint() + QPoint(-8, 12)
        pixels.append(heatmap.canvas.grab().toImage().pixelColor(at))
    assert pixels[0] == pixels[1]
    assert pixels[0] != theme_hub().current.color("panel")


def test_settings_go_in_and_come_out(view):
    wanted = PatchParams(site="head_v", by="all", direction="noise")
    view.set_params(wanted)
    assert view.params() == wanted
