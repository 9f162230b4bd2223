"""The analyses there are, in the order of their tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.ablate import ABLATE
from desktop_app.analyses.attention import ATTENTION
from desktop_app.analyses.compose import COMPOSE
from desktop_app.analyses.detect import DETECT
from desktop_app.analyses.hand_patch import HAND_PATCH
from desktop_app.analyses.patch import PATCH
from desktop_app.analyses.rank import RANK
from desktop_app.analyses.repeat import REPEAT
from desktop_app.analyses.tokens import TOKENS
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.analyses.spec import Analysis

ANALYSES: dict[str, Analysis] = {
    a.name: a
    for a in (
        TOKENS,
        RANK,
        ABLATE,
        ATTENTION,
        PATCH,
        HAND_PATCH,
        DETECT,
        REPEAT,
        COMPOSE,
    )
}


def find(name: str) -> Analysis:
    """Return the analysis of that name, or refuse with the names there are."""
    try:
        return ANALYSES[name]
    except KeyError:
        names = ", ".join(ANALYSES)
        raise BadInputError(f"There is no analysis “{name}”: choose one of {names}.") from None
