"""The number-sequence study of the help: whole on the toy, within its budget on the pack."""

from __future__ import annotations

import re

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import LoadModel, ModelSpec
from desktop_app.jobs.service import Service
from desktop_app.session.store import Session
from desktop_app.support.paths import resource
from tests.benchmarks import number_page, number_study
from tests.benchmarks.number_study import BUDGET_MINUTES, PROMPTS, STEPS, study


def test_twins_never_hold_the_answer():
    for row in PROMPTS:
        assert row.answer[0] not in row.corrupt
        assert row.wrong[0] not in row.corrupt
        assert len(row.corrupt) == len(row.text)


def test_every_step_runs_on_the_toy(capsys, tmp_path):
    service = Service()
    service.perform(LoadModel(ModelSpec("toy")), SilentReporter())
    # Its tokens carry their space.
    prompts = tuple(
        PromptRow(
            text=row.text.rstrip(),
            corrupt=row.corrupt.rstrip(),
            answer=(f" {row.answer[0]}",),
            wrong=(f" {row.wrong[0]}",),
        )
        for row in PROMPTS
    )
    steps = study(service, prompts=prompts)
    found = {step.result.analysis: step.result.data for step in steps}
    assert list(found) == [name for name, _title, _settings in STEPS]
    assert "trail" in found["circuit"]
    assert np.shape(found["circuit"]["minus_score"])[1] == len(PROMPTS)
    assert np.isfinite(found["edges"]["effect"]).all()
    assert "inclusion" in found["edges"]
    assert np.shape(found["edges"]["curve"]) == (10,)
    assert capsys.readouterr().out.count("minutes") == len(STEPS)
    with Session.create(tmp_path / "study.lens") as session:
        for step in steps:
            session.add(step.result, step.title)
    number_page.main(tmp_path / "study.lens", tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "nan" not in page.lower()
    assert all(f"`{row.text}`" in page for row in prompts)
    effect = found["ablate"]["effect_mean"]
    layer, head = np.unravel_index(np.argmin(effect), effect.shape)
    assert f"| L{layer}H{head} | −{abs(effect.min()):.2f} | [" in page
    kept = found["circuit"]["percent_of_means"]
    assert f"**{kept:.1f} %** of the logit difference" in page
    assert page.count("![") == 3


def test_every_picture_of_the_help_is_there():
    shown = [
        (page.name, match[1])
        for page in resource("help").glob("*.md")
        for match in re.finditer(r"!\[[^\]]*\]\(([^)]*)\)", page.read_text(encoding="utf-8"))
    ]
    assert len(shown) >= 3
    for page, name in shown:
        assert resource("help", name).is_file(), (page, name)
        assert resource("help", name).stat().st_size < 300_000


@pytest.mark.benchmark
@pytest.mark.pack
def test_the_whole_study_stays_within_its_budget(smollm2_folder, tmp_path, capsys):
    with capsys.disabled():
        minutes = number_study.main(tmp_path / "study.lens")
    with Session.open(tmp_path / "study.lens") as session:
        results = [session.load(row.id) for row in session.rows()]
        data = {result.analysis: result.data for result in results}
        base = [5.89, 3.78, 4.67, 4.16, 4.68]
        np.testing.assert_allclose(data["ablate"]["base"], base, atol=0.01)
        assert int(np.isfinite(data["edges"]["effect"]).all(axis=1).sum()) == 5_000
        assert float(data["circuit"]["percent_of_means"]) > 80
    assert minutes < 2 * BUDGET_MINUTES  # a busy machine must not fail it
