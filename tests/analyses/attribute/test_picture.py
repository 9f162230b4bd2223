"""What the window says of an attribution: every number adds up to the table's, and no more."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.analyses.attribute import picture, plots, sources
from desktop_app.analyses.attribute.split import Bar, Split, find_part, mean, read_layer, sem
from desktop_app.analyses.attribute.table import table
from desktop_app.contract.result import Notice
from desktop_app.pictures.facts import Place
from desktop_app.session.export_table import write_tidy
from tests.samples.attributed import attribute_result, even_prompts, parts
from tests.samples.drawn import prompt


@pytest.fixture
def result():
    return attribute_result()


@pytest.fixture
def split(result):
    return Split.of(result)


def test_bars_are_all_parts_and_sum_to_the_number_but_for_its_error(split):
    np.testing.assert_allclose(split.bar_values.sum(0), split.base + split.error)
    names = [bar.name for bar in split.bars]
    assert names == [
        "embeddings",
        *("L0 attention", "L0 MLP", "L1 attention", "L1 MLP"),
        "final bias",
    ]
    assert split.bar_values[:, 0].tolist() == [0.125, 0.28125, -1.0, 2.53125, 0.5, -0.0625]


def test_the_headline_says_number_error_and_whose_it_is(result):
    told = picture.base_sentence(result, None)
    assert told.startswith("Logit difference “5” − “4”: +3.062 ± 0.687")
    assert told.endswith("the sum of its parts is off by at most 4e−06")
    assert picture.base_sentence(result, 0).endswith(
        "+2.375 · the sum of its parts is off by 2e−06"
    )
    exact = attribute_result(data={"sum_error": np.zeros(2)})
    assert picture.base_sentence(exact, None).endswith("the parts sum to it exactly")


def test_where_it_is_read_and_over_what_stands_beneath(result):
    several = picture.what_sentence(result, None)
    assert several.startswith("Read at the last token of each · mean of 2 prompts")
    one = picture.what_sentence(result, 1)
    assert one.startswith("Read after “␠”, position 5 (the last token) ·")
    assert "scale held" in one
    early = attribute_result(data={"read_position": np.array([2, 2])})
    assert picture.what_sentence(early, None).startswith("Read at position 2 of each")
    mixed = attribute_result(data={"read_position": np.array([2, 3])})
    assert picture.what_sentence(mixed, None).startswith("Read at positions 2 to 3")
    assert picture.what_sentence(early, 0).startswith("Read after “2”, position 2 ·")


@pytest.mark.parametrize(
    ("layer", "end"), [(None, None), (1, 1), (0, 0), (2, None), (9, None), (-1, None), (-2, 1)]
)
def test_a_layer_is_read_as_the_lens_does_unless_it_is_the_end(layer, end):
    result = attribute_result(params={"layer": layer})
    assert read_layer(result.params, 2) == end
    words = f"as the lens reads it before block {end}"
    assert (words in picture.what_sentence(result, None)) == (end is not None)


def test_parts_behind_the_layer_that_is_read_are_none_of_it():
    result = attribute_result(params={"layer": 1})
    split = Split.of(result)
    assert np.isnan(split.head[1]).all()
    assert np.isfinite(split.head[0]).all()
    assert np.isnan(split.cumulative[3:]).all()
    assert np.isfinite(split.cumulative[:3]).all()
    assert picture.part_sentence(result, (1, 2), None) == picture.NO_PART
    assert picture.cell_tip(split, None, 1, 2) == "L1H2  no part of what is read here"
    names = [row.values[0] for row in picture.ranking(split).rows]
    assert names[0] == "L0 MLP"
    assert not any(str(name).startswith("L1") for name in names)
    (fact,) = picture.head_facts(result, Place(0, 1, 2))
    assert (fact.value, fact.tip) == ("none", picture.NO_PART)
    assert "before block 1" in fact.name
    assert picture.best_head(result) == (0, 1)
    assert plots.bar_lines(split, 3, None) == ["L1 attention", "no part of what is read here"]
    empty = attribute_result(params={"layer": 0})
    assert picture.best_head(empty) is None
    assert picture.ranking(Split.of(empty)).rows == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"params": {"token": " 5"}}, "logit of “␠5”"),
        ({}, "logit difference “5” − “4”"),
        (
            {"prompts": (prompt("1 2 3 "), prompt("2 3 4 ", right="6"))},
            "logit difference, answer − wrong",
        ),
    ],
)
def test_the_number_that_is_split_is_named(given, told):
    assert picture.target(attribute_result(**given)) == told


def test_an_answer_without_a_wrong_one_is_a_logit():
    alone = tuple(replace(record, wrongs=()) for record in even_prompts(2))
    assert picture.target(attribute_result(prompts=alone)) == "logit of “5”"
    half = (alone[0], even_prompts(1)[0])
    assert picture.target(attribute_result(prompts=half)) == "logit of the answer, less wrong"


def test_the_map_is_signed_and_centred(split):
    shown = picture.head_map(split, "head", None, "logit difference")
    assert shown.values[1, 2] == 3.75
    assert shown.diverging
    low, high = shown.limits
    assert low == -high
    assert shown.tip(1, 2) == "L1H2  +3.750 ± 0.750 · 122.4 % of the whole"
    spread = picture.head_map(split, "sem", None, "logit difference")
    assert not spread.diverging
    assert spread.values[1, 2] == pytest.approx(0.75)


def test_the_list_holds_heads_and_mlps_in_three_orders(split):
    def names(**order):
        return [row.values[0] for row in picture.ranking(split, **order).rows]

    assert names()[:3] == ["L1H2", "L0 MLP", "L1H0"]
    assert names(order="raises")[:3] == ["L1H2", "L1 MLP", "L0H1"]
    assert names(order="lowers")[:2] == ["L0 MLP", "L1H0"]
    assert len(names()) == 2 * (3 + 1)
    assert len(names(limit=3)) == 3
    assert picture.rest_note(split, None) == "embeddings and biases +0.12"
    sums = sum(row.values[2] for row in picture.ranking(split).rows)
    rest = split.embed + split.attn_bias.sum(0) + split.bias
    assert sums + float(mean(rest)) == pytest.approx(float(mean(split.base + split.error)))


def test_shares_of_a_number_that_is_not_above_zero_are_withheld():
    data = parts(2)
    data["base"] = data["base"] - 5
    low = attribute_result(data=data)
    assert all(np.isnan(row.values[3]) for row in picture.ranking(Split.of(low)).rows)
    assert "%" not in picture.part_sentence(low, (1, 2), None)
    assert [fact.name for fact in picture.head_facts(low, Place(0, 1, 2))][-1] != "Share of it"


def test_the_details_of_a_part_are_its_prompts(result):
    assert (
        picture.part_sentence(result, (1, 2), None)
        == "Adds +3.750 ± 0.750, 122.4 % of +3.06 (mean of 2 prompts)."
    )
    assert picture.part_sentence(result, (1, 2), 0) == "Adds +3.000, 126.3 % of +2.37."
    rows = picture.prompt_rows(result, (1, 3)).rows  # the MLP behind three heads
    assert [row.values[1] for row in rows] == [0.5, 0.5]


def test_places_are_cells_of_heads_and_of_mlps(result):
    assert find_part(result, Place(0, 1, 2)) == (1, 2)
    assert find_part(result, Place(0, 1, None)) == (1, 3)
    for layer, head in ((None, None), (7, 0), (0, 7), (-1, 0)):
        assert find_part(result, Place(0, layer, head)) is None


def test_the_inspector_tells_the_part_its_prompt_and_its_share(result):
    facts = {fact.name: fact for fact in picture.head_facts(result, Place(1, 1, 2))}
    assert list(facts) == [
        "Direct contribution (logit difference, mean of 2)",
        "… on this prompt",
        "Share of it",
    ]
    assert facts["… on this prompt"].value == "+4.500"
    mlp = picture.head_facts(result, Place(0, 0, None))
    assert mlp[0].value == "−1.000 ± 0.000"
    assert {fact.what for fact in mlp} == {"mlp", "share"}
    known = attribute_result(by_source=True)
    (source,) = [f for f in picture.head_facts(known, Place(0, 1, 2)) if f.what == "source"]
    assert source.value == "“1” (0) +2.250"
    assert picture.head_facts(result, Place(0, 9, 2)) == []


def test_the_running_sum_ends_at_the_models_number(split):
    shown = plots.cumulative(split, 0, "logit")
    assert shown.points()[1].tolist() == pytest.approx(
        [*split.cumulative[:, 0], split.base[0] + split.error[0]]
    )
    whole = shown.marks[-1]
    assert whole.value == split.base[0]
    assert shown.text(0) == "after embeddings\nthe sum so far +0.125"
    assert shown.text(5).startswith("with the final bias: all parts")
    np.testing.assert_array_equal(shown.x, plots.bars(split, 0, "logit").x)


def test_the_sum_stays_where_nothing_more_is_read():
    split = Split.of(attribute_result(params={"layer": 1}))
    shown = plots.cumulative(split, 0, "logit")
    after = shown.points()[1]
    assert after[3] == after[4] == after[2] == split.cumulative[2, 0]
    assert shown.text(3).endswith("no part of what is read here")


def test_a_csv_has_every_field_with_its_axes(tmp_path):
    path = tmp_path / "result.csv"
    with path.open("w", encoding="utf-8", newline="") as text:
        write_tidy(attribute_result(by_source=True, neurons=2), text)
    with path.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    head = {(r["layer"], r["head"], r["prompt"]): r for r in rows if r["field"] == "head"}
    assert float(head["1", "2", "1"]["value"]) == 4.5
    source = [r for r in rows if r["field"] == "source" and r["prompt"] == "0"]
    assert sum(float(r["value"]) for r in source if (r["layer"], r["head"]) == ("1", "2")) == 3.0
    assert {r["field"] for r in rows} >= {"cumulative", "neuron_value", "sum_error", "bias"}


def test_a_bar_says_what_it_is_made_of(split):
    shown = plots.bars(split, None, "logit difference")
    assert shown.text(3).split("\n") == [
        "L1 attention +3.156 ± 0.625",
        "103.1 % of the whole",
        "largest head L1H2 +3.750",
        "its biases +0.031",
    ]
    line = shown.lines[0]
    assert line.signed
    assert line.pale.tolist() == [False, False, True, False, True, False]
    alone = Split.of(attribute_result(count=1))
    assert plots.bars(alone, None, "logit").lines[0].low is None
    assert alone.bars.index(Bar("mlp", 1)) == 4


@pytest.mark.parametrize("even", [False, True])
def test_sources_sum_to_the_head(even):
    prompts = {"prompts": even_prompts(2)} if even else {}
    result = attribute_result(by_source=True, **prompts)
    if even:  # as prompts of one length are kept
        held = np.stack(result.data["source"], axis=-1)
        result = attribute_result(by_source=True, data={"source": held}, **prompts)
    for number in range(2):
        values = sources.source_values(result, (1, 2), number)
        assert np.nansum(values) == pytest.approx(Split.of(result).head[1, 2, number])
        assert len(values) == len(result.prompts[number].tokens)
    told = sources.source_sentence(result, (1, 2), 1)
    assert told == "They sum to +4.500: the head's number, exactly."


def test_tokens_after_the_read_one_have_no_part_in_it():
    result = attribute_result(by_source=True, data={"read_position": np.array([2, 5])})
    assert np.isnan(sources.source_values(result, (1, 2), 0)[3:]).all()


def test_sources_that_are_padded_are_cut_to_their_prompt():
    result = attribute_result(by_source=True)
    held = np.full((2, 3, 8, 2), np.nan)
    for number, one in enumerate(result.data["source"]):
        held[:, :, : one.shape[-1], number] = one
    padded = attribute_result(by_source=True, data={"source": held})
    assert np.nansum(sources.source_values(padded, (1, 2), 1)) == pytest.approx(4.5)
    assert len(sources.source_values(padded, (1, 2), 1)) == 6


def test_neurons_are_listed_with_their_share():
    result = attribute_result(neurons=4)
    rows = sources.neurons(result, 0)
    assert [row.values[:2] for row in rows.rows] == [
        ("L0", 7),
        ("L1", 8),
        ("L0", 9),
        ("L1", 10),
    ]
    assert rows.rows[0].values[3] == 0.5
    assert rows.rows[0].tooltip == "L0 neuron 7: +0.500, 21.1 % of the whole"
    told = sources.neuron_sentence(result, 0)
    assert told == "4 neurons add +0.217 of −0.500 that all MLPs do on prompt 1"
    alone = sources.neuron_sentence(attribute_result(neurons=1), 0)
    assert alone == "1 neuron adds +0.500 of −0.500 that all MLPs do on prompt 1"


def test_the_table_has_a_row_per_part_and_ends_in_the_sum(result):
    headings, rows = table(result)
    assert headings[:4] == ["part", "layer", "head", "adds"]
    assert headings[-2:] == ["prompt 1", "prompt 2"]
    values = {tuple(row[:3]): float(row[3]) for row in rows}
    total = values.pop(("sum of all parts", "", ""))
    own = values.pop(("the model's own number", "", ""))
    assert sum(values.values()) == pytest.approx(total)
    assert total - own == pytest.approx(3e-6)
    assert len(table(attribute_result(count=1))[0]) == 6


def test_a_title_tells_what_was_asked():
    assert picture.named(attribute_result()) == ""
    params = {"token": " 5", "position": -2, "layer": 1}
    told = picture.named(attribute_result(params=params, by_source=True, neurons=2))
    assert told == "token “␠5” · position −2 · before block 1 · by source · 2 neurons"


def test_a_token_that_nobody_could_read_is_cut():
    told = picture.base_sentence(attribute_result(params={"token": "5" * 900}), None)
    assert len(told) < 160


def test_the_terminal_tells_number_sums_and_largest_parts(result):
    told = list(picture.lines(result))
    assert told[0] == picture.base_sentence(result, None)
    assert "attention +3.500" in told[2]
    assert told[3].split() == ["L1H2", "adds", "+3.750", "122.4", "%"]


def test_means_leave_out_what_is_not_known():
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    assert mean(values).tolist()[0] == 2.0
    assert np.isnan(mean(values)[1])
    assert sem(values)[0] == pytest.approx(1.0)
    assert np.isnan(sem(values)[1])


@pytest.mark.parametrize("name", ["mlp", "cumulative", "base", "attn_bias"])
def test_fields_that_do_not_fit_are_refused(name):
    data = parts(2)
    with pytest.raises(ValueError, match=name):
        Split.of(attribute_result(data={name: data[name][..., :1]}))


def test_a_partial_result_of_fewer_prompts_is_told_as_it_is():
    notice = Notice("partial", "Stopped before prompt 2 of 2.")
    result = attribute_result(count=1, warnings=(notice,))
    assert picture.base_sentence(result, None).startswith("Logit difference")
    assert result.partial
