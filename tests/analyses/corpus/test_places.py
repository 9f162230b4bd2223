"""Places and draws on patterns made up for the purpose: ties, samples, more ids than at first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.corpus import drawn, sums
from desktop_app.analyses.corpus.attended import Attended
from desktop_app.analyses.corpus.best_places import BestPlaces, BestRows
from desktop_app.analyses.corpus.drawn import Draws, Sample, priorities

LENGTH = 6


def made_up(seed, windows, levels):
    """Return patterns `[window, H, S, S]` whose weights are few numbers, so that many are equal."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, levels, (windows, 2, LENGTH, LENGTH)) / levels / LENGTH
    return torch.tensor(np.tril(x), dtype=torch.float32)


def off(x):
    """Return the largest weight of each query off position 0 and off itself."""
    return sums.reduce_pattern(x, sums.mark(torch.zeros(len(x), LENGTH, dtype=torch.long))).most


def searched(every, head):
    """Return the ten largest of all pairs, equal ones in the order of windows, queries, keys."""
    found = [
        (-float(every[w, head, q, k]), w, q, k)
        for w in range(len(every))
        for q in range(LENGTH)
        for k in range(1, q)
        if every[w, head, q, k] > 0
    ]
    return [(w, q, k, -weight) for weight, w, q, k in sorted(found)[:10]]


@pytest.mark.parametrize("levels", [2, 5, 1000])
@pytest.mark.parametrize("many", [1, 3, 8])
def test_equal_weights_are_told_apart_by_where_they_stand(levels, many):
    every = made_up(levels, 8, levels)
    best = BestPlaces(1, 2, LENGTH)
    for first in range(0, 8, many):
        x = every[first : first + many]
        best.add(first, [BestRows(x, off(x))])
    for head in range(2):
        expected = np.array(searched(every, head))
        np.testing.assert_array_equal(best.places[0, head], expected)
        for (window, query, *_rest), row in zip(expected, best.rows[0, head], strict=True):
            np.testing.assert_array_equal(row, every[int(window), head, int(query)])


def test_weights_within_rounding_are_equal():
    x = torch.zeros(2, 1, LENGTH, LENGTH)
    x[0, 0, 3, 1], x[1, 0, 4, 2] = 0.9999999, 1.0
    x[0, 0, 5, 2], x[1, 0, 5, 3] = 0.5, 0.5001
    best = BestPlaces(1, 1, LENGTH)
    best.add(0, [BestRows(x, off(x))])
    places = best.places[0, 0]
    np.testing.assert_array_equal(places[:4, :2], [[0, 3], [1, 4], [1, 5], [0, 5]])
    assert np.isnan(places[4:]).all()  # where nothing is given there is no place


def test_a_query_that_gives_nothing_elsewhere_is_drawn_with_nothing():
    draws = Draws(0, 1, 1, LENGTH)
    numbers = draws.draw(range(3))
    draws.add(
        range(3),
        numbers,
        np.zeros((1, 3, 1, LENGTH)),
        np.eye(LENGTH, dtype=np.float32)[np.zeros(len(numbers[1]), int)][:, None, None],
    )
    tenths = draws.tenths()
    np.testing.assert_array_equal(tenths.edges, np.zeros((1, 1, 11)))
    np.testing.assert_array_equal(tenths.places[0, 0, :, 2:], [[1.0, 0.0]] * 10)
    assert len({tuple(place) for place in tenths.places[0, 0, :, :2]}) == 10


@pytest.mark.parametrize("many", [1, 4, 9])
def test_a_sample_is_that_of_lowest_numbers_however_it_comes(many):
    sample, room = Sample(7, (2,)), 7
    for first in range(0, 12, many):
        windows = range(first, min(12, first + many))
        numbers = priorities(5, windows, LENGTH)
        some = sample.entering(numbers)
        values = np.array([[first + w, q] for w, q in some], dtype=float).reshape(-1, 2)
        sample.take(numbers, some, values, first)
    every = priorities(5, range(12), LENGTH)
    assert np.isinf(every[:, :2]).all()
    lowest = np.argsort(every, axis=None)[:room]
    order = sample.by_priority()
    expected = np.stack(np.unravel_index(lowest, every.shape), -1)
    np.testing.assert_array_equal(sample.place[order], expected)
    np.testing.assert_array_equal(sample.values[order], expected)


def test_of_many_queries_a_sample_gives_the_tenths(monkeypatch):
    monkeypatch.setattr(drawn, "MOST_WEIGHTS", 300)
    draws = Draws(0, 1, 2, 40)
    assert len(draws.weights.priority) == 150
    rng = np.random.default_rng(0)
    for window in range(30):
        numbers = draws.draw(range(window, window + 1))
        most = rng.random((1, 1, 2, 40))
        draws.add(range(window, window + 1), numbers, most, np.zeros((len(numbers[1]), 1, 2, 40)))
    edges = draws.tenths().edges
    assert np.abs(edges - np.linspace(0, 1, 11)).max() < 0.15


def test_more_tokens_than_there_was_room_for():
    attended = Attended(1, 2)
    ids = np.arange(3 * 1501).reshape(3, 1501)[:, ::-1]
    columns = np.ones((1, 3, 2, 1501), dtype=np.float32)
    columns[0, 2, 1, 5] = 7
    for some in (slice(0, 2), slice(2, 3)):
        attended.make_room(ids[some])
        attended.add(ids[some], columns[:, some])
    found, shares = attended.most()
    assert found[0, 1, 0] == ids[2, 5]
    # The other tokens are equal, and those of lowest numbers come first.
    np.testing.assert_array_equal(found[0, 0], np.arange(10))
    np.testing.assert_allclose(shares[0, 0], 1 / 4500)
    assert shares[0, 1, 0] == pytest.approx(7 / 4506)
