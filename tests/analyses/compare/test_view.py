from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.contract.spec import Intent
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, press
from tests.samples.compared import compare_result, overflowed, stepped

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.fixture
def view(make_view):
    return make_view("compare")


def named(view, kind, name):
    (found,) = [w for w in view.findChildren(kind) if w.accessibleName() == name]
    return found


def click(plot, index):
    """Click where a point of a plot stands."""
    place = plot.point(index).toPoint()
    inside = plot.childAt(place)
    QTest.mouseClick(inside, Qt.MouseButton.LeftButton, pos=inside.mapFrom(plot, place))


def test_sentence_table_and_curves_agree(view):
    view.show_result(compare_result())
    out = view.read_out()
    assert out["headline"].startswith("They part")
    assert "before layer 2" in out["told"]
    assert "smollm2: float32 and bfloat16" in out["made"]
    assert out["numbers"][0][:4] == ("largest |Δ logit|", "0.75", "1.0e−04", "beyond")
    assert [row[0] for row in out["layers"]] == [
        "before layer 0", "before layer 1", "before layer 2", "behind the last layer",
    ]  # fmt: skip
    assert [row[3] for row in out["layers"]] == ["within", "within", "beyond", "beyond"]
    np.testing.assert_allclose(out["error"].lines[0].values, [0, 2e-6, 3e-3, 1e-2])
    assert out["page"] == "layers"


def test_a_shift_opens_the_tokens(view):
    view.show_result(compare_result(verdict="shifted"))
    out = view.read_out()
    assert (out["page"], out["quantity"]) == ("places", "logit_shift")
    assert set(out["bars"].lines[0].values) == {2.0}


def test_pages_that_were_not_run_are_shut_and_say_how(view):
    view.show_result(compare_result(heads=True))
    assert view.read_out()["page"] == "heads"
    view.show_result(compare_result())
    assert view.read_out()["page"] == "layers"
    for name in ("Heads", "Norms"):
        button = find(view, QPushButton, name)
        assert not button.isEnabled()
        assert "in the settings" in button.toolTip()


def test_a_stream_is_chosen_by_curve_and_by_row(view, selection):
    view.show_result(compare_result())
    click(named(view, Plot, "Relative error of the streams by layer"), 2)
    assert view.read_out()["stream"] == 2
    assert (selection.layer, selection.head) == (2, None)
    rows = named(view, RankingList, "Streams by layer")
    assert rows.selected_key() == 2
    rows.row_selected.emit(3)  # behind the last layer there is none to select
    assert view.read_out()["stream"] == 3
    assert selection.layer == 2


def test_tokens_follow_the_selected_prompt_and_position(view, selection):
    view.show_result(compare_result())
    press(view, "By token")
    assert view.read_out()["prompt"].startswith("1 · ")
    selection.select_prompt(1)
    out = view.read_out()
    assert out["prompt"].startswith("2 · ")
    assert out["bars"].lines[0].values[3] == 0.125
    click(named(view, Plot, "Difference by token"), 3)
    assert selection.position == 3
    selection.select_position(5)
    assert view.read_out()["position"] == 5
    press(view, "Δ log-prob")
    assert set(view.read_out()["bars"].lines[0].values) == {0.5}


def test_a_head_is_chosen_in_dots_and_lists_alike(view, selection, heard):
    view.show_result(compare_result(heads=True))
    dots = named(view, Plot, "Effects of zeroing each head in both models")
    click(dots, 6)
    assert (selection.layer, selection.head) == (1, 2)
    assert view.read_out()["heads"]["chosen"] == [(1, 2), (1, 2)]
    one = named(view, RankingList, "Most harmful heads of the second model")
    asked = heard(view.intent_raised)
    one.setFocus()
    one.select_key((1, 2))
    QTest.keyClick(one, Qt.Key.Key_Down)
    assert (selection.layer, selection.head) == (0, 0)
    assert view.read_out()["heads"]["dot"] == 0
    QTest.keyClick(one, Qt.Key.Key_Return)
    assert asked == [(Intent("open_attention", {"layer": 0, "head": 0}),)]
    selection.select_head(9, 9)
    assert view.read_out()["heads"]["dot"] == -1


def test_heads_of_other_shapes_have_lists_alone(view):
    data = {"with_head_effect_mean": np.zeros((2, 4)), "head_spearman": np.nan}
    view.show_result(compare_result(heads=True, data={**data, "head_overlap": np.nan}))
    out = view.read_out()["heads"]
    assert out["dots"] is None
    assert len(out["lists"][1]) == 8


def test_steps_are_listed_with_their_curve(view):
    view.show_result(compare_result(steps=True))
    out = view.read_out()
    assert out["page"] == "norms"
    assert "destroys the model" in out["norms"]["told"]
    assert [row[1] for row in out["norms"]["steps"]] == ["2", "3", "4"]
    assert out["norms"]["curve"] is not None
    view.show_result(compare_result(data=stepped(inert=True)))
    assert view.read_out()["norms"]["curve"] is None


def test_one_prompt_and_equal_lengths_are_drawn(view):
    result = compare_result(prompts=compare_result().prompts[:1])
    data = {
        name: np.asarray(value[0])[..., None]
        for name, value in result.data.items()
        if isinstance(value, tuple)
    }
    view.show_result(compare_result(prompts=result.prompts, data=data))
    out = view.read_out()
    assert out["state"] == "result"
    assert len(out["error"].lines) == 1


def test_a_strangers_result_is_refused_in_a_sentence(view):
    broken = compare_result(data={"tolerance": "none"})
    view.show_result(broken)
    assert "incomplete" in view.read_out()["failure"]


@pytest.mark.parametrize("prompt", [0, 1])
def test_streams_that_overflow_are_drawn_on_every_page(view, selection, prompt):
    view.show_result(overflowed())
    selection.select_prompt(prompt)
    for page in ("By layer", "By token", "Heads", "Norms"):
        press(view, page)
        out = view.read_out()
        assert out["failure"] == ""
        assert not view.picture().isNull()
    low, high = out["error"].reach()[1]
    assert low < np.log10(2.9e-4) < high < 3
    assert np.isfinite(out["norms"]["curve"].reach()[1]).all()


@pytest.mark.parametrize("width", [520, 1000, 1600])
def test_every_width_has_a_picture(make_view, width):
    view = make_view("compare", width, 620)
    for changes in ({}, {"heads": True}, {"steps": True}, {"verdict": "shifted"}):
        view.show_result(compare_result(**changes))
        assert not view.picture().isNull()


def test_the_form_reads_the_second_model_to_the_letter(view):
    view.set_params(CompareParams(with_model="gpt2", with_layernorm="eps", rank_heads=True))
    assert view.params().with_model == "gpt2"
    assert view.read_out()["settings"] == "with gpt2 · norms: eps · rank heads"
    view.set_params(CompareParams())
    assert view.read_out()["settings"] == "with the same model"
