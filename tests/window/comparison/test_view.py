from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox

from desktop_app.contract.result import AnswerRecord
from desktop_app.views.choosers import Choosers
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.window.comparison.view import ComparisonView
from tests.finding import choose, find, press
from tests.samples import stored

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def changed(result, **data):
    return replace(result, data={**result.data, **data})


@pytest.fixture
def view(qtbot):
    made = ComparisonView()
    qtbot.addWidget(made)
    made.resize(1100, 760)
    return made


def test_settings_that_differ_stand_in_the_table(view):
    left = stored.ablate_result()
    right = replace(left, params={**left.params, "top": 11, "reference": ("a ", "c")})
    view.show_pair(left, right, ("one", "two\nlines"))
    assert view.read_out()["changes"] == [
        ("reference", "a␠ · b", "a␠ · c"),
        ("top", "10", "11"),
    ]
    assert view.read_out()["sentence"] == "2 settings differ."
    assert "\n" not in view.read_out()["heading"]


def test_map_and_scatter_show_the_chosen_field(view):
    left = stored.ablate_result()
    right = changed(left, effect_mean=left.data["effect_mean"] + 0.5)
    view.show_pair(left, right, ("one", "two"))
    assert view.read_out()["field"] == "effect mean"
    np.testing.assert_allclose(view.read_out()["map"], 0.5)
    assert len(view.read_out()["scatter"].x) == 8
    assert view.read_out()["facts"].startswith("8 cells · ")
    assert "largest difference 0.5000" in view.read_out()["facts"]
    press(view, "Second")
    np.testing.assert_allclose(view.read_out()["map"], right.data["effect_mean"])


def test_axes_that_do_not_fit_are_chosen(view, qtbot):
    left = stored.ablate_result()
    effect = left.data["effect"].copy()
    effect[..., 1] += 2
    view.show_pair(left, changed(left, effect=effect), ("one", "two"))
    choose(find(view, QComboBox, "Field"), "effect")
    assert list(view.read_out()["places"]) == ["prompt"]
    chooser = find(view, Choosers).box("prompt")
    assert (chooser.accessibleName(), chooser.currentIndex()) == ("Prompt", 1)  # they part there
    np.testing.assert_allclose(view.read_out()["map"], 2)
    choose(chooser, 0)
    np.testing.assert_allclose(view.read_out()["map"], 0)


def test_cell_and_dot_are_linked(view, qtbot):
    left = stored.ablate_result()
    right = changed(left, effect_mean=-left.data["effect_mean"])
    view.show_pair(left, right, ("one", "two"))
    view.show()
    qtbot.waitExposed(view)
    # Every cell has its dot, row by row of four heads.
    find(view, Plot, "Scatter of both results").point_clicked.emit(6)
    assert view.read_out()["selected"] == (1, 2)
    find(view, Heatmap).cell_clicked.emit(0, 3)
    assert view.read_out()["dot"] == 3
    assert "L1H3" in view.read_out()["scatter"].text(3)
    assert "difference" in view.read_out()["scatter"].text(3)


def test_results_without_numbers_say_so(view):
    left = stored.tokens_result()
    data = {k: v for k, v in left.data.items() if k != "lengths"}
    left = replace(left, data=data)
    view.show_pair(left, left, ("one", "two"))
    assert not view.read_out()["drawn"]
    assert view.pair() is None
    assert view.read_out()["sentence"].startswith("Both were made with the same")


@pytest.mark.parametrize("name", stored.ALL)
def test_every_analysis_compares_with_itself(view, name):
    result = stored.ALL[name]()
    view.show_pair(result, result, ("one", "two"))
    fields = find(view, QComboBox, "Field")
    for index in range(fields.count()):
        choose(fields, index)
        assert not np.nan_to_num(view.read_out()["map"]).any()


def test_values_are_written_plainly(view):
    result = stored.ablate_result()
    told = {"list": ["Thursday"], "none": (), "text": "", "null": None, "flag": True, "half": 0.5}
    asked = AnswerRecord("Friday", stored.tokens_of("Friday"))
    prompts = (result.prompts[0], replace(result.prompts[1], answers=(asked,)))
    left = replace(result, params={**result.params, **told})
    right = replace(result, prompts=prompts)
    view.show_pair(left, right, ("one", "two"))
    rows = {name: (first, second) for name, first, second in view.read_out()["changes"]}
    assert [rows[name][0] for name in told] == ["Thursday", "–", "–", "–", "yes", "0.5"]
    assert {rows[name][1] for name in told} == {"not in this one"}
    assert "prompt 2 · answers" in rows


def test_long_titles_do_not_widen_the_comparison(view):
    left = stored.ablate_result()
    view.show_pair(left, left, ("15 · Ablation · The quick brown fox jumps over the" * 2, "two"))
    assert view.minimumSizeHint().width() < 1000
