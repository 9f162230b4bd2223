"""What is said and drawn of probes: no more than the held-out prompts bear."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.analyses.probe import charts, picture
from desktop_app.analyses.probe.explain import WHATS, explain
from desktop_app.analyses.probe.places import place_words, vector_place
from desktop_app.analyses.probe.probed import Probed, wilson
from desktop_app.pictures.facts import Place
from desktop_app.pictures.naming import result_name
from desktop_app.pictures.shown import SoFar
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_table import table_of
from tests.analyses.probe.sample import HELD_OUT, LAYERS, fields, result


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    # From Newcombe (1998), table I, method 3, and Wilson's formula at the ends.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_intervals_are_those_of_wilson(right, count, low, high):
    assert wilson(right, count) == pytest.approx((low, high), abs=1e-4)


def test_an_interval_of_nothing_is_none():
    assert np.isnan(wilson(0, 0)).all()
    assert np.isnan(wilson(np.nan, 5)).all()


def test_the_heading_says_what_it_stands_on():
    probed = Probed.of(result())
    assert picture.headline(probed) == "Best: 100.0 % (4 of 4) held out, after block 1"
    said = picture.sentence(probed)
    assert "95 % interval 51 to 100 %" in said
    assert "shuffled labels 50 %, and 100 % anywhere in 0 of 4 shuffles" in said
    assert "commonest label 50 %" in said
    made = picture.made_sentence(probed)
    assert "labels “cat”, “dog”" in made
    assert "fitted on 6 prompts, 4 held out" in made


def test_what_shuffled_labels_reach_is_not_told_apart():
    data = fields()
    data["accuracy_control_each"] = data["accuracy_control_each"].copy()
    data["accuracy_control_each"][4, 0] = 1.0  # in another row: the best of many is lucky
    probed = Probed.of(dataclasses.replace(result(), data=data))
    assert picture.headline(probed).startswith("Not told apart for sure, at best 100.0 % (4 of 4)")
    assert "1 of 4 shuffles" in picture.sentence(probed)


def test_where_several_are_as_good_a_shuffle_must_reach_it_in_as_many_places():
    data = fields()
    data["accuracy"] = np.array([0.5, 1.0, 1.0, 1.0, 0.5])
    data["accuracy_control_each"] = np.array([[0.5] * 4] * 5)
    data["accuracy_control_each"][:2, 0] = 1.0
    probed = Probed.of(dataclasses.replace(result(), data=data))
    assert (probed.as_good, probed.reached) == (3, 0)
    assert "100 % in as many places in 0 of 4 shuffles" in picture.sentence(probed)
    data["accuracy_control_each"][2, 0] = 1.0
    assert Probed.of(dataclasses.replace(result(), data=data)).reached == 1


def test_what_reaches_down_to_the_commonest_label_is_not_told_apart():
    probed = Probed.of(dataclasses.replace(result(), data={**fields(), "majority": 0.6}))
    assert picture.headline(probed).startswith("Not told apart for sure")


def test_rows_that_are_as_good_are_counted():
    data = fields()
    data["accuracy"] = np.full(LAYERS + 1, 1.0)
    probed = Probed.of(dataclasses.replace(result(), data=data))
    assert probed.best == (0, 0)
    assert "before block 0 and in 4 other places" in picture.headline(probed)


def test_the_curves_have_the_interval_the_shuffles_and_the_majority():
    probed = Probed.of(result())
    curves = charts.curves(probed, 0)
    held, shuffled, highest = curves.lines
    np.testing.assert_allclose(held.values, np.array([2, 2, 4, 3, 2]) / 4)
    assert (held.low[2], held.high[2]) == pytest.approx(wilson(4, 4))
    np.testing.assert_allclose(shuffled.values, 0.5)
    np.testing.assert_allclose(highest.values, 0.75)
    assert curves.marks[0].value == 0.5
    assert curves.across.label(-1.0) == "in"
    assert curves.x.tolist() == [-1, 0, 1, 2, 3]
    told = curves.text(3)
    assert told.startswith("After block 2\nheld out 75.0 % (3 of 4), 95 % interval 30 to 95 %")
    assert "shuffled labels 50.0 % (25 % to 75 % in 4 shuffles)" in told
    assert curves.text(0).startswith("Before block 0")


def test_the_map_is_row_by_position_and_names_tokens_that_all_prompts_share():
    probed = Probed.of(result(each=True))
    shown = charts.accuracy_map(probed, charts.HELD_OUT)
    assert shown.values.shape == (LAYERS + 1, 3)
    assert shown.limits == (0.0, 1.0)
    assert list(shown.columns.labels) == ["0", "␠", "2"]
    assert shown.tip_text(2, 1).startswith("After block 1, position 1\nheld out 100.0 % (4 of 4)")
    np.testing.assert_allclose(charts.accuracy_map(probed, charts.SHUFFLED).values, 0.5)


def test_confusion_counts_held_out_prompts_and_the_wrong_ones_come_first():
    probed = Probed.of(result())
    shown = charts.confusion(probed, (3, 0))
    assert shown.values.tolist() == [[2, 0], [1, 1]]
    assert shown.tip_text(1, 0) == "“dog”: 1 of 2 held-out prompts is said to be “cat”"
    listed = charts.prompts(probed, (3, 0))
    assert [row.key for row in listed.rows] == [8, 3, 4, 9]
    assert [row.emphasis for row in listed.rows] == ["bad", "good", "good", "good"]
    assert set(listed.values("prompt")) == set((np.flatnonzero(HELD_OUT) + 1).tolist())


def test_a_run_that_goes_on_is_drawn_as_far_as_it_is():
    data = fields()
    for name in ("accuracy", "accuracy_control_each", "accuracy_train", "gap", "direction"):
        data[name] = data[name].copy()
        data[name][3:] = np.nan
    data["predicted"] = data["predicted"].copy()
    data["predicted"][3:] = -1
    probed = Probed(SoFar(data), {"site": "attn_out"})
    assert "attention output of block 1" in picture.headline(probed)
    assert charts.cell_tip(probed, (4, 0)).endswith("no probe")
    assert picture.cell_sentence(probed, (4, 0)) == "Attention output of block 3: no probe"
    assert charts.prompts(probed, (4, 0)).values("says") == [""] * 4
    nothing = {**data, "accuracy": np.full(LAYERS + 1, np.nan)}
    none = Probed(SoFar(nothing), {})
    assert picture.headline(none) == "No probe: no activation is a number"
    assert picture.sentence(none) == ""


@pytest.mark.parametrize(
    ("site", "row", "place", "words"),
    [
        ("resid_post", 0, (0, "resid_pre"), "before block 0"),
        ("resid_post", 3, (2, "resid_post"), "after block 2"),
        ("resid_pre", 3, (3, "resid_pre"), "after block 2"),
        ("resid_pre", 4, (3, "resid_post"), "after block 3"),
        ("mlp_out", 1, (0, "mlp_out"), "MLP output of block 0"),
        ("attn_out", 0, (0, "resid_pre"), "before block 0"),
    ],
)
def test_rows_are_places_that_an_intervention_can_name(site, row, place, words):
    assert vector_place(site, row, 4) == place
    assert place_words(site, row) == words


def test_directions_are_told_with_their_gap_or_not_at_all():
    probed = Probed.of(result())
    assert picture.direction_words(probed, (1, 0)) == "“cat” → “dog”, means 2.50 apart"
    assert picture.direction_words(probed, (0, 0)) == ""


def test_facts_are_those_of_the_read_token_alone():
    shown = result()
    (fact,) = picture.cell_facts(shown, Place(0, 1, None, 2))
    assert fact.value == "100.0 % (4 of 4)"
    assert "after block 1" in fact.tip
    assert picture.cell_facts(shown, Place(0, 1, None, 0)) == []
    assert picture.cell_facts(shown, Place(0, 99, None, 2)) == []
    assert picture.cell_facts(shown, Place(99, 1, None, 2)) == []
    (fact,) = picture.cell_facts(result(each=True), Place(0, 2, None, 1))
    assert fact.value == "75.0 % (3 of 4)"
    assert picture.cell_facts(result(each=True), Place(0, 2, None, 9)) == []


@pytest.mark.parametrize("each", [False, True])
def test_every_number_is_taken_apart(each):
    shown = result(each=each)
    for what in WHATS:
        told = explain(shown, what, Place(0, 1, None, 1))
        assert told is not None
        assert told.working
        assert "nan" not in told.text()
    assert "4 / 4 = 100.0 %" in explain(shown, "accuracy", Place()).working
    assert explain(shown, "nothing", Place()) is None


@pytest.mark.parametrize("each", [False, True])
def test_tables_and_a_terminal_say_the_same(each):
    shown = result(each=each)
    heads, rows = table_of(shown)
    assert heads[: 1 + each] == ["layer", "position"][: 1 + each]
    assert len(rows) == (LAYERS + 1) * (3 if each else 1)
    cells = dict(zip(heads, rows[2 * 3 + 1 if each else 2], strict=True))
    assert float(cells["accuracy"]) == 1
    assert float(cells["control_high"]) == 0.75
    assert float(cells["low"]) == pytest.approx(wilson(4, 4)[0])
    told = as_text(shown)
    assert "Best: 100.0 % (4 of 4) held out, after block 1" in told
    assert len([line for line in told.splitlines() if "50.0 %" in line]) >= LAYERS


def test_the_history_names_labels():
    assert "cat or dog" in result_name(result())
    several = {**fields(), "labels": ("a", "b", "c")}
    assert "3 labels" in result_name(dataclasses.replace(result(), data=several))
