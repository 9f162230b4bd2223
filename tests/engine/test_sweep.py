"""The engine: any list of interventions, each held to a plain hooked run of its own."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from desktop_app.contract.report import SilentReporter
from desktop_app.engine import memory
from desktop_app.engine.interventions import Add, Edit, FromRun, Replace, Scale, Variant, Zero
from desktop_app.engine.model import site_hook
from desktop_app.engine.shortcuts import acts
from desktop_app.engine.sweep import choose_starts, sweep
from desktop_app.engine.sweep_pass import Loss, Pass, SweepPlan
from desktop_app.support.errors import Cancelled, MemoryExhaustedError
from tests.models import tiny
from tests.patience import CHILD_S

IDS = [[1, 20, 30, 40, 50, 60], [1, 25, 35, 40, 50, 61]]
HEADED = {"head_z", "head_q", "head_k", "head_v", "pattern"}
D_MODEL, D_HEAD, S = 32, 8, 6


def read_logit(logits, _prompt, _base):
    return logits[:, 7] - logits[:, 9]


PLAN = SweepPlan((5, 4), read_logit)


def plain(model, variant, plan=PLAN):
    """One hooked run, written as in a notebook."""
    ids = torch.tensor(IDS)
    hooks, taken = [], {}
    names = {site_hook(e.layer, e.site) for e in variant.edits}
    with torch.no_grad():
        for name in names:
            model.bridge.run_with_hooks(
                ids, fwd_hooks=[(name, lambda x, hook: taken.update({hook.name: x.clone()}))]
            )
    for edit in variant.edits:
        name = site_hook(edit.layer, edit.site)

        def change(x, hook, edit=edit, name=name):
            at = list(range(S)) if edit.positions is None else list(edit.positions)
            for k, position in enumerate(at):
                place = (0, position) if edit.head is None else (0, position, edit.head)
                if edit.site == "pattern":
                    head = slice(None) if edit.head is None else edit.head
                    place = (0, head, position)
                value = edit.value
                if isinstance(value, Zero):
                    x[place] = 0
                elif isinstance(value, Scale):
                    x[place] = x[place] * value.factor
                elif isinstance(value, FromRun):
                    source = position if value.positions is None else value.positions[k]
                    there = (value.prompt, source, *place[2:])
                    if edit.site == "pattern":
                        there = (value.prompt, place[1], source)
                    x[place] = _of(taken, hook.name, name)[there]
                else:
                    given = value.values
                    row = given[k] if given.ndim == x[place].ndim + 1 and len(given) > 1 else given
                    row = row.reshape(x[place].shape) if row.numel() == x[place].numel() else row
                    x[place] = x[place] + row if isinstance(value, Add) else row
            return x

        hooks.append((name, change))
    with torch.no_grad():
        logits = model.bridge.run_with_hooks(
            ids[variant.prompt : variant.prompt + 1], fwd_hooks=hooks
        )[0]
    at = logits[plan.read[variant.prompt]]
    return float(at[7] - at[9])


def _of(taken, *names):
    return next(taken[n] for n in names if n in taken)


def mixture(seed, count=40):
    """Random interventions of every site and value, one to three in a run."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    variants = []
    for _ in range(count):
        edits = []
        for _ in range(rng.integers(1, 4)):
            site = str(
                rng.choice(
                    ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out",
                     "head_z", "head_q", "head_k", "head_v", "pattern"]
                )
            )  # fmt: skip
            kv = site in {"head_k", "head_v"}
            head = int(rng.integers(2 if kv else 4)) if site in HEADED else None
            positions = None
            if rng.random() < 0.7:
                chosen = rng.choice(S, size=rng.integers(1, 4), replace=False)
                positions = tuple(int(p) for p in np.sort(chosen))
            n = S if positions is None else len(positions)
            width = {"pattern": S}.get(site, D_HEAD if head is not None else D_MODEL)
            kind = rng.integers(6)
            if kind == 5 and positions is not None:
                # from other positions: none of them before the first that is written
                low = positions[0]
                value = FromRun(
                    int(rng.integers(2)), tuple(int(rng.integers(low, S)) for _ in positions)
                )
            else:
                value = [
                    Zero(),
                    Scale(float(rng.random() * 2)),
                    Replace(torch.randn(n, width)),
                    FromRun(int(rng.integers(2))),
                    Add(torch.randn(width)),
                    Zero(),
                ][kind]
            edits.append(Edit(int(rng.integers(3)), site, value, head, positions))
        places = {(e.layer, e.site) for e in edits}
        if len(places) == len(edits):  # where several meet, their order is the engine's own
            variants.append(Variant(tuple(edits), int(rng.integers(2))))
    return variants


@pytest.mark.parametrize("read", [(5, 4), (5, 5)])
@pytest.mark.parametrize("architecture", ["llama", "qwen3", "gemma2", "mixtral", "gemma4_text"])
def test_any_mixture_equals_runs_of_their_own(architecture, read):
    model, plan = tiny(architecture), SweepPlan(read, read_logit)
    variants = mixture(sum(map(ord, architecture)) + read[1])
    if not acts(model, "pattern"):
        variants = [v for v in variants if not any(e.site == "pattern" for e in v.edits)]
    swept = sweep(model, model.ids(IDS), variants, plan)
    expected = [plain(model, v, plan) for v in variants]
    np.testing.assert_allclose(swept.values.numpy(), expected, atol=1e-4)
    assert model.hooks_left() == 0


def test_an_offloaded_or_unable_model_computes_everything_and_agrees(monkeypatch):
    model = tiny("llama")
    variants = mixture(5)
    whole = sweep(model, model.ids(IDS), variants, PLAN)
    apart = replace(model, spec=replace(model.spec, offload="disk"))
    sweep(apart, model.ids(IDS), variants, PLAN)  # hooks are tried out in the first one
    passes = apart.forward_passes
    once = sweep(apart, model.ids(IDS), variants, PLAN)
    assert apart.forward_passes - passes == 2  # the stream that enters, and all the rest at once
    np.testing.assert_allclose(once.values.numpy(), whole.values.numpy(), atol=1e-4)


def test_starts_save_tokens_and_never_come_late():
    begins = choose_starts(dict.fromkeys(range(27), 30.0), 27, 2, 40.0)
    assert begins[0] == 0
    assert all(start <= p for p, start in begins.items())
    assert len(set(begins.values())) > 3
    assert set(choose_starts(dict.fromkeys(range(27), 30.0), 27, 2, 1e9).values()) == {0}
    assert choose_starts({}, 8, 1, 40.0) == {0: 0}
    alone = choose_starts({7: 270.0}, 8, 1, 40.0)
    assert alone == {0: 0, 7: 7}
    many = choose_starts(dict.fromkeys(range(2000), 1.0), 2000, 1, 40.0)
    assert all(0 <= start <= p for p, start in many.items())


def test_a_loss_counts_tokens_before_the_change_as_untouched():
    model = tiny("llama")
    ids = model.ids(IDS)
    for first in (1, 3, 5):
        plan = SweepPlan((5, 5), loss=Loss(ids, first))
        edits = [
            Variant((Edit(1, "mlp_out", Zero(), None, (p,)),), row)
            for p in range(S)
            for row in (0, 1)
        ]
        swept = sweep(model, ids, edits, plan)
        for variant, value in zip(edits, swept.values.tolist(), strict=True):
            position = variant.edits[0].positions[0]

            def zero(x, hook, position=position):
                x[:, position] = 0
                return x

            with torch.no_grad():
                logits = model.bridge.run_with_hooks(
                    ids[variant.prompt][None], fwd_hooks=[(site_hook(1, "mlp_out"), zero)]
                )[0]
            expected = torch.nn.functional.cross_entropy(
                logits[first - 1 : -1], ids[variant.prompt, first:]
            )
            assert value == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("by_loss", [False, True])
def test_logits_at_the_read_position_are_heard_of_whatever_is_scored(by_loss):
    model = tiny("llama")
    ids, read = model.ids(IDS), 2
    heard = {0: [], 1: []}

    def hear(prompt, logits):
        heard[prompt].append(logits)

    plan = SweepPlan((read, read), read_logit, heard=hear)
    if by_loss:
        plan = SweepPlan((read, read), loss=Loss(ids), heard=hear)
    variants = [Variant((Edit(0, "resid_pre", Zero(), None, (p,)),), 1) for p in (0, read, 5)]
    sweep(model, ids, variants, plan)
    untouched = model.run(ids)[:, read]
    first, second = (torch.cat(heard[prompt]) for prompt in (0, 1))
    torch.testing.assert_close(first[:1], untouched[:1], atol=1e-5, rtol=0)
    # What begins after the read position leaves it as it was, whether it is heard of or not.
    changed = [row for row in second if not torch.allclose(row, untouched[1], atol=1e-4)]
    assert len(changed) == 2


def test_zeroing_a_kv_head_at_v_is_zeroing_z_of_its_query_heads():
    model = tiny("llama")
    group = model.info.n_heads // model.info.n_kv_heads
    for layer in range(3):
        for g in range(model.info.n_kv_heads):
            at_v = Variant((Edit(layer, "head_v", Zero(), g),))
            heads = range(g * group, (g + 1) * group)
            at_z = Variant(tuple(Edit(layer, "head_z", Zero(), h) for h in heads))
            found = sweep(model, model.ids(IDS), [at_v, at_z], PLAN).values
            assert float(found[0]) == pytest.approx(float(found[1]), abs=1e-5)


def test_cancelling_at_every_layer_leaves_no_hook_and_changes_nothing():
    model = tiny("llama")
    variants = mixture(7)
    before = sweep(model, model.ids(IDS), variants, PLAN).values

    class Stops(SilentReporter):
        def __init__(self, after):
            self.left = after

        def step(self, fraction, note=""):
            self.left -= 1
            if self.left < 0:
                raise Cancelled

    for after in range(3):
        with pytest.raises(Cancelled):
            sweep(model, model.ids(IDS), variants, PLAN, Stops(after))
        assert model.hooks_left() == 0
    again = sweep(model, model.ids(IDS), variants, PLAN).values
    assert bool((again == before).all())


def test_an_error_in_a_hook_leaves_none_behind():
    model = tiny("llama")
    bad = Variant((Edit(1, "head_z", Replace(torch.zeros(3, 99)), 0, (0, 1, 2)),))
    before = sweep(model, model.ids(IDS), mixture(3), PLAN).values
    with pytest.raises(RuntimeError):
        sweep(model, model.ids(IDS), [bad], PLAN)
    assert model.hooks_left() == 0
    assert bool((sweep(model, model.ids(IDS), mixture(3), PLAN).values == before).all())


def test_one_at_a_time_is_the_last_resort(monkeypatch):
    model = tiny("llama")

    def never(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    ids = model.ids(IDS)
    sweep(model, ids, mixture(1), PLAN)  # what the architecture stands has been tried out
    monkeypatch.setattr("desktop_app.engine.sweep_pass.Pass.run", never)
    with pytest.raises(MemoryExhaustedError, match="single change at a time"):
        sweep(model, ids, mixture(1), PLAN)


def test_what_a_failed_pass_had_made_is_let_go_before_the_next(monkeypatch):
    model = tiny("llama")
    ids, made, alive = model.ids(IDS), [], []
    sweep(model, ids, mixture(4), PLAN)
    original = Pass.run

    def run(self, *arguments):
        if not made:
            big = torch.zeros(1000)
            made.append(weakref.ref(big))
            raise torch.OutOfMemoryError("CUDA out of memory")
        alive.append(made[0]() is not None)
        return original(self, *arguments)

    def given_back(_device):
        alive.append(made[0]() is not None)

    monkeypatch.setattr("desktop_app.engine.sweep_pass.Pass.run", run)
    monkeypatch.setattr("desktop_app.engine.memory.release_memory", given_back)
    sweep(model, ids, mixture(4), PLAN)
    assert not any(alive)
    assert len(alive) > 1


def test_the_budget_bounds_the_rows_of_a_pass():
    model = tiny("llama")
    row = memory.row_bytes(model, S, S, read_all=False)
    plan = SweepPlan((5,), read_logit)
    bounded = replace(model, budget_bytes=int(20 * row * 1.35))
    assert memory.rows_per_pass(bounded, S, (1, S), plan) == 19
    assert memory.rows_per_pass(replace(model, budget_bytes=1), S, (1, S), plan) == 1


@pytest.mark.model
@pytest.mark.slow
def test_peak_memory_stays_within_the_budget_and_near_the_estimate(smollm2_folder):
    """In a process of its own, whose memory nobody else has used before."""
    import os
    import subprocess
    import sys

    code = """
import json, sys
from dataclasses import replace
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.analyses.ablate import run as ablate
from desktop_app.engine.loading import load
from desktop_app.engine.memory import used_bytes
from tests.benchmarks.engine import LONG, PeakOfRows
model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
few = AblateParams(prompts=(LONG,), mode="zero", layers="28:30")
ablate.run(replace(model, budget_bytes=1), few, SilentReporter())
bounded = replace(model, budget_bytes=150_000_000)
params = AblateParams(prompts=(LONG,), mode="zero", layers="25:30")
listener = EstimatingReporter()
estimate = listener.listen(lambda: ablate.run(bounded, params, listener))
before = used_bytes(model.device)
with PeakOfRows() as peak:
    ablate.run(bounded, params, SilentReporter())
print(json.dumps([peak.bytes(), before + peak.bytes(), estimate]))
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=CHILD_S,
        check=True,
        env=dict(os.environ),
    )
    rows, took, estimate = json.loads(run.stdout.splitlines()[-1])
    assert rows <= 1.1 * 150_000_000
    assert estimate == pytest.approx(took, rel=0.25)
    gc.collect()
