"""What was tried of the hooks: once per model, remembered by configuration, settings, versions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import remembered, shortcuts
from desktop_app.engine.loading import load
from desktop_app.engine.remembered import FILE, recall
from desktop_app.engine.shortcuts import abilities, acts
from desktop_app.support.paths import data_dir
from tests.engine.zoo import save_tiny
from tests.models import tiny

ROW = PromptRow(text="ab cd f", answer=("g",), wrong=("h",))


pytestmark = pytest.mark.usefixtures("own_memory")


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

    monkeypatch.setattr(shortcuts._Trial, "_resumed", full)
    monkeypatch.setattr(shortcuts, "_FAILURES", (MemoryError,))
    with pytest.raises(MemoryError):
        abilities(tiny("llama"))
    stored = json.loads((data_dir() / FILE).read_text(encoding="utf-8"))
    assert "resumes" not in next(iter(stored.values()))
