"""The rule of pruning, on sums set by hand and against one step after another."""

from __future__ import annotations

import random

import numpy as np
import pytest

from desktop_app.methods.pruning import Pruning, Rule, Step, without
from desktop_app.support.errors import BadInputError


def pruned(worth, threshold, passes="both", most=64, earlier=(), score=None):
    """Prune parts of one layer each, or as named; a circuit is worth the sum of its parts."""
    calls = []

    def value(circuit):
        return sum(worth[part] for part in circuit) if score is None else score(circuit)

    def scores(base, circuits):
        calls.append(len(circuits))
        assert all(set(c) <= set(base) for c in circuits)
        return np.array([value(base)]), np.array([[value(c)] for c in circuits])

    whole = value(worth)
    found = Pruning(
        dict.fromkeys(worth),
        100.0,
        Rule(threshold, passes, most),
        scores,
        lambda one: 100 * float(one.mean()) / whole,
        earlier=earlier,
    )
    found.run()
    return found, calls


def in_layers(*worth):
    return {(layer, 0): value for layer, value in enumerate(worth)}


@pytest.mark.parametrize(
    ("passes", "kept", "left"),
    [("backward", (0, 1, 2), 95), ("both", (0, 1, 2), 95), ("forward", (0, 1, 4), 81)],
)
def test_the_sum_set_by_hand(passes, kept, left):
    """50, 30, 15, 4, 1 % in the order of layers at 20 %, strictly."""
    found, _calls = pruned(in_layers(50, 30, 15, 4, 1), 20, passes)
    assert tuple(part[0] for part in found.kept) == kept
    assert found.percent == left


def test_at_zero_only_what_raises_the_score_goes():
    found, _calls = pruned(in_layers(60, 0, 40), 0)
    assert [part[0] for part in found.kept] == [0, 1, 2]
    found, _calls = pruned(in_layers(60, -5, 45), 0)
    assert [part[0] for part in found.kept] == [0, 2]
    assert found.percent == 105


def test_mlps_come_before_heads_backwards_and_behind_them_forwards():
    worth = {(layer, head): 20 for layer in range(2) for head in (0, 1, None)}
    found, _calls = pruned(worth, 20, "backward")
    assert [s.part for s in found.trail] == ["m1", "1.0", "1.1", "m0", "0.0", "0.1"]
    found, _calls = pruned(worth, 16, "forward")
    assert [s.part for s in found.trail] == ["0.0", "0.1", "m0", "1.0", "1.1", "m1"]


def test_passes_go_there_and_back_until_one_changes_nothing():
    found, _calls = pruned(in_layers(50, 30, 15, 4, 1), 20)
    assert [s.number for s in found.trail] == [1] * 5 + [2] * 3
    assert [s.part for s in found.trail if s.number == 2] == ["0.0", "1.0", "2.0"]
    assert found.trail[-1].row() == [2, "2.0", 95.0, 80.0, "kept"]


def test_nothing_is_left_of_an_empty_circuit_and_it_is_not_begun_anew():
    found, calls = pruned({}, 20, score=lambda _circuit: 1.0)
    assert (found.kept, found.trail, calls) == ({}, [], [])
    # All parts are nothing worth: all go, and none comes back.
    found, _calls = pruned(in_layers(0, 0, 0), 20, score=lambda _circuit: 1.0)
    assert found.kept == {}


def plain(worth, threshold, value):
    """Return circuit and trail of the rule, one step after another."""
    kept, trail, number, whole = set(worth), [], 0, value(worth)
    percent = 100.0
    while True:
        number += 1
        backward = number % 2 == 1

        def order(part, backward=backward):
            layer, head = part
            if backward:
                return (-layer, -1 if head is None else head)
            return (layer, 1e9 if head is None else head)

        before = len(kept)
        for part in sorted(kept, key=order):
            after = 100 * value(kept - {part}) / whole
            goes = 100 - after < threshold
            name = f"m{part[0]}" if part[1] is None else f"{part[0]}.{part[1]}"
            trail.append([number, name, percent, after, "dropped" if goes else "kept"])
            if goes:
                kept.discard(part)
                percent = after
        if len(kept) == before:
            return kept, trail


@pytest.mark.parametrize("most", [1, 3, 64])
@pytest.mark.parametrize("seed", range(6))
def test_guessing_ahead_changes_nothing_but_the_number_of_passes(seed, most):
    """Parts that help and hinder one another: what one is worth hangs on the others."""
    chance = random.Random(seed)  # noqa: S311
    parts = [(layer, head) for layer in range(6) for head in (0, 1, 2, None)]
    worth = {part: chance.random() ** 4 for part in parts}
    pairs = {(a, b): chance.gauss(0, 0.2) for a in parts for b in parts if chance.random() < 0.1}

    def value(circuit):
        own = set(circuit)
        alone = sum(worth[p] for p in sorted(own, key=str))
        return 5 + alone + sum(v for (a, b), v in pairs.items() if a in own and b in own)

    kept, trail = plain(worth, 15, value)
    found, calls = pruned(worth, 15, most=most, score=value)
    assert set(found.kept) == kept
    assert [s.row() for s in found.trail] == trail
    if most == 64:
        assert len(calls) < len(trail) / 2
    if most == 1:
        assert len(calls) == len(trail)


@pytest.mark.parametrize("steps", [0, 1, 4, 7])
def test_going_on_from_a_trail_gives_the_same_and_scores_only_the_rest(steps):
    whole, calls = pruned(in_layers(50, 30, 15, 4, 1), 20, most=1)
    on, fewer = pruned(in_layers(50, 30, 15, 4, 1), 20, most=1, earlier=tuple(whole.trail[:steps]))
    assert (on.kept, on.trail, on.percent) == (whole.kept, whole.trail, whole.percent)
    assert len(fewer) == len(calls) - steps


@pytest.mark.parametrize(
    "step",
    [
        Step(1, "3.0", 100, 96, kept=False),
        Step(2, "4.0", 100, 99, kept=False),
        Step(1, "4.0", 100, 99, kept=True),
        Step(1, "4.0", 100, 98.4, kept=False),  # as the same trail of other prompts would tell
    ],
)
def test_a_trail_of_something_else_is_refused(step):
    with pytest.raises(BadInputError, match="not one of this pruning"):
        pruned(in_layers(50, 30, 15, 4, 1), 20, earlier=(step,))


def test_a_trail_that_is_too_long_is_refused():
    whole, _calls = pruned(in_layers(50, 30), 20)
    with pytest.raises(BadInputError, match="nothing is left to try"):
        pruned(in_layers(50, 30), 20, earlier=(*whole.trail, whole.trail[0]))


def test_without_takes_parts_out_and_keeps_the_order():
    kept = {(1, None): None, (0, 1): (2,), (1, 0): None}
    assert list(without(kept, (1, 0))) == [(0, 1), (1, None)]
