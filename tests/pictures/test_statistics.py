"""Intervals, the sign-flip test and q against slow computations that look at one cell at a time."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from desktop_app.pictures.statistics import (
    COUNTED,
    DRAWN,
    LEAST,
    RESAMPLES,
    SEED,
    Evidence,
    adjusted,
    intervals,
    least_p,
    sign_flip,
)


def some(*shape, seed=3, shift=0.0):
    return np.random.default_rng(seed).normal(shift, 1, shape)


def plain_interval(values):
    """Resample one cell's prompts one resample at a time."""
    drawn = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    means = [float(np.mean([values[i] for i in one])) for one in drawn]
    return np.percentile(means, [2.5, 97.5])


def plain_p(values):
    """Try every pattern of signs on one cell."""
    whole = abs(sum(values))
    tried = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    return sum(one >= whole - 1e-9 for one in tried) / len(tried)


def plain_q(p):
    """Take the least of p·m/rank over all that are as large: the definition."""
    known = sorted(one for one in p if not math.isnan(one))
    return [
        min(1.0, *(len(known) * other / (i + 1) for i, other in enumerate(known) if other >= one))
        if not math.isnan(one)
        else math.nan
        for one in p
    ]


@pytest.mark.parametrize("prompts", [5, 7, 12, 30])
def test_an_interval_is_that_of_resampling_prompts_one_by_one(prompts):
    values = some(3, 4, prompts)
    low, high = intervals(values)
    assert low.shape == high.shape == (3, 4)
    for cell in ((0, 0), (2, 3)):
        assert [low[cell], high[cell]] == pytest.approx(plain_interval(values[cell]), abs=1e-12)


@pytest.mark.parametrize("prompts", [5, 6, 9])
def test_p_is_the_share_of_all_sign_patterns_that_lie_as_far(prompts):
    values = some(4, prompts, shift=0.7)
    values[0] = np.abs(values[0])
    assert sign_flip(values) == pytest.approx([plain_p(row) for row in values], abs=1e-15)
    assert sign_flip(values)[0] == least_p(prompts)


def test_ties_count_as_far():
    values = np.array([[0.0] * 6, [1.0, -1.0, 1.0, -1.0, 1.0, -1.0], [0.1] * 6, [0.1] * 5 + [0.3]])
    assert sign_flip(values) == pytest.approx([plain_p(row) for row in values], abs=1e-15)
    assert sign_flip(values)[0] == sign_flip(values)[1] == 1.0


def test_drawn_patterns_agree_with_all_of_them():
    values = some(30, COUNTED + 1, shift=0.4)
    exact = [plain_p(row) for row in values[:2]]
    found = sign_flip(values)
    assert found[:2] == pytest.approx(exact, abs=4 * math.sqrt(0.25 / DRAWN))
    assert np.array_equal(found, sign_flip(values))
    assert sign_flip(np.full((1, 40), 1.0)).item() == least_p(40) == 1 / (DRAWN + 1)


def test_p_is_right_where_nothing_is_there():
    found = sign_flip(some(4000, 8))
    for level in (0.05, 0.25, 0.5):
        assert (found <= level).mean() == pytest.approx(level, abs=0.03)


def test_q_is_that_of_the_definition_and_never_falls():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.04, 0.8, 0.0625, 1.0])
    assert adjusted(p) == pytest.approx(plain_q(p.tolist()), abs=1e-15, nan_ok=True)
    worked = adjusted([[0.01, 0.02], [0.03, 0.04]])
    assert worked == pytest.approx(np.full((2, 2), 0.04))
    p = np.sort(np.random.default_rng(0).uniform(size=200))
    assert (np.diff(adjusted(p)) >= 0).all()
    assert (adjusted(p) >= p).all()


def test_q_of_nothing_is_nothing():
    assert adjusted([]).size == 0
    assert np.isnan(adjusted([np.nan, np.nan])).all()


@pytest.mark.parametrize(("prompts", "least"), [(5, 0.0625), (6, 0.03125), (10, 2 / 1024)])
def test_so_many_prompts_give_no_smaller_q(prompts, least):
    tested = Evidence(np.abs(some(50, prompts)) + 1).finish()
    assert tested.q.min() == tested.p.min() == least_p(prompts) == least


def test_a_missing_prompt_is_left_out_and_a_cell_with_few_has_nothing():
    values = some(5, 7)
    values[1, 2] = values[3, 2] = values[4, [0, 6]] = np.nan
    values[2, :3] = np.nan
    p, (low, high) = sign_flip(values), intervals(values)
    assert np.isnan([p[2], low[2], high[2]]).all()
    for cell in (0, 1, 3, 4):
        own = values[cell][np.isfinite(values[cell])]
        assert p[cell] == pytest.approx(plain_p(own))
        assert [low[cell], high[cell]] == pytest.approx(plain_interval(own), abs=1e-12)
    known = [0, 1, 3, 4]
    assert Evidence(values).finish().q[known] == pytest.approx(plain_q(p[known].tolist()))


@pytest.mark.parametrize("prompts", [1, 2, LEAST - 1])
def test_few_prompts_say_nothing(prompts):
    tested = Evidence(some(3, prompts))
    assert not tested.offered
    assert tested.step()
    assert tested.q is None
    assert np.isnan(tested.interval((0,))).all()
    assert np.isnan(sign_flip(tested.values)).all()


def test_blocks_give_what_all_at_once_gives():
    values = some(40, 50, 13)
    tested, steps = Evidence(values), 1
    while not tested.step():
        assert tested.q is None
        assert tested.p is None
        steps += 1
    assert steps > 20
    assert np.array_equal(tested.p, sign_flip(values))
    assert np.array_equal(tested.q, adjusted(sign_flip(values)))
    low, high = tested.interval((7, 11))
    assert (low, high) == pytest.approx(plain_interval(values[7, 11]), abs=1e-12)
    assert tested.intervals()[0][7, 11] == pytest.approx(low, abs=1e-12)
    assert tested.interval((7, 11))[1] == pytest.approx(high, abs=1e-12)


def test_no_prompts_no_cells():
    assert sign_flip(np.zeros((0, 6))).shape == (0,)
    assert intervals(np.zeros((0, 6)))[0].shape == (0,)
    assert Evidence(np.zeros((0, 6))).finish().q.shape == (0,)
