"""Attention patterns against Hugging Face's own eager attentions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention import softmax, store
from desktop_app.analyses.attention.picture import picture
from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.analyses.attention.weights import Taste, small_pictures
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import ARCHITECTURES, save_tiny
from tests.models import named, tiny

ROWS = (
    PromptRow(text="the cat sat", corrupt="the dog ran"),
    PromptRow(text="one two abc", corrupt="two one cba"),
)


def run(model, rows=ROWS, **settings):
    return attention.run(model, AttentionParams(prompts=rows, **settings), SilentReporter())


def eager(model, ids) -> np.ndarray:
    """Return `[L, H, S, S]` from a plain Hugging Face model loaded anew."""
    plain = AutoModelForCausalLM.from_pretrained(
        model.info.source, attn_implementation="eager", dtype=torch.float32
    )
    with torch.no_grad():
        found = plain(torch.tensor([ids]), output_attentions=True).attentions
    return torch.stack([a[0] for a in found]).numpy()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_head_equals_hugging_face(architecture):
    model = tiny(architecture)
    result = run(model)
    for n, record in enumerate(result.prompts):
        pattern = result.array("pattern", n)
        np.testing.assert_allclose(pattern, eager(model, record.tokens.ids), atol=1e-5)
        np.testing.assert_allclose(pattern.sum(-1), 1, atol=1e-5)
        assert (np.triu(pattern, 1) == 0).all()
    assert model.hooks_left() == 0


@pytest.mark.pack
def test_all_heads_of_the_pack_equal_hugging_face(smollm2_folder):
    model = named("smollm2")
    result = run(model, (PromptRow(text="1 2 3 4 "),))
    pattern = result.array("pattern", 0)
    assert pattern.shape == (30, 9, 8, 8)
    np.testing.assert_allclose(pattern, eager(model, result.prompts[0].tokens.ids), atol=1e-5)
    assert result.data["kv_head"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_difference_mean_and_no_first():
    model = tiny("llama")
    result = run(model, difference=True, mean=True)
    clean, corrupt = result.array("pattern", 0), result.array("corrupt_pattern", 0)
    np.testing.assert_allclose(result.array("difference", 0), clean - corrupt, atol=1e-7)
    both = (result.array("pattern", 0) + result.array("pattern", 1)) / 2
    np.testing.assert_allclose(result.data["mean"], both, atol=1e-6)
    without = run(model, no_first=True).array("pattern", 0)
    assert (without[..., 0] == 0).all()
    np.testing.assert_allclose(without[..., 1:, :].sum(-1), 1, atol=1e-5)
    ratio = clean[..., 5, 3] / clean[..., 5, 1:].sum(-1)
    np.testing.assert_allclose(without[..., 5, 3], ratio, rtol=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gptj", "opt"])
def test_value_weighting_equals_the_norm_of_each_source(architecture):
    model = tiny(architecture)
    result = run(model, value_weighted=True)
    ids = torch.tensor([result.prompts[0].tokens.ids])
    plain = run(model).array("pattern", 0)
    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(ids)
    # The published W_O of a head is read by zeroing all other heads' z in the layer's own output.
    layer, head = 1, 3
    v = cache[f"blocks.{layer}.attn.hook_v"][0][:, model.kv_head(head)]
    projection = model.bridge.blocks[layer].attn.o
    z = torch.zeros(1, ids.shape[1], 4, 8)
    z[0, :, head] = v
    with torch.no_grad():
        out = projection(z.flatten(2)) - projection(torch.zeros_like(z).flatten(2))
    weighted = plain[layer, head] * out[0].norm(dim=-1).numpy()[None, :]
    expected = weighted / weighted.max()
    np.testing.assert_allclose(result.array("pattern", 0)[layer, head], expected, atol=1e-5)
    norms = result.data["value_norm"][0]
    np.testing.assert_allclose(norms[layer, head], out[0].norm(dim=-1).numpy(), rtol=1e-4)


@pytest.mark.parametrize("no_first", [False, True])
def test_what_was_weighted_is_taken_back_as_another_run_has_it(no_first):
    model = tiny("llama")
    wanted = {
        False: run(model, no_first=no_first).array("pattern", 0),
        True: run(model, no_first=no_first, value_weighted=True).array("pattern", 0),
    }
    held = run(model, value_weighted=True)
    for weighted, expected in wanted.items():
        taste = Taste(no_first=no_first, weighted=weighted)
        for place in ((0, 1), (1, 3)):
            found = picture(held, "pattern", 0, place, taste).values
            np.testing.assert_allclose(np.nan_to_num(found), expected[place], atol=1e-5)
        small = small_pictures(held, 0, taste)
        np.testing.assert_allclose(np.nan_to_num(small), expected, atol=1e-5)


def test_scores_give_the_pattern_by_softmax():
    result = run(tiny("llama"), scores=True)
    scores, pattern = result.array("scores", 0).copy(), result.array("pattern", 0)
    assert (np.triu(scores, 1) == 0).all()
    scores[..., np.triu(np.ones(scores.shape[-2:], bool), 1)] = -np.inf
    np.testing.assert_allclose(torch.softmax(torch.tensor(scores), -1).numpy(), pattern, atol=1e-6)


def test_entropy_and_chosen_heads():
    model = tiny("llama")
    whole, part = run(model), run(model, heads="2.1,0.3")
    assert part.data["layers"].tolist() == [0, 2]
    assert part.data["head_indices"].tolist() == [1, 3]
    np.testing.assert_array_equal(
        part.array("pattern", 1), whole.array("pattern", 1)[[0, 2]][:, [1, 3]]
    )
    p = whole.array("pattern", 0)[1, 2].astype(float)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(-1).mean()
    assert whole.data["entropy"][1, 2, 0] == pytest.approx(entropy, abs=1e-5)


def test_large_patterns_lie_on_disk_and_go_with_the_result(monkeypatch):
    monkeypatch.setattr(store, "MEMORY_BYTES", 1000)
    result = run(tiny("llama"))
    pattern = result.data["pattern"][0]
    assert isinstance(pattern, np.memmap)
    from pathlib import Path

    folder = Path(pattern.filename).parent
    assert folder.is_dir()
    np.testing.assert_allclose(np.asarray(pattern[1, 1]).sum(-1), 1, atol=1e-5)
    del pattern, result
    import gc

    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("rows", "settings", "words"),
    [
        ((*ROWS, PromptRow(text="longer prompt here")), {"mean": True}, "--mean"),
        ((PromptRow(text="abc"),), {"difference": True}, "--corrupt"),
        (ROWS, {"heads": "9.9"}, "9.9"),
        (ROWS, {"heads": "2.1", "layers": "0:1"}, "--layers"),
    ],
)
def test_bad_input(rows, settings, words):
    with pytest.raises(BadInputError, match=words):
        run(tiny("llama"), rows, **settings)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_become_the_pattern_on_every_architecture(architecture):
    result = run(tiny(architecture), scores=True)
    scores, pattern = result.array("scores", 0).copy(), result.array("pattern", 0)
    scores[..., np.triu(np.ones(scores.shape[-2:], bool), 1)] = -np.inf
    np.testing.assert_allclose(torch.softmax(torch.tensor(scores), -1).numpy(), pattern, atol=1e-5)


def test_scores_that_are_none_are_refused(monkeypatch):
    monkeypatch.setattr(softmax, "_SOFTMAXES", frozenset())
    with pytest.raises(BadInputError, match="does not show its scores"):
        run(tiny("opt"), scores=True)


def test_patterns_that_are_not_finite_name_the_layer(tmp_path):
    model = load(ModelSpec(str(save_tiny("llama", tmp_path / "bad"))), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[1].mlp.down_proj.weight[0, 0] = float("nan")
    result = run(model)
    notice = next(n for n in result.warnings if n.code == "not_finite")
    assert np.isnan(result.data["entropy"][2]).all()
    assert "first in layer 1" in notice.message
    assert "--dtype" not in notice.message  # it is float32 already


def test_answers_are_kept_where_they_can_be_read_and_refuse_nothing():
    row = PromptRow(text="ab", answer=" 5", wrong=" 4")
    params = AttentionParams(prompts=(row, PromptRow(text="ab", answer="x", wrong="y")))
    result = attention.run(tiny("llama"), params, SilentReporter())
    assert [len(record.answers) for record in result.prompts] == [0, 1]
    assert not result.warnings
