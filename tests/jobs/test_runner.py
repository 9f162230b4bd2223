"""The compute thread: every job ends exactly once, cancelling works, closing never hangs."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
from PySide6.QtCore import QObject, QThread, Signal

from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.requests import RunAnalysis
from desktop_app.jobs import worker
from desktop_app.jobs.runner import JobRunner
from desktop_app.support.errors import BadInputError, Cancelled, FixableError
from tests.patience import WAIT_MS

pytestmark = pytest.mark.gui


@dataclass(frozen=True)
class Ask:
    """A request of the fake service."""

    kind: str
    value: object = None


class FakeService:
    """Answers by kind; notes on which thread it was made and used."""

    threads: set[int]

    def __init__(self):
        FakeService.threads = {threading.get_ident()}

    def perform(self, request, report):
        FakeService.threads.add(threading.get_ident())
        return getattr(self, request.kind)(request.value, report)

    def echo(self, value, report):
        report.step(1.0, "done")
        return value

    def loop(self, value, report):
        """Go on for ever: whoever waits for the end has cancelled it."""
        while True:
            report.step(0.5, "on and on")
            time.sleep(0.002)

    def swallow(self, value, report):
        while True:
            with contextlib.suppress(Exception):  # what careless libraries do
                report.check()
            time.sleep(0.002)

    def wrap(self, value, report):
        while True:
            try:
                report.check()
            except Cancelled as error:
                raise OSError("download interrupted") from error
            time.sleep(0.002)

    def fail(self, value, report):
        raise value

    def steps(self, value, report):
        """Take `value` = (steps, seconds each)."""
        count, seconds = value
        for i in range(count + 1):
            report.step(i / count, str(i))
            Clock.now += seconds

    def grids(self, value, report):
        grid = np.zeros(3)
        for i in range(50):
            grid[:] = i
            report.partial({"effect_mean": grid, "layers": 3})
            Clock.now += 0.02


class Clock:
    """Stands in for `time` where reports are throttled: it goes on when a step says so."""

    now = 100.0

    @staticmethod
    def monotonic():
        return Clock.now


class Ears(QObject):
    """Hears everything a runner says, in order."""

    def __init__(self, runner):
        super().__init__()
        self.events = []
        self.idle = 0
        self.threads = set()
        for signal in (
            runner.started,
            runner.progressed,
            runner.partial_arrived,
            runner.finished,
            runner.failed,
            runner.stopped,
        ):
            signal.connect(self.hear)
        runner.became_idle.connect(self.hear_idle)

    def hear(self, event):
        self.threads.add(threading.get_ident())
        self.events.append(event)

    def hear_idle(self):
        self.idle += 1

    def names(self, job_id=None):
        return [type(e).__name__ for e in self.events if job_id is None or e.job_id == job_id]


@pytest.fixture
def runner(qapp):
    runner = JobRunner(FakeService)
    yield runner
    assert runner.shutdown(WAIT_MS)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(worker, "time", Clock)
    return Clock


@pytest.fixture
def ears(runner):
    return Ears(runner)


def test_result_arrives_at_home_and_is_the_same_object(qtbot, runner, ears):
    value = np.arange(5)
    with qtbot.waitSignal(runner.became_idle):
        job = runner.submit(Ask("echo", value), "Echo")
        assert runner.is_busy()
    assert ears.names() == ["JobStarted", "JobProgress", "JobFinished"]
    assert ears.events[-1].value is value
    assert ears.events[-1].job_id == job
    assert ears.events[0].title == "Echo"
    assert ears.threads == {threading.get_ident()}
    assert len(FakeService.threads) == 1
    assert threading.get_ident() not in FakeService.threads
    assert not runner.is_busy()
    assert ears.idle == 1


def test_cancel_running_and_pending(qtbot, runner, ears):
    with qtbot.waitSignal(runner.progressed):
        first = runner.submit(Ask("loop"))
    second = runner.submit(Ask("loop"))
    third = runner.submit(Ask("echo", 3))
    with qtbot.waitSignal(runner.became_idle):
        runner.cancel(first)
        runner.cancel(second)
    assert ears.names(first)[-1] == "JobStopped"
    assert ears.names(second) == ["JobStopped"]
    assert ears.names(third)[-1] == "JobFinished"


@pytest.mark.parametrize("kind", ["swallow", "wrap"])
def test_cancel_inside_a_librarys_broad_except(qtbot, runner, ears, kind):
    with qtbot.waitSignal(runner.started):
        job = runner.submit(Ask(kind))
    with qtbot.waitSignal(runner.became_idle):
        runner.cancel(job)
    assert ears.names(job) == ["JobStarted", "JobStopped"]


@pytest.mark.parametrize(
    ("error", "words", "is_bug"),
    [
        (RuntimeError("shapes differ"), "shapes differ", True),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), "Out of memory", False),
        (MemoryError(), "Out of memory", False),
        (BadInputError("The prompt is empty: type one."), "The prompt is empty: type one.", False),
        (SystemExit(3), "SystemExit", True),
        (KeyboardInterrupt(), "KeyboardInterrupt", True),
    ],
)
def test_errors_become_text(qtbot, runner, ears, error, words, is_bug):
    with qtbot.waitSignal(runner.failed):
        runner.submit(Ask("fail", error))
    failed = ears.events[-1]
    assert ears.names() == ["JobStarted", "JobFailed"]
    assert words in failed.message
    assert failed.is_bug is is_bug
    assert type(error).__name__ in failed.details
    assert not isinstance(failed.fix, BaseException)


def test_a_known_repair_travels_as_data(qtbot, runner, ears):
    fix = {"index": 0, "prompt": "1 2 3 4 ", "answer": "5"}
    with qtbot.waitSignal(runner.failed):
        runner.submit(Ask("fail", FixableError("Both begin alike.", "answer_shared_prefix", fix)))
    assert ears.events[-1].code == "answer_shared_prefix"
    assert ears.events[-1].fix == fix


def test_exceptions_are_not_kept_alive(qtbot, runner, ears):
    class Big:
        """Stands for a tensor in a frame of the traceback."""

    class Clumsy:
        alive = 0

        def perform(self, request, report):
            tensor = Big()
            Clumsy.alive = sys.getrefcount(tensor)
            raise RuntimeError("no")

    other = JobRunner(Clumsy)
    with qtbot.waitSignal(other.failed):
        other.submit(Ask("x"))
    assert other.shutdown(WAIT_MS)
    gc.collect()
    assert not any(type(o) is Big for o in gc.get_objects())


def test_shutdown_while_busy_cancels_what_runs_and_waits(qtbot, qapp):
    runner = JobRunner(FakeService)
    with qtbot.waitSignal(runner.progressed):
        runner.submit(Ask("loop"))
    runner.submit(Ask("loop"))
    assert runner.shutdown(WAIT_MS)
    with pytest.raises(RuntimeError):
        runner.submit(Ask("echo"))


def test_sixty_create_and_close_cycles(qtbot, qapp):
    for i in range(60):
        runner = JobRunner(FakeService)
        if i % 3 == 0:
            with qtbot.waitSignal(runner.finished):
                runner.submit(Ask("echo", i))
        elif i % 3 == 1:
            runner.submit(Ask("loop"))
        assert runner.shutdown(WAIT_MS)
        del runner
    gc.collect()
    assert not [o for o in gc.get_objects() if issubclass(type(o), QThread) and o.isRunning()]


def test_emitting_does_not_lose_references_to_true(qapp):
    class Sender(QObject):
        said = Signal(object)

    sender = Sender()
    before = sys.getrefcount(True)
    for i in range(50):
        sender.said.emit(i)
    assert abs(sys.getrefcount(True) - before) < 10


def test_progress_is_throttled_but_the_end_is_always_sent(qtbot, runner, ears, clock):
    with qtbot.waitSignal(runner.finished):
        runner.submit(Ask("steps", (50_000, 2.01e-5)))
    progress = [e for e in ears.events if type(e).__name__ == "JobProgress"]
    assert progress[-1].fraction == 1.0
    assert 20 <= len(progress) <= 22  # one per 50 ms of a second, and the end
    assert [p.fraction for p in progress] == sorted(p.fraction for p in progress)


def test_time_left_is_estimated_from_the_time_so_far(qtbot, runner, ears, clock):
    with qtbot.waitSignal(runner.finished):
        runner.submit(Ask("steps", (100, 0.1)))
    progress = [e for e in ears.events if type(e).__name__ == "JobProgress"]
    left = {round(100 * e.fraction): e.seconds_left for e in progress}
    assert left[3] is None  # too early to say
    for step in (10, 50, 99):
        assert left[step] == pytest.approx((100 - step) * 0.1)


def test_partial_results_are_throttled_copies(qtbot, runner, ears, clock):
    with qtbot.waitSignal(runner.finished):
        runner.submit(Ask("grids"))
    grids = [e.data["effect_mean"] for e in ears.events if type(e).__name__ == "JobPartial"]
    assert len(grids) == 4  # one per 0.3 s of the second
    assert len({g[0] for g in grids}) == len(grids)  # later writes did not change earlier ones
    assert not grids[0].flags.writeable


@pytest.mark.parametrize(("name", "word"), [("attention", "patterns"), ("features", "activations")])
def test_what_is_kept_in_small_is_called_by_the_name_of_its_kind(name, word):
    heard = []
    request = RunAnalysis(name, ANALYSES[name].params())
    worker.JobReporter(worker.Job(1, request), heard.append).stores(3_000_000_000, 1_000)
    assert [event.note for event in heard] == [f"{word} of 3.0 GB are kept in small"]
