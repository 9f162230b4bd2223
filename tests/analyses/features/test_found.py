"""What a result says of features: of the one that was looked at, and of any other."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.features.found import NONE, Example, Found, Over
from desktop_app.analyses.features.intervals import draw, interval_of
from tests.analyses.features.sample import (
    ACTIVE,
    CHOSEN,
    FEATURES,
    IDS,
    WINDOW,
    fields,
    result,
)

ALL_FEATURES = range(FEATURES)


@pytest.fixture
def found():
    return Found.of(result())


def test_activation_of_the_chosen_feature_is_known_at_every_token(found):
    assert found.on_prompt(0, CHOSEN).tolist() == [0, 0, 1, 2, 0, 0.5, 10]


def test_of_others_what_is_listed_is_known_and_what_cannot_be_otherwise(found):
    # Feature 0: listed where it is; 0 where a token lists fewer than it might; else not known.
    on = found.on_prompt(0, 0)
    assert on[[1, 3, 4, 5]].tolist() == [1, 1, 1, 2]
    assert np.isnan(on[[0, 2, 6]]).all()
    assert found.on_prompt(1, 1)[1:].tolist() == [0, 0, 0.5, 0]


def test_what_a_token_lists_ends_where_no_more_are_active(found):
    assert found.listed(0, 1) == [(0, 1.0)]
    assert found.listed(0, 2) == [(1, 8.0), (2, 1.0)]
    assert found.listed(1, 4) == []


def test_a_prompt_begins_with_its_strongest_feature_but_for_the_first_token(found):
    assert found.strongest_on(0) == 2
    assert found.strongest_on(1) == 0  # 3 is stronger at the BOS


@pytest.mark.parametrize("feature", ALL_FEATURES)
def test_entries_are_those_of_the_feature_alone(found, feature):
    places, values = found.entries(feature)
    rows = sorted(ACTIVE.get(feature, ()))
    assert [divmod(int(p), WINDOW) for p in places] == [(w, p) for w, p, _ in rows]
    assert values.tolist() == pytest.approx([v for *_, v in rows])


@pytest.mark.parametrize("window", range(len(IDS)))
def test_a_window_is_tinted_by_what_is_active_in_it(found, window):
    expected = np.zeros(WINDOW)
    for there, position, value in ACTIVE[CHOSEN]:
        if there == window:
            expected[position] = value
    assert found.in_window(CHOSEN, window).tolist() == pytest.approx(expected.tolist())


def test_the_strongest_token_is_where_the_largest_activation_is(found):
    for feature in ALL_FEATURES:
        rows = ACTIVE.get(feature, ())
        token = found.strongest_token(feature)
        if not rows:
            assert token is None
            continue
        window, position, _ = max(rows, key=lambda one: one[2])
        assert token.id == IDS[window, position]


def test_examples_of_the_chosen_feature_are_the_runs_own(found):
    examples = found.examples(CHOSEN)
    assert examples.top[0] == Example(0, 6, 10.0)
    assert examples.counts.tolist() == [3, 0, 1, 0, 2]
    assert [len(part) for part in examples.drawn] == [3, 0, 1, 0, 2]


def test_examples_of_another_are_drawn_by_the_same_rule(found):
    examples = found.examples(0)
    values = sorted((v for *_, v in ACTIVE[0]), reverse=True)
    assert [one.value for one in examples.top] == values[:3]
    assert examples.edges.tolist() == pytest.approx(np.linspace(0, 3, 6).tolist())
    assert int(examples.counts.sum()) == len(values)
    again = Found.of(result()).examples(0)
    assert again.drawn == examples.drawn
    for interval, part in enumerate(examples.drawn):
        low, high = examples.edges[interval : interval + 2]
        assert all(low <= one.value <= high for one in part)


def test_where_one_features_activations_alone_are_kept_others_have_no_examples():
    data = fields()
    first, last = data["feature_start"][CHOSEN : CHOSEN + 2]
    data |= {
        "feature_start": np.array([0, last - first]),
        "entry_place": data["entry_place"][first:last],
        "entry_value": data["entry_value"][first:last],
        "entries_of": "chosen",
    }
    found = Found.so_far(data, result().params)
    assert not found.keeps_all
    assert found.entries(CHOSEN)[1].tolist() == pytest.approx([v for *_, v in sorted(ACTIVE[2])])
    assert found.entries(0) is None
    assert found.examples(0) is None
    assert found.strongest_token(0) is None
    assert found.over(0) == Over(pytest.approx(5 / 28), 3.0, pytest.approx(1.6))


def test_two_features_and_one_kept_are_told_apart():
    """With two features all starts are three, with one kept two: the result says which it is."""
    data = fields() | {"density": np.array([0.5]), "feature_start": np.array([0, 2])}
    data |= {"entries_of": "chosen"}
    assert not Found.so_far(data, result().params).keeps_all
    assert Found.so_far(data | {"entries_of": "all"}, result().params).keeps_all


def test_a_result_without_a_corpus_or_prompts_has_neither():
    bare = Found.of(result(corpus=False))
    assert not bare.has_corpus
    assert bare.over(0) is None
    assert bare.examples(0) is None
    assert bare.count == FEATURES
    assert Found.of(result(prompts=False, feature=NONE)).prompts == 0


def test_a_token_that_nothing_names_is_its_number(found):
    assert found.word(999).text == "#999"


def plain(values, intervals, examples):
    """Return counts by a loop over values."""
    most = max(values)
    counts = [0] * intervals
    for value in values:
        counts[min(int(value / most * intervals + 1e-12), intervals - 1)] += 1
    return counts


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_a_plain_loop_and_the_largest_is_in_the_last(seed):
    source = np.random.default_rng(seed)
    values = source.exponential(size=300)
    made = draw(values, 10, 5, (seed, 3))
    assert made.counts.tolist() == plain(values.tolist(), 10, 5)
    assert int(made.counts.sum()) == len(values)
    last = made.drawn[-1]
    assert values.argmax() == made.top[0]
    assert interval_of(values[made.top[:1]], made.edges).tolist() == [9]
    for interval, part in enumerate(made.drawn):
        assert len(part) == min(5, made.counts[interval]) == len(set(part.tolist()))
        assert (interval_of(values[part], made.edges) == interval).all()
    assert last.size


def test_a_draw_follows_from_its_seed_alone():
    values = np.linspace(0.1, 1, 200)
    one, two, other = (draw(values, 2, 4, seed) for seed in ((1, 2), (1, 2), (2, 2)))
    assert [p.tolist() for p in one.drawn] == [p.tolist() for p in two.drawn]
    assert [p.tolist() for p in one.drawn] != [p.tolist() for p in other.drawn]


def test_of_equal_ones_the_earlier_is_the_larger_and_of_none_there_are_none():
    assert draw(np.array([1.0, 2, 2, 1]), 3, 3, (0,)).top.tolist() == [1, 2, 0]
    made = draw(np.zeros(0), 3, 2, (0,))
    assert made.counts.tolist() == [0, 0, 0]
    assert not made.top.size
