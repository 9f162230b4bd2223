"""Steering: text generated plainly and under interventions, and what the cache does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.steer import asking
from desktop_app.analyses.steer.acting import Acts, resolve
from desktop_app.analyses.steer.extras import Extras
from desktop_app.analyses.steer.growth import generate, keep_given, known_scores
from desktop_app.analyses.steer.spec import ANALYSIS
from desktop_app.analyses.steer.strips import strips
from desktop_app.analyses.steer.study import Study, begun, said_prompts, settled
from desktop_app.analyses.steer.told import notices, stopped
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL
from desktop_app.contract.steering import timeline
from desktop_app.engine.metrics import NEEDS_ANSWER, Target, make_target
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped as ended
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.generating import require_room
from desktop_app.methods.nearness import prepare_near
from desktop_app.methods.prepare import prepare
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.analyses.steer.acting import Resolved
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.params import Metric
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

_SHARE_OF_VECTORS = 0.05


def run(model: LoadedModel, params: SteerParams, report: Reporter) -> Result:
    """Generate text plainly, under the interventions, under a random control, and behind words.

    Returns:
        `plain`, `steered`, `control` and `said`, one entry a prompt (see `strips`); the metric of
        the first new token of each (`base`, `changed`, `control_metric`, `said_metric`) and the
        mean loss of each text under the plain model (`…_loss`), `[N]` with means and standard
        errors; `differs [N]`; `recompute`, `shapes`, `timeline`; what was done (`acts`), with the
        `vector`s and their `vector_norm`; and what was asked for beside: sweep, scan, findings.
    """
    clock = Clock(model)
    asking.refuse(params)
    prepared, metric = _prepared(model, params, report)
    with no_hooks_left(model):
        vectors = ShareReporter(report, 0.0, _SHARE_OF_VECTORS)
        resolved = resolve(model, params, prepared, vectors)
        study = _study(model, params, prepared, metric, resolved.acts)
        extras = Extras(study)
        said = [*prepared.notices, *asking.notices(params), *resolved.notices]
        rest = ShareReporter(report, _SHARE_OF_VECTORS, 1 - _SHARE_OF_VECTORS)
        try:
            generate(study, ShareReporter(rest, 0.0, 1 - extras.share), extras.memory)
            extras.make(ShareReporter(rest, 1 - extras.share, extras.share))
        except Cancelled:
            unread = keep_given(study)
            there = any(one.ids for one in study.grown["plain"])
            # With nothing beyond what was given, what it was given from is the better result.
            if not (report.keeps_partial and there and (study.says_more or not unread)):
                raise
            known_scores(study)
            said.append(stopped(study, extras.missing, unread))
        said += [*study.notices, *extras.notices]
        said += notices(study, whole=all(n.code != PARTIAL for n in said))
        said += [notice for prompt in sorted(study.near) for notice in study.near[prompt]]
    ended.tell_end(report)
    data = {**_fields(study), **_vectors(resolved), **extras.data}
    return finish(model, ANALYSIS, settled(study), prepared.records, (data, said), clock)


def _prepared(model: LoadedModel, params: SteerParams, report: Reporter) -> tuple[Prepared, Metric]:
    """Return the prompts and the metric that is watched.

    Raises:
        BadInputError: The metric needs what the prompts lack, or is of the prompt.
    """
    if params.metric == "loss":
        raise BadInputError(
            "--metric loss is of the prompt, which no intervention of later steps changes: choose "
            "kl, or with answers logit_diff or logprob; the loss of each continuation is told "
            "anyway."
        )
    if params.metric in NEEDS_ANSWER and not _all(params, "answer"):
        number = next(n for n, row in enumerate(params.prompts, 1) if not row.answer)
        raise BadInputError(
            f"Prompt {number} has no answer, which {params.metric} needs: give --answer, or choose "
            "--metric kl."
        )
    if params.metric in NEEDS_ANSWER or (params.fix and _all(params, "answer")):
        prepared = prepare_near(model, params, report)
    else:
        prepared = prepare(model, params, answers="inspected")
    lengths = [len(encoding) for encoding in prepared.encodings]
    require_room(model, lengths, params.max_new_tokens, "--max-new-tokens")
    if params.metric != "auto":
        return prepared, params.metric
    records = prepared.records
    if all(record.answers and record.wrongs for record in records):
        return prepared, "logit_diff"
    return prepared, "logprob" if all(record.answers for record in records) else "kl"


def _all(params: SteerParams, name: str) -> bool:
    return all(getattr(row, name) for row in params.prompts)


def _study(
    model: LoadedModel, params: SteerParams, prepared: Prepared, metric: Metric, acts: Acts
) -> Study:
    targets: tuple[Target, ...] = tuple(
        make_target(record, metric, index) for index, record in enumerate(prepared.records)
    )
    said = said_prompts(model, params, prepared)
    if said:
        lengths = [len(one.ids) for one in said]
        require_room(model, lengths, params.max_new_tokens, "With --say, --max-new-tokens")
    study = Study(model, params, prepared, metric, targets, acts, said)
    study.begin = begun(study)
    return study


def _fields(study: Study) -> dict[str, Any]:
    """Return what was said, and the numbers of it."""
    prompts = range(len(study.texts))
    data: dict[str, Any] = {name: strips(study, name) for name in study.names}
    metrics = {"plain": "base", "steered": "changed", "control": "control_metric"}
    for name in study.names:
        values = [study.first.get((name, p), float("nan")) for p in prompts]
        data |= with_twins(metrics.get(name, f"{name}_metric"), np.array(values))
        data |= with_twins(f"{name}_loss", np.array([one["loss"] for one in data[name]]))
    data["metric"] = study.metric
    data["read_position"] = np.array([r.read_position for r in study.prepared.records])
    if study.acts:
        data |= _steered_fields(study)
    return data


def _steered_fields(study: Study) -> dict[str, Any]:
    prompts = range(len(study.texts))
    plain, steered = study.grown["plain"], study.grown["steered"]
    steps = [len(one.ids) for one in steered]
    lines: dict[tuple[int, int], np.ndarray] = {}
    for length, count in {(len(study.texts[p]), steps[p]) for p in prompts}:
        codes = timeline(study.acts.when, length, count, cached=study.cached)
        width = length + max(0, count - 1)
        lines[length, count] = np.array(codes, dtype=np.int8).reshape(count, width)
    shapes = [study.shapes.get(p, {}) for p in prompts]
    return {
        "differs": _differ([study.parts(plain[p], steered[p]) for p in prompts]),
        "recompute": tuple(study.recompute.get(p, _UNKNOWN) for p in prompts),
        "shapes": tuple([shapes[p][s] for s in range(steps[p]) if s in shapes[p]] for p in prompts),
        "timeline": tuple(lines[len(study.texts[p]), steps[p]] for p in prompts),
    }


def _differ(known: Sequence[bool | None]) -> Any:
    """Return whether texts differ, prompt by prompt; None where that is not known yet."""
    return tuple(known) if None in known else np.array(known)


_UNKNOWN = {"same_tokens": None, "max_logit_difference": float("nan"), "first_apart": None}


def _vectors(resolved: Resolved) -> dict[str, Any]:
    """Return what was done, and the vectors."""
    items = resolved.acts.items
    if not items:
        return {}
    done = tuple(
        {
            "op": one.op,
            "layer": one.layer,
            "site": one.site,
            "position": one.position,
            "when": one.when,
            "strength": one.strength,
            "heads": list(one.heads),
        }
        for one in items
    )
    vectors: list[torch.Tensor | None] = [one.vector for one in items]
    width = max((len(v) for v in vectors if v is not None), default=0)
    if not width:
        return {"acts": done}
    table = np.full((len(items), width), np.nan, dtype=np.float32)
    for row, vector in zip(table, vectors, strict=True):
        if vector is not None:
            row[: len(vector)] = vector.numpy()
    norms = [float("nan") if v is None else float(v.double().norm()) for v in vectors]
    return {"acts": done, "vector": table, "vector_norm": np.array(norms)}
