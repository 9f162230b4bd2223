"""Activation patching: both directions of every cell, in the passes of one sweep.

The clean and the corrupt prompt run in the same batch, so an activation that is inserted is read
from the row beside it and never stored.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.patch.estimate import estimate_cells
from desktop_app.analyses.patch.spec import ANALYSIS, PatchParams
from desktop_app.analyses.patch.task import Found, Task, refuse_equal, settle
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.diagnosis import first_bad_layer
from desktop_app.engine.interventions import Edit, FromRun, Variant
from desktop_app.engine.metrics import score
from desktop_app.engine.sweep import Loss, SweepPlan, sweep
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.estimates import rank_agreement, wants_preview
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.gate import Gate, check_gate
from desktop_app.methods.prepare import equal_length_groups, prepare

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_PROMPTS_PER_GROUP = 8


def run(model: LoadedModel, params: PatchParams, report: Reporter) -> Result:
    """Insert each activation of one run into the other and measure what it brings about.

    Returns:
        `clean [N]`, `corrupt [N]`; per direction `patched_denoise`, `patched_noise`; `restored`,
        `broken` and their difference `asymmetry`: `[L, S, N]`, for heads `[L, H, N]` or, by
        position, `[L, H, S, N]`; a list over prompts where their lengths differ.
    """
    clock = Clock(model)
    prepared = prepare(model, params)
    task = settle(model, params, prepared)
    lengths = [len(r.tokens) for r in prepared.records]
    n = len(lengths)
    cells = {d: [np.full(task.shape(s), np.nan) for s in lengths] for d in task.directions}
    found = Found(np.full(n, np.nan), np.full(n, np.nan), cells, [torch.empty(0)] * n)
    estimated: dict[str, list[np.ndarray]] | None = None
    with no_hooks_left(model):
        if params.preview or wants_preview(model, params.metric, report):
            estimate_cells(model, task, found, report)
            report.partial({**_partial(task, found, None), "estimated": True})
        if not params.preview:
            if report.previews:
                estimated = {d: [v.copy() for v in values] for d, values in found.cells.items()}
            _sweep_groups(model, task, found, report, estimated)
    gate = check_gate(prepared.records, found.logits, "its shares say little")
    notices = [*prepared.notices, *gate.notices]
    for index in range(n):
        if not all(np.isfinite(values[index]).all() for values in cells.values()):
            layer = first_bad_layer(model, prepared.records[index].tokens.ids)
            notices.append(not_finite(f"The patching of prompt {index + 1}", layer, model, index))
    report.step(1.0, "Done")
    data = _fields(task, found, gate)
    if estimated is not None:
        pairs = [(estimated[d], found.cells[d]) for d in task.directions]
        data["preview_agreement"] = rank_agreement(
            np.concatenate([a.ravel() for one, _ in pairs for a in one]),
            np.concatenate([b.ravel() for _, two in pairs for b in two]),
        )
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


def _sweep_groups(
    model: LoadedModel,
    task: Task,
    found: Found,
    report: Reporter,
    estimated: dict[str, list[np.ndarray]] | None,
) -> None:
    """Sweep pairs of one token length together, all cells and both directions at once.

    The estimates stand in for what is to come.
    """
    records = task.prepared.records
    groups = equal_length_groups([len(r.tokens) for r in records], _PROMPTS_PER_GROUP)
    for number, group in enumerate(groups):
        places, variants = _variants(task, group)
        rows = [records[i].tokens.ids for i in group] + [task.twins[i] for i in group]

        def fill(
            base: torch.Tensor,
            values: torch.Tensor,
            group: list[int] = group,
            places: list[tuple[str, int, tuple[int, int, int]]] = places,
        ) -> None:
            _note(task, found, group, base.numpy())
            for (direction, index, cell), value in zip(places, values.tolist(), strict=True):
                found.cells[direction][index][cell] = value
            report.partial(_partial(task, found, estimated))

        share = ShareReporter(report, number / len(groups), 1 / len(groups))
        swept = sweep(model, model.ids(rows), variants, _plan(task, group), share, fill)
        for row, index in enumerate(group):
            found.logits[index] = swept.base_logits[row]


def _variants(
    task: Task, group: list[int]
) -> tuple[list[tuple[str, int, tuple[int, int, int]]], list[Variant]]:
    """Return the runs of a group, and where each one's metric belongs."""
    places, variants = [], []
    length = len(task.prepared.records[group[0]].tokens)
    for direction in task.directions:
        for row, index in enumerate(group):
            # Rows: the clean prompts, then their twins.
            into, source = row, len(group) + row
            if direction == "denoise":
                into, source = source, into
            for i, layer in enumerate(task.layers):
                for j, head in enumerate(task.heads):
                    for k, position in enumerate(task.positions(length)):
                        if position is not None and position < task.first[index]:
                            continue  # the same activation in both runs
                        if position is None and layer == 0 and task.params.site == "resid_pre":
                            continue  # all that enters is exchanged: it is the other run
                        at = None if position is None else (position,)
                        edit = Edit(layer, task.params.site, FromRun(source), head, at)
                        places.append((direction, index, (i, j, k)))
                        variants.append(Variant((edit,), into))
    return places, variants


def _note(task: Task, found: Found, group: list[int], base: np.ndarray) -> None:
    """Note the untouched metrics, and the cells that cannot differ from them."""
    for row, index in enumerate(group):
        clean, corrupt = float(base[row]), float(base[len(group) + row])
        if np.isfinite(clean) and np.isfinite(corrupt):
            refuse_equal(clean, corrupt, index)
        found.clean[index], found.corrupt[index] = clean, corrupt
        for direction, cells in found.cells.items():
            own, other = (corrupt, clean) if direction == "denoise" else (clean, corrupt)
            if task.params.by == "position":
                cells[index][:, :, : task.first[index]] = own
            elif task.params.site == "resid_pre" and task.layers[0] == 0:
                cells[index][0] = other


def _plan(task: Task, group: list[int]) -> SweepPlan:
    """Return what is read: of twins too, the clean prompt's metric where that prompt ends."""
    n = len(group)
    targets = [task.targets[i] for i in group] * 2
    read = tuple(task.prepared.records[i].read_position for i in group) * 2
    if task.params.metric == "loss":
        return SweepPlan(read, loss=Loss(torch.stack([t.ids for t in targets])))

    def score_rows(logits: torch.Tensor, prompt: int, base: torch.Tensor | None) -> torch.Tensor:
        return score(task.params.metric, logits, targets[prompt], base)

    return SweepPlan(read, score_rows, compared=tuple(range(n)) * 2)


def _partial(
    task: Task, found: Found, estimated: dict[str, list[np.ndarray]] | None
) -> dict[str, Any]:
    """Return the cells as far as they are known or estimated, NaN elsewhere."""
    if estimated is not None:
        cells = {
            way: [
                np.where(np.isnan(own), guess, own)
                for own, guess in zip(values, estimated[way], strict=True)
            ]
            for way, values in found.cells.items()
        }
        found = replace(found, cells=cells)
    return {**_cells(task, found), "layers": np.array(task.layers), "estimated": False}


def _fields(task: Task, found: Found, gate: Gate) -> dict[str, Any]:
    records = task.prepared.records
    return {
        **with_twins("clean", found.clean),
        **with_twins("corrupt", found.corrupt),
        **_cells(task, found),
        "layers": np.array(task.layers),
        "read_position": np.array([r.read_position for r in records]),
        "first_difference": np.array(task.first),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
        "estimated": task.params.preview,
    }


def _cells(task: Task, found: Found) -> dict[str, Any]:
    """Return the arrays over cells, with means where all prompts have one length."""
    columns: dict[str, list[np.ndarray]] = {}
    for index in range(len(found.clean)):
        clean, corrupt = found.clean[index], found.corrupt[index]
        for direction, cells in found.cells.items():
            values = cells[index]
            columns.setdefault(f"patched_{direction}", []).append(values)
            if direction == "denoise":
                share = (values - corrupt) / (clean - corrupt)
                columns.setdefault("restored", []).append(share)
            else:
                share = (clean - values) / (clean - corrupt)
                columns.setdefault("broken", []).append(share)
    if len(task.directions) == 2:
        pairs = zip(columns["broken"], columns["restored"], strict=True)
        columns["asymmetry"] = [broken - restored for broken, restored in pairs]
    fields: dict[str, Any] = {}
    for name, column in columns.items():
        whole = [_squeeze(task, v) for v in column]
        if len({v.shape for v in whole}) == 1:
            fields |= with_twins(name, np.stack(whole, axis=-1))
        else:
            fields[name] = tuple(whole)
    return fields


def _squeeze(task: Task, values: np.ndarray) -> np.ndarray:
    """Drop the axes that the site or the settings leave out."""
    axes = [1] if task.heads == [None] else []
    axes += [2] if task.params.by == "all" else []
    return values.squeeze(tuple(axes))
