"""The analyses there are, in the order of their tabs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.analyses.ablate.spec import ABLATE
from desktop_app.analyses.attention.spec import ATTENTION
from desktop_app.analyses.compose.spec import COMPOSE
from desktop_app.analyses.detect.spec import DETECT
from desktop_app.analyses.hand_patch.spec import HAND_PATCH
from desktop_app.analyses.patch.spec import PATCH
from desktop_app.analyses.rank.spec import RANK
from desktop_app.analyses.repeat.spec import REPEAT
from desktop_app.analyses.tokens.spec import TOKENS
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.spec import Analysis

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


def file_of(name: str, file: str) -> Path | None:
    """Return a file of an analysis' own folder, such as `help.md`; None where there is none."""
    if name not in ANALYSES:
        return None
    path = Path(__file__).resolve().parents[1] / "analyses" / name / file
    return path if path.is_file() else None


def find(name: str) -> Analysis:
    """Return the analysis of that name, or refuse with the names there are."""
    try:
        return ANALYSES[name]
    except KeyError:
        names = ", ".join(ANALYSES)
        raise BadInputError(f"There is no analysis “{name}”: choose one of {names}.") from None
