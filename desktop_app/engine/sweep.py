"""One pass for every sweep.

Removing each head in turn looks like layers × heads passes; it is one. All variants equal the
untouched run up to the layer that they touch, so a single pass carries a growing batch: the first
rows are the untouched prompts; where the stream enters layer `l`, the variants that touch `l` join
as copies of theirs, and each variant's change is applied to its own row alone. Before the
unembedding only the read position is kept.

Nor does a change at position p reach any position before it. Where that saves more than another
pass over the weights costs, variants are computed from p on, and find the keys and values of what
comes before in the untouched run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.engine.memory import fewer_rows, row_bytes, rows_per_pass, used_bytes
from desktop_app.engine.model import site_hook
from desktop_app.engine.noise import NoiseFloor
from desktop_app.engine.shortcuts import abilities
from desktop_app.engine.sites import require_acting
from desktop_app.engine.sweep_pass import Loss, Pass, Prompts, SweepPlan, pass_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.engine.interventions import Variant
    from desktop_app.engine.model import LoadedModel, Site

__all__ = ["Loss", "OnPart", "SweepPlan", "Swept", "sweep"]

OnPart = Callable[[torch.Tensor, torch.Tensor], None]
"""Receives (base `[N]`, values `[variants]`, NaN where still to come) after each pass."""

# More choices than this are thinned out: the plan must not take longer than what it saves.
_MOST_STARTS = 192


@dataclass(frozen=True)
class Swept:
    """What a sweep found.

    Attributes:
        base: The metric of each prompt untouched, float32 `[N]`.
        values: The metric of each variant, float32 `[variants]`.
        base_logits: Untouched logits at the read position, float32 `[N, V]`.
        noise: How far each prompt's untouched metric goes apart over batch sizes, float32 `[N]`,
            where numbers have half precision and nothing is changed throughout; else None.
    """

    base: torch.Tensor
    values: torch.Tensor
    base_logits: torch.Tensor
    noise: torch.Tensor | None = None


@dataclass
class _Chunk:
    """Variants that share passes: all begin at one position."""

    start: int
    variants: list[int] = field(default_factory=list)


def sweep(
    model: LoadedModel,
    ids: torch.Tensor,
    variants: Sequence[Variant],
    plan: SweepPlan,
    report: Reporter | None = None,
    on_part: OnPart | None = None,
) -> Swept:
    """Run every variant in a row of its own, in as few passes as memory allows.

    Args:
        model: The model.
        ids: Token ids `[N, S]` of prompts of one length, unpadded.
        variants: The runs, each independent of the others.
        plan: What is read, and the memory budget.
        report: Told after every layer; may cancel there.
        on_part: Told the values of each pass as they come.

    Returns:
        Metrics in the order of `variants`.

    Raises:
        BadInputError: A place cannot be changed in this model.
        MemoryExhaustedError: Not even one variant at a time fits.
    """
    report = report or SilentReporter()
    _refuse_unfit(model, variants)
    chunks = _chunks(model, ids, variants, plan)
    prompts = Prompts(ids, model.seen(ids, site_hook(0, "resid_pre")), records=len(chunks) > 1)
    values = torch.full((len(variants),), float("nan"))
    same = [i for i, variant in enumerate(variants) if variant.changes_nothing]
    report.needs(_needs(model, chunks, ids, plan))
    done, floor = 0.0, NoiseFloor(model, prompts, plan)
    rows = sum(variant_share(model, v) for v in variants)
    total = sum(_tokens(model, c, ids, variants) for c in chunks)
    total += 0.0 if plan.standing else floor.tokens(rows)
    for chunk in chunks:
        limit = rows_per_pass(model, ids.shape[1] - chunk.start, ids.shape, plan)
        work, first = _tokens(model, chunk, ids, variants), 0
        while first < len(chunk.variants) or (not first and not chunk.variants):
            some = chunk.variants[first : first + limit]
            share = work / total * (len(some) / max(1, len(chunk.variants)) if some else 1.0)
            one = Pass(model, prompts, plan, chunk.start, [variants[i] for i in some])
            try:
                found = one.run(report, done, share)
            except (RuntimeError, MemoryError) as error:
                limit = fewer_rows(model, error, min(limit, max(1, len(some))))
                continue
            values[torch.tensor(some, dtype=torch.long)] = found
            floor.add(one.untouched)
            if prompts.base is not None:
                values[same] = prompts.base[[variants[i].prompt for i in same]]
            first, done = first + max(1, len(some)), done + share
            if on_part is not None and prompts.base is not None:
                on_part(prompts.base, values)
    base = prompts.base if prompts.base is not None else torch.empty(0)
    noise = None if plan.standing else floor.measure(report, rows, done)
    return Swept(base, values, prompts.base_logits.float().cpu(), noise)


def _refuse_unfit(model: LoadedModel, variants: Sequence[Variant]) -> None:
    layers: dict[Site, set[int]] = {}
    for variant in variants:
        for edit in variant.edits:
            layers.setdefault(edit.site, set()).add(edit.layer)
    for site, found in layers.items():
        require_acting(model, sorted(found), site)


def variant_share(model: LoadedModel, variant: Variant) -> float:
    """Return how much of the model's depth a variant is computed in."""
    return (model.info.n_layers - variant.layer) / model.info.n_layers


def _chunks(
    model: LoadedModel, ids: torch.Tensor, variants: Sequence[Variant], plan: SweepPlan
) -> list[_Chunk]:
    """Return which variants begin where, those of one start by the layer that they touch."""
    # What is read must be computed, even by variants that change nothing of it.
    latest = ids.shape[1] - 1 if plan.loss else min(plan.read)
    firsts = [min(variant.first_position, latest) for variant in variants]
    n, length = ids.shape
    weights: dict[int, float] = {}
    for variant, at in zip(variants, firsts, strict=True):
        weights[at] = weights.get(at, 0.0) + variant_share(model, variant)
    begins = dict.fromkeys(weights, 0)
    if any(weights) and model.spec.offload == "none" and abilities(model).resumes:
        begins = choose_starts(weights, length, n, pass_cost(model))
    by_start: dict[int, _Chunk] = {0: _Chunk(0)}
    for number in sorted(range(len(variants)), key=lambda i: variants[i].layer):
        if variants[number].changes_nothing:
            continue  # it is the untouched run, and so is its metric, to the last bit
        start = begins[firsts[number]]
        by_start.setdefault(start, _Chunk(start)).variants.append(number)
    return [by_start[start] for start in sorted(by_start)]


def _tokens(
    model: LoadedModel, chunk: _Chunk, ids: torch.Tensor, variants: Sequence[Variant]
) -> float:
    """Return a chunk's work: tokens through the whole depth of the model, and what a pass costs."""
    rows = len(ids) + sum(variant_share(model, variants[i]) for i in chunk.variants)
    return pass_cost(model) + rows * (ids.shape[1] - chunk.start)


def _needs(model: LoadedModel, chunks: Sequence[_Chunk], ids: torch.Tensor, plan: SweepPlan) -> int:
    """Return the memory of the process (or on the GPU) at the peak of the sweep."""
    n, length = ids.shape
    most = 0
    for chunk in chunks:
        computed = length - chunk.start
        rows = n + min(len(chunk.variants), rows_per_pass(model, computed, ids.shape, plan))
        row = row_bytes(model, computed, length, read_all=plan.loss is not None)
        most = max(most, rows * row)
    return used_bytes(model.device) + most


def choose_starts(
    weights: Mapping[int, float], length: int, untouched: int, pass_cost: float
) -> dict[int, int]:
    """Return at which position the pass begins that computes each first position.

    A pass from `start` computes `length − start` tokens of every row in it, and costs something by
    itself: the weights are read once more.

    Args:
        weights: Per first position, the runs that begin there, in rows through the whole depth.
        length: The prompt's token count.
        untouched: Rows that every pass carries besides.
        pass_cost: What a pass costs by itself, in tokens through the whole depth.
    """
    positions = sorted({0, *weights})  # the first pass computes untouched rows from 0 on
    step = -(-len(positions) // _MOST_STARTS)
    groups = [positions[i : i + step] for i in range(0, len(positions), step)]
    loads = [sum(weights.get(p, 0.0) for p in group) for group in groups]
    # best[i]: the least cost of the groups from i on, and where the pass after theirs begins.
    best: list[tuple[float, int]] = [(0.0, 0)] * (len(groups) + 1)
    for i in range(len(groups) - 1, -1, -1):
        load, choices = float(untouched), []
        for j in range(i + 1, len(groups) + 1):
            load += loads[j - 1]
            choices.append((pass_cost + (length - groups[i][0]) * load + best[j][0], j))
        best[i] = min(choices)
    begins: dict[int, int] = {}
    i = 0
    while i < len(groups):
        j = best[i][1]
        begins.update({p: groups[i][0] for group in groups[i:j] for p in group})
        i = j
    return begins
