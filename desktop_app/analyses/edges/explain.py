"""What the numbers of edges and of their circuits are, with those on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.edges.known import Known, known_of
from desktop_app.analyses.edges.picture import METHODS, evidence, faithfulness_of, mean
from desktop_app.pictures.certainty import explained
from desktop_app.pictures.explained import difference, share
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.graph import strongest
from desktop_app.pictures.graph_nodes import edge_words
from desktop_app.pictures.words import metric_name, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("effect", "estimate", "faithfulness", "agreement", "cpr", "cmd", "inclusion", "jaccard")
_KEYS = {"value": "effect", "made": "estimate"}
_PAGE = "edges"
_SIGN, _CIRCUITS, _ESTIMATES = "Formula and sign", "Circuits", "Estimates"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart: of the strongest edge of the selected head, else of all."""
    makers: dict[str, Callable[[Result, Known, Place], Explained | None]] = {
        "effect": _effect,
        "estimate": _estimate,
        "faithfulness": _faithfulness,
        "agreement": _agreement,
        "cpr": _cpr,
        "cmd": _cmd,
        "inclusion": _inclusion,
        "jaccard": _jaccard,
    }
    known, make = known_of(result.data), makers.get(_KEYS.get(what, what))
    if what in {"interval", "q"} and known is not None:
        edge = _edge(known, place, known.values())
        return explained(what, evidence(result), edge, _PAGE)  # type: ignore[arg-type]
    return None if known is None or make is None else make(result, known, place)


def _edge(known: Known, place: Place, values: np.ndarray) -> int | None:
    """Return the strongest edge of the selected head or MLP; of nothing selected, of all."""
    among = None
    if place.layer is not None:
        node = known.table.number_of((place.layer, place.head))
        if node is not None:
            among = (known.table.ends == node) | (known.table.graph.senders_of == node)
    found = strongest(values, 1, among)
    return int(found[0]) if found.size else None


def _over(result: Result) -> str:
    count = len(result.prompts)
    return f", mean of {count} prompts" if count > 1 else ""


def _effect(result: Result, known: Known, place: Place) -> Explained | None:
    if not known.has_effects:
        return None
    edge, working = _edge(known, place, known.mean_of("effect")), ""
    if edge is not None:
        base, effect = mean(result.data, "base"), float(known.mean_of("effect")[edge])
        whose = f"{edge_words(known.table, edge)}{_over(result)}"
        working = f"{difference(base + effect, base)}   ({whose})"
    harm = result.params.get("metric") in {"loss", "kl", "rank"}
    word, other = ("Positive", "Negative") if harm else ("Negative", "Positive")
    return Explained(
        "Effect of an edge",
        f"effect = changed − base, of the {metric_name(result)}",
        working,
        f"{word}: exchanging what the sender tells this input hurts, so the edge helped. "
        f"{other}: it worked against the answer.",
        _PAGE,
        _SIGN,
    )


def _estimate(_result: Result, known: Known, place: Place) -> Explained | None:
    if not known.has_estimates:
        return None
    values = known.mean_of("estimate")
    edge, working = _edge(known, place, values), ""
    if edge is not None:
        working = f"{number(float(values[edge]))}   ({edge_words(known.table, edge)})"
        exact = float(known.mean_of("effect")[edge])
        working += f"; exact {number(exact)}" if math.isfinite(exact) else ""
    return Explained(
        "Estimate of an effect",
        "estimate = (other − clean output of the sender) · gradient at the receiver's input",
        working,
        "A straight line in place of the run itself: where an input saturates or a norm answers, "
        "it errs, also in its sign.",
        _PAGE,
        _ESTIMATES,
    )


def _faithfulness(result: Result, _known: Known, _place: Place) -> Explained | None:
    far = faithfulness_of(result.data)
    if not math.isfinite(far):
        return None
    score, base, other = (mean(result.data, key) for key in ("circuit_score", "base", "other"))
    above, whole = (difference(value, other).split(" = ")[0] for value in (score, base))
    return Explained(
        "Faithfulness of the circuit",
        "faithfulness = (circuit − other) / (base − other)",
        share(above, whole, far),
        "0: as with every edge exchanged. 1: as the whole model. Above 1: what was left out worked "
        "against the answer.",
        _PAGE,
        _CIRCUITS,
    )


def _agreement(result: Result, _known: Known, _place: Place) -> Explained | None:
    rho = result.data.get("agreement")
    if rho is None or not math.isfinite(float(rho)):
        return None
    shared = result.data.get("overlap")
    told = f"ρ = {number(float(rho))}"
    told += f"; {percent(100 * float(shared))} of the top 100" if shared is not None else ""
    method = METHODS.get(str(result.data.get("method")), "the estimate")
    return Explained(
        "Agreement of estimate and exact effects",
        "Spearman's rank correlation over the edges that both know, of means over prompts",
        f"{told}   ({method})",
        "1: the same order. It says little of the few largest edges: look at the shared top 100.",
        _PAGE,
        _ESTIMATES,
    )


def _area(result: Result, name: str, formula: str, sign: str) -> Explained | None:
    value = result.data.get(name)
    if value is None or not math.isfinite(float(value)):
        return None
    working = f"{name.upper()} = {number(float(value))}"
    return Explained(name.upper(), formula, working, sign, _PAGE, _CIRCUITS)


def _cpr(result: Result, _known: Known, _place: Place) -> Explained | None:
    formula = "area under faithfulness over the fraction of edges, trapezoids from 0.001 to 1"
    return _area(result, "cpr", formula, "More is better: small circuits keep much of the answer.")


def _cmd(result: Result, _known: Known, _place: Place) -> Explained | None:
    formula = "area of |1 − faithfulness| over the fraction of edges, trapezoids from 0.001 to 1"
    return _area(result, "cmd", formula, "Less is better: circuits behave as the model does.")


def _inclusion(_result: Result, known: Known, place: Place) -> Explained | None:
    shares = known.inclusion
    if shares is None:
        return None
    edge, working = _edge(known, place, known.values()), ""
    if edge is not None:
        working = f"{percent(100 * float(shares[edge]))}   ({edge_words(known.table, edge)})"
    return Explained(
        "Inclusion",
        "the share of bootstrap resamples of the prompts whose circuit holds the edge",
        working,
        "Under one half the edge is drawn dashed: other prompts of the kind would leave it out.",
        _PAGE,
        _CIRCUITS,
    )


def _jaccard(result: Result, _known: Known, _place: Place) -> Explained | None:
    found = result.data.get("jaccard")
    values = np.asarray([] if found is None else found, dtype=float)
    if values.size < 3 or not math.isfinite(values[0]):
        return None
    told = f"{number(values[0], 2)}; 5 % {number(values[1], 2)}, 95 % {number(values[2], 2)}"
    return Explained(
        "Jaccard index",
        "edges in both circuits / edges in either, a resample's with the whole sample's",
        told,
        "From 0.8 on a circuit is called stable over prompts.",
        _PAGE,
        _CIRCUITS,
    )
