"""Repeated random tokens: log-probabilities by half, and what carries the second one."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.repeat.spec import ANALYSIS, GPT2_SMALL, RepeatParams
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.interventions import Edit, Replace, Variant
from desktop_app.engine.memory import budget_bytes, row_bytes
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.grid import Cell, Grid, Group, Inputs, Readings, run_grid
from desktop_app.methods.sequences import lead_token, records, repeated_sequences
from desktop_app.methods.watching import capture, in_batches
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.sequences import Lead

_SITES: dict[str, Site] = {"mlp": "mlp_out", "attn": "attn_out"}
# Sequences of one sweep: their outputs are kept while it runs.
_SEQUENCES_AT_ONCE = 4
_LOGITS_AT_ONCE = 100_000_000
_HALVES_SHARE = 0.05


def run(model: LoadedModel, params: RepeatParams, report: Reporter) -> Result:
    """Read sequences lead + r + r, and replace outputs in the second r by those in the first.

    Returns:
        `logprob [batch, 2·seq_len]`: the entry at t is that of token t + 1, so the first half ends
        with the last token of the first r. `mlp_effect`, `attn_effect [L, seq_len]`: rise of the
        mean loss over the second half's tokens when the layer's output at position p becomes its
        own output at p − seq_len, on the same token; p runs over seq_len + 1 … 2·seq_len.
    """
    clock = Clock(model)
    size = params.seq_len
    lead = lead_token(model, params)
    ids = repeated_sequences(model, params.batch, size, params.seed, lead, rare=params.rare_tokens)
    with no_hooks_left(model):
        share = ShareReporter(report, 0.0, _HALVES_SHARE)
        logprob, correct = _predictions(model, ids, share)
        data = _halves(model, logprob, correct, size) | _facts(model, params, lead)
        notices: tuple[Notice, ...] = ()
        if len(logprob) < len(ids):
            ids = ids[: len(logprob)]
            notices = stopped.before(f"sequence {len(ids) + 1} of {params.batch}", report)
        else:
            found, notices = _with_effects(model, params, ids, data, report)
            data |= found
    stopped.tell_end(report)
    done = (data, notices)
    result = finish(model, ANALYSIS, params, records(model, ids.tolist()), done, clock)
    return replace(result, provenance={**result.provenance, "bos": f"added ({lead.piece})"})


def _with_effects(
    model: LoadedModel,
    params: RepeatParams,
    ids: torch.Tensor,
    halves: dict[str, Any],
    report: Reporter,
) -> tuple[dict[str, Any], tuple[Notice, ...]]:
    """Return the replacement maps that are wanted, or that the run was stopped before them."""
    if params.effects == "none":
        return {}, ()
    names = tuple(_SITES) if params.effects == "both" else (params.effects,)
    count = min(params.effect_batch or params.batch, params.batch)
    share = ShareReporter(report, _HALVES_SHARE, 1 - _HALVES_SHARE)
    try:
        report.partial(halves)
        found = _effects(model, ids[:count], params.seq_len, names, share)
    except Cancelled:
        return {}, stopped.before("the replacement maps", report)
    maps = _maps(names, found)
    if not found.stopped:
        return maps, ()
    cells = np.stack([maps[f"{name}_effect"] for name in names])
    known = int(np.isfinite(cells).sum())
    if not known:
        return {}, stopped.before("the replacement maps", report)
    told = f"Stopped at {known:,} of {cells.size:,} cells"
    if known == cells.size:
        told = f"Stopped after {found.done:,} of {count:,} sequences"
    message = f"{told} of the replacement maps. Run again for the rest."
    return maps, (Notice(PARTIAL, message),)


def _predictions(
    model: LoadedModel, ids: torch.Tensor, report: Reporter
) -> tuple[np.ndarray, np.ndarray]:
    """Return log-probability of each next token and whether it was on top, `[batch, S − 1]`.

    Of a run that is cancelled, and whose first fields are wanted, those of the first sequences.
    """
    length = ids.shape[1]
    limit = budget_bytes(model) // row_bytes(model, length, length, read_all=True)
    limit = max(1, min(int(limit), _LOGITS_AT_ONCE // (length * model.info.d_vocab)))
    logprobs, tops = [], []
    for rows, (logprob, top) in in_batches(
        model, len(ids), limit, lambda rows: _read(model, ids[rows])
    ):
        logprobs.append(logprob)
        tops.append(top)
        try:
            report.step(rows.stop / len(ids), f"Sequence {rows.stop} of {len(ids)}")
        except Cancelled:
            if not report.keeps_partial:
                raise
            break
    return torch.cat(logprobs).double().numpy(), torch.cat(tops).numpy()


def _read(model: LoadedModel, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    logits = model.run(rows)[:, :-1]
    targets = rows[:, 1:, None].to(logits.device)
    logprobs, tops = [], []
    for row, target in zip(logits, targets, strict=True):
        own = row.float()
        logprobs.append((own.gather(-1, target) - own.logsumexp(-1, keepdim=True))[:, 0])
        tops.append(own.argmax(-1) == target[:, 0])
    return torch.stack(logprobs).cpu(), torch.stack(tops).cpu()


def _halves(
    model: LoadedModel, logprob: np.ndarray, correct: np.ndarray, size: int
) -> dict[str, Any]:
    return {
        "logprob": logprob,
        "correct": correct,
        "logprob_first": float(logprob[:, :size].mean()),
        "logprob_second": float(logprob[:, size:].mean()),
        "accuracy_first": float(correct[:, :size].mean()),
        "accuracy_second": float(correct[:, size:].mean()),
        "ceiling": (size - 1) / size,
        "uniform": -math.log(model.info.d_vocab),
    }


def _facts(model: LoadedModel, params: RepeatParams, lead: Lead) -> dict[str, Any]:
    """Return what is known before anything is computed, and names the axes of every picture."""
    size = params.seq_len
    return {
        "layers": np.arange(model.info.n_layers),
        "positions": np.arange(size + 1, 2 * size + 1),
        "sources": np.arange(1, size + 1),
        "lead": {"id": lead.token_id, "piece": lead.piece},
        "author": dict(GPT2_SMALL),
    }


def _effects(
    model: LoadedModel, ids: torch.Tensor, size: int, names: Sequence[str], report: Reporter
) -> Readings:
    """Return the loss under each replacement, of all given sequences."""
    grid = Grid(
        Inputs.of_sequences(ids, ids.shape[1] // 2 + 1),
        shape=lambda _length: (len(names), model.info.n_layers, size),
        cells=partial(_cells, model, names),
        show=partial(_maps, names),
        largest=_SEQUENCES_AT_ONCE,
        keeps=True,
    )
    return run_grid(model, grid, report)


def _cells(model: LoadedModel, names: Sequence[str], group: Group) -> Iterator[Cell]:
    """Yield a run per site, layer, position and sequence: the output is that of a repeat before."""
    layers, size = range(model.info.n_layers), group.length // 2
    for number, name in enumerate(names):
        site = _SITES[name]
        own = capture(model, group.ids, layers, site)
        for layer, source in product(layers, range(1, size + 1)):
            for row, sequence in enumerate(group.prompts):
                value = Replace(own[layer][row, source : source + 1])
                edit = Edit(layer, site, value, positions=(source + size,))
                yield Cell(sequence, (number, layer, source - 1), Variant((edit,), row))


def _maps(names: Sequence[str], found: Readings) -> dict[str, Any]:
    """Return the mean rise of the loss; of the group under way only where all of it is known.

    Where the run was stopped, of that group only if it is the first: all cells of a map are means
    over the same sequences.
    """
    total = np.zeros(found.cells[0].shape)
    effects, count = np.full(total.shape, np.nan), 0
    for start in range(0, len(found.cells), _SEQUENCES_AT_ONCE):
        if found.stopped and start >= found.done > 0:
            break
        cells = found.cells[start : start + _SEQUENCES_AT_ONCE]
        base = found.base[0, start : start + len(cells)].astype(np.float32)
        rises = np.stack(cells, axis=-1).astype(np.float32) - base
        more, count = total + rises.astype(np.float64).sum(-1), count + len(cells)
        if count > found.done:
            effects = np.where(np.isnan(more), effects, more / count)
            break
        total, effects = more, more / count
    maps = {f"{name}_effect": effect for name, effect in zip(names, effects, strict=True)}
    noise = {} if found.noise is None else {"noise": float(np.nanmean(found.noise))}
    return {**maps, **noise, "effect_sequences": count}
