"""Circuits of a 7B model's 1.6 million edges: chosen, pruned, resampled, drawn at random."""

from __future__ import annotations

import time

import numpy as np
import pytest

from desktop_app.contract.circuits import Pruner, largest, share_of
from desktop_app.contract.edges import Graph
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.edge_samples import bootstrap, circuit_by_size, random_circuits

SHAPES = {
    "SmolLM2": (Graph(30, 9, 3), (0.2, 3.0, 3.0)),
    "7B": (Graph(32, 32, 32), (2.0, 60.0, 60.0)),
}


@pytest.mark.benchmark
@pytest.mark.parametrize("shape", SHAPES)
def test_no_edge_is_looped_over(shape, capsys):
    graph, limits = SHAPES[shape]
    count, prune = len(graph), Pruner(graph)
    values = np.random.default_rng(0).standard_t(3, size=(count, 5))
    size = share_of(0.02, count)
    works = {
        "a circuit": lambda: prune(largest(values.mean(1), size)),
        "100 resamples": lambda: bootstrap(
            values, circuit_by_size(prune, size), count, (100, 0), SilentReporter()
        ),
        "20 random circuits": lambda: random_circuits(
            graph, prune, size, (20, 0), SilentReporter()
        ),
    }
    works["a circuit"]()  # numbers of edges are made once
    for (name, work), limit in zip(works.items(), limits, strict=True):
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        with capsys.disabled():
            print(f"\n{shape}, {count:,} edges: {name} {seconds:.2f} s")
        assert seconds < limit
