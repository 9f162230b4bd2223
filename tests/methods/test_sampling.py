"""The next token: the same as Hugging Face's processors let through, drawn the same every time."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from desktop_app.methods.sampling import Draws, Sampling, choose, kept


def some_logits(rows=40, width=50, seed=0):
    return 4 * torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def hugging_faces(logits, sampling):
    """Return the probabilities that `generate` draws from."""
    warpers = LogitsProcessorList()
    if sampling.temperature != 1:
        warpers.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        warpers.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1:
        warpers.append(TopPLogitsWarper(sampling.top_p))
    return warpers(torch.zeros(len(logits), 1, dtype=torch.long), logits.double()).softmax(-1)


SETTINGS = (
    Sampling(1.0),
    Sampling(0.3),
    Sampling(1.7, top_k=5),
    Sampling(1.0, top_p=0.8),
    Sampling(0.8, top_k=20, top_p=0.5),
    Sampling(2.0, top_k=7, top_p=0.95),
    Sampling(1.0, top_p=1e-6),
    Sampling(1.0, top_k=1),
    Sampling(1.0, top_k=1000),
)


@pytest.mark.parametrize("sampling", SETTINGS)
def test_what_is_drawn_from_is_what_hugging_face_draws_from(sampling):
    logits = some_logits()
    expected = hugging_faces(logits, sampling)
    found = kept(logits.double() / sampling.temperature, sampling).softmax(-1)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    # Inverse transform: evenly spaced numbers give each token as often as it is likely.
    even = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    for row in (0, 1):
        drawn = choose(logits[row].expand(2000, -1), sampling, even)
        share = torch.bincount(drawn, minlength=50).double() / 2000
        assert float((share - expected[row]).abs().max()) <= 1 / 2000
        assert not share[expected[row] == 0].any()


def test_ties_are_kept_as_hugging_face_keeps_them():
    logits = torch.tensor([[1.0, 2.0, 2.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    for sampling in (Sampling(1.0, top_k=2), Sampling(1.0, top_p=0.5)):
        found = kept(logits.double(), sampling).softmax(-1)
        torch.testing.assert_close(found, hugging_faces(logits, sampling), atol=1e-12, rtol=0)


def test_the_ends_of_the_unit_interval_are_tokens_of_some_weight():
    logits = torch.full((1, 6), -torch.inf)
    logits[0, 2:5] = torch.tensor([0.0, 1.0, 2.0])
    ends = (0.0, 1.0)  # the latter is never drawn, and yet may come of rounding
    found = [choose(logits, Sampling(1.0), torch.tensor([u], dtype=torch.float64)) for u in ends]
    assert [int(one) for one in found] == [2, 4]


def test_temperature_zero_takes_the_likeliest_as_argmax_does():
    logits = torch.tensor([[0.0, 3.0, 3.0], [5.0, 1.0, 2.0]])
    assert choose(logits, Sampling(), None).tolist() == logits.argmax(-1).tolist()
    assert choose(logits, Sampling(top_k=1, top_p=0.1), torch.rand(2)).tolist() == [1, 0]


def test_draws_depend_on_seed_prompt_and_step_alone():
    sampling = Sampling(1.0, seed=7)
    one, other = Draws(sampling, 20), Draws(sampling, 20)
    late = other.at([5], 19)
    assert torch.equal(one.at([3, 5], 4), torch.cat([other.at([3], 4), other.at([5], 4)]))
    assert torch.equal(one.at([5], 19), late)
    # Fewer steps, the same numbers: a longer continuation begins as the shorter one did.
    assert torch.equal(Draws(sampling, 5).at([3], 4), one.at([3], 4))
    numbers = torch.cat([one.at([prompt], step) for prompt in range(20) for step in range(20)])
    assert len(set(numbers.tolist())) == len(numbers)
    assert not torch.equal(Draws(Sampling(1.0, seed=8), 20).at([3], 4), one.at([3], 4))
    big = Draws(Sampling(1.0, seed=2**63), 2).at([1], 1)
    assert 0 <= float(big) < 1


def test_the_lowest_temperatures_take_the_likeliest_and_the_highest_any():
    logits = some_logits(4)
    uniform = torch.tensor([0.11, 0.41, 0.61, 0.91], dtype=torch.float64)
    for temperature in (5e-324, 1e-300, 1e-6):
        found = choose(logits, Sampling(temperature), uniform)
        assert found.tolist() == logits.argmax(-1).tolist()
    assert choose(logits, Sampling(1e9), uniform).tolist() == [5, 20, 30, 45]
    logits[:, 5:] = -torch.inf
    assert choose(logits, Sampling(1e-300), uniform).tolist() == logits.argmax(-1).tolist()
