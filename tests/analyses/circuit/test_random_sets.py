"""Random sets beside a circuit: as many heads of the same layers, and never the circuit itself."""

from __future__ import annotations

from collections import Counter

import pytest

from desktop_app.analyses.circuit.random_sets import controls


@pytest.mark.parametrize("seed", range(5))
def test_controls_hold_as_many_heads_of_each_layer_and_are_never_the_circuit(seed):
    kept = {(0, 1): None, (2, 0): (3,), (2, 2): None, (2, None): None}
    found = controls(kept, 3, 30, seed)
    assert len(found) == 30
    for one in found:
        assert one != kept
        assert Counter(layer for layer, head in one if head is not None) == {0: 1, 2: 2}
        assert one[2, None] is None


def test_where_all_heads_of_every_layer_stay_there_is_nothing_to_draw():
    assert controls({(1, head): None for head in range(3)}, 3, 20, 0) == []
