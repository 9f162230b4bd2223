"""What the scores of heads are, with those of the selected head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.detect.picture import (
    THRESHOLD,
    TITLES,
    find_head,
    head_name,
    meaning,
    score_names,
    score_text,
)
from desktop_app.pictures.facts import Explained

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = tuple(TITLES)
_FORMULAS = {
    "induction": "mean of A[q, q − S + 1] over the second half; S: how many tokens are repeated",
    "duplicate_token": "mean of A[q, q − S] over the second half; S: how many tokens are repeated",
    "previous_token": "mean of A[q, q − 1] over all queries but the first",
    "first_token": "mean of A[q, 0] over all queries",
    "current_token": "mean of A[q, q] over all queries",
    "successor": "share of a family's members whose next member the head writes most",
    "copy": "share of a family's members that the head itself writes most",
    "target": "mean attention that falls on the painted pattern",
}


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a score taken apart; `score` is the first that the result holds."""
    names = score_names(result.data)
    if what == "score" and names:
        what = names[0]
    if what not in names:
        return None
    cell = find_head(result.data, place.layer, place.head)
    working = ""
    if cell is not None:
        working = f"{score_text(result.data, what, *cell)}   ({head_name(result.data, *cell)})"
    return Explained(
        TITLES[what],
        _FORMULAS[what],
        working,
        f"{meaning(what)}. From 0 to 1; from {THRESHOLD[what]:g} on a head is called by this name.",
        "detect",
        "Scores",
    )
