"""Circuits: some parts stay, all others are replaced; pruning finds which are enough."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.spec import ANALYSIS, CircuitParams
from desktop_app.analyses.circuit.study import Study
from desktop_app.contract.kept import all_parts, resolve_kept, resolve_places, written_kept
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.engine.metrics import near_zero
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.continuing import require_room
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.grid import Inputs
from desktop_app.methods.knockout import Knockout, places_of
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.precision import processed_biases
from desktop_app.methods.predictions import check_gate
from desktop_app.methods.prepare import twins_of
from desktop_app.methods.pruning import Step
from desktop_app.methods.published import PublishedKnockout
from desktop_app.methods.substitutes import (
    MeanValues,
    Reference,
    Substitutes,
    TwinValues,
    make_means,
)
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.kept import Positions
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.predictions import Gate
    from desktop_app.methods.prepare import Prepared

_MOST_STEPS = 1_000_000
_SHARE_OF_MEANS = 0.05


def run(model: LoadedModel, params: CircuitParams, report: Reporter) -> Result:
    """Score a circuit, and find out more about it as far as the settings ask.

    The parts outside are replaced all at once: by their mean over the reference, per position and
    template group, from the intact model; by zero; or by their value on the corrupt twin. A head
    stays or goes at positions of its query. Where tokens are generated, the parts outside are
    replaced at every step, and positions beyond the reference take the mean over its positions.

    Returns:
        `kept`; `full`, `empty`, `score`, `percent`, `faithfulness [N]` with means and standard
        errors; `percent_of_means` (100 · mean score / mean full), by which pruning goes; and what
        was asked for: `minus [K]`, `trail`, controls, completeness, minimality, continuations.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    heads, layers = model.info.n_heads, model.info.n_layers
    parts = all_parts(layers, heads, mlps=params.mlps)
    kept = resolve_kept(params.keep, layers, heads, mlps=params.mlps)
    _refuse_beyond(kept, prepared)
    if params.generate:
        require_room(model, [len(e) for e in prepared.encodings], params.generate, "--generate")
    earlier = _earlier(params)
    twins = twins_of(prepared, "--replace resample") if params.replace == "resample" else ()
    inputs = Inputs.of_prompts(prepared, params.metric, twins)
    with no_hooks_left(model):
        substitutes = _substitutes(model, params, prepared, parts, report)
        if isinstance(substitutes, MeanValues) and params.means == "as-published":
            knockout: Knockout = PublishedKnockout(model, inputs, parts, substitutes)
        else:
            knockout = Knockout(model, inputs, parts, substitutes)
        study = Study(knockout, params, dict(kept), earlier)
        try:
            study.run(ShareReporter(report, _SHARE_OF_MEANS, 1 - _SHARE_OF_MEANS))
        except Cancelled:
            if not (report.keeps_partial and len(study.score)):
                raise
    gate = check_gate(prepared.records, knockout.logits)
    notices = [*prepared.notices, *substitutes.notices, *gate.notices]
    notices += near_notices(model, params, prepared, enumerate(knockout.logits))
    if params.replace == "zero":
        notices += processed_biases(model)
    if study.reached:
        notices.append(Notice(PARTIAL, _stopped(study)))
    stopped.tell_end(report)
    data = _fields(study, prepared, gate)
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


def _substitutes(
    model: LoadedModel,
    params: CircuitParams,
    prepared: Prepared,
    parts: tuple[Part, ...],
    report: Reporter,
) -> Substitutes:
    """Return what the parts outside become, read from the reference."""
    places = places_of(parts)
    if params.replace == "zero":
        return Substitutes(model)
    if params.replace == "resample":
        return TwinValues(model, places)
    is_published = params.means == "as-published"
    reference = Reference(params.reference, params.reference_groups, is_published)
    means = make_means(model, params, prepared, reference)
    means.read(places, ShareReporter(report, 0.0, _SHARE_OF_MEANS))
    return means


def _refuse_beyond(kept: dict[Part, Positions], prepared: Prepared) -> None:
    """Refuse positions that a prompt does not have."""
    for part, positions in kept.items():
        if positions is not None:
            for index, encoding in enumerate(prepared.encodings):
                resolve_places(part, positions, len(encoding), index)


def _earlier(params: CircuitParams) -> tuple[Step, ...]:
    """Return the steps of an earlier pruning.

    Raises:
        BadInputError: They are no trail, or nothing is pruned.
    """
    if not params.resume.strip():
        return ()
    if params.prune is None:
        raise BadInputError("--resume goes on with a pruning: give --prune as well.")
    try:
        rows = json.loads(params.resume)
        steps = tuple(_step(row) for row in rows[:_MOST_STEPS])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise BadInputError(
            "--resume is no trail of a pruning: give the .json of a result that was stopped."
        ) from None
    return steps


def _step(row: Any) -> Step:
    number, part, before, after, outcome = row
    if outcome not in {"kept", "dropped"} or not isinstance(part, str):
        raise ValueError("no step")
    was, became = (math.nan if value is None else float(value) for value in (before, after))
    return Step(int(number), part, was, became, outcome == "kept")


def _stopped(study: Study) -> str:
    pruning = study.pruning
    if pruning is None or study.reached != "the pruning":
        return f"Stopped before {study.reached} was known. Run again for the rest."
    steps, left = plural(len(pruning.trail), "step"), plural(len(study.kept), "part")
    return (
        f"Stopped in pass {pruning.number} of the pruning, after {steps}: {left} left so far. Go "
        "on from its trail for the rest."
    )


def _fields(study: Study, prepared: Prepared, gate: Gate) -> dict[str, Any]:
    full, empty, score = study.knockout.full, study.empty, study.score
    allowed = gate.done & (full > near_zero(study.params.metric))
    apart = full - empty
    withheld = not (allowed.any() and full.mean() > near_zero(study.params.metric))
    data: dict[str, Any] = {"kept": written_kept(study.kept)}
    for name, values in (
        ("full", full),
        ("empty", empty),
        ("score", score),
        ("percent", _over(100 * score, full, allowed)),
        ("faithfulness", _over(score - empty, apart, apart != 0)),
    ):
        data |= with_twins(name, values)
    data["percent_of_means"] = math.nan if withheld else study.left
    if study.pruning is not None:
        trail = study.pruned(study.pruning)
        data |= {name: value for name, value in trail.items() if name.startswith("trail")}
    data |= _further(study, withheld=withheld)
    substitutes = study.knockout.substitutes
    if substitutes.groups:
        data |= {"reference_size": substitutes.size, "groups": list(substitutes.groups)}
    noise = study.knockout.noise
    return {
        **data,
        **({} if noise is None else {"noise": noise}),
        "read_position": np.array([r.read_position for r in prepared.records]),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
        "total": len(study.knockout.parts),
    }


def _further(study: Study, *, withheld: bool) -> dict[str, Any]:
    """Return what was asked beyond the circuit's score, with means and percentages."""
    known, full, empty = dict(study.known), study.knockout.full, study.empty
    data: dict[str, Any] = {}
    for name in ("minus_score", "control_score", "complete_circuit", "complete_model"):
        if name in known:
            data |= with_twins(name, known.pop(name))
    for name, mean in (("minus", "minus_score"), ("control", "control_score")):
        if mean in data:
            means = np.asarray(data[f"{mean}_mean"])
            percent = np.full(means.shape, math.nan) if withheld else 100 * (means / full.mean())
            data[f"{name}_percent"] = percent
    if "minus_score" in data:
        data["minus"] = data["minus_score_mean"]
    if "control_score" in data:
        apart = full - empty
        found = _over(data["control_score"] - empty, apart, apart != 0)
        data["control_faithfulness"] = with_twins("found", found)["found_mean"]
    return data | known


def _over(above: np.ndarray, below: np.ndarray, where: np.ndarray) -> np.ndarray:
    found = np.full(above.shape, math.nan)
    np.divide(above, below, out=found, where=np.broadcast_to(where, above.shape))
    return found
