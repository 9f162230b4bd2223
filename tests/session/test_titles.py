"""Which results are tries of one question."""

from __future__ import annotations

from dataclasses import replace

from desktop_app.session.titles import question_of
from tests.samples import circuits


def test_a_pruning_stands_for_itself_and_sets_by_hand_are_tries():
    by_hand, other = circuits.result("0.1"), circuits.result("0.1,1.0")
    assert question_of(by_hand) == question_of(other) != ""
    pruned = replace(by_hand, params={**by_hand.params, "prune": 20.0})
    assert question_of(pruned) == ""
