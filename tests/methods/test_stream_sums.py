"""Whether a stream is the sum of its parts, where half precision rounds huge ones."""

from __future__ import annotations

import pytest
import torch

from desktop_app.methods.streams import (
    Streams,
    Wanted,
    no_sum,
    read_streams,
    require_sum,
    unexplained,
)
from desktop_app.support.errors import BadInputError
from tests.models import tiny


def taken_back(dtype, factor=1.0):
    """Return a stream of 20,000 in one direction, which the only block takes back to about 100."""
    before = torch.zeros(1, 1, 64)
    before[..., 0] = 20_000.0
    before += torch.linspace(-10, 10, 64)
    attn = torch.full_like(before, 0.5)
    mlp = torch.zeros_like(before)
    mlp[..., 0] = -19_990.0
    behind = factor * (before + attn + mlp)
    return Streams((before.to(dtype), behind.to(dtype)), (attn.to(dtype),), (mlp.to(dtype),))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rounding_of_huge_activations_that_are_taken_back_is_nothing_missing(dtype):
    streams = taken_back(dtype)
    assert streams.stream[1].float().norm() < 100
    assert streams.missing()[0] < 1e-2


@pytest.mark.parametrize("architecture", ["openai-gpt", "gemma4_text"])
def test_who_refuses_and_who_withholds_names_the_same_layer(architecture):
    model = tiny(architecture)
    ids = torch.tensor([[1, 5, 9, 17]])
    streams = read_streams(model, ids, Wanted(parts=True))
    layer, share = unexplained(model, streams)
    assert share == streams.missing()[layer] > 1e-3
    assert max(streams.missing()[:layer], default=0) <= 1e-3
    sentence = no_sum(model, layer, share)
    assert f"layer {layer} does more to it" in sentence
    with pytest.raises(BadInputError) as refused:
        require_sum(model, streams)
    assert str(refused.value) == f"{sentence}; choose another model."


def test_a_stream_that_is_a_sum_has_no_such_layer():
    assert unexplained(tiny("gpt2"), taken_back(torch.float32)) is None


def test_what_a_block_does_besides_is_missing():
    streams = taken_back(torch.float32)
    more = streams.stream[1] + 50_000
    assert Streams((streams.stream[0], more), streams.attn, streams.mlp).missing()[0] > 0.5
