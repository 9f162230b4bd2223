"""Activation patching: both directions of every cell, in the passes of one sweep.

The clean and the corrupt prompt run in the same batch, so an activation that is inserted is read
from the row beside it and never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.spec import ANALYSIS, HEADED, KEY_VALUE, PatchParams
from desktop_app.contract.grammar import resolve_range
from desktop_app.engine.interventions import Edit, FromRun, Variant
from desktop_app.engine.model import site_hook
from desktop_app.engine.shortcuts import abilities
from desktop_app.engine.sites import require_acting
from desktop_app.methods import stopped
from desktop_app.methods.estimates import estimate_mode, rank_agreement
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, Readings, run_grid
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import Gate, check_gate
from desktop_app.methods.prepare import twins_of
from desktop_app.support.errors import BadInputError
from desktop_app.text.warnings import first_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

# Below this share of its size a difference between the two runs is rounding.
_SAME = 1e-6
_SHARE = {"denoise": "restored", "noise": "broken"}


@dataclass(frozen=True)
class _Task:
    """One patching run, settled.

    Attributes:
        layers: The layers swept.
        heads: The heads of the site, or None alone.
        directions: `denoise`, `noise` or both.
        first: First position where each pair parts.
        enters: Whether what enters the first layer is all that tells the two runs apart.
    """

    params: PatchParams
    layers: list[int]
    heads: list[int | None]
    directions: tuple[str, ...]
    first: tuple[int, ...]
    enters: bool

    def positions(self, length: int) -> list[int | None]:
        """Return the positions patched one by one, or None alone for all at once."""
        return [None] if self.params.by == "all" else list(range(length))

    def shape(self, length: int) -> tuple[int, ...]:
        """Return `[direction, L, H, S]`, 1 for an axis left out."""
        counts = self.directions, self.layers, self.heads, self.positions(length)
        return tuple(map(len, counts))


def run(model: LoadedModel, params: PatchParams, report: Reporter) -> Result:
    """Insert each activation of one run into the other and measure what it brings about.

    Returns:
        `clean [N]`, `corrupt [N]`; per direction `patched_denoise`, `patched_noise`; `restored`,
        `broken` and their difference `asymmetry`: `[L, S, N]`, for heads `[L, H, N]` or, by
        position, `[L, H, S, N]`; a list over prompts where their lengths differ.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    twins = twins_of(prepared, "patching")
    layers, heads = _places(model, params)
    mode = estimate_mode(model, (params.preview, params.metric), report)
    inputs = Inputs.of_prompts(prepared, params.metric, twins)
    pairs = zip(prepared.encodings, twins, strict=True)
    first = tuple(first_difference(clean, twin) for clean, twin in pairs)
    directions = ("denoise", "noise") if params.direction == "both" else (params.direction,)
    whole = params.by == "all" and params.site == "resid_pre" and 0 in layers
    task = _Task(params, layers, heads, directions, first, whole and abilities(model).grows)
    show = partial(_shown, task)
    grid = Grid(
        *(inputs, task.shape, partial(_cells, task), show, _refuse_equal),
        estimate=mode,
        keeps=True,
    )
    found = run_grid(model, grid, report)
    gate = check_gate(prepared.records, found.logits[0], "its shares say little")
    notices = [
        *prepared.notices, *near_notices(model, params, prepared, enumerate(found.logits[0])),
        *gate.notices, *found.not_finite(model, inputs, "The patching"),
    ]  # fmt: skip
    stopped.tell_end(report)
    data = _fields(task, found, gate, inputs.read)
    if found.estimate is not None:
        guesses, values = (_patched(task, readings) for readings in (found.estimate, found))
        agreeing = (np.concatenate([v.ravel() for d in x for v in d]) for x in (guesses, values))
        data["preview_agreement"] = rank_agreement(*agreeing)
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


def _places(model: LoadedModel, params: PatchParams) -> tuple[list[int], list[int | None]]:
    """Return the layers and heads that are patched, refused where the model lacks the site."""
    layers = list(resolve_range(params.layers, model.info.n_layers))
    if not all(model.has_hook(site_hook(layer, params.site)) for layer in layers):
        raise BadInputError(
            f"{model.info.name} has no {params.site}: its blocks do not compute it, or compute "
            "attention and MLP side by side; choose another --site."
        )
    require_acting(model, layers, params.site)
    if params.site not in HEADED:
        return layers, [None]
    count = model.info.n_kv_heads if params.site in KEY_VALUE else model.info.n_heads
    return layers, list(range(count))


def _refuse_equal(found: Readings, prompt: int) -> None:
    """Refuse a pair whose runs have one metric: there is nothing to restore or to break."""
    clean, corrupt = (float(x) for x in found.base[:, prompt])
    if not np.isfinite([clean, corrupt]).all():
        return
    if abs(clean - corrupt) <= _SAME * max(abs(clean), abs(corrupt)):
        raise BadInputError(
            f"Prompt {prompt + 1} and its corrupt twin have the same metric, {clean:.4g}: choose a "
            "twin on which the model answers otherwise."
        )


def _cells(task: _Task, group: Group) -> Iterator[Cell]:
    """Yield a run per direction, prompt, layer, head and position."""
    site, positions = task.params.site, task.positions(group.length)
    axes = enumerate(task.layers), enumerate(task.heads), enumerate(positions)
    places = tuple(product(*axes))
    for d, direction in enumerate(task.directions):
        for row, prompt in enumerate(group.prompts):
            into, source = row, group.twin(row)
            if direction == "denoise":
                into, source = source, into
            for (i, layer), (j, head), (k, position) in places:
                at, known = None if position is None else (position,), None
                if position is not None and position < task.first[prompt]:
                    known = into  # the same activation in both runs
                elif task.enters and layer == 0:
                    known = source  # all that enters is exchanged: it is the other run
                edit = Edit(layer, site, FromRun(source), head, at)
                yield Cell(prompt, (d, i, j, k), Variant((edit,), into), known)


def _patched(task: _Task, found: Readings) -> list[list[np.ndarray]]:
    """Return the metric in each cell, per direction and prompt `[L, H, S]`.

    Estimates are rounded to single precision, which exact values have.
    """
    rounded = [cells.astype(np.float32).astype(np.float64) for cells in found.cells]
    return [[cells[d] for cells in rounded] for d in range(len(task.directions))]


def _shown(task: _Task, found: Readings) -> dict[str, Any]:
    """Return the cells as far as they are known or estimated, NaN elsewhere."""
    fields = _shares(task, found)
    about = {"layers": np.array(task.layers), "estimated": found.estimated}
    return {**fields, **about, "settled": _settled(task, found)}


def _settled(task: _Task, found: Readings) -> dict[str, Any]:
    """Return per direction where cells are exact, an array per prompt, no estimate among them."""
    known = found.settled or [np.isfinite(cells) for cells in found.cells]
    return {
        _SHARE[direction]: tuple(_squeeze(task, cells[d]) for cells in known)
        for d, direction in enumerate(task.directions)
    }


def _fields(task: _Task, found: Readings, gate: Gate, read: tuple[int, ...]) -> dict[str, Any]:
    return {
        **with_twins("clean", found.base[0], stopped.counted(found)),
        **with_twins("corrupt", found.base[1], stopped.counted(found)),
        **_shares(task, found),
        **found.noise_field(),
        "layers": np.array(task.layers),
        "read_position": np.array(read),
        "first_difference": np.array(task.first),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
        "estimated": found.estimated,
    }


def _shares(task: _Task, found: Readings) -> dict[str, Any]:
    """Return the arrays over cells, with means where all prompts have one length."""
    columns: dict[str, list[np.ndarray]] = {}
    for direction, patched in zip(task.directions, _patched(task, found), strict=True):
        columns[f"patched_{direction}"] = patched
        columns[_SHARE[direction]] = [
            ((values - corrupt) if direction == "denoise" else (clean - values)) / (clean - corrupt)
            for values, clean, corrupt in zip(patched, *found.base, strict=True)
        ]
    if len(task.directions) == 2:
        pairs = zip(columns["broken"], columns["restored"], strict=True)
        columns["asymmetry"] = [broken - restored for broken, restored in pairs]
    fields: dict[str, Any] = {}
    for name, column in columns.items():
        whole = [_squeeze(task, values) for values in column]
        if len({values.shape for values in whole}) == 1:
            table = np.stack(whole, axis=-1)
            fields |= with_twins(name, table, stopped.counted(found, table))
        else:
            fields[name] = tuple(whole)
    return fields


def _squeeze(task: _Task, values: np.ndarray) -> np.ndarray:
    """Drop the axes that the site or the settings leave out."""
    axes = [1] if task.heads == [None] else []
    axes += [2] if task.params.by == "all" else []
    return values.squeeze(tuple(axes))
