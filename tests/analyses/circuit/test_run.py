"""Circuits against plain Hugging Face hooks, the sweep of single parts, and models set by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.circuit import run as circuit
from desktop_app.analyses.circuit.spec import CircuitParams
from desktop_app.contract.kept import parse_kept, written_kept
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine import sites
from desktop_app.methods.knockout import Knockout
from desktop_app.support.errors import BadInputError, Cancelled
from tests.analyses.circuit.plain import Plain, parts_of, sum_model
from tests.engine.tind import tind
from tests.models import named, tiny

ROWS = (
    PromptRow(text="the cat sat", corrupt="the dog ran", answer="x", wrong="y"),
    PromptRow(text="one two abc", corrupt="two one cba", answer="q", wrong="r|s"),
)
REFERENCE = ("a b c d e f", "zz yy xx ww", "the end is.")
TOY = (
    PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=" 5", wrong=" 4"),
    PromptRow(text="2 3 4 5", corrupt="9 6 1 7", answer=" 6", wrong=" 5"),
    PromptRow(text="4 5 6 7", corrupt="3 8 2 9", answer=" 8", wrong=" 7"),
)
KEEP = "0.1,1.0@-1@2,1.3,2.2,m1,m2@3"
# Grouped queries, parallel blocks, norms behind the parts, rows that cannot grow, joined axes.
ARCHITECTURES = (
    *("gpt2", "gpt_neox", "gptj", "gpt_bigcode", "llama", "qwen3", "gemma2", "olmo2", "opt"),
    *("phi", "falcon", "cohere", "granite"),
)
# There the output of the MLP is not what its module gives: a factor or a norm stands between.
NO_MLPS = {"gemma2", "olmo2", "granite"}


def run(model, rows=ROWS, report=None, **settings):
    settings = {"controls": 0, **settings}
    return circuit.run(model, CircuitParams(prompts=rows, **settings), report or SilentReporter())


def encode(model, texts):
    return [model.tokenizer.encode(text).ids for text in texts]


def plain_of(architecture):
    model = tiny(architecture)
    return model, Plain(model.info.source, architecture, model.info.n_heads)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_circuits_equal_plain_hugging_face_hooks(architecture):
    model, plain = plain_of(architecture)
    mlps = architecture not in NO_MLPS
    keep = KEEP if mlps else "0.1,1.0@-1@2,1.3,2.2"
    result = run(model, reference=REFERENCE, keep=keep, mlps=mlps, minus=True)
    parts, kept = parts_of(model, mlps=mlps), parse_kept(keep)
    values = plain.means(encode(model, REFERENCE), parts)
    for n, record in enumerate(result.prompts):
        for name, one in (("score", kept), ("empty", {}), ("full", dict.fromkeys(parts))):
            expected = plain.score(record, one, values, parts)
            assert result.data[name][n] == pytest.approx(expected, abs=1e-4), name
        for k, part in enumerate(kept):
            less = {p: at for p, at in kept.items() if p != part}
            expected = plain.score(record, less, values, parts)
            assert result.data["minus_score"][k, n] == pytest.approx(expected, abs=1e-4)
    assert result.data["reference_size"] == 3 != len(ROWS)
    assert np.abs(result.data["score"] - result.data["full"]).max() > 1e-3
    assert np.abs(result.data["score"] - result.data["empty"]).max() > 1e-4
    assert result.data["kept"] == written_kept(kept)
    assert model.hooks_left() == 0


@pytest.mark.parametrize("replace", ["zero", "resample"])
@pytest.mark.parametrize("architecture", ["gpt2", "llama", "bloom"])
def test_zero_and_twins_equal_plain_hooks(architecture, replace):
    model, plain = plain_of(architecture) if architecture != "bloom" else (tiny("bloom"), None)
    result = run(model, replace=replace, keep="0.1,2.0@1", minus=True)
    parts, kept = parts_of(model, mlps=False), parse_kept("0.1,2.0@1")
    for n, record in enumerate(result.prompts):
        twin = list(record.corrupt_tokens.ids)
        if plain is None:
            expected = by_bridge(model, record, kept, twin if replace == "resample" else None)
        else:
            values = plain.means([twin], parts)
            if replace == "zero":
                values = {part: torch.zeros_like(value) for part, value in values.items()}
            expected = plain.score(record, kept, values, parts)
        assert result.data["score"][n] == pytest.approx(expected, abs=1e-4)
    assert "reference_size" not in result.data


def by_bridge(model, record, kept, twin):
    """Return the same by TransformerLens' hooks, one row at a time."""
    ids = list(record.tokens.ids)
    cache = {}
    if twin is not None:
        _logits, cache = model.bridge.run_with_cache(torch.tensor([twin]))

    def hook(layer):
        def change(z, hook):
            z = z.clone()
            for head in range(model.info.n_heads):
                at = kept.get((layer, head), ())
                if at is not None:
                    rows = [p for p in range(len(ids)) if p not in at]
                    name = f"blocks.{layer}.attn.hook_z"
                    z[0, rows, head] = cache[name][0, rows, head] if twin else 0.0
            return z

        return change

    hooks = [(f"blocks.{n}.attn.hook_z", hook(n)) for n in range(model.info.n_layers)]
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)[0, -1]
    right = logits[[a.token_id for a in record.answers]].mean()
    return float(right - logits[[w.token_id for w in record.wrongs]].mean())


@pytest.mark.parametrize("mlps", [False, True])
def test_the_full_circuit_is_the_model_to_the_last_bit(mlps):
    data = run(named("toy"), TOY, mlps=mlps).data
    np.testing.assert_array_equal(data["score"], data["full"])
    assert data["task_done"].all()
    assert (data["percent"] == 100.0).all()
    assert data["percent_of_means"] == 100.0
    assert (data["faithfulness"] == 1.0).all()
    assert len(data["kept"]) == data["total"] == (15 if mlps else 12)


def test_all_positions_named_are_the_full_circuit():
    """5 tokens, each of them named for every head: nothing is replaced."""
    model = named("toy")
    count = len(model.tokenizer.encode(TOY[0].text).ids)
    at = "".join(f"@{p}" for p in range(count))
    keep = ",".join(f"{layer}.{head}{at}" for layer in range(3) for head in range(4))
    data = run(model, TOY[:1], keep=keep).data
    np.testing.assert_array_equal(data["score"], data["full"])


@pytest.mark.parametrize("prune", [None, 100.0])
def test_an_empty_circuit_stays_empty(prune):
    data = run(named("toy"), TOY, keep="none", prune=prune, minus=True, minimality=True).data
    assert data["kept"] == ()
    np.testing.assert_array_equal(data["score"], data["empty"])
    assert (data["faithfulness"] == 0.0).all()
    assert data["minus"].shape == data["minimality"].shape == (0,)
    assert prune is None or data["trail"] == []


@pytest.mark.parametrize("mlps", [False, True])
def test_minus_one_of_the_full_circuit_is_the_sweep_of_single_parts(mlps):
    model = named("toy")
    data = run(model, TOY, minus=True, mlps=mlps).data
    given = AblateParams(prompts=TOY, mode="mean")
    alone = ablate.run(model, given, SilentReporter()).data["ablated"]
    is_head = np.array([not name.startswith("m") for name in data["kept"]])
    np.testing.assert_allclose(data["minus_score"][is_head], alone.reshape(-1, len(TOY)), atol=1e-5)
    if mlps:
        given = given.model_copy(update={"component": "mlp"})
        alone = ablate.run(model, given, SilentReporter()).data["ablated"]
        np.testing.assert_allclose(data["minus_score"][~is_head], alone, atol=1e-5)
    np.testing.assert_allclose(data["minus"], data["minus_score"].mean(1))
    np.testing.assert_allclose(
        data["minus_percent"], 100 * data["minus"] / data["full"].mean(), rtol=1e-9
    )


def test_all_but_one_is_the_sweeps_value_of_it_and_only_one_is_another_number():
    model = named("toy")
    swept = run(model, TOY, minus=True).data
    everything = swept["kept"]
    for number in (0, 5, 11):
        rest = ",".join(name for name in everything if name != everything[number])
        found = run(model, TOY, keep=rest).data["score"]
        np.testing.assert_allclose(found, swept["minus_score"][number], atol=1e-5)
        only = run(model, TOY, keep=everything[number]).data["score"]
        assert np.abs(only - found).max() > 1e-3


def test_the_order_of_what_is_kept_never_matters():
    model = named("toy")
    names = ["2.1", "0.3", "m1", "1.0@-1", "m0", "0.0"]
    one, other = (
        run(model, TOY, keep=",".join(order), mlps=True, minus=True, controls=3).data
        for order in (names, names[::-1])
    )
    assert one["kept"] == other["kept"] == ("0.0", "0.3", "m0", "1.0@-1", "m1", "2.1")
    for name in ("score", "minus_score", "control_score"):
        np.testing.assert_array_equal(one[name], other[name])


def test_means_are_taken_group_by_group():
    model, plain = plain_of("llama")
    rows = tuple(
        row.model_copy(update={"group": name}) for row, name in zip(ROWS, "AB", strict=True)
    )
    groups = ("A", "B", "B")
    apart = run(model, rows, reference=REFERENCE, reference_groups=groups, keep="1.1")
    joined = run(model, rows, reference=REFERENCE, keep="1.1")
    parts, kept = parts_of(model, mlps=False), {(1, 1): None}
    ids = encode(model, REFERENCE)
    for n, some in enumerate((ids[:1], ids[1:])):
        values = plain.means(some, parts)
        expected = plain.score(apart.prompts[n], kept, values, parts)
        assert apart.data["score"][n] == pytest.approx(expected, abs=1e-4)
        expected = plain.score(apart.prompts[n], kept, plain.means(ids, parts), parts)
        assert joined.data["score"][n] == pytest.approx(expected, abs=1e-4)
    assert np.abs(apart.data["score"] - joined.data["score"]).max() > 1e-4
    assert [(g["group"], g["prompts"], g["reference"]) for g in apart.data["groups"]] == [
        ("A", 1, 1),
        ("B", 1, 2),
    ]
    assert {n.code for n in joined.warnings} - {n.code for n in apart.warnings} == {
        "means_ungrouped"
    }


def test_each_template_alone_keeps_its_own_constants():
    """Its reference is itself: nothing changes with its own mean, all does with a shared one."""
    model = tiny("gpt2")
    rows = tuple(
        row.model_copy(update={"group": name}) for row, name in zip(ROWS, "AB", strict=True)
    )
    own = run(model, rows, keep="none").data
    np.testing.assert_allclose(own["score"], own["full"], atol=1e-5)
    shared = run(model, ROWS, keep="none").data
    assert np.abs(shared["score"] - shared["full"]).max() > 1e-3


def test_means_are_pooled_where_lengths_differ_and_said_so():
    model, plain = plain_of("llama")
    texts = ("a b c d e f", "zz yy")
    result = run(model, reference=texts, keep="0.0,1.1", mlps=False)
    assert [n.code for n in result.warnings].count("means_pooled") == 1
    assert result.data["groups"][0]["pooled"]
    parts = parts_of(model, mlps=False)
    runs = [plain.seen(list(ids))[0] for ids in encode(model, texts)]
    count = len(result.prompts[0].tokens)
    values = {
        (layer, head): torch.cat([z[layer][:, head] for z in runs]).mean(0).expand(count, -1)
        for layer, head in parts
    }
    for n, record in enumerate(result.prompts):
        expected = plain.score(record, {(0, 0): None, (1, 1): None}, values, parts)
        assert result.data["score"][n] == pytest.approx(expected, abs=1e-4)


def test_as_published_equals_a_computation_by_hand_and_differs_from_intact():
    """The means of MLPs come from reference runs in which the heads outside are replaced."""
    model, plain = plain_of("gpt2")
    keep, parts = "0.1,1.2,m1", parts_of(model, mlps=True)
    kept, ids = parse_kept(keep), encode(model, REFERENCE)
    found = {
        means: run(
            model, reference=REFERENCE, keep=keep, mlps=True, means=means, minus=True, prune=None
        )
        for means in ("intact", "as-published")
    }
    heads = [part for part in parts if part[1] is not None]

    def score(record, kept):
        values = plain.means(ids, heads)
        gone = Plain.gone(len(ids[0]), kept, values, heads)
        values |= plain.means(ids, [p for p in parts if p[1] is None], gone)
        return plain.score(record, kept, values, parts)

    result = found["as-published"]
    for n, record in enumerate(result.prompts):
        assert result.data["score"][n] == pytest.approx(score(record, kept), abs=1e-4)
        assert result.data["empty"][n] == pytest.approx(score(record, {}), abs=1e-4)
        for k, part in enumerate(kept):
            less = {p: at for p, at in kept.items() if p != part}
            assert result.data["minus_score"][k, n] == pytest.approx(score(record, less), abs=1e-4)
    apart = np.abs(result.data["score"] - found["intact"].data["score"])
    assert apart.max() > 1e-4
    # Without MLPs in the circuit there is no order to depend on.
    one, other = (
        run(model, reference=REFERENCE, keep="0.1,1.2", means=means).data["score"]
        for means in ("intact", "as-published")
    )
    np.testing.assert_array_equal(one, other)


def test_positions_restrict_heads_to_where_they_are_needed():
    """T-IND: the induction head is needed where it predicts, the one before it everywhere."""
    model = tind()
    text = "A B C D E F A B C"
    row = PromptRow(text=text, answer="D", wrong="E")
    scores = {
        keep: run(model, (row,), keep=keep, replace="zero", bos="yes").data
        for keep in ("0.0,1.0@-1", "0.0@-1,1.0@-1", "1.0@-1", "0.0,1.0@0")
    }
    full = scores["0.0,1.0@-1"]["full"][0]
    assert scores["0.0,1.0@-1"]["score"][0] == pytest.approx(full, rel=1e-4)
    for keep in ("1.0@-1", "0.0,1.0@0", "0.0@-1,1.0@-1"):
        assert abs(scores[keep]["score"][0]) < 0.35 * full, keep


def test_percentages_are_withheld_where_the_model_does_not_do_the_task():
    data = run(tiny("llama"), keep="0.1", minus=True, controls=2).data
    assert np.isnan(data["percent"][~data["task_done"]]).all()
    assert not data["task_done"].any()
    for name in ("percent_of_means", "minus_percent", "control_percent"):
        assert np.isnan(data[name]).all(), name
    assert np.isfinite(data["faithfulness"]).all()


@pytest.mark.parametrize("metric", ["logprob", "prob", "rank", "loss", "kl"])
def test_other_metrics_are_compared_with_the_untouched_model(metric):
    """As the sweep of single parts has them, also beneath what a circuit lacks."""
    model = tiny("llama")
    settings = {"reference": REFERENCE, "metric": metric}
    data = run(model, minus=True, **settings).data
    given = AblateParams(prompts=ROWS, mode="mean", **settings)
    alone = ablate.run(model, given, SilentReporter()).data["ablated"]
    np.testing.assert_allclose(data["minus_score"], alone.reshape(-1, 2), atol=1e-5)
    inside = run(model, keep="1.0,1.1,2.2", minus=True, **settings).data["minus_score"][0]
    np.testing.assert_allclose(
        inside, run(model, keep="1.1,2.2", **settings).data["score"], atol=1e-5
    )


def test_controls_are_random_circuits_of_the_same_layers():
    model = named("toy")
    settings = {"keep": "0.1,0.2,1.0@-1,m2", "mlps": True}
    data = run(model, TOY, controls=6, **settings).data
    assert len(data["control_sets"]) == 6 == len(data["control_score"])
    for number, written in enumerate(data["control_sets"]):
        kept = parse_kept(written)
        assert sorted(part[0] for part in kept) == [0, 0, 1, 2]
        assert kept[2, None] is None
        assert {at for part, at in kept.items() if part[0] == 1} == {(-1,)}
        found = run(model, TOY, keep=written, mlps=True).data
        np.testing.assert_allclose(data["control_score"][number], found["score"], atol=1e-5)
        assert data["control_percent"][number] == pytest.approx(found["percent_of_means"])
        assert data["control_faithfulness"][number] == pytest.approx(found["faithfulness_mean"])
    assert len(set(data["control_sets"])) > 1
    again = run(model, TOY, controls=6, **settings).data
    other = run(model, TOY, controls=6, seed=1, **settings).data
    assert again["control_sets"] == data["control_sets"] != other["control_sets"]
    # Nothing is left to chance where all heads of a layer stay, or none.
    assert "control_sets" not in run(model, TOY, controls=6).data
    whole_layer = run(model, TOY, controls=6, keep="1.0,1.1,1.2,1.3").data
    assert "control_sets" not in whole_layer


def test_completeness_compares_circuit_and_model_without_the_same_set():
    model = named("toy")
    keep = "0.1,1.0,2.2,2.3"
    data = run(model, TOY, keep=keep, completeness=4).data
    everything = run(model, TOY).data["kept"]
    for number, written in enumerate(data["complete_sets"]):
        out = {name for name in written.split(",") if name}
        assert out <= set(keep.split(","))
        for field, names in (("complete_circuit", keep.split(",")), ("complete_model", everything)):
            rest = ",".join(name for name in names if name not in out) or "none"
            expected = run(model, TOY, keep=rest).data["score"]
            np.testing.assert_allclose(data[field][number], expected, atol=1e-5)


def test_minimality_is_the_largest_change_beside_the_sets_that_were_tried():
    model = named("toy")
    keep = ["0.1", "1.0", "2.2"]
    data = run(model, TOY, keep=",".join(keep), minimality=True, completeness=3).data
    assert len(data["minimality_sets"]) == 3

    def mean(names):
        return run(model, TOY, keep=",".join(names) or "none").data["score"].mean()

    for number, part in enumerate(keep):
        changes = {}
        for written in ("", *data["minimality_sets"]):
            rest = [n for n in keep if n not in written.split(",") and n != part]
            beside = ",".join(n for n in written.split(",") if n and n != part)
            changes[beside] = abs(mean(rest) - mean([*rest, part]))
        assert data["minimality"][number] == pytest.approx(max(changes.values()), abs=1e-5)
        chosen = changes[data["minimality_set"][number]]
        assert chosen == pytest.approx(max(changes.values()), abs=1e-5)


def test_the_linear_model_set_by_hand_loses_what_each_part_is_worth():
    row = PromptRow(text="a b c", answer="yes", wrong="no")
    data = run(sum_model(), (row,), replace="zero", minus=True).data
    assert data["full"][0] == pytest.approx(10.0, rel=1e-4)  # (50 + 30 + 15 + 4 + 1) / 10
    np.testing.assert_allclose(data["minus_percent"], [50, 70, 85, 96, 99], atol=1e-3)


@pytest.mark.parametrize(
    ("passes", "kept", "left"),
    [
        ("backward", ("0.0", "1.0", "2.0"), 95),
        ("both", ("0.0", "1.0", "2.0"), 95),
        ("forward", ("0.0", "1.0", "4.0"), 81),
    ],
)
def test_pruning_the_linear_model_set_by_hand(passes, kept, left):
    """Worth 50, 30, 15, 4, 1 in the order of layers, at just below 20 %: the order shows."""
    row = PromptRow(text="a b c", answer="yes", wrong="no")
    data = run(sum_model(), (row,), replace="zero", prune=19.5, passes=passes).data
    assert (data["kept"], round(data["percent_of_means"], 3)) == (kept, left)


class Stops(SilentReporter):
    """Cancels the pruning after so many partial results, and wants what there is."""

    keeps_partial = True

    def __init__(self, after):
        self.after, self.seen = after, []

    def partial(self, data):
        self.seen.append(data)

    def step(self, fraction, note=""):
        if len(self.seen) > self.after:
            raise Cancelled


def outcomes(trail):
    """Return a trail without its percentages."""
    return [(number, part, outcome) for number, part, _before, _after, outcome in trail]


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_pruning_that_was_stopped_goes_on_to_the_same_circuit(after):
    model = named("toy")
    settings = {"prune": 25.0, "mlps": True, "minus": True}
    whole = run(model, TOY, **settings)
    report = Stops(after)
    part = run(model, TOY, report, **settings)
    steps = part.data["trail"]
    assert 0 < len(steps) < len(whole.data["trail"])
    assert outcomes(steps) == outcomes(whole.data["trail"])[: len(steps)]
    assert "Go on from its trail" in part.partial
    assert "minus" not in part.data
    assert report.seen[-1]["kept"] == part.data["kept"]
    on = run(model, TOY, resume=json.dumps(part.to_json()["result"]["trail"]), **settings)
    assert on.data["kept"] == whole.data["kept"]
    assert outcomes(on.data["trail"]) == outcomes(whole.data["trail"])
    np.testing.assert_allclose(on.data["score"], whole.data["score"], atol=1e-4)
    np.testing.assert_allclose(on.data["minus_score"], whole.data["minus_score"], atol=1e-4)
    assert on.partial == ""


@pytest.mark.parametrize("left_out", [0, 2])
def test_a_trail_of_other_replacements_is_refused_whole_and_in_part(left_out):
    model, settings = named("toy"), {"prune": 40.0, "mlps": True}
    trail = run(model, TOY, **settings, replace="zero").data["trail"]
    trail = trail[: len(trail) - left_out]
    assert any(step[4] == "dropped" for step in trail)
    given = json.dumps([list(step) for step in trail])
    assert run(model, TOY, **settings, replace="zero", resume=given).data["trail"][0] == trail[0]
    with pytest.raises(BadInputError, match="% is left after it"):
        run(model, TOY, **settings, resume=given)


def test_an_empty_circuit_is_run_once(monkeypatch):
    asked, scores = [], Knockout.scores

    def counted(self, base, circuits, report=None):
        asked.append(len(circuits))
        return scores(self, base, circuits, report)

    monkeypatch.setattr(Knockout, "scores", counted)
    data = run(named("toy"), TOY, keep="none").data
    assert asked == [1]
    np.testing.assert_array_equal(data["score"], data["empty"])


def test_a_run_that_nobody_wants_in_part_is_cancelled_and_leaves_nothing():
    model, report = named("toy"), Stops(1)
    report.keeps_partial = False
    with pytest.raises(Cancelled):
        run(model, TOY, report, prune=25.0)
    assert model.hooks_left() == 0


def test_what_comes_after_the_score_may_be_missing():
    class Late(Stops):
        def step(self, fraction, note=""):
            if fraction > 0.5:
                raise Cancelled

    result = run(named("toy"), TOY, Late(0), keep="0.1,1.1", minus=True, completeness=200)
    assert "Stopped before completeness was known" in result.partial
    assert np.isfinite(result.data["score"]).all()
    assert "complete_circuit" not in result.data


def test_partial_results_grow_while_a_pruning_runs():
    report = Stops(10**9)
    result = run(named("toy"), TOY, report, prune=25.0, mlps=True)
    steps = [len(data["trail"]) for data in report.seen]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert steps[-1] == len(result.data["trail"])
    for data in report.seen:
        dropped = {row[1] for row in data["trail"] if row[4] == "dropped"}
        assert len(data["kept"]) == data["total"] - len(dropped)


def test_as_published_takes_references_shorter_than_a_kept_position():
    settings = {"mlps": True, "reference": ("a b",), "means": "as-published"}
    one = run(named("toy"), TOY, keep="0.1@4,m0", **settings)
    none = run(named("toy"), TOY, keep="m0", **settings)
    assert np.isfinite(one.data["score"]).all()
    assert not np.allclose(one.data["score"], none.data["score"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"keep": "9.0"}, "layer 9 does not exist"),
        ({"keep": "0.9"}, "head 9 does not exist"),
        ({"keep": "m1"}, "choose --mlps"),
        ({"keep": "0.1@99"}, "prompt 1 has 5 tokens"),
        ({"keep": "0.1@-8"}, "prompt 1 has 5 tokens"),
        ({"prune": 20, "metric": "kl"}, "which kl does not have"),
        ({"resume": "[]"}, "give --prune"),
        ({"prune": 20, "resume": "[[1]]"}, "no trail of a pruning"),
        ({"prune": 20, "resume": "{"}, "no trail of a pruning"),
        ({"prune": 20, "resume": '[[1e999,"0.0",100,99,"kept"]]'}, "no trail of a pruning"),
        ({"prune": 20, "resume": '[[1,"0.0",100,99,"dropped"]]'}, "2.0 comes next in pass 1"),
        ({"prune": 20, "resume": '[[1,"2.0",100,70,"dropped"]]'}, "it would not be so"),
        ({"generate": 500}, "generate fewer"),
        ({"reference": ("a", "b"), "reference_groups": ("x",)}, "names 1 groups for 2"),
        ({"reference_groups": ("x", "y", "z")}, "groups of no reference: give --reference"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(settings, words):
    with pytest.raises(BadInputError, match=words):
        run(named("toy"), TOY, **settings)


def test_texts_too_long_to_generate_are_refused_before_anything_runs():
    model = named("toy")
    before = model.forward_passes
    with pytest.raises(BadInputError, match="generate fewer"):
        run(model, TOY, prune=20, generate=500)
    assert model.forward_passes == before


def test_a_group_without_reference_is_refused():
    rows = tuple(
        row.model_copy(update={"group": name}) for row, name in zip(ROWS, "AB", strict=True)
    )
    with pytest.raises(BadInputError, match="group “B”"):
        run(tiny("llama"), rows, reference=REFERENCE[:1], reference_groups=("A",))


def test_there_is_nothing_to_prune_where_the_metric_is_not_above_zero():
    rows = tuple(row.model_copy(update={"answer": row.wrong, "wrong": row.answer}) for row in TOY)
    with pytest.raises(BadInputError, match="nothing to prune"):
        run(named("toy"), rows, prune=20)


@pytest.mark.parametrize("replace", ["mean", "zero", "resample"])
def test_generation_equals_a_plain_loop_that_replaces_at_every_step(replace):
    model, plain = plain_of("llama")
    keep, parts = "0.1,1.0,2.2@-1", parts_of(model, mlps=False)
    result = run(model, reference=REFERENCE, replace=replace, keep=keep, generate=4)
    kept = parse_kept(keep)
    for n, record in enumerate(result.prompts):
        ids = list(record.tokens.ids)
        sources = {
            "mean": encode(model, REFERENCE),
            "zero": encode(model, REFERENCE),
            "resample": [record.corrupt_tokens.ids],
        }[replace]
        values = plain.means(sources, parts)
        for _step in range(4):
            # Beyond the reference: the mean over its positions.
            more = len(ids) - len(record.tokens)
            longer = {
                part: torch.cat([v, v.mean(0, keepdim=True).expand(more, -1)])
                * (0.0 if replace == "zero" else 1.0)
                for part, v in values.items()
            }
            gone = Plain.gone(len(ids), kept, longer, parts)
            ids.append(int(plain.seen(ids, gone)[2][-1].argmax()))
        found = result.data["generated"][n]
        expected = ids[len(record.tokens) :]
        assert found["ids"] == expected[: len(found["ids"])]
        assert len(found["ids"]) == 4 or found["ids"][-1] in {1, 2}
        assert len(found["texts"]) == len(found["logprobs"]) == len(found["ids"])
    assert "mean over its positions" in result.data["generation_rule"]


def test_the_whole_circuit_generates_what_the_model_does():
    data = run(named("toy"), TOY, generate=3).data
    assert data["generated"] == data["generated_full"]
    assert data["generated"][0]["texts"][0] == " 5"


def test_a_part_that_is_only_shown_is_refused_with_what_helps(monkeypatch):
    """A circuit has no `--site` to choose another place by."""
    monkeypatch.setattr(sites, "acts", lambda _model, _site: False)
    with pytest.raises(BadInputError, match=r"only shows .*: choose another model") as found:
        run(tiny("llama"))
    assert "--site" not in str(found.value)
