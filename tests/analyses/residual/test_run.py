"""The stream against plain Hugging Face hooks, a stream that grows by a tenth, and the pack."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from desktop_app.analyses.residual.run import part_names, run
from desktop_app.analyses.residual.sizes import table_of
from desktop_app.analyses.residual.spec import ANALYSIS, ResidualParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.streams import Wanted, read_streams, require_sum
from desktop_app.support.errors import BadInputError, Cancelled
from tests.engine.zoo import ARCHITECTURES, FURTHER, save_tiny, tiny_tokenizer
from tests.models import named, tiny

TEXTS = ("1 2 3 4", "5 6 7 8")
UNEVEN = (*TEXTS, "Monday Tuesday", "a")
FINAL_NORMS = (
    *("model.norm", "transformer.ln_f", "gpt_neox.final_layer_norm", "model.final_layernorm"),
    *("model.decoder.final_layer_norm", "model.layer_norm", "transformer.norm_f"),
)
TIMES, LAYERS, WIDTH = 1.1, 5, 16

_FOLDER = TemporaryDirectory(prefix="lensbench-growing-")


class Listener(SilentReporter):
    keeps_partial = True

    def __init__(self, stop_at=None):
        self.parts, self.steps, self.stop_at = [], 0, stop_at

    def partial(self, data):
        self.parts.append(dict(data))

    def step(self, fraction, note=""):
        self.steps += 1
        if self.stop_at is not None and self.steps > self.stop_at:
            raise Cancelled


def residual(model, texts=TEXTS, report=None, **settings):
    rows = tuple(PromptRow(text=text) for text in texts)
    return run(model, ResidualParams(prompts=rows, **settings), report or SilentReporter())


@cache
def plain(folder):
    """Return a model of plain Hugging Face, which no bridge has touched."""
    found = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32
    )
    return found.eval()


def plain_streams(folder, ids):
    """Return the stream before each block and before the final norm, of plain Hugging Face."""
    hf, seen = plain(folder), []
    modules = dict(hf.named_modules())
    norm = next(modules[name] for name in FINAL_NORMS if name in modules)
    handle = norm.register_forward_pre_hook(lambda _module, given: seen.append(given[0].clone()))
    with torch.no_grad():
        out = hf(input_ids=torch.tensor([ids]), output_hidden_states=True)
    handle.remove()
    return [h[0].double().numpy() for h in (*out.hidden_states[:-1], seen[-1])], out


@cache
def growing():
    """Return a model each of whose blocks multiplies the stream by 1.1: its MLP adds a tenth.

    Its norms only centre (their eps is so large), and its embeddings have nothing to centre.
    """
    config = GPT2Config(
        vocab_size=300, n_positions=32, n_embd=WIDTH, n_layer=LAYERS, n_head=2, n_inner=WIDTH,
        activation_function="linear", layer_norm_epsilon=1e12, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=1, attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weights in (model.transformer.wte.weight, model.transformer.wpe.weight):
            weights.normal_()
            weights.sub_(weights.mean(-1, keepdim=True))
        model.lm_head.weight.normal_()
        for block in model.transformer.h:
            for norm in (block.ln_1, block.ln_2):
                norm.weight.fill_(1e6)
                norm.bias.zero_()
            for weights in (*block.attn.parameters(), *block.mlp.parameters()):
                weights.zero_()
            block.mlp.c_fc.weight.copy_(torch.eye(WIDTH))
            block.mlp.c_proj.weight.copy_((TIMES - 1) * torch.eye(WIDTH))
    folder = Path(_FOLDER.name) / "growing"
    model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def test_a_stream_that_each_block_multiplies_grows_by_just_that():
    data = residual(growing()).data
    assert data["growth_rate"] == pytest.approx(TIMES, abs=1e-6)
    np.testing.assert_allclose(data["growth"], TIMES, atol=1e-6)
    np.testing.assert_allclose(data["norm"][1:], TIMES * data["norm"][:-1], rtol=1e-6)
    np.testing.assert_allclose(data["norm_mlp"], (TIMES - 1) * data["norm"][:-1], rtol=1e-5)
    np.testing.assert_allclose(data["norm_attn"], 0, atol=1e-9)
    np.testing.assert_allclose(data["cosine"], 1, atol=1e-9)
    np.testing.assert_allclose(data["cosine_first"], 1, atol=1e-9)


def test_shares_of_that_stream_are_those_computed_by_hand():
    data = residual(growing()).data
    known = np.zeros((LAYERS + 1, 1 + 2 * LAYERS))
    for layer in range(LAYERS + 1):
        known[layer, 0] = TIMES**-layer
        for earlier in range(layer):
            known[layer, 2 + 2 * earlier] = (TIMES - 1) * TIMES ** (earlier - layer)
    np.testing.assert_allclose(data["share"], known, atol=1e-6)
    np.testing.assert_allclose(data["share_first"], known, atol=1e-6)
    assert data["parts"] == part_names(LAYERS)
    assert data["parts"][:3] == ["embed", "L0 attn", "L0 MLP"]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_norms_and_angles_are_those_of_plain_hugging_face(architecture):
    model = tiny(architecture)
    found = residual(model)
    data, layers = found.data, model.info.n_layers
    assert data["norm"].shape == (layers + 1, len(found.prompts[0].tokens.ids), 2)
    later, angles = [], []
    for n, prompt in enumerate(found.prompts):
        streams, out = plain_streams(model.spec.model, prompt.tokens.ids)
        norms = np.array([np.linalg.norm(s, axis=-1) for s in streams])
        np.testing.assert_allclose(data["norm"][..., n], norms, rtol=1e-5)
        # What Hugging Face calls the last hidden state has been through the final norm.
        last = np.linalg.norm(out.hidden_states[-1][0].double().numpy(), axis=-1)
        assert np.abs(data["norm"][-1, :, n] / last - 1).max() > 0.01
        later.append(np.log(norms[:, 1:]))
        angles += [
            [(a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(
                [s[p] for s in streams[1:]], [s[p] for s in streams], strict=False)]
            for p in range(1, len(prompt.tokens.ids))
        ]  # fmt: skip
    steps = np.diff(np.concatenate(later, axis=1).mean(1))
    np.testing.assert_allclose(data["growth"], np.exp(steps), rtol=1e-5)
    assert data["growth_rate"] == pytest.approx(np.exp(steps[1 : layers - 1].mean()), rel=1e-5)
    np.testing.assert_allclose(data["cosine"], np.mean(angles, axis=0), atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_shares_sum_to_one_and_later_parts_have_none(architecture):
    data = residual(tiny(architecture), UNEVEN).data
    for name in ("share", "share_first"):
        np.testing.assert_allclose(data[name].sum(-1), 1, atol=1e-3)
        for layer, row in enumerate(data[name]):
            assert (row[1 + 2 * layer :] == 0).all()
        assert data[name][0, 0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("architecture", "attention", "mlp"),
    [
        ("gpt2", "transformer.h.{}.attn", "transformer.h.{}.mlp"),
        ("llama", "model.layers.{}.self_attn", "model.layers.{}.mlp"),
        ("gptj", "transformer.h.{}.attn", "transformer.h.{}.mlp"),
        # Behind the norms that follow them.
        (
            "gemma2",
            "model.layers.{}.post_attention_layernorm",
            "model.layers.{}.post_feedforward_layernorm",
        ),
    ],
)
def test_what_blocks_add_is_what_plain_hooks_see(architecture, attention, mlp):
    model = tiny(architecture)
    found, hf = residual(model, TEXTS[:1]), plain(model.spec.model)
    seen, handles = {}, []
    modules = dict(hf.named_modules())
    for layer in range(model.info.n_layers):
        for name, path in (("norm_attn", attention), ("norm_mlp", mlp)):

            def keep(_module, _given, gave, place=(name, layer)):
                seen[place] = (gave[0] if isinstance(gave, tuple) else gave)[0].clone()

            handles.append(modules[path.format(layer)].register_forward_hook(keep))
    with torch.no_grad():
        hf(input_ids=torch.tensor([found.prompts[0].tokens.ids]))
    for handle in handles:
        handle.remove()
    for (name, layer), value in seen.items():
        known = value.double().norm(dim=-1).numpy()
        np.testing.assert_allclose(found.data[name][layer, :, 0], known, rtol=1e-5)


def test_prompts_of_several_lengths_are_outermost_and_count_by_their_positions():
    model = tiny("llama")
    found = residual(model, UNEVEN)
    data = found.data
    assert isinstance(data["norm"], tuple)
    assert "norm_mean" not in data
    for n, text in enumerate(UNEVEN):
        alone = residual(model, (text,)).data
        for name in ("norm", "norm_attn", "norm_mlp"):
            np.testing.assert_allclose(data[name][n], alone[name][..., 0], rtol=1e-5)
    pooled = np.concatenate([norm[:, 1:] for norm in data["norm"]], axis=1)
    np.testing.assert_allclose(data["growth"], np.exp(np.diff(np.log(pooled).mean(1))), rtol=1e-9)
    json = found.to_json()["result"]
    assert len(json["norm"]) == len(UNEVEN)
    assert len(json["norm"][2][0]) == len(found.prompts[2].tokens)


def test_one_length_has_means_and_errors():
    data = residual(tiny("gpt2")).data
    np.testing.assert_allclose(data["norm_mean"], data["norm"].mean(-1))
    np.testing.assert_allclose(data["norm_sem"], data["norm"].std(-1, ddof=1) / 2**0.5)


def test_a_prompt_of_one_token_has_no_growth_and_says_why():
    model = tiny("gpt2")
    found = residual(model, ("a",), bos="no")
    data = found.data
    assert data["norm"].shape == (model.info.n_layers + 1, 1, 1)
    for name in ("growth", "growth_rate", "cosine", "share"):
        assert np.isnan(data[name]).all()
    np.testing.assert_allclose(data["share_first"].sum(-1), 1, atol=1e-5)
    assert np.isfinite(data["cosine_first"]).all()
    notices = {n.code: n.message for n in found.warnings}
    assert "single token" in notices["one_position"]
    assert "not_finite" not in notices
    assert found.to_json()["result"]["growth_rate"] is None


def test_prompts_of_one_token_are_left_out_by_number():
    found = residual(tiny("gpt2"), ("a", "b c d", "e"), bos="no")
    assert np.isfinite(found.data["growth"]).all()
    message = next(n.message for n in found.warnings if n.code == "one_position")
    assert "prompt 1, 3" in message
    alone = residual(tiny("gpt2"), ("b c d",), bos="no").data
    np.testing.assert_allclose(found.data["growth"], alone["growth"], rtol=1e-6)
    np.testing.assert_allclose(found.data["share"], alone["share"], atol=1e-6)


@pytest.mark.parametrize("architecture", ["openai-gpt", "gemma4_text"])
def test_shares_are_withheld_where_the_stream_is_no_sum(architecture):
    model = tiny(architecture)
    found = residual(model)
    data = found.data
    assert "share" not in data
    assert "share_first" not in data
    message = next(n.message for n in found.warnings if n.code == "shares_withheld")
    assert "layer" in message
    assert model.info.name in message
    ids = model.ids([found.prompts[0].tokens.ids])
    with pytest.raises(BadInputError) as refused:
        require_sum(model, read_streams(model, ids, Wanted(parts=True)))
    assert message.partition("(")[0] == str(refused.value).partition("(")[0]
    assert message.endswith("own. Norms and cosines are those of the stream itself.")
    assert np.isfinite(data["norm"]).all()
    assert np.isfinite(data["cosine"]).all()
    assert data["norm_mlp"].shape == data["norm"][1:].shape


@pytest.mark.parametrize("architecture", tuple(FURTHER))
def test_further_architectures_are_measured_or_say_what_is_left_out(architecture):
    found = residual(tiny(architecture))
    codes = {n.code for n in found.warnings}
    assert np.isfinite(found.data["norm"]).all()
    if "share" in found.data:
        np.testing.assert_allclose(found.data["share"].sum(-1), 1, atol=1e-3)
    else:
        assert codes & {"shares_withheld", "parts_withheld"}


def test_positions_in_parts_change_nothing(monkeypatch):
    model = tiny("llama")
    texts = ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", "2 3")
    whole = residual(model, texts)
    assert len(whole.prompts[0].tokens) > 32
    monkeypatch.setattr(model, "budget_bytes", 1)
    parts = residual(model, texts)
    assert parts.timing.forward_passes > whole.timing.forward_passes
    for name in ("growth", "cosine", "cosine_first", "share", "share_first"):
        np.testing.assert_allclose(parts.data[name], whole.data[name], atol=1e-6)
    for one, other in zip(parts.data["norm"], whole.data["norm"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_without_shares_there_are_none():
    data = residual(tiny("gpt2"), measure="norms").data
    assert not data.keys() & {"share", "share_first", "parts"}
    assert "norm_attn" in data


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_sizes_of_heads_are_those_of_whole_matrices(architecture):
    model = tiny(architecture)
    data = residual(model, TEXTS[:1], heads=True).data
    hf, group = plain(model.spec.model), model.info.n_heads // model.info.n_kv_heads
    for layer, head in ((0, 0), (1, 3), (2, 1)):
        modules = dict(hf.named_modules())
        if architecture == "gpt2":
            width = model.info.d_model
            both = modules[f"transformer.h.{layer}.attn"].c_attn.weight[:, 2 * width :]
            out = modules[f"transformer.h.{layer}.attn"].c_proj.weight
        else:
            attention = modules[f"model.layers.{layer}.self_attn"]
            both, out = attention.v_proj.weight.T, attention.o_proj.weight.T
        d, kv = model.info.d_head, head // group
        matrix = both[:, kv * d : (kv + 1) * d] @ out[head * d : (head + 1) * d]
        assert data["ov_norm"][layer, head] == pytest.approx(
            float(matrix.detach().norm()), rel=1e-4
        )


def test_heads_without_matrices_are_left_out_and_told():
    found = residual(tiny("deepseek_v3"), heads=True)
    assert "ov_norm" not in found.data
    assert "heads_withheld" in {n.code for n in found.warnings}


def test_what_is_known_comes_prompt_by_prompt():
    listener = Listener()
    found = residual(tiny("llama"), UNEVEN, listener)
    assert len(listener.parts) == 3  # three lengths
    first = listener.parts[0]
    assert np.isfinite(first["norm"][0]).all()
    assert np.isnan(first["norm"][2]).all()
    np.testing.assert_allclose(listener.parts[-1]["growth"], found.data["growth"])


def test_a_stopped_run_keeps_what_it_has_and_says_what_is_missing():
    model = tiny("llama")
    listener = Listener(stop_at=model.info.n_layers)
    found = residual(model, UNEVEN, listener)
    assert found.partial
    assert np.isfinite(found.data["norm"][0]).all()
    assert np.isnan(found.data["norm"][3]).all()
    assert np.isfinite(found.data["growth_rate"])
    assert "not_finite" not in {n.code for n in found.warnings}


def test_cancelling_stops_at_a_layer():
    listener = Listener(stop_at=1)
    with pytest.raises(Cancelled):
        residual(tiny("llama"), UNEVEN, listener)


def test_half_precision_is_measured(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    half = load(ModelSpec(str(folder), device="cpu", dtype="bfloat16"), SilentReporter())
    data, whole = residual(half).data, residual(tiny("llama")).data
    np.testing.assert_allclose(data["norm"], whole["norm"], rtol=0.03)
    np.testing.assert_allclose(data["share"].sum(-1), 1, atol=0.03)


def test_processed_weights_say_that_norms_differ(tmp_path):
    folder = save_tiny("gpt2", tmp_path / "gpt2")
    model = load(ModelSpec(str(folder), device="cpu", weights="processed"), SilentReporter())
    found = residual(model, heads=True)
    (message,) = [n.message for n in found.warnings if n.code == "weights_processed"]
    assert "sizes of heads" in message
    assert "as loaded" in ANALYSIS.field("ov_norm").meaning
    own = residual(tiny("gpt2"), heads=True).data["ov_norm"]
    assert np.abs(found.data["ov_norm"] - own).max() > 1e-3
    raw = residual(tiny("gpt2")).data
    streams, _out = plain_streams(tiny("gpt2").spec.model, found.prompts[0].tokens.ids)
    # Centred: the same stream, less the mean over its numbers.
    for layer, stream in enumerate(streams):
        centred = np.linalg.norm(stream - stream.mean(-1, keepdims=True), axis=-1)
        np.testing.assert_allclose(found.data["norm"][layer, :, 0], centred, rtol=1e-4)
    assert np.abs(found.data["norm"] - raw["norm"]).max() > 1e-4


@pytest.mark.model
@pytest.mark.pack
def test_the_packs_stream_is_that_of_plain_hugging_face(smollm2_folder):
    model = named("smollm2")
    texts = ("1 2 3 4 ", "2 3 4 5 ", "3 4 5 6 ", "4 5 6 7 ", "5 6 7 8 ")
    found = residual(model, texts)
    data, later = found.data, []
    for n, prompt in enumerate(found.prompts):
        streams, _out = plain_streams(smollm2_folder, prompt.tokens.ids)
        norms = np.array([np.linalg.norm(s, axis=-1) for s in streams])
        np.testing.assert_allclose(data["norm"][..., n], norms, rtol=1e-4)
        later.append(np.log(norms[:, 1:]))
    steps = np.diff(np.concatenate(later, 1).mean(1))
    assert data["growth_rate"] == pytest.approx(np.exp(steps[1:-1].mean()), rel=1e-5)
    np.testing.assert_allclose(data["share"].sum(-1), 1, atol=1e-3)


@pytest.mark.model
@pytest.mark.pack
def test_the_packs_first_position_stands_apart_and_its_stream_grows_steadily(smollm2_folder):
    model = named("smollm2")
    generator = torch.Generator().manual_seed(0)
    half = model.info.d_vocab // 2
    texts = []
    for _text in range(4):
        drawn = torch.randint(100, half, (50,), generator=generator).tolist()
        texts.append("<|endoftext|>" + model.tokenizer.decode(drawn + drawn))
    found = residual(model, texts)
    data = found.data
    assert {prompt.tokens.ids[0] for prompt in found.prompts} == {0}
    tables = [table_of(found, "norm", n) for n in range(4)]
    for table in tables:
        np.testing.assert_allclose(table[12:28, 0], 20_605, rtol=0.01)
        assert np.median(table[12, 1:]) == pytest.approx(151, abs=25)
    assert data["growth_rate"] == pytest.approx(1.088, abs=0.006)
    np.testing.assert_allclose(data["share"].sum(-1), 1, atol=1e-3)
