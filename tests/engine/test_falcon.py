"""Falcon in all its layouts, held to plain Hugging Face with plain hooks."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from desktop_app.engine import weights
from desktop_app.engine.interventions import Edit, Variant, Zero
from desktop_app.engine.model import site_hook
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import SweepPlan
from tests.engine.folders import load
from tests.engine.zoo import tiny_tokenizer

IDS = torch.tensor([[1, 20, 30, 40, 50, 60]])
HEADS, GROUPS, WIDTH, LAYERS = 8, 2, 6, 3
COMMON = {
    "vocab_size": 300,
    "hidden_size": HEADS * WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LATER = {**COMMON, "new_decoder_architecture": True, "num_kv_heads": GROUPS}
LAYOUTS = {
    "40B": LATER,
    "40B as published": {**LATER, "multi_query": True, "parallel_attn": True, "bias": False},
    "180B, with biases": {**LATER, "bias": True},
    "11B, one norm": {**LATER, "num_ln_in_parallel_attn": 1},
    "later, every head its own key": {**LATER, "num_kv_heads": HEADS},
    "later, with ALiBi": {**LATER, "alibi": True},
    "7B": {**COMMON, "multi_query": True, "parallel_attn": True},
    "1B": {**COMMON, "multi_query": False, "parallel_attn": False, "alibi": True, "bias": True},
}


@pytest.fixture(scope="module", params=LAYOUTS)
def pair(request, tmp_path_factory):
    """The loaded model, and the same one as plain Hugging Face has it."""
    folder = tmp_path_factory.mktemp("falcon")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("falcon", **LAYOUTS[request.param])
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    return load(folder), plain


def without_head(plain, layer, head):
    """Return plain Hugging Face's logits with one head's part of what `dense` reads set to 0."""

    def hook(_module, inputs):
        z = inputs[0].clone()
        z[..., head * WIDTH : (head + 1) * WIDTH] = 0
        return (z, *inputs[1:])

    handle = plain.transformer.h[layer].self_attention.dense.register_forward_pre_hook(hook)
    try:
        with torch.no_grad():
            return plain(IDS, use_cache=False).logits
    finally:
        handle.remove()


def test_the_logits_are_plain_hugging_faces(pair):
    model, plain = pair
    assert model.parity.ok
    with torch.no_grad():
        torch.testing.assert_close(model.run(IDS), plain(IDS).logits, atol=1e-5, rtol=1e-5)


def test_every_head_ablated_gives_what_plain_hooks_give(pair):
    model, plain = pair
    for layer in range(LAYERS):
        for head in range(HEADS):

            def zero(z, hook, head=head):
                z = z.clone()
                z[:, :, head] = 0
                return z

            found = model.run(IDS, [(site_hook(layer, "head_z"), zero)])
            expected = without_head(plain, layer, head)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_sweep_gives_the_same(pair):
    model, plain = pair
    variants = [
        Variant((Edit(layer, "head_z", Zero(), head),), 0)
        for layer in range(LAYERS)
        for head in range(HEADS)
    ]
    plan = SweepPlan(
        (IDS.shape[1] - 1,), lambda logits, _prompt, _base: logits[:, 7] - logits[:, 9]
    )
    found = sweep(model, IDS, variants, plan)
    for variant, value in zip(variants, found.values, strict=True):
        edit = variant.edits[0]
        expected = without_head(plain, edit.layer, edit.head)[0, -1]
        assert float(value) == pytest.approx(float(expected[7] - expected[9]), abs=1e-5)


def test_values_and_patterns_are_the_models_own(pair):
    """z is the pattern's sum over the values of the head that each query head shares."""
    model, _plain = pair
    layer = 1
    seen = {
        site: model.seen(IDS, site_hook(layer, site))[0]
        for site in ("head_v", "pattern", "head_z", "resid_pre")
    }
    groups = model.info.n_kv_heads
    values = seen["head_v"].reshape(IDS.shape[1], -1, WIDTH)
    own = weights.values(model, layer, weights.normed(model, layer, seen["resid_pre"]))
    for head in range(HEADS):
        shared = values[:, model.kv_head(head)] if values.shape[1] == groups else values[:, head]
        expected = seen["pattern"][head] @ shared
        torch.testing.assert_close(seen["head_z"][:, head], expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(own[head], shared, atol=1e-5, rtol=1e-4)
