"""What is found out about a circuit, one stage after another; each may be the last one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.circuit.random_sets import controls, removals
from desktop_app.contract.kept import Kept, written_kept
from desktop_app.contract.report import ShareReporter
from desktop_app.engine.metrics import near_zero
from desktop_app.methods.continuing import RULE, continuations
from desktop_app.methods.pruning import Pruning, Rule, Step, without
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desktop_app.analyses.circuit.spec import CircuitParams
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.report import Reporter
    from desktop_app.methods.knockout import Knockout

Stage = tuple[str, float, "Callable[[Reporter], None]"]
"""What it is, how long it takes beside the others, and its work."""
_SETS = 10
_HALF_TOLERANCE = 2.0
_PRUNED_BY = ("logit_diff", "logit", "prob")


@dataclass
class Study:
    """A circuit and what is known of it.

    Attributes:
        knockout: The runs.
        params: The settings.
        kept: The circuit, as far as it is settled.
        earlier: The trail of a pruning that goes on.
        known: Fields by name.
        score: The circuit's metric per prompt.
        empty: The metric with every part replaced.
        pruning: Under way, or done.
        reached: The stage that is under way; empty where all are done.
    """

    knockout: Knockout
    params: CircuitParams
    kept: dict[Part, tuple[int, ...] | None]
    earlier: Sequence[Step] = ()
    known: dict[str, Any] = field(default_factory=dict)
    score: np.ndarray = field(default_factory=lambda: np.empty(0))
    empty: np.ndarray = field(default_factory=lambda: np.empty(0))
    pruning: Pruning | None = None
    reached: str = ""

    def run(self, report: Reporter) -> None:
        """Go through all stages.

        Raises:
            Cancelled: `reached` says in which.
        """
        stages = list(self._stages())
        whole, done = sum(weight for _name, weight, _work in stages), 0.0
        for name, weight, work in stages:
            self.reached = name
            work(ShareReporter(report, done / whole, weight / whole))
            done += weight
        self.reached = ""

    @property
    def left(self) -> float:
        """What the circuit keeps of the untouched metric, mean over mean, in per cent."""
        known = np.isfinite(self.score).all() or self.pruning is None
        return self.share(self.score) if known or self.pruning is None else self.pruning.percent

    def share(self, scores: np.ndarray) -> float:
        """Return a metric per prompt as per cent of the untouched one, mean over mean."""
        full = float(self.knockout.full.mean())
        return 100 * (float(scores.mean()) / full) if full else float("nan")

    def _stages(self) -> Iterator[Stage]:
        asked, size = self.params, len(self.kept)
        yield "the circuit", 2.0, self._first
        if asked.prune is not None:
            yield "the pruning", 2.0 * size, self._prune
        if asked.minus:
            yield "minus one", size / 2, self._minus
        # Of all parts, or of none, nothing is left to chance.
        if asked.controls and (asked.prune is not None or asked.keep not in {"all", "none"}):
            yield "the controls", float(asked.controls), self._controls
        if asked.completeness:
            yield "completeness", 2.0 * asked.completeness, self._completeness
        if asked.minimality:
            yield "minimality", size * (asked.completeness or _SETS), self._minimality
        if asked.generate:
            yield "the continuations", 2.0 * asked.generate, self._generate

    def _first(self, report: Reporter) -> None:
        knockout = self.knockout
        circuits: list[Kept] = [{}, self.kept] if self.kept else [{}]
        _full, found = knockout.scores(knockout.whole, circuits, report)
        self.empty, self.score = found[0], found[-1]

    def _prune(self, report: Reporter) -> None:
        threshold = self.params.prune or 0.0
        self._require_percent()
        started = dict(self.kept)

        def tell(pruning: Pruning) -> None:
            report.partial(self.pruned(pruning))

        def scores(base: Kept, circuits: Sequence[Kept]) -> tuple[np.ndarray, np.ndarray]:
            part = 0.5**pruning.number  # each pass takes half of what is left
            tried = pruning.tried / max(1, pruning.in_pass)
            ahead = len(circuits) / max(1, pruning.in_pass)
            begun = 1 - 2 * part + part * tried
            share = ShareReporter(report, begun, part * min(ahead, 1 - tried))
            return self.knockout.scores(base, circuits, share)

        rule = Rule(threshold, self.params.passes, self.knockout.steps_ahead)
        pruning = Pruning(
            self.kept, self.share(self.score), rule, scores, self.share, tell, earlier=self.earlier
        )
        pruning.tolerance = self._tolerance(pruning.tolerance)
        self.pruning = pruning
        tell(pruning)
        try:
            pruning.run()
        finally:
            self.kept = pruning.kept
            if pruning.scores is not None:
                self.score = pruning.scores
            elif self.kept != started:
                self.score = np.full(len(self.score), np.nan)
        if np.isnan(self.score).all():
            _full, found = self.knockout.scores(self.knockout.whole, [self.kept], report)
            self.score = found[0]
            pruning.check_earlier(self.score)

    def _tolerance(self, least: float) -> float:
        """Return how far the same circuit may go apart between two runs, in per cent."""
        noise = self.knockout.noise
        return least if noise is None else max(_HALF_TOLERANCE, 3 * self.share(noise))

    def _require_percent(self) -> None:
        metric, full = self.params.metric, float(self.knockout.full.mean())
        if metric not in _PRUNED_BY:
            raise BadInputError(
                f"--prune goes by per cent of the metric, which {metric} does not have: choose "
                f"--metric {', '.join(_PRUNED_BY[:-1])} or {_PRUNED_BY[-1]}."
            )
        if not full > near_zero(metric):
            raise BadInputError(
                f"The model does not do the task: its mean {metric} is {full:.3f}, so that there "
                "is nothing to prune. Choose prompts that it does."
            )

    def pruned(self, pruning: Pruning) -> dict[str, Any]:
        """Return the fields of a pruning as far as it is."""
        trail = pruning.trail
        return {
            "kept": written_kept(pruning.kept),
            "full_mean": float(self.knockout.full.mean()),
            "percent_of_means": pruning.percent,
            "trail_pass": np.array([step.number for step in trail], dtype=np.int64),
            "trail_part": tuple(step.part for step in trail),
            "trail_before": np.array([step.before for step in trail], dtype=np.float64),
            "trail_after": np.array([step.after for step in trail], dtype=np.float64),
            "trail_kept": np.array([step.kept for step in trail], dtype=bool),
            "trail": [step.row() for step in trail],
            "total": len(self.knockout.parts),
        }

    def _minus(self, report: Reporter) -> None:
        circuits = [without(self.kept, part) for part in self.kept]
        _base, self.known["minus_score"] = self.knockout.scores(self.kept, circuits, report)

    def _controls(self, report: Reporter) -> None:
        asked = self.params
        sets = controls(self.kept, self.knockout.model.info.n_heads, asked.controls, asked.seed)
        if sets:
            _full, found = self.knockout.scores(self.knockout.whole, sets, report)
            self.known |= {"control_score": found, "control_sets": [_named(one) for one in sets]}

    def _completeness(self, report: Reporter) -> None:
        sets = removals(self.kept, self.params.completeness, self.params.seed)
        both: list[np.ndarray] = []
        for base in (self.kept, self.knockout.whole):
            share = ShareReporter(report, len(both) / 2, 0.5)
            circuits = [without(base, *one) for one in sets]
            both.append(self.knockout.scores(base, circuits, share)[1])
        self.known |= {"complete_circuit": both[0], "complete_model": both[1]}
        self.known["complete_sets"] = [_named(dict.fromkeys(one)) for one in sets]

    def _minimality(self, report: Reporter) -> None:
        """Find for each part the largest change that it makes beside random removals.

        For a part v and a set K of others, |F(circuit without K and v) − F(circuit without K)|, F
        the mean metric (Wang et al., arXiv 2211.00593); K is empty or a random set without v.
        """
        parts = list(self.kept)
        drawn = removals(self.kept, self.params.completeness or _SETS, self.params.seed)
        sets: list[list[Part]] = [[], *drawn]
        changes = np.full((len(sets), len(parts)), np.nan)
        for number, out in enumerate(sets):
            share = ShareReporter(report, number / len(sets), 1 / len(sets))
            changes[number] = self._changes_beside(parts, out, share)
        best = changes.argmax(0) if parts else np.empty(0, dtype=np.int64)
        self.known["minimality"] = changes.max(0, initial=0.0)
        self.known["minimality_set"] = [
            _named(dict.fromkeys(p for p in sets[i] if p != part))
            for part, i in zip(parts, best.tolist(), strict=True)
        ]
        self.known["minimality_sets"] = [_named(dict.fromkeys(one)) for one in drawn]

    def _changes_beside(self, parts: list[Part], out: list[Part], report: Reporter) -> list[float]:
        """Return what each part changes beside a set of removals, the part itself not counted."""
        gone, lacking = set(out), without(self.kept, *out)
        inside = [part for part in parts if part not in gone]
        fewer = [without(lacking, part) for part in inside]
        base, found = self.knockout.scores(lacking, fewer, ShareReporter(report, 0.0, 0.5))
        changed = {
            part: abs(float(one.mean() - base.mean()))
            for part, one in zip(inside, found, strict=True)
        }
        if out:
            more = [without(self.kept, *(gone - {part})) for part in out]
            _kept, found = self.knockout.scores(self.kept, more, ShareReporter(report, 0.5, 0.5))
            for part, one in zip(out, found, strict=True):
                changed[part] = abs(float(one.mean() - base.mean()))
        return [changed[part] for part in parts]

    def _generate(self, report: Reporter) -> None:
        """Continue every prompt, by the circuit and by the untouched model."""
        both: list[list[dict[str, Any]]] = []
        for kept in (self.kept, self.knockout.whole):
            share = ShareReporter(report, len(both) / 2, 0.5)
            both.append(continuations(self.knockout, kept, self.params.generate, share))
        self.known |= {"generated": both[0], "generated_full": both[1], "generation_rule": RULE}


def _named(kept: Kept) -> str:
    return ",".join(written_kept(kept))
