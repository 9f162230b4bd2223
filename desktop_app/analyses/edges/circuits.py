"""Circuits of edges: by size, by ranking, as given; their faithfulness, and how firm they are.

What is known of the edges comes in; what leaves are fields of the result. Whatever a circuit is
chosen by, its score is a run in which all other edges are exchanged. Shares of several prompts are
those of the mean metric, as MIB's evaluation has them; `faithfulness` has each prompt's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.edges.spec import FRACTIONS
from desktop_app.contract.circuits import Chosen, Pruner, largest, resolve_circuit, share_of
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.methods import stopped
from desktop_app.methods.edge_circuits import (
    areas,
    circuits_per_pass,
    faithfulness,
    score_circuits,
)
from desktop_app.methods.edge_nodes import node_effects
from desktop_app.methods.edge_samples import (
    bootstrap,
    circuit_by_size,
    means_of,
    random_circuits,
    random_nodes,
)
from desktop_app.methods.finish import with_twins
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from desktop_app.analyses.edges.spec import EdgesParams
    from desktop_app.contract.edges import Graph
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.edge_circuits import Side
    from desktop_app.methods.senders import Senders

# A difference between base and other up to which shares of it mean nothing.
_LEAST = {"logit_diff": 0.01, "logit": 0.01, "logprob": 0.01, "rank": 0.5}
_LEAST_OF_REST = 1e-6
_SHARE_OF_NODES, _SHARE_OF_SAMPLES = 0.3, 0.1


@dataclass(frozen=True)
class Known:
    """What a run knows when it comes to circuits.

    Attributes:
        graph: The edges of the model.
        senders: How its parts add to the stream.
        sides: Gives each prompt with what its parts put out elsewhere; asked anew by
            each part of the work, so that no more than one need be in memory.
        base: The untouched metric of the prompts `[N]`.
        rankings: What edges are chosen by, `[edge, N]`, by name, the best known first; empty where
            nothing was computed. See `rankings_of`.
        other: The metric with every edge exchanged `[N]`; where it is not known it is run.
    """

    graph: Graph
    senders: Senders
    sides: Callable[[int], Side]
    base: np.ndarray
    rankings: Mapping[str, np.ndarray] = field(default_factory=dict)
    other: np.ndarray | None = None


def rankings_of(
    effect: np.ndarray | None, estimates: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what edges are ranked by: exact where known, else the first estimate; each estimate.

    Args:
        effect: Exact effects `[edge, N]`, NaN where not computed; None where there are none.
        estimates: By name (`eap-ig`, `eap`), the better one first.
    """
    found: dict[str, np.ndarray] = {}
    known = np.zeros(0, dtype=bool) if effect is None else np.isfinite(effect)
    if effect is not None and known.any():
        first = next(iter(estimates), None)
        if known.all() or first is None:
            found["exact"] = effect
        else:
            found[f"exact, else {first}"] = np.where(known, effect, estimates[first])
    return {**found, **estimates}


def settle(params: EdgesParams, graph: Graph) -> Chosen | None:
    """Return what `--circuit` chooses; None where it is empty. Called before anything is computed.

    Raises:
        BadInputError: The model lacks what it names, or nothing is computed to choose by.
    """
    if not params.circuit:
        if params.method == "none" and not params.nodes:
            raise BadInputError(
                "--method none computes no effects, and there is no circuit to score: give "
                "--circuit, or choose another --method."
            )
        return None
    chosen = resolve_circuit(params.circuit, graph, nodes=params.nodes)
    by_size = chosen.count is not None and 0 < chosen.count < _whole(params, graph)
    if by_size and params.method == "none" and not params.nodes:
        raise BadInputError(
            f"--circuit {params.circuit} takes the largest edges, and --method none computes none: "
            "give the edges, or choose another --method."
        )
    return chosen


def _whole(params: EdgesParams, graph: Graph) -> int:
    return graph.n_senders if params.nodes else len(graph)


def fields(
    model: LoadedModel, params: EdgesParams, known: Known, report: Reporter
) -> tuple[dict[str, Any], list[Notice]]:
    """Return the fields of circuits, and what must be said of them.

    Where the run is cancelled here and what there is is kept, the fields that are settled.
    """
    task = _Task(model, params, known)
    try:
        task.choose(report)
        return task.score(report), task.notices
    except Cancelled:
        return {}, list(stopped.before("the circuits", report))


@dataclass
class _Task:
    """The circuits of one run, gathered, and scored together."""

    model: LoadedModel
    params: EdgesParams
    known: Known
    circuits: list[np.ndarray] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Any] = field(default_factory=dict)
    nodes: np.ndarray | None = None  # effects of whole nodes [node, N]

    def __post_init__(self) -> None:
        self.graph = self.known.graph
        self.prune = Pruner(self.graph)
        self.chosen = settle(self.params, self.graph)

    def choose(self, report: Reporter) -> None:
        """Settle which circuits are run: none, those of the curves, the given one, its controls."""
        if self.params.nodes:
            share = ShareReporter(report, 0.0, _SHARE_OF_NODES)
            self.nodes = self._node_effects(share)
            report = ShareReporter(report, _SHARE_OF_NODES, _SHARE_OF_SAMPLES)
        else:
            report = ShareReporter(report, 0.0, _SHARE_OF_SAMPLES)
        self.places["other"] = self._add([np.arange(0)])  # the first of all
        means = {name: means_of(values) for name, values in self.known.rankings.items()}
        for name, scores in means.items():
            self.places[f"by {name}"] = self._add(
                [
                    circuit_by_size(self.prune, share_of(f, len(self.graph)))(scores)
                    for f in FRACTIONS
                ]
            )
        if self.nodes is not None:
            scores = means_of(self.nodes)
            whole = self.graph.n_senders
            self.places["nodes"] = self._add(
                [self._of_nodes(scores, share_of(f, whole)) for f in FRACTIONS]
            )
        if self.chosen is not None:
            self._choose_circuit(self.chosen, report)

    def _node_effects(self, report: Reporter) -> np.ndarray:
        found = np.full((self.graph.n_senders, len(self.known.base)), np.nan)
        count = found.shape[1]
        for prompt in range(count):
            share = ShareReporter(report, prompt / count, 1 / count)
            side = self.known.sides(prompt)
            found[:, prompt] = node_effects(self.model, self.graph, side, share)
        return found

    def _add(self, circuits: Sequence[np.ndarray]) -> slice:
        start = len(self.circuits)
        self.circuits += circuits
        return slice(start, len(self.circuits))

    def _choose_circuit(self, chosen: Chosen, report: Reporter) -> None:
        circuit, by = self._circuit(chosen)
        kept = np.zeros(len(self.graph), dtype=bool)
        kept[circuit] = True
        self.found["kept"] = kept
        self.places["circuit"] = self._add([circuit])
        if self.nodes is not None:
            self.found["node_kept"] = self.prune.nodes_of(circuit)
        if self.params.resamples and by is not None:
            self._resample(*by, ShareReporter(report, 0.0, 0.5))
        if self.params.controls:
            self._draw(circuit, ShareReporter(report, 0.5, 0.5))

    def _circuit(
        self, chosen: Chosen
    ) -> tuple[np.ndarray, tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]] | None]:
        """Return the circuit, and by what it is chosen where it is by size."""
        if chosen.edges is not None:
            circuit = self.prune(chosen.edges)
            self._tell_loose(chosen.edges, circuit)
            return circuit, None
        if chosen.nodes is not None:
            return self.prune.of_nodes(chosen.nodes), None
        count = chosen.count or 0
        if self.nodes is not None:
            make = partial(self._of_nodes, count=count)
            return make(means_of(self.nodes)), (self.nodes, make)
        values = next(iter(self.known.rankings.values()), None)
        if values is None:  # all of them, or none
            return np.arange(count), None
        by_size = circuit_by_size(self.prune, count)
        return by_size(means_of(values)), (values, by_size)

    def _of_nodes(self, scores: np.ndarray, count: int) -> np.ndarray:
        """Return the edges of the largest nodes; the embeddings first: all ways begin there."""
        scores = scores.copy()
        scores[0] = np.inf
        return self.prune.of_nodes(largest(scores, count))

    def _tell_loose(self, given: np.ndarray, circuit: np.ndarray) -> None:
        loose = len(given) - len(circuit)
        if loose:
            message = (
                f"{loose:,} of the {len(given):,} edges of the circuit are on no way from the "
                "embeddings to the logits: they are left out."
            )
            self.notices.append(Notice("edges_pruned", message))

    def _resample(
        self,
        values: np.ndarray,
        make: Callable[[np.ndarray], np.ndarray],
        report: Reporter,
    ) -> None:
        if values.shape[1] < 2:
            message = (
                "Resampling needs several prompts, and there is one: inclusion and Jaccard index "
                "are withheld. Add prompts to see how firm the circuit is."
            )
            self.notices.append(Notice("one_prompt", message))
            return
        draws = self.params.resamples, self.params.seed
        sample = bootstrap(values, make, len(self.graph), draws, report)
        self.found["inclusion"], self.found["jaccard"] = sample.inclusion, sample.jaccard

    def _draw(self, circuit: np.ndarray, report: Reporter) -> None:
        draws = self.params.controls, self.params.seed
        if self.nodes is not None:
            held = np.flatnonzero(self.prune.nodes_of(circuit))
            drawn = [self.prune.of_nodes(n) for n in random_nodes(self.graph, held, draws)]
        else:
            drawn = random_circuits(self.graph, self.prune, len(circuit), draws, report)
        self.found["control_edges"] = np.array([len(edges) for edges in drawn])
        self.places["controls"] = self._add(drawn)

    def score(self, report: Reporter) -> dict[str, Any]:
        """Run all circuits on every prompt and return the fields."""
        done = _SHARE_OF_SAMPLES + (_SHARE_OF_NODES if self.params.nodes else 0.0)
        count = len(self.known.base)
        scores = np.full((len(self.circuits), count), np.nan)
        if self.known.other is not None:
            scores[[not len(edges) for edges in self.circuits]] = self.known.other
        asked = np.flatnonzero(np.isnan(scores[:, 0]))
        circuits = [self.circuits[number] for number in asked]
        for prompts, sides in self._together(len(asked)):
            first, last = prompts[0] / count, len(prompts) / count
            share = ShareReporter(report, done + (1 - done) * first, (1 - done) * last)
            scores[np.ix_(asked, np.array(prompts))] = score_circuits(
                self.model, self.known.senders, self.graph, sides, circuits, share
            )
        return {**self.found, **self._fields(scores)}

    def _together(self, circuits: int) -> Iterator[tuple[list[int], list[Side]]]:
        """Yield prompts of one length whose circuits share a pass, as many as it has room for."""
        held: dict[int, Side] = {}
        most = 1
        for prompt in range(len(self.known.base)):
            side = self.known.sides(prompt)
            fits = all(one.ids.shape == side.ids.shape for one in held.values())
            if held and not (fits and len(held) < most):
                yield list(held), list(held.values())
                held = {}
            if not held and self.model.reads_together:
                room = circuits_per_pass(self.model, self.graph, side)
                most = room // max(1, circuits)
            held[prompt] = side
        yield list(held), list(held.values())

    def _fields(self, scores: np.ndarray) -> dict[str, Any]:
        other, base = scores[0], self.known.base
        least = _LEAST.get(self.params.metric, _LEAST_OF_REST)
        of_means = faithfulness(
            scores.mean(1, keepdims=True),
            other.mean(keepdims=True),
            base.mean(keepdims=True),
            least,
        )[:, 0]
        found: dict[str, Any] = dict(with_twins("other", other))
        found |= self._curves(of_means)
        if "circuit" in self.places:
            own = scores[self.places["circuit"]][0]
            found |= with_twins("circuit_score", own)
            found |= with_twins("faithfulness", faithfulness(own, other, base, least))
            found["circuit_faithfulness"] = float(of_means[self.places["circuit"]][0])
        if "controls" in self.places:
            found["control_faithfulness"] = of_means[self.places["controls"]]
        if self.nodes is not None:
            found = {
                **found,
                "node": self.graph.sender_names,
                **with_twins("node_effect", self.nodes),
                "node_curve": of_means[self.places["nodes"]],
                "fractions": np.array(FRACTIONS),
            }
        if np.isfinite([base, other]).all():
            self._tell_near(of_means)
        return found

    def _curves(self, of_means: np.ndarray) -> dict[str, Any]:
        names = tuple(self.known.rankings)
        if not names:
            return {}
        places = [self.places[f"by {name}"] for name in names]
        curves = np.stack([of_means[place] for place in places])
        both = np.array([areas(curve, FRACTIONS) for curve in curves])
        return {
            "fractions": np.array(FRACTIONS),
            "curve": curves[0],
            "curve_edges": np.array([len(c) for c in self.circuits[places[0]]]),
            "cpr": float(both[0, 0]),
            "cmd": float(both[0, 1]),
            "rankings": names,
            "curves": curves,
            "cprs": both[:, 0],
            "cmds": both[:, 1],
        }

    def _tell_near(self, of_means: np.ndarray) -> None:
        if np.isnan(of_means).all():
            message = (
                "With every edge exchanged the metric is what it is untouched, so that there is "
                "nothing for a circuit to explain: faithfulness is withheld. Choose corrupt "
                "prompts that change the answer."
            )
            self.notices.append(Notice("nothing_to_explain", message))
