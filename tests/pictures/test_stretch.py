from __future__ import annotations

import numpy as np
import pytest

from desktop_app.pictures.stretch import LINEAR, LOG, PERCENTILE, stretch_of

VALUES = np.array([0.0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0])


def test_tenfold_weights_are_equally_far_apart_on_the_log_scale():
    laid = stretch_of(LOG, (0.0, 1.0), [])
    np.testing.assert_allclose(laid.share(VALUES), [0, 0, 0, 0.25, 0.5, 0.75, 1], atol=1e-6)
    np.testing.assert_allclose(laid.marks(5), [1e-4, 1e-3, 1e-2, 0.1, 1])
    assert laid.lowest_is_all_below()


def test_percentiles_are_shares_of_what_is_smaller_and_nothing_has_no_colour():
    some = np.concatenate((np.zeros(50), np.arange(1, 101) / 100))
    laid = stretch_of(PERCENTILE, (0.0, 1.0), [some, np.array([np.nan])])
    shares = laid.share(np.array([0.0, 0.5, 1.0, np.nan]))
    np.testing.assert_allclose(shares[:3], [0, 0.5, 1], atol=0.02)
    assert np.isnan(shares[3])
    for mark, share in zip(laid.marks(5), np.linspace(0, 1, 5), strict=True):
        assert laid.share(np.array([mark]))[0] == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("kind", [LINEAR, LOG, PERCENTILE])
def test_differences_are_symmetric_and_the_order_is_kept(kind):
    values = np.array([-0.5, -0.01, 0.0, 0.01, 0.5])
    laid = stretch_of(kind, (-0.5, 0.5), [values], diverging=True)
    shares = laid.share(values)
    assert shares[2] == pytest.approx(0.5)
    np.testing.assert_allclose(shares + shares[::-1], 1, atol=1e-5)
    assert (np.diff(shares) > 0).all()
    assert laid.value(0.5) == pytest.approx(0.0)


@pytest.mark.parametrize("values", [[], [np.zeros(3)], [np.full(3, np.nan)]])
def test_percentiles_of_nothing_are_even(values):
    assert stretch_of(PERCENTILE, (0.0, 1.0), values).kind == LINEAR
