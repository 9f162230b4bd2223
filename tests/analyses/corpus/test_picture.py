from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.analyses.corpus import picture as data_of
from desktop_app.analyses.corpus.explain import WHATS, explain
from desktop_app.analyses.corpus.measures import HABITS, MEASURES, Heads, borrowed
from desktop_app.analyses.corpus.places import (
    GAP,
    TENTHS,
    TOP,
    Place,
    Words,
    around,
    list_words,
    none_words,
    place_words,
    places,
    tenth_words,
    where_words,
)
from desktop_app.analyses.corpus.spec import ANALYSIS
from desktop_app.analyses.corpus.verdict import COUNTS, FEWEST, HABIT, RULE, ordinal, verdict
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.pictures.facts import Place as Selected
from desktop_app.pictures.words import part_name
from desktop_app.session.export_table import table_of
from tests.samples import drawn
from tests.samples.read_text import LENGTH, corpus_result, effects_result

ABLATION = "Ablation · zero, 10:31"


@pytest.fixture(scope="module")
def result():
    return corpus_result()


@pytest.fixture(scope="module")
def heads(result):
    effects = borrowed([(ABLATION, effects_result())], result.model, (3, 4))
    return Heads(result.data, effects)


def test_every_measure_of_the_spec_has_a_title(result):
    of_heads = {f.name for f in ANALYSIS.fields if f.axes == ("layer", "head")}
    assert {m.key for m in MEASURES} == of_heads == set(WHATS)
    assert set(HABITS) < of_heads


def test_heads_are_ordered_by_a_measure_as_a_sort_orders_them(heads):
    for measure in heads.measures():
        values = heads.values(measure.key)
        told = np.abs(values) if measure.sizes else values
        order = heads.order(measure)
        assert sorted(order) == list(np.ndindex(3, 4))
        assert [told[head] for head in order] == sorted(told.ravel(), reverse=True)
        for head in order:
            assert heads.standing(measure, head) == (1 + int((told > told[head]).sum()), 12)


def test_a_head_without_a_number_stands_nowhere(result):
    values = np.array(result.data["induction"])
    values[0] = np.nan
    heads = Heads({**result.data, "induction": values})
    measure = heads.measure("induction")
    assert heads.standing(measure, (0, 1)) == (0, 8)
    assert len(heads.order(measure)) == 8
    assert data_of.measure_rows(heads, (0, 1)).rows[0].values[1::2] == ("–", "")


def test_effects_are_borrowed_of_the_same_model_alone(result):
    own, shape = effects_result(), (3, 4)
    other = dataclasses.replace(own, model=drawn.model(fingerprint="ff00"))
    stopped = dataclasses.replace(own, warnings=(Notice(PARTIAL, "Layer 2 is missing."),))
    mlps = drawn.ablate_result(component="mlp")
    broken = drawn.result_of("ablate", {}, params={"component": "head"})
    lent = [("other", other), ("stopped", stopped), ("mlps", mlps), ("broken", broken)]
    assert borrowed(lent, result.model, shape) == ()
    assert borrowed([("text", result)], result.model, shape) == ()
    found = borrowed([*lent, (ABLATION, own), ("older", own)], result.model, shape)
    assert [one.title for one in found] == [ABLATION, "older"]
    assert found[0].prompts == 2
    np.testing.assert_array_equal(found[0].values, own.data["effect_mean"])


def test_the_newest_effect_is_that_on_my_prompts(result):
    lent = [(ABLATION, effects_result()), ("older", effects_result())]
    heads = Heads(result.data, borrowed(lent, result.model, (3, 4)))
    new, old = heads.measures()[-2:]
    assert (new.key, new.title, new.unit) == ("effect", "Effect on my prompts", "logit difference")
    assert (old.key, old.title) == ("effect1", "Effect: older")
    assert ABLATION in new.meaning
    assert heads.value("effect1", (2, 0)) == -2.0


def test_a_rising_loss_hurts_as_a_falling_logit_does(result):
    loss = effects_result(params={"component": "head", "metric": "loss", "positions": "all"})
    heads = Heads(result.data, borrowed([("loss", loss)], result.model, (3, 4)))
    assert "Removing L2H0 helps by 2.000 (loss" in verdict(heads, (2, 0)).sentence


def test_the_scatter_has_every_head_at_its_numbers(heads):
    up, across = heads.measure("induction"), heads.measure("effect")
    shown = data_of.scatter(heads, across, up, selected=(0, 1), picked=[(2, 0)])
    for layer, head in np.ndindex(3, 4):
        at = layer * 4 + head
        assert shown.x[at] == heads.value("effect", (layer, head))
        assert shown.y[at] == heads.value("induction", (layer, head))
        assert shown.text(at).startswith(f"L{layer}H{head}\n")
    assert shown.across.name == "Effect on my prompts (logit difference)"
    named = dict(shown.names)
    assert named[1] == "L0H1"
    assert named[8] == "L2H0"
    assert [at for at, tone in enumerate(shown.tones) if tone == "warn"] == [8]
    assert [key.name for key in shown.legend] == ["heads", "picked"]
    assert data_of.scatter(heads, across, up).tones == ()


def test_the_ends_of_both_axes_are_named_first(heads):
    up, across = heads.measure("induction"), heads.measure("previous")
    shown = data_of.scatter(heads, across, up, selected=(0, 2))
    told = [name for _at, name in shown.names]
    ends = [part_name(*heads.order(measure)[0]) for measure in (up, across)]
    assert told[:3] == ["L0H2", *ends]
    assert len(told) == len(set(told))


def test_a_measure_that_nobody_has_is_drawn_empty():
    heads = Heads({"duplicate": np.full((2, 2), np.nan), "previous": np.ones((2, 2))})
    shown = data_of.scatter(heads, heads.measure("previous"), heads.measure("duplicate"))
    assert np.isnan(shown.y).all()
    assert not np.isfinite(data_of.head_map(heads, heads.measure("duplicate")).values).any()


def test_shares_are_mapped_from_0_to_1_and_effects_about_0(heads):
    assert data_of.head_map(heads, heads.measure("first")).limits == (0.0, 1.0)
    effect = data_of.head_map(heads, heads.measure("effect"))
    assert effect.diverging
    assert effect.limits == (-2.0, 2.0)
    assert not data_of.head_map(heads, heads.measure("entropy")).diverging
    assert effect.tip(2, 0).startswith("L2H0\nInduction 1.000\n")


def test_the_table_holds_every_number(heads):
    shown = data_of.table_of_heads(heads)
    assert [column.key for column in shown.columns][:3] == ["head", "effect", "induction"]
    assert len(shown.rows) == 12
    row = shown.rows[shown.row_of((2, 0))]
    for column, value in zip(shown.columns[2:], row.values[2:], strict=True):
        key = {"itself": "current"}.get(column.key, column.key)
        assert value == heads.value(key, (2, 0))


def test_the_table_that_is_copied_has_a_row_per_head(result):
    headings, rows = table_of(result, 1, (2, 0))
    assert headings == ["layer", "head", *(measure.key for measure in MEASURES)]
    assert [tuple(map(int, row[:2])) for row in rows] == list(np.ndindex(3, 4))
    for at, measure in enumerate(MEASURES, 2):
        told = [float(row[at]) for row in rows]
        np.testing.assert_array_equal(told, result.data[measure.key].ravel())
    blank = {"previous": np.array([[np.nan, 0.5]])}
    assert data_of.table(drawn.result_of("corpus", blank))[1] == [["0", "0", ""], ["0", "1", "0.5"]]


@pytest.mark.parametrize(
    ("of_windows", "told"),
    [((0, 0, 1), "a small text, 2 files, in"), ((1, 1, 1), "a small text, 1 of its 2 files, in")],
)
def test_files_are_counted_that_were_read(result, of_windows, told):
    data = {**result.data, "window_file": np.array(of_windows)}
    assert told in data_of.text_sentence(data)


@pytest.mark.parametrize(
    ("head", "title", "says"),
    [
        ((2, 0), "A general head, used on your prompts", "1st of 12 heads by size. On this"),
        ((1, 3), "A general head, hardly used here", "less than 10 % of the largest"),
        ((0, 0), "Neither on your prompts nor by a habit", "no habit of those measured (most:"),
    ],
)
def test_the_verdict_rests_on_both_numbers(heads, head, title, says):
    found = verdict(heads, head)
    assert found.known
    assert found.title == title
    assert says in found.sentence


def test_an_effect_without_a_habit_may_be_the_tasks(result):
    effect = np.zeros((3, 4, 2))
    effect[0, 1] = -1.0
    heads = Heads(result.data, borrowed([("x", effects_result(effect))], result.model, (3, 4)))
    found = verdict(heads, (0, 1))
    assert found.title == "Perhaps a head of this task"
    first = result.data["first"][0, 1]
    assert f"position 0 gets {first:.2f}" in found.sentence


def test_without_an_ablation_the_question_stays_open(result):
    found = verdict(Heads(result.data), (2, 0))
    assert not found.known
    assert found.title == "Task head or general head?"
    assert found.sentence.endswith("Its effect on your prompts is not known yet.")
    unknown = effects_result(np.full((3, 4, 2), np.nan))
    assert borrowed([("x", unknown)], result.model, (3, 4)) == ()


def test_of_a_few_queries_no_habit_is_told(heads):
    few = dict.fromkeys(heads.data["n"], FEWEST - 1)
    found = verdict(Heads({**heads.data, "n": few}, heads.effects), (1, 3))
    assert (found.title, found.known) == ("Too little text to call it by a habit", False)
    assert found.sentence.endswith("Over fewer than 200 queries (199) no habit on text is told.")
    enough = Heads({**heads.data, "n": {**few, "previous": FEWEST}}, heads.effects)
    assert "its habit is previous token" in verdict(enough, (1, 3)).sentence
    # Of a measure that has few queries of its own nothing is told either.
    assert "its habit is" not in verdict(enough, (2, 0)).sentence


def test_a_head_without_a_habit_is_told_by_the_token_it_attends_to(heads):
    assert "; 40 % of its weight off position 0 goes to “␠the”." in verdict(heads, (0, 0)).sentence
    spread = {**heads.data, "attended_weight": np.full((3, 4, 10), 0.1)}
    assert "goes to" not in verdict(Heads(spread, heads.effects), (0, 0)).sentence
    assert "goes to" not in verdict(heads, (1, 3)).sentence  # its habit says more
    none = {**heads.data, "attended": np.full((3, 4, 10), -1)}
    assert "goes to" not in verdict(Heads(none, heads.effects), (0, 0)).sentence


def test_next_to_no_weight_is_no_strongest_place(result):
    top = np.array(result.data["top"])
    top[0, 0, 4:, 3] = 0.009
    top[0, 1, :, 3] = 0.0
    data = {**result.data, "top": top}
    assert [place.number for place in places(data, (0, 0), TOP)] == [0, 1, 2, 3]
    assert places(data, (0, 1), TOP) == ()
    assert "does it give 0.01 or more" in none_words(data, (0, 1), TOP)
    assert none_words(data, (0, 1), TENTHS) == "No such places are in this result."
    assert none_words({}, (0, 1), TOP) == "No such places are in this result."


def test_a_distance_has_one_decimal(heads):
    distance = heads.measure("distance")
    assert distance.text(95.1204) == "95.1"
    assert data_of.head_map(heads, distance).value_format == "{:.1f}"


def test_the_rule_names_its_marks():
    assert f"{100 * COUNTS:.0f} %" in RULE
    assert f"{HABIT:g}" in RULE


@pytest.mark.parametrize(
    ("place", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")]
)
def test_places_are_counted(place, text):
    assert ordinal(place) == text


def test_places_are_those_that_were_stored(result):
    found = places(result.data, (1, 3), TOP)
    assert len(found) == 10
    stored = result.data["top"][1, 3]
    assert [(p.window, p.query, p.key, p.weight) for p in found] == [tuple(row) for row in stored]
    np.testing.assert_allclose(found[0].row, result.data["top_row"][1, 3, 0])
    tenths = places(result.data, (1, 3), TENTHS)
    assert [place.number for place in tenths] == list(range(10))
    assert tenth_words(tenths[3]) == "Tenth 4: 0.300 … 0.400"


def test_places_that_are_missing_or_wild_are_left_out(result):
    top = np.array(result.data["top"])
    top[0, 0, 0] = np.nan
    top[0, 0, 1] = (99, 2, 1, 0.5)
    top[0, 0, 2] = (0, 2, 5, 0.5)
    found = places({**result.data, "top": top}, (0, 0), TOP)
    assert [place.number for place in found] == list(range(3, 10))
    assert places({}, (0, 0), TOP) == ()
    assert all(p.row is None for p in places(corpus_result(kept=False).data, (0, 0), TOP))


def test_attention_after_the_query_is_none(result):
    place = places(result.data, (1, 3), TOP)[0]
    weights = place.weights(LENGTH)
    assert np.isfinite(weights[: place.query + 1]).all()
    assert np.isnan(weights[place.query + 1 :]).all()
    assert weights[: place.query + 1].sum() == pytest.approx(1, abs=1e-6)
    bare = dataclasses.replace(place, row=None).weights(LENGTH)
    assert np.flatnonzero(np.isfinite(bare)).tolist() == [place.key]


@pytest.mark.parametrize(
    ("query", "key", "shown"),
    [
        (5, 3, tuple(range(9))),
        (60, 50, tuple(range(38, 64))),
        (60, 39, tuple(range(36, 64))),
        (60, 36, tuple(range(33, 64))),
        (60, 2, (*range(6), GAP, *range(38, 64))),
        (255, 1, (*range(5), GAP, *range(233, 256))),
    ],
)
def test_a_place_is_shown_with_what_is_around_both_ends(query, key, shown):
    found = around(Place(0, 0, query, key, 0.5), 256)
    assert found == shown
    assert query in found
    assert key in found


def test_a_place_is_told_in_words(result):
    words, place = Words(result.data), places(result.data, (2, 0), TOP)[0]
    ids = result.data["ids"][place.window]
    texts = [result.data["token_texts"][ids[at]].strip() for at in (place.query, place.key)]
    back = place.query - place.key
    told = place_words(result.data, words, place)
    assert told == f"“␠{texts[0]}” looks at “␠{texts[1]}”, {back} back: 1.000"
    other = dataclasses.replace(place, window=2)
    assert where_words(result.data, other) == "more/mat.md · window 2 · from character 0"
    assert "drawn by seed 7" in list_words(TENTHS, 7)
    assert words.is_lead(0)
    assert words.label(12345) == "id␠12345"


def test_the_inspector_hears_of_a_head(result):
    facts = data_of.head_facts(result, Selected(layer=2, head=0))
    assert (facts[0].name, facts[0].value, facts[0].what) == (
        "Induction on text",
        "1.000",
        "induction",
    )
    assert "1 of 12 heads" in facts[0].tip
    assert facts[-1].value.endswith(" nats")
    assert data_of.head_facts(result, Selected(layer=9, head=0)) == []
    assert data_of.head_facts(result, Selected()) == []
    assert data_of.head_facts(drawn.result_of("corpus", {}), Selected(layer=0, head=0)) == []


@pytest.mark.parametrize("what", WHATS)
def test_every_measure_can_be_taken_apart(result, what):
    told = explain(result, what, Selected(layer=2, head=0))
    assert "L2H0" in told.working
    assert "33 tokens of a small text" in told.sign
    assert explain(result, what, Selected()).working == ""
    assert explain(result, "top", Selected()) is None


def test_the_terminal_is_told_the_heads_that_lead(result):
    told = list(data_of.lines(result))
    assert told[0] == "33 tokens of a small text, 2 files, in 3 windows"
    assert any(line.startswith("  Induction ") and "L2H0 1.000, " in line for line in told)
    assert "L1H3, first in previous:" in told
    bare = {k: v for k, v in result.data.items() if k not in {"top", "attended", "induction"}}
    assert list(data_of.lines(dataclasses.replace(result, data=bare)))
    assert (data_of.about(result), data_of.named(result)) == ("a small text", "3 windows")


def test_attended_tokens_are_listed_with_their_shares(result):
    rows = data_of.attended_rows(result.data, Words(result.data), (0, 0))
    assert rows.rows[0].values[0] == "␠the"
    assert rows.text(0, 2) == "40.0 %"
    assert data_of.attended_rows({}, Words({}), (0, 0)).rows == ()


def test_a_head_is_told_in_one_sentence(heads, result):
    told = data_of.head_sentence(heads, (1, 3))
    previous = result.data["previous"][1, 3]
    assert f"{previous:.2f} to the token before" in told
    assert "where its token came before" in told
    assert data_of.head_sentence(Heads({}), (0, 0)) == ""
