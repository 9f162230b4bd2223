"""The time left: recorded jobs and made ones, by the times of their news; no clock is read."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from desktop_app.jobs import worker
from desktop_app.jobs.time_left import TimeLeft
from desktop_app.jobs.worker import Job, JobReporter

RECORDED = json.loads(
    (Path(__file__).parents[1] / "samples" / "progress.json").read_text(encoding="utf-8")
)
TOLD_FROM = 0.5  # seconds; what is shorter is shown in tenths and over before it is read


def told(news):
    """Return (time, seconds left) wherever something is told, the end apart."""
    left = TimeLeft()
    pairs = [(when, left.heard(fraction, when)) for when, fraction in news]
    return [(when, value) for when, value in pairs[:-1] if value is not None]


def steps_of(pairs):
    """Return by which share what is told rises, and falls beyond what a clock takes, each time."""
    steps = []
    for (then, before), (now, after) in itertools.pairwise(pairs):
        if before > TOLD_FROM:
            steps.append(((after - before) / before, (before - (now - then) - after) / before))
    return steps


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_told_of_a_recorded_job_never_jumps(name):
    pairs = told(RECORDED[name])
    assert pairs
    for rise, fall in steps_of(pairs):
        assert rise <= 0.26
        assert fall <= 0.26


def test_the_plain_rule_would_jump():
    """What was told before: time so far by share done. The recordings are no easy ones."""
    largest = 0.0
    for news in RECORDED.values():
        pairs = [(t, t / f * (1 - f)) for t, f in news if f >= 0.03 and t >= 0.4]
        largest = max(largest, *(abs(rise) for rise, _fall in steps_of(pairs)))
    assert largest > 0.5


@pytest.mark.parametrize("name", ["ablate_one", "patch_z", "detect", "repeat"])
def test_it_only_falls_where_a_job_goes_on_as_it_began(name):
    values = [value for _when, value in told(RECORDED[name])]
    assert values == sorted(values, reverse=True)


def even(seconds, count=100, start=0.0):
    return [(start + seconds * i / count, i / count) for i in range(count + 1)]


def test_of_an_even_job_it_tells_the_truth():
    pairs = told(even(20.0))
    assert pairs[0][0] < 2.0
    for when, value in pairs:
        assert value == pytest.approx(20.0 - when, abs=0.01)


def test_what_comes_before_the_first_step_counts_for_nothing():
    waited = [(t / 10, 0.0) for t in range(80)]
    pairs = told([*waited, *even(10.0, start=8.0)])
    for when, value in pairs:
        assert value == pytest.approx(18.0 - when, abs=0.2)


def test_nothing_is_told_before_it_is_steady():
    jumps = [(0.0, 0.0), (1.0, 0.3), (2.0, 0.31), (3.0, 0.6), (4.0, 0.61)]
    assert told([*jumps, (5.0, 1.0)]) == []


def test_a_job_that_turns_slow_is_said_to_take_longer_by_and_by():
    fast = [(i / 10, i / 100) for i in range(51)]
    slow = [(5.0 + i / 2, 0.5 + i / 1000) for i in range(1, 400)]
    pairs = told([*fast, *slow, (300.0, 1.0)])
    assert max(rise for rise, _fall in steps_of(pairs)) <= 0.26
    _when, value = pairs[-1]
    assert value > 20.0  # where the first half's speed would have said 1 s
    assert any(after > before for (_, before), (_, after) in itertools.pairwise(pairs))


def test_a_second_part_that_begins_at_nought_is_told_anew():
    left = TimeLeft()
    for when, fraction in even(10.0):
        left.heard(fraction, when)
    assert left.heard(0.0, 11.0) is None


def test_the_job_bar_hears_of_it(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: now[0])
    heard = []
    report = JobReporter(Job(1, object()), heard.append)
    for when, fraction in RECORDED["repeat"]:
        now[0] = when
        report.step(fraction, "position")
    values = [e.seconds_left for e in heard if e.seconds_left is not None]
    assert values[0] > 10
    assert values == sorted(values, reverse=True)
