"""Which edges are drawn."""

from __future__ import annotations

import numpy as np

from desktop_app.analyses.edges.drawing import chosen_edges
from desktop_app.analyses.edges.known import known_of
from tests.samples import edged


def test_beyond_the_usual_amount_the_strongest_outside_the_circuit_are_drawn_too():
    known = known_of(edged.edges_result().data)
    values, inside = np.linspace(5, 0.1, 2_000), np.arange(2_000) < 700
    assert chosen_edges(known, values, 1_000, inside, ((), (), ())).tolist() == list(range(1_000))
