"""Attribution against plain Hugging Face, TransformerLens' own, and a model set by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformer_lens.tools.analysis import direct_logit_attribution
from transformers import AutoModelForCausalLM

from desktop_app.analyses.attribute import parts
from desktop_app.analyses.attribute import run as attribute
from desktop_app.analyses.attribute.spec import AttributeParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods import streams
from desktop_app.support.errors import BadInputError, Cancelled, FixableError
from tests.engine.tind import tind
from tests.methods.test_streams import MODULES
from tests.models import named, tiny

ROWS = (
    PromptRow(text="the cat sat", answer="x", wrong="q"),
    PromptRow(text="abc", answer="1|2", wrong="3"),
    PromptRow(text="the dog ran", answer="y|z", wrong="a|b"),
)
PACK = (
    PromptRow(text="1 2 3 4 ", answer="5", wrong="4"),
    PromptRow(text="3 4 5 6 ", answer="7", wrong="6"),
)


def run(model, rows=ROWS, report=None, **settings):
    return attribute.run(
        model, AttributeParams(prompts=rows, **settings), report or SilentReporter()
    )


@cache
def hugging(model_source):
    return AutoModelForCausalLM.from_pretrained(model_source, attn_implementation="eager").eval()


@cache
def plain_logits(source, ids):
    with torch.no_grad():
        return hugging(source)(torch.tensor([ids])).logits[0].double()


def codes(result):
    return [notice.code for notice in result.warnings]


def assert_sums(result, within=1e-3):
    """Hold a result to its own sums: to the number, step by step, and by source."""
    data = result.data
    total = data["embed"] + data["bias"] + data["mlp"].sum(0) + data["attn_bias"].sum(0)
    total = total + data["head"].sum((0, 1))
    np.testing.assert_allclose(total, data["base"], atol=within)
    np.testing.assert_allclose(total - data["base"], data["sum_error"], atol=1e-9)
    layers = result.model.n_layers
    assert data["cumulative"].shape == (2 * layers + 1, len(result.prompts))
    np.testing.assert_allclose(data["cumulative"][0], data["embed"])
    for layer in range(layers):
        attn = data["head"][layer].sum(0) + data["attn_bias"][layer]
        steps = np.diff(data["cumulative"][2 * layer : 2 * layer + 3], axis=0)
        np.testing.assert_allclose(steps, [attn, data["mlp"][layer]], atol=1e-9)
    np.testing.assert_allclose(data["cumulative"][-1] + data["bias"], total, atol=1e-9)


@pytest.mark.parametrize("architecture", MODULES)
def test_parts_sum_to_the_models_own_logit_difference(architecture):
    model = tiny(architecture)
    result = run(model, by_source=True)
    assert_sums(result, 1e-5)
    for n, record in enumerate(result.prompts):
        logits = plain_logits(model.info.source, record.tokens.ids)[-1]
        right = logits[[a.token_id for a in record.answers]].mean()
        wrong = logits[[w.token_id for w in record.wrongs]].mean()
        assert result.data["base"][n] == pytest.approx(float(right - wrong), abs=1e-4)
        source = result.data["source"][n]
        assert source.shape == (model.info.n_layers, model.info.n_heads, len(record.tokens))
        np.testing.assert_allclose(source.sum(-1), result.data["head"][..., n], atol=1e-5)
    assert "sum_differs" not in codes(result)
    assert model.hooks_left() == 0


# Where Hugging Face keeps the output projections of attention and MLP.
PROJECTIONS = {
    "gpt2": ("attn.c_proj", "mlp.c_proj"),
    "llama": ("self_attn.o_proj", "mlp.down_proj"),
    "gemma2": ("self_attn.o_proj", "mlp.down_proj"),
    "olmo2": ("self_attn.o_proj", "mlp.down_proj"),
    "granite": ("self_attn.o_proj", "mlp.down_proj"),
    "phi": ("self_attn.dense", "mlp.fc2"),
    "opt": ("self_attn.out_proj", "fc2"),
    "gptj": ("attn.out_proj", "mlp.fc_out"),
    "bloom": ("self_attention.dense", "mlp.dense_4h_to_h"),
}


@pytest.mark.parametrize("architecture", PROJECTIONS)
def test_heads_and_neurons_are_what_the_modules_make_of_each_alone(architecture):
    """Each alone is put through Hugging Face's own modules, the norms behind held as they were."""
    model = tiny(architecture)
    result = run(model, ROWS[:1], neurons=1000)
    outside = hugging(model.info.source)
    blocks, _final, attn, mlp = MODULES[architecture]
    layer, at = 1, result.prompts[0].read_position
    block = outside.get_submodule(blocks)[layer]
    places = zip(PROJECTIONS[architecture], (attn, mlp), strict=True)
    for which, (project, adds) in enumerate(places):
        seen = {}
        handles = [
            block.get_submodule(project).register_forward_pre_hook(
                lambda _m, given, seen=seen: seen.update(read=given[0].detach().clone())
            ),
            block.get_submodule(project).register_forward_hook(
                lambda _m, _g, out, seen=seen: seen.update(gave=out.detach().clone())
            ),
            block.get_submodule(adds).register_forward_hook(
                lambda _m, _g, out, seen=seen: seen.update(
                    adds=(out[0] if isinstance(out, tuple) else out).detach().clone()
                )
            ),
        ]
        with torch.no_grad():
            outside(torch.tensor([result.prompts[0].tokens.ids]))
        for handle in handles:
            handle.remove()
        width = seen["read"].shape[-1]
        read = seen["read"].view(-1, width)[at].double()
        gave = seen["gave"].view(-1, 32)[at].double()
        added = seen["adds"].view(-1, 32)[at].double()
        count = model.info.n_heads if which == 0 else width
        shares = []
        for part in range(count):
            own = torch.zeros_like(read).view(count, -1)
            own[part] = read.view(count, -1)[part]
            with torch.no_grad():
                linear = block.get_submodule(project)
                zero = linear(torch.zeros(1, width))[0]
                shares.append((linear(own.flatten()[None].float())[0] - zero).double())
        written = torch.stack(shares)
        if architecture in {"gemma2", "olmo2"}:  # a norm behind: gain and scale, no mean, no bias
            written = written * (added / gave)
        elif architecture == "granite":
            written = 0.3 * written
        record = result.prompts[0]
        expected = by_final_norm(architecture, model.info.source, record, written)
        if which == 0:
            np.testing.assert_allclose(result.data["head"][layer, :, 0], expected, atol=1e-5)
        else:
            mine = result.data["neuron_layer"][:, 0] == layer
            found = np.zeros(width)
            found[result.data["neuron"][mine, 0]] = result.data["neuron_value"][mine, 0]
            np.testing.assert_allclose(found, expected, atol=1e-5)


def by_final_norm(architecture, source, record, written):
    """Return what `[parts, d]` add to the target, by what Hugging Face's own final norm did.

    What it gave over what it read is its gain and its scale at once, element by element.
    """
    outside = hugging(source)
    norm, seen = outside.get_submodule(MODULES[architecture][1]), {}
    handle = norm.register_forward_hook(
        lambda _m, given, out: seen.update(x=given[0].detach(), y=out.detach())
    )
    with torch.no_grad():
        logits = outside(torch.tensor([record.tokens.ids])).logits[0, -1].double()
    handle.remove()
    x, y = seen["x"][0, -1].double(), seen["y"][0, -1].double()
    bias = getattr(norm, "bias", None)
    bias = 0.0 if bias is None else bias.detach().double()
    if "LayerNorm" in type(norm).__name__:
        x, written = x - x.mean(), written - written.mean(-1, keepdim=True)
    head = outside.get_output_embeddings()
    own = torch.zeros(len(logits)) if head.bias is None else head.bias.detach()
    total = 0.0
    for group, sign in ((record.answers, 1), (record.wrongs, -1)):
        for token in (answer.token_id for answer in group):
            u = head.weight[token].detach().double()
            factor = float(logits[token]) / (float(y @ u) + float(own[token]))
            total = total + sign * factor * (written * (y - bias) / x) @ u / len(group)
    return total.numpy()


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gpt_neox", "qwen2"])
def test_equals_transformer_lens_own_function(architecture):
    model = load(
        ModelSpec(tiny(architecture).info.source, device="cpu", weights="processed"),
        SilentReporter(),
    )
    result = run(model)
    assert_sums(result, 1e-5)
    for n in (0,):  # its own takes one token on each side
        record = result.prompts[n]
        ids = torch.tensor([record.tokens.ids])
        right, wrong = ([a.token_id for a in of] for of in (record.answers, record.wrongs))
        values = {}
        for unit in ("component", "head"):
            with torch.no_grad():
                found = direct_logit_attribution(
                    model.bridge, ids, torch.tensor(right), torch.tensor(wrong), unit=unit
                )
            values |= dict(zip(found.labels, found.attribution[:, 0].tolist(), strict=True))
        data = {name: result.data[name][..., n] for name in ("embed", "head", "attn_bias", "mlp")}
        embed = values["embed"] + values.get("pos_embed", 0.0)
        assert data["embed"] == pytest.approx(embed, abs=1e-4)
        for layer in range(model.info.n_layers):
            attn = data["head"][layer].sum() + data["attn_bias"][layer]
            assert attn == pytest.approx(values[f"{layer}_attn_out"], abs=1e-4)
            assert data["mlp"][layer] == pytest.approx(values[f"{layer}_mlp_out"], abs=1e-4)
            for head in range(model.info.n_heads):
                own = values[f"L{layer}H{head}"]
                assert data["head"][layer, head] == pytest.approx(own, abs=1e-4)


def test_processed_weights_split_the_same_difference():
    raw = tiny("llama")
    processed = load(
        ModelSpec(raw.info.source, device="cpu", weights="processed"), SilentReporter()
    )
    for name in ("base", "head", "mlp", "embed"):  # centring takes no share from RMSNorm's model
        np.testing.assert_allclose(
            run(raw).data[name], run(processed).data[name], atol=1e-4, err_msg=name
        )
    assert run(processed).provenance["weights"] == "processed"


@pytest.mark.parametrize("layernorm", ["eps", "identity", "constant"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "olmo2"])
def test_a_variant_without_norms_is_a_model_like_any_other(architecture, layernorm):
    source = tiny(architecture).info.source
    model = load(ModelSpec(source, device="cpu", layernorm=layernorm), SilentReporter())
    result = run(model, ROWS[::2], by_source=True, neurons=10)
    assert_sums(result, 1e-5)
    ids = torch.tensor([result.prompts[0].tokens.ids])
    logits = model.run(ids)[0, -1]
    right, wrong = result.prompts[0].answers[0].token_id, result.prompts[0].wrongs[0].token_id
    own = float(logits[right] - logits[wrong])
    assert result.data["base"][0] == pytest.approx(own, abs=1e-4)
    np.testing.assert_allclose(result.data["source"].sum(2), result.data["head"], atol=1e-5)


def test_of_the_model_set_by_hand_one_head_alone_contributes():
    model = tind()
    row = PromptRow(text="A B C D E A B C", answer=" D", wrong=" E")
    result = run(model, (row,), by_source=True, neurons=5)
    assert_sums(result)
    head = result.data["head"][..., 0]
    assert head[1, 0] == pytest.approx(float(result.data["base"][0]), abs=1e-3)
    assert head[1, 0] > 5
    head = head.copy()
    head[1, 0] = 0
    np.testing.assert_allclose(head, 0, atol=1e-5)
    for name in ("embed", "mlp", "attn_bias", "bias"):
        np.testing.assert_allclose(result.data[name], 0, atol=1e-5, err_msg=name)
    # It takes the token behind the earlier C: position 3 of the ids that went in.
    source = result.data["source"][1, 0, :, 0]
    texts = result.prompts[0].tokens.texts
    assert texts[int(np.abs(source).argmax())].strip() == "D"
    assert float(source.max()) == pytest.approx(float(result.data["base"][0]), abs=1e-2)


def test_one_position_alone_is_read():
    model = tiny("gpt2")
    long = run(model, (PromptRow(text="the cat sat", answer="x", wrong="q"),), position=4)
    short = run(model, (PromptRow(text="the ", answer="x", wrong="q"),))
    assert long.data["read_position"].tolist() == [4]
    for name in ("base", "embed", "head", "attn_bias", "mlp", "bias", "cumulative"):
        np.testing.assert_allclose(long.data[name], short.data[name], atol=1e-5, err_msg=name)
    first = run(model, ROWS[:1], position=0)
    assert_sums(first)
    with pytest.raises(BadInputError, match="--position 99"):
        run(model, ROWS[:1], position=99)


@pytest.mark.parametrize("architecture", ["gpt2", "gemma2"])
def test_an_earlier_layer_is_split_over_what_wrote_it(architecture):
    model = tiny(architecture)
    whole = run(model, layer=model.info.n_layers, by_source=True)
    np.testing.assert_array_equal(whole.data["head"], run(model).data["head"])
    result = run(model, layer=1, by_source=True, neurons=1000)
    assert_sums(result)
    assert not result.data["head"][1:].any()
    assert not result.data["mlp"][1:].any()
    assert result.data["head"][0].all()
    assert set(result.data["neuron_layer"].flatten()) == {0}
    none = run(model, layer=0, neurons=4)
    assert_sums(none)
    assert not none.data["head"].any()
    assert none.data["neuron_value"].shape == (0, 3)
    np.testing.assert_allclose(run(model, layer=-1).data["base"], whole.data["base"], atol=1e-9)
    with pytest.raises(BadInputError, match="--layer 9 does not exist"):
        run(model, layer=9)


def test_a_named_token_continues_each_prompt():
    model = tiny("gpt2")
    result = run(model, (*ROWS[:2], PromptRow(text="zz")), token="w")
    assert_sums(result, 1e-5)
    for n, record in enumerate(result.prompts):
        logits = plain_logits(model.info.source, record.tokens.ids)[-1]
        token = int(result.data["token_id"][n])
        assert model.tokenizer.describe(token)[1] == "w"
        assert result.data["base"][n] == pytest.approx(float(logits[token]), abs=1e-4)
    assert not {"task_not_done", "answer_not_near"} & set(codes(result))


def test_a_token_that_is_several_is_said_and_the_first_counts():
    model = tiny("gpt2")
    result = run(model, ROWS[:1], token="wz")
    assert model.tokenizer.describe(int(result.data["token_id"][0]))[1] == "w"
    assert "answer_multi_token" in codes(result)


def test_a_token_is_split_whatever_the_answers_are():
    row = PromptRow(text="abc", answer="12", wrong="13")
    with pytest.raises(FixableError):
        run(tiny("gpt2"), (row,))
    result = run(tiny("gpt2"), (row,), token="w")
    assert "answer_shared_prefix" not in codes(result)


def test_an_answer_alone_is_its_logit_and_mixtures_are_said():
    model = tiny("llama")
    rows = (PromptRow(text="abc", answer="1"), ROWS[0])
    result = run(model, rows)
    logits = plain_logits(model.info.source, result.prompts[0].tokens.ids)[-1]
    own = float(logits[result.prompts[0].answers[0].token_id])
    assert result.data["base"][0] == pytest.approx(own, abs=1e-4)
    assert "targets_mixed" in codes(result)
    assert "targets_mixed" not in codes(run(model, rows[:1]))


def test_neither_answer_nor_token_is_refused_by_name():
    with pytest.raises(BadInputError, match=r"Prompt 2 has no answer .*--token"):
        run(tiny("gpt2"), (ROWS[0], PromptRow(text="abc")))


def test_what_the_model_would_not_say_is_told():
    assert "task_not_done" in codes(run(tiny("gpt2")))


def test_sources_of_heads_that_norm_their_values_are_refused_by_layer():
    with pytest.raises(BadInputError, match=r"layer 0.*--by-source"):
        run(tiny("gemma4_text:wide"), by_source=True)
    assert_sums(run(tiny("gemma4_text:wide")), 1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sources_that_do_not_sum_to_their_heads_are_refused_by_layer(monkeypatch, dtype):
    """Where what was tried at load has not told of the norm, the sum does."""
    source = tiny("gemma4_text:wide").info.source
    model = load(ModelSpec(source, device="cpu", dtype=dtype), SilentReporter())
    monkeypatch.setattr(attribute, "require_sources", lambda *_given: None)
    with pytest.raises(BadInputError, match=r"layer 0.*--by-source"):
        run(model, by_source=True)


@pytest.mark.parametrize("architecture", ["openai-gpt", "gemma4_text"])
def test_streams_that_are_no_sum_are_refused_by_layer(architecture):
    with pytest.raises(BadInputError, match="layer 0 does more to it"):
        run(tiny(architecture))


def test_heads_that_do_not_make_the_attention_are_refused_by_layer(monkeypatch):
    model = tiny("llama")
    real = parts.projection

    def spoilt(model, module, width):
        found = real(model, module, width)
        return parts.Projection(found.matrix.flip(0), found.bias)

    monkeypatch.setattr(parts, "projection", spoilt)
    with pytest.raises(BadInputError, match="attention of layer 0"):
        run(model)


def test_prompts_of_one_length_share_a_pass_and_nothing_changes():
    model = tiny("qwen3")
    before = model.forward_passes
    together = run(model, by_source=True, neurons=3)
    assert together.timing.forward_passes == model.forward_passes - before
    assert together.timing.forward_passes == 4  # two lengths, and one more pass each for sources
    for n, row in enumerate(ROWS):
        alone = run(model, (row,), by_source=True, neurons=3).data
        for name in ("base", "head", "mlp", "neuron_value", "cumulative"):
            np.testing.assert_allclose(
                alone[name][..., 0], together.data[name][..., n], atol=1e-5, err_msg=name
            )
        np.testing.assert_allclose(alone["source"][..., 0], together.data["source"][n], atol=1e-5)


def test_means_run_over_prompts():
    data = run(tiny("gpt2"), ROWS[::2], by_source=True).data
    np.testing.assert_allclose(data["head_mean"], data["head"].mean(-1))
    np.testing.assert_allclose(data["head_sem"], data["head"].std(-1, ddof=1) / 2**0.5)
    np.testing.assert_allclose(data["source_mean"].sum(-1), data["head_mean"], atol=1e-5)
    assert data["cumulative_mean"].shape == (7,)


class Stopping(Reporter):
    """Cancels at a layer of the second group, and keeps what there is or not."""

    def __init__(self, keeps, at):
        self.keeps_partial, self._at, self.fractions = keeps, at, []

    def step(self, fraction, note=""):
        self.fractions.append(fraction)
        if len(self.fractions) == self._at:
            raise Cancelled


@pytest.mark.parametrize("by_source", [False, True])
def test_cancelled_what_is_whole_stays(by_source):
    model = tiny("gpt2")
    report = Stopping(keeps=True, at=8 if by_source else 5)
    result = run(model, (ROWS[0], ROWS[1]), report, by_source=by_source)
    assert len(result.prompts) == 1
    assert result.data["head"].shape[-1] == 1
    assert "prompt 2 of 2" in result.partial
    assert all(notice.prompt in {None, 0} for notice in result.warnings)
    for stopping in (Stopping(keeps=False, at=5), Stopping(keeps=True, at=2)):
        with pytest.raises(Cancelled):
            run(model, (ROWS[0], ROWS[1]), stopping)
    assert model.hooks_left() == 0


class Watching(Reporter):
    """Keeps what is handed over while the work goes on."""

    def __init__(self):
        self.told = []

    def partial(self, data):
        self.told.append(data)


def test_prompts_are_handed_over_as_they_are_done():
    report = Watching()
    rows = (ROWS[0], ROWS[1], PromptRow(text="ab", answer="1", wrong="2"))
    result = run(tiny("gpt2"), rows, report, by_source=True, neurons=3)
    # What all of them give is the result.
    assert [len(told["base"]) for told in report.told] == [1, 2]
    for told in report.told:
        count = len(told["base"])
        assert set(told) == {name for name in result.data if not name.startswith("source")}
        for name in ("embed", "head", "cumulative", "sum_error", "neuron_value", "read_position"):
            np.testing.assert_array_equal(told[name], result.data[name][..., :count], err_msg=name)
        np.testing.assert_allclose(told["head_mean"], told["head"].mean(-1))
    alone = Watching()
    run(tiny("gpt2"), rows[:1], alone)
    assert alone.told == []


def test_of_many_prompts_not_each_is_handed_over():
    report = Watching()
    rows = tuple(PromptRow(text="a" * n, answer="1", wrong="2") for n in range(1, 41))
    run(tiny("gpt2"), rows, report)
    counts = [len(told["base"]) for told in report.told]
    assert counts[:20] == list(range(1, 21))
    assert counts == sorted(set(counts))
    assert len(counts) < 35


def test_progress_grows_to_the_end():
    report = Stopping(keeps=False, at=-1)
    run(tiny("gpt2"), report=report, by_source=True, neurons=2)
    assert report.fractions == sorted(report.fractions)
    assert report.fractions[-1] == 1


def test_out_of_memory_halves(monkeypatch):
    model = tiny("gpt2")
    real, sizes = streams.read_streams, []

    def narrow(model, ids, *rest, **named):
        sizes.append(len(ids))
        if len(ids) > 1:
            raise MemoryError
        return real(model, ids, *rest, **named)

    expected = run(model, ROWS[::2]).data
    monkeypatch.setattr(parts, "read_streams", narrow)
    found = run(model, ROWS[::2]).data
    assert sizes == [2, 1, 1]
    np.testing.assert_allclose(found["head"], expected["head"], atol=1e-5)


def test_nothing_as_wide_as_heads_times_positions_times_the_stream_is_made(monkeypatch):
    """Of each layer a number for each head and position is made, and one for each neuron."""
    model, largest, length = tiny("llama"), [], 18

    class Watched(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor) and length in out.shape:
                largest.append(out.numel())
            return out

    row = PromptRow(text="a" * (length - 1), answer="x", wrong="q")
    with Watched():
        run(model, (row,), by_source=True, neurons=10)
    info = model.info
    assert max(largest) < info.n_heads * length * info.d_model


def test_by_source_beyond_what_may_be_stored_is_refused():
    model = tiny("gpt2")
    model.keep(100, must_fit=False)
    try:
        with pytest.raises(BadInputError, match="--by-source of these prompts takes"):
            run(model, by_source=True)
    finally:
        model.keep(None, must_fit=False)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "phi", "opt"])
def test_half_precision_says_how_far_the_sum_is_off(architecture, dtype):
    exact = tiny(architecture)
    model = load(ModelSpec(exact.info.source, device="cpu", dtype=dtype), SilentReporter())
    result = run(model, by_source=True, neurons=1000)
    np.testing.assert_allclose(result.data["head"], run(exact).data["head"], atol=0.05)
    np.testing.assert_allclose(result.data["sum_error"], 0, atol=0.05)
    worst = float(np.abs(result.data["sum_error"]).max())
    told = [n.message for n in result.warnings if n.code == "sum_differs"]
    assert bool(told) == (worst > 1e-3)
    assert all(f"{worst:.2g}" in message and dtype in message for message in told)


def test_a_sum_that_is_off_is_never_silent(monkeypatch):
    real = attribute.split

    def shifted(*given):
        found = real(*given)
        found.mlp[1, 0] += 0.01
        return found

    monkeypatch.setattr(attribute, "split", shifted)
    result = run(tiny("gpt2"), ROWS[:1])
    message = next(n.message for n in result.warnings if n.code == "sum_differs")
    assert "within 0.01 (prompt 1)" in message


def test_numbers_that_are_none_are_said(monkeypatch):
    model = load(ModelSpec(tiny("gpt2").info.source, device="cpu"), SilentReporter())
    with torch.no_grad():
        model.bridge.blocks[1].mlp.out.original_component.bias[0] = float("nan")
    result = run(model, ROWS[:1], token="w")
    assert "not_finite" in codes(result)
    assert any("layer 1" in n.message for n in result.warnings if n.code == "not_finite")


@pytest.mark.pack
def test_the_worked_example_of_the_pack(smollm2_folder):
    model = named("smollm2")
    result = run(model, PACK, by_source=True, neurons=10)
    assert_sums(result)
    for n, record in enumerate(result.prompts):
        logits = plain_logits(model.info.source, record.tokens.ids)[-1]
        right, wrong = record.answers[0].token_id, record.wrongs[0].token_id
        difference = float(logits[right] - logits[wrong])
        assert result.data["base"][n] == pytest.approx(difference, abs=1e-3)
        np.testing.assert_allclose(
            result.data["source"][..., n].sum(-1), result.data["head"][..., n], atol=1e-4
        )
    assert result.data["base"][0] == pytest.approx(5.889, abs=1e-3)
    # The successor head writes most, by far.
    largest = np.abs(result.data["head_mean"])
    assert divmod(int(largest.argmax()), 9) == (23, 3)
    assert "sum_differs" not in codes(result)


@pytest.mark.pack
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_sources_in_half_precision_are_no_reason_to_refuse(smollm2_folder, dtype):
    """A head may write next to nothing of large numbers, each of which is rounded."""
    model = load(ModelSpec(str(smollm2_folder), device="cpu", dtype=dtype), SilentReporter())
    rows = (PromptRow(text="the cat sat", answer="5", wrong="4"), PACK[0])
    result = run(model, rows, by_source=True)
    for n, source in enumerate(result.data["source"]):
        np.testing.assert_allclose(source.sum(-1), result.data["head"][..., n], atol=0.05)
