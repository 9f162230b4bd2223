"""Patching by hand: one run with activations of the other put in, and parts removed along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.hand_patch.spec import ANALYSIS, HandPatchParams
from desktop_app.contract.grammar import resolve_parts, written_part
from desktop_app.contract.moves import Move, parse_move
from desktop_app.engine.interventions import Edit, FromRun, Replace, Value, Variant
from desktop_app.engine.metrics import make_target
from desktop_app.engine.model import site_hook
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, Readings, run_grid
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import top_rows
from desktop_app.methods.prepare import twin_of
from desktop_app.methods.removing import Removal, Removals
from desktop_app.methods.watching import capture
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared
    from desktop_app.text.encoding import Encoding

_ROWS = {"clean": 0, "corrupt": 1}


def run(model: LoadedModel, params: HandPatchParams, report: Reporter) -> Result:
    """Run one prompt of a pair with the moves applied and the parts removed; rank what comes next.

    Returns:
        Metrics as single numbers, `base_top` and `top` rows as of `rank`, and `reach [L, S]`:
        whether the residual stream after a block can differ for the moves. Where parts are
        removed, `removed`, the metric with each of them alone removed (`single`), what that
        changes (`effect = single − moved`) and what all of them together do (`joint`).
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    if params.pair >= len(prepared.records):
        raise BadInputError(
            f"--pair {params.pair} is not there: the prompts are counted from 0 to "
            f"{len(prepared.records) - 1}."
        )
    record = prepared.records[params.pair]
    moves = [parse_move(text) for text in params.moves]
    twin = _twin(prepared, params, moves)
    for move in moves:
        _refuse_outside(model, move, len(record.tokens))
    parts = resolve_parts(params.without, model.info.n_layers, model.info.n_heads, "--without")
    target, row = make_target(record, params.metric, params.pair), _ROWS[params.run]
    inputs = Inputs(
        params.metric, (target,), (record.read_position,), () if twin is None else (twin.ids,)
    )
    ids = inputs.group(model, [0]).ids
    put = tuple(_edit(model, move, ids) for move in moves)
    own = record.tokens.ids if twin is None or row == 0 else twin.ids
    removal = Removal(parts, params.mode, params.reference, moves)
    removals = Removals(model, params, prepared, removal, report)
    gone = removals.edits(len(own))
    found, logits = _swept(model, inputs, (put, gone), row, report)
    data = {
        "clean": float(found.base[0, 0]),
        "corrupt": float("nan") if twin is None else float(found.base[1, 0]),
        "base": float(found.base[row, 0]),
        "patched": float(found.cells[0][0]),
        "base_top": top_rows(model, found.logits[row][0], params.top),
        "top": top_rows(model, logits, params.top),
        "reach": _reach(model, moves, len(record.tokens)),
        "read_position": record.read_position,
        **({} if found.noise is None else {"noise": float(found.noise[0])}),
    }
    if gone:
        data |= _apart(found.cells[0], data, has_moves=bool(put))
        data["removed"] = tuple(written_part(part) for part in parts)
    near = near_notices(model, params, prepared, [(params.pair, found.logits[0][0])])
    told = (*prepared.notices, *near, *removals.notices([tuple(own)]))
    return finish(model, ANALYSIS, params, prepared.records, (data, told), clock)


def _twin(prepared: Prepared, params: HandPatchParams, moves: Sequence[Move]) -> Encoding | None:
    """Return the corrupt twin; None where there is none that fits, and nothing asks for one."""
    needed = params.run == "corrupt" or any(move.run == "corrupt" for move in moves)
    twin = prepared.corrupt[params.pair]
    fits = twin is not None and len(twin) == len(prepared.encodings[params.pair])
    if not needed:
        return twin if fits else None
    try:
        return twin_of(prepared, params.pair, "patching")
    except BadInputError as error:
        if moves:
            raise
        told = str(error).removesuffix(".")
        raise BadInputError(f"{told}, or choose --run clean to remove parts alone.") from None


def _swept(
    model: LoadedModel,
    inputs: Inputs,
    edits: tuple[tuple[Edit, ...], tuple[Edit, ...]],
    row: int,
    report: Reporter,
) -> tuple[Readings, torch.Tensor]:
    """Return the metric of each run in one sweep, and the logits of the first of them.

    The first has all changes, then come the moves alone, then each removed part beside the moves;
    what would be one of those before is left out.
    """
    put, gone = edits
    wanted = [(*put, *gone)]
    wanted += [put] if put and gone else []
    wanted += [(*put, edit) for edit in gone] if len(gone) > 1 else []
    logits: list[torch.Tensor] = []

    def cells(_group: Group) -> Iterator[Cell]:
        for place, changes in enumerate(wanted):
            yield Cell(0, (place,), Variant(changes, row), None if changes else row)

    def heard(run: int, found: torch.Tensor) -> None:
        # Runs come by the first layer that they touch, and none touches an earlier one than the run
        # with all changes: in the first pass it follows the untouched row.
        if run == row and not logits:
            logits.append(found[min(1, len(found) - 1)].float().cpu())

    grid = Grid(inputs, lambda _length: (len(wanted),), cells, heard=heard)
    found = run_grid(model, grid, report)
    return found, logits[0] if logits else found.logits[row][0]


def _apart(values: np.ndarray, data: dict[str, Any], *, has_moves: bool) -> dict[str, Any]:
    """Return the metric with the moves alone, and with each part alone removed beside them."""
    moved = float(values[1]) if has_moves else data["base"]
    single = values[1 + has_moves :]
    single = single if len(single) else values[:1]  # one part alone is all that was removed
    changed = {"single": single, "effect": single - moved}
    return {"moved": moved, "joint": data["patched"] - moved, **changed}


def _refuse_outside(model: LoadedModel, move: Move, length: int) -> None:
    for layer, position in (move.source, move.target):
        if layer >= model.info.n_layers or position >= length:
            raise BadInputError(
                f"A move names layer {layer}, position {position}: the model has layers 0 "
                f"to {model.info.n_layers - 1}, the prompt positions 0 to {length - 1}."
            )
        if not model.has_hook(site_hook(layer, move.site)):
            raise BadInputError(f"{model.info.name} has no {move.site}: choose another site.")


def _edit(model: LoadedModel, move: Move, ids: torch.Tensor) -> Edit:
    """Return a move as an edit; what comes from another layer must be captured before."""
    (source_layer, source), (layer, position) = move.source, move.target
    prompt = _ROWS[move.run]
    value: Value = FromRun(prompt, (source,))
    if source_layer != layer:
        taken = capture(model, ids[prompt : prompt + 1], [source_layer], move.site)
        value = Replace(taken[source_layer][0, source : source + 1])
    return Edit(layer, move.site, value, None, (position,))


def _reach(model: LoadedModel, moves: list[Move], length: int) -> np.ndarray:
    """Return the union of the moves' causal cones over the streams after each block `[L, S]`.

    What is put in at a layer and position changes the stream there and, through attention, at all
    later positions of the layers above; within its own layer only what comes before attention does.
    What is removed changes every position from its own layer on, and is not counted here.
    """
    reach = np.zeros((model.info.n_layers, length), dtype=bool)
    for move in moves:
        layer, position = move.target
        reach[layer, position] = True
        if move.site == "resid_pre":
            reach[layer, position:] = True
        reach[layer + 1 :, position:] = True
    return reach
