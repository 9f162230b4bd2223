"""The noise floor: what batch sizes alone make of half-precision numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.picture import base_sentence, cell_tip, kept_sentence, part_map
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import picture as patching
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.repeat import picture as repeating
from desktop_app.analyses.repeat import run as repeat
from desktop_app.analyses.repeat.spec import RepeatParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import noise
from desktop_app.engine.loading import load
from desktop_app.engine.sweep_pass import Pass
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.exports import export
from tests.engine.zoo import save_tiny
from tests.models import tiny

ROW = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))
ROWS = (ROW, PromptRow(text="xy cd f", corrupt="xz cd f", answer=("k",), wrong=("l",)))


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    folder = save_tiny("llama", tmp_path_factory.mktemp("half") / "llama")
    return load(ModelSpec(str(folder), device="cpu", dtype="bfloat16"), SilentReporter())


@pytest.fixture
def sizes(monkeypatch):
    """Every pass' untouched metric is moved by its rows, as rounding moves it on other machines."""
    run, found = Pass.run, []

    def moved(self, *arguments):
        values = run(self, *arguments)
        rows = len(self.untouched) + len(self._variants)
        self.untouched = self.untouched + rows / 1000
        found.append(rows)
        return values

    monkeypatch.setattr(Pass, "run", moved)
    return found


def ablated(model, rows=ROWS, **settings):
    params = AblateParams(prompts=rows, mode="zero", **settings)
    return ablate.run(model, params, SilentReporter())


def plain_base(model, record, copies):
    """The metric of a prompt in a plain batch of copies of itself."""
    ids = torch.tensor([record.tokens.ids] * copies)
    with torch.no_grad():
        logits = model.bridge(ids)[0, record.read_position].float()
    return float(logits[record.answers[0].token_id] - logits[record.wrongs[0].token_id])


def test_full_precision_has_none_and_costs_nothing(sizes):
    result = ablated(tiny("llama"))
    assert "noise" not in result.data
    assert len(sizes) == 1
    assert "noise" not in base_sentence(result) + part_map(result, "effect").name


def test_it_covers_what_a_plain_loop_finds(half):
    result = ablated(half)
    floor = result.data["noise"]
    assert floor.shape == (2,)
    assert (floor >= 0).all()
    for index, record in enumerate(result.prompts):
        for copies in (1, 2):
            apart = abs(plain_base(half, record, copies) - result.data["base"][index])
            assert apart <= floor[index] + 1e-6


def test_it_is_the_spread_over_the_batch_sizes(half, sizes):
    result = ablated(half)
    # The sweep itself, each prompt alone, both twice; the rest would cost more than a share.
    assert sizes[0] == 2 + 2 * 12
    assert sizes[1:] == [1, 1, 4]
    spread = (max(sizes) - min(sizes)) / 1000
    np.testing.assert_allclose(result.data["noise"], spread, atol=1e-2)
    assert (result.data["noise"] > 0.8 * spread).all()


def test_a_larger_sweep_tries_more_sizes(half, sizes, monkeypatch):
    monkeypatch.setattr(noise, "_SHARE_OF_WORK", 1.0)
    ablated(half, (ROW,))
    assert sizes[1:] == [1, 2, 3]


def test_patching_and_repeats_have_one_too(half, sizes):
    params = PatchParams(prompts=ROWS, site="resid_pre")
    result = patch.run(half, params, SilentReporter())
    assert result.data["noise"].shape == (2,)
    assert (result.data["noise"] > 0).all()
    assert "noise floor" in patching.ends_sentence(result, None)
    for shown in patching.picture(result, "share", 0):
        share = patching.share_noise(result, 0)
        assert f"noise floor {share:.3f}" in shown.name
    assert "Noise floor" in as_text(result)
    params = RepeatParams(batch=2, seq_len=4, effects="mlp")
    result = repeat.run(half, params, SilentReporter())
    assert result.data["noise"] > 0
    assert "noise floor" in repeating.effect_sentence(result, "mlp_effect")
    assert "Noise floor" in as_text(result)


def test_map_terminal_and_table_say_it(half, sizes, tmp_path):
    result = ablated(half)
    mean = float(result.data["noise"].mean())
    assert part_map(result, "effect").name.endswith(f"noise floor {mean:.3f}")
    assert "noise floor" not in part_map(result, "percent").name
    assert f"noise floor {mean:.3f} (bfloat16)" in base_sentence(result)
    assert "what changes less means nothing" in kept_sentence(result)
    assert f"Noise floor {mean:.3f}: bfloat16" in as_text(result)
    effects = np.abs(result.data["effect_mean"])
    row, head = np.unravel_index(int(effects.argmin()), effects.shape)
    quiet = replace(result, data={**result.data, "noise": np.full(2, effects.min() + 1e-3)})
    assert cell_tip(quiet, None, int(row), int(head)).endswith("below the noise floor")
    export(result, tmp_path / "table.csv")
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("noise,") for line in lines) == 2


def test_memory_that_runs_out_while_it_is_measured_loses_nothing(half, monkeypatch):
    usual = noise.NoiseFloor._together

    def full(self, report, copies):
        raise MemoryError

    monkeypatch.setattr(noise.NoiseFloor, "_together", full)
    assert np.isfinite(ablated(half).data["noise"]).all()
    monkeypatch.setattr(noise.NoiseFloor, "_together", usual)


@pytest.mark.parametrize("metric", ["loss", "kl", "rank", "prob"])
def test_every_metric_has_one(half, metric):
    floor = ablated(half, metric=metric).data["noise"]
    assert np.isfinite(floor).all()
    assert (floor >= 0).all()
