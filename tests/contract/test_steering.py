"""What steps find, with the cache and without."""

from __future__ import annotations

import itertools

import pytest

from desktop_app.contract.steering import apart_by_cache, held_at, timeline, touched

PROMPT, STEPS = 4, 5
POSITIONS = ("all", "last", "-1", "-2", "0", "1,-1", "3", "4", "5", "7")
WHEN = ("prompt", "every", "0", "1", "1:", "2:", "0,2", "0:3", "1:4", "4", "9:")


def changing_passes(position, when, place):
    """Return the passes without the cache that hold a place: whether each of them changes it."""
    held = [held_at(step, PROMPT, cached=False) for step in range(STEPS)]
    found = [place in touched(position, when, s, passes).here for s, passes in enumerate(held)]
    return [one for one, passes in zip(found, held, strict=True) if place in passes]


@pytest.mark.parametrize(("position", "when"), tuple(itertools.product(POSITIONS, WHEN)))
def test_passes_are_apart_where_any_changes_a_place_otherwise_than_the_first(position, when):
    places = range(PROMPT + STEPS - 1)
    alike = all(len(set(changing_passes(position, when, place))) == 1 for place in places)
    found = apart_by_cache([(position, when)], PROMPT, STEPS, cached=False)
    assert (found is None) == alike
    assert apart_by_cache([(position, when)], PROMPT, STEPS, cached=True) is None


def test_a_change_is_lost_or_comes_late():
    def apart(*acts):
        return apart_by_cache(acts, PROMPT, STEPS, cached=False)

    assert apart(("-1", "prompt")) == apart(("2", "0:3")) == apart(("all", "prompt")) == "lost"
    assert apart(("1", "2:")) == apart(("all", "1:")) == "late"
    assert apart(("1", "every"), ("1", "2:")) == "late"
    assert apart(("1", "every"), ("6", "every")) is None


def code_of(acts, step, place, *, cached):
    """Return what a place is, asked for by itself."""
    held = held_at(step, PROMPT, cached=cached)
    if place >= held.stop:
        return 0
    found = [touched(position, when, step, held) for position, when in acts]
    if place in held:
        return 3 if any(place in one.here for one in found) else 1
    if any(place in one.cached for one in found):
        return 5
    computed = max(0, place - PROMPT + 1)
    passes = held_at(computed, PROMPT, cached=True)
    changed = any(place in touched(p, when, computed, passes).here for p, when in acts)
    return 4 if changed else 2


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("steps", [0, 1, STEPS])
def test_a_timeline_says_of_each_place_what_it_is(steps, cached):
    for act in itertools.product(POSITIONS, WHEN):
        acts = (act, ("0", "2:"))
        width = PROMPT + max(0, steps - 1)
        expected = [
            [code_of(acts, step, place, cached=cached) for place in range(width)]
            for step in range(steps)
        ]
        assert timeline(acts, PROMPT, steps, cached=cached) == expected, acts
