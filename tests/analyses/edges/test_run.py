"""`edges`: what is computed under which settings, what is said, and stopping and going on."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest

from desktop_app.analyses.edges.run import run
from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.methods import edge_measures, edge_memory
from desktop_app.methods.edge_measures import Effects, measure_exactly
from desktop_app.methods.edge_plan import Pace
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.estimates import rank_agreement
from desktop_app.methods.prepare import prepare
from desktop_app.session.exports import to_json_text
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.paths import data_dir
from tests.models import named, tiny

ROWS = (
    PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),
    PromptRow(text="2 3 4 5 ", corrupt="2 8 1 6 ", answer=("6",), wrong=("5",)),
)
LONGER = PromptRow(text="1 2 3 4 5 ", corrupt="1 2 9 4 7 ", answer=("6",), wrong=("5",))
EDGES = 262


def edges(rows=ROWS, report=None, model=None, clock=None, **settings):
    params = EdgesParams(prompts=rows, **settings)
    given = {} if clock is None else {"clock": clock}
    return run(model or named("toy"), params, report or SilentReporter(), **given)


class Ticks:
    """A clock that goes on by two seconds whenever it is asked."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 2.0
        return self.now


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


def test_auto_gives_estimates_and_exact_effects_of_all_edges_where_time_allows():
    found = edges().data
    assert found["effect"].shape == found["estimate"].shape == (EDGES, 2)
    assert found["estimate_eap"].shape == (EDGES, 2)
    assert np.isfinite(found["effect"]).all()
    assert found["computed"] == EDGES
    assert not found["estimated"]
    assert {"sender", "receiver", "input"} <= found.keys()
    names = list(zip(found["sender"], found["receiver"], found["input"], strict=True))
    assert names[0] == ("embed", "0.0", "q")
    assert names[-1] == (f"m{found['layers']['layers'] - 1}", "logits", "in")
    assert len(set(names)) == EDGES
    mean = found["effect"].mean(-1)
    np.testing.assert_allclose(found["effect_mean"], mean)
    spread = found["effect"].std(-1, ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(found["effect_sem"], spread, atol=1e-12)
    for end in ("", "_eap"):
        guess = found[f"estimate{end}"].mean(-1)
        assert found[f"agreement{end}"] == pytest.approx(rank_agreement(guess, mean))
        tops = [set(np.argsort(-np.abs(x))[:100].tolist()) for x in (guess, mean)]
        assert found[f"overlap{end}"] == len(tops[0] & tops[1]) / 100


@pytest.mark.parametrize("method", ["eap", "eap-ig"])
def test_estimates_alone_compute_no_effect_and_say_nothing_false(method):
    result = edges(method=method)
    both = edges(method="exact").data
    name = "estimate_eap" if method == "eap" else "estimate"
    np.testing.assert_allclose(result.data["estimate"], both[name], atol=1e-6)
    assert ("estimate_eap" in result.data) is (method == "eap-ig")
    assert np.isnan(result.data["effect"]).all()
    assert result.data["estimated"]
    assert result.data["computed"] == 0
    assert np.isnan(result.data["agreement"])
    codes = {notice.code for notice in result.warnings}
    assert not {"not_finite", "partial", "edges_estimated"} & codes


def test_the_best_estimated_are_computed_and_the_others_not():
    whole, some = edges(method="exact").data, edges(method="exact", best=30).data
    best = np.argsort(-np.abs(whole["estimate"].mean(-1)), kind="stable")[:30]
    known = np.isfinite(some["effect"]).all(-1)
    assert set(np.flatnonzero(known)) == set(best.tolist())
    np.testing.assert_allclose(some["effect"][known], whole["effect"][known], atol=1e-5)
    assert some["computed"] == 30
    assert np.isnan(some["overlap"])  # of 30 edges all are the largest
    assert np.isfinite(some["agreement"])
    assert "not_finite" not in {notice.code for notice in edges(method="exact", best=30).warnings}


def test_auto_takes_as_many_of_the_best_estimated_as_fit_its_budget():
    none = edges(budget=0)
    assert none.data["computed"] == 0
    some = edges(budget=0.1, clock=Ticks())
    count = some.data["computed"]
    assert 0 < count < EDGES
    best = np.argsort(-np.abs(some.data["estimate"].mean(-1)), kind="stable")[:count]
    assert set(np.flatnonzero(np.isfinite(some.data["effect"]).all(-1))) == set(best.tolist())
    for result, number in ((none, 0), (some, count)):
        said = next(n.message for n in result.warnings if n.code == "edges_estimated")
        assert f"held {number} of {EDGES} edges" in said
        assert "partial" not in {n.code for n in result.warnings}
    assert edges(budget=100_000, clock=Ticks()).data["computed"] == EDGES


def test_a_rank_has_no_estimate_and_exact_effects_all_the_same():
    found = edges(metric="rank").data
    assert "estimate" not in found
    assert found["computed"] == EDGES
    assert np.array_equal(found["effect"], np.round(found["effect"]))


def test_a_divergence_has_an_estimate_from_two_steps_on():
    for steps in (1, 2):
        found = edges(ROWS[:1], metric="kl", steps=steps).data
        assert ("estimate" in found) is (steps == 2)
        assert found["computed"] == EDGES
    assert found["estimate"].any()
    some = edges(ROWS[:1], metric="kl", steps=1, budget=0.1, clock=Ticks())
    (said,) = (n.message for n in some.warnings if n.code == "edges_estimated")
    assert "of the others nothing is known" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"metric": "rank", "method": "eap"}, "rank has no gradient"),
        ({"metric": "kl", "method": "eap"}, "kl has no gradient to estimate by in the untouched"),
        ({"metric": "kl", "method": "eap-ig", "steps": 1}, "kl has no gradient .* several --steps"),
        ({"metric": "rank", "best": 5}, "--best"),
        ({"metric": "kl", "best": 5, "steps": 1}, "--best"),
        ({"replace": "zero", "reference": ("1 2 3 4 ",)}, "--reference is for --replace mean"),
        ({"method": "none"}, "--method none"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(settings, said):
    sides_of()  # whether its places can be changed is tried once for each model
    passes = named("toy").forward_passes
    with pytest.raises(BadInputError, match=said):
        edges(**settings)
    assert named("toy").forward_passes - passes <= 2


def test_twins_of_another_length_and_missing_ones_are_refused():
    short = ROWS[0].model_copy(update={"corrupt": "7 9 6 "})
    with pytest.raises(BadInputError, match="make them equally long"):
        edges((short,))
    with pytest.raises(BadInputError, match="no corrupt twin"):
        edges((ROWS[0].model_copy(update={"corrupt": None}),))


def test_a_twin_of_the_same_tokens_is_refused():
    same = ROWS[1].model_copy(update={"corrupt": ROWS[1].text})
    with pytest.raises(BadInputError, match="Prompt 2 and its corrupt twin have the same tokens"):
        edges((ROWS[0], same))


def test_prompts_of_several_lengths_are_what_each_is_alone():
    both = edges((ROWS[0], LONGER), method="exact").data
    for number, row in enumerate((ROWS[0], LONGER)):
        alone = edges((row,), method="exact").data
        for name in ("effect", "estimate", "estimate_eap"):
            np.testing.assert_allclose(both[name][:, number], alone[name][:, 0], atol=2e-5)
    assert both["read_position"][0] < both["read_position"][1]


@pytest.mark.parametrize("elsewhere", ["mean", "zero"])
def test_without_twins_means_and_nothing_stand_elsewhere(elsewhere):
    rows = tuple(row.model_copy(update={"corrupt": None}) for row in ROWS)
    found = edges(rows, replace=elsewhere).data
    assert np.isfinite(found["effect"]).all()
    whole = edges(replace=elsewhere, reference=tuple(row.text for row in ROWS)) if (
        elsewhere == "mean"
    ) else edges(replace=elsewhere)  # fmt: skip
    np.testing.assert_allclose(found["effect"], whole.data["effect"], atol=1e-6)


def test_a_reference_of_other_lengths_is_pooled_and_that_is_said():
    result = edges(replace="mean", method="eap", reference=("1 2 3 ", "4 5 6 7 8 "))
    assert "means_pooled" in {notice.code for notice in result.warnings}
    alone = edges(ROWS[:1], replace="mean", method="eap")
    assert "reference_is_self" in {notice.code for notice in alone.warnings}
    assert not alone.data["estimate"].any()


def test_a_reference_beside_twins_changes_nothing_and_that_is_said():
    told = edges(method="eap", reference=("1 2 3 4 ",))
    (said,) = (n.message for n in told.warnings if n.code == "reference_unused")
    assert "--replace mean" in said
    plain = edges(method="eap")
    assert "reference_unused" not in {notice.code for notice in plain.warnings}
    assert np.array_equal(told.data["estimate"], plain.data["estimate"])


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


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_an_effect_that_is_not_finite_is_told_and_is_none_that_time_left_out(method, monkeypatch):
    measured = edge_measures.exact_effects

    def overflowing(sides, edges, effects, report, **more):
        noise = measured(sides, edges, effects, report, **more)
        effects[edges[edges == 7], 1] = -np.inf
        return noise

    monkeypatch.setattr(edge_measures, "exact_effects", overflowing)
    edge_memory.forget(sides_of(metric="loss"))
    result = edges(method=method, metric="loss")
    said = {notice.code: notice.message for notice in result.warnings}
    assert "the edges of prompt 2 holds numbers that are not finite" in said["not_finite"]
    assert "edges_estimated" not in said
    assert result.data["computed"] == EDGES - 1


def sides_of(rows=ROWS, metric="logprob", replace="corrupt"):
    params, model = EdgesParams(prompts=rows), named("toy")
    asked = (metric, replace, ())
    return Sides(model, params, prepare(model, params), asked, SilentReporter())


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


def test_grouped_queries_have_keys_and_values_of_the_key_value_heads():
    row = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))
    found = edges((row,), model=tiny("llama"), method="eap").data
    shared = {r for r, kind in zip(found["receiver"], found["input"], strict=True) if kind == "k"}
    assert shared == {f"{layer}.{head}" for layer in range(3) for head in range(2)}
    assert found["layers"] == {"layers": 3, "heads": 4, "kv_heads": 2, "parallel": []}


def test_a_small_budget_of_memory_gives_the_same_numbers():
    model = named("toy")
    whole = edges(method="exact").data["effect"]
    model.budget_bytes = 2_000_000
    try:
        small = edges(method="exact").data["effect"]
    finally:
        model.budget_bytes = None
    np.testing.assert_allclose(small, whole, atol=1e-5)


def test_the_result_is_plain_data():
    result = json.loads(to_json_text(edges(method="exact", best=10)))["result"]
    assert len(result["effect"]) == len(result["sender"]) == EDGES
    assert sum(row[0] is not None for row in result["effect"]) == 10
