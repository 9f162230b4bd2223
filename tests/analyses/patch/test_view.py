from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt

from desktop_app.analyses.patch import cells
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.result import Notice
from desktop_app.widgets.basics.theme import theme_hub
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import find
from tests.samples import patching
from tests.views.reading import press, ranking

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.fixture
def view(make_view):
    view = make_view("patch")
    view.show_result(patching.patch_result())
    return view


def panes(view):
    return view.picture_widget().panes


def titles(view):
    return tuple(matrix.title for matrix in view.read_out()["maps"])


def values(view, place=0):
    return view.read_out()["maps"][place].values


def strip(view):
    (found,) = view.findChildren(TokenStrip)
    return found


def test_both_directions_stand_side_by_side_on_one_scale(view):
    assert titles(view) == ("Enough (denoising)", "Needed (noising)")
    assert {matrix.limits for matrix in view.read_out()["maps"]} == {(-1.0, 1.0)}
    left, right = panes(view)
    assert not left.isHidden()
    assert not right.isHidden()
    assert left.canvas.frame.plot.width() == pytest.approx(right.canvas.frame.plot.width(), abs=2)
    assert left.canvas.frame.plot.top() == right.canvas.frame.plot.top()
    (bar,) = [bar for bar in view.findChildren(ColorBar) if bar.isVisible()]
    assert bar.width() > 20


def test_asymmetry_is_one_map_that_fills_the_room(view):
    press(view, "Asymmetry")
    assert titles(view) == ("Asymmetry",)
    assert panes(view)[1].isHidden()
    assert values(view)[1, 4] == pytest.approx(0.9)
    assert view.read_out()["title"] == "Most asymmetric"
    assert panes(view)[0].width() > 0.85 * view.picture_widget().width()


def test_raw_values_take_the_place_of_shares(view):
    press(view, "Metric")
    press(view, "This prompt")
    assert values(view)[1, 4] == -4.0
    assert view.read_out()["maps"][0].limits == (-4.0, 4.0)


@pytest.mark.parametrize("way", ["denoise", "noise"])
def test_one_direction_is_one_map(view, way):
    press(view, "Asymmetry")
    view.show_result(patching.one_way_result(way))
    assert titles(view) == ("Enough (denoising)" if way == "denoise" else "Needed (noising)",)
    assert view.read_out()["offered"]["quantity"] == "share"
    assert "order" not in view.read_out()["offered"]


def test_prompts_of_several_lengths_leave_no_mean(view, selection):
    view.show_result(patching.ragged_result())
    assert "scope" not in view.read_out()["offered"]
    assert view.read_out()["offered"]["prompt"] == 0
    assert values(view).shape == (3, 8)
    selection.select_prompt(1)
    assert values(view).shape == (3, 10)
    view.show_result(patching.patch_result())
    assert "scope" in view.read_out()["offered"]


def test_a_cell_is_selected_everywhere(view, selection):
    panes(view)[1].canvas.cell_clicked.emit(1, 4)
    assert (selection.layer, selection.head, selection.position) == (5, None, 4)
    assert [pane.canvas.selected for pane in panes(view)] == [(1, 4), (1, 4)]
    assert view.read_out()["chosen"] == (1, 4)
    assert view.read_out()["details"]["title"] == "L5 · 4"
    selection.select_position(7)
    assert view.read_out()["selected"] == (1, 7)


def test_selecting_a_position_keeps_the_head_of_that_layer(view, selection):
    selection.select_head(5, 2)
    view.picture_widget().cell_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 2)
    view.picture_widget().cell_clicked.emit(2, 3)
    assert (selection.layer, selection.head) == (6, None)


def test_pointing_at_one_map_points_at_both(view):
    left, right = panes(view)
    left.canvas.cell_hovered.emit(2, 7)
    assert [pane.canvas.hover for pane in (left, right)] == [(2, 7), (2, 7)]
    assert "+0.9000" in right.readout.text()
    assert view.read_out()["details"]["title"] == "L6 · 7: ␠"
    left.canvas.cell_hovered.emit(-1, -1)
    assert right.canvas.hover is None


def test_zooming_one_map_zooms_both(view):
    left, right = (pane.canvas for pane in panes(view))
    left.frame.seen = QRectF(2, 0, 4, 3)
    left.view_changed.emit()
    assert right.frame.seen == QRectF(2, 0, 4, 3)
    assert not panes(view)[1].reset.isHidden()
    right.reset_view()
    assert not left.frame.is_zoomed()


def test_what_is_exactly_0_is_dimmed_and_tokens_stand_above(view, selection):
    press(view, "This prompt")
    axis = view.read_out()["maps"][0].columns
    assert axis.dimmed == 4
    assert [pair.clean for pair in axis.pairs] == list("1␠2␠3␠4␠")
    selection.select_prompt(1)
    assert view.read_out()["maps"][0].columns.dimmed == 6


def test_the_header_follows_the_prompt(view, selection):
    assert "over 2 prompts" in view.read_out()["base"]
    press(view, "This prompt")
    selection.select_prompt(1)
    assert view.read_out()["base"] == "Logit difference: clean 2.000, corrupt −2.000"


def test_the_gate_has_a_banner_and_no_chip(view):
    assert view.read_out()["gate"] == ""
    notices = (Notice("task_not_done", "Prompt 2 fails."), Notice("bos_added", "A BOS."))
    data = {"task_done": np.array([True, False])}
    view.show_result(patching.patch_result(warnings=notices, data=data))
    assert "prompt 2" in view.read_out()["gate"]
    assert view.read_out()["chips"] == ["bos_added"]


def test_the_order_of_the_list(view):
    assert view.read_out()["ranking"][0][0] == "L5 · 4"
    press(view, "Enough")
    assert view.read_out()["ranking"][0][0] == "L6 · 7: ␠"
    assert view.read_out()["title"] == "Most restored"


def test_the_list_selects(view, selection, qtbot):
    qtbot.keyClick(ranking(view), Qt.Key.Key_Down)
    assert (selection.layer, selection.position) == (5, 4)


def test_details_count_every_prompt_and_lead_to_it(view, selection):
    selection.select_head(5, None)
    selection.select_position(4)
    rows = view.read_out()["details"]["rows"]
    assert [row[2] for row in rows] == ["0.000", "0.200"]
    (table,) = [t for t in view.findChildren(RankingList) if t.texts() == rows]
    table.row_clicked.emit(1)
    assert selection.prompt == 1


def test_heads_at_a_position(view, selection):
    view.show_result(patching.heads_result())
    assert not strip(view).isHidden()
    assert values(view)[1, 3] == pytest.approx(0.8)
    strip(view).token_clicked.emit(6)
    assert selection.position == 6
    assert values(view)[1, 3] == pytest.approx(-0.1)
    assert view.read_out()["ranking"][0][0] == "L4H0 · 6"
    press(view, "Strongest position")
    assert selection.position is None
    assert values(view)[1, 3] == pytest.approx(0.8)
    press(view, "One position")
    assert selection.position == 7


def test_a_head_opens_its_attention(view, selection, heard):
    asked = heard(view.intent_raised)
    view.picture_widget().cell_activated.emit(1, 4)
    assert asked == []
    view.show_result(patching.heads_result())
    view.picture_widget().cell_activated.emit(1, 3)
    view.show_result(patching.key_value_result())
    selection.select_head(4, 0)
    view.picture_widget().cell_activated.emit(1, 1)
    assert [(i.name, i.data["layer"], i.data["head"]) for (i,) in asked] == [
        ("open_attention", 5, 3),
        ("open_attention", 5, 2),
    ]


def test_a_query_head_selected_elsewhere_shows_its_key_value_head(view, selection):
    view.show_result(patching.key_value_result())
    selection.select_head(5, 3)
    assert view.read_out()["selected"] == (1, 1)


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
    view.show_busy(True)
    view.show_partial(partial(True))
    assert not view.read_out()["veiled"]
    assert view.read_out()["badge"] == "estimate"
    assert "Estimated" in view.read_out()["base"]
    assert values(view, 1)[0, 0] == 1.0
    view.show_partial(partial(False, 0.25))
    assert view.read_out()["badge"] == "estimate"  # some cells still are
    assert values(view)[0, 0] == 0.25
    view.show_result(patching.patch_result(data={"preview_agreement": 0.934}))
    assert view.read_out()["badge"] == "estimate and exact agree: ρ = 0.93"
    view.show_result(patching.patch_result(data={"preview_agreement": float("nan")}))
    assert view.read_out()["badge"] == ""


def test_a_sweep_without_an_estimate_is_not_marked(view):
    view.show_busy(True)
    view.show_partial(partial(False))
    assert view.read_out()["badge"] == ""
    assert "Sweeping" in view.read_out()["base"]


def test_an_estimate_that_was_asked_for_stays_marked(view):
    view.show_result(patching.patch_result(data={"estimated": True}))
    assert view.read_out()["badge"] == "estimate"


def test_what_is_stopped_gives_the_old_picture_back(view, selection):
    view.show_busy(True)
    view.show_partial(partial(True))
    view.picture_widget().cell_clicked.emit(0, 0)
    assert selection.layer is None
    view.show_busy(False)
    assert values(view)[2, 7] == pytest.approx(0.9)
    assert view.read_out()["badge"] == ""


def test_the_colour_of_a_cell_is_the_same_in_both_maps(view):
    pixels = []
    for canvas in (pane.canvas for pane in panes(view)):
        canvas.set_selected(None)
        at = canvas.cell_center(2, 7).toPoint() + QPoint(-8, 12)
        pixels.append(canvas.grab().toImage().pixelColor(at))
    assert pixels[0] == pixels[1]
    assert pixels[0] != theme_hub().current.color("panel")


def test_settings_go_in_and_come_out(view):
    wanted = PatchParams(site="head_v", by="all", direction="noise")
    view.set_params(wanted)
    assert view.params() == wanted


def test_most_asymmetric_lists_the_asymmetry_with_sign_and_word(view):
    press(view, "Asymmetry")
    out = view.read_out()
    assert out["title"] == "Most asymmetric"
    table = find(view, RankingList, "Cells by effect").ranking
    assert [column.key for column in table.columns[:3]] == ["part", "bar", "asymmetry"]
    sizes = [abs(value) for value in table.values("asymmetry")]
    assert sizes == sorted(sizes, reverse=True)
    assert out["ranking"][0][0] == "L5 · 4"
    assert out["ranking"][0][2].split() == ["+0.90", "AND"]
    assert "asymmetry +0.900, AND-like (needed, not enough)" in table.rows[0].tooltip
    shown = find(view, RankingList, "Cells by effect").shown_columns()
    assert {"part", "asymmetry"} <= set(shown)
    press(view, "Enough · needed")
    assert "asymmetry" not in [column.key for column in view_columns(view)]


def view_columns(view):
    return find(view, RankingList, "Cells by effect").ranking.columns


def test_the_other_sign_is_said_as_well():
    rows = cells.ranking(
        [cells.PatchPart(0, 0, 4, None, 0, "L4", 0.9, 0.1)], ("restored", "broken"), "asymmetry"
    )
    assert rows.text(0, 2).split() == ["−0.80", "OR"]
    assert "OR-like (enough, not needed)" in rows.rows[0].tooltip
    assert [cells.like_words(x) for x in (0.3, -0.2, 0.0)] == ["→ AND", "→ OR", "even"]
    assert cells.like_words(float("nan")) == ""
