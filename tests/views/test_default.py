from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.spec import FieldSpec
from desktop_app.pictures.curves import Curves
from desktop_app.pictures.fields import MEAN, entries
from desktop_app.pictures.matrix import Matrix
from desktop_app.pictures.ranking import Ranking
from desktop_app.pictures.slicing import source
from desktop_app.session.store import Session
from desktop_app.views.choosers import Choosers
from desktop_app.views.default import DefaultView
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.analyses.compose.test_view import compose_result
from tests.analyses.repeat.test_view import repeat_result
from tests.finding import choose, find
from tests.samples import drawn, lensed, patching, stored
from tests.samples.heads import detect_result

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints|raise")]

RESULTS = {
    "tokens": drawn.tokens_result,
    "rank": drawn.rank_result,
    "ablate": drawn.ablate_result,
    "attention": drawn.attention_result,
    "patch": patching.patch_result,
    "patch, heads": patching.heads_result,
    "patch, ragged": patching.ragged_result,
    "patch, layers": patching.layers_result,
    "hand_patch": patching.hand_result,
    "lens": lensed.lens_result,
    "lens, ragged": lensed.ragged_result,
    "detect": lambda: detect_result(card=True),
    "repeat": repeat_result,
    "compose": lambda: compose_result(circuits=True, params={"ov": "1.1"}),
    **{f"{name}, stored": make for name, make in stored.ALL.items()},
}


def of_fields(fields, data, **changes):
    """Return a result of an analysis that nobody has."""
    fields = tuple(FieldSpec(name, axes, f"what {name} is") for name, axes in fields.items())
    return drawn.result_of("elsewhere", data, fields=fields, **changes)


@pytest.fixture
def view(qtbot, selection):
    made = DefaultView(ANALYSES["ablate"], selection)
    qtbot.addWidget(made)
    made.resize(1000, 700)
    made.show()
    qtbot.waitExposed(made)
    return made


def on_screen(view):
    return view.drawn().drawn


def walk(view):
    """Look at every field, at the first and last place of every axis."""
    for title in view.fields():
        view.show_field(title)
        for name in view.read_out()["places"]:
            box = find(view, Choosers).box(name)
            for index in (0, box.count() - 1):
                box.setCurrentIndex(index)
                box.activated.emit(index)


@pytest.mark.parametrize("name", RESULTS)
def test_every_field_of_every_analysis_is_drawn(view, name):
    result = RESULTS[name]()
    view.show_result(result)
    listed = {entry.name for entry in entries(source(result))}
    for field, value in result.data.items():
        spec = source(result).specs.get(field)
        single = not isinstance(value, (tuple, list)) and getattr(value, "ndim", 0) == 0
        labels = spec is not None and bool(spec.labels)
        twin = field.endswith("_mean") and field.removesuffix("_mean") in listed
        assert single or labels or twin or field in listed
    walk(view)
    view.grab()


@pytest.mark.parametrize("name", stored.ALL)
def test_a_result_opened_from_a_session_is_drawn_as_it_was(view, tmp_path, name):
    result = stored.ALL[name]()
    view.show_result(result)
    before = view.fields()
    with Session.create(tmp_path / "s.lens") as session:
        view.show_result(session.load(session.add(result)))
        assert view.fields() == before
        walk(view)


HOSTILE = {
    "ragged": {"f": (np.ones((2, 3)), np.ones((4, 1)))},
    "ragged, other axes": {"f": (np.ones((2, 3)), np.ones(4))},
    "empty": {"f": np.zeros((0, 3)), "g": (), "h": []},
    "nothing": {},
    "no number": {"f": np.full((2, 3), np.nan), "g": np.full(3, np.nan)},
    "infinite": {"f": np.array([[np.inf, 1.0], [-np.inf, np.nan]])},
    "all equal": {"f": np.full((2, 3), 7.0), "g": np.full(3, -7.0)},
    "objects": {"f": np.array([["a", "b"], [None, 3]], dtype=object), "g": np.array(["x", "y"])},
    "many axes": {"f": np.arange(72.0).reshape(2, 3, 2, 3, 2)},
    "one cell": {"f": np.ones((1, 1)), "g": np.ones(1)},
    "huge": {"f": np.array([[1e300, -1e300]]), "g": np.arange(20_000.0)},
    "whole": {"f": np.array([[1, -2], [3, 4]]), "g": np.array([True, False])},
    "tables": {"f": ({"a": 1}, {"b": (1, 2), "c": {"d": None}}), "g": ({"a": 1}, 3, None)},
    "single": {"f": 1.5, "g": "text", "h": None, "i": {"a": 1}, "j": np.float64(2), "k": True},
    "markup": {"f": "<b>x</b>", "g": ("<i>", "\n\t\x00"), "h": np.ones((2, 2))},
}


AXES = (
    ("layer", "head"),
    ("prompt", "layer"),
    ("prompt",),
    ("query", "key"),
    ("what", "ever"),
    ("a", "b", "c", "prompt", "e"),
    (),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_result_stops_the_view(view, name):
    data = HOSTILE[name]
    for axes in AXES:
        view.show_result(of_fields(dict.fromkeys(data, axes), data))
        walk(view)
    view.show_result(of_fields({}, data, prompts=()))
    walk(view)
    view.grab()


def test_names_of_another_length_are_not_used(view):
    fields = {"f": ("layer", "head")}
    data = {"f": np.ones((2, 3)), "layers": np.arange(9)}
    result = of_fields(fields, data)
    labels = FieldSpec("layers", ("layer",), "", labels="layer")
    view.show_result(replace(result, fields=(*result.fields, labels)))
    assert view.drawn().rows.labels == ("0", "1")


def test_a_map_begins_with_the_mean_and_goes_on_to_prompts(view, selection):
    result = drawn.ablate_result()
    view.show_result(result)
    assert view.fields()[0] == "effect"
    assert isinstance(on_screen(view), Matrix)
    np.testing.assert_array_equal(on_screen(view).values, result.data["effect_mean"])
    box = find(view, Choosers).box("prompt")
    assert box.currentText() == MEAN
    selection.select_prompt(1)
    np.testing.assert_array_equal(on_screen(view).values, result.data["effect_mean"])
    choose(box, 2)
    np.testing.assert_array_equal(on_screen(view).values, result.data["effect"][:, :, 1])
    selection.select_prompt(0)
    np.testing.assert_array_equal(on_screen(view).values, result.data["effect"][:, :, 0])


def test_the_ranking_beside_a_map_has_the_strongest_first(view):
    view.show_result(drawn.ablate_result())
    assert on_screen(view).diverging
    assert [row[0] for row in view.read_out()["rows"]][:2] == ["L5H3", "L4H2"]


def test_a_click_selects_head_and_the_selection_marks_the_cell(view, selection, qtbot):
    view.show_result(drawn.ablate_result())
    find(view, Heatmap).cell_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 3)
    assert view.read_out()["chosen"] == (1, 3)
    selection.select_head(4, 2)
    assert view.read_out()["selected"] == (0, 2)
    qtbot.keyClick(find(view, RankingList, "Strongest cells"), Qt.Key.Key_Home)
    assert (selection.layer, selection.head) == (5, 3)
    assert view.read_out()["selected"] == (1, 3)


def test_positions_and_pairs_are_selected(view, selection):
    view.show_result(patching.patch_result())
    find(view, Heatmap).cell_clicked.emit(1, 4)
    assert (selection.layer, selection.head, selection.position) == (5, None, 4)
    view.show_result(drawn.attention_result())
    find(view, Heatmap).cell_clicked.emit(3, 1)
    assert selection.pair == (3, 1)


def test_heads_of_a_pattern_follow_the_selection(view, selection):
    result = drawn.attention_result()
    view.show_result(result)
    selection.select_head(5, 2)
    assert view.read_out()["places"] | {"layer": 1, "head": 2} == view.read_out()["places"]
    np.testing.assert_array_equal(on_screen(view).values, result.data["pattern"][0][1, 2])
    box = find(view, Choosers).box("head")
    choose(box, 3)
    assert (selection.layer, selection.head) == (5, 3)


def test_one_axis_is_a_curve_with_its_spread(view, selection):
    fields = {"f": ("layer", "prompt"), "f_mean": ("layer",), "f_sem": ("layer",)}
    values = np.array([[1.0, 3.0], [5.0, 5.0], [2.0, 0.0]])
    data = {"f": values, "f_mean": values.mean(1), "f_sem": np.array([1.0, 0.0, 1.0])}
    view.show_result(of_fields(fields, data))
    curve = on_screen(view)
    assert isinstance(curve, Curves)
    assert curve.lines[0].low.tolist() == [1.0, 5.0, 0.0]
    find(view, Plot).point_clicked.emit(2)
    assert selection.layer == 2
    assert not curve.lines[0].bars


def test_names_side_by_side_are_bars(view):
    view.show_result(of_fields({"f": ("kind",)}, {"f": np.array([1.0, -2.0]), "kinds": ("K", "Q")}))
    assert on_screen(view).lines[0].bars
    assert on_screen(view).across.labels == ("K", "Q")


def test_a_value_per_prompt_is_a_table(view, selection):
    view.show_result(drawn.rank_result())
    assert view.fields()[0] == "logit diff"
    assert isinstance(on_screen(view), Ranking)
    assert view.read_out()["rows"][0][0].startswith("1 · ")
    find(view, RankingList, "Values").row_selected.emit(1)
    assert selection.prompt == 1


def test_single_values_are_told_with_meaning_and_unit(view):
    view.show_result(patching.hand_result())
    view.show_field("single values")
    assert ("clean", "4 logit difference", "The metric of the clean run") in view.read_out()["rows"]


def test_parts_are_drawn_as_they_come(view):
    result = drawn.ablate_result()
    view.show_busy(True)
    view.show_partial({"effect_mean": np.full((3, 4), np.nan), "layers": result.data["layers"]})
    assert np.isnan(on_screen(view).values).all()
    view.show_partial({"effect_mean": result.data["effect_mean"]})
    assert view.drawn().rows.labels == ("4", "5", "6")
    np.testing.assert_array_equal(on_screen(view).values, result.data["effect_mean"])
    view.show_result(result)
    view.show_busy(True)
    view.show_partial({"base": np.array([1.0, 2.0])})
    assert view.fields() == ("base",)
    view.show_busy(False)
    assert view.fields()[0] == "effect"


def test_the_field_that_is_looked_at_stays(view):
    view.show_result(drawn.ablate_result())
    view.show_field("percent")
    view.show_result(drawn.ablate_result())
    assert view.read_out()["field"] == "percent"
    view.show_result(drawn.attention_result())
    assert view.read_out()["field"] == "pattern"


def test_results_of_their_own_sequences_leave_the_selected_prompt_alone(view, selection):
    selection.select_prompt(3)
    view.show_result(compose_result())
    assert selection.prompt == 3
    view.show_result(drawn.ablate_result())
    assert selection.prompt == 0


def test_the_picture_is_what_an_export_draws(view):
    view.show_result(drawn.ablate_result())
    assert view.picture_widget().isAncestorOf(find(view, Heatmap))
    view.show_field("base")
    assert view.picture_widget().isAncestorOf(find(view, RankingList, "Values"))


def test_a_view_is_freed(themed):
    view = DefaultView(ANALYSES["ablate"], Selection())
    view.show_result(drawn.ablate_result())
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None
