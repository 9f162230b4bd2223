from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.analyses.compose import picture as compose_data
from desktop_app.analyses.compose.spec import DIRECTIONS, OV_DIRECTIONS, ComposeParams
from desktop_app.analyses.compose.view import CircuitPanels
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, press
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def compose_result(*, circuits=False, **changes):
    """Three layers of two heads; by keys L1H1 reads L0H0 three times as much as chance."""
    score = np.zeros((3, 3, 2, 3, 2))
    for early in range(3):
        for late in range(early + 1, 3):
            score[:, early, :, late, :] = 0.1
    score[1, 0, 0, 1, 1] = 0.3
    score[1, 1, 0, 2, 0] = 0.05
    data = {
        "score": score,
        "kinds": ("Q", "K", "V"),
        "baseline": np.array([0.1, 0.1, 0.2]),
        "baseline_spread": np.array([0.01, 0.01, 0.01]),
    }
    if circuits:
        tokens = ({"id": 1, "piece": "a", "text": "a"}, {"id": 2, "piece": "Ġb", "text": " b"})
        for prefix, directions in (("", DIRECTIONS), ("ov_", OV_DIRECTIONS)):
            data |= {
                f"{prefix}top1": np.array([0.25, 0.5]),
                f"{prefix}top5": np.array([0.75, 1.0]),
                f"{prefix}n": 20,
                f"{prefix}directions": directions,
                f"{prefix}block": np.array([[2.0, -1.0], [0.0, 3.0]]),
                f"{prefix}block_tokens": tokens,
            }
    model = drawn.model(n_layers=3, n_heads=2)
    return drawn.result_of("compose", data, prompts=(), model=model, **changes)


@pytest.fixture
def view(make_view):
    view = make_view("compose")
    view.show_result(compose_result())
    return view


def test_rows_are_later_heads_and_columns_earlier_ones():
    shown = compose_data.pair_map(compose_result(), "K")
    assert shown.later == ((1, 0), (1, 1), (2, 0), (2, 1))
    assert shown.earlier == ((0, 0), (0, 1), (1, 0), (1, 1))
    assert shown.values[1, 0] == 0.3
    assert np.isnan(shown.values[0, 2])  # L1H0 cannot read its own layer
    assert np.isfinite(shown.values[2, 2])
    assert compose_data.pair_at(shown, 1, 0) == ((0, 0), (1, 1))
    assert compose_data.pair_at(shown, 0, 2) is None
    assert compose_data.cell_of(shown, ((0, 0), (1, 1))) == (1, 0)
    assert compose_data.cell_of(shown, ((2, 0), (1, 1))) is None


def test_chance_is_the_middle_of_the_colours():
    shown = compose_data.pair_map(compose_result(), "K")
    assert shown.matrix(compose_result(), "K").limits == pytest.approx((-0.1, 0.3))
    assert compose_data.baseline_text(shown) == "random 0.100 ± 0.010"


def test_a_model_of_one_layer_has_no_pairs():
    score = np.zeros((3, 1, 2, 1, 2))
    single = drawn.result_of("compose", {**compose_result().data, "score": score}, prompts=())
    shown = compose_data.pair_map(single, "K")
    assert np.isnan(shown.values).all()
    assert compose_data.top_pairs(shown).rows == ()


def test_the_strongest_pair_stands_first_with_times_chance():
    ranking = compose_data.top_pairs(compose_data.pair_map(compose_result(), "K"))
    assert ranking.rows[0].key == ((0, 0), (1, 1))
    assert ranking.rows[0].values == ("L0H0 → L1H1", 0.3, pytest.approx(3.0))
    assert len(ranking.rows) == 12
    assert ranking.values("pair")[-1] == "L1H0 → L2H0"


def test_pairs_of_one_head_are_listed_alone():
    shown = compose_data.pair_map(compose_result(), "K")
    pairs = [row.key for row in compose_data.top_pairs(shown, (1, 1)).rows]
    assert len(pairs) == 4
    assert all((1, 1) in pair for pair in pairs)


def test_a_pair_is_told_beside_chance():
    assert compose_data.pair_sentence(compose_result(), ((0, 0), (1, 1))) == (
        "L0H0 → L1H1: Q 0.100 (1.0 × random) · K 0.300 (3.0 × random) · V 0.100 (0.5 × random)"
    )


def test_the_map_opens_on_keys_and_names_chance(view):
    assert view.read_out()["kind"] == "K"
    assert view.read_out()["maps"][0].values[1, 0] == 0.3
    assert "random 0.100 ± 0.010" in view.read_out()["chance"]
    assert "random 0.100 ± 0.010" in view.read_out()["maps"][0].name
    assert view.read_out()["maps"][0].rows.labels == ["L1H0", "L1H1", "L2H0", "L2H1"]


def test_only_what_was_measured_can_be_chosen(make_view):
    view = make_view("compose")
    whole = compose_result().data
    data = {"kinds": ("V",), **{n: whole[n][2:] for n in ("score", "baseline", "baseline_spread")}}
    view.show_result(drawn.result_of("compose", data, prompts=()))
    assert view.read_out()["kind"] == "V"
    assert "random 0.200" in view.read_out()["chance"]


def test_a_click_selects_the_later_head_and_tells_the_pair(view, selection):
    find(view, Heatmap).cell_clicked.emit(1, 0)
    assert (selection.layer, selection.head) == (1, 1)
    assert "K 0.300 (3.0 × random)" in view.read_out()["told"]
    assert view.read_out()["chosen"] == ((0, 0), (1, 1))
    find(view, Heatmap).cell_clicked.emit(0, 2)  # no such pair: nothing changes
    assert (selection.layer, selection.head) == (1, 1)


def test_the_list_marks_the_cell(view):
    find(view, RankingList, "Strongest pairs").row_selected.emit(((0, 1), (2, 0)))
    assert view.read_out()["selected"] == (2, 1)


def test_the_list_follows_the_selected_head(view, selection):
    press(view, "Selected head")
    selection.select_head(2, 1)
    assert len(view.read_out()["pairs"]) == 4


def test_a_pair_is_followed_over_the_vocabulary(view, heard):
    asked = heard(view.run_requested)
    find(view, Heatmap).cell_clicked.emit(1, 0)
    press(view, "Full circuit")
    press(view, "Copying of L1H1")
    assert asked == [
        (ComposeParams(full_circuit="0.0,1.1"),),
        (ComposeParams(full_circuit="0.0,1.1", ov="1.1"),),
    ]


def test_circuits_print_n_and_both_directions(view):
    params = {"full_circuit": "0.0,1.1", "ov": "1.1", "embedding": "layer0"}
    view.show_result(compose_result(circuits=True, params=params))
    assert view.pages.page() == "circuits"
    first, second = view.read_out()["circuits"]
    assert first["title"] == "Full circuit L0H0 → L1H1"
    assert first["sentence"] == (
        "n = 20 tokens (drawn at random) · stream after layer 0 · by chance top-1 0.0500"
    )
    assert second["title"] == "Copying circuit of L1H1"
    assert first["maps"][0].rows.labels == ["a", "␠b"]
    assert first["maps"][0].values[1, 1] == 3.0
    shown = compose_data.circuits(view.current_result)
    assert shown[1].rows == (
        ("best output for each source", 0.25, 0.75),
        ("best source for each output", 0.5, 1.0),
    )
    assert view.picture_widget() is find(view, CircuitPanels)


def test_a_copying_circuit_alone_is_told_once():
    result = compose_result(circuits=True, params={"full_circuit": "", "ov": "1.1"})
    assert [shown.title for shown in compose_data.circuits(result)] == ["Copying circuit of L1H1"]


def test_the_whole_vocabulary_is_called_so():
    result = compose_result(circuits=True, params={"ov": "-1.1"})
    result.data["ov_n"] = 50
    shown = compose_data.circuits(result)[0]
    assert shown.sentence.startswith("n = 50 tokens (the whole vocabulary) · raw embedding")
    assert shown.title == "Copying circuit of L2H1"


def test_without_circuits_the_settings_are_offered(view):
    assert view.pages.page() == "pairs"
    press(view, "Circuits")
    press(view, "Open the settings")
    assert view.read_out()["form"]


def test_the_prompt_tables_selection_is_left_alone(view, selection):
    selection.select_prompt(3)
    view.show_result(compose_result())
    assert selection.prompt == 3


def test_a_view_is_freed(themed):
    view = create_view("compose", Selection())
    view.show_result(compose_result(circuits=True, params={"ov": "1.1"}))
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None


def test_the_colour_bar_begins_where_scores_do(view):
    shown = compose_data.pair_map(compose_result(), "K")
    bar = find(find(view, Heatmap), ColorBar)
    assert bar.read_out()["seen"] == (0.0, shown.matrix(compose_result(), "K").limits[1])
    assert shown.baseline in bar.marks(5)


def test_scores_are_not_cut_and_heads_are_named(make_view):
    view = make_view("compose", 715, 624)
    view.show_result(compose_result())
    QApplication.processEvents()
    assert find(view, RankingList, "Strongest pairs").columnWidth(1) >= 70
    assert find(view, Heatmap).cell_text(1, 0).startswith("Later head (reads) L1H1")
