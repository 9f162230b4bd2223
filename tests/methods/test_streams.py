"""The stream and its parts, against plain hooks on the modules of Hugging Face's own models."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.contract.report import Reporter
from desktop_app.engine.interventions import Edit, Zero
from desktop_app.methods.streams import Wanted, by_length, read_streams, require_sum
from desktop_app.support.errors import BadInputError, Cancelled
from tests.models import tiny

IDS = torch.tensor([[1, 5, 9, 17, 33, 65], [1, 7, 9, 20, 33, 6]])

LLAMA = ("model.layers", "model.norm", "self_attn", "mlp")
BEHIND = (*LLAMA[:2], "post_attention_layernorm", "post_feedforward_layernorm")
GPT = ("transformer.h", "transformer.ln_f", "attn", "mlp")
# Where each architecture keeps its blocks and its final norm, and whose output is added to the
# stream: what adds the stream by itself is followed one module further inside.
MODULES = {
    "gpt2": GPT,
    "gpt_neo": GPT,
    "gptj": GPT,
    "gpt_bigcode": GPT,
    "gpt_neox": ("gpt_neox.layers", "gpt_neox.final_layer_norm", "attention", "mlp"),
    "llama": LLAMA,
    "mistral": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "phi3": LLAMA,
    "mixtral": LLAMA,
    "stablelm": LLAMA,
    "olmo": LLAMA,
    "nemotron": LLAMA,
    "deepseek_v3": LLAMA,
    "gpt_oss": LLAMA,
    "qwen2_moe": LLAMA,
    "glm4_moe": LLAMA,
    "granite": LLAMA,
    "cohere": LLAMA,
    "starcoder2": LLAMA,
    "phi": ("model.layers", "model.final_layernorm", "self_attn", "mlp"),
    "gemma2": BEHIND,
    "gemma3_text": BEHIND,
    "olmo2": BEHIND,
    "exaone4": BEHIND,
    "glm4": (*LLAMA[:2], "post_self_attn_layernorm", "post_mlp_layernorm"),
    "opt": ("model.decoder.layers", "model.decoder.final_layer_norm", "self_attn", "fc2"),
    "xglm": ("model.layers", "model.layer_norm", "self_attn", "fc2"),
    "falcon": ("transformer.h", "transformer.ln_f", "self_attention", "mlp"),
    "bloom": (*GPT[:2], "self_attention.dense", "mlp.dense_4h_to_h"),
    "mpt": ("transformer.blocks", "transformer.norm_f", "attn", "ffn.down_proj"),
}
MULTIPLIERS = {"granite": 0.3}


@cache
def plain(architecture):
    """Return what plain hooks see: embeddings, attention and MLP by layer, stream at the end."""
    model = AutoModelForCausalLM.from_pretrained(
        tiny(architecture).info.source, attn_implementation="eager"
    ).eval()
    blocks, final, attn, mlp = MODULES[architecture]
    seen = {}

    def outputs(name):
        def keep(_module, _inputs, out):
            found = out[0] if isinstance(out, tuple) else out
            seen[name] = found.detach().clone().view(*IDS.shape, -1)

        return keep

    def inputs(name):
        def keep(_module, given, named):
            found = given[0] if given else named["hidden_states"]
            seen[name] = found.detach().clone()

        return keep

    layers = model.get_submodule(blocks)
    layers[0].register_forward_pre_hook(inputs("embed"), with_kwargs=True)
    model.get_submodule(final).register_forward_pre_hook(inputs("stream"), with_kwargs=True)
    for layer, block in enumerate(layers):
        block.get_submodule(attn).register_forward_hook(outputs(("attn", layer)))
        block.get_submodule(mlp).register_forward_hook(outputs(("mlp", layer)))
    with torch.no_grad():
        out = model(IDS, output_hidden_states=True)
    times = MULTIPLIERS.get(architecture, 1.0)
    for key, value in seen.items():
        if isinstance(key, tuple):
            seen[key] = times * value
    return {**seen, "hidden": out.hidden_states[-1], "logits": out.logits}


def close(found, expected, share=1e-3):
    assert float((found - expected).norm()) <= share * float(expected.norm())


@pytest.mark.parametrize("architecture", MODULES)
def test_stream_is_the_sum_of_what_the_modules_give(architecture):
    model, seen = tiny(architecture), plain(architecture)
    found = read_streams(model, IDS, Wanted(parts=True, read=[5, 3]))
    require_sum(model, found)
    layers = range(model.info.n_layers)
    whole = seen["embed"] + sum(seen["attn", n] + seen["mlp", n] for n in layers)
    close(whole, seen["stream"])
    close(found.stream[-1], seen["stream"], 1e-5)
    close(found.stream[0], seen["embed"], 1e-5)
    for layer in layers:
        close(found.attn[layer], seen["attn", layer], 1e-5)
        close(found.mlp[layer], seen["mlp", layer], 1e-5)
    expected = torch.stack([seen["logits"][0, 5], seen["logits"][1, 3]])
    torch.testing.assert_close(found.logits, expected, atol=1e-4, rtol=1e-4)
    # Behind the final norm there is no stream any more.
    apart = (found.stream[-1] - seen["hidden"]).norm() / seen["hidden"].norm()
    assert float(apart) > 0.01


def test_there_are_enough_architectures_of_each_kind():
    assert len(MODULES) >= 15
    assert {"phi", "gptj", "gpt_neox", "cohere", "falcon"} <= set(MODULES)  # side by side
    assert {"gemma2", "olmo2", "glm4"} <= set(MODULES)  # norms behind the parts
    assert {"granite", "cohere"} <= set(MODULES)  # multipliers


@pytest.mark.parametrize("architecture", ["openai-gpt", "gemma4_text"])
def test_blocks_that_do_more_are_refused_by_layer(architecture):
    model = tiny(architecture)
    with pytest.raises(BadInputError, match="layer 0 does more to it"):
        require_sum(model, read_streams(model, IDS, Wanted(parts=True)))


@pytest.mark.parametrize("architecture", ["gpt2", "opt", "gemma2"])
def test_two_positions_are_those_of_the_whole(architecture):
    model, read = tiny(architecture), [4, 0]
    names = tuple(f"blocks.{n}.mlp.out.hook_in" for n in range(3))
    wanted = {"parts": True, "sites": ("head_z",), "read": read, "names": names}
    whole = read_streams(model, IDS, Wanted(**wanted))
    alone = read_streams(model, IDS, Wanted(**wanted, alone=True))
    torch.testing.assert_close(alone.logits, whole.logits)
    pairs = [*zip(alone.stream, whole.stream, strict=True)]
    pairs += [*zip(alone.attn, whole.attn, strict=True), *zip(alone.mlp, whole.mlp, strict=True)]
    pairs += [(alone.sites[n, "head_z"], whole.sites[n, "head_z"]) for n in range(3)]
    pairs += [(alone.named[name], whole.named[name]) for name in names]
    pairs.append((alone.normed, whole.normed))
    for few, many in pairs:
        assert few.shape[:2] == (2, 2)
        for row, at in enumerate(read):
            torch.testing.assert_close(few[row, 0], many[row, 0])
            torch.testing.assert_close(few[row, 1], many[row, at])


def test_a_changed_run_stands_behind_the_untouched_ones():
    model = tiny("llama")
    found = read_streams(model, IDS, changes=[(1, (Edit(0, "mlp_out", Zero()),))])
    close(found.stream[-1][:2], plain("llama")["stream"], 1e-5)
    first = found.stream[0][1] + read_streams(model, IDS, Wanted(parts=True)).attn[0][1]
    close(found.stream[1][2], first, 1e-5)
    assert model.hooks_left() == 0


class Stopping(Reporter):
    """Cancels at a layer."""

    def step(self, fraction, note=""):
        if note == "layer 2 of 3":
            raise Cancelled


def test_cancelled_at_a_layer_no_hook_is_left():
    model = tiny("gpt2")
    with pytest.raises(Cancelled):
        read_streams(model, IDS, report=Stopping())
    assert model.hooks_left() == 0


def test_texts_of_one_length_share_a_pass_and_fewer_where_memory_ends(monkeypatch):
    model = tiny("gpt2")
    texts, shapes = [(1, 5, 9)] * 5 + [(1, 5)], []
    real = read_streams

    def work(numbers, ids, report):
        shapes.append(tuple(ids.shape))
        if len(ids) > 2:
            raise MemoryError
        return float(real(model, ids).stream[-1].sum()) / len(numbers)

    found = {
        number: value
        for numbers, value in by_length(model, texts, work, Reporter())
        for number in numbers
    }
    assert shapes[0] == (5, 3)
    assert sorted(found) == list(range(6))
    assert max(len_ for len_, _width in shapes[1:]) == 2
