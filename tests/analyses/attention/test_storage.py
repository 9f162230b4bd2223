"""Patterns too large to be stored: said before, refused for files, looked at one by one."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from desktop_app import cli
from desktop_app.analyses.attention import run as attention
from desktop_app.analyses.attention.picture import (
    default_head,
    head_facts,
    look_params,
    small_pattern,
    thumbnails,
)
from desktop_app.analyses.attention.spec import ANALYSIS, AttentionParams, stored_bytes
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import EstimateRun, LoadModel, ModelSpec, RunAnalysis
from desktop_app.engine.model import Storage
from desktop_app.jobs.service import Service
from desktop_app.pictures.facts import Place
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_table import table_of
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError, MemoryExhaustedError
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.window.settings import Settings, save_settings
from tests.engine.zoo import save_tiny
from tests.models import tiny

LONG = "abcdefgh" * 7  # 57 tokens with its BOS, 4 · 12 · 57² = 155,952 bytes
BYTES = 4 * 12 * 57**2
ROWS = (PromptRow(text=LONG, corrupt=LONG[::-1]), PromptRow(text="short"))


def run(model, rows=ROWS, **settings):
    return attention.run(model, AttentionParams(prompts=rows, **settings), SilentReporter())


@pytest.fixture
def bounded():
    return replace(tiny("llama"), storage=Storage(100_000))


def test_beyond_the_bound_small_pictures_and_entropies_are_kept(bounded):
    whole, small = run(tiny("llama")), run(bounded)
    assert "pattern" in whole.data
    assert not {"pattern", "scores", "mean"} & set(small.data)
    np.testing.assert_array_equal(small.data["entropy"], whole.data["entropy"])
    for n in range(2):
        np.testing.assert_array_equal(small.array("thumbnail", n), whole.array("thumbnail", n))
    notice = next(n for n in small.warnings if n.code == "patterns_not_stored")
    for words in ("0.16 GB" if BYTES > 1e8 else "kB", "100 kB", "--layers", "--heads"):
        assert words in notice.message
    assert small.timing.forward_passes == 2


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scores": True},
        {"difference": True},
        {"mean": True},
        {"heads": "1.2"},
        {"layers": "0:1"},
    ],
)
def test_what_is_said_beforehand_is_what_is_kept(settings):
    rows = (PromptRow(text="abc", corrupt="abd"), PromptRow(text="xyz", corrupt="xyy"))
    model, params = tiny("llama"), AttentionParams(prompts=rows, **settings)
    result = attention.run(model, params, SilentReporter())
    names = ("pattern", "scores", "corrupt_pattern", "difference", "mean")
    fields = [result.data[name] for name in names if name in result.data]
    arrays = [a for field in fields for a in (field if isinstance(field, tuple) else (field,))]
    kept = sum(array.nbytes for array in arrays)
    lengths = [len(record.tokens) for record in result.prompts]
    assert stored_bytes(params, model.info, lengths) == kept
    heard = EstimatingReporter()
    before = model.forward_passes
    heard.listen(lambda: attention.run(model, params, heard))
    assert (heard.stored_bytes, heard.limit_bytes) == (kept, 2_000_000_000)
    assert heard.memory_bytes > 0
    assert model.forward_passes == before  # nothing is run for it


def test_settings_that_name_no_such_head_keep_nothing():
    for settings in ({"layers": "9:12"}, {"heads": "9.9"}):
        assert stored_bytes(AttentionParams(**settings), tiny("llama").info, [5]) == 0
    assert ANALYSIS.stores is stored_bytes


def test_files_of_numbers_are_refused_before_anything_runs(bounded):
    model = replace(bounded, storage=Storage(100_000, must_fit=True))
    before = model.forward_passes
    with pytest.raises(BadInputError, match=r"at most 100 kB are stored.*--layers or --heads"):
        run(model)
    assert model.forward_passes == before
    assert "pattern" in run(model, heads="1.2").data


def test_a_head_that_is_looked_at_is_that_of_the_whole(bounded):
    whole, small = run(tiny("llama")), run(bounded)
    for prompt, layer, head in ((0, 1, 2), (1, 2, 0)):
        params = look_params(small, prompt, layer, head)
        looked = attention.run(bounded, params, SilentReporter())
        expected = whole.array("pattern", prompt)[layer, head]
        np.testing.assert_allclose(looked.array("pattern", 0)[0, 0], expected, atol=1e-6)
        assert (looked.data["layers"], looked.data["head_indices"]) == ([layer], [head])


def test_what_is_told_of_it_needs_no_pattern(bounded):
    small = run(bounded)
    text = as_text(small)
    assert "patterns are not kept" in text
    assert f"H2 {small.data['entropy'][1, 2, 0]:.2f}" in text
    headings, rows = table_of(small)
    assert headings == ["layer", "head", "entropy"]
    assert len(rows) == 12
    assert small_pattern(small, Place(layer=1, head=2)) is None
    assert head_facts(small, Place(layer=1, head=2))
    assert thumbnails(small, 0).shape == (3, 4, 32, 32)
    assert default_head(small)


def test_a_prompt_that_does_not_fit_is_said_in_a_sentence(monkeypatch):
    def full(*_arguments):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(attention, "watch", full)
    with pytest.raises(MemoryExhaustedError, match="single prompt at a time") as caught:
        run(tiny("llama"))
    assert caught.value.exit_code == 4


# The command line.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny("llama", tmp_path_factory.mktemp("storage") / "tiny")


@pytest.fixture
def call(capfd, tmp_path, monkeypatch):
    """Run a command line with a bound of 0.1 MB in the settings."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(cli, "stored_bytes", lambda: 100_000)

    def run_it(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run_it


def command(folder, *more):
    return ("run", "attention", "--model", folder, "--prompt", LONG, *more)


@pytest.mark.parametrize("ending", ["json", "npz", None])
def test_numbers_exit_2_and_name_the_options(call, folder, tmp_path, ending):
    target = tmp_path / f"a.{ending}"
    more = ("--json",) if ending is None else ("--out", target)
    code, out, err = call(*command(folder, *more))
    assert (code, out) == (2, "")
    assert "--layers" in err
    assert "--heads" in err
    assert len(err.strip().splitlines()) == 1
    assert not target.exists()
    assert call(*command(folder, "--heads", "1.2", *more))[0] == 0


def test_memory_has_no_say_in_it(call, folder):
    assert call(*command(folder, "--json", "--memory", "4GB"))[0] == 2


def test_a_session_keeps_what_is_small(call, folder, tmp_path):
    code, _out, err = call(*command(folder, "--out", tmp_path / "a.lens"))
    assert code == 0
    assert "patterns_not_stored" in err
    with Session.open(tmp_path / "a.lens") as session:
        result = session.load(1)
        assert "pattern" not in result.data
        assert np.asarray(result.data["thumbnail"][0]).shape == (3, 4, 32, 32)
        assert np.isfinite(np.asarray(result.data["entropy"])).all()
    assert (tmp_path / "a.lens").stat().st_size < BYTES
    for ending in ("json", "npz"):
        out = tmp_path / f"b.{ending}"
        code, _out, err = call("export", tmp_path / "a.lens", "--result", 1, "--out", out)
        assert code == 2
        assert "--heads" in err
        assert not out.exists()
    assert call("export", tmp_path / "a.lens", "--result", 1, "--out", tmp_path / "b.csv")[0] == 0


def test_what_is_stored_is_said_before_the_run(call, folder, monkeypatch):
    """On standard error, where it is much."""

    def begun(*_run):
        raise BadInputError("Only now does it run.")

    monkeypatch.setattr(attention, "watch", begun)
    for limit, words in (
        (2_000_000_000, "take about 1.1 MB\n"),
        (100_000, "at most 0.1 MB are stored"),
    ):
        monkeypatch.setattr(cli, "stored_bytes", lambda limit=limit: limit)
        rows = [part for _ in range(7) for part in ("--prompt", LONG)]
        err = call("run", "attention", "--model", folder, *rows)[2]
        assert words in err
        assert err.index(words) < err.index("Only now")


def test_an_estimate_says_what_is_kept(call, folder):
    code, out, _err = call(*command(folder, "--estimate", "--json"))
    assert code == 0
    found = json.loads(out)
    assert (found["stored_bytes"], found["limit_bytes"]) == (BYTES, 100_000)
    out = call(*command(folder, "--estimate"))[1]
    assert "156 kB of patterns" in out
    assert "at most 100 kB are stored" in out
    assert "--heads" in out
    assert "at most" not in call(*command(folder, "--estimate", "--layers", "0:1"))[1]


def test_the_bound_is_the_windows_setting(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert cli.stored_bytes() == 2_000_000_000
    save_settings(tmp_path / "config", Settings(stored_mb=3))
    assert cli.stored_bytes() == 3_000_000


def test_each_request_brings_its_own_bound(folder):
    service, params = Service(), AttentionParams(prompts=(PromptRow(text=LONG),))
    service.perform(LoadModel(ModelSpec(str(folder), device="cpu")), SilentReporter())
    small = service.perform(RunAnalysis("attention", params, None, 1000), SilentReporter())
    usual = service.perform(RunAnalysis("attention", params), SilentReporter())
    assert "pattern" in usual.data
    assert "pattern" not in small.data
    request = EstimateRun(RunAnalysis("attention", params, None, 1000))
    assert service.perform(request, SilentReporter()).limit_bytes == 1000
