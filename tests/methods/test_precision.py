"""What is said of a model beside its numbers, and how many passes they took."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES, hook
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec, Parity
from desktop_app.engine import loading
from desktop_app.engine.loading import load, tolerance_of
from desktop_app.engine.model import Storage
from desktop_app.support.errors import ModelLoadError
from desktop_app.support.paths import resource
from tests.analyses.features.folders import drawn, save_sae
from tests.engine.zoo import save_tiny
from tests.models import tiny

ROW = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))


@pytest.mark.parametrize(
    ("dtype", "largest", "expected"),
    [
        (torch.float32, 3.0, 1e-4),
        (torch.float32, 10.0, 1e-4),
        (torch.float32, 40.0, 4e-4),
        (torch.float32, float("inf"), 1e-4),
        (torch.bfloat16, 40.0, 0.25),
        (torch.float16, 40.0, 0.05),
    ],
)
def test_what_counts_as_equal_grows_with_the_largest_logit(dtype, largest, expected):
    assert tolerance_of(dtype, largest) == pytest.approx(expected)


def test_the_tolerance_of_a_loaded_model_is_that_of_its_own_logits(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "_OF_LARGEST", 1.0)
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    ids = loading.sample_ids(model.tokenizer, model.bridge.original_model)
    with torch.no_grad():
        largest = float(model.bridge(ids).abs().max())
    assert model.parity.tolerance == pytest.approx(largest, rel=1e-4)


@pytest.mark.parametrize(
    ("measured", "said", "unsaid"),
    [
        ((3e-6, 1.5e-4, None), ["left-padded", "by 0.00015"], ["Hugging Face", "single"]),
        ((2e-3, 1e-6, 1e-6), ["plain Hugging Face by 0.002"], ["padded", "pad token"]),
        ((1e-6, 1e-6, 0.3), ["single pad token", "by 0.3"], ["Hugging Face", "left-padded"]),
        ((0.5, 0.25, None), ["Hugging Face by 0.5", "left-padded", "by 0.25"], ["single"]),
        ((1e-6, float("nan"), None), ["left-padded", "no number"], ["Hugging Face"]),
    ],
)
def test_the_warning_names_the_measurement_that_failed(measured, said, unsaid):
    model = replace(tiny("llama"), parity=Parity(*measured, tolerance=1e-4, ok=False))
    result = rank.run(model, RankParams(prompts=(ROW,)), SilentReporter())
    notice = next(n for n in result.warnings if n.code == "parity")
    for words in (*said, "tolerance 0.0001"):
        assert words in notice.message
    for words in unsaid:
        assert words not in notice.message


@pytest.mark.filterwarnings("ignore:.* does not support")
@pytest.mark.parametrize(
    ("architecture", "mode", "component", "warned"),
    [
        ("gpt2", "zero", "head", True),
        ("qwen2", "zero", "head", True),
        ("nemotron", "zero", "head", False),  # its norms keep theirs
        ("llama", "zero", "head", False),  # neither values nor norms have biases
        ("gpt2", "mean", "head", False),  # a mean holds the bias as the value does
        ("gpt2", "zero", "mlp", False),
    ],
)
def test_processed_weights_say_where_heads_lose_their_biases(
    architecture, mode, component, warned, tmp_path
):
    folder = save_tiny(architecture, tmp_path / architecture)
    spec = ModelSpec(str(folder), device="cpu", weights="processed")
    rows = (ROW, ROW.model_copy(update={"text": "zz cd f"}))
    params = AblateParams(prompts=rows, mode=mode, component=component)
    processed, raw = load(spec, SilentReporter()), load(ModelSpec(str(folder)), SilentReporter())
    found, usual = (ablate.run(model, params, SilentReporter()) for model in (processed, raw))
    codes = {n.code for n in found.warnings}
    assert ("weights_processed" in codes) is warned
    assert "weights_processed" not in {n.code for n in usual.warnings}
    # The warning is true: only there do the two differ.
    apart = np.abs(found.data["ablated"] - usual.data["ablated"]).max()
    assert bool(apart > 1e-3) is warned


@pytest.mark.parametrize(
    ("architecture", "kept"),
    [
        ("deepseek_v2", True),
        ("openai-gpt", True),
        ("qwen3", False),
        ("phi3", False),
        ("gpt2", False),
    ],
)
def test_processed_weights_that_keep_their_norms_are_told(architecture, kept, tmp_path):
    plain = save_tiny(architecture, tmp_path / "plain")
    model = AutoModelForCausalLM.from_pretrained(plain)
    with torch.no_grad():  # untrained norms are ones, so that there is nothing to fold
        for name, weight in model.named_parameters():
            if weight.dim() == 1 and name.endswith("weight"):
                weight.uniform_(0.5, 1.5)
    folder = shutil.copytree(plain, tmp_path / "drawn")
    model.save_pretrained(folder)
    for weights, expected in (("processed", kept), ("raw", False)):
        spec = ModelSpec(str(folder), device="cpu", weights=weights)
        codes = {notice.code for notice in load(spec, SilentReporter()).notices}
        assert ("norms_not_folded" in codes) is expected


@pytest.mark.parametrize(
    ("settings", "step"),
    [
        ({"weights": "processed", "offload": "disk"}, "choose --offload none or --weights raw"),
        ({"dtype": "bfloat16"}, "choose --dtype float32"),
    ],
)
def test_what_an_architecture_does_not_stand_is_said_with_the_step_that_helps(
    settings, step, tmp_path
):
    folder = save_tiny("olmo", tmp_path / "olmo")
    with pytest.raises(ModelLoadError, match=step):
        load(ModelSpec(str(folder), device="cpu", **settings), SilentReporter())


LABELLED = tuple(PromptRow(text=f"ab{c}d", label="ab"[n % 2]) for n, c in enumerate("efgh"))
SETTINGS = {
    "edges": {"best": 5, "steps": 2, "circuit": "10", "controls": 2},
    "tokens": {},
    "rank": {},
    "ablate": {"mode": "zero"},
    "circuit": {"keep": "0.1,1.0@-1", "mlps": True, "minus": True, "controls": 2, "generate": 2},
    "attention": {"scores": True},
    "patch": {"site": "head_z"},
    "hand_patch": {"moves": ("clean:resid_post:1.2>1.2",)},
    "detect": {"batch": 2, "seq_len": 6, "card": "auto"},
    "repeat": {"batch": 2, "seq_len": 5},
    "compose": {},
    "residual": {"heads": True},
    "lens": {"without": "0.1", "mode": "mean"},
    "attribute": {"by_source": True, "neurons": 3},
    "compare": {"rank_heads": True},
    "candidates": {"replace": "cd", "with": ("ef", "c"), "head": "1.0"},
    "probe": {"prompts": LABELLED, "shuffles": 2},
    "steer": {
        "from": ("ab",),
        "to": ("cd", "ef"),
        "layer": 1,
        "say": "g",
        "max_new_tokens": 3,
        "sweep_layers": "0:2",
        "sweep_coefs": (1.0,),
        "scan": True,
    },
    "features": {"feature": 3, "window": 12, "tokens": 40},
    "fit_lens": {"windows": 2, "max_seq_len": 24, "dim_batch": 8},
    "corpus": {"text": str(resource("help", "start.md")), "window": 24, "tokens": 150},
    "train_sae": {"tokens": 120, "window": 12, "features": 24, "steps": 3, "batch": 8},
}
# What reads a text and writes: the setting that says where, and the name.
WRITTEN = {"fit_lens": ("out_lens", "fitted.safetensors"), "train_sae": ("out_sae", "trained")}


class Watches(Reporter):
    """Somebody is there, so that estimates go first."""

    previews = True


@pytest.mark.usefixtures("own_memory")
@pytest.mark.parametrize("name", list(SETTINGS))
def test_every_pass_that_was_run_is_counted(name, tmp_path):
    assert set(SETTINGS) == set(ANALYSES)
    model, kind = tiny("llama"), ANALYSES[name].params
    own = SETTINGS[name]
    if name in WRITTEN:
        text = tmp_path / "text.txt"
        text.write_text("a text of some words, and more words than that\n" * 3, encoding="utf-8")
        field, file = WRITTEN[name]
        own = {**own, "text": str(text), field: str(tmp_path / file)}
    if name == "features":
        sae = save_sae(tmp_path / "sae", drawn(model.info.d_model, 8), "blocks.1.hook_resid_pre")
        own = {**own, "sae": sae, "prompts": (ROW,), "fresh": True}
    calls = []
    handle = model.bridge.original_model.register_forward_pre_hook(lambda *_: calls.append(1))
    params = kind(**own)
    if params.reads_prompts():
        params = kind.model_validate({"prompts": (ROW,), **own})
    for _again in (True, False):
        calls.clear()
        result = hook(name, "run", "run")(model, params, Watches())
        assert result.timing.forward_passes == len(calls)
    handle.remove()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("on", ["random", "prompts"])
def test_overflow_in_a_detector_is_said_with_its_layer(on, dtype, tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu", dtype=dtype), SilentReporter())
    with torch.no_grad():  # beyond 65,504 for the one, beyond all numbers for the other
        weight = model.bridge.original_model.model.layers[1].mlp.down_proj.weight
        weight.fill_(6e4 if dtype == "float16" else float("inf"))
    rows = {"prompts": (PromptRow(text="abab"),)} if on == "prompts" else {}
    params = DetectParams(batch=2, seq_len=6, on=on, **rows)
    result = detect.run(model, params, SilentReporter())
    assert np.isnan(result.data["induction"]).any()
    notice = next(n for n in result.warnings if n.code == "not_finite")
    assert "induction" in notice.message
    assert "first in layer 1" in notice.message


def test_prompts_without_repeats_are_no_overflow():
    params = DetectParams(on="prompts", prompts=(PromptRow(text="abc"),))
    result = detect.run(tiny("llama"), params, SilentReporter())
    assert np.isnan(result.data["induction"]).all()
    codes = {n.code for n in result.warnings}
    assert "no_repeats" in codes
    assert "not_finite" not in codes


def test_a_head_that_writes_no_number_has_no_successor_score(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[2].self_attn.o_proj.weight[:, 0] = float("nan")
    result = detect.run(
        model, DetectParams(batch=1, seq_len=6, families="digits"), SilentReporter()
    )
    assert np.isnan(result.data["successor"][2, 0])
    assert "successor" in next(n for n in result.warnings if n.code == "not_finite").message


def test_a_detector_keeps_no_patterns_beyond_the_bound():
    params = DetectParams(batch=1, seq_len=10, keep_patterns=True)
    kept = detect.run(tiny("llama"), params, SilentReporter())
    assert kept.data["pattern"].nbytes == 4 * 12 * 21**2
    model = replace(tiny("llama"), storage=Storage(20_000))
    result = detect.run(model, params, SilentReporter())
    assert "pattern" not in result.data
    notice = next(n for n in result.warnings if n.code == "patterns_left_out")
    assert "--seq-len" in notice.message
    np.testing.assert_array_equal(result.data["induction"], kept.data["induction"])
