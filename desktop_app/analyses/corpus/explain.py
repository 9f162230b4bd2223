"""What the measures of heads over text are, with those of the selected head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.corpus.measures import MEASURES, Heads
from desktop_app.analyses.corpus.picture import text_sentence
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import part_name

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = tuple(measure.key for measure in MEASURES)
_FORMULAS = {
    "induction": "mean over queries q of Σ A[q, j + 1], over j < q with the token of q",
    "previous": "mean over queries q ≥ 1 of A[q, q − 1]",
    "duplicate": "mean over queries q of Σ A[q, j], over j < q with the token of q",
    "first": "mean over queries q ≥ 1 of A[q, 0]",
    "current": "mean over queries q ≥ 1 of A[q, q]",
    "largest": "mean over queries q ≥ 1 of the largest A[q, k]",
    "entropy": "mean over queries q ≥ 1 of −Σ A[q, k] ln A[q, k]",
    "distance": "mean over queries q ≥ 1 of Σ A[q, k] (q − k)",
}
_SHARE = "From 0 to 1: a share of its attention."
_SIGNS = {
    "induction": f"{_SHARE} Only queries count whose token stood earlier in the window.",
    "duplicate": f"{_SHARE} Only queries count whose token stood earlier in the window.",
    "first": f"{_SHARE} Heads rest at position 0 where there is nothing for them to do.",
    "entropy": "0: it looks at one position. ln n: evenly at n of them.",
    "distance": "In tokens. A head that rests at position 0 looks far back by this.",
}


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a measure taken apart, with the selected head's value."""
    heads = Heads(result.data)
    measure = heads.measure(what)
    if measure is None or what not in _FORMULAS:
        return None
    head, working = heads.find(place.layer, place.head), ""
    if head is not None:
        at, of = heads.standing(measure, head)
        standing = f", {at:,} of {of:,} heads" if at else ""
        working = f"{heads.number(measure, head)}   ({part_name(*head)}{standing})"
    sign = f"{_SIGNS.get(what, _SHARE)} Over {text_sentence(result.data)}."
    return Explained(
        f"{measure.title} on text", _FORMULAS[what], working, sign, "corpus", "Measures"
    )
