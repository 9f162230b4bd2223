"""How far a circuit of edges can be trusted: resamples of the prompts, and random circuits.

Neither runs the model: what is known of every edge on every prompt is averaged anew, and random
circuits are drawn to be scored beside the circuit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.contract.circuits import largest

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.circuits import Pruner
    from desktop_app.contract.edges import Graph
    from desktop_app.contract.report import Reporter

_AT_ONCE = 8
_TRIES = 8
_QUANTILES = (5, 95)


@dataclass(frozen=True)
class Bootstrap:
    """What resamples say of a circuit.

    Attributes:
        inclusion: The share of them whose circuit holds each edge, `[edge]`.
        jaccard: The Jaccard index of theirs with the circuit of all prompts: mean, 5 %, 95 %.
    """

    inclusion: np.ndarray
    jaccard: np.ndarray


def bootstrap(
    values: np.ndarray,
    circuit_of: Callable[[np.ndarray], np.ndarray],
    edges: int,
    draws: tuple[int, int],
    report: Reporter,
) -> Bootstrap:
    """Return what circuits of prompts drawn with replacement have in common.

    Args:
        values: What circuits are chosen by, of each prompt, `[place, N]`; places are edges or
            nodes. Where a prompt lacks a value, the mean is over those drawn that have it.
        circuit_of: From means `[place]` to the numbers of a circuit's edges.
        edges: How many edges there are.
        draws: How many resamples, and the seed.
        report: Told now and then; may cancel there.
    """
    count, seed = draws
    random = np.random.default_rng(seed)
    prompts = values.shape[1]
    drawn = random.multinomial(prompts, np.full(prompts, 1 / prompts), size=count)
    held = np.zeros(edges, dtype=bool)
    held[circuit_of(means_of(values))] = True
    size = int(held.sum())
    inclusion, shares = np.zeros(edges, dtype=np.int64), np.ones(count)
    for start in range(0, count, _AT_ONCE):
        report.step(start / count, f"Resample {start + 1} of {count}")
        some = drawn[start : start + _AT_ONCE]
        for row, means in enumerate(_weighted(values, some.T.astype(np.float64)).T):
            own = circuit_of(means)
            inclusion[own] += 1
            both = int(held[own].sum())
            together = size + len(own) - both
            shares[start + row] = both / together if together else 1.0
    jaccard = np.array([shares.mean(), *np.percentile(shares, _QUANTILES)])
    return Bootstrap(inclusion / count, jaccard)


def means_of(values: np.ndarray) -> np.ndarray:
    """Return means `[place]` over the prompts whose value is known; NaN where none is.

    Args:
        values: `[place, N]`.
    """
    return np.asarray(_weighted(values, np.ones((values.shape[1], 1)))[:, 0])


def _weighted(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted means `[place, draw]` over the prompts whose value is known."""
    known = np.isfinite(values)
    if known.all():
        return np.asarray(values @ (weights / weights.sum(0)))
    total = np.where(known, values, 0.0) @ weights
    counted = known.astype(np.float64) @ weights
    return np.asarray(
        np.divide(total, counted, out=np.full(total.shape, np.nan), where=counted > 0)
    )


def random_circuits(
    graph: Graph, prune: Pruner, size: int, draws: tuple[int, int], report: Reporter
) -> list[np.ndarray]:
    """Return random circuits that hold as many edges as a pruned one, and no loose ends either.

    Edges in random order are added until those that lead from the embeddings to the logits are
    enough; then edges are taken away in random order, each with what hangs on it, wherever enough
    are left. Where that misses the number, which happens below ten, it is tried a few times anew,
    and the one that comes nearest from above is taken.

    Args:
        graph: The edges.
        prune: Takes loose edges away.
        size: How many edges the circuit holds.
        draws: How many random ones, and the seed.
        report: Told of each; may cancel there.
    """
    count, seed = draws
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        report.step(number / count, f"Random circuit {number + 1} of {count}")
        tries = (_random_circuit(len(graph), prune, size, random) for _ in range(_TRIES))
        best = next(tries)
        for other in tries:
            if len(best) == size:
                break
            best = min(best, other, key=len)
        found.append(best)
    return found


def _random_circuit(
    edges: int, prune: Pruner, size: int, random: np.random.Generator
) -> np.ndarray:
    if size >= edges:
        return np.arange(edges)
    if not size:
        return np.arange(0)
    order = random.permutation(edges)
    few, enough = size - 1, edges  # so many of them leave too few, and enough
    while enough - few > 1:
        middle = (few + enough) // 2
        if len(prune(order[:middle])) >= size:
            enough = middle
        else:
            few = middle
    return np.sort(_cut_down(prune(order[:enough]), prune, size, random))


def _cut_down(
    circuit: np.ndarray, prune: Pruner, size: int, random: np.random.Generator
) -> np.ndarray:
    """Take edges out of a pruned circuit until so many are left, or none more can go."""
    for edge in random.permutation(circuit):
        if len(circuit) == size:
            break
        less = prune(circuit[circuit != edge])
        if size <= len(less) < len(circuit):
            circuit = less
    return circuit


def circuit_by_size(prune: Pruner, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return what makes a pruned circuit of the largest edges: from scores to edges."""
    return lambda scores: prune(largest(scores, count))


def random_nodes(graph: Graph, held: np.ndarray, draws: tuple[int, int]) -> list[np.ndarray]:
    """Return random sets of as many nodes; the embeddings stay where they are in it.

    Args:
        graph: The edges.
        held: The senders that the circuit holds.
        draws: How many sets, and the seed.
    """
    count, seed = draws
    random = np.random.default_rng(seed)
    fixed = held[held == 0]
    rest = np.arange(1, graph.n_senders)
    return [
        np.concatenate([fixed, random.choice(rest, len(held) - len(fixed), replace=False)])
        for _ in range(count)
    ]
