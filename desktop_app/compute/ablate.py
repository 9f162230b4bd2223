"""Ablation sweep: every part removed in a run of its own, all in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.ablate import ABLATE, AblateParams
from desktop_app.analyses.grammar import resolve_positions, resolve_range
from desktop_app.analyses.report import Reporter, ShareReporter
from desktop_app.analyses.result import Notice, Result
from desktop_app.compute.finish import Clock, finish, not_finite, with_twins
from desktop_app.compute.gate import Gate, check_gate
from desktop_app.compute.prepare import Prepared, equal_length_groups, prepare
from desktop_app.compute.reference import Activations, Means, capture, means
from desktop_app.engine.diagnosis import first_bad_layer
from desktop_app.engine.interventions import Edit, Replace, Value, Zero
from desktop_app.engine.metrics import NEEDS_ALL_POSITIONS, Target, make_target, near_zero, score
from desktop_app.engine.sweep import SweepPlan, no_hooks_left, sweep
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel, Site

_SITES: dict[str, Site] = {"head": "head_z", "attn": "attn_out", "mlp": "mlp_out"}
_KEPT = {
    "head": "all other heads and all MLPs",
    "attn": "the attention of all other layers and all MLPs",
    "mlp": "the MLPs of all other layers and all attention",
}
_PROMPTS_PER_GROUP = 16

ValueOf = Callable[[int, int | None, tuple[int, ...] | None, list[int]], Value]
"""(layer, head, positions, prompts of the group) -> what the part becomes."""


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
        base, ablated, base_logits = _sweep_groups(model, task, value_of, report)
    gate = check_gate(prepared.records, base_logits)
    notices += gate.notices
    bad = ~np.isfinite(base) | ~np.isfinite(ablated.reshape(-1, len(base))).all(0)
    for index in np.flatnonzero(bad):
        layer = first_bad_layer(model, prepared.records[index].tokens.ids)
        notices.append(not_finite(f"The ablation of prompt {index + 1}", layer, int(index)))
    data = _fields(task, base, ablated, gate)
    report.step(1.0, "Done")
    return finish(
        model, ABLATE, params, prepared.records, (data, (*prepared.notices, *notices)), clock
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
        _refuse_unpaired(prepared)
    targets = [make_target(r, params.metric, i) for i, r in enumerate(prepared.records)]
    return _Task(params, prepared, targets, layers, heads, mode)


def _refuse_unpaired(prepared: Prepared) -> None:
    for index, (clean, twin) in enumerate(zip(prepared.encodings, prepared.corrupt, strict=True)):
        if twin is None:
            raise BadInputError(
                f"Prompt {index + 1} has no corrupt twin, which --mode resample needs: give "
                "--corrupt, or choose --mode zero or mean."
            )
        if len(twin) != len(clean):
            raise BadInputError(
                f"Prompt {index + 1} has {len(clean)} tokens and its corrupt twin {len(twin)}: "
                "make them equally long for --mode resample."
            )


def _replacement(model: LoadedModel, task: _Task, report: Reporter) -> tuple[ValueOf, list[Notice]]:
    """Return what each part becomes, as a function of layer, head, positions and prompts."""
    if task.mode == "zero":
        return (lambda _layer, _head, _positions, _group: Zero()), []
    if task.mode == "mean":
        found, notices = _mean_activations(model, task, report)
        return _mean_values(found), notices
    site = _SITES[task.params.component]
    cache: dict[tuple[int, ...], Activations] = {}

    def twin_value(
        layer: int, head: int | None, positions: tuple[int, ...] | None, group: list[int]
    ) -> Value:
        key = tuple(group)
        if key not in cache:
            cache.clear()
            twins = [t.ids for i in group if (t := task.prepared.corrupt[i]) is not None]
            cache[key] = capture(model, model.ids(twins), task.layers, site)
        values = cache[key][layer]
        values = values if head is None else values[:, :, head]
        return Replace(values if positions is None else values[:, list(positions)])

    return twin_value, []


def _mean_activations(
    model: LoadedModel, task: _Task, report: Reporter
) -> tuple[Means, list[Notice]]:
    params, prompts = task.params, task.prepared.encodings
    references = [e.ids for e in prompts]
    if params.reference:
        encoder = model.tokenizer.with_bos(params.bos)
        references = [encoder.encode(text).ids for text in params.reference]
    for index, reference in enumerate(references):
        if not 0 < len(reference) <= model.info.n_ctx:
            raise BadInputError(
                f"--reference prompt {index + 1} has {len(reference)} tokens and the model reads 1 "
                f"to {model.info.n_ctx}: change it."
            )
    lengths = {len(r) for r in references} | {len(e) for e in prompts}
    pooled = len(lengths) > 1
    notices = []
    if pooled:
        notices.append(
            Notice(
                "means_pooled",
                f"Token lengths differ ({min(lengths)} to {max(lengths)}), so the means run over "
                "all positions instead of position by position.",
            )
        )
    if not pooled and len(set(references)) == 1 and {e.ids for e in prompts} == set(references):
        notices.append(
            Notice(
                "reference_is_self",
                "The reference is the prompt alone, so its mean is its own value and nothing "
                "changes: give --reference, or choose --mode zero.",
            )
        )
    site = _SITES[params.component]
    return means(model, references, task.layers, site, report, pooled=pooled), notices


def _mean_values(found: Means) -> ValueOf:
    def mean_value(
        layer: int, head: int | None, positions: tuple[int, ...] | None, _group: list[int]
    ) -> Value:
        values = found.by_layer[layer]
        if found.pooled:
            return Replace(values if head is None else values[head])
        values = values if head is None else values[:, head]
        return Replace(values if positions is None else values[list(positions)])

    return mean_value


def _sweep_groups(
    model: LoadedModel, task: _Task, value_of: ValueOf, report: Reporter
) -> tuple[np.ndarray, np.ndarray, list[torch.Tensor]]:
    """Sweep prompts of one token length together.

    Returns:
        base `[N]`, ablated `[L, H, N]` (`[L, N]` without heads), untouched logits per prompt.
    """
    records = task.prepared.records
    shape = (len(task.layers), len(task.heads), len(records))
    base, ablated = np.full(len(records), np.nan), np.full(shape, np.nan)
    logits: list[torch.Tensor] = [torch.empty(0)] * len(records)
    groups = equal_length_groups([len(r.tokens) for r in records], _PROMPTS_PER_GROUP)
    for number, group in enumerate(groups):
        plan = SweepPlan(
            read=tuple(records[i].read_position for i in group),
            score=_scorer(task, group),
            all_positions=task.params.metric in NEEDS_ALL_POSITIONS,
        )

        def fill(own: torch.Tensor, values: torch.Tensor, group: list[int] = group) -> None:
            base[group] = own.numpy()
            ablated[..., group] = values.view(*shape[:2], len(group)).numpy()
            report.partial(_partial(task, base, ablated))

        ids = model.ids([records[i].tokens.ids for i in group])
        share = ShareReporter(report, number / len(groups), 1 / len(groups))
        swept = sweep(model, ids, _edits(task, value_of, group), plan, share, fill)
        for row, index in enumerate(group):
            logits[index] = swept.base_logits[row]
    return base, _squeeze(task, ablated), logits


def _edits(task: _Task, value_of: ValueOf, group: list[int]) -> list[Edit]:
    """Return one edit per part, layer by layer; positions are resolved for the group's length."""
    site, record = _SITES[task.params.component], task.prepared.records[group[0]]
    found = resolve_positions(task.params.positions, len(record.tokens), record.read_position)
    positions = None if found is None else tuple(found)
    return [
        Edit(layer, site, value_of(layer, head, positions, group), head, positions)
        for layer in task.layers
        for head in task.heads
    ]


def _scorer(task: _Task, group: list[int]) -> Callable[..., torch.Tensor]:
    targets = [task.targets[i] for i in group]

    def score_rows(logits: torch.Tensor, prompt: int, base: torch.Tensor | None) -> torch.Tensor:
        return score(task.params.metric, logits, targets[prompt], base)

    return score_rows


def _squeeze(task: _Task, values: np.ndarray) -> np.ndarray:
    """Drop the head axis where whole layers are removed."""
    return values if task.params.component == "head" else values[:, 0]


def _partial(task: _Task, base: np.ndarray, ablated: np.ndarray) -> dict[str, Any]:
    """Return the mean effect as far as it is known; NaN elsewhere."""
    twins = with_twins("effect", ablated - base)
    return {
        "effect_mean": _squeeze(task, np.asarray(twins["effect_mean"])),
        "layers": np.array(task.layers),
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
    }
