"""Neurons of MLPs, gated or not, and of experts, against Hugging Face's own modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.analyses.attribute import neurons, parts
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.support.errors import BadInputError
from tests.analyses.attribute.test_run import ROWS, assert_sums, by_final_norm, hugging, run
from tests.models import tiny

# What the projections of MLPs add by themselves.
BIASES = {
    "gpt2": "transformer.h.{}.mlp.c_proj.bias",
    "opt": "model.decoder.layers.{}.fc2.bias",
    "bloom": "transformer.h.{}.mlp.dense_4h_to_h.bias",
}


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt", "gemma2", "phi3", "bloom"])
def test_neurons_of_a_layer_and_its_bias_are_the_mlp(architecture):
    model = tiny(architecture)
    result = run(model, neurons=1000)
    data = result.data
    sizes = np.abs(data["neuron_value"])
    assert (np.diff(sizes, axis=0) <= 0).all()
    for n in range(len(ROWS)):
        for layer in range(model.info.n_layers):
            mine = data["neuron_layer"][:, n] == layer
            numbers = data["neuron"][mine, n]
            assert sorted(numbers) == list(range(len(numbers)))
            rest = data["mlp"][layer, n] - data["neuron_value"][mine, n].sum()
            key = BIASES.get(architecture, "").format(layer)
            bias, expected = hugging(model.info.source).state_dict().get(key), 0.0
            if bias is not None:
                found = by_final_norm(
                    architecture, model.info.source, result.prompts[n], bias.double()[None]
                )
                expected = float(found[0])
            assert rest == pytest.approx(expected, abs=1e-5)
    few = run(model, neurons=5).data
    for name in ("neuron_layer", "neuron", "neuron_value"):
        np.testing.assert_allclose(few[name], data[name][:5], atol=1e-9)


@pytest.mark.parametrize(
    "architecture", ["mixtral", "deepseek_v3", "gpt_oss", "qwen2_moe", "glm4_moe"]
)
def test_neurons_of_experts_are_what_the_mlp_loses_without_them(architecture):
    """Each of the listed is taken out of its expert's weights, and the block's MLP run again."""
    model = tiny(architecture)
    result = run(model, ROWS[:1], neurons=20)
    data, record = result.data, result.prompts[0]
    outside = AutoModelForCausalLM.from_pretrained(
        model.info.source, attn_implementation="eager"
    ).eval()
    found, beside = 0, 0
    for layer, number, value in zip(
        *(data[name][:, 0] for name in ("neuron_layer", "neuron", "neuron_value")), strict=True
    ):
        mlp, seen = outside.model.layers[layer].mlp, {}
        handle = mlp.register_forward_pre_hook(lambda _m, given, seen=seen: seen.update(x=given[0]))
        with torch.no_grad():
            outside(torch.tensor([record.tokens.ids]))
            handle.remove()
            before = output(mlp, seen["x"])
            row = of_neuron(mlp, int(number))
            kept = row.clone()
            row.zero_()
            written = (before - output(mlp, seen["x"])).double()
            row.copy_(kept)
        beside += hasattr(mlp, "experts") and number >= len(mlp.experts.down_proj) * 24
        expected = by_final_norm(architecture, model.info.source, record, written[None])
        assert value == pytest.approx(float(expected[0]), abs=1e-5)
        found += 1
    assert found == 20
    assert beside or architecture in {"mixtral", "gpt_oss"}


def output(mlp, x):
    """Return what an MLP gives at the last position."""
    out = mlp(x)
    return (out[0] if isinstance(out, tuple) else out).view(*x.shape)[0, -1]


def of_neuron(mlp, number):
    """Return the weights with which a neuron writes, as a view."""
    if not hasattr(mlp, "experts"):
        return mlp.down_proj.weight[:, number]
    down = mlp.experts.down_proj
    turned = mlp.experts.is_transposed
    expert, own = divmod(number, down.shape[1 if turned else 2])
    if expert < len(down):
        return down[expert, own] if turned else down[expert, :, own]
    shared = getattr(mlp, "shared_experts", None) or mlp.shared_expert
    return shared.down_proj.weight[:, number - len(down) * down.shape[2]]


@pytest.mark.parametrize("architecture", ["mixtral", "deepseek_v3", "qwen2_moe", "glm4_moe"])
def test_neurons_of_a_layers_experts_are_the_mlp(architecture):
    data = run(tiny(architecture), neurons=1000).data
    for layer, n in np.ndindex(data["mlp"].shape):
        mine = data["neuron_layer"][:, n] == layer
        assert data["neuron_value"][mine, n].sum() == pytest.approx(data["mlp"][layer, n], abs=1e-5)


def test_neurons_that_cannot_be_told_are_refused_by_layer(monkeypatch):
    model = load(ModelSpec(tiny("mixtral").info.source, device="cpu"), SilentReporter())
    experts = model.bridge.blocks[1].mlp.original_component.experts
    with monkeypatch.context() as patch:
        patch.setattr(experts, "has_gate", False)
        with pytest.raises(BadInputError, match=r"MLP of layer 1 .*--neurons"):
            run(model, neurons=3)
    assert_sums(run(model), 1e-5)
    # Experts beside which one stands that cannot be read: refused before anything is run.
    model = load(ModelSpec(tiny("glm4_moe").info.source, device="cpu"), SilentReporter())
    beside = model.bridge.blocks[2].mlp.original_component.shared_experts
    before = model.forward_passes
    with monkeypatch.context() as patch:
        patch.setattr(beside.down_proj, "out_features", 31)
        with pytest.raises(BadInputError, match=r"MLP of layer 2 .*--neurons"):
            run(model, neurons=3)
    assert model.forward_passes == before
    real = neurons.projection

    def spoilt(model, module, width):
        found = real(model, module, width)
        return parts.Projection(found.matrix.flip(0), found.bias)

    monkeypatch.setattr(neurons, "projection", spoilt)
    with pytest.raises(BadInputError, match=r"MLP of layer 0 .*--neurons"):
        run(tiny("llama"), neurons=3)
