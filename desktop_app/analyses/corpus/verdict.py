"""Task head or general head? What both numbers say, its effect on prompts and its habit on text.

The rule is plain, and stands in `RULE` for whoever wants to judge the judgement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.corpus.measures import HABITS
from desktop_app.analyses.corpus.places import most_attended
from desktop_app.pictures.words import ABOUT, number, part_name, plural

if TYPE_CHECKING:
    from desktop_app.analyses.corpus.measures import Effects, Head, Heads

HABIT = 0.4
"""From this share on a head is called by what it does, as the head detectors call it."""
COUNTS = 0.1
"""The share of the largest effect of any head from which on an effect is said to count."""
FEWEST = 200
"""Queries from which on a mean over them says something of a head."""
TELLS = 0.2
"""The share of the weight off position 0 from which on a single token is named."""
RULE = (
    f"The rule: an effect counts from {100 * COUNTS:.0f} % of the largest effect of any head on; "
    f"a habit is a mean of {HABIT:g} or more on previous, duplicate, induction or itself, over "
    f"{FEWEST} queries or more. A head "
    "whose effect counts and that has a habit is general and used here; one whose effect counts "
    "and that has none may be of this task. Other texts and other prompts may say otherwise."
)
_ASKED, _SHORT = "Task head or general head?", "Too little text to call it by a habit"


@dataclass(frozen=True)
class Verdict:
    """A judgement on a head.

    Attributes:
        title: In a few words.
        sentence: The two numbers that it rests on.
        known: Whether there are both, and over enough text.
        whose: Which result the effect is from.
    """

    title: str
    sentence: str
    known: bool = True
    whose: str = ""


def verdict(heads: Heads, head: Head) -> Verdict:
    """Return what a head's effect on prompts and its habit on text say of it."""
    habit, said = _habit(heads, head)
    name = part_name(*head)
    effect = heads.effects[0] if heads.effects else None
    value = math.nan if effect is None else float(effect.values[head])
    if effect is None or not math.isfinite(value):
        missing = "is not known yet" if effect is None else "was not computed"
        return Verdict(_ASKED, f"{said} Its effect on your prompts {missing}.", known=False)
    largest = float(np.nanmax(np.abs(effect.values)))
    counts = largest > 0 and abs(value) >= COUNTS * largest
    told = f"{_effect(effect, head, name, counts)} {said}"
    title = _SHORT if habit is None else _title(counts, habit)
    return Verdict(title, told, habit is not None, whose=f"Effect from {effect.title}")


def _title(counts: bool, habit: bool) -> str:
    """Return the four answers; none claims more than that a number reaches its mark."""
    if counts:
        return "A general head, used on your prompts" if habit else "Perhaps a head of this task"
    return "A general head, hardly used here" if habit else "Neither on your prompts nor by a habit"


def _effect(effect: Effects, head: Head, name: str, counts: bool) -> str:
    """Say what removing a head does on the prompts, beside all other heads."""
    values = np.abs(effect.values)
    value = float(effect.values[head])
    place = int((values > abs(value)).sum()) + 1
    of = int(np.isfinite(values).sum())
    # Borrowed effects are negative where removing hurts, of a loss as well.
    does = "helps" if value > 0 else "hurts"
    about = f"{ABOUT} " if effect.estimated else ""
    over = f", mean of {plural(effect.prompts, 'prompt')}" if effect.prompts > 1 else ""
    less = "" if counts else f", less than {100 * COUNTS:.0f} % of the largest"
    return (
        f"Removing {name} {does} by {about}{number(abs(value))} ({effect.metric}{over}): "
        f"{ordinal(place)} of {of:,} heads by size{less}."
    )


def _habit(heads: Heads, head: Head) -> tuple[bool | None, str]:
    """Return whether a head has a habit on text, and say which; None where the text is short."""
    known = {key: value for key in HABITS if math.isfinite(value := heads.value(key, head))}
    if not known:
        return None, "No habit on text is known of it."
    counted = {key: _queries(heads, key) for key in known}
    known = {key: value for key, value in known.items() if counted[key] >= FEWEST}
    if not known:
        most = int(max(counted.values()))
        return None, f"Over fewer than {FEWEST} queries ({most:,}) no habit on text is told."
    best = max(known, key=lambda key: known[key])
    measure = heads.measure(best)
    title = best if measure is None else measure.title.lower()
    if known[best] >= HABIT:
        return True, f"On this text its habit is {title} ({number(known[best], 2)})."
    rests = heads.value("first", head)
    told = f"On this text it has no habit of those measured (most: {title} {number(known[best], 2)}"
    rest = f"; position 0 gets {number(rests, 2)}" if math.isfinite(rests) else ""
    found = most_attended(heads.data, head)
    if found is None or found[1] < TELLS:
        return False, f"{told}{rest})."
    token, share = found
    return False, (
        f"{told}{rest}); {100 * share:.0f} % of its weight off position 0 goes to “{token}”."
    )


def _queries(heads: Heads, key: str) -> float:
    """Return over how many queries a measure is a mean; without end where that is not known."""
    counted = heads.data.get("n")
    known = counted.get(key) if isinstance(counted, Mapping) else None
    return math.inf if known is None else float(known)


def ordinal(place: int) -> str:
    """Write a place among others: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    ending = "th" if 10 < place % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{ending}"
