"""The circuit card in words: which head carries it, and whether random heads do as much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.noise import is_lost, noise_mark, noise_of
from desktop_app.pictures.words import number, part_name, plural

if TYPE_CHECKING:
    from collections.abc import Mapping

PREVIOUS, INDUCTION, BOTH = "previous-token head", "induction head", "both"
ALL_PREVIOUS, ALL_INDUCTION = "all previous-token heads", "all induction heads"
"""What the rows of a card's ablations are called."""

# A head that makes up this share of what both do carries the circuit.
_CARRIES = 0.5
# Heads back each other up where they do this much more together than the sum of each alone, and
# by more nats than rounding and the draw of the sequences make.
_BACKED, _LEAST = 1.5, 0.02
_INTERVAL = (5.0, 95.0)


@dataclass(frozen=True)
class Draws:
    """What random heads do in place of the pair.

    Attributes:
        count: How many pairs were drawn.
        mean: Their mean rise of the loss.
        low: Below it lie 5 % of them.
        high: Above it lie 5 % of them.
        reached: How many do as much as the pair.
    """

    count: int
    mean: float
    low: float
    high: float
    reached: int

    def words(self) -> str:
        """Return it as a sentence."""
        low, high = (number(end, 2, sign=True) for end in (self.low, self.high))
        reached = {0: "none", 1: "one"}.get(self.reached, str(self.reached))
        return (
            f"{self.count} random draws of two other heads: {number(self.mean, 2, sign=True)} on "
            f"average, 90 % of them from {low} to {high}, {reached} as much as both"
        )


def draws(card: Mapping[str, Any]) -> Draws | None:
    """Return what the random heads of a card do; None where it has none."""
    rises = np.array([float(row["rise"]) for row in card.get("controls", ())])
    if not rises.size:
        return None
    low, high = np.percentile(rises, _INTERVAL)
    both = _rise(card, BOTH)
    reached = 0 if both is None else int((rises >= both).sum())
    return Draws(rises.size, float(rises.mean()), float(low), float(high), reached)


def card_headline(card: Mapping[str, Any]) -> str:
    """Return what a circuit card proves: which head carries it, beside what random heads do."""
    both, random, names = _rise(card, BOTH), draws(card), _names(card)
    if both is None:
        return "A pair of heads that looks like an induction circuit; nothing was ablated"
    alone = {title: rise for title in names if (rise := _rise(card, title)) is not None}
    costs = [f"without {names[title]} by {number(rise, 2)}" for title, rise in alone.items()]
    proof = f"the loss rises {', '.join([*costs, f'without both by {number(both, 2)}'])} nats"
    if is_lost(both, noise := noise_of(card)):
        return f"No more than rounding: {proof}, below the {noise_mark(noise)}"
    if random is None:
        return f"{_carried(both, alone, names)}: {proof}; there are no other heads to compare with"
    if both > random.high:
        return f"{_carried(both, alone, names)}: {proof}. {random.words()}"
    return f"No more than chance: {proof}, and as much without random heads. {random.words()}"


def _carried(both: float, alone: Mapping[str, float], names: Mapping[str, str]) -> str:
    """Say which of the two heads carries the circuit."""
    carrying = [title for title, rise in alone.items() if rise >= _CARRIES * both > 0]
    if len(carrying) == 1:
        return f"{names[carrying[0]]}, the {carrying[0]}, carries the circuit"
    return "Each of the two heads is needed" if carrying else "Neither head carries it alone"


def backup_sentence(card: Mapping[str, Any]) -> str:
    """Say whether induction heads back each other up; empty where that was not measured."""
    together, late = _rise(card, ALL_INDUCTION), _names(card)[INDUCTION]
    one = _rise(card, INDUCTION)
    heads = next((row["heads"] for row in card["ablation"] if row["title"] == ALL_INDUCTION), ())
    if together is None or one is None or len(heads) < 2:
        return ""
    singles = [float(rise) for rise in card.get("induction_alone", ())] or [one]
    alone = sum(singles)
    told = (
        f"without {late} alone the loss rises by {number(one, 2)}, without all "
        f"{plural(len(heads), 'induction head')} by {number(together, 2)}"
    )
    if len(singles) > 1:
        told += f" (the sum of each alone: {number(alone, 2)})"
    if together > _BACKED * alone + _LEAST:
        return f"Induction heads back each other up: {told}."
    return f"Induction heads do not back each other up here: {told}."


def card_summary(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the circuit card in sentences: the pair, what joins it, and what ablation proves."""
    previous, induction = card["previous"], card["induction"]
    names = _names(card)
    early, late = names[PREVIOUS], names[INDUCTION]
    composition = card["composition"]
    sentences = [
        f"{early} looks at the previous token ({number(previous['previous_token'], 2)}) and "
        f"{late} at what followed the same token before ({number(induction['induction'], 2)}).",
        f"{late} reads {early} through its keys: K-composition {number(composition['K'])}, random "
        f"matrices {number(composition['baseline_K'])}; rank {composition['rank_K'] + 1} of "
        f"{composition['earlier_heads']} earlier heads.",
    ]
    words = ", ".join(
        f"{row['title']} {number(row['rise'], sign=True)}" for row in card["ablation"]
    )
    sentences.append(f"{card_headline(card)}.")
    if backed := backup_sentence(card):
        sentences.append(backed)
    noise = "".join(f", {mark}" for mark in [noise_mark(noise_of(card))] if mark)
    sentences.append(
        f"Loss on the second half {number(card['loss'])} nats{noise}; rise without: {words}."
    )
    return tuple(sentences)


def _names(card: Mapping[str, Any]) -> dict[str, str]:
    """Return the two heads of the pair by what they are."""
    pair = (PREVIOUS, card["previous"]), (INDUCTION, card["induction"])
    return {title: part_name(int(row["layer"]), int(row["head"])) for title, row in pair}


def _rise(card: Mapping[str, Any], title: str) -> float | None:
    """Return the rise of the loss in a row of the ablations; None where there is no such row."""
    rows = (row for row in card["ablation"] if row["title"] == title)
    return next((float(row["rise"]) for row in rows), None)
