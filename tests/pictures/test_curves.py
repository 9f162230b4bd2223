from __future__ import annotations

import numpy as np
import pytest

from desktop_app.pictures.curves import Curves, Key, Line, Mark, Scale, Scatter, Trace, thinned


def test_ends_hold_lines_bands_and_marks_with_some_room():
    values = np.array([1.0, np.nan, 3.0])
    line = Line("mean", values, values - 2, values + 1)
    shown = Curves((line,), marks=(Mark(9.0),))
    assert shown.reach()[0] == (-0.5, 2.5)
    assert shown.reach()[1] == pytest.approx((-1.5, 9.5))


def test_bars_stand_on_zero():
    low, high = Curves((Line("", np.array([4.0, 5.0]), bars=True),)).reach()[1]
    assert low < 0
    assert high > 5


def test_logarithms_have_no_place_for_zero():
    shown = Curves((Line("", np.array([0.0, 1.0, 100.0])),), up=Scale(log=True))
    _x, y = shown.points()
    np.testing.assert_array_equal(y, [np.nan, 0.0, 2.0])


@pytest.mark.parametrize(
    "values", [[], [np.nan, np.nan], [3.0], [3.0, 3.0], [np.inf, 1.0], [1e308, -1e308]]
)
def test_any_values_have_ends(values):
    for picture in (
        Curves((Line("", np.array(values)),)),
        Scatter(np.array(values), np.array(values), diagonal=True),
    ):
        for low, high in picture.reach():
            assert np.isfinite([low, high]).all()
            assert low < high


def test_limits_that_are_no_numbers_are_those_of_the_values():
    assert Scale(limits=(np.nan, np.nan)).reach(np.array([np.nan])) == (0.0, 1.0)
    assert Scale(limits=(0.0, 1.0)).reach(np.array([7.0])) == (0.0, 1.0)


def test_a_place_is_told_by_every_line():
    values = np.array([0.5, -1.0])
    shown = Curves(
        (Line("mean", values, values - 1, values + 1), Line("one", values * 2)),
        Scale("Layer", labels=("3", "7"), whole=True),
    )
    assert shown.text(1) == "Layer 7\nmean −1.0000 (−2.000 … 0.000)\none −2.0000"
    assert Curves((Line("", values),), tip=lambda i: f"number {i}").text(1) == "number 1"


def test_equal_scales_share_their_ends():
    shown = Scatter(np.array([0.0, 1.0]), np.array([5.0, np.nan]), diagonal=True)
    across, up = shown.reach()
    assert across == up
    assert across[0] < 0
    assert across[1] > 5


def test_of_many_dots_the_farthest_stay():
    apart = np.zeros(1000)
    apart[617] = 1.0
    kept = thinned(apart, 100)
    assert 617 in kept
    assert 50 <= len(kept) <= 100
    assert thinned(apart[:100], 100).tolist() == list(range(100))


def test_traces_count_for_the_ends_and_the_legend():
    trace = Trace(np.array([0.0, 9.0]), np.array([-4.0, 1.0]), "a fit")
    shown = Scatter(np.array([1.0]), np.array([2.0]), traces=(trace,))
    (left, right), (low, high) = shown.reach()
    assert left < 0
    assert right > 9
    assert low < -4
    assert high > 2
    assert shown.entries() == (Key("a fit", "text_muted", "dashed"),)


def test_a_legend_names_the_lines_of_more_than_one():
    values = np.zeros(2)
    lines = (Line("a", values), Line("b", values, dashed=True), Line("c", values, thin=True))
    drawn = [key.drawn for key in Curves(lines).entries()]
    assert drawn == ["line", "dashed", "thin"]
    assert Curves(lines[:1]).entries() == ()
    own = (Key("mine", "above", "bar"),)
    assert Curves(lines, legend=own).entries() == own


def test_a_place_may_have_a_name_of_its_own():
    scale = Scale("Layer", named=((-1.0, "embed"),), whole=True)
    assert scale.label(-1.0) == "embed"
    assert scale.label(3.0) == "3"
