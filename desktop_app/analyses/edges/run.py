"""Edges: what each one does, estimated at once and then exact, and circuits of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.edges import circuits
from desktop_app.analyses.edges.spec import ANALYSIS, EdgesParams
from desktop_app.contract.report import CheckingReporter, ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.methods import stopped
from desktop_app.methods.edge_estimates import is_flat, refuse_flat
from desktop_app.methods.edge_measures import (
    Effects,
    estimate_all,
    let_go,
    measure_exactly,
    needs,
    work_of,
)
from desktop_app.methods.edge_plan import Pace, order_by, overlap
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.estimates import rank_agreement
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.predictions import check_gate
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

_ESTIMATES = frozenset({"auto", "exact", "eap", "eap-ig"})
_EXACT = frozenset({"auto", "exact"})
_SECONDS = 60.0
# What circuits take of the time, beside estimates and exact runs.
_SHARE_OF_CIRCUITS = 0.15


@dataclass(frozen=True)
class _Task:
    """One run, settled.

    Attributes:
        sides: The prompts.
        effects: What is known of their edges.
        clock: Seconds from anywhere.
    """

    params: EdgesParams
    sides: Sides
    effects: Effects
    report: Reporter
    clock: Callable[[], float]

    @property
    def estimated(self) -> bool:
        """Whether estimates are made: of what is flat where they take its slope there are none."""
        return self.params.method in _ESTIMATES and not is_flat(self.params.metric, self.steps)

    @property
    def steps(self) -> int:
        """How many runs EAP-IG averages; 0 for EAP alone."""
        return _steps(self.params)

    @cached_property
    def names(self) -> dict[str, tuple[str, ...]]:
        """The sender, the receiver and the input of every edge: a session stores no text arrays."""
        graph = self.sides.graph
        kinds = [str(receiver.kind) for receiver in graph.receivers]
        senders, inputs = graph.senders_of.tolist(), graph.inputs_of.tolist()
        return {
            "sender": tuple(graph.sender_names[n] for n in senders),
            "receiver": tuple(graph.receiver_names[n] for n in inputs),
            "input": tuple(kinds[n] for n in inputs),
        }


def run(
    model: LoadedModel,
    params: EdgesParams,
    report: Reporter,
    clock: Callable[[], float] = time.perf_counter,
) -> Result:
    """Exchange what every edge leads from its sender into its receiver, and measure what follows.

    Returns:
        `sender`, `receiver`, `input` `[edge]`; `effect [edge, N]` = changed − base, NaN where not
        computed; `estimate [edge, N]`, with `agreement` and `overlap` of the two; circuits.
    """
    costs = Clock(model)
    _refuse(params)
    prepared = prepare_near(model, params, report)
    asked = params.metric, params.replace, params.reference
    sides = Sides(model, params, prepared, asked, CheckingReporter(report))
    circuits.settle(params, sides.graph)
    report.needs(needs(sides))
    effects = Effects(np.full((len(sides.graph), len(sides)), np.nan))
    task = _Task(params, sides, effects, report, clock)
    share = _measure(task)
    notices = [*prepared.notices, *sides.notices, *_unused(params)]
    logits = [sides.read_off(n).logits for n in range(len(sides))]
    notices += near_notices(model, params, prepared, enumerate(logits))
    gate = check_gate(prepared.records, logits, "what its edges do says little")
    notices += gate.notices
    found, said = _circuits(task, ShareReporter(report, share, 1 - share))
    notices += [*said, *_not_finite(task)]
    stopped.tell_end(report)
    data = {
        **_fields(task),
        **found,
        "read_position": np.array(sides.read),
        "answer_rank": gate.answer_rank,
        "task_done": gate.done,
    }
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), costs)


def _steps(params: EdgesParams) -> int:
    return 0 if params.method == "eap" else params.steps


def _refuse(params: EdgesParams) -> None:
    """Refuse what cannot be estimated, before anything is run."""
    if params.method in {"eap", "eap-ig"}:
        refuse_flat(params.metric, _steps(params))
    if params.best and params.method in _EXACT and is_flat(params.metric, _steps(params)):
        raise BadInputError(
            f"--best takes the edges that are estimated best, and {params.metric} has no gradient "
            "to estimate by: choose --metric logit_diff, or --best 0."
        )
    if params.replace == "zero" and params.reference:
        raise BadInputError("--reference is for --replace mean: leave it out, or choose mean.")


def _measure(task: _Task) -> float:
    """Estimate, then run exactly; return which part of the time that was."""
    params, sides, effects = task.params, task.sides, task.effects
    count = len(sides.graph)
    wanted = order_by(None, count)[: params.best or None]
    steps = max(1, task.steps) if task.estimated else 0
    guess, exact = work_of(sides, steps=steps, order=wanted)
    exact = exact if params.method in _EXACT else 0.0
    whole = max(1.0, guess + exact) / (1 - _SHARE_OF_CIRCUITS)
    show = partial(_show, task)
    if task.estimated:
        told = ShareReporter(task.report, 0.0, guess / whole)
        estimate_all(sides, effects, task.steps, told, show)
    if params.method in _EXACT:
        order = order_by(effects.estimate, count)[: params.best or None]
        limit = params.budget * _SECONDS if params.method == "auto" else None
        told = ShareReporter(task.report, guess / whole, exact / whole)
        measure_exactly(sides, effects, order, Pace(task.clock, limit), told, show)
        if effects.stopped and not task.report.keeps_partial:
            raise Cancelled
    return (guess + exact) / whole


def _unused(params: EdgesParams) -> list[Notice]:
    """Say that reference prompts are not read beside twins: a form may hold them nevertheless."""
    if params.replace != "corrupt" or not params.reference:
        return []
    message = (
        "The reference prompts were not used: edges are exchanged for the corrupt twin's. Choose "
        "--replace mean for their mean."
    )
    return [Notice("reference_unused", message)]


def _circuits(task: _Task, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the fields of circuits, and what must be said of what is missing."""
    sides, effects = task.sides, task.effects
    if effects.stopped:
        return {}, _stopped(task)
    found, said = circuits.fields(sides.model, task.params, _known(task), report)
    if task.params.method in _EXACT and not any(n.code == PARTIAL for n in said):
        let_go(sides, effects)
    return found, [*_left_out(task), *said]


def _known(task: _Task) -> circuits.Known:
    """Return what circuits are chosen by and run with."""
    sides, effects = task.sides, task.effects
    read = [sides.read_off(n) for n in range(len(sides))]
    base, other = (np.array([getattr(r, name) for r in read]) for name in ("base", "empty"))
    named = {"eap-ig" if task.steps else "eap": effects.estimate}
    if effects.eap is not None:
        named["eap"] = effects.eap
    estimates = {name: values for name, values in named.items() if values is not None}
    rankings = circuits.rankings_of(effects.exact, estimates)
    return circuits.Known(sides.graph, sides.senders, sides.side, base, rankings, other)


def _show(task: _Task) -> None:
    if not task.report.previews:
        return  # it would cost as much as runs do, for nobody
    task.report.partial(_fields(task))


def _fields(task: _Task) -> dict[str, Any]:
    """Return what is known of the edges."""
    sides, effects, graph = task.sides, task.effects, task.sides.graph
    read_off = [sides.read_off(n) for n in range(len(sides))]
    known = effects.known
    fields = {
        **task.names,
        **with_twins("base", np.array([each.base for each in read_off])),
        **with_twins("other", np.array([each.empty for each in read_off])),
        **with_twins("effect", effects.exact, known[:, None]),
        "layers": {
            "layers": graph.layers,
            "heads": graph.heads,
            "kv_heads": graph.kv_heads,
            "parallel": sorted(graph.parallel),
        },
        "estimated": not known.any(),
        "computed": int(known.sum()),
    }
    if effects.noise is not None:
        fields["noise"] = effects.noise
    for name, ending, values in (("estimate", "", effects.estimate), *_beside(effects)):
        if values is not None:
            fields |= with_twins(name, values)
            pair = values.mean(-1), np.where(known, effects.exact.mean(-1), np.nan)
            fields[f"agreement{ending}"] = rank_agreement(*pair)
            fields[f"overlap{ending}"] = overlap(*pair)
    return fields


def _beside(effects: Effects) -> list[tuple[str, str, np.ndarray | None]]:
    return [("estimate_eap", "_eap", effects.eap)]


def _stopped(task: _Task) -> list[Notice]:
    known, count = int(task.effects.known.sum()), len(task.sides.graph)
    rest = "the others are estimates" if task.effects.estimate is not None else "no more is known"
    message = (
        f"Stopped at {known:,} of {count:,} edges; {rest}. Run again with the same settings to go "
        "on from there."
    )
    return [Notice(PARTIAL, message)]


def _left_out(task: _Task) -> list[Notice]:
    """Say of how many edges the time held none."""
    params = task.params
    tried, count = int(task.effects.tried.sum()), len(task.sides.graph)
    wanted = min(params.best or count, count)
    if params.method != "auto" or tried >= wanted:
        return []
    which = "the best-estimated ones; the others are estimates"
    if task.effects.estimate is None:
        which = "those into the last parts first; of the others nothing is known"
    message = (
        f"The budget of {params.budget:g} minutes held {tried:,} of {wanted:,} edges exactly, "
        f"{which}. Give a larger --budget, or --method exact."
    )
    return [Notice("edges_estimated", message)]


def _not_finite(task: _Task) -> list[Notice]:
    """Return a warning for each prompt with numbers that are not finite where there must be some.

    Effects that were not computed are none of them.
    """
    found = []
    estimate, exact, tried = task.effects.estimate, task.effects.exact, task.effects.tried
    for number in range(len(task.sides)):
        read = task.sides.read_off(number)
        there = [np.array([read.base, read.empty]), exact[tried, number]]
        if estimate is not None:
            there.append(estimate[:, number])
        if not np.isfinite(np.concatenate(there)).all():
            ids = task.sides.ids([number])[0].tolist()
            what = f"What is known of the edges of prompt {number + 1}"
            found.append(not_finite(what, task.sides.model, [ids], number))
    return found
