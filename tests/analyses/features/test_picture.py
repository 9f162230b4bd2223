"""What is said and drawn of features: no more than a result knows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.analyses.features import charts, picture
from desktop_app.analyses.features.card_words import card_facts
from desktop_app.analyses.features.explain import WHATS, explain
from desktop_app.analyses.features.found import NONE, Found
from desktop_app.analyses.features.words import amount, share, space_words
from desktop_app.pictures.facts import Place
from desktop_app.pictures.naming import result_name
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_table import table_of
from tests.analyses.features.sample import CARD, CHOSEN, FEATURES, closely, fields, result


@pytest.fixture
def found():
    return Found.of(result())


def changed(**data):
    """Return what a result with other fields says."""
    return Found.of(dataclasses.replace(result(), data={**fields(), **data}))


# The card.


def test_the_card_answers_which_model_which_layer_how_large_and_on_what(found):
    told = {title: value for title, value, _meaning in card_facts(found)}
    assert told == {
        "Autoencoder": "small",
        "Model": "toy",
        "Hook": "blocks.1.hook_resid_post",
        "Features": "6 of width 8",
        "Activation": "top k = 2",
        "Data": "a text of cats",
        "Context": "8",
    }
    assert "00ff" in card_facts(found)[0][2]


def test_a_transcoder_says_what_it_writes_and_what_is_not_said_is_told_as_such():
    card = CARD | {"writes": "blocks.1.hook_mlp_out", "d_out": 16, "facts": {"bos": "True"}}
    card |= {"architecture": "jumprelu", "k": 0, "head": 3, "model": "", "scaling": "layer_norm"}
    told = {title: value for title, value, _meaning in card_facts(changed(card=card))}
    assert told["Transcoder"] == "small"
    assert told["Reads"] == "blocks.1.hook_resid_post, head 3"
    assert told["Writes"] == "blocks.1.hook_mlp_out"
    assert told["Features"] == "6 of width 8 → 16"
    assert told["Activation"] == "JumpReLU"
    assert told["Input"] == "scaled mean 0, variance 1"
    assert (told["Model"], told["Data"], told["BOS"]) == ("not said", "not said", "yes")


def test_how_inputs_are_scaled_is_said_of_every_way():
    card = CARD | {"factor": 0.5, "b_dec_first": False, "rescaled": True, "finetuned": True}
    lines = {title: (value, tip) for title, value, tip in card_facts(changed(card=card))}
    assert lines["Input"] == (
        "scaled by 0.5",
        "What is done to an activation before, and undone after",
    )
    tip = lines["Activation"][1]
    assert "The decoder's bias is not taken from the input" in tip
    assert "times the norm of their decoder row" in tip
    assert "A finetuning has left a factor" in tip
    assert "linear map" not in tip
    card |= {"skip": True, "writes": "blocks.1.hook_mlp_out"}
    lines = {title: tip for title, _value, tip in card_facts(changed(card=card))}
    assert "A linear map of the input is added" in lines["Activation"]
    # What a transcoder gives stands elsewhere, in that place's own size.
    assert "undone" not in lines["Input"]


def test_an_error_term_that_a_folder_asks_for_is_said_to_be_left_out(found):
    told = {title: tip for title, _value, tip in card_facts(found)}
    assert "Error term" not in told
    assert "x̂ alone stands in the place of x" in told["Activation"]
    for said, value in (("True", "yes, and left out here"), ("False", "no")):
        lines = card_facts(changed(card=CARD | {"facts": {"error_term": said}}))
        shown = {title: (text, tip) for title, text, tip in lines}
        assert shown["Error term"][0] == value
        assert "use_error_term" in shown["Error term"][1]
        assert "Error term" not in shown["Autoencoder"][1]


def test_a_direction_is_of_the_place_that_it_reads_or_writes(found):
    assert space_words(found, writes=True) == "residual stream"
    card = CARD | {"site": "mlp_in", "writes": "blocks.1.hook_mlp_out"}
    transcoder = changed(card=card)
    assert space_words(transcoder, writes=True) == "blocks.1.hook_mlp_out"
    assert space_words(transcoder, writes=False) == "mlp_in"
    head = changed(card=CARD | {"site": "head_z"})
    assert space_words(head, writes=True) == "head output (z)"


def test_a_folder_may_say_anything_and_it_stays_on_one_line():
    card = CARD | {"facts": {"data": "<b>x</b>\n" + "y" * 900, "odd key": [1, {"a": 2}]}}
    for title, value, _meaning in card_facts(changed(card=card)):
        assert len(title) <= 32
        assert len(value) <= 56
        assert "\n" not in value


def test_without_a_card_there_is_none():
    assert card_facts(changed(card={})) == []


# Sentences.


def test_a_prompt_says_how_well_it_is_explained_and_what_that_costs(found):
    assert picture.prompt_sentence(found, 0) == (
        "83.0 % of variance explained · 1.9 features per token · loss 3.210 → 3.450 (+0.240) with "
        "x̂ in place of x"
    )


def test_a_prompt_of_one_token_has_no_loss_and_no_variance():
    nan = np.full(2, np.nan)
    told = changed(variance_explained=nan, loss=nan, loss_spliced=nan, loss_change=nan)
    assert picture.prompt_sentence(told, 0) == "1.9 features per token"


def test_the_corpus_says_how_many_features_are_active_in_it(found):
    assert picture.corpus_sentence(found) == "5 of 6 features active in 28 tokens of animals"


def test_a_feature_says_how_often_how_strongly_and_what_it_writes(found):
    assert picture.feature_sentence(found, 0) == (
        "at 17.9 % of tokens, up to 3.00 · writes ␠the  ␠a"
    )
    assert picture.feature_sentence(found, 5).startswith("never active in the corpus")
    assert picture.short_sentence(found, 0) == "at 17.9 % of tokens · writes ␠the  ␠a"


def test_ablated_text_says_what_the_feature_hangs_on_most(found):
    assert picture.ablated_title(found, 0) == ("Each deleted in turn: change at ␠mat, position 6")
    assert picture.ablated_sentence(found, 0) == (
        "Deleting ␠sat at position 3 changes it most: 10.0 → 2.00 (−8.00)"
    )
    zeroed = Found(found.shown, dict(found.params) | {"ablate": "zero"})
    assert picture.ablated_sentence(zeroed, 0).startswith("Zeroing ␠sat at position 3")


def test_what_a_bos_does_stands_apart_and_has_no_tint():
    change = np.array([-10.0, 0.5, -3, -8, -1, 0, np.nan])
    told = changed(ablated_text=(change, np.full(5, np.nan)))
    assert picture.ablated_sentence(told, 0) == (
        "Deleting ␠sat at position 3 changes it most: 10.0 → 2.00 (−8.00). Apart from them: <s>, "
        "which all that follow can attend to: 0 without"
    )
    own = picture.ablated_changes(told, 0)
    assert np.isnan(own[0])
    assert own[1:-1].tolist() == change[1:-1].tolist()
    alone = changed(ablated_text=(np.array([-10.0, *[np.nan] * 6]), np.full(5, np.nan)))
    assert picture.ablated_sentence(alone, 0).startswith(
        "Nothing stands before position 6 that could be taken away but <s>"
    )


def test_ablated_text_that_only_rises_or_has_nothing_before_is_told_so():
    told = changed()
    assert "or rises" in picture.ablated_sentence(told, 1)
    nothing = changed(ablated_text=(np.full(7, np.nan), np.full(5, np.nan)))
    assert "Nothing stands before position 6" in picture.ablated_sentence(nothing, 0)
    silent = changed(activation=(np.zeros(7), np.zeros(5)))
    assert "not active at position 6" in picture.ablated_sentence(silent, 0)


def test_a_change_of_a_next_token_stands_at_that_token(found):
    change = picture.next_changes(found, 0)
    assert np.isnan(change[0])
    assert change[1:].tolist() == closely()["direction_ablated"][0].tolist()
    assert picture.direction_sentence(found, 0) == (
        "Without the feature ␠mat at position 6 loses most (−4.000 nats) and ␠sat at position 3 "
        "gains most (+0.250 nats)"
    )


def test_a_feature_that_does_nothing_is_told_so(found):
    assert "no token" in picture.direction_sentence(found, 1)
    small = changed(direction_ablated=(np.full(6, -1e-4), np.zeros(4)))
    assert "no token" in picture.direction_sentence(small, 0)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.0, "0"), (0.25, "0.250"), (4.3166, "4.32"), (-11.5, "−11.5"), (1234.5, "1234"),
        (1e-5, "1.0e−05"), (float("nan"), "–"),
    ],
)  # fmt: skip
def test_activations_have_as_many_digits_as_they_need(value, told):
    assert amount(value) == told


@pytest.mark.parametrize(
    ("value", "told"), [(0.0, "0.0 %"), (0.5, "50.0 %"), (0.0002, "0.02 %"), (np.nan, "–")]
)
def test_small_shares_are_seen(value, told):
    assert share(value) == told


# Tables and charts.


def test_a_token_lists_its_features_with_what_they_write(found):
    rows = charts.token_features(found, 0, 2)
    assert [row.key for row in rows.rows] == [1, 2]
    assert [rows.text(0, n) for n in range(4)] == ["1", "8.00", "10.7 %", "␠cat  ␠sat"]
    bare = charts.token_features(Found.of(result(corpus=False)), 0, 2)
    assert [column.key for column in bare.columns] == ["feature", "activation"]
    rows = charts.token_features(Found.of(result(corpus=False, lists=True)), 0, 2)
    assert [rows.text(0, n) for n in range(3)] == ["1", "8.00", "␠cat  ␠sat"]


def test_prompts_are_listed_with_how_strong_the_feature_is(found):
    rows = charts.prompts(found, CHOSEN)
    assert rows.values("strongest") == [10.0, 0.6]
    assert rows.values("explained") == [0.83, -0.2]


@pytest.mark.parametrize(
    ("query", "features"),
    [
        ("", list(range(FEATURES))),
        ("4", [4]),
        ("CAT", [1]),  # strongest on it, and writes it
        ("dog", [2]),  # writes it
        ("the", [0, 3, 5]),
        ("zebra", []),
        ("999", []),
    ],
)
def test_features_are_found_by_number_and_by_tokens(found, query, features):
    assert sorted(charts.matching(found, query).tolist()) == features


def test_a_number_that_is_a_token_as_well_means_the_feature_first():
    texts = tuple("3" if text == " cat" else text for text in fields()["token_texts"])
    told = changed(token_texts=texts)
    assert charts.matching(told, "3").tolist() == [3, 1]


def table(found, order, query=""):
    """Return the table of the features that a search means."""
    return charts.all_features(found, charts.matching(found, query), order)


@pytest.mark.parametrize(
    ("order", "features"),
    [
        (charts.DENSITY, [2, 0, 1, 3, 4, 5]),
        (charts.LARGEST, [3, 2, 1, 0, 4, 5]),
        (charts.MEAN, [3, 1, 2, 0, 4, 5]),
        (charts.NUMBER, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_features_are_ordered(found, order, features):
    assert [row.key for row in table(found, order).rows] == features


def test_a_feature_that_is_never_active_steps_back(found):
    last = table(found, charts.DENSITY).rows[-1]
    assert (last.key, last.faint, last.values[4]) == (5, True, "")


def test_many_features_are_listed_up_to_a_limit():
    many = charts.MOST_ROWS + 5
    data = {
        "density": np.full(many, 0.5), "largest": np.ones(many), "mean_active": np.ones(many),
        "write_top": np.zeros((many, 1), dtype=np.int32),
        "feature_start": np.zeros(many + 1, dtype=np.int64),
        "entry_place": np.zeros(0, dtype=np.int32), "entry_value": np.zeros(0),
    }  # fmt: skip
    found = changed(**data)
    assert len(table(found, charts.NUMBER).rows) == charts.MOST_ROWS
    assert [row.key for row in table(found, charts.NUMBER, f"{many - 1}").rows] == [many - 1]


def test_both_ends_of_a_direction_stand_beside_each_other():
    rows = closely()["write"]
    ranking = charts.directions(rows["top"], rows["bottom"][:1], ("Raises", "Lowers"))
    assert [ranking.text(0, n) for n in range(4)] == ["␠mat", "+3.50", "␠Of", "−4.00"]
    assert [ranking.text(1, n) for n in range(4)] == ["␠dog", "+2.25", "", "–"]


def test_the_histogram_counts_and_each_bar_says_so(found):
    examples = found.examples(CHOSEN)
    curves = charts.histogram(examples)
    assert curves.lines[0].values.tolist() == [3, 0, 1, 0, 2]
    assert curves.text(0) == "0 to 2.00 · 3 tokens, 3 drawn"
    assert curves.text(1) == "2.00 to 4.00 · 0 tokens"


def test_tokens_alone_stand_beside_tokens_in_context(found):
    scatter = charts.embedding(found, 0)
    assert len(scatter.x) == 12
    assert scatter.tones.count("accent") == 7
    for axis, most in ((scatter.across, 1.0), (scatter.up, 10.0)):  # from 0, with room for a point
        assert -0.05 * most < axis.limits[0] < 0
        assert most < axis.limits[1] < 1.05 * most
    at = int(np.argmax(scatter.y))
    assert (scatter.x[at], scatter.y[at]) == (0.5, 10.0)
    assert "prompt 1, position 6" in scatter.text(at)
    assert "alone 0.500, in its context 10.0" in scatter.text(at)


# What others ask of the picture.


def test_a_result_is_named_after_its_feature_and_its_autoencoder():
    assert result_name(result()) == "Features · feature 2 · small over animals"
    assert result_name(result(feature=NONE, corpus=False)) == "Features · small"


def test_a_terminal_is_told_prompts_corpus_and_feature():
    text = as_text(result())
    for told in (
        "Hook blocks.1.hook_resid_post",
        "prompt 1: 83.0 % of variance explained",
        "Deleting ␠sat at position 3 changes it most",
        "5 of 6 features active",
        "write direction, top: ' mat' 3.50",
        "tokens by interval, from 0 to 10.0: 3, 0, 1, 0, 2",
        "cats.txt, window 0, position 6",
    ):
        assert told in text
    assert as_text(result(prompts=False, feature=NONE))
    assert as_text(result(corpus=False, feature=NONE))


def test_the_table_is_all_features_or_the_tokens_of_a_prompt():
    head, rows = table_of(result())
    assert head == ["feature", "density", "largest", "mean_active", "writes"]
    assert len(rows) == FEATURES
    assert rows[1][2] == "8.0"
    head, rows = table_of(result(corpus=False), 1)
    assert head == ["position", "token", "place", "feature", "activation"]
    assert rows[0] == ["0", "<s>", "0", "3", "40.0"]
    assert len(rows) == 6


def test_the_inspector_hears_the_strongest_features_of_a_token():
    facts = picture.token_facts(result(), Place(prompt=0, position=2))
    assert [(fact.name, fact.value) for fact in facts] == [
        ("Features", "1 (8.00), 2 (1.00)"),
        ("Feature 2", "1.00"),
    ]
    assert picture.token_facts(result(prompts=False, feature=NONE), Place(position=2)) == []


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("made", [{}, {"corpus": False}, {"feature": NONE}, {"prompts": False}])
def test_every_number_can_be_taken_apart_or_says_nothing(what, made):
    told = explain(result(**made), what, Place(prompt=0, position=3))
    assert told is not None
    assert told.formula
    assert explain(result(), "no such number", Place()) is None


def test_numbers_are_taken_apart_with_their_values():
    place = Place(prompt=0, position=3)
    assert explain(result(), "ablated_text", place).working.endswith("2.000 − 10.000 = −8.000")
    assert explain(result(), "loss_change", place).working == "3.450 − 3.210 = 0.240"
    assert explain(result(), "direction_ablated", place).working.endswith("+0.250 nats")
    assert explain(result(), "density", place).working == "Feature 2: 21.4 %"
    assert "20.2 %" in explain(result(), "from_embedding", place).working
