from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop_app.contract.result import Notice
from desktop_app.contract.spec import Intent
from tests.finding import in_sight
from tests.samples import drawn
from tests.views.reading import press, ranking

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


PER_PROMPT = {"base", "effect", "ablated", "percent", "read_position", "answer_rank", "task_done"}


@pytest.fixture
def view(make_view):
    view = make_view("ablate")
    view.show_result(drawn.ablate_result())
    return view


def names(view):
    return [row[0] for row in view.read_out()["ranking"]]


def test_the_picture_and_the_list_agree(view):
    out = view.read_out()
    assert out["maps"][0].values[1, 3] == -2.0
    assert out["ranking"][0][0] == "L5H3"
    assert out["keys"][0] == (1, 3)


def test_the_gate_says_which_prompt_fails(view):
    assert "prompt 2" in view.read_out()["gate"]
    view.show_result(drawn.ablate_result(data={"task_done": np.array([True, True])}))
    assert view.read_out()["gate"] == ""


def test_the_gate_has_no_chip_beside_its_banner(view):
    notices = (Notice("task_not_done", "Prompt 2 fails."), Notice("means_pooled", "Pooled."))
    view.show_result(drawn.ablate_result(warnings=notices))
    assert view.read_out()["chips"] == ["means_pooled"]


def test_what_is_kept_is_on_screen(view):
    assert "Kept in every run" in view.read_out()["what"]


def test_a_cell_selects_its_head_by_the_models_numbers(view, selection):
    view.picture_widget().cell_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 3)
    assert view.read_out()["chosen"] == (1, 3)
    assert view.read_out()["details"]["title"] == "L5H3"


def test_a_head_selected_elsewhere_is_shown(view, selection):
    selection.select_head(5, 3)
    assert view.read_out()["selected"] == (1, 3)
    selection.select_head(0, 0)  # not swept
    assert view.read_out()["selected"] is None
    assert view.read_out()["details"]["title"] == "No part selected"


def test_double_click_opens_attention(view, heard):
    asked = heard(view.intent_raised)
    view.picture_widget().cell_activated.emit(1, 3)
    ranking(view).row_activated.emit((1, 3))
    intent = Intent("open_attention", {"layer": 5, "head": 3})
    assert asked == [(intent,), (intent,)]


def test_hover_shows_and_leaving_returns_to_the_selected(view, selection):
    selection.select_head(5, 3)
    view.picture_widget().cell_hovered.emit(0, 2)
    assert view.read_out()["details"]["title"] == "L4H2"
    view.picture_widget().cell_hovered.emit(-1, -1)
    assert view.read_out()["details"]["title"] == "L5H3"


def test_withheld_percentages_are_drawn_as_missing(view, selection):
    selection.select_prompt(1)
    press(view, "This prompt")
    press(view, "% kept")
    assert np.isnan(view.read_out()["maps"][0].values).all()
    assert "prompt 2" in view.read_out()["title"]
    assert view.read_out()["offered"]["prompt"] == 1


def test_the_list_by_keyboard_selects_and_opens(view, selection, qtbot, heard):
    asked = heard(view.intent_raised)
    qtbot.keyClick(ranking(view), Qt.Key.Key_Down)
    assert (selection.layer, selection.head) == (5, 3)
    qtbot.keyClick(ranking(view), Qt.Key.Key_Return)
    assert asked == [(Intent("open_attention", {"layer": 5, "head": 3}),)]


def test_layers_are_drawn_as_bars(view, selection):
    view.show_result(drawn.ablate_result(component="mlp"))
    assert view.read_out()["bars"] == [(0, 0), (1, 0), (2, 0)]
    assert view.read_out()["maps"] == ()
    assert "quantity" not in view.read_out()["offered"]
    bars = view.picture_widget()
    assert [row[0] for row in bars.texts()] == ["L4 MLP", "L5 MLP", "L6 MLP"]
    bars.row_selected.emit((1, 0))
    assert (selection.layer, selection.head) == (5, None)
    assert view.read_out()["chosen"] == (1, 0)
    assert not view.read_out()["details"]["opens"]
    assert not view.picture().isNull()


def test_a_sweep_fills_in_while_it_runs(view):
    view.show_busy(True)
    effect = np.full((3, 4), np.nan)
    effect[0] = (0.0, -1.0, 2.0, 0.5)
    view.show_partial({"effect_mean": effect, "layers": np.array([4, 5, 6])})
    out = view.read_out()
    assert (out["state"], out["drawn"], out["veiled"]) == ("busy", True, False)
    np.testing.assert_array_equal(out["maps"][0].values[0], [0.0, -1.0, 2.0, 0.5])
    assert names(view) == ["L4H1", "L4H0", "L4H3", "L4H2"]
    assert "Sweeping" in out["base"]
    view.show_result(drawn.ablate_result())
    assert names(view)[0] == "L5H3"


def test_a_sweep_that_is_stopped_gives_the_old_picture_back(view):
    view.show_busy(True)
    view.show_partial({"effect_mean": np.full((3, 4), 9.0), "layers": np.array([4, 5, 6])})
    view.show_busy(False)
    assert view.read_out()["maps"][0].values[1, 3] == -2.0
    assert "Untouched" in view.read_out()["base"]


def test_the_first_sweep_that_is_stopped_leaves_an_empty_view(make_view):
    view = make_view("ablate")
    view.show_busy(True)
    view.show_partial({"effect_mean": np.full((3, 4), 9.0), "layers": np.array([4, 5, 6])})
    assert view.read_out()["drawn"]
    view.show_busy(False)
    assert (view.read_out()["state"], view.read_out()["drawn"]) == ("empty", False)


def test_a_single_prompt_needs_no_choice_of_prompts(view):
    one = drawn.ablate_result()
    data = {
        name: value[..., :1] if getattr(value, "shape", ())[-1:] == (2,) else value
        for name, value in one.data.items()
    }
    view.show_result(drawn.result_of("ablate", data, params=one.params, prompts=one.prompts[:1]))
    assert not {"scope", "prompt"} & view.read_out()["offered"].keys()


def test_an_estimate_is_marked_until_exact_values_stand_everywhere(view):
    effect = np.full((3, 4), -1.0)
    fields = {"effect_mean": effect, "layers": np.array([4, 5, 6])}
    view.show_busy(True)
    view.show_partial({**fields, "estimated": True})
    assert view.read_out()["badge"] == "estimate"
    view.show_partial({**fields, "estimated": False})
    assert view.read_out()["badge"] == "estimate"
    view.show_result(drawn.ablate_result(data={"preview_agreement": 0.91}))
    assert view.read_out()["badge"] == "estimate and exact agree: ρ = 0.91"
    view.show_busy(True)
    view.show_partial({**fields, "estimated": False})
    assert view.read_out()["badge"] == ""


def test_a_new_list_begins_at_its_top_whatever_is_selected(make_view, selection):
    view = make_view("ablate", 900, 420)
    view.show_result(drawn.ablate_result())
    scrolled, keys = ranking(view).verticalScrollBar(), view.read_out()["keys"]
    selection.select_head(4 + keys[-1][0], keys[-1][1])
    assert scrolled.value() > 0
    view.show_result(drawn.ablate_result())
    assert scrolled.value() == 0
    assert view.read_out()["chosen"] == keys[-1]
    selection.select_head(4 + keys[0][0], keys[0][1])
    selection.select_head(4 + keys[-1][0], keys[-1][1])
    assert scrolled.value() > 0


def test_one_prompt_has_no_error_and_says_why(view):
    (button,) = in_sight(view, QPushButton, "± error")
    assert button.isEnabled()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.read_out()["offered"]["quantity"] == "sem"
    several = drawn.ablate_result()
    keep = {n: np.asarray(v)[..., :1] for n, v in several.data.items() if n in PER_PROMPT}
    view.show_result(drawn.ablate_result(prompts=several.prompts[:1], data=keep))
    assert not button.isEnabled()
    assert "taken over prompts" in button.toolTip()
    assert view.read_out()["offered"]["quantity"] == "effect"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.read_out()["offered"]["quantity"] == "effect"
