"""Late and replaced answers are dropped; every wish has an end."""

from __future__ import annotations

import time

import pytest

from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.requests import ModelSpec
from desktop_app.jobs.runner import JobRunner
from desktop_app.window.runs.conductor import Conductor
from tests.patience import WAIT_MS
from tests.window.fakes import FakeService

pytestmark = pytest.mark.gui
ROWS = (PromptRow(text="1 2 ", answer=("3",), wrong=("4",)),)


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def conductor(qtbot, service):
    runner = JobRunner(lambda: service)
    made = Conductor(runner)
    with qtbot.waitSignal(made.model_ready):
        made.load(ModelSpec("toy"))
    yield made
    assert runner.shutdown(WAIT_MS)


def collect(signal):
    heard = []
    signal.connect(lambda *values: heard.append(values))
    return heard


def test_only_the_newest_typing_is_answered(qtbot, conductor):
    heard = collect(conductor.live_arrived)
    for i in range(20):
        conductor.tokenize([PromptRow(text=f"text {i}")], [0], "auto", chat=False)
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert [r.prompts[0].text for r, _ in heard] == ["text 19"]


def test_typing_waits_for_a_run_and_says_nothing_in_the_job_bar(qtbot, conductor, service):
    service.slow.add("rank")
    began = collect(conductor.job_began)
    conductor.run("rank", RankParams(prompts=ROWS), [0])
    conductor.tokenize(ROWS, [0], "auto", chat=False)
    assert conductor.is_busy()
    qtbot.waitUntil(lambda: began == [("Ranking",)])
    with qtbot.waitSignal(conductor.live_arrived):
        conductor.stop()
    assert began == [("Ranking",)]


def test_stop_ends_each_wish_once(qtbot, conductor, service):
    service.slow |= {"rank", "ablate"}
    stopped, busy = collect(conductor.run_stopped), collect(conductor.busy_changed)
    conductor.run("rank", RankParams(prompts=ROWS), [0])
    conductor.run("ablate", RankParams(prompts=ROWS), [0])
    conductor.stop()
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert stopped == [("rank",), ("ablate",)]
    assert busy == [(True,), (False,)]


def test_stop_lets_nothing_that_waits_begin(qtbot, conductor, service, monkeypatch):
    service.slow |= {"rank", "attention", "ablate"}
    began = collect(conductor.run_began)
    for name in ("rank", "attention", "ablate"):
        conductor.run(name, RankParams(prompts=ROWS), [0])
    qtbot.waitUntil(lambda: began == [("rank",)])
    cancel = conductor.runner.cancel

    def cancel_slowly(job_id):
        cancel(job_id)
        time.sleep(0.1)  # what a busy machine makes of the moment between two cancellations

    monkeypatch.setattr(conductor.runner, "cancel", cancel_slowly)
    conductor.stop()
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert began == [("rank",)]


def test_a_replaced_load_says_nothing(qtbot, conductor, service):
    service.slow.add("load")
    ready, halted = collect(conductor.model_ready), collect(conductor.model_stopped)
    conductor.load(ModelSpec("smollm2"))
    conductor.load(ModelSpec("toy"))
    service.slow.clear()
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert [r.spec.model for (r,) in ready] == ["toy"]
    assert halted == []


def test_a_failed_load_keeps_the_old_model(qtbot, conductor, service):
    service.fail_models.add("broken")
    failed = collect(conductor.model_failed)
    conductor.load(ModelSpec("broken"))
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert "broken is no model" in failed[0][0]
    assert conductor.model.spec.model == "toy"


def test_cancel_ends_the_running_job_alone(qtbot, conductor, service):
    service.slow |= {"rank", "attention"}
    waiting, began = collect(conductor.waiting_changed), collect(conductor.run_began)
    ended, stopped = collect(conductor.job_ended), collect(conductor.run_stopped)
    for name in ("rank", "attention", "ablate"):
        conductor.run(name, RankParams(prompts=ROWS), [0])
    assert waiting == [(1,), (2,)]
    qtbot.waitUntil(lambda: began == [("rank",)])
    conductor.stop_running()
    qtbot.waitUntil(lambda: began == [("rank",), ("attention",)])
    assert ended == [("Ranking", "stopped")]
    assert waiting[-1] == (1,)
    conductor.stop_running()
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert stopped == [("rank",), ("attention",)]
    assert ended[-1] == ("Ablation", "finished")
    assert waiting[-1] == (0,)


def test_stop_speaks_of_the_job_that_ran(qtbot, conductor, service):
    service.slow |= {"rank"}
    ended, stopped = collect(conductor.job_ended), collect(conductor.run_stopped)
    began, waiting = collect(conductor.run_began), collect(conductor.waiting_changed)
    conductor.run("rank", RankParams(prompts=ROWS), [0])
    conductor.run("ablate", RankParams(prompts=ROWS), [0])
    qtbot.waitUntil(lambda: began == [("rank",)])
    conductor.stop()
    assert waiting[-1] == (0,)
    qtbot.waitUntil(lambda: not conductor.runner.is_busy())
    assert ended == [("Ranking", "stopped")]
    assert stopped == [("rank",), ("ablate",)]
