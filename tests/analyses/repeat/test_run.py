"""Repeated tokens: the circuit set by hand in closed form, Hugging Face, and the model pack."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from desktop_app.analyses.repeat import run as module
from desktop_app.analyses.repeat.run import run
from desktop_app.analyses.repeat.spec import RepeatParams
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.grid import Readings
from desktop_app.support.errors import BadInputError
from tests.engine.tind import BUMP, BUMP_AT, GAIN, SEQ_LEN, VOCABULARY, tind
from tests.models import named, tiny

KNOWN = -math.log(1 + (VOCABULARY - 1) * math.exp(-GAIN))


class Listener(SilentReporter):
    def __init__(self):
        self.parts = []

    def partial(self, data):
        self.parts.append(dict(data))


def repeat(model, report=None, effect_batch=0, **settings):
    params = RepeatParams(effect_batch=effect_batch, **settings)
    return run(model, params, report or SilentReporter())


@pytest.fixture(scope="module")
def by_hand():
    return repeat(tind(), batch=3, seq_len=SEQ_LEN).data


def plain_half_loss(model, ids, hooks):
    """Return the loss of the second half's tokens of one sequence, the plain way."""
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(ids[None], fwd_hooks=hooks)[0]
    logprob = logits[:-1].log_softmax(-1)[torch.arange(len(ids) - 1), ids[1:]]
    return -float(logprob[len(ids) // 2 :].mean())


def test_halves_are_those_of_the_closed_form(by_hand):
    assert by_hand["accuracy_first"] == 0.0
    assert by_hand["accuracy_second"] == by_hand["ceiling"] == (SEQ_LEN - 1) / SEQ_LEN
    second = by_hand["logprob"][:, SEQ_LEN + 1 :]
    quiet = np.arange(SEQ_LEN + 1, 2 * SEQ_LEN) != BUMP_AT
    np.testing.assert_allclose(second[:, quiet], KNOWN, atol=1e-5)
    bumped = -math.log(1 + math.exp(GAIN * BUMP - GAIN) + (VOCABULARY - 2) * math.exp(-GAIN))
    np.testing.assert_allclose(second[:, ~quiet], bumped, atol=1e-5)
    # The first half: attention is uniform over what was seen, and the next token was not.
    for t in range(1, SEQ_LEN):
        seen = (t + 1) * math.exp(GAIN / (t + 1)) + VOCABULARY - t - 1
        np.testing.assert_allclose(by_hand["logprob"][:, t], -math.log(seen), atol=1e-5)


def test_replacements_are_those_computed_by_hand(by_hand):
    mlp = np.zeros((2, SEQ_LEN))
    bumped = -math.log(1 + math.exp(GAIN * BUMP - GAIN) + (VOCABULARY - 2) * math.exp(-GAIN))
    mlp[1, BUMP_AT - SEQ_LEN - 1] = (bumped - KNOWN) / SEQ_LEN  # the bump goes: the loss falls
    np.testing.assert_allclose(by_hand["mlp_effect"], mlp, atol=1e-6)
    attn = np.zeros((2, SEQ_LEN))
    for column, source in enumerate(range(1, SEQ_LEN)):
        seen = (source + 1) * math.exp(GAIN / (source + 1)) + VOCABULARY - source - 1
        before = -bumped if source + SEQ_LEN == BUMP_AT else -KNOWN
        others = math.exp(GAIN * BUMP) - 1 if source + SEQ_LEN == BUMP_AT else 0.0
        attn[1, column] = (math.log(seen + others) - before) / SEQ_LEN
    np.testing.assert_allclose(by_hand["attn_effect"], attn, atol=1e-5)


def test_the_last_position_predicts_nothing_and_columns_name_the_same_token(by_hand):
    found = repeat(tiny("llama"), batch=2, seq_len=6)
    assert np.abs(found.data["mlp_effect"][:, -1]).max() == pytest.approx(0, abs=1e-6)
    assert np.abs(found.data["mlp_effect"][:, :-1]).max() > 1e-4
    for prompt in found.prompts:
        ids = np.array(prompt.tokens.ids)
        assert (ids[found.data["positions"]] == ids[found.data["sources"]]).all()
    assert found.data["sources"].min() == 1


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gpt_neox"])
def test_effects_equal_the_plain_loop(architecture):
    model, size = tiny(architecture), 5
    found = repeat(model, batch=2, seq_len=size)
    sequences = [torch.tensor(p.tokens.ids) for p in found.prompts]
    for name, site in (("mlp", "hook_mlp_out"), ("attn", "hook_attn_out")):
        for layer, column in ((0, 0), (1, 2), (2, 3)):
            position, rises = size + 1 + column, []
            for ids in sequences:

                def hook_fn(x, hook, position=position):
                    x = x.clone()
                    x[:, position] = x[:, position - size]
                    return x

                hooks = [(f"blocks.{layer}.{site}", hook_fn)]
                rises.append(plain_half_loss(model, ids, hooks) - plain_half_loss(model, ids, []))
            cell = found.data[f"{name}_effect"][layer, column]
            assert cell == pytest.approx(np.mean(rises), abs=1e-5)


def test_log_probabilities_equal_hugging_faces():
    model = tiny("gpt2")
    found = repeat(model, batch=3, seq_len=6, effects="none")
    ids = torch.tensor([p.tokens.ids for p in found.prompts])
    with torch.no_grad():
        out = model.bridge.original_model(input_ids=ids, labels=ids)
    assert float(out.loss) == pytest.approx(-found.data["logprob"].mean(), abs=1e-5)
    top = out.logits[:, :-1].argmax(-1) == ids[:, 1:]
    assert (found.data["correct"] == top.numpy()).all()
    assert found.data["logprob"].shape == (3, 12)
    assert found.data["logprob_second"] == pytest.approx(found.data["logprob"][:, 6:].mean())
    assert "mlp_effect" not in found.data


def test_fewer_sequences_for_the_maps_are_the_first_ones():
    few = repeat(tiny("gpt2"), batch=5, seq_len=4, effect_batch=2).data
    alone = repeat(tiny("gpt2"), batch=2, seq_len=4).data
    assert few["logprob"].shape == (5, 8)
    assert few["effect_sequences"] == 2
    np.testing.assert_allclose(few["mlp_effect"], alone["mlp_effect"], atol=1e-6)


def test_groups_of_sequences_change_nothing_and_fill_in(monkeypatch):
    whole = repeat(tiny("llama"), batch=5, seq_len=4, effects="attn").data
    monkeypatch.setattr(module, "_SEQUENCES_AT_ONCE", 2)
    monkeypatch.setattr(module, "_LOGITS_AT_ONCE", 1)
    listener = Listener()
    parts = repeat(tiny("llama"), listener, batch=5, seq_len=4, effects="attn").data
    assert "mlp_effect" not in parts
    np.testing.assert_allclose(parts["attn_effect"], whole["attn_effect"], atol=1e-6)
    maps = [p["attn_effect"] for p in listener.parts if "attn_effect" in p]
    assert len(maps) >= 3
    np.testing.assert_allclose(maps[-1], parts["attn_effect"], atol=1e-6)


def test_too_long_for_the_model_is_refused():
    with pytest.raises(BadInputError, match="choose 31 or less"):
        repeat(tiny("gpt2"), seq_len=32, batch=1)


def test_the_toy_knows_the_second_half():
    found = repeat(named("toy"), batch=16, effects="none")
    assert found.data["accuracy_second"] == pytest.approx(0.98, abs=0.02)
    assert found.data["accuracy_first"] < 0.02
    assert found.provenance["bos"] == "added (<|bos|>)"
    assert found.data["author"]["logprob_second"] == -0.644


@pytest.mark.model
@pytest.mark.pack
@pytest.mark.slow
def test_the_packs_halves(smollm2_folder):
    found = repeat(named("smollm2"), batch=16, effects="none").data
    assert found["logprob_first"] == pytest.approx(-13.7, abs=0.4)
    assert found["logprob_second"] == pytest.approx(-2.34, abs=0.4)
    assert found["accuracy_first"] < 0.01
    assert found["accuracy_second"] == pytest.approx(0.71, abs=0.06)


def test_the_first_part_holds_all_that_the_curve_needs():
    listener = Listener()
    whole = repeat(tiny("llama"), listener, batch=2, seq_len=3, effects="mlp").data
    first = listener.parts[0]
    assert first.keys() == {n for n in whole if "effect" not in n}
    assert listener.parts[-1]["effect_sequences"] == 2


def test_cells_of_later_groups_keep_what_earlier_ones_found():
    known, next_one = np.array([[[1.0, 1.5]]]), np.array([[[3.0, np.nan]]])
    found = Readings(np.zeros((1, 5)), [*[known] * 4, next_one], ([],), done=4)
    maps = module._maps(("mlp",), found)
    np.testing.assert_allclose(maps["mlp_effect"], [[7 / 5, 1.5]])
    assert maps["effect_sequences"] == 5
