"""What colours the tokens of a continuation: which number, between which ends. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.said import Continuation, Token

TintName = Literal["own", "plain", "reading"]
DEEPEST = -10.0
"""Log-probabilities from here down have the strongest colour: one scale for all texts."""

TITLES: dict[TintName, str] = {
    "own": "Own",
    "plain": "Plain model",
    "reading": "Reading",
}
MEANINGS: dict[TintName, str] = {
    "own": "log-probability under the run that said it",
    "plain": "log-probability under the plain model, after the same text",
    "reading": "reading of the stream along the direction",
}
SHORT: dict[TintName, str] = {
    "own": "log-probability",
    "plain": "under the plain model",
    "reading": "reading",
}
"""The same where there is less room."""


@dataclass(frozen=True)
class Tint:
    """One way to colour.

    Attributes:
        name: Which number it is.
        limits: Values at the ends of the colours.
        diverging: Whether 0 is their middle.
    """

    name: TintName
    limits: tuple[float, float]
    diverging: bool = False

    def value(self, token: Token) -> float:
        """Return a token's number."""
        by_name = {
            "own": token.logprob,
            "plain": token.plain_logprob,
            "reading": token.reading,
        }
        return by_name[self.name]

    def share(self, value: float) -> float:
        """Return where a number lies along the colours, from 0 to 1.

        Of log-probabilities the unlikely ones have the strong colours.
        """
        low, high = self.limits
        part = min(1.0, max(0.0, (value - low) / (high - low)))
        return part if self.diverging else 1.0 - part

    def text(self, token: Token) -> str:
        """Return a token's number as it stands beneath its box."""
        return number(self.value(token), 2, sign=self.diverging)


def tint_of(name: TintName, told: Sequence[Continuation]) -> Tint:
    """Return how the tokens of some continuations are coloured."""
    if name != "reading":
        return Tint(name, (DEEPEST, 0.0))
    sizes = [abs(t.reading) for one in told for t in one.tokens if math.isfinite(t.reading)]
    reach = max(sizes, default=1.0) or 1.0
    return Tint(name, (-reach, reach), diverging=True)


def tints_there(told: Sequence[Continuation]) -> list[TintName]:
    """Return the numbers that some token has."""
    tokens = [token for one in told for token in one.tokens]
    known: list[TintName] = ["own"]
    others = [one for one in told if one.run != "plain"]
    if any(math.isfinite(t.plain_logprob) for one in others for t in one.tokens):
        known.append("plain")
    if any(math.isfinite(token.reading) for token in tokens):
        known.append("reading")
    return known
