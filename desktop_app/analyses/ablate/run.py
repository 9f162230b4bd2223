"""Ablation sweep: every part removed in a run of its own, all in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.ablate.estimate import estimate_effects
from desktop_app.analyses.ablate.spec import ANALYSIS, AblateParams
from desktop_app.contract.grammar import resolve_positions, resolve_range
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.diagnosis import first_bad_layer
from desktop_app.engine.interventions import Edit, FromRun, Replace, Value, Variant, Zero
from desktop_app.engine.metrics import Target, make_target, near_zero, score
from desktop_app.engine.sweep import Loss, SweepPlan, sweep
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.estimates import rank_agreement, refuse_flat, wants_preview
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.gate import Gate, check_gate
from desktop_app.methods.pairs import twins_of
from desktop_app.methods.prepare import Prepared, equal_length_groups, prepare
from desktop_app.methods.reference import Means, mean_activations

if TYPE_CHECKING:
    from desktop_app.contract.result import Notice, Result
    from desktop_app.engine.model import LoadedModel, Site

_SITES: dict[str, Site] = {"head": "head_z", "attn": "attn_out", "mlp": "mlp_out"}
_KEPT = {
    "head": "all other heads and all MLPs",
    "attn": "the attention of all other layers and all MLPs",
    "mlp": "the MLPs of all other layers and all attention",
}
_PROMPTS_PER_GROUP = 16

ValueOf = Callable[[int, int | None, tuple[int, ...] | None, int], Value]
"""(layer, head, positions, row of the untouched twin) -> what the part becomes."""


@dataclass(frozen=True)
class _Task:
    """One ablation run, settled: what is swept, by what, and read how."""

    params: AblateParams
    prepared: Prepared
    targets: list[Target]
    layers: list[int]
    heads: list[int | None]
    mode: str


def run(model: LoadedModel, params: AblateParams, report: Reporter) -> Result:
    """Remove each part in turn, all others intact, and measure what is left of the metric.

    Returns:
        `base [N]`, `ablated`, `effect = ablated − base`, `percent = 100 · ablated / base`, each
        `[L, H, N]` for heads and `[L, N]` for attention and MLP outputs, with means and standard
        errors over prompts. Percentages are NaN where the gate withholds them.
    """
    clock = Clock(model)
    prepared = prepare(model, params)
    task = _settle(model, params, prepared)
    with no_hooks_left(model):
        value_of, notices = _replacement(model, task, report)
        estimate = None
        if params.preview or wants_preview(model, params.metric, report, from_base=True):
            estimate = _estimate(model, task, value_of, report)
        if estimate is not None and params.preview:
            base, ablated, base_logits = estimate
        else:
            known = None if estimate is None else estimate[1] - estimate[0]
            base, ablated, base_logits = _sweep_groups(model, task, value_of, report, known)
    gate = check_gate(prepared.records, base_logits)
    notices += gate.notices
    bad = ~np.isfinite(base) | ~np.isfinite(ablated.reshape(-1, len(base))).all(0)
    for index in np.flatnonzero(bad):
        layer = first_bad_layer(model, prepared.records[index].tokens.ids)
        notices.append(not_finite(f"The ablation of prompt {index + 1}", layer, model, int(index)))
    data = _fields(task, base, ablated, gate)
    if estimate is not None and not params.preview:
        data["preview_agreement"] = rank_agreement(estimate[1], ablated)
    report.step(1.0, "Done")
    return finish(
        model, ANALYSIS, params, prepared.records, (data, (*prepared.notices, *notices)), clock
    )


def _settle(model: LoadedModel, params: AblateParams, prepared: Prepared) -> _Task:
    """Return the task with `auto` decided and every range checked."""
    layers = list(resolve_range(params.layers, model.info.n_layers))
    heads: list[int | None] = [None]
    if params.component == "head":
        heads = list(range(model.info.n_heads))
    for record in prepared.records:
        resolve_positions(params.positions, len(record.tokens))
    n_reference = len(params.reference or params.prompts)
    mode = params.mode
    if mode == "auto":
        mode = "mean" if n_reference >= 2 else "zero"
    if mode == "resample":
        twins_of(prepared, "--mode resample")
    if params.preview:
        refuse_flat(params.metric, from_base=True)
    targets = [make_target(r, params.metric, i) for i, r in enumerate(prepared.records)]
    return _Task(params, prepared, targets, layers, heads, mode)


def _replacement(model: LoadedModel, task: _Task, report: Reporter) -> tuple[ValueOf, list[Notice]]:
    """Return what each part becomes, as a function of layer, head, positions and prompts."""
    if task.mode == "zero":
        return (lambda _layer, _head, _positions, _twin: Zero()), []
    if task.mode == "mean":
        found, notices = mean_activations(
            model, task.params, task.prepared, (task.layers, _SITES[task.params.component]), report
        )
        return _mean_values(found), notices
    return (lambda _layer, _head, _positions, twin: FromRun(twin)), []


def _mean_values(found: Means) -> ValueOf:
    def mean_value(
        layer: int, head: int | None, positions: tuple[int, ...] | None, _twin: int
    ) -> Value:
        values = found.by_layer[layer]
        if found.pooled:
            return Replace(values if head is None else values[head])
        values = values if head is None else values[:, head]
        return Replace(values if positions is None else values[list(positions)])

    return mean_value


def _sweep_groups(
    model: LoadedModel,
    task: _Task,
    value_of: ValueOf,
    report: Reporter,
    estimate: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, list[torch.Tensor]]:
    """Sweep prompts of one token length together; the estimate stands in for what is to come.

    Returns:
        base `[N]`, ablated `[L, H, N]` (`[L, N]` without heads), untouched logits per prompt.
    """
    records = task.prepared.records
    shape = (len(task.layers), len(task.heads), len(records))
    base, ablated = np.full(len(records), np.nan), np.full(shape, np.nan)
    logits: list[torch.Tensor] = [torch.empty(0)] * len(records)
    groups = equal_length_groups([len(r.tokens) for r in records], _PROMPTS_PER_GROUP)
    for number, group in enumerate(groups):
        rows = [records[i].tokens.ids for i in group]
        if task.mode == "resample":
            rows += [twin.ids for i in group if (twin := task.prepared.corrupt[i]) is not None]

        def fill(own: torch.Tensor, values: torch.Tensor, group: list[int] = group) -> None:
            base[group] = own[: len(group)].numpy()
            ablated[..., group] = values.view(*shape[:2], len(group)).numpy()
            report.partial(_partial(task, ablated - base, estimate))

        share = ShareReporter(report, number / len(groups), 1 / len(groups))
        variants, plan = _variants(task, value_of, group), _plan(task, group, len(rows))
        swept = sweep(model, model.ids(rows), variants, plan, share, fill)
        for row, index in enumerate(group):
            logits[index] = swept.base_logits[row]
    return base, _squeeze(task, ablated), logits


def _estimate(
    model: LoadedModel, task: _Task, value_of: ValueOf, report: Reporter
) -> tuple[np.ndarray, np.ndarray, list[torch.Tensor]]:
    """Return what `_sweep_groups` returns, by gradients, and show it at once."""
    records, params = task.prepared.records, task.params
    base = np.full(len(records), np.nan)
    ablated = np.full((len(task.layers), len(task.heads), len(records)), np.nan)
    logits: list[torch.Tensor] = []
    for index, record in enumerate(records):
        report.step(0.0, f"Gradients of prompt {index + 1} of {len(records)}")
        at = resolve_positions(params.positions, len(record.tokens), record.read_position)
        positions = None if at is None else tuple(at)

        twin = task.prepared.corrupt[index] if task.mode == "resample" else None
        base[index], effects = estimate_effects(
            model,
            (record.tokens.ids, None if twin is None else twin.ids),
            (task.layers, _SITES[params.component], task.heads, positions),
            (
                _metric(task, index, logits),
                None if params.metric == "loss" else record.read_position,
            ),
            partial(_at_row_0, value_of, positions),
        )
        ablated[..., index] = base[index] + effects
    report.partial({**_partial(task, ablated - base), "estimated": True})
    return base, _squeeze(task, ablated), logits


def _at_row_0(
    value_of: ValueOf, positions: tuple[int, ...] | None, layer: int, head: int | None
) -> Value:
    return value_of(layer, head, positions, 0)


def _metric(
    task: _Task, index: int, logits: list[torch.Tensor]
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a prompt's metric; the logits at its read position are noted on the way."""
    read = task.prepared.records[index].read_position

    def metric(found: torch.Tensor) -> torch.Tensor:
        logits.append((found[0] if found.ndim == 2 else found[0, read]).detach().float().cpu())
        return score(task.params.metric, found, task.targets[index])

    return metric


def _variants(task: _Task, value_of: ValueOf, group: list[int]) -> list[Variant]:
    """Return a run per layer, head and prompt; positions are resolved for the group's length."""
    site, record = _SITES[task.params.component], task.prepared.records[group[0]]
    found = resolve_positions(task.params.positions, len(record.tokens), record.read_position)
    at = None if found is None else tuple(found)
    return [
        Variant((Edit(layer, site, value_of(layer, head, at, len(group) + row), head, at),), row)
        for layer in task.layers
        for head in task.heads
        for row in range(len(group))
    ]


def _plan(task: _Task, group: list[int], n_rows: int) -> SweepPlan:
    """Return what is read of the group's prompts, and of their twins where they run along."""
    members = (group * 2)[:n_rows]
    targets = [task.targets[i] for i in members]
    read = tuple(task.prepared.records[i].read_position for i in members)
    if task.params.metric == "loss":
        return SweepPlan(read, loss=Loss(torch.stack([t.ids for t in targets])))

    def score_rows(logits: torch.Tensor, prompt: int, base: torch.Tensor | None) -> torch.Tensor:
        return score(task.params.metric, logits, targets[prompt], base)

    return SweepPlan(read, score_rows)


def _squeeze(task: _Task, values: np.ndarray) -> np.ndarray:
    """Drop the head axis where whole layers are removed."""
    return values if task.params.component == "head" else values[:, 0]


def _partial(task: _Task, effect: np.ndarray, estimate: np.ndarray | None = None) -> dict[str, Any]:
    """Return the mean effect as far as it is known or estimated; NaN elsewhere."""
    if estimate is not None:
        effect = np.where(np.isnan(effect), estimate.reshape(effect.shape), effect)
    twins = with_twins("effect", effect)
    return {
        "effect_mean": _squeeze(task, np.asarray(twins["effect_mean"])),
        "layers": np.array(task.layers),
        "estimated": False,
    }


def _fields(task: _Task, base: np.ndarray, ablated: np.ndarray, gate: Gate) -> dict[str, Any]:
    records = task.prepared.records
    allowed = gate.done & (base > near_zero(task.params.metric))
    percent = np.full(ablated.shape, np.nan)
    np.divide(100 * ablated, base, out=percent, where=np.broadcast_to(allowed, ablated.shape))
    return {
        **with_twins("base", base),
        **with_twins("ablated", ablated),
        **with_twins("effect", ablated - base),
        **with_twins("percent", percent),
        "layers": np.array(task.layers),
        "read_position": np.array([r.read_position for r in records]),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
        "mode": task.mode,
        "kept": _KEPT[task.params.component],
        "estimated": task.params.preview,
    }
