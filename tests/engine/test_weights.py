"""Weights read off by feeding, against what the model itself computes with them."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import weights
from desktop_app.engine.loading import load
from desktop_app.engine.model import site_hook
from tests.engine.zoo import ARCHITECTURES
from tests.models import tiny

IDS = torch.tensor([[1, 5, 9, 17, 33, 65]])
LAYER = 1


def activations(model, names):
    kept = {}
    hooks = [
        (name, lambda x, hook, name=name: kept.update({name: x[0].float().clone()}))
        for name in names
    ]
    model.run(IDS, hooks)
    return kept


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_heads_compute_with_these_matrices(architecture):
    model = tiny(architecture)
    info = model.info
    sites = ("resid_pre", "head_v", "head_z", "attn_out")
    names = {site: site_hook(LAYER, site) for site in sites}
    found = activations(model, names.values())
    stream, v, z, out = (found[names[site]] for site in sites)
    own = weights.head_weights(model, LAYER)
    read = weights.normed(model, LAYER, stream)
    expected = v.view(len(v), info.n_kv_heads, -1)
    values = weights.values(model, LAYER, read)
    for head in range(info.n_heads):
        kv = expected[:, head // (info.n_heads // info.n_kv_heads)]
        torch.testing.assert_close(values[head], kv, atol=1e-5, rtol=1e-4)
        # The bias is the same at every position.
        change = (read[1:] - read[:-1]) @ own.v[head]
        torch.testing.assert_close(change, kv[1:] - kv[:-1], atol=1e-5, rtol=1e-4)
    if architecture in {"gemma2", "gemma3_text", "olmo2"}:
        return  # what these add to the stream has gone through a norm of its own
    written = torch.einsum("shd,hdm->sm", z.view(len(z), info.n_heads, -1), own.o)
    change = out.view(len(out), -1)[1:] - out.view(len(out), -1)[:-1]
    torch.testing.assert_close(written[1:] - written[:-1], change, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layer", [1, 2])
def test_matrices_have_the_width_of_their_layers_heads(layer):
    model = tiny("gemma4_text:wide")
    plain = AutoModelForCausalLM.from_pretrained(model.info.source).model.layers[layer].self_attn
    own = weights.head_weights(model, layer)
    width = (8, 8, 16)[layer]
    for found, linear, heads in (
        (own.q, plain.q_proj, 4), (own.k, plain.k_proj, 2), (own.v, plain.v_proj, 2),
    ):  # fmt: skip
        expected = linear.weight.view(heads, width, 32).repeat_interleave(4 // heads, 0).mT
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    expected = plain.o_proj.weight.T.reshape(4, width, 32)
    torch.testing.assert_close(own.o, expected, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("own_memory")
def test_values_that_weights_alone_do_not_make_are_told():
    """Gemma 4 norms them."""
    assert weights.shows_values(tiny("gpt_oss"), "raw")
    assert not weights.shows_values(tiny("gemma4_text"), "raw")


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "phi3", "gpt_neox"])
def test_queries_and_keys_make_the_scores(architecture):
    """The query's first position is not rotated, whatever the position embedding."""
    model = tiny(architecture)
    names = [site_hook(LAYER, site) for site in ("resid_pre", "scores")]
    stream, scores = activations(model, names).values()
    own = weights.head_weights(model, LAYER)
    read = weights.normed(model, LAYER, stream)[:1]
    zero = weights._feed(model, model.bridge.blocks[LAYER].attn.q, torch.zeros_like(read))
    bias_q = zero.view(1, model.info.n_heads, -1)
    zero = weights._feed(model, model.bridge.blocks[LAYER].attn.k, torch.zeros_like(read))
    bias_k = weights._expand(model, zero.view(1, model.info.n_kv_heads, -1))
    for head in range(model.info.n_heads):
        q = read @ own.q[head] + bias_q[:, head]
        k = read @ own.k[head] + bias_k[:, head]
        score = (q * k).sum() / model.info.d_head**0.5
        torch.testing.assert_close(score, scores[head, 0, 0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("architecture", "centres"), [("gpt2", True), ("llama", False)])
def test_folding_takes_the_norms_weights_and_its_centring(architecture, centres):
    model = tiny(architecture)
    x = torch.randn(3, model.info.d_model, generator=torch.Generator().manual_seed(0))
    y = torch.randn(3, model.info.d_model, generator=torch.Generator().manual_seed(1))
    plain, folded = (weights.head_weights(model, LAYER, fold=fold) for fold in (False, True))

    def size(rows):
        rows = rows - rows.mean(-1, keepdim=True) if centres else rows
        return rows.square().mean(-1, keepdim=True).add(1e-5 if centres else 1e-6).sqrt()

    for name in "qkv":
        before, after = getattr(plain, name)[2], getattr(folded, name)[2]
        expected = (weights.normed(model, LAYER, x) - weights.normed(model, LAYER, y)) @ before
        found = x @ after / size(x) - y @ after / size(y)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(plain.o, folded.o)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("architecture", "centres"),
    [("gpt_neox", True), ("phi", True), ("opt", True), ("gpt2", True), ("llama", False)],
)
def test_norms_are_read_off_in_half_precision_as_in_full(architecture, centres, dtype):
    """Torch's LayerNorm then leaves something of rows that are nothing but their mean."""
    exact = tiny(architecture)
    model = load(ModelSpec(exact.info.source, device="cpu", dtype=dtype), SilentReporter())
    for of in (lambda model: model.bridge.ln_final, lambda model: weights.reading_norm(model, 1)):
        full, half = (weights.norm_gain(which, of(which)) for which in (exact, model))
        assert full[2] is half[2] is centres
        for own, found in zip(full[:2], half[:2], strict=True):
            torch.testing.assert_close(found, own, atol=0.02, rtol=0.02)


def test_unembedding_read_off_by_feeding_equals_the_table(monkeypatch):
    model = tiny("phi")
    ids = torch.tensor([3, 40, 7])
    whole = weights.unembedding(model)
    assert whole.shape == (model.info.d_model, model.info.d_vocab)
    torch.testing.assert_close(weights.unembedding(model, ids), whole[:, ids])
    head = model.bridge.original_model.get_output_embeddings()

    class Away:
        device = torch.device("meta")

    class Fed:
        weight = Away()

        def __call__(self, x):
            return head(x)

    monkeypatch.setattr(model.bridge.original_model, "get_output_embeddings", Fed)
    torch.testing.assert_close(weights.unembedding(model, ids), whole[:, ids], atol=1e-5, rtol=1e-4)


def test_streams_after_layer_0_are_the_models_own():
    model = tiny("llama")
    before = model.forward_passes
    found = weights.stream_after_first(model, torch.tensor([9, 17]), lead=1)
    assert model.forward_passes == before + 1  # one that ends early is one
    kept = []
    hook = (site_hook(0, "resid_post"), lambda x, hook: kept.append(x[0, 1].clone()))
    for token in (9, 17):
        model.run(torch.tensor([[1, token]]), [hook])
    torch.testing.assert_close(found, torch.stack(kept), atol=1e-6, rtol=1e-5)
    assert model.hooks_left() == 0


def test_mlp_of_an_embedding_alone_sees_neither_position_nor_attention():
    model = tiny("gpt2")
    block = model.bridge.original_model.transformer.h[0]
    tokens = torch.tensor([9, 17, 200])
    embedded = model.bridge.original_model.transformer.wte(tokens)
    with torch.no_grad():
        expected = block.mlp(block.ln_2(embedded))
    torch.testing.assert_close(weights.first_mlp(model, tokens), expected, atol=1e-5, rtol=1e-4)
