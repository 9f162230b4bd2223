"""The first GPT: its blocks give lists, its masks know padding alone. Held to plain hooks."""

from __future__ import annotations

import pytest
import torch

from desktop_app.engine.model import site_hook
from tests.engine.zoo import tiny_model
from tests.models import tiny

IDS = torch.tensor([[1, 20, 30, 40, 50, 60]])
PADS = 4


@pytest.fixture
def model():
    return tiny("openai-gpt")


def test_padding_changes_nothing(model):
    assert model.parity.ok
    with torch.no_grad():
        alone = tiny_model("openai-gpt")(IDS).logits
    padded = torch.cat([torch.zeros(1, PADS, dtype=torch.long), IDS], dim=1)
    mask = (torch.arange(padded.shape[1]) >= PADS).long()[None]
    found = model.run(padded, attention_mask=mask)[:, PADS:]
    torch.testing.assert_close(found, alone, atol=1e-5, rtol=0)


def test_the_stream_behind_a_block_is_shown_and_can_be_changed(model):
    assert not model.unfit
    plain = tiny_model("openai-gpt")

    def zero(x, hook):
        x = x.clone()
        x[:, 3] = 0
        return x

    def plain_zero(_block, _given, output):
        return [zero(output[0], None), *output[1:]]

    plain.transformer.h[1].register_forward_hook(plain_zero)
    with torch.no_grad():
        expected = plain(IDS).logits
    found = model.run(IDS, [(site_hook(1, "resid_post"), zero)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
