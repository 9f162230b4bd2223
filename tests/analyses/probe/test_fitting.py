"""The fits against a plain one with its whole Hessian, alone and together, and where none is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from desktop_app.analyses.probe import fitting
from desktop_app.analyses.probe.fitting import fit
from tests.analyses.probe import plain

TASKS = 3


def drawn(count, cells, width, classes, seed=0):
    """Return activations of very different sizes, labels of several tasks, and who is fitted on."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.permutation(np.arange(count) % classes) for _task in range(TASKS)])
    x = rng.normal(size=(count, cells, width)) * np.logspace(-2, 3, width)
    x += 100 * rng.normal(size=width)
    x[:, 0] += 0.5 * np.logspace(-2, 3, width) * labels[0][:, None]
    fitted = rng.permutation(count) >= count // 3
    return x.astype(np.float32), labels, fitted


@pytest.mark.parametrize(
    ("count", "width", "classes", "l2"),
    [
        (40, 12, 2, 1.0),
        (40, 12, 3, 1.0),
        (20, 30, 2, 1.0),  # fewer prompts than numbers
        (20, 30, 4, 0.1),
        (60, 6, 2, 1e-3),
        (60, 6, 2, 100.0),
    ],
)
def test_each_fit_is_that_of_a_plain_newton(count, width, classes, l2):
    x, labels, fitted = drawn(count, 2, width, classes)
    found = fit(torch.tensor(x), torch.tensor(fitted), torch.tensor(labels), classes, l2)
    assert bool(found.found.all())
    assert bool(found.finite.all())
    for cell in range(2):
        own, scale = plain.standardised(x[:, cell].astype(np.float64), fitted)
        for task in range(TASKS):
            weights = plain.newton(own[fitted], labels[task][fitted], classes, l2)
            np.testing.assert_array_equal(found.said[cell, task], plain.said(own, weights))
            if task == 0:
                known = plain.direction(weights, scale)
                np.testing.assert_allclose(found.direction[cell], known, atol=1e-7)


def test_neighbours_in_a_batch_change_no_number():
    x, labels, fitted = (torch.tensor(found) for found in drawn(30, 5, 20, 3))
    together = fit(x, fitted, labels, 3, 0.5)
    for cell in range(5):
        alone = fit(x[:, cell : cell + 1], fitted, labels[:1], 3, 0.5)
        np.testing.assert_array_equal(alone.said[0, 0], together.said[cell, 0])
        np.testing.assert_allclose(alone.direction[0], together.direction[cell], atol=1e-9)


def test_the_prompts_held_out_have_no_part_in_the_fit():
    x, labels, fitted = drawn(30, 1, 8, 2)
    usual = fit(torch.tensor(x), torch.tensor(fitted), torch.tensor(labels), 2, 1.0)
    changed, others = x.copy(), labels.copy()
    changed[~fitted] = 1e6  # neither mean nor spread may know them
    others[:, ~fitted] = 1 - others[:, ~fitted]
    other = fit(torch.tensor(changed), torch.tensor(fitted), torch.tensor(others), 2, 1.0)
    np.testing.assert_array_equal(usual.direction, other.direction)
    np.testing.assert_array_equal(usual.said[..., fitted], other.said[..., fitted])


def test_what_is_the_same_everywhere_has_no_part_and_alone_no_direction():
    x, labels, fitted = drawn(30, 2, 8, 2)
    x[:, 0, 3] = 7.0
    x[:, 1] = x[0, 1]
    found = fit(torch.tensor(x), torch.tensor(fitted), torch.tensor(labels), 2, 1.0)
    assert found.direction[0, 3] == 0
    assert bool(torch.isnan(found.direction[1]).all())
    common = np.bincount(labels[0][fitted]).argmax()
    assert set(found.said[1, 0].tolist()) == {common}


def test_what_is_no_number_is_left_out_and_its_neighbours_are_not():
    x, labels, fitted = drawn(30, 2, 8, 2)
    alone = fit(torch.tensor(x[:, :1]), torch.tensor(fitted), torch.tensor(labels), 2, 1.0)
    x[4, 1, 2] = np.inf
    found = fit(torch.tensor(x), torch.tensor(fitted), torch.tensor(labels), 2, 1.0)
    assert found.finite.tolist() == [True, False]
    assert bool(torch.isnan(found.direction[1]).all())
    np.testing.assert_allclose(found.direction[0], alone.direction[0], atol=1e-9)


def test_a_fit_that_stops_early_says_so(monkeypatch):
    x, labels, fitted = drawn(40, 1, 12, 2)
    monkeypatch.setattr(fitting, "MAX_STEPS", 2)
    found = fit(torch.tensor(x), torch.tensor(fitted), torch.tensor(labels), 2, 1e-3)
    assert not found.found.any()


@pytest.mark.parametrize("classes", [2, 3])
def test_what_tells_nothing_has_no_direction_and_says_the_first_of_equal_labels(classes):
    # Each activation occurs as often under each label: the best weights are 0 up to rounding.
    x = torch.tensor([[1.0, 0.5]] * classes + [[-1.0, 2.0]] * classes)[:, None]
    labels = torch.arange(classes).repeat(2)[None]
    found = fit(x, torch.ones(2 * classes, dtype=torch.bool), labels, classes, 1.0)
    assert bool(torch.isnan(found.direction).all())
    assert found.said.unique().tolist() == [0]
