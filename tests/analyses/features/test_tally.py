"""Counting activations: what plain loops count, in whatever portions they come."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.features.tally import ALL, NONE, Active, Tally

FEATURES, LENGTH, WINDOWS = 6, 5, 12


@pytest.fixture(scope="module")
def dense():
    """Return activations `[W, S, F]`, most of them 0; those of feature 3 all."""
    draw = np.random.default_rng(1)
    found = np.maximum(0, draw.normal(size=(WINDOWS, LENGTH, FEATURES)) - 0.8) * 10.0**9
    found[..., 3] = 0
    return (found / 7e8).astype(np.float32)


def read(dense, portions):
    tally, first = Tally(FEATURES, LENGTH), 0
    ids = np.arange(WINDOWS * LENGTH, dtype=np.int32).reshape(WINDOWS, LENGTH)
    for count in portions:
        own = dense[first : first + count].reshape(-1, FEATURES)
        place, feature = np.nonzero(own)
        value = own[place, feature]
        place = (place + first * LENGTH).astype(np.int32)
        tally.add(ids[first : first + count], Active(place, feature.astype(np.int32), value))
        first += count
    return tally


def test_it_is_a_plain_count(dense):
    tally = read(dense, [5, 7])
    flat = dense.reshape(-1, FEATURES)
    np.testing.assert_array_equal(tally.active, (flat > 0).sum(0))
    np.testing.assert_array_equal(tally.largest, flat.max(0))
    for feature in range(FEATURES):
        total = 0.0
        for value in flat[:, feature]:
            total += float(value)
        assert tally.total[feature] == total
        place, value = tally.of_feature(feature)
        np.testing.assert_array_equal(place, np.flatnonzero(flat[:, feature]))
        np.testing.assert_array_equal(value, flat[place, feature])
    start, place, value = tally.by_feature()
    for feature in range(FEATURES):
        own = slice(start[feature], start[feature + 1])
        np.testing.assert_array_equal(place[own], np.flatnonzero(flat[:, feature]))
        np.testing.assert_array_equal(value[own], flat[place[own], feature])


@pytest.mark.parametrize("portions", [[1] * WINDOWS, [12], [2, 9, 1]])
def test_portions_change_no_bit(dense, portions):
    one, other = read(dense, [3, 4, 5]), read(dense, portions)
    for name in ("active", "largest", "total"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for mine, its in zip(one.by_feature(), other.by_feature(), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("windows", [0, 1, 7, 12, 20])
def test_cut_it_is_what_it_was(dense, windows):
    tally, short = read(dense, [5, 7]), read(dense, [min(windows, WINDOWS)])
    assert tally.cut(windows)
    assert tally.windows == short.windows
    np.testing.assert_array_equal(tally.total, short.total)
    np.testing.assert_array_equal(tally.active, short.active)
    np.testing.assert_array_equal(tally.ids(), short.ids())
    np.testing.assert_array_equal(tally.found().place, short.found().place)


@pytest.mark.parametrize("of", [1, 3, NONE])
def test_narrowed_it_counts_on(dense, of):
    whole, tally = read(dense, [12]), read(dense, [4])
    tally.narrow(of)
    rest = dense[4:].reshape(-1, FEATURES)
    place, feature = np.nonzero(rest)
    value = rest[place, feature]
    ids = np.zeros((8, LENGTH), np.int32)
    kinds = (place + 4 * LENGTH).astype(np.int32), feature.astype(np.int32), value
    tally.add(ids, Active(*kinds))
    np.testing.assert_array_equal(tally.total, whole.total)
    np.testing.assert_array_equal(tally.active, whole.active)
    start, place, value = tally.by_feature()
    expected = whole.of_feature(of)
    assert start.tolist() == ([0] if of == NONE else [0, len(expected[0])])
    np.testing.assert_array_equal(place, expected[0])
    np.testing.assert_array_equal(value, expected[1])
    assert tally.entries == len(expected[0])
    assert not tally.cut(2)
    assert tally.cut(12)
    tally.clear()
    assert (tally.of, tally.windows, tally.entries) == (ALL, 0, 0)
