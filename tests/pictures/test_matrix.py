from __future__ import annotations

import numpy as np
import pytest

from desktop_app.pictures.matrix import (
    Axis,
    Matrix,
    centred_limits,
    finite_limits,
    numbered,
)


def matrix(values=None, **changes):
    values = np.eye(2, 3) if values is None else values
    return Matrix(values, numbered("Layer", 2), numbered("Head", 3), **changes)


def test_limits_centre_on_what_is_asked():
    assert centred_limits(np.array([1.0, -3.0, np.nan, np.inf])) == (-3.0, 3.0)
    assert centred_limits(np.array([np.nan])) == (-1.0, 1.0)
    assert centred_limits(np.zeros(3)) == (-1.0, 1.0)
    assert centred_limits(np.array([5.0]), centre=4.0, least=3.0) == (1.0, 7.0)


def test_limits_hold_all_maps_and_ignore_what_is_missing():
    assert centred_limits(np.array([[0.5, np.nan]]), np.array([[-2.0, 0.0]])) == (-2.0, 2.0)
    assert centred_limits(np.full((2, 2), np.nan)) == (-1.0, 1.0)


def test_limits_of_amounts_begin_at_zero():
    assert finite_limits(np.array([0.2, np.nan, 0.7])) == (0.0, 0.7)
    assert finite_limits(np.array([-2.0, 1.0])) == (-2.0, 1.0)
    assert finite_limits(np.array([])) == (0.0, 1.0)


def test_open_limits_come_from_the_values():
    assert matrix().limits == (-1.0, 1.0)
    assert matrix(diverging=False).limits == (0.0, 1.0)
    assert matrix(scale=(-9.0, 9.0)).limits == (-9.0, 9.0)


def test_limits_have_a_distance_however_far_they_are():
    low, high = matrix(np.array([[1e308, -1e308, np.nan]] * 2)).limits
    assert np.isfinite(high - low)
    assert -low == high >= 1e300
    assert matrix(scale=(np.nan, np.nan)).limits == matrix().limits
    assert np.isfinite(matrix(scale=(-np.inf, np.inf)).limits).all()


def test_a_cell_in_words():
    shown = matrix(np.array([[0.5, -2.0, np.nan]] * 2), exact_format="{:+.4f}")
    assert shown.cell_text(1, 1) == "L1H1    −2.0000"
    assert shown.tip_text(0, 2) == "L0H2    no value"
    assert matrix(tip=lambda row, column: f"{row}/{column}").tip_text(1, 2) == "1/2"


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 2, 2))])
def test_what_is_no_matrix_is_refused(bad):
    with pytest.raises(ValueError, match="matrix"):
        matrix(bad)


def test_labels_must_fit():
    with pytest.raises(ValueError, match="2 row labels for 3 rows"):
        matrix(np.zeros((3, 3)))


def test_words_are_told_from_numbers():
    assert not numbered("Head", 12).words
    assert not Axis("Layer", ["-12345"]).words
    assert Axis("Head", ["L12H10"]).words
    assert Axis("Query", ["1", "2"], tokens=True).words


def test_a_tip_that_cannot_be_told_is_place_and_value():
    """The words over a cell may read what a file's result holds as it likes."""
    whole = matrix(tip=lambda row, column: f"{row} and {column}")
    assert whole.tip_text(1, 2) == "1 and 2"
    for wrong in (float("inf"), "x"):
        told = matrix(tip=lambda row, column, wrong=wrong: f"{int(wrong)}")
        assert told.tip_text(1, 2) == told.cell_text(1, 2)
