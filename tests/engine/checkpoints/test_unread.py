"""Every tensor in the files reaches the model, or the load says what does not and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from desktop_app.analyses.rank.run import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import add_weights, change_weights, folder_of, load, set_config
from tests.engine.gguf_files import LAYERS, WIDTH, write_gguf
from tests.engine.zoo import tiny_model

IDS = torch.tensor([[1, 20, 30, 40]])


def fewer_layers(tmp):
    return set_config(folder_of(tmp, "gpt2"), n_layer=2)


def fewer_llama_layers(tmp):
    return set_config(folder_of(tmp), num_hidden_layers=2)


def fewer_layers_in_a_pickle(tmp):
    folder = set_config(folder_of(tmp), num_hidden_layers=2)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return folder


def biases_turned_off(tmp):
    folder = folder_of(tmp)
    weights = load_file(folder / "model.safetensors")
    biases = {
        name.replace(".weight", ".bias"): torch.ones(len(w))
        for name, w in weights.items()
        if "_proj" in name and "self_attn" in name
    }
    return change_weights(folder, lambda w: {**w, **biases})


def scales_alone(tmp):
    return add_weights(
        folder_of(tmp), model__layers__0__mlp__up_proj__weight_scale=torch.ones(48, 1)
    )


def key_value_scales(tmp):
    return add_weights(folder_of(tmp), model__layers__0__self_attn__k_scale=torch.ones(1))


def unmerged_adapter(tmp):
    return add_weights(
        folder_of(tmp),
        model__layers__0__self_attn__q_proj__lora_A__default__weight=torch.ones(4, 32),
    )


def longer_names(tmp):
    return change_weights(folder_of(tmp), lambda w: {f"module.{k}": v for k, v in w.items()})


def extra_norm(tmp):
    return add_weights(folder_of(tmp), model__layers__0__self_attn__q_norm__weight=torch.ones(8))


def held_with_and_without_prefix(tmp):
    return add_weights(folder_of(tmp), layers__0__mlp__up_proj__weight=torch.ones(48, 32))


def mask_that_is_a_bias(tmp):
    return add_weights(folder_of(tmp), model__layers__0__self_attn__bias=torch.ones(32))


def gguf_frequencies(tmp):
    table = np.linspace(1, 8, WIDTH // 4).astype(np.float32)
    return write_gguf(tmp / "x.gguf", extra={"rope_freqs.weight": table})


def gguf_stretched(tmp):
    def say(writer):
        writer.add_rope_scaling_type(__import__("gguf").RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(8.0)

    return write_gguf(tmp / "x.gguf", say=say)


def gguf_fewer_layers(tmp):
    return write_gguf(tmp / "x.gguf", block_count=LAYERS - 1)


def gguf_biases(tmp):
    extra = {"blk.0.attn_q.bias": np.ones(WIDTH, np.float32)}
    return write_gguf(tmp / "x.gguf", extra=extra)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (fewer_layers, "n_layer is 2 there and the files go on after layer 1"),
        (fewer_llama_layers, "num_hidden_layers is 2 there and the files go on after layer 1"),
        (fewer_layers_in_a_pickle, "num_hidden_layers is 2 there"),
        (biases_turned_off, "q_proj|k_proj.*its settings turn these biases off"),
        (scales_alone, "quantised weights"),
        (key_value_scales, "parts of quantised weights"),
        (unmerged_adapter, "hold an adapter beside the weights"),
        (longer_names, "under longer names \\(“module.*as training scripts save them"),
        (extra_norm, "q_norm.*its settings do not describe them"),
        (held_with_and_without_prefix, "with and without “model.”"),
        (mask_that_is_a_bias, "self_attn.bias"),
        (gguf_frequencies, "rope_freqs.weight.*table of rotary frequencies"),
        (gguf_stretched, "stretches its rotary frequencies"),
        (gguf_fewer_layers, "block_count is 1 there"),
        (gguf_biases, "attn_q.bias"),
    ],
)
def test_what_would_change_a_number_is_refused(tmp_path, make, words):
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


TABLES = {
    "gpt2": {
        "transformer.h.0.attn.bias": torch.ones(1, 1, 64, 64).tril(),
        "transformer.h.0.attn.masked_bias": torch.tensor(-1e4),
    },
    "gpt_neo": {
        "transformer.h.0.attn.attention.bias": torch.ones(1, 1, 64, 64, dtype=torch.uint8).tril(),
        "transformer.h.0.attn.attention.masked_bias": torch.tensor(-1e9),
    },
    "gptj": {
        "transformer.h.0.attn.bias": torch.ones(1, 1, 64, 64, dtype=torch.bool).tril(),
        "transformer.h.0.attn.masked_bias": torch.tensor(-1e9),
    },
    "gpt_neox": {
        "gpt_neox.layers.0.attention.bias": torch.ones(1, 1, 64, 64).tril(),
        "gpt_neox.layers.0.attention.masked_bias": torch.tensor(-1e9),
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq": torch.tensor([1.0, 0.01]),
    },
    "llama": {
        # Half precision, as the first Llamas had it.
        "model.layers.0.self_attn.rotary_emb.inv_freq": (
            1 / 10000 ** (torch.arange(0, 8, 2) / 8)
        ).half(),
        "model.embed_tokens.position_ids": torch.arange(4)[None],
    },
    "opt": {"model.decoder.version": torch.tensor([3.0])},
    "xglm": {"model.embed_positions.weights": torch.ones(66, 32)},
}


@pytest.mark.parametrize("architecture", TABLES)
def test_tables_that_the_model_computes_itself_are_no_loss(tmp_path, architecture):
    folder = folder_of(tmp_path, architecture)
    before = load(folder)
    change_weights(folder, lambda w: {**w, **TABLES[architecture]})
    after = load(folder)
    assert after.notices == ()
    assert torch.equal(before.run(IDS), after.run(IDS))


def test_a_copy_of_the_embedding_as_unembedding_is_no_loss(tmp_path):
    folder = folder_of(tmp_path, "gpt2")
    change_weights(folder, lambda w: {**w, "lm_head.weight": w["transformer.wte.weight"].clone()})
    model = load(folder)
    assert model.notices == ()
    with torch.no_grad():
        torch.testing.assert_close(model.run(IDS), tiny_model("gpt2")(IDS).logits)


def test_an_unembedding_of_its_own_is_used_though_the_settings_tie_it(tmp_path):
    folder = folder_of(tmp_path, "gpt2")
    change_weights(folder, lambda w: {**w, "lm_head.weight": 2 * w["transformer.wte.weight"]})
    with torch.no_grad():
        tied = tiny_model("gpt2")(IDS).logits
    torch.testing.assert_close(load(folder).run(IDS), 2 * tied)


ASIDE = {
    "a value head": {
        "v_head.summary.weight": torch.ones(1, 32),
        "v_head.summary.bias": torch.ones(1),
    },
    "a classifier's head": {"score.weight": torch.ones(2, 32)},
    "layers that predict further ahead": {"mtp.layers.0.mlp.up_proj.weight": torch.ones(4, 32)},
    "a picture's tower": {"vision_tower.patch.weight": torch.ones(4, 4)},
}


@pytest.mark.parametrize("kind", ASIDE)
def test_what_no_logit_depends_on_is_said_on_every_result(tmp_path, kind):
    folder = folder_of(tmp_path)
    before = load(folder)
    change_weights(folder, lambda w: {**w, **ASIDE[kind]})
    model = load(folder)
    assert torch.equal(before.run(IDS), model.run(IDS))
    params = RankParams(prompts=(PromptRow(text="1 2 3"),))
    result = rank(model, params, SilentReporter())
    (notice,) = [n for n in result.warnings if n.code == "weights_unread"]
    assert next(iter(ASIDE[kind])).split(".")[0] in notice.message
    assert str(tmp_path) not in notice.message


def test_stored_frequencies_of_another_base_are_told(tmp_path):
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    other = 1 / 1_000_000 ** (torch.arange(0, 8, 2) / 8)
    folder = change_weights(folder_of(tmp_path), lambda w: {**w, name: other})
    (notice,) = load(folder).notices
    assert notice.code == "weights_unread"
    assert "rope_theta" in notice.message


def test_stored_frequencies_before_their_scaling_are_no_loss(tmp_path):
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    table = 1 / 10_000 ** (torch.arange(0, 8, 2) / 8)
    folder = change_weights(folder_of(tmp_path), lambda w: {**w, name: table})
    scaled = {"rope_type": "linear", "factor": 8.0, "rope_theta": 10_000.0}
    assert load(set_config(folder, rope_parameters=scaled)).notices == ()


def test_a_gguf_file_loads_and_says_nothing(tmp_path):
    ones = np.ones(WIDTH // 4, np.float32)
    plain = load(write_gguf(tmp_path / "plain.gguf"))
    unstretched = load(write_gguf(tmp_path / "ones.gguf", extra={"rope_freqs.weight": ones}))
    assert plain.notices == unstretched.notices == ()
    ids = torch.tensor([[1, 4, 11, 12]])
    assert torch.equal(plain.run(ids), unstretched.run(ids))
