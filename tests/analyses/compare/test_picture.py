from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from desktop_app.analyses.compare import charts, heads_picture, norms_picture, words
from desktop_app.analyses.compare import picture as data_of
from desktop_app.analyses.compare.explain import WHATS, explain
from desktop_app.pictures.facts import Place
from desktop_app.pictures.naming import result_name
from desktop_app.pictures.words import without_flags
from tests.samples.compared import compare_result, overflowed, stepped
from tests.samples.drawn import model


def other(**changes):
    return {"with_model": {**asdict(model(dtype="bfloat16", **changes)), "norms": []}}


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("identical", "the very same numbers"),
        ("equal", "They agree within what is held equal: log-probabilities within 4.0e−05."),
        (
            "shifted",
            "Logits shift by a constant at each position (+2.000); log-probabilities agree",
        ),
        ("apart", "by up to 0.5, KL by up to 0.125 nats (position 3 “"),
    ],
)
def test_the_headline_claims_what_the_table_says(verdict, words):
    result = compare_result(verdict=verdict)
    assert words in data_of.headline(result)
    verdicts = dict(zip(data_of.numbers(result).values("what"), beyond(result), strict=True))
    assert verdicts["largest |Δ logit|"] == (
        "beyond" if verdict in {"shifted", "apart"} else "within"
    )
    assert verdicts["largest |Δ log-prob.|"] == ("beyond" if verdict == "apart" else "within")


def beyond(result):
    return data_of.numbers(result).values("verdict")


def test_half_precision_is_said_to_round():
    result = compare_result(
        verdict="equal", data={"tolerance": {**tolerance(), "dtype": "float16"}}
    )
    assert "what rounding to float16 may do" in data_of.headline(result)


def tolerance():
    return {"dtype": "float32", "logit": 1e-4, "logprob": 1e-4, "stream": 1e-5}


def test_the_first_stream_that_parts_is_said_with_its_tolerance():
    told = data_of.stream_sentence(compare_result())
    assert told.startswith("The streams part first before layer 2: relative error 0.003")
    assert "1.0e−05 that float32 may make" in told
    last = compare_result(data={"first_apart": 3})
    assert "behind the last layer" in data_of.stream_sentence(last)
    assert data_of.stream_sentence(compare_result(verdict="identical")).startswith(
        "The streams are the same"
    )


def test_streams_that_cannot_be_compared_are_said_and_leave_no_rows():
    none = np.full(4, np.nan)
    result = compare_result(
        data={"resid_relative_error": none, "resid_cosine": none, "first_apart": np.nan}
    )
    assert "cannot be compared" in data_of.stream_sentence(result)
    assert data_of.layers(result).rows == ()
    assert data_of.numbers(result).values("value")[-1] == "–"
    assert np.isfinite(charts.error_curves(result).reach()[1]).all()


def test_streams_that_overflow_are_beyond_and_not_beyond_comparison():
    result = overflowed()
    row = next(row for row in data_of.numbers(result).rows if row.key == "stream")
    assert row.values[1:] == ("–", "0.00781", "beyond")
    assert "cannot be compared" not in row.tooltip
    assert data_of.layers(result).values("verdict") == ["within", *["beyond"] * 3]
    told = data_of.stream_sentence(result)
    assert told.startswith("The streams part first before layer 1: relative error ∞, above")


def test_a_stream_without_neighbours_is_marked_by_a_dot():
    def dots(result):
        curves = (charts.error_curves(result, 1), charts.cosine_curves(result))
        return [line.dots for shown in curves for line in shown.lines]

    assert dots(overflowed()) == [True, True, True]
    assert dots(compare_result()) == [False, False, False]
    alone = np.array([0, 0, 0, 3e-3])  # 0 has no place on a log axis
    assert dots(compare_result(data={"resid_relative_error": alone}))[0]


def test_numbers_that_are_none_are_never_within():
    result = compare_result(verdict="equal", data={"max_logprob_difference": float("nan")})
    assert beyond(result)[2] == "beyond"


def test_both_models_are_called_by_what_differs():
    assert words.whose(compare_result()) == ("float32", "bfloat16")
    assert result_name(compare_result()) == "Models · float32 | bfloat16 · 2 prompts"
    both = compare_result(data=other(weights="processed"))
    assert words.whose(both) == ("float32 raw weights", "bfloat16 processed weights")
    bare = {**asdict(model(layernorm="eps")), "norms": []}
    assert words.whose(compare_result(data={"with_model": bare}))[1] == "without norms (eps)"
    named = compare_result(data={**other(name="gpt2"), "same_files": False})
    assert words.whose(named) == ("smollm2 float32", "gpt2 bfloat16")
    same = compare_result(data={"with_model": {**asdict(model()), "norms": []}})
    assert result_name(same) == "Models · twice the same · 2 prompts"


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (4.1e-6, "4.1e−06"), (0.126, "0.126"), (12.34, "12.3"), (-0.5, "−0.5")],
)
def test_numbers_stay_readable(value, told):
    assert words.small(value) == told


def test_cosines_near_one_say_how_near():
    assert words.cosine_text(1.0) == "1"
    assert words.cosine_text(1 - 2e-6) == "1 − 2.0e−06"
    assert words.cosine_text(0.9876) == "0.9876"


def test_log_axes_hold_three_powers_of_ten():
    low, high = charts.decades([2e-3, 9e-3])
    assert low < 2e-3
    assert high > 9e-3
    assert np.log10(high / low) >= 3


def test_log_axes_pass_over_what_overflowed():
    known = charts.decades([2e-3, 9e-3])
    assert charts.decades([2e-3, np.inf, 9e-3, np.nan]) == known
    low, high = charts.decades([np.inf])
    assert low < 1 < high


def test_bars_are_of_one_prompt_with_its_tokens():
    bars = charts.place_bars(compare_result(), "kl", 1)
    np.testing.assert_array_equal(bars.lines[0].values, [0, 0, 0, 0.125, 0, 0])
    assert "top token: another" in bars.text(3)
    assert bars.across.labels[0] == "2"


# Heads.


def test_a_dot_stands_for_a_head_and_names_it():
    result = compare_result(heads=True)
    dots = heads_picture.scatter(result)
    assert dots is not None
    assert len(dots.x) == 12
    assert heads_picture.head_at(result, 6) == (1, 2)
    assert dots.text(6).startswith("L1H2\nfloat32: −5.000\nbfloat16: −5.000")
    assert heads_picture.dot_of(result, 1, 2) == 6
    assert heads_picture.dot_of(result, 9, 0) is None


def test_the_lists_say_where_a_head_stands_in_the_other():
    result = compare_result(heads=True)
    one, two = (
        heads_picture.top_list(result, name)
        for name in ("head_effect_mean", "with_head_effect_mean")
    )
    assert [row[0] for row in (one.values("head"), two.values("head"))] == ["L1H2", "L1H2"]
    assert two.rows[1].key == (0, 0)
    assert one.values("there")[0] == "1"
    assert len(one.rows) == 10


def test_a_loss_that_rises_is_harm():
    result = compare_result(heads=True, params={"metric": "loss"})
    assert heads_picture.best(result, "head_effect_mean")[0] == (2, 3)


def test_heads_whose_effect_is_no_number_are_in_no_list():
    result = overflowed()
    assert heads_picture.best(result, heads_picture.SECOND) == []
    assert heads_picture.top_list(result, heads_picture.SECOND).rows == ()
    there = heads_picture.top_list(result, heads_picture.FIRST).values("there")
    assert set(there) == {"not in ten"}
    assert "0 of the 10 most harmful are the same" in data_of.heads_sentence(result)


def test_other_heads_have_no_dots():
    data = {
        "with_head_effect_mean": np.zeros((2, 4)),
        "head_spearman": np.nan,
        "head_overlap": np.nan,
    }
    result = compare_result(heads=True, data=data)
    assert heads_picture.scatter(result) is None
    assert "cannot be matched" in data_of.heads_sentence(result)
    assert set(heads_picture.top_list(result, "head_effect_mean").values("there")) == {"–"}


# Norms.


def test_the_steps_say_what_destroys_the_model():
    result = compare_result(steps=True)
    told = norms_picture.steps_sentence(result)
    assert "eps without the weights destroys the model (logits move by 2)" in told
    assert "plain x·w + b within 1.0e−06" in told
    assert "an ablation, not an equal" in told
    assert norms_picture.steps_table(result).values("moved") == [2.0, 3.0, 4.0]
    curves = norms_picture.eps_curves(result)
    assert [line.name for line in curves.lines] == ["weights × √eps", "eps alone"]
    assert "eps 1e+08" in curves.text(1)
    assert curves.across.labels == ("1e4", "1e8", "1e12")


def test_a_checkpoint_without_norms_is_said_to_be_one():
    result = compare_result(data=stepped(inert=True))
    assert "trained without norms" in norms_picture.steps_sentence(result)
    assert not norms_picture.has_curve(result)


# The rest.


def test_the_terminal_says_it_all():
    told = "\n".join(data_of.lines(compare_result(heads=True)))
    assert "They part" in told
    assert "(tolerance 1.0e−04: beyond)" in told
    assert "Spearman 0.875" in told


@pytest.mark.parametrize("what", WHATS)
def test_every_number_is_explained_with_the_values_on_screen(what):
    result = compare_result(heads=True)
    for place in (Place(), Place(1, 1, 2, 3), Place(7, 99, 99, 99)):
        found = explain(result, what, place)
        assert found is not None
        assert found.formula
    assert explain(result, what, Place(1, 1, 2, 3)).working


def test_a_cosine_near_1_is_not_explained_as_1():
    result = compare_result(data={"resid_cosine": np.array([1, 1, 0.99997, 0.5])})
    told = [explain(result, "cosine", Place(layer=layer)).working for layer in (1, 2, 3)]
    assert told[0].startswith("1   (before layer 1)")
    assert told[1].startswith("1 − 3.0e−05   (before layer 2)")
    assert told[2].startswith("0.5000   (")


def test_heads_that_were_not_ranked_are_not_explained():
    assert explain(compare_result(), "spearman", Place()) is None


def test_options_of_the_second_model_are_said_as_the_form_says_them():
    assert without_flags("choose --with-dtype float32") == "choose its precision float32"
