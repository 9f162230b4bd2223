"""What steering shows, as data: texts, words, strengths, the timeline and what it tells."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from desktop_app.analyses.steer.explain import explain
from desktop_app.analyses.steer.going_on import continued
from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.picture import (
    about,
    begin_of,
    effect_badge,
    lines,
    named,
    outcome_sentence,
    table,
)
from desktop_app.analyses.steer.said import continuations, has_effect, parting, partings
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.strength import reach_of, strength_of, with_strength
from desktop_app.analyses.steer.timeline_picture import story, timeline_of
from desktop_app.analyses.steer.tints import tint_of, tints_there
from desktop_app.analyses.steer.words import done_words
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.steering import timeline
from desktop_app.pictures.facts import Place
from desktop_app.pictures.shown import SoFar
from desktop_app.pictures.words import settings_sentence
from tests.samples.drawn import PROMPTS
from tests.samples.steered import PLAIN, SECOND, STEERED, plain_result, steer_result, strip

LENGTH = len(PROMPTS[0].tokens)


def one(told, run="steered"):
    """Return a continuation made of a strip."""
    return continuations(SoFar({run: (told,)}), 0)[0]


def test_texts_part_where_tokens_first_differ():
    assert parting(one(PLAIN, "plain"), one(STEERED)) == 1
    assert parting(one(PLAIN, "plain"), one(PLAIN)) is None


def test_a_text_that_ends_parts_where_the_other_goes_on():
    short = strip([10, 11], [" very", " good"], [-0.5, -0.1])
    assert parting(one(PLAIN, "plain"), one(short)) == 2


def test_a_text_that_was_cut_parts_nowhere_and_is_not_the_same_either():
    short = strip([10, 11], [" very", " good"], [-0.5, -0.1])
    cut = replace(plain_result(), data={"plain": (PLAIN,), "steered": (short,)})
    told = continuations(cut, 0)
    assert partings(told) == {"steered": None}
    assert has_effect(told) is None
    assert effect_badge(told, SteerParams(layer=1, zero=True)) is None
    assert outcome_sentence(told) == "Steered says what plain says, as far as it goes"
    ended = replace(cut, data={"plain": (PLAIN,), "steered": (short | {"ended": True},)})
    assert partings(continuations(ended, 0)) == {"steered": 2}


def test_plain_alone_has_no_effect_to_speak_of():
    told = continuations(plain_result(), 0)
    assert has_effect(told) is None
    assert effect_badge(told, SteerParams()) is None


def test_a_badge_says_whether_numbers_moved():
    result = steer_result()
    still = continuations(result, 1)
    strong = SteerParams(layer=1, to_texts=("a",), from_texts=("b",))
    assert "to the bit" in effect_badge(still, strong).tooltip
    moved = SECOND | {"logprobs": [-1.5, -0.3, -0.2, -0.95]}
    told = continuations(SoFar({"plain": (SECOND,), "steered": (moved,)}), 0)
    badge = effect_badge(told, SteerParams(layer=1, zero=True))
    assert badge.text == "no effect"
    assert "up to 0.05" in badge.tooltip


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            {"layer": 5, "zero": True, "when": "every"},
            "zero at layer 5, residual stream after the block, last position, at every step",
        ),
        (
            {"layer": 2, "scale": -0.5, "position": "0,-2", "site": "mlp_out", "when": "1:"},
            "× −0.5 at layer 2, MLP output, positions 0, −2, at steps 1 and later",
        ),
        (
            {"add": ("/home/x/cold.safetensors",), "coef": (3.0,), "position": "all"},
            "add 3 × cold.safetensors at the layer and site of its vector, all positions, on the "
            "prompt pass",
        ),
        ({"ablate_heads": "5.3,1.0"}, "ablate L5H3, L1H0, last position, on the prompt pass"),
        (
            {"add": ("/x/sae:12",), "layer": 2, "when": "1:3"},
            "add feature 12 of sae at layer 2, residual stream after the block, last position, at "
            "steps 1 to 2",
        ),
    ],
)
def test_what_is_done_is_told_in_words(params, words):
    assert done_words(SteerParams.model_validate(params)) == words


def test_a_vector_that_names_its_own_place_is_told_there():
    params = SteerParams.model_validate(
        {"add": ("/x/sae:12",), "also": ({"op": "zero", "layer": 0},)}
    )
    done = (
        {"op": "add", "layer": 2, "site": "resid_pre"},
        {"op": "zero", "layer": 0, "site": "resid_post"},
    )
    told = done_words(params, done)
    assert told.startswith("add feature 12 of sae at layer 2, residual stream before the block,")
    assert "zero at layer 0, residual stream after the block" in told
    for broken in ({"op": "add", "layer": "2"}, {"op": "zero", "layer": 2, "site": "resid_pre"}):
        assert "at the layer and site of its vector" in done_words(params, (broken,))
    assert "after the block" not in settings_sentence(SteerParams(add=("/x/sae:12",)))
    assert "after the block" in settings_sentence(SteerParams(add=("/x/sae:12",), layer=1))
    assert "MLP output" in settings_sentence(SteerParams(add=("/x/sae:12",), site="mlp_out"))


@pytest.mark.parametrize(
    ("to", "start", "words"),
    [
        (
            "I love this, it is wonderful",
            "I hate this, it is terrible",
            "“I love this, it is wond…” − “I hate this, it is terr…”",
        ),
        (
            "The film that we saw was splendid",
            "The film that we saw was awful",
            "“…splendid” − “…awful”",
        ),
    ],
)
def test_two_sets_of_texts_are_cut_where_they_are_alike(to, start, words):
    params = SteerParams.model_validate({"layer": 1, "to": [to], "from": [start]})
    assert words in done_words(params)


@pytest.mark.parametrize(
    ("settings", "said", "unsaid"),
    [
        ({}, "new tokens 20", ("position", "prompt pass", "coefficient", "layer")),
        ({"layer": 1, "zero": True}, "position −1", ("coefficient",)),
        ({"layer": 1, "add": ["v"], "coef": [4.0]}, "coefficient 4", ("1 coefficient",)),
        ({"layer": 1, "add": ["v", "w"], "coef": [4.0, -0.5]}, "coefficient 4, −0.5", ()),
        ({"ablate_heads": "1.0", "layer": 2}, "position −1", ("layer", "coefficient")),
        (
            {"also": [{"op": "zero", "layer": 1}] * 2},
            "2 further interventions",
            ("alsos", "prompt pass", "coefficient"),
        ),
    ],
)
def test_a_line_of_settings_says_what_they_do_and_nothing_idle(settings, said, unsaid):
    told = settings_sentence(SteerParams.model_validate(settings))
    assert said.replace("−", "-") in told.replace("−", "-")
    assert not [word for word in unsaid if word in told]


def test_a_strength_is_that_of_the_first_vector_and_others_move_along():
    params = SteerParams(layer=1, add=("a", "b"), coef=(2.0, -4.0))
    assert strength_of(params).value == 2.0
    assert with_strength(params, 3.0) == {"coef": (3.0, -6.0)}
    assert with_strength(params.model_copy(update={"coef": (0.0, 1.0)}), 3.0)["coef"] == (3.0, 1.0)


def test_a_factor_and_a_further_intervention_have_a_strength_too():
    assert with_strength(SteerParams(layer=1, scale=2.0), 0.5) == {"scale": 0.5}
    params = SteerParams(layer=1, also=({"op": "zero"}, {"op": "scale", "factor": 3.0}))
    assert strength_of(params).value == 3.0
    # Of several it says which is moved, by its number among the interventions.
    assert strength_of(params).title == "Factor, no. 2"
    both = params.model_copy(update={"zero": True, "to_texts": ("a",), "from_texts": ("b",)})
    assert strength_of(both).title == "Coefficient, no. 2"
    assert strength_of(SteerParams(layer=1, add=("a", "b"))).title == "Coefficient"
    assert with_strength(params, 1.5)["also"][1].factor == 1.5
    assert strength_of(SteerParams(layer=1, zero=True)) is None


def test_a_slider_reaches_round_numbers_and_stays_while_the_value_is_within():
    assert [reach_of(v) for v in (0.0, 1.0, 4.0, -30.0)] == [2.0, 2.0, 10.0, 100.0]
    assert reach_of(3.0, 10.0) == 10.0
    assert reach_of(0.0, 10.0) == 10.0
    assert reach_of(11.0, 10.0) == 50.0


def test_one_scale_for_all_log_probabilities_and_a_symmetric_one_for_readings():
    told = continuations(steer_result(), 0)
    assert tints_there(told) == ["own", "plain"]
    tint = tint_of("own", told)
    assert [tint.share(v) for v in (0.0, -5.0, -99.0)] == [0.0, 0.5, 1.0]
    read = [one(PLAIN | {"reading": [0.5, -2.0, 0.0, 1.0]})]
    assert tints_there(read)[-1] == "reading"
    assert tint_of("reading", read).limits == (-2.0, 2.0)


def test_a_text_that_still_grows_has_no_numbers_it_does_not_know():
    growing = {"ids": [1, 2], "texts": ["a", "b"], "logprobs": [-0.5]}
    told = one(growing)
    assert math.isnan(told.tokens[1].logprob)
    assert told.text == "ab"
    assert partings([told]) == {}


def test_a_text_that_was_not_begun_begins_anew_where_others_go_on():
    nothing = strip([], [], [])
    result = replace(plain_result(max_new_tokens=4), data={"plain": (PLAIN, nothing)})
    changes = continued(result)
    assert changes["begin"] == ("plain:0:10,11,12,13",)
    assert SteerParams.model_validate(changes).begin == changes["begin"]


def test_texts_that_are_long_enough_do_not_go_on():
    long = strip([1] * 50, ["a"] * 50, [-0.1] * 50)
    result = replace(plain_result(max_new_tokens=50), data={"plain": (long, long)})
    room = 64 - LENGTH
    assert continued(result)["max_new_tokens"] == room, "as much as the model reads"
    long = strip([1] * room, ["a"] * room, [-0.1] * room)
    assert "the model reads 64 in all" in continued(replace(result, data={"plain": (long, long)}))
    assert "no text yet" in continued(replace(result, data={}))


def test_a_result_is_named_by_what_was_done():
    assert named(steer_result()) == "add 4 × (“cold” − “hot”) L1"
    assert named(plain_result()) == "plain"
    swept = steer_result(sweep_layers=":", sweep_coefs=[-1.0, 1.0])
    assert named(swept) == "sweep · add (“cold” − “hot”)"
    factor = {"from": [], "to": [], "scale": 2.0, "sweep_coefs": [0.5]}
    assert named(steer_result(**factor)) == "sweep · scale"
    assert named(steer_result(scan=True)) == "positions · add 4 × (“cold” − “hot”) L1"
    assert named(steer_result(preset="equivalence")) == "where and when it acts"
    assert about(plain_result()) == PROMPTS[0].text


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"layer": "nowhere"}, "the result’s settings do not fit this version"),
        ({"begin": ["plain:nothing"]}, "the result’s settings do not fit this version"),
        ({"coef": [1.0, 2.0]}, "given 2 times, for 1 vector"),
    ],
)
def test_a_result_whose_settings_do_not_fit_still_shows_its_texts(settings, says):
    result = steer_result(**settings)
    told = list(lines(result))
    assert says in told[0]
    assert any("cold and wet" in line for line in told)
    assert named(result)
    assert begin_of(result) == ()
    assert says in explain(result, "control", Place()).working
    assert explain(result, "reading", Place()).formula


def test_a_terminal_gets_every_text():
    told = "\n".join(lines(steer_result()))
    assert "Random control ' very good, so'" in told
    assert "no effect" in told


def test_a_table_has_a_row_for_every_token():
    headings, rows = table(steer_result(), 0, None)
    assert headings[:5] == ["prompt", "run", "step", "id", "token"]
    assert len(rows) == 2 * 4 * 4
    assert rows[5][:5] == ["0", "steered", "1", "14", " cold"]


# The timeline.


def with_acts(acts, *, cached=True, steps=4, params=None, layers=3, **more):
    """Return the timeline of the first prompt and what it tells, for positions and steps."""
    codes = (timeline(acts, LENGTH, steps, cached=cached),)
    position, when = acts[0]
    own = {"layer": 1, "zero": True, "position": position, "when": when, **more}
    own["cache"] = "yes" if cached else "no"
    data = {**steer_result().data, "timeline": codes}
    found = timeline_of(replace(steer_result(), data=data), 0)
    return found, " ".join(story(found, SteerParams.model_validate(own), layers))


def test_a_changed_prompt_position_lives_in_the_cache():
    found, told = with_acts([("-1", "prompt")])
    assert found.codes[0][LENGTH - 1] == 3
    assert found.codes[1][LENGTH - 1] == 4
    assert found.present == (1, 2, 3, 4)
    assert f"Changed: position {LENGTH - 1} “␠” at step 0." in told
    assert "lives in the cache" in told
    assert found.shapes[1] == "1 × 1 × 8"


def test_a_position_that_only_the_cache_holds_is_explained_and_not_raised():
    found, told = with_acts([("3", "every")])
    assert found.codes[1][3] == 5
    assert "From step 1 on the pass holds the new token alone (1 × 1 × 8): position 3" in told
    assert "no such index" in told
    assert "asked to be changed" in found.words(1, 3)


def test_without_the_cache_a_change_of_the_prompt_pass_is_another_experiment():
    found, told = with_acts([("-1", "prompt")], cached=False)
    assert found.codes[1][LENGTH - 1] == 1
    assert "another experiment" in told


@pytest.mark.parametrize(("position", "when"), [("1", "2:"), ("all", "1:"), ("-2", "1:")])
def test_without_the_cache_a_change_that_comes_late_is_another_experiment(position, when):
    _found, told = with_acts([(position, when)], cached=False)
    assert "another experiment" in told
    assert "the same as with the cache" not in told


def test_a_place_that_is_asked_for_too_late_was_never_changed():
    _found, told = with_acts([("1", "2:")])
    assert "From step 1 on the pass holds the new token alone" in told
    assert "position 1 lives in the cache" in told
    assert "as is asked at step 2" in told
    assert "nothing was done to it by the step that computed it either" in told
    assert "goes on acting" not in told
    _found, told = with_acts([("1", "every")])
    assert "as is asked at step 1" in told
    assert "what was done before goes on acting" in told


def test_the_same_place_in_every_pass_needs_no_cache():
    found, told = with_acts([("3", "every")], cached=False)
    assert [row[3] for row in found.codes] == [3] * 4
    assert "Changed: position 3 “␠” at steps 0 to 3." in told
    assert "the same as with the cache" in told


def test_new_tokens_are_named_behind_the_prompts():
    found, _told = with_acts([("-1", "every")])
    assert found.labels[LENGTH : LENGTH + 3] == ("␠very", "␠cold", "␠and")
    assert "(new)" in found.words(2, LENGTH + 1)
    assert "is not there yet" in found.words(0, LENGTH)


def test_behind_the_last_attention_nobody_reads_another_position():
    _found, told = with_acts([("1", "prompt")], layer=2)
    assert "nothing can come of this change" in told
    assert "goes on acting" not in told
    _found, told = with_acts([("-1", "prompt")], layer=2)
    assert "acts on the token of its own step, and is in no cache" in told
    assert "goes on acting" not in told
    for acts, more in (
        ([("1", "prompt")], {"layer": 1}),
        ([("1", "prompt")], {"layer": 2, "site": "resid_pre"}),
    ):
        assert "is the last" not in with_acts(acts, **more)[1]


class Whole(np.ndarray):
    """Codes of which none is asked for by itself."""

    def __iter__(self):
        raise AssertionError("one place after the other: of a long text there are millions")


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("acts", [("-1", "prompt"), ("all", "every"), ("2", "every")])
def test_the_timeline_of_a_long_text_is_told_as_a_whole(acts, cached):
    result = steer_result(cache="yes" if cached else "no", position=acts[0], when=acts[1])
    rows = np.array(timeline([acts], LENGTH, 4, cached=cached), dtype=np.int8)
    told = []
    for codes in (rows.tolist(), rows.view(Whole)):
        found = timeline_of(replace(result, data={**result.data, "timeline": (codes,)}), 0)
        words = [found.words(*place) for place in np.ndindex(rows.shape)]
        told.append((found.present, words, story(found, made_params(result.params), 3)))
    assert told[0] == told[1]
    assert found.same(found)
    assert not found.same(None)


def test_plain_generation_has_no_timeline():
    assert timeline_of(plain_result(), 0) is None


# Tries.


def test_strengths_and_lengths_of_one_question_are_tries_of_one_entry():
    def asked(**changes):
        params = {"layer": 1, "to": ("a",), "from": ("b",), **changes}
        told = SteerParams.model_validate(params).model_dump(exclude={"prompts"})
        return ANALYSES["steer"].question(told, [{"text": "x"}])

    for changes in (
        {"coef": (3.0,)},
        {"max_new_tokens": 50},
        {"begin": ("steered:0:1",)},
        {"out_vector": "v.safetensors"},
    ):
        assert asked(**changes) == asked()
    for changes in ({"layer": 2}, {"when": "every"}, {"scale": 1.0}, {"sweep_layers": ":"}):
        assert asked(**changes) != asked()
    further = {"op": "scale", "layer": 2}
    assert asked(also=({**further, "factor": 2.0},)) == asked(also=({**further, "factor": 3.0},))
    assert asked(also=({**further, "position": "0"},)) != asked(also=(further,))
