from __future__ import annotations

import numpy as np

from desktop_app.pictures.arcs import MOST, Arc, arcs, arcs_of

PATTERN = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.6, 0.395, 0.005]], np.float32)


def test_the_strongest_of_every_token_are_kept_weakest_first():
    found = arcs(PATTERN, 1)
    assert [(arc.query, arc.key) for arc in found][-1] == (0, 0)
    assert {arc.query for arc in found} == {0, 1, 2}
    assert [arc.weight for arc in found] == sorted(arc.weight for arc in found)


def test_of_one_token_where_it_looks_and_who_looks_at_it():
    assert {(arc.query, arc.key) for arc in arcs_of(PATTERN, 1)} == {(1, 0), (1, 1), (2, 1)}
    # Less than a hundredth of the strongest is no arc.
    assert {(arc.query, arc.key) for arc in arcs_of(PATTERN, 2)} == {(2, 0), (2, 1)}


def test_of_hundreds_of_tokens_no_more_than_can_be_told_apart():
    even = np.tril(np.ones((500, 500), np.float32))
    assert len(arcs(even, 10)) == MOST
    assert arcs(np.full((3, 3), np.nan), 3) == ()
    assert arcs(np.ones((1, 1)), 3) == (Arc(0, 0, 1.0),)
