"""Norms taken away step by step, against modules of our own."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.compare import second
from desktop_app.analyses.compare import steps as steps_module
from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.analyses.compare.steps import EPS, norm_steps
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.support.errors import BadInputError, ModelLoadError
from tests.engine import zoo
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

TEXTS = [[1, 5, 7, 9, 22], [1, 30, 8]]


class Centred(torch.nn.Module):
    """x·w + b with the mean taken away, or without, written down once more."""

    def __init__(self, norm, centres):
        super().__init__()
        self.norm, self.centres = norm, centres

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True) if self.centres else x
        bias = getattr(self.norm, "bias", None)
        return x * self.norm.weight + (0 if bias is None else bias)


def logits_of(model):
    with torch.no_grad():
        return torch.cat([model(torch.tensor([ids])).logits[0] for ids in TEXTS])


def norms_of(model):
    kinds = ("LayerNorm", "RMSNorm")
    return [n for n, m in model.named_modules() if type(m).__name__.endswith(kinds)]


def linear(model, centres):
    model = copy.deepcopy(model)
    for name in norms_of(model):
        parent, _, own = name.rpartition(".")
        norm = model.get_submodule(name)
        setattr(model.get_submodule(parent), own, Centred(norm, centres))
    return logits_of(model)


def plain(source):
    return AutoModelForCausalLM.from_pretrained(source, attn_implementation="eager").eval()


def steps(source, **settings):
    return norm_steps(ModelSpec(str(source), device="cpu", **settings), TEXTS, SilentReporter())


@pytest.mark.parametrize(("architecture", "centres"), [("gpt2", True), ("llama", False)])
def test_the_recipe_ends_at_an_independent_linear_model(architecture, centres):
    source = tiny(architecture).info.source
    found = steps(source)
    model = plain(source)
    own, bare = logits_of(model), linear(model, centres)
    first, *_between, last = found["steps"]
    assert not found["inert"]
    assert [step["moved"] > 0 for step in found["steps"]] == [True] * 3
    assert last["moved_from_own"] == pytest.approx(float((bare - own).abs().max()), abs=1e-5)
    assert last["from_plain"] < 1e-5
    assert first["destroyed"]
    for name in norms_of(model):
        norm = model.get_submodule(name)
        for attribute in ("eps", "variance_epsilon"):
            if hasattr(norm, attribute):
                setattr(norm, attribute, 1e12)
    dead = logits_of(model)
    assert first["moved"] == pytest.approx(float((dead - own).abs().max()), abs=1e-5)


def test_the_curve_falls_with_eps_and_without_the_weights_it_does_not():
    found = steps(tiny("gpt2").info.source)
    assert tuple(found["eps"]) == EPS
    scaled, alone = found["eps_error"], found["eps_unscaled"]
    assert scaled[0] > scaled[2]
    assert scaled[2:].max() < 1e-5
    assert alone.min() > 100 * scaled.max()


def test_the_plain_model_is_as_it_was_behind_every_step():
    source = tiny("gemma2").info.source
    once, twice = steps(source), steps(source)
    np.testing.assert_array_equal(once["eps_error"], twice["eps_error"])


def inert_copy(folder):
    """Save a GPT-2 as gpt2_noLN is: eps 1e12 in its settings, weights of norms times 1e6."""
    source = save_tiny("gpt2", folder)
    config = json.loads((source / "config.json").read_text("utf-8"))
    (source / "config.json").write_text(json.dumps({**config, "layer_norm_epsilon": 1e12}), "utf-8")
    weights = load_file(source / "model.safetensors")
    for name in weights:
        if ".ln_" in name and name.endswith("weight"):
            weights[name] = weights[name] * 1e6
    save_file(weights, source / "model.safetensors", {"format": "pt"})
    return source


def test_in_a_checkpoint_without_norms_each_step_is_missed_when_undone(tmp_path):
    found = steps(inert_copy(tmp_path / "noln"))
    assert found["inert"]
    assert "eps_error" not in found
    assert [step["step"].startswith("undone") for step in found["steps"]] == [True] * 3
    assert min(step["moved"] for step in found["steps"]) > 1e-3


def test_the_checkpoint_equals_the_ordinary_model_without_norms(tmp_path):
    """What the preset compares: the fine-tuned checkpoint, here made of the very same weights."""
    source = inert_copy(tmp_path / "noln")
    rows = (PromptRow(text="the cat sat"),)
    settings = {"with_model": str(source), "norm_steps": True, "prompts": rows}
    data = compare.run(tiny("gpt2"), CompareParams(**settings), SilentReporter()).data
    assert data["inert"]
    assert data["verdict"] == "apart"  # it was never fine-tuned
    without = compare.run(
        tiny("gpt2"), CompareParams(prompts=rows, with_layernorm="eps"), SilentReporter()
    ).data
    assert data["max_logit_difference"] == pytest.approx(without["max_logit_difference"], abs=1e-4)


@pytest.mark.parametrize("kind", ["eps", "identity", "constant"])
def test_a_variant_without_norms_is_compared_and_said_to_be_one(kind):
    rows = (PromptRow(text="the cat sat"),)
    result = compare.run(
        tiny("gpt2"), CompareParams(prompts=rows, with_layernorm=kind), SilentReporter()
    )
    assert result.data["same_files"]
    assert result.data["with_model"]["layernorm"] == kind
    assert result.data["verdict"] == "apart"
    assert result.data["first_apart"] == 1  # the first norm stands within layer 0
    assert "layernorm_removed" in {notice.code for notice in result.warnings}


def test_eps_and_identity_are_the_same_model():
    rows = (PromptRow(text="the cat sat"),)
    found = [
        compare.run(
            tiny("gpt2"), CompareParams(prompts=rows, with_layernorm=kind), SilentReporter()
        ).data
        for kind in ("eps", "identity")
    ]
    np.testing.assert_allclose(found[0]["kl"], found[1]["kl"], atol=1e-5)
    np.testing.assert_allclose(
        found[0]["resid_relative_error"], found[1]["resid_relative_error"], atol=1e-5
    )


def test_float16_is_refused():
    with pytest.raises(BadInputError, match="65,504"):
        steps(tiny("gpt2").info.source, dtype="float16")


def test_weights_on_the_disk_are_refused():
    with pytest.raises(BadInputError, match="--offload none"):
        steps(tiny("gpt2").info.source, offload="disk")


def test_a_step_that_changes_nothing_is_refused(monkeypatch):
    from desktop_app.engine import norms

    monkeypatch.setattr(norms, "silence", lambda *_given: None)
    with pytest.raises(BadInputError, match="changed nothing"):
        steps(tiny("gpt2").info.source)


# Of a second model that does not fit the first, nothing is taken away.


def with_steps(model, second_model, text="the cat sat"):
    rows = (PromptRow(text=text),)
    params = CompareParams(prompts=rows, with_model=str(second_model), norm_steps=True)
    return compare.run(model, params, SilentReporter())


@pytest.mark.parametrize("first", ["toy", "llama"])
def test_another_vocabulary_is_refused_before_the_steps(first, monkeypatch):
    model, other = (named("toy"), tiny("llama").info.source)
    if first == "llama":
        model, other = tiny("llama"), "toy"
    monkeypatch.setattr(steps_module, "load_plain", lambda *_given: pytest.fail("loaded"))
    with pytest.raises(BadInputError, match="vocabulary is another"):
        with_steps(model, other, "1 2 3 4")


@pytest.mark.parametrize(
    ("architecture", "setting"), [("gpt2", "n_positions"), ("llama", "max_position_embeddings")]
)
def test_a_prompt_beyond_the_second_models_context_is_refused(architecture, setting, tmp_path):
    model = tiny(architecture)
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(zoo.SETTINGS, architecture, {**zoo.SETTINGS[architecture], setting: 3})
        short = save_tiny(architecture, tmp_path / "short")
    with pytest.raises(BadInputError, match=r"Prompt 1 has .* reads at most 3: shorten it"):
        with_steps(model, short)


def test_a_model_that_is_not_here_is_fetched_before_the_steps(monkeypatch):
    model, asked = tiny("gpt2"), []

    def fetch(name, _report):
        asked.append(name)
        raise ModelLoadError("no network")

    monkeypatch.setattr(second.hub, "download", fetch)
    monkeypatch.setattr(steps_module, "load_plain", lambda *_given: pytest.fail("loaded"))
    online = replace(model, spec=replace(model.spec, offline=False))
    with pytest.raises(ModelLoadError, match="no network"):
        with_steps(online, "nobody/has-this")
    assert asked == ["nobody/has-this"]


def test_a_copy_that_does_not_fit_names_the_option_of_the_second_model(monkeypatch):
    monkeypatch.setattr(second, "free_bytes", lambda _device: 1_000)
    with pytest.raises(ModelLoadError, match="choose --with-dtype bfloat16"):
        with_steps(tiny("gpt2"), "")


def test_what_the_steps_say_names_the_option_of_the_second_model(monkeypatch):
    def fail(*_given):
        raise ModelLoadError("choose --dtype float32.")

    monkeypatch.setattr(steps_module, "load_plain", fail)
    with pytest.raises(ModelLoadError, match="choose --with-dtype float32"):
        with_steps(tiny("gpt2"), "")
