"""`edges`: how far a run is, what it shows on the way, stopping, and going on."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest

from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.methods import edge_measures, edge_memory
from desktop_app.methods.edge_measures import Effects, measure_exactly
from desktop_app.methods.edge_plan import Pace
from desktop_app.support.errors import Cancelled
from desktop_app.support.paths import data_dir
from tests.analyses.edges.running import EDGES, LONGER, ROWS, Ticks, edges, sides_of
from tests.models import named


class Stopping(Reporter):
    """Stops the run once so many edges are exact, and wants what there is."""

    previews = keeps_partial = True

    def __init__(self, after):
        self.after, self.seen, self.is_stopped = after, [], False

    def partial(self, data):
        self.seen.append((data["computed"], "estimate" in data, data["estimated"]))
        self.is_stopped = self.is_stopped or data["computed"] >= self.after > 0

    def step(self, fraction, note=""):
        self.check()

    def check(self):
        if self.is_stopped:
            raise Cancelled


def test_the_picture_is_shown_from_the_estimates_on():
    heard = Stopping(0)
    edges(report=heard)
    assert heard.seen[0][1:] == (True, True)
    counts = [count for count, _has, _estimated in heard.seen]
    assert counts == sorted(counts)
    assert counts[-1] == EDGES


class Watching(Reporter):
    """Counts the pictures that it is shown."""

    def __init__(self, *, previews):
        self.previews, self.shown = previews, 0

    def partial(self, data):
        self.shown += 1


def test_no_picture_is_made_where_nobody_watches():
    idle = Watching(previews=False)
    edges(report=idle)
    assert idle.shown == 0
    watched = Watching(previews=True)
    edges(report=watched)
    assert watched.shown > 2


def test_pictures_that_cost_as_much_as_runs_are_seldom_made(monkeypatch):
    """A clock that goes on with each picture alone: between two of them no time goes by."""
    now, made = [0.0], []
    monkeypatch.setattr(edge_measures.time, "perf_counter", lambda: now[0])

    def show():
        made.append(int(effects.known.sum()))
        now[0] += 1.5

    sides = sides_of()
    edge_memory.forget(sides)
    effects = Effects(np.full((EDGES, len(sides)), np.nan))
    order, pace = np.arange(EDGES), Pace(Ticks())
    measure_exactly(sides, effects, order, pace, SilentReporter(), show)
    assert len(made) == 2  # the first pass, and the end
    assert made[-1] == EDGES


class Fractions(Reporter):
    """Hears how far the work is."""

    def __init__(self):
        self.heard = []

    def step(self, fraction, note=""):
        self.heard.append(fraction)


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "exact", "circuit": "30", "controls": 3, "resamples": 8},
        {"budget": 0.2, "clock": True},
        {"method": "eap", "nodes": True, "circuit": "5", "controls": 3, "resamples": 8},
        {"replace": "mean", "method": "none", "circuit": "all"},
    ],
)
def test_progress_never_goes_back(settings):
    heard = Fractions()
    clock = Ticks() if settings.pop("clock", False) else None
    edges((*ROWS, LONGER), heard, clock=clock, **settings)
    assert heard.heard == sorted(heard.heard)
    assert heard.heard[-1] == 1
    assert len(set(heard.heard)) > 5


def test_what_was_stopped_is_kept_and_gone_on_with_to_the_same_end():
    kept = data_dir() / edge_memory.FOLDER
    whole = edges(method="exact", metric="logprob").data["effect"]
    stopped = edges(report=Stopping(40), method="exact", metric="logprob")
    known = stopped.data["computed"]
    assert 40 <= known < EDGES
    assert stopped.partial
    assert f"Stopped at {known} of {EDGES} edges" in stopped.data["partial"]
    assert "not_finite" not in {notice.code for notice in stopped.warnings}
    files = set(kept.glob("*.npz"))
    assert len(files) >= 1
    again = Stopping(0)
    rest = edges(report=again, method="exact", metric="logprob")
    # The first picture after the estimates has what was known before.
    assert next(count for count, _has, _estimated in again.seen if count) == known
    assert rest.data["computed"] == EDGES
    assert not rest.partial
    np.testing.assert_allclose(rest.data["effect"], whole, atol=1e-5)
    had = np.isfinite(stopped.data["effect"])
    assert np.array_equal(rest.data["effect"][had], stopped.data["effect"][had])
    assert len(set(kept.glob("*.npz"))) == len(files) - 1


def test_a_run_that_wants_fewer_edges_leaves_what_a_stopped_one_kept():
    stopped = edges(report=Stopping(40), method="exact", metric="prob")
    few = edges(method="exact", metric="prob", best=3)
    kept = edge_memory.recall(sides_of(metric="prob"))
    for result in (stopped, few):
        had = np.isfinite(result.data["effect"])
        assert np.array_equal(kept[had], result.data["effect"][had])
    again = edges(method="exact", metric="prob").data["effect"]
    assert np.array_equal(again[np.isfinite(kept)], kept[np.isfinite(kept)])
    assert np.isnan(edge_memory.recall(sides_of(metric="prob"))).all()


@pytest.mark.parametrize("end", [Cancelled, MemoryError])
@pytest.mark.parametrize("keeps", [True, False])
def test_what_ends_among_circuits_leaves_all_exact_effects(end, keeps):
    class Ends(Reporter):
        keeps_partial = keeps

        def step(self, fraction, note=""):
            if note.startswith("Random circuit"):
                raise end

    edge_memory.forget(sides_of(metric="logit"))
    with suppress(end):
        edges(report=Ends(), method="exact", metric="logit", circuit="30")
    assert np.isfinite(edge_memory.recall(sides_of(metric="logit"))).all()
    # From there on nothing is left but the circuits.
    passes = named("toy").forward_passes
    edges(method="exact", metric="logit")
    first = named("toy").forward_passes - passes
    passes = named("toy").forward_passes
    edges(method="exact", metric="logit")
    assert first < named("toy").forward_passes - passes
    assert np.isnan(edge_memory.recall(sides_of(metric="logit"))).all()


@pytest.mark.parametrize("other", [{"metric": "prob"}, {"replace": "zero"}, {"rows": ROWS[:1]}])
def test_other_settings_do_not_go_on_from_it(other):
    stopped = edges(report=Stopping(40), method="exact", metric="logprob")
    kept = edge_memory.recall(sides_of())
    had = np.isfinite(stopped.data["effect"])
    assert np.array_equal(kept[had], stopped.data["effect"][had])
    assert np.isnan(edge_memory.recall(sides_of(**other))).all()


def test_what_was_kept_and_broken_is_not_believed():
    edges(report=Stopping(40), method="exact", metric="logprob")
    for path in (data_dir() / edge_memory.FOLDER).glob("*.npz"):
        path.write_bytes(path.read_bytes()[:-200])
    found = edges(method="exact", metric="logprob").data
    assert found["computed"] == EDGES


def test_who_wants_no_part_of_it_gets_the_cancellation():
    class Leaving(Stopping):
        keeps_partial = False

    with pytest.raises(Cancelled):
        edges(report=Leaving(40), method="exact")
    assert named("toy").hooks_left() == 0
