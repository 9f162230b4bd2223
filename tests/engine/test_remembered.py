"""What was tried of the hooks: once per model, remembered by configuration, settings, versions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM
from typing_extensions import override

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import remembered, shortcuts
from desktop_app.engine.loading import load
from desktop_app.engine.remembered import FILE, recall
from desktop_app.engine.shortcuts import abilities, acts
from desktop_app.support.errors import Cancelled
from desktop_app.support.paths import data_dir
from tests.engine.zoo import save_tiny
from tests.models import tiny

ROW = PromptRow(text="ab cd f", corrupt="xb cd g", answer=("g",), wrong=("h",))


pytestmark = pytest.mark.usefixtures("own_memory", "loaded_before")


@pytest.fixture
def loaded_before(own_memory):
    """Load the shared models first: what is tried then is forgotten again."""
    for architecture in ("llama", "opt", "gptj", "gpt2", "bloom"):
        tiny(architecture)
    own_memory()


def fresh(folder, architecture="llama", spoil=None, report=None, **settings):
    """Load a model of its own, with weights that are spoilt first."""
    save_tiny(architecture, folder)
    if spoil is not None:
        own = AutoModelForCausalLM.from_pretrained(folder)
        with torch.no_grad():
            spoil(own)
        own.save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu", **settings), report or SilentReporter())


def passes(model, work):
    before = model.forward_passes
    work(model)
    return model.forward_passes - before


def sweeps(model):
    ablate.run(model, AblateParams(prompts=(ROW,), mode="zero"), SilentReporter())


def test_the_first_analysis_tries_and_the_second_need_not():
    model = tiny("llama")
    first, second = passes(model, sweeps), passes(model, sweeps)
    assert first > second == 2  # the stream that enters, and all heads at once


def patches(model):
    patch.run(model, PatchParams(prompts=(ROW,)), SilentReporter())


def ranks(model):
    rank.run(model, RankParams(prompts=(ROW,)), SilentReporter())


@pytest.mark.parametrize("architecture", ["llama", "opt", "bloom", "mixtral"])
@pytest.mark.parametrize("work", [sweeps, patches, ranks])
def test_the_first_run_after_loading_costs_what_the_next_does(architecture, work, tmp_path):
    model = fresh(tmp_path / "model", architecture)
    assert passes(model, work) == passes(model, work)


class Notes(Reporter):
    """Keeps what is said of progress."""

    def __init__(self):
        self.said = []

    @override
    def step(self, fraction, note=""):
        self.said.append((fraction, note))


def test_what_is_tried_while_loading_is_said_and_tried_once(tmp_path):
    notes = Notes()
    assert fresh(tmp_path / "a", report=notes).forward_passes > 5
    told = [fraction for fraction, note in notes.said if note.startswith("Trying out its hooks")]
    assert len(told) == 8
    assert told == sorted(told)
    assert 0.9 < told[0] < told[-1] < 1.0
    again = Notes()
    assert fresh(tmp_path / "b", report=again).forward_passes == 0
    assert not [note for _fraction, note in again.said if note.startswith("Trying")]


def test_a_model_that_need_not_be_tried_starts_without_hooks_as_well(tmp_path):
    fresh(tmp_path / "a", "opt")
    remembered.forget()
    model = fresh(tmp_path / "b", "opt")
    assert model.forward_passes == 0
    assert model.hooks_left() == 0
    sweeps(model)


def test_loading_can_be_stopped_while_hooks_are_tried(tmp_path):
    class Stops(Notes):
        @override
        def step(self, fraction, note=""):
            if note.startswith("Trying"):
                raise Cancelled

    with pytest.raises(Cancelled):
        fresh(tmp_path / "a", report=Stops())


def test_layers_on_the_disk_are_not_read_again_to_try_hooks(tmp_path):
    assert fresh(tmp_path / "a", offload="disk").forward_passes == 0


def test_a_trial_that_cannot_be_made_does_not_keep_a_model_from_loading(tmp_path, monkeypatch):
    def broken(_self):
        raise RuntimeError("no such operator")

    monkeypatch.setattr(shortcuts.Trial, "trims", broken)
    model = fresh(tmp_path / "a")
    assert model.hooks_left() == 0
    stored = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    assert "trims" not in next(iter(stored.values()))


def deaf(own):
    for layer in own.model.layers:
        layer.self_attn.o_proj.weight.zero_()


def mute(own):
    own.lm_head.weight.zero_()


def broken(own):
    own.lm_head.weight.fill_(float("nan"))


@pytest.mark.parametrize("spoil", [deaf, mute, broken])
def test_weights_that_tell_nothing_decide_nothing_for_others(spoil, tmp_path):
    fresh(tmp_path / "spoilt", spoil=spoil)
    fresh(tmp_path / "spoilt")
    stored = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    for finding, holds in next(iter(stored.values())).items():
        assert holds or ", weights " in finding
    model = fresh(tmp_path / "whole")
    assert acts(model, "head_z")
    assert abilities(model) == shortcuts.Abilities(grows=True, resumes=True, trims=True)
    sweeps(model)


def test_attention_that_does_nothing_is_no_proof_of_a_shortcut(tmp_path):
    fresh(tmp_path / "deaf", spoil=deaf)
    found = next(iter(json.loads((data_dir() / FILE).read_text(encoding="utf-8")).values()))
    assert not {"grows", "resumes", "trims"} & set(found)


def test_no_more_findings_of_a_model_than_a_few_are_kept(monkeypatch):
    monkeypatch.setattr(remembered, "_MOST_FINDINGS", 3)
    for name in "abcde":
        recall(tiny("llama"), name, lambda: True)
    found = next(iter(json.loads((data_dir() / FILE).read_text(encoding="utf-8")).values()))
    assert list(found) == ["c", "d", "e"]


def test_the_next_start_knows_what_the_last_one_tried():
    model = tiny("llama")
    assert passes(model, abilities) > 0
    remembered.forget()
    assert passes(model, abilities) == 0
    stored = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    assert [set(found) for found in stored.values()] == [{"grows", "resumes", "trims"}]


@pytest.mark.parametrize(
    "other",
    [
        lambda model: replace(model, spec=replace(model.spec, weights="processed")),
        lambda model: replace(model, spec=replace(model.spec, offload="disk")),
        lambda model: replace(model, info=replace(model.info, dtype="bfloat16")),
    ],
)
def test_other_settings_are_tried_anew(other):
    model = tiny("llama")
    acts(model, "head_z")
    assert passes(other(model), lambda m: acts(m, "head_z")) == 1
    assert passes(model, lambda m: acts(m, "head_z")) == 0


def test_another_configuration_or_version_is_tried_anew(tmp_path, monkeypatch):
    model = tiny("llama")
    acts(model, "head_z")
    again = load(ModelSpec(str(save_tiny("llama", tmp_path / "a", seed=3))), SilentReporter())
    assert passes(again, lambda m: acts(m, "head_z")) == 0  # weights are no configuration
    again.bridge.original_model.config.rope_theta = 17.0
    remembered.forget()
    assert passes(again, lambda m: acts(m, "head_z")) == 1
    remembered.forget()
    monkeypatch.setattr(remembered, "package_version", lambda name: "99")
    assert passes(model, lambda m: acts(m, "head_z")) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 3}', "\x00", "[" * 100_000])
def test_a_file_that_is_none_of_ours_is_tried_over(text):
    data_dir().mkdir(parents=True)
    (data_dir() / FILE).write_text(text, encoding="utf-8")
    assert acts(tiny("llama"), "head_z")
    found = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    assert {"acts at head_z": True} in found.values()


def test_a_folder_that_cannot_be_written_costs_only_the_memory():
    data_dir().parent.mkdir(parents=True)
    data_dir().write_text("no folder", encoding="utf-8")
    assert acts(tiny("llama"), "head_z")
    assert passes(tiny("llama"), lambda m: acts(m, "head_z")) == 0


def test_what_could_not_be_told_is_not_remembered():
    model, told = tiny("llama"), iter([None, True])
    assert not recall(model, "question", lambda: next(told))
    assert recall(model, "question", lambda: next(told))


@pytest.mark.parametrize(
    ("architecture", "site", "expected"),
    [
        ("llama", "pattern", True),
        ("opt", "pattern", False),
        ("gptj", "pattern", False),
        ("opt", "mlp_out", True),
        ("gpt2", "head_k", True),
        ("bloom", "head_z", True),
    ],
)
def test_whether_a_place_can_be_changed(architecture, site, expected):
    assert acts(tiny(architecture), site) is expected


def test_no_more_models_than_a_few_hundred_are_kept(monkeypatch):
    monkeypatch.setattr(remembered, "_MOST_MODELS", 2)
    for dtype in ("float32", "bfloat16", "float16"):
        model = tiny("llama")
        recall(replace(model, info=replace(model.info, dtype=dtype)), "question", lambda: True)
    assert len(json.loads((data_dir() / FILE).read_text(encoding="utf-8"))) == 2


def test_out_of_memory_is_no_finding(monkeypatch):
    def full(_self):
        raise MemoryError

    monkeypatch.setattr(shortcuts.Trial, "_resumed", full)
    monkeypatch.setattr(shortcuts, "FAILURES", (MemoryError,))
    with pytest.raises(MemoryError):
        abilities(tiny("llama"))
    stored = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    assert "resumes" not in next(iter(stored.values()))
