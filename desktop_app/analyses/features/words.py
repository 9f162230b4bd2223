"""How features, activations and the autoencoder are written. No Qt, no torch."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from desktop_app.pictures.token_text import token_label
from desktop_app.pictures.words import SITES, clipped, number, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.analyses.features.found import Found, Token

_TOKEN = 24
DELETE, ZERO = "delete", "zero"
TAKEN = {DELETE: "deleted", ZERO: "zeroed"}
TAKING = {DELETE: "Deleting", ZERO: "Zeroing"}
FAINT = 1e-5
"""A change of an activation or of a log-probability that is no more than rounding."""


def amount(value: float, *, sign: bool = False) -> str:
    """Write an activation or a change of one with as many digits as its size needs."""
    size = abs(value)
    if size == 0:
        return "0"
    digits = 3 if size < 1 else 2 if size < 10 else 1 if size < 100 else 0
    if size < 0.0005:
        return written("{:+.1e}" if sign else "{:.1e}", value)
    return number(value, digits, sign=sign)


def share(value: float) -> str:
    """Write a share of tokens in percent, small ones so that they are seen."""
    if math.isnan(value):
        return number(value)
    percent = 100 * value
    if percent == 0 or percent >= 0.1:
        return f"{number(percent, 1)} %"
    return f"{written('{:.1g}', percent)} %"


def token_words(token: Token) -> str:
    """Return a token as it is shown: its spaces drawn, cut where it is long."""
    return clipped(token_label(token.piece, token.text), _TOKEN)


def listed(tokens: Iterable[Token]) -> str:
    """Write tokens beside each other."""
    return "  ".join(map(token_words, tokens))


def name_of(feature: int) -> str:
    """Name a feature."""
    return f"Feature {feature:,}"


def sae_name(folder: str) -> str:
    """Return what an autoencoder is called: its folder's own name."""
    return clipped(PurePath(folder).name or folder, 40)


def space_words(found: Found, *, writes: bool) -> str:
    """Say in which space a direction lies: the residual stream, or another site of the model.

    What a transcoder writes is another site than what it reads.
    """
    if writes and found.card.get("writes"):
        return clipped(str(found.card["writes"]), 60)
    site = str(found.card.get("site", ""))
    return "residual stream" if site.startswith("resid") else SITES.get(site, site) or "its site"
