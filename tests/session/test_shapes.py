"""Results are held against what their analysis says of its fields, before anything draws them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from desktop_app.contract.registry import ANALYSES
from desktop_app.session.shapes import problem_of
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored


def changed(result, **data):
    return dataclasses.replace(result, data={**result.data, **data})


@pytest.mark.parametrize("make", stored.ALL.values(), ids=stored.ALL)
def test_sound_results_have_no_problem(make):
    assert problem_of(make()) is None


def test_a_session_whose_result_names_no_layer_opens_without_it(path):
    with Session.create(path) as session:
        session.add(stored.rank_result())
        wrong = session.add(changed(stored.attention_result(), layers=np.zeros(0, np.int64)))
    with Session.open(path) as session:
        with pytest.raises(BadInputError, match="names no layer"):
            session.load(wrong)
        assert [row.id for row in session.rows()] == [1, wrong]
        stored.assert_same_result(stored.rank_result(), session.load(1))


ATTENTION, ABLATE, RANK = stored.attention_result(), stored.ablate_result(), stored.rank_result()


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (changed(ATTENTION, layers=np.array([], int)), "names no layer"),
        (changed(ATTENTION, layers=np.array([1, 2, 3])), "places along layer"),
        (changed(ATTENTION, layers=np.array([1.0, 2.0])), "names no layers"),
        (changed(ATTENTION, layers=np.array([-1, 2])), "names no layers"),
        (changed(ATTENTION, layers=np.array([1, 2**40])), "names no layers"),
        (changed(ATTENTION, layers=np.array([[1, 2]])), "has 2 axes and not 1"),
        (changed(ATTENTION, layers=1.5), "layers has 0 axes and not 1"),
        (changed(RANK, top="xy"), "top has 0 axes and not 2"),
        (changed(ABLATE, effect=[1, 2, 3]), "effect has 1 axes and not 2"),
        (changed(ATTENTION, head_indices=None), "head_indices names no heads"),
        (changed(ATTENTION, head_indices=np.array([0])), "places along head"),
        (changed(ATTENTION, entropy=np.zeros(3)), "entropy has 1 axes and not 3"),
        (changed(ATTENTION, entropy=np.zeros((2, 3, 5))), "places along prompt"),
        (changed(ATTENTION, pattern=ATTENTION.data["pattern"][:1]), "every prompt"),
        (changed(ATTENTION, pattern=(np.zeros((2, 3)),) * 2), "pattern has 3 axes and not 5"),
        (changed(ABLATE, effect_mean=np.zeros(())), "effect_mean has 0 axes"),
        (changed(ABLATE, base=np.zeros((2, 2))), "base has 2 axes and not 1"),
        (dataclasses.replace(stored.tokens_result(), prompts=()), "speaks of no prompt"),
        (changed(RANK, logit_diff=[1, 2, 3]), "logit_diff is not there for every prompt"),
        (changed(ABLATE, effect_mean=[[{"a": 1}]]), "effect_mean is no array of numbers"),
        (changed(ABLATE, effect=ABLATE.data["effect"] > 0), "effect is no array of numbers"),
        (changed(ABLATE, effect_mean=()), "effect_mean is no array of numbers"),
        (changed(RANK, top=()), "top is not there for every prompt"),
        (changed(RANK, prompt_logprob=(np.zeros((1, 2)),) * 2), "prompt_logprob has 2 axes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_said(result, words):
    assert words in problem_of(result)


@pytest.mark.parametrize(
    "changes",
    [
        {"read_position": 99},
        {"read_position": -99},
        {"tokens": stored.TokenList((), (), ())},
        {"tokens": stored.TokenList((1, 2), ("a",), ("a", "b"))},
        {"answers": (stored.AnswerRecord("x", stored.TokenList((), (), ())),)},
        {"corrupt_tokens": stored.TokenList((1,), (), ())},
    ],
    ids=str,
)
def test_prompts_have_the_tokens_that_they_speak_of(changes):
    prompts = (dataclasses.replace(stored.PROMPTS[0], **changes), stored.PROMPTS[1])
    assert problem_of(dataclasses.replace(RANK, prompts=prompts)).startswith("prompt 1 ")


@pytest.mark.parametrize("params", [{"site": []}, {"by": {}, "component": []}, {"layers": {}}])
@pytest.mark.parametrize("name", ["patch", "ablate"])
def test_settings_of_any_kind_are_no_trouble(name, params):
    made = dataclasses.replace(ABLATE, analysis=name, params=params)
    assert problem_of(made) is None or isinstance(problem_of(made), str)


def test_results_of_other_packages_are_drawn_as_they_are():
    own = dataclasses.replace(ABLATE, analysis="weather", data={"norm": np.zeros((1, 2, 3))})
    assert "weather" not in ANALYSES
    assert problem_of(own) is None
