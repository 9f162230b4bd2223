"""Patching by hand: one run with a few activations of the other, or of itself, put in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.hand_patch.spec import ANALYSIS, HandPatchParams, Move, parse_move
from desktop_app.engine.interventions import Edit, FromRun, Replace, Value, Variant
from desktop_app.engine.metrics import make_target
from desktop_app.engine.model import site_hook
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, run_grid
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import top_rows
from desktop_app.methods.prepare import twin_of
from desktop_app.methods.watching import capture
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_ROWS = {"clean": 0, "corrupt": 1}


def run(model: LoadedModel, params: HandPatchParams, report: Reporter) -> Result:
    """Run one prompt of a pair with the moves applied, and rank what comes next.

    Returns:
        Metrics as single numbers, `base_top` and `top` rows as of `rank`, and `reach [L, S]`:
        whether the residual stream after a block can differ for the moves.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    if params.pair >= len(prepared.records):
        raise BadInputError(
            f"--pair {params.pair} is not there: the prompts are counted from 0 to "
            f"{len(prepared.records) - 1}."
        )
    record, twin = prepared.records[params.pair], twin_of(prepared, params.pair, "patching")
    moves = [parse_move(text) for text in params.moves]
    for move in moves:
        _refuse_outside(model, move, len(record.tokens))
    target, row = make_target(record, params.metric, params.pair), _ROWS[params.run]
    logits: dict[int, torch.Tensor] = {}

    def cells(group: Group) -> Iterator[Cell]:
        edits = tuple(_edit(model, move, group.ids) for move in moves)
        yield Cell(0, (), Variant(edits, row), None if edits else row)

    def heard(run: int, found: torch.Tensor) -> None:
        logits[run] = found[-1].float().cpu()

    inputs = Inputs(params.metric, (target,), (record.read_position,), (twin.ids,))
    found = run_grid(model, Grid(inputs, lambda _length: (), cells, heard=heard), report)
    before = found.logits[row][0]
    clean, corrupt = (float(x) for x in found.base[:, 0])
    data = {
        "clean": clean,
        "corrupt": corrupt,
        "base": (clean, corrupt)[row],
        "patched": float(found.cells[0]),
        "base_top": top_rows(model, before, params.top),
        "top": top_rows(model, logits.get(row, before), params.top),
        "reach": _reach(model, moves, len(record.tokens)),
        "read_position": record.read_position,
        **({} if found.noise is None else {"noise": float(found.noise[0])}),
    }
    near = near_notices(model, params, prepared, [(params.pair, found.logits[0][0])])
    notices = (*prepared.notices, *near)
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


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
    """
    reach = np.zeros((model.info.n_layers, length), dtype=bool)
    for move in moves:
        layer, position = move.target
        reach[layer, position] = True
        if move.site == "resid_pre":
            reach[layer, position:] = True
        reach[layer + 1 :, position:] = True
    return reach
