from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from desktop_app.contract.result import Notice
from tests.views import samples

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.fixture
def view(make_view):
    view = make_view("ablate")
    view.show_result(samples.ablate_result())
    return view


def test_the_picture_and_the_list_agree(view):
    assert view._map.values()[1, 3] == -2.0
    assert view._list.part(0).name == "L5H3"


def test_the_gate_says_which_prompt_fails(view):
    assert not view._header.gate.isHidden()
    view.show_result(samples.ablate_result(data={"task_done": np.array([True, True])}))
    assert view._header.gate.isHidden()


def test_the_gate_has_no_chip_beside_its_banner(view):
    notices = (Notice("task_not_done", "Prompt 2 fails."), Notice("means_pooled", "Pooled."))
    view.show_result(samples.ablate_result(warnings=notices))
    assert list(view._notices) == ["means_pooled"]


def test_what_is_kept_is_on_screen(view):
    assert "Kept in every run" in view._header.kept.full_text()


def test_a_cell_selects_its_head_by_the_models_numbers(view, selection):
    view._map.cell_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 3)
    assert view._list.selected_row() == 0
    assert view._details._title.text() == "L5H3"


def test_a_head_selected_elsewhere_is_shown(view, selection):
    selection.select_head(5, 3)
    assert view._map.selected() == (1, 3)
    selection.select_head(0, 0)  # not swept
    assert view._map.selected() is None
    assert view._details._title.text() == "No part selected"


def test_double_click_opens_attention(view, selection, heads_opened):
    asked = heads_opened(view)
    view._map.cell_activated.emit(1, 3)
    view._list.row_activated.emit(0)
    assert asked == [("open_attention", 5, 3), ("open_attention", 5, 3)]


def test_hover_shows_and_leaving_returns_to_the_selected(view, selection):
    selection.select_head(5, 3)
    view._map.cell_hovered.emit(0, 2)
    assert view._details._title.text() == "L4H2"
    view._map.cell_hovered.emit(-1, -1)
    assert view._details._title.text() == "L5H3"


def test_withheld_percentages_are_drawn_as_missing(view, selection):
    selection.select_prompt(1)
    view._scope.set_value("prompt")
    view._quantity.set_value("percent")
    view._on_choice_changed()
    assert np.isnan(view._map.values()).all()
    assert "prompt 2" in view._side.title.text()


def test_the_list_by_keyboard_selects_and_opens(view, selection, qtbot, heads_opened):
    asked = heads_opened(view)
    qtbot.keyClick(view._list, Qt.Key.Key_Down)
    assert (selection.layer, selection.head) == (5, 3)
    qtbot.keyClick(view._list, Qt.Key.Key_Return)
    assert asked == [("open_attention", 5, 3)]


def test_layers_are_drawn_as_bars(view, selection):
    view.show_result(samples.ablate_result(component="mlp"))
    assert view._pictures.currentWidget() is view._bars
    assert [view._bars.part(i).name for i in range(3)] == ["L4 MLP", "L5 MLP", "L6 MLP"]
    view._bars.row_clicked.emit(1)
    assert (selection.layer, selection.head) == (5, None)
    assert not view.picture().isNull()


def test_a_sweep_fills_in_while_it_runs(view):
    view.show_busy(True)
    effect = np.full((3, 4), np.nan)
    effect[0] = (0.0, -1.0, 2.0, 0.5)
    view.show_partial({"effect_mean": effect, "layers": np.array([4, 5, 6])})
    assert view._veil.isHidden()
    np.testing.assert_array_equal(view._map.values()[0], [0.0, -1.0, 2.0, 0.5])
    assert [view._list.part(i).name for i in range(4)] == ["L4H1", "L4H0", "L4H3", "L4H2"]
    assert "Sweeping" in view._header.base.full_text()
    view.show_result(samples.ablate_result())
    assert view._list.part(0).name == "L5H3"


def test_a_sweep_that_is_stopped_gives_the_old_picture_back(view):
    view.show_busy(True)
    view.show_partial({"effect_mean": np.full((3, 4), 9.0), "layers": np.array([4, 5, 6])})
    view.show_busy(False)
    assert view._map.values()[1, 3] == -2.0
    assert "Untouched" in view._header.base.full_text()


def test_the_first_sweep_that_is_stopped_leaves_an_empty_view(make_view):
    view = make_view("ablate")
    view.show_busy(True)
    view.show_partial({"effect_mean": np.full((3, 4), 9.0), "layers": np.array([4, 5, 6])})
    assert view._stack.currentWidget() is view._content
    view.show_busy(False)
    assert view._stack.currentWidget() is view._empty


def test_a_single_prompt_needs_no_choice_of_prompts(view):
    one = samples.ablate_result()
    data = {
        name: value[..., :1] if getattr(value, "shape", ())[-1:] == (2,) else value
        for name, value in one.data.items()
    }
    view.show_result(samples.result_of("ablate", data, params=one.params, prompts=one.prompts[:1]))
    assert view._scope.isHidden()
    assert view._chooser.isHidden()


def test_an_estimate_is_marked_until_exact_values_stand_everywhere(view):
    effect = np.full((3, 4), -1.0)
    fields = {"effect_mean": effect, "layers": np.array([4, 5, 6])}
    view.show_busy(True)
    view.show_partial({**fields, "estimated": True})
    assert view._badge.text() == "estimate"
    view.show_partial({**fields, "estimated": False})
    assert not view._badge.isHidden()
    view.show_result(samples.ablate_result(data={"preview_agreement": 0.91}))
    assert view._badge.text() == "estimate and exact agree: ρ = 0.91"
    view.show_busy(True)
    view.show_partial({**fields, "estimated": False})
    assert view._badge.isHidden()


def test_a_new_list_begins_at_its_top_whatever_is_selected(make_view, selection):
    view = make_view("ablate", 900, 420)
    view.show_result(samples.ablate_result())
    last = view._list.part(view._list.row_count() - 1)
    selection.select_head(last.layer, last.head)
    assert view._list.verticalScrollBar().value() > 0
    view.show_result(samples.ablate_result())
    assert view._list.verticalScrollBar().value() == 0
    assert view._list.selected_row() == view._list.row_count() - 1
    selection.select_head(*(view._list.part(0).layer, view._list.part(0).head))
    selection.select_head(last.layer, last.head)
    assert view._list.verticalScrollBar().value() > 0
