"""Whose files, whose warnings, whose numbers: what a comparison says of the second model."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from desktop_app import cli
from desktop_app.analyses.compare import picture, second, words
from desktop_app.analyses.compare import run as compare
from desktop_app.analyses.compare.norms_picture import steps_sentence
from desktop_app.analyses.compare.spec import CompareParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.contract.result import Notice
from desktop_app.engine import loading
from desktop_app.engine.memory import bytes_needed, used_bytes
from desktop_app.session import exports
from desktop_app.support.errors import ModelLoadError
from tests.engine.zoo import save_tiny
from tests.models import named, tiny
from tests.session.alone import run_alone

ROWS = (
    PromptRow(text="the cat sat", answer="x", wrong="q"),
    PromptRow(text="abc", answer="1", wrong="3"),
)


def run(model, rows=ROWS, report=None, **settings):
    return compare.run(model, CompareParams(prompts=rows, **settings), report or SilentReporter())


def told(result, code="not_finite"):
    return [notice.message for notice in result.warnings if notice.code == code]


def edited(architecture, folder, change):
    """Save a tiny model with some of its weights changed in place."""
    source = save_tiny(architecture, folder)
    file = source / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, {"format": "pt"})
    return source


# Files.


@pytest.fixture
def nearly(tmp_path, monkeypatch):
    """A model's folder, and a copy with another final norm that no sample of its file shows."""

    def change(weights):
        weights["model.norm.weight"] += 1e-3

    one = save_tiny("llama", tmp_path / "one")
    two = edited("llama", tmp_path / "two", change)
    # A tiny file is sampled whole; a usual one is not.
    monkeypatch.setattr(loading, "fingerprint", lambda _checkpoint: "0" * 16)
    return one, two


def test_files_that_differ_between_their_samples_are_other_files(nearly, tmp_path):
    one, two = nearly
    model = loading.load(ModelSpec(str(one), device="cpu"), SilentReporter())
    result = run(model, with_model=str(two))
    assert result.data["with_model"]["fingerprint"] == model.info.fingerprint
    assert result.data["verdict"] == "apart"
    assert result.data["same_files"] is False
    assert words.whose(result) == ("one", "two")
    exports.export(result, tmp_path / "own.npz")
    run_script(result, one, tmp_path)
    with np.load(tmp_path / "own.npz") as own, np.load(tmp_path / "found.npz") as found:
        for name in ("kl_0", "logit_difference_0", "logit_difference_1", "resid_relative_error"):
            np.testing.assert_allclose(found[name], own[name], rtol=1e-4, atol=1e-7)
        assert own["logit_difference_0"].max() > 1e-5
        document = json.loads(found["document"].item())["result"]
    assert document["max_logit_difference"] == pytest.approx(
        result.data["max_logit_difference"], rel=1e-3
    )


def test_the_same_folder_by_another_way_is_the_same_files(tmp_path):
    model = tiny("llama")
    (tmp_path / "link").symlink_to(model.info.source, target_is_directory=True)
    assert run(model, with_model=str(tmp_path / "link")).data["same_files"] is True
    assert run(model, with_dtype="bfloat16").data["same_files"] is True


def run_script(result, source, folder):
    """Run what a comparison exports; it writes `found.npz`, and what it prints is returned."""
    exports.export(result, folder / "script.py")
    call = (str(folder / "script.py"), [str(source), str(folder / "found.npz")])
    return run_alone(folder, [call])


# Numbers that are not finite.


def loud(weights):
    weights["model.layers.1.mlp.down_proj.weight"][:] = float("inf")


def test_numbers_of_the_second_model_that_are_not_finite_are_laid_at_its_door(tmp_path):
    result = run(tiny("llama"), with_model=str(edited("llama", tmp_path / "loud", loud)))
    (message,) = told(result)
    assert message.startswith("The second model, loud as float32, holds numbers")
    assert "first in layer 1" in message
    assert "look into the model's files" in message
    assert "numbers that are not finite" in picture.headline(result)


def test_the_script_counts_no_head_that_has_no_number(tmp_path):
    source = edited("llama", tmp_path / "loud", loud)
    result = run(tiny("llama"), ROWS[:1], with_model=str(source), rank_heads=True)
    assert np.isnan(result.data["with_head_effect"]).all()
    assert result.data["head_overlap"] == 0
    assert math.isnan(result.data["head_spearman"])
    printed = run_script(result, tiny("llama").info.source, tmp_path)
    assert "heads: Spearman nan, 0 in both" in printed


def test_numbers_of_the_first_model_are_laid_at_its_own(tmp_path):
    source = edited("llama", tmp_path / "loud", loud)
    first = loading.load(ModelSpec(str(source), device="cpu"), SilentReporter())
    (message,) = told(run(first, with_model=tiny("llama").info.source))
    assert message.startswith("The first model, loud as float32, holds numbers")
    both = told(run(first, with_dtype="bfloat16"))
    assert [m.split(",")[0] for m in both] == ["The first model", "The second model"]
    assert "--with-dtype float32" in both[1]
    assert len(told(run(first))) == 1  # the very same model: once


def without_bounds(weights):
    """Weights that a norm tames, and that overflow without it."""
    for name in weights:
        if name.endswith("post_attention_layernorm.weight"):
            weights[name] *= 1e9


def test_a_model_without_its_norms_is_not_told_to_look_into_its_files(tmp_path):
    source = edited("llama", tmp_path / "loud", without_bounds)
    result = run(tiny("llama"), with_model=str(source), with_layernorm="identity")
    (message,) = told(result)
    assert message.startswith("The second model, loud without LayerNorm (identity) as float32,")
    assert "first in layer" in message
    assert message.endswith("this is what the model is without its norms.")


def test_nor_is_the_open_model_without_its_norms(tmp_path):
    source = edited("llama", tmp_path / "loud", without_bounds)
    spec = ModelSpec(str(source), device="cpu", layernorm="identity")
    (message,) = told(run(loading.load(spec, SilentReporter())))
    assert "without its norms" in message
    assert "files" not in message


def test_steps_that_overflow_say_whose_they_are_and_where(tmp_path):
    source = edited("llama", tmp_path / "loud", without_bounds)
    result = run(tiny("llama"), with_model=str(source), norm_steps=True)
    (message,) = told(result)
    assert message.startswith("The second model, loud as float32, holds numbers")
    assert "--norm-steps" in message
    assert "first in layer" in message
    assert message.endswith("this is what the model is without its norms.")
    assert "not_finite" not in result.data
    assert math.isnan(result.data["steps"][-1]["from_plain"])
    assert "numbers overflow" in steps_sentence(result)
    assert str(tmp_path) not in message


def test_steps_of_a_model_that_overflows_with_its_norms_do_not_blame_them(tmp_path):
    source = edited("llama", tmp_path / "loud", loud)
    messages = told(run(tiny("llama"), with_model=str(source), norm_steps=True))
    assert len(messages) == 2  # the comparison itself, and the steps
    assert all("files, which may hold them" in m and "in layer 1" in m for m in messages)


# What it takes.


def test_an_estimate_loads_no_second_model_and_compares_nothing(tmp_path, monkeypatch):
    model, other = tiny("llama"), save_tiny("llama", tmp_path / "other")
    for name in ("load", "load_plain", "load_tokenizer"):
        monkeypatch.setattr(loading, name, lambda *_given: pytest.fail("loaded"))
    monkeypatch.setattr(compare, "measure", lambda *_given: pytest.fail("compared"))
    monkeypatch.setattr(compare, "norm_steps", lambda *_given: pytest.fail("taken away"))
    before = model.forward_passes
    for settings in (
        {"with_model": str(other)},
        {"with_dtype": "bfloat16", "norm_steps": True},
        {"with_layernorm": "eps", "rank_heads": True},
    ):
        heard = EstimatingReporter()
        found = heard.listen(lambda s=settings, h=heard: run(model, report=h, **s))
        dtype = settings.get("with_dtype", "float32")
        second_bytes = bytes_needed(model.info.parameters)[dtype]
        assert found == pytest.approx(used_bytes(model.device) + second_bytes, rel=0.1)
    assert model.forward_passes == before


def test_the_very_same_model_is_counted_once():
    model, heard = tiny("llama"), EstimatingReporter()
    found = heard.listen(lambda: run(model, report=heard))
    assert found < used_bytes(model.device) + 150_000_000


def test_an_estimate_fetches_nothing_and_refuses_what_is_not_here(monkeypatch):
    model = tiny("llama")
    monkeypatch.setattr(second.hub, "download", lambda *_given: pytest.fail("fetched"))
    params = {"with_model": "nobody/has-this"}
    heard = EstimatingReporter()
    with pytest.raises(ModelLoadError, match="not in the local Hub cache"):
        heard.listen(lambda: run(offline(model), report=heard, **params))
    heard = EstimatingReporter()
    found = heard.listen(lambda: run(online(model), report=heard, **params))
    assert found > bytes_needed(model.info.parameters)["float32"]


def offline(model):
    return replaced(model, offline=True)


def online(model):
    return replaced(model, offline=False)


def replaced(model, **spec):
    from dataclasses import replace

    return replace(model, spec=replace(model.spec, **spec))


def test_the_command_line_tells_what_a_comparison_takes(capsys):
    options = ["--prompt", "1 2 3 4", "--with-dtype", "bfloat16", "--estimate"]
    assert cli.main(["run", "compare", "--model", "toy", "--offline", *options]) == 0
    out = capsys.readouterr().out
    assert "at its peak, the model included" in out
    assert "sweeps nothing" not in out


# Warnings.


def test_warnings_of_the_second_model_begin_with_whose_they_are(monkeypatch):
    load = loading.load

    def noisy(*given):
        model = load(*given)
        model.notices = (*model.notices, Notice("odd", "toy is odd: choose --dtype float32."))
        return model

    monkeypatch.setattr(loading, "load", noisy)
    (message,) = told(run(named("toy"), with_dtype="bfloat16"), "odd")
    start = "The second model, toy as bfloat16: "
    assert message == f"{start}toy is odd: choose --with-dtype float32."


def test_a_variant_without_norms_is_said_of_the_second_model():
    result = run(tiny("gpt2"), with_layernorm="eps")
    (message,) = told(result, "layernorm_removed")
    assert message.startswith("The second model, gpt2 without LayerNorm (eps) as float32: ")


def test_warnings_of_the_ranking_say_which_model():
    result = run(tiny("llama"), with_dtype="bfloat16", rank_heads=True)
    messages = told(result, "task_not_done")
    assert {m.split(",")[0] for m in messages} <= {"The first model", "The second model"}
    assert messages


# Numbers.


def test_a_rank_correlation_is_never_beyond_1(monkeypatch):
    for found, kept in ((1.0000000000000002, 1.0), (-1.0000000000000002, -1.0)):
        monkeypatch.setattr(compare, "rank_agreement", lambda *_given, f=found: f)
        result = run(named("toy"), ROWS[:1], rank_heads=True)
        assert result.data["head_spearman"] == kept
    monkeypatch.setattr(compare, "rank_agreement", lambda *_given: math.nan)
    assert math.isnan(run(named("toy"), ROWS[:1], rank_heads=True).data["head_spearman"])
