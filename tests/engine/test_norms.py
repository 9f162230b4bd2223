"""A model without its norms: equal to models built by hand, heard by the bridge, or refused."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, DynamicCache

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.contract.result import same_model
from desktop_app.engine import loading, norm_effects, norm_modules, norms, remembered, weights
from desktop_app.engine.norm_effects import REMOVED, damage, sample_texts
from desktop_app.engine.shortcuts import abilities
from desktop_app.support.errors import ModelLoadError
from tests.engine.zoo import ARCHITECTURES, FURTHER, save_tiny, tiny_model, tiny_tokenizer
from tests.models import tiny

VARIANTS = ("eps", "identity", "constant")
IDS = torch.tensor([[1, 20, 30, 40, 50, 60, 31]])
ROW = PromptRow(text="ab cd f", corrupt="ab zd f", answer="g", wrong="h")


def load(folder, layernorm="keep", **settings):
    spec = ModelSpec(str(folder), device="cpu", layernorm=layernorm, **settings)
    return loading.load(spec, SilentReporter())


@cache
def without(architecture, layernorm):
    """Return a variant of a tiny model, loaded once for all that only look at it."""
    return load(tiny(architecture).info.source, layernorm)


def logits(hf_model, ids=IDS, **more):
    with torch.no_grad():
        return hf_model(ids, use_cache=False, **more).logits.float()


def saved(architecture, folder):
    return save_tiny(architecture, folder / architecture.replace(":", "-"))


# What no variant may be mistaken for: models that are written out here.


def linear_gpt2(state, ids, heads):
    """GPT-2 whose norms only centre: its whole forward pass, from its weights alone."""

    def norm(x, name):
        centred = x - x.mean(-1, keepdim=True)
        return centred * state[f"{name}.weight"] + state[f"{name}.bias"]

    def conv(x, name):
        return x @ state[f"{name}.weight"] + state[f"{name}.bias"]

    length = ids.shape[1]
    x = state["transformer.wte.weight"][ids] + state["transformer.wpe.weight"][:length]
    mask = torch.full((length, length), -math.inf).triu(1)
    layer = 0
    while f"transformer.h.{layer}.ln_1.weight" in state:
        block = f"transformer.h.{layer}"
        q, k, v = conv(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn").chunk(3, -1)
        q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
        pattern = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask).softmax(-1)
        x = x + conv((pattern @ v).transpose(1, 2).flatten(-2), f"{block}.attn.c_proj")
        inner = F.gelu(conv(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc"), approximate="tanh")
        x = x + conv(inner, f"{block}.mlp.c_proj")
        layer += 1
    return norm(x, "transformer.ln_f") @ state["transformer.wte.weight"].T


class Times(torch.nn.Module):
    """x · w, which is what is left of an RMSNorm."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, x):
        return x * self.weight


class Divided(torch.nn.Module):
    """A norm divided by two numbers, from position 0 of a whole text on."""

    def __init__(self, norm, first, rest, *, centres):
        super().__init__()
        self.norm, self.first, self.rest, self.centres = norm, first, rest, centres

    def forward(self, x):
        if self.centres:
            x = x - x.mean(-1, keepdim=True)
        divisor = torch.full((x.shape[-2], 1), self.rest)
        divisor[0] = self.first
        bias = getattr(self.norm, "bias", None)
        return x / divisor * self.norm.weight + (0 if bias is None else bias)


def by_hand(architecture, *, centres, texts):
    """Return a model with constants in the place of its norms, and the constants, measured here."""
    hf_model = tiny_model(architecture)
    found = {
        name: module
        for name, module in hf_model.named_modules()
        if "norm" in type(module).__name__.lower() and "self_attn." not in name
    }
    seen = {name: [] for name in found}
    eps = {n: getattr(m, "eps", None) or m.variance_epsilon for n, m in found.items()}
    handles = [
        m.register_forward_hook(lambda _m, given, _out, n=n: seen[n].append(given[0][0].detach()))
        for n, m in found.items()
    ]
    for ids in texts:
        logits(hf_model, ids)
    for handle in handles:
        handle.remove()
    constants = {}
    for name, module in found.items():
        stds = []
        for x in seen[name]:
            inside = x - x.mean(-1, keepdim=True) if centres else x
            stds.append((inside.pow(2).mean(-1) + eps[name]).sqrt())
        first = torch.stack([s[0] for s in stds]).mean().item()
        rest = torch.cat([s[1:] for s in stds]).mean().item()
        constants[name] = first, rest
        parent, _, own = name.rpartition(".")
        made = Divided(module, first, rest, centres=centres)
        setattr(hf_model.get_submodule(parent), own, made)
    return hf_model, constants


def texts_of(folder):
    tokenizer = loading.load_tokenizer(ModelSpec(str(folder)))
    return sample_texts(tokenizer, 300, 64)


# Every architecture.


@pytest.mark.slow
@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *FURTHER])
def test_every_architecture_loads_without_its_norms_and_the_bridge_follows(architecture):
    plain = tiny(architecture).run(IDS)
    for layernorm in VARIANTS:
        model = without(architecture, layernorm)
        assert model.parity.ok
        assert model.parity.max_logprob_difference < model.parity.tolerance
        assert model.info.layernorm == layernorm
        moved = (model.run(IDS) - plain).abs().max().item()
        assert moved > 1e-2
        assert REMOVED in {n.code for n in model.notices}
        ready = loading.ready(model, 1.0)
        assert ready.layernorm_moved > 1e-2
        assert "not an equivalent" in ready.layernorm_said
        assert not same_model(model.info, tiny(architecture).info)


@pytest.mark.parametrize(
    ("architecture", "count", "stays"),
    [
        ("gpt2", 7, []),
        ("gpt_neox", 7, []),
        ("gemma2", 13, []),
        ("bloom", 8, []),
        ("openai-gpt", 6, []),
        ("qwen3", 7, ["self_attn.q_norm", "self_attn.k_norm"]),
        ("olmo2", 7, ["self_attn.q_norm", "self_attn.k_norm"]),
        ("deepseek_v2", 7, ["self_attn.q_a_layernorm", "self_attn.kv_a_layernorm"]),
        ("gemma4_text", 16, ["self_attn.v_norm", "per_layer_projection_norm"]),
    ],
)
def test_norms_of_the_stream_go_and_those_inside_attention_stay(architecture, count, stays):
    hf_model = tiny_model(architecture)
    found = norms.stream_norms(hf_model, architecture)
    assert len(found) == count
    names = [n.name for n in found]
    assert not any(name.endswith(inside) for name in names for inside in stays)
    there = [n for n, _m in hf_model.named_modules()]
    assert all(any(name.endswith(inside) for name in there) for inside in stays)


class Embeddings(torch.nn.Module):
    """A table with a norm of its own, as ModernBERT has them."""

    def __init__(self, table):
        super().__init__()
        self.table, self.norm = table, torch.nn.LayerNorm(32)


def test_a_norm_of_the_embeddings_own_module_goes_as_well():
    hf_model = tiny_model("llama")
    hf_model.model.held = Embeddings(hf_model.model.embed_tokens)
    found = norms.stream_norms(hf_model, "mine")
    assert [n.name for n in found if n.name.startswith("model.held")] == ["model.held.norm"]
    assert len(found) == 8


def test_a_short_context_is_never_exceeded_while_constants_are_measured(tmp_path, monkeypatch):
    tokenizer = loading.load_tokenizer(ModelSpec(str(saved("gpt2", tmp_path))))
    assert max(len(ids[0]) for ids in sample_texts(tokenizer, 300, 64)) == 64
    assert max(len(ids[0]) for ids in sample_texts(tokenizer, 300, 10**6)) == 128
    seen = []
    monkeypatch.setattr(
        norm_effects, "sample_texts", lambda of, size, context: seen.append(context) or [IDS]
    )
    load(saved("bloom", tmp_path), "constant")
    load(saved("gpt2", tmp_path), "constant")
    assert seen == [64, 64]


@pytest.mark.parametrize(
    ("architecture", "centres", "offset", "eps"),
    [
        ("gpt2", True, 0.0, 1e-5),
        ("llama", False, 0.0, 1e-6),
        ("gemma2", False, 1.0, 1e-6),
        ("gemma4_text", False, 0.0, 1e-6),
        ("nemotron", True, 1.0, 1e-5),
        ("olmo", True, 0.0, 1e-5),
        ("olmo2", False, 0.0, 1e-5),
        ("xglm", True, 0.0, 1e-5),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_what_a_norm_does_is_read_off_it(architecture, centres, offset, eps, dtype):
    for norm in norms.stream_norms(tiny_model(architecture).to(dtype), architecture):
        assert (norm.centres, norm.offset, norm.eps) == (centres, offset, pytest.approx(eps))


# Equal to what is written out by hand.


def test_eps_and_identity_equal_a_centred_linear_gpt2_that_is_written_out():
    expected = linear_gpt2(tiny_model("gpt2").state_dict(), IDS, heads=4)
    for layernorm, allowed in (("eps", 1e-5), ("identity", 1e-5)):
        model = without("gpt2", layernorm)
        torch.testing.assert_close(model.run(IDS), expected, atol=allowed, rtol=0)
    # And it is another model than the one that divides.
    assert (tiny("gpt2").run(IDS) - expected).abs().max() > 0.1


@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_without_rms_norms_there_is_no_mean_and_no_division(architecture):
    hf_model = tiny_model(architecture)
    for block in hf_model.model.layers:
        block.input_layernorm = Times(block.input_layernorm.weight)
        block.post_attention_layernorm = Times(block.post_attention_layernorm.weight)
    hf_model.model.norm = Times(hf_model.model.norm.weight)
    for layernorm in ("eps", "identity"):
        found = without(architecture, layernorm).run(IDS)
        torch.testing.assert_close(found, logits(hf_model), atol=1e-5, rtol=0)


def test_gemma_adds_one_to_its_weights_before_and_behind():
    hf_model = tiny_model("gemma2")
    for path in [n for n, m in hf_model.named_modules() if "RMSNorm" in type(m).__name__]:
        parent, _, own = path.rpartition(".")
        weight = hf_model.get_submodule(path).weight
        setattr(hf_model.get_submodule(parent), own, Times(1 + weight.detach()))
    for layernorm in ("eps", "identity"):
        found = without("gemma2", layernorm).run(IDS)
        torch.testing.assert_close(found, logits(hf_model), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("architecture", "centres"), [("gpt2", True), ("llama", False)])
def test_constants_are_what_a_hand_computation_measures(architecture, centres):
    model = without(architecture, "constant")
    texts = texts_of(model.info.source)
    hf_model, constants = by_hand(architecture, centres=centres, texts=texts)
    recipe = {row["name"]: (row["first"], row["rest"]) for row in model.removed.change.recipe()}
    assert recipe.keys() == constants.keys()
    for name, expected in constants.items():
        assert recipe[name] == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(model.run(IDS), logits(hf_model), atol=2e-5, rtol=1e-5)


def test_processed_weights_of_a_variant_agree_in_log_probability():
    for layernorm in VARIANTS:
        raw = without("gpt2", layernorm)
        processed = load(raw.info.source, layernorm, weights="processed")
        torch.testing.assert_close(
            processed.run(IDS).log_softmax(-1), raw.run(IDS).log_softmax(-1), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_what_hooks_show_of_a_norm_is_what_it_did(architecture):
    for layernorm in VARIANTS:
        model = without(architecture, layernorm)
        _out, cache = model.bridge.run_with_cache(IDS, use_cache=False)
        scale = cache["ln_final.hook_scale"][0, :, 0]
        if layernorm == "constant":
            row = model.removed.change.recipe()[0]
            expected = torch.tensor([row["first"], *[row["rest"]] * (IDS.shape[1] - 1)])
        else:
            expected = torch.full((IDS.shape[1],), 1e6 if layernorm == "eps" else 1.0)
        torch.testing.assert_close(scale, expected, rtol=1e-5, atol=0)
        gain, bias, centres = weights.norm_gain(model, model.bridge.ln_final)
        made = cache["ln_final.hook_normalized"][0]
        # Nothing is left open where no size is divided by; the first position has its own factor.
        given = made * expected[:, None] * gain + bias
        torch.testing.assert_close(given[1:], cache["ln_final.hook_out"][0, 1:], atol=1e-5, rtol=0)
        assert centres is (architecture == "gpt2")


# Nothing in silence.


def test_eps_without_new_weights_is_reported_as_destroying_the_model(tmp_path, monkeypatch):
    # The recipe, but for its second half.
    plain = norms.silence
    monkeypatch.setattr(norms, "silence", lambda model, norm: plain(model, norm, scale=1.0))
    model = load(saved("gpt2", tmp_path), "eps")
    assert model.removed.damage.destroyed
    assert any("destroyed" in n.message for n in model.notices)
    assert model.removed.damage.moved == pytest.approx(model.removed.damage.largest, rel=0.5)


@pytest.mark.parametrize("layernorm", VARIANTS)
def test_an_edit_that_the_bridge_ignores_is_caught(layernorm, tmp_path, monkeypatch):
    folder = saved("gpt2", tmp_path)
    monkeypatch.setattr(norm_modules, "hear", lambda bridge: None)
    monkeypatch.setattr(norms, "tell_config", lambda config, found: None)
    with pytest.raises(ModelLoadError) as caught:
        load(folder, layernorm)
    for words in (f"--layernorm {layernorm}", "does not follow", "transformer.ln_f", "choose"):
        assert words in str(caught.value)
    assert caught.value.exit_code == 3


def test_an_edit_that_does_nothing_is_caught(tmp_path, monkeypatch):
    monkeypatch.setattr(norms, "silence", lambda *of: None)
    with pytest.raises(ModelLoadError, match="moved by 0 only"):
        load(saved("llama", tmp_path), "eps")


def test_float16_is_refused_for_eps_alone(tmp_path):
    folder = saved("llama", tmp_path)
    with pytest.raises(ModelLoadError, match=r"65,504.*--dtype float32") as caught:
        load(folder, "eps", dtype="float16")
    assert caught.value.exit_code == 3
    assert load(folder, "identity", dtype="float16").info.dtype == "float16"


@pytest.mark.parametrize("layernorm", VARIANTS)
def test_half_precision_loads(layernorm, tmp_path):
    model = load(saved("llama", tmp_path), layernorm, dtype="bfloat16")
    assert model.parity.ok


def test_layers_on_the_disk_keep_their_norms(tmp_path):
    with pytest.raises(ModelLoadError, match="choose --offload none"):
        load(saved("llama", tmp_path), "identity", offload="disk")


class Strange(torch.nn.Module):
    """Scale-free, and no norm that anybody knows."""

    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x / x.abs().amax(-1, keepdim=True) * self.weight


def test_a_norm_of_an_unknown_kind_is_refused_by_name():
    hf_model = tiny_model("llama")
    hf_model.model.layers[1].input_layernorm = Strange(32)
    with pytest.raises(ModelLoadError, match=r"layers\.1\.input_layernorm \(Strange\)"):
        norms.stream_norms(hf_model, "mine")


def test_a_block_without_norms_and_a_model_without_blocks_are_refused_by_name():
    hf_model = tiny_model("llama")
    hf_model.model.layers[1].input_layernorm = torch.nn.Identity()
    hf_model.model.layers[1].post_attention_layernorm = torch.nn.Identity()
    with pytest.raises(ModelLoadError, match=r"“mine”.*model\.layers\.1 .*--layernorm keep"):
        norms.stream_norms(hf_model, "mine")
    other = tiny_model("llama")
    other.config.num_hidden_layers = 7
    with pytest.raises(ModelLoadError, match="no list of blocks"):
        norms.stream_norms(other, "mine")


def test_numbers_that_overflow_are_told_and_the_model_is_still_there(tmp_path):
    hf_model = tiny_model("llama")
    with torch.no_grad():
        for block in hf_model.model.layers:
            block.post_attention_layernorm.weight.mul_(1e9)
    hf_model.save_pretrained(tmp_path / "loud")
    tiny_tokenizer().save_pretrained(tmp_path / "loud")
    model = load(tmp_path / "loud", "identity")
    assert math.isnan(model.removed.damage.moved)
    assert model.removed.damage.destroyed
    assert "overflow" in loading.ready(model, 1.0).layernorm_said
    result = rank.run(model, RankParams(prompts=(ROW,)), SilentReporter())
    assert {REMOVED, "not_finite"} <= {n.code for n in result.warnings}


def test_a_stream_that_outgrows_the_eps_is_told(tmp_path):
    hf_model = tiny_model("gpt2")
    with torch.no_grad():
        hf_model.transformer.wte.weight.mul_(1e6)
    hf_model.save_pretrained(tmp_path / "large")
    tiny_tokenizer().save_pretrained(tmp_path / "large")
    said = {v: loading.ready(load(tmp_path / "large", v), 1.0).layernorm_said for v in VARIANTS}
    assert "outgrows the eps" in said["eps"]
    assert not any("outgrows" in said[v] for v in ("identity", "constant"))
    usual = load(saved("gpt2", tmp_path), "eps")
    assert "outgrows" not in loading.ready(usual, 1.0).layernorm_said


# A checkpoint that was trained without norms.


@pytest.fixture
def trained_without(tmp_path):
    """Return the folder of a GPT-2 with eps 1e12 in modules and settings, weights to match."""
    hf_model = tiny_model("gpt2")
    for module in hf_model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e12
            module.weight.data.mul_(1e6)
    hf_model.config.layer_norm_epsilon = 1e12
    folder = tmp_path / "noln"
    hf_model.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def test_a_checkpoint_that_was_trained_without_norms_is_unchanged(trained_without):
    kept = load(trained_without)
    expected = linear_gpt2(tiny_model("gpt2").state_dict(), IDS, heads=4)
    torch.testing.assert_close(kept.run(IDS), expected, atol=1e-5, rtol=0)
    assert AutoConfig.from_pretrained(trained_without).layer_norm_epsilon == 1e12
    for layernorm in VARIANTS:
        model = load(trained_without, layernorm)
        torch.testing.assert_close(model.run(IDS), kept.run(IDS), atol=1e-5, rtol=0)
        said = next(n.message for n in model.notices if n.code == REMOVED)
        assert "trained without them" in said
        assert model.removed.damage.moved < 1e-5


@pytest.mark.parametrize("layernorm", ["identity", "constant"])
def test_what_processing_makes_of_norms_that_divide_by_nothing_is_held_too(layernorm, tmp_path):
    """Gemma's weights begin at 1: folded away, they are not what stands in the norms' place."""
    hf_model = tiny_model("gemma2")
    for path, module in hf_model.named_modules():
        if "norm" in path.rpartition(".")[2]:
            module.eps = 1e12
            module.weight.data = (1 + module.weight.data) * 1e6 - 1
    hf_model.config.rms_norm_eps = 1e12
    hf_model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    assert load(tmp_path, layernorm).parity.ok
    assert load(tmp_path, weights="processed").parity.ok
    with pytest.raises(ModelLoadError, match="does not follow the change"):
        load(tmp_path, layernorm, weights="processed")


# Every analysis, against plain loops.


def variant(architecture, layernorm, folder):
    """Return the plain Hugging Face variant, changed here: hooks go on its own modules."""
    hf_model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    if layernorm == "constant":
        return by_hand(architecture, centres=architecture == "gpt2", texts=texts_of(folder))[0]
    for path, module in list(hf_model.named_modules()):
        if "norm" in type(module).__name__.lower() and "self_attn." not in path:
            parent, _, own = path.rpartition(".")
            made = Divided(module, 1.0, 1.0, centres=architecture == "gpt2")
            setattr(hf_model.get_submodule(parent), own, made)
    return hf_model


def blocks(hf_model):
    return hf_model.transformer.h if hasattr(hf_model, "transformer") else hf_model.model.layers


def projection(block):
    return block.attn.c_proj if hasattr(block, "attn") else block.self_attn.o_proj


@pytest.mark.parametrize("layernorm", VARIANTS)
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "olmo2"])
def test_ablate_rank_and_patch_equal_plain_loops_on_the_variant(architecture, layernorm):
    model = without(architecture, layernorm)
    folder = model.info.source
    hf_model = variant(architecture, layernorm, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    clean, corrupt = (torch.tensor([tokenizer(t)["input_ids"]]) for t in (ROW.text, ROW.corrupt))
    answer, wrong = (tokenizer(t)["input_ids"][-1] for t in ("g", "h"))

    def metric(ids):
        last = logits(hf_model, ids)[0, -1]
        return (last[answer] - last[wrong]).item()

    base = metric(clean)
    found = rank.run(model, RankParams(prompts=(ROW,)), SilentReporter())
    assert found.data["logit_diff"][0] == pytest.approx(base, abs=1e-4)
    for positions, places in (("all", None), ("0,3,-1", [0, 3, clean.shape[1] - 1])):
        params = AblateParams(prompts=(ROW,), mode="zero", positions=positions)
        swept = ablate.run(model, params, SilentReporter())
        expected = np.zeros((3, 4))
        for layer, block in enumerate(blocks(hf_model)):
            for head in range(4):

                def remove(_module, given, head=head, places=places):
                    z = given[0].clone()
                    rows = slice(None) if places is None else places
                    z[:, rows, head * 8 : head * 8 + 8] = 0
                    return (z, *given[1:])

                handle = projection(block).register_forward_pre_hook(remove)
                expected[layer, head] = metric(clean)
                handle.remove()
        np.testing.assert_allclose(swept.data["ablated"][..., 0], expected, atol=2e-4)
    patched = patch.run(model, PatchParams(prompts=(ROW,), direction="denoise"), SilentReporter())
    kept, length = {}, clean.shape[1]
    for layer, block in enumerate(blocks(hf_model)):
        handle = block.register_forward_pre_hook(
            lambda _m, given, layer=layer: kept.__setitem__(layer, given[0].clone())
        )
        metric(clean)
        handle.remove()
    grid = np.zeros((3, length))
    for layer, block in enumerate(blocks(hf_model)):
        for position in range(length):

            def insert(_module, given, layer=layer, position=position):
                x = given[0].clone()
                x[:, position] = kept[layer][:, position]
                return (x, *given[1:])

            handle = block.register_forward_pre_hook(insert)
            grid[layer, position] = metric(corrupt)
            handle.remove()
    np.testing.assert_allclose(patched.data["patched_denoise"][..., 0], grid, atol=2e-4)


# Where position 0 is.


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt", "olmo2", "gemma2", "bloom"])
def test_a_constant_norm_knows_position_0_wherever_a_pass_begins(architecture):
    model = without(architecture, "constant")
    row = max(model.removed.change.recipe(), key=lambda r: abs(r["first"] / r["rest"] - 1))
    assert abs(row["first"] / row["rest"] - 1) > 0.05  # so that a mistake would show
    whole = model.run(IDS)
    cache = DynamicCache(config=model.bridge.original_model.config)
    parts = [model.run(IDS[:, some], cache=cache) for some in (slice(4), slice(4, 5), slice(5, 7))]
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-4, rtol=0)
    padded = torch.cat([torch.zeros(1, 3, dtype=torch.long), IDS], 1)
    mask = torch.ones_like(padded)
    mask[:, :3] = 0
    found = model.bridge(padded, attention_mask=mask, use_cache=False)
    torch.testing.assert_close(found[:, 3:], whole, atol=1e-4, rtol=0)


def test_a_pass_that_ends_early_leaves_no_positions_behind():
    model = without("gpt2", "constant")
    before = weights.final_normed(model, torch.ones(2, 5, 32))
    model.seen(IDS, "blocks.1.hook_in")
    torch.testing.assert_close(weights.final_normed(model, torch.ones(2, 5, 32)), before)
    norm = model.removed.change.recipe()[0]
    flat = torch.linspace(-1, 1, 32).repeat(3, 1)
    alone = weights.final_normed(model, flat)
    first = weights.final_normed(model, flat[None])[0]
    bias = tiny_model("gpt2").transformer.ln_f.bias.detach()
    torch.testing.assert_close(alone[1:], first[1:])
    torch.testing.assert_close((first[0] - bias) * norm["first"], (alone[0] - bias) * norm["rest"])


@pytest.mark.parametrize("architecture", ["olmo2", "gemma2"])
def test_a_norm_behind_a_trimmed_position_is_not_trimmed(architecture):
    constant, plain = without(architecture, "constant"), tiny(architecture)
    assert not abilities(constant).trims
    assert abilities(plain).trims
    assert abilities(constant).grows
    assert abilities(constant).resumes


def test_what_was_tried_of_a_model_is_not_taken_for_its_variants(tmp_path):
    folder = saved("olmo2", tmp_path)
    kept, constant = load(folder), load(folder, "constant")
    remembered.recall(kept, "a trial of this test", lambda: True)
    assert remembered.recalled(kept, "a trial of this test") is True
    assert remembered.recalled(constant, "a trial of this test") is None


def test_damage_tells_small_changes_from_large_ones():
    before = torch.randn(6, 20, generator=torch.Generator().manual_seed(0))
    assert not damage(before, before + 1e-4).destroyed
    assert damage(before, before).moved == 0
    assert damage(before, before[:1].expand(6, 20)).destroyed
    assert damage(before, torch.full((6, 20), math.nan)).destroyed
    assert "overflow" in damage(before, torch.full((6, 20), math.inf)).words()
    assert norm_effects.REMOVED == "layernorm_removed"
