"""Ablation sweep: every part removed in a run of its own, all in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.ablate.spec import ANALYSIS, AblateParams
from desktop_app.contract.grammar import resolve_positions, resolve_range
from desktop_app.contract.report import ShareReporter
from desktop_app.engine.interventions import Edit, FromRun, Replace, Value, Variant, Zero
from desktop_app.engine.metrics import near_zero
from desktop_app.methods import stopped
from desktop_app.methods.estimates import estimate_mode, rank_agreement
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, Readings, run_grid
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.precision import processed_biases
from desktop_app.methods.predictions import Gate, check_gate
from desktop_app.methods.prepare import Prepared, twins_of
from desktop_app.methods.watching import Means, mean_activations

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
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
    """One ablation run, settled: what is swept, and by what mode."""

    params: AblateParams
    prepared: Prepared
    layers: list[int]
    heads: list[int | None]
    mode: str

    @property
    def site(self) -> Site:
        return _SITES[self.params.component]


def run(model: LoadedModel, params: AblateParams, report: Reporter) -> Result:
    """Remove each part in turn, all others intact, and measure what is left of the metric.

    Returns:
        `base [N]`, `ablated`, `effect = ablated − base`, `percent = 100 · ablated / base`, each
        `[L, H, N]` for heads and `[L, N]` for attention and MLP outputs, with means and standard
        errors over prompts. Percentages are NaN where the gate withholds them.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    task = _settle(model, params, prepared)
    twins = twins_of(prepared, "--mode resample") if task.mode == "resample" else ()
    mode = estimate_mode(model, (params.preview, params.metric), report, from_base=True)
    inputs = Inputs.of_prompts(prepared, params.metric, twins)
    share = _share_of_means(task)
    value_of, notices = _replacement(model, task, ShareReporter(report, 0.0, share))
    grid = Grid(
        inputs,
        shape=lambda _length: (len(task.layers), len(task.heads)),
        cells=partial(_cells, task, value_of),
        show=partial(_shown, task),
        estimate=mode,
        largest=_PROMPTS_PER_GROUP,
        keeps=True,
    )
    found = run_grid(model, grid, ShareReporter(report, share, 1 - share))
    gate = check_gate(prepared.records, found.logits[0])
    notices += near_notices(model, params, prepared, enumerate(found.logits[0]))
    notices += [*gate.notices, *found.not_finite(model, inputs, "The ablation")]
    if task.site == "head_z" and task.mode == "zero":
        notices += processed_biases(model)
    data = _fields(task, found, gate)
    if found.estimate is not None:
        data["preview_agreement"] = rank_agreement(
            _table(task, found.estimate), _table(task, found)
        )
    stopped.tell_end(report)
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
    mode = params.mode
    if mode == "auto":
        mode = "mean" if len(params.reference or params.prompts) >= 2 else "zero"
    return _Task(params, prepared, layers, heads, mode)


def _share_of_means(task: _Task) -> float:
    """Return which part of the work is reading the reference prompts, each once."""
    own = len(task.params.prompts)
    read = len(task.params.reference or task.params.prompts) if task.mode == "mean" else 0
    return read / (read + own * (1 + len(task.layers) * len(task.heads) / 2))


def _replacement(model: LoadedModel, task: _Task, report: Reporter) -> tuple[ValueOf, list[Notice]]:
    """Return what each part becomes, as a function of layer, head, positions and prompts."""
    if task.mode == "zero":
        return (lambda _layer, _head, _positions, _twin: Zero()), []
    if task.mode == "mean":
        place = task.layers, task.site
        reference = task.params.reference
        found, notices = mean_activations(
            model, task.params, task.prepared, (reference, place), report
        )
        return partial(_mean_value, found), notices
    return (lambda _layer, _head, _positions, twin: FromRun(twin)), []


def _mean_value(
    found: Means, layer: int, head: int | None, positions: tuple[int, ...] | None, _twin: int
) -> Value:
    values = found.by_layer[layer]
    if found.pooled:
        return Replace(values if head is None else values[head])
    values = values if head is None else values[:, head]
    return Replace(values if positions is None else values[list(positions)])


def _cells(task: _Task, value_of: ValueOf, group: Group) -> Iterator[Cell]:
    """Yield a run per layer, head and prompt; positions are resolved for the group's length."""
    read = task.prepared.records[group.prompts[0]].read_position
    listed = resolve_positions(task.params.positions, group.length, read)
    at = None if listed is None else tuple(listed)
    if task.mode == "resample" and at is None:
        at = tuple(range(group.length))  # all of them
    for (i, layer), (j, head) in product(enumerate(task.layers), enumerate(task.heads)):
        for row, prompt in enumerate(group.prompts):
            value = value_of(layer, head, at, group.twin(row))
            yield Cell(prompt, (i, j), Variant((Edit(layer, task.site, value, head, at),), row))


def _table(task: _Task, found: Readings) -> np.ndarray:
    """Return the metric in each cell `[L, H, N]`; the head axis goes where layers are removed."""
    values = np.stack(found.cells, axis=-1)
    return values if task.params.component == "head" else values[:, 0]


def _shown(task: _Task, found: Readings) -> dict[str, Any]:
    """Return the mean effect as far as it is known or estimated; NaN elsewhere."""
    return {
        "effect_mean": with_twins("effect", _table(task, found) - found.base[0])["effect_mean"],
        "layers": np.array(task.layers),
        "estimated": found.estimated,
        "settled": _settled(task, found),
    }


def _settled(task: _Task, found: Readings) -> np.ndarray:
    """Return where the mean is exact: known for every prompt, and by no estimate."""
    known = np.stack(found.settled or [np.isfinite(cells) for cells in found.cells], axis=-1)
    return np.asarray((known if task.params.component == "head" else known[:, 0]).all(-1))


def _fields(task: _Task, found: Readings, gate: Gate) -> dict[str, Any]:
    records, base, ablated = task.prepared.records, found.base[0], _table(task, found)
    # Of a run that was stopped the gate may not know yet.
    known = np.array([len(logits) > 0 for logits in found.logits[0]])
    allowed = gate.done & known & (base > near_zero(task.params.metric))
    counted = stopped.counted(found, ablated)
    percent = np.full(ablated.shape, np.nan)
    np.divide(100 * ablated, base, out=percent, where=np.broadcast_to(allowed, ablated.shape))
    return {
        **with_twins("base", base, stopped.counted(found)),
        **with_twins("ablated", ablated, counted),
        **with_twins("effect", ablated - base, counted),
        **with_twins("percent", percent, counted),
        **found.noise_field(),
        "layers": np.array(task.layers),
        "read_position": np.array([r.read_position for r in records]),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
        "mode": task.mode,
        "kept": _KEPT[task.params.component],
        "estimated": found.estimated,
    }
