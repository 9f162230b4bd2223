"""The grid sweep against a loop of plain TransformerLens runs, with edits of every kind."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from desktop_app.contract.params import Params, PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.engine.interventions import Add, Edit, FromRun, Replace, Scale, Variant, Zero
from desktop_app.methods.estimates import estimate_mode, rank_agreement
from desktop_app.methods.grid import Cell, Grid, Inputs, run_grid
from desktop_app.methods.prepare import prepare, twins_of
from desktop_app.support.errors import BadInputError
from tests.models import tiny

ROWS = (
    PromptRow(text="ab cd g", corrupt="ab xd g", answer="h", wrong="i"),
    PromptRow(text="one two abc", corrupt="two one cba", answer="q", wrong="r|s"),
    PromptRow(text="gh cd g", corrupt="ab cd x", answer="x", wrong="h"),
)
RANDOM = torch.Generator().manual_seed(3)
STREAM, MLP = torch.randn(32, generator=RANDOM), torch.randn(1, 32, generator=RANDOM)
NAMES = {"head_z": "attn.hook_z", "mlp_out": "hook_mlp_out", "resid_post": "hook_out"}


def runs(row: int, twin: int) -> list[Variant]:
    """Return runs of one prompt, none of which is a single head alone, by every kind of value."""
    copied = Edit(1, "resid_post", FromRun(twin), None, (4,))
    return [
        Variant((Edit(0, "head_z", Zero(), 1), Edit(2, "head_z", Zero(), 3)), row),
        Variant((Edit(1, "mlp_out", Replace(MLP), None, (2,)), copied), row),
        Variant((Edit(0, "resid_post", Add(STREAM[None]), None, (1, 3)),), row),
        Variant((Edit(2, "mlp_out", Scale(0.5)), Edit(0, "head_z", Scale(2.0), 0, (5,))), row),
        Variant((Edit(1, "head_z", FromRun(row, (2,)), 2, (5,)),), twin),
        Variant((Edit(0, "resid_post", FromRun(twin)),), row),
    ]


def cells(group):
    for row, prompt in enumerate(group.prompts):
        for number, variant in enumerate(runs(row, group.twin(row))):
            yield Cell(prompt, (number,), variant)


@cache
def prepared(rows=ROWS):
    return prepare(tiny("llama"), Params(prompts=rows))


def inputs(metric="logit_diff", rows=ROWS) -> Inputs:
    return Inputs.of_prompts(prepared(rows), metric, twins_of(prepared(rows), "a test"))


def grid(metric="logit_diff", **more) -> Grid:
    return Grid(inputs(metric), lambda _length: (6,), cells, **more)


def sweep(**more):
    return run_grid(tiny("llama"), grid(**more), SilentReporter())


@cache
def plain_cache(ids: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Return what one plain run has at the places that are edited here."""
    seen: dict[str, torch.Tensor] = {}
    names = [f"blocks.{layer}.{name}" for layer in range(3) for name in NAMES.values()]
    hooks = [(name, lambda x, hook, name=name: seen.update({name: x.clone()})) for name in names]
    with torch.no_grad():
        tiny("llama").bridge.run_with_hooks(torch.tensor([ids]), fwd_hooks=hooks)
    return seen


def name_of(edit: Edit) -> str:
    return f"blocks.{edit.layer}.{NAMES[edit.site]}"


def put(edit: Edit, found: torch.Tensor, caches) -> torch.Tensor:
    """Return an activation `[1, S, ...]` with an edit made, written out by hand."""
    found = found.clone()
    positions = range(found.shape[1]) if edit.positions is None else edit.positions
    for number, position in enumerate(positions):
        at = (0, position) if edit.head is None else (0, position, edit.head)
        value = edit.value
        if isinstance(value, Zero):
            found[at] = 0
        elif isinstance(value, Scale):
            found[at] = found[at] * value.factor
        elif isinstance(value, Add):
            found[at] = found[at] + value.values[0]
        elif isinstance(value, Replace):
            found[at] = value.values[0]
        else:
            source = position if value.positions is None else value.positions[number]
            there = (0, source) if edit.head is None else (0, source, edit.head)
            found[at] = caches[value.prompt][name_of(edit)][there]
    return found


def logit_diff(logits: torch.Tensor, record) -> torch.Tensor:
    right = logits[[a.token_id for a in record.answers]].mean()
    return right - logits[[w.token_id for w in record.wrongs]].mean()


def plain_rows(record):
    return [record.tokens.ids, record.corrupt_tokens.ids]


def plain(record, variant: Variant) -> float:
    """Return the metric of a run from one plain forward pass."""
    ids = plain_rows(record)
    caches = [plain_cache(row) for row in ids]
    hooks = [(name_of(e), lambda x, hook, e=e: put(e, x, caches)) for e in variant.edits]
    with torch.no_grad():
        logits = tiny("llama").bridge.run_with_hooks(
            torch.tensor([ids[variant.prompt]]), fwd_hooks=hooks
        )
    return float(logit_diff(logits[0, record.read_position], record))


def test_every_cell_equals_a_plain_run():
    found = sweep()
    for prompt, record in enumerate(prepared().records):
        expected = [plain(record, variant) for variant in runs(0, 1)]
        np.testing.assert_allclose(found.cells[prompt], expected, atol=1e-4)
        untouched = [plain(record, Variant((), row)) for row in (0, 1)]
        np.testing.assert_allclose(found.base[:, prompt], untouched, atol=1e-4)
        for row, ids in enumerate(plain_rows(record)):
            with torch.no_grad():
                logits = tiny("llama").bridge(torch.tensor([ids]))[0, record.read_position]
            torch.testing.assert_close(found.logits[row][prompt], logits, atol=1e-4, rtol=0)
    assert (found.done, found.estimated, found.estimate) == (3, False, None)
    assert tiny("llama").hooks_left() == 0


def test_prompts_of_one_length_are_swept_together_and_groups_change_no_number():
    seen = []

    def watched(group):
        seen.append((group.prompts, tuple(group.ids.shape)))
        return cells(group)

    short, long = (len(r.tokens) for r in prepared().records[:2])
    together = run_grid(
        tiny("llama"), Grid(inputs(), lambda _length: (6,), watched), SilentReporter()
    )
    assert seen == [((0, 2), (4, short)), ((1,), (2, long))]
    alone = sweep(largest=1)
    for one, other in zip(together.cells, alone.cells, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_cell_that_is_bound_to_equal_a_run_has_its_metric_and_is_not_run():
    def bound(group):
        for cell in cells(group):
            same = {0: 0, 1: group.twin(0)}.get(cell.index[0])
            yield Cell(cell.prompt, cell.index, cell.run, same)

    rows = ROWS[:1]
    lazy = Grid(inputs(rows=rows), lambda _length: (6,), bound)
    found = run_grid(tiny("llama"), lazy, SilentReporter())
    assert found.cells[0][:2].tolist() == found.base[:, 0].tolist()
    np.testing.assert_allclose(found.cells[0][2:], sweep().cells[0][2:], atol=1e-5)


def plain_change(record, variant: Variant) -> float:
    """Return the first-order change: a backward pass at the untouched run, edit by edit."""
    model, ids = tiny("llama"), plain_rows(record)
    caches = [plain_cache(row) for row in ids]
    total = 0.0
    for edit in variant.edits:
        kept = []

        def keep(x, hook, kept=kept):
            kept.append(x if x.requires_grad else x.requires_grad_())
            return kept[0]

        with torch.enable_grad():
            logits = model.bridge.run_with_hooks(
                torch.tensor([ids[variant.prompt]]), fwd_hooks=[(name_of(edit), keep)]
            )
            value = logit_diff(logits[0, record.read_position], record)
            (slope,) = torch.autograd.grad(value, kept)
        own = kept[0].detach()
        total += float(((put(edit, own, caches) - own) * slope).sum())
    return total


def test_the_estimate_is_the_gradient_times_the_change_of_the_very_same_edits():
    found = sweep(estimate="only")
    assert found.estimated
    for prompt, record in enumerate(prepared().records):
        changes = found.cells[prompt] - found.base[[0, 0, 0, 0, 1, 0], prompt]
        expected = [plain_change(record, variant) for variant in runs(0, 1)]
        np.testing.assert_allclose(changes, expected, atol=2e-4, rtol=1e-3)
        assert np.abs(changes).min() > 1e-5


def test_the_estimate_stands_in_for_what_is_to_come():
    seen = []

    class Watching(SilentReporter):
        def partial(self, data):
            seen.append(data)

    def shown(found):
        cells_ = np.concatenate([*found.cells])
        return {"cells": cells_, "base": found.base, "estimated": found.estimated}

    exact = run_grid(tiny("llama"), grid(estimate="first", show=shown), Watching())
    assert [data["estimated"] for data in seen] == [True] + [False] * (len(seen) - 1)
    assert all(np.isfinite(data["cells"]).all() for data in seen)
    # The pair of prompts comes first; the prompt between them is still estimated.
    np.testing.assert_array_equal(seen[-2]["cells"][6:12], seen[0]["cells"][6:12])
    np.testing.assert_array_equal(seen[-1]["cells"], np.concatenate(exact.cells))
    estimate = np.concatenate(exact.estimate.cells)
    np.testing.assert_array_equal(seen[0]["cells"], estimate)
    assert rank_agreement(estimate, np.concatenate(exact.cells)) > 0.5


def test_the_loss_of_later_tokens_alone():
    model = tiny("llama")
    ids = torch.tensor([[1, 5, 9, 17, 40, 41, 42], [1, 8, 9, 60, 61, 62, 63]])

    def silenced(group):
        for row, prompt in enumerate(group.prompts):
            yield Cell(prompt, (), Variant((Edit(1, "mlp_out", Zero()),), row))

    described = Grid(Inputs.of_sequences(ids, 4), lambda _length: (), silenced)
    found = run_grid(model, described, SilentReporter())
    only = Grid(described.inputs, described.shape, silenced, estimate="only")
    np.testing.assert_allclose(run_grid(model, only, SilentReporter()).base, found.base, atol=1e-5)
    with torch.no_grad():
        for hooks, expected in (
            ([], found.base[0]),
            ([("blocks.1.hook_mlp_out", lambda x, hook: x * 0)], np.array(found.cells)),
        ):
            logits = model.bridge.run_with_hooks(ids, fwd_hooks=hooks)
            loss = torch.nn.functional.cross_entropy(
                logits[:, 3:-1].transpose(1, 2), ids[:, 4:], reduction="none"
            )
            np.testing.assert_allclose(expected, loss.mean(-1), atol=1e-4)


def test_who_listens_hears_the_logits_of_every_run():
    heard = {}
    found = sweep(heard=heard.setdefault)
    record = prepared().records[0]
    values = [float(logit_diff(logits, record)) for logits in heard[0]]
    np.testing.assert_allclose(values[0], found.base[0, 0], atol=1e-5)
    assert {round(v, 3) for v in values[1:]} <= {
        round(float(v), 3) for cells_ in found.cells for v in cells_
    }


def test_a_prompt_is_refused_as_soon_as_its_metric_is_known():
    asked = []

    def refuse(found, prompt):
        asked.append((prompt, float(found.base[0, prompt])))
        raise BadInputError("Not this one.")

    with pytest.raises(BadInputError, match="Not this one"):
        sweep(check=refuse)
    assert len(asked) == 1
    assert np.isfinite(asked[0][1])


def test_numbers_that_are_not_finite_are_told_prompt_by_prompt():
    found = sweep()
    assert found.not_finite(tiny("llama"), inputs(), "The test") == []
    found.cells[1][2] = np.nan
    (notice,) = found.not_finite(tiny("llama"), inputs(), "The test")
    assert (notice.code, notice.prompt) == ("not_finite", 1)
    assert notice.message.startswith("The test of prompt 2 holds numbers that are not finite")


def test_when_an_estimate_is_made():
    model, silent = tiny("llama"), SilentReporter()
    watched = type("Watched", (SilentReporter,), {"previews": True})()
    assert estimate_mode(model, (False, "prob"), silent) == "no"
    assert estimate_mode(model, (False, "prob"), watched) == "first"
    assert estimate_mode(model, (False, "kl"), watched) == "first"
    assert estimate_mode(model, (False, "kl"), watched, from_base=True) == "no"
    assert estimate_mode(model, (True, "prob"), silent) == "only"
    with pytest.raises(BadInputError, match="no gradient"):
        estimate_mode(model, (True, "rank"), silent)
