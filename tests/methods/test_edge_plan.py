"""Which edges are run exactly: their order, how many a time holds, and what is asked of the top."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.methods.edge_plan import Pace, order_by, overlap


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def test_the_largest_mean_estimates_come_first_and_without_any_the_last_parts():
    guess = np.array([[1.0, -1.0], [-3.0, -2.0], [0.5, 0.1], [np.nan, 1.0]])
    assert list(order_by(guess, 4)) == [1, 2, 0, 3]
    assert list(order_by(None, 4)) == [3, 2, 1, 0]


def test_without_a_limit_everything_fits():
    assert Pace(Hand()).fits(np.ones(7)) == 7


def test_a_first_block_is_small_and_tells_how_many_more_fit():
    clock = Hand()
    pace = Pace(clock, 100.0)
    costs = np.full(1000, 2.0)
    assert pace.fits(costs) == 1000
    first = pace.block(costs, 40)
    assert first == 10
    clock.now = 5.0
    pace.did(costs[:first].sum())
    # Half a second each: 95 seconds hold 190 more.
    assert pace.fits(costs[first:]) == 190
    assert pace.block(costs[first:], 40) == 40
    # It goes twice as fast as it looked.
    clock.now = 12.5
    pace.did(costs[:40].sum())
    assert pace.fits(costs[50:]) == 350


def test_what_was_foreseen_to_fit_is_finished_and_what_was_not_ends_with_the_time():
    clock = Hand()
    pace = Pace(clock, 100.0)
    clock.now = 1.0
    pace.did(10.0)
    assert pace.fits(np.ones(900)) == 900
    clock.now = 500.0
    pace.did(10.0)
    assert pace.fits(np.ones(880)) == 880
    other = Pace(clock, 100.0)
    clock.now = 501.0
    other.did(10.0)
    assert other.fits(np.ones(1000)) == 990
    clock.now = 700.0
    assert other.fits(np.ones(1000)) == 0


def test_no_time_holds_no_edge():
    assert Pace(Hand(), 0.0).fits(np.ones(5)) == 0


def test_of_a_hundred_edges_all_are_the_largest_so_that_nothing_is_said():
    values = np.random.default_rng(0).normal(size=300)
    assert overlap(values, values) == 1.0
    assert overlap(values, np.where(np.arange(300) < 100, values, np.nan)) != overlap(
        values, values
    )
    assert np.isnan(overlap(values[:100], values[:100]))
    top = np.argsort(-np.abs(values))
    other = values.copy()
    other[top[:40]] = 0.0
    assert overlap(values, other) == pytest.approx(0.6)
