"""Steering the model pack: the numbers that are known of it, and plain Hugging Face."""

from __future__ import annotations

import pytest
import torch

from desktop_app.analyses.steer import run as steer
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from tests.analyses.steer.plain import Hook, Plain
from tests.models import named

pytestmark = pytest.mark.pack
WEATHER = "The weather today is"
UNSTEERED = [216, 34, 32, 34, 34]
TOLERANCE = 1e-3


def run(**settings):
    params = SteerParams(prompts=(PromptRow(text=WEATHER),), **{"max_new_tokens": 5, **settings})
    return steer.run(named("smollm2"), params, SilentReporter())


@pytest.mark.parametrize("position", ["0", "1", "2"])
def test_behind_the_last_block_nobody_reads_earlier_positions(smollm2_folder, position):
    found = run(layer=29, zero=True, position=position, control="no").data
    assert found["plain"][0]["ids"] == UNSTEERED
    assert found["steered"] == found["plain"]


def test_zeroing_the_last_block_at_the_last_position_leaves_all_logits_equal(smollm2_folder):
    found = run(layer=29, zero=True, position="3", control="no")
    assert found.data["steered"][0]["ids"] == [0, 198, 198, 504, 216]
    assert found.data["shapes"][0][:3] == [[1, 4, 576], [1, 1, 576], [1, 1, 576]]
    (told,) = [w.message for w in found.warnings if w.code == "constant_logits"]
    assert "token 0 “<|endoftext|>”" in told


def test_what_is_done_in_the_first_block_lives_in_the_cache(smollm2_folder):
    """With the cache, in one full pass and by Hugging Face: the same tokens, the same logits."""
    found = run(layer=0, zero=True, position="3", control="no", max_new_tokens=6).data
    steered, again = found["steered"][0], found["recompute"][0]
    assert steered["ids"] == [30, 198, 198, 504, 3947, 1834]
    assert again["same_tokens"] is True
    assert again["max_logit_difference"] < TOLERANCE

    def zero(x, step, start):
        if start <= 3 < start + x.shape[1]:
            x[0, 3 - start] = 0

    reference = Plain(str(smollm2_folder))
    ids = list(named("smollm2").tokenizer.encode(WEATHER).ids)
    tokens, logits = reference.generate(ids, [Hook(0, "resid_post", zero)], 6)
    assert tokens == steered["ids"]
    expected = logits.log_softmax(-1).gather(-1, torch.tensor(tokens)[:, None])[:, 0]
    assert steered["logprobs"] == pytest.approx(expected.tolist(), abs=TOLERANCE)
    whole = reference.logits([*ids, *tokens[:-1]], [Hook(0, "resid_post", zero)])
    assert whole[len(ids) - 1 :].argmax(-1).tolist() == tokens


def test_an_early_layer_is_read_from_every_position(smollm2_folder):
    texts = [run(layer=0, zero=True, position=p, control="no").data for p in "012"]
    assert all(found["differs"][0] for found in texts)
    assert len({tuple(found["steered"][0]["ids"]) for found in texts}) == 3


def test_the_last_position_on_the_prompt_pass_is_its_index_at_step_0(smollm2_folder):
    one = run(layer=10, scale=-3.0, position="-1", when="prompt", control="no").data
    other = run(layer=10, scale=-3.0, position="3", when="0", control="no").data
    assert one["steered"] == other["steered"]
    assert one["differs"][0]
    every = run(layer=10, scale=-3.0, position="-1", when="every", control="no").data
    assert every["steered"][0]["ids"] != one["steered"][0]["ids"]
