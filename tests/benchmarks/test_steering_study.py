"""The steering study of the help: whole on the toy, within its budget on the pack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import LoadModel, ModelSpec
from desktop_app.jobs.service import Service
from desktop_app.session.store import Session
from tests.benchmarks import steering_page, steering_study
from tests.benchmarks.steering_study import BUDGET_MINUTES, GLAD, PROMPTS, SAD, STEPS, study


def test_the_two_sets_are_twins():
    assert len(SAD) == len(GLAD)
    assert not set(SAD) & set(GLAD)
    for sad, glad in zip(SAD, GLAD, strict=True):
        assert set(sad.split()) & set(glad.split())
        assert sad[-1] == glad[-1] == "."


@pytest.mark.model
def test_every_step_runs_on_the_toy(capsys, tmp_path):
    service = Service()
    service.perform(LoadModel(ModelSpec("toy", device="cpu")), SilentReporter())
    rows = tuple(
        PromptRow(text=text, answer=(" 5",), wrong=(" 4",)) for text in ("1 2 3 4", "7 9 6 1")
    )
    own = {"from": ("7 9", "6 1"), "to": ("1 2", "4 5"), "layer": 1, "max_new_tokens": 3}
    steps = tuple(
        step
        if step.name == "equivalence"
        else replace(step, prompts=rows, settings={**step.settings, **own})
        for step in STEPS
    )
    steps = tuple(
        replace(step, settings={**step.settings, "sweep_layers": "0:2"})
        if step.name == "sweep"
        else replace(step, prompts=rows[:1])
        if step.name == "equivalence"
        else step
        for step in steps
    )
    with Session.create(tmp_path / "study.lens") as session:
        results = study(service, steps, session)
    assert list(results) == [step.name for step in STEPS]
    assert capsys.readouterr().out.count("seconds") == len(STEPS)
    assert np.shape(results["sweep"].data["sweep_metric"]) == (2, 4)
    assert len(results["equivalence"].data["findings"]) >= 5
    codes = {notice.code for notice in results["anew"].warnings}
    assert "cache_forgets" in codes
    steering_page.main(tmp_path / "study.lens", tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "nan" not in page.lower().split()
    assert all(f"`{row.text}`" in page for row in rows)
    largest = results["sweep"].data["sweep_metric"].max()
    assert f"The largest effect, +{largest:.2f}" in page


@pytest.mark.benchmark
@pytest.mark.pack
def test_the_whole_study_stays_within_its_budget(smollm2_folder, tmp_path, capsys):
    with capsys.disabled():
        minutes = steering_study.main(tmp_path / "study.lens")
    with Session.open(tmp_path / "study.lens") as session:
        mood = steering_study.results_of(session)["mood"]
    base, changed, control = (
        np.asarray(mood.data[name]) for name in ("base", "changed", "control_metric")
    )
    assert len(base) == len(PROMPTS)
    assert (changed - base).mean() > 1
    assert abs((control - base).mean()) < (changed - base).mean()
    assert minutes < 2 * BUDGET_MINUTES  # a busy machine must not fail it
