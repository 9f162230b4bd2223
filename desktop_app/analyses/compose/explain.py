"""What the scores of a composition are, with the strongest pair of the selected head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.analyses.compose.picture import kinds, pair_map, pair_name, top_pairs
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("score", "random")
_FORMULAS = {
    "Q": "score = ‖W_OV¹ W_QK²‖ / (‖W_OV¹‖ ‖W_QK²‖)",
    "K": "score = ‖W_OV¹ W_QK²ᵀ‖ / (‖W_OV¹‖ ‖W_QK²‖)",
    "V": "score = ‖W_OV¹ W_OV²‖ / (‖W_OV¹‖ ‖W_OV²‖)",
}


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a score taken apart: of the selected head's strongest pair, else of all."""
    if what not in {"score", "random", "pair"}:
        return None
    kind = kinds(result)[0]
    shown = pair_map(result, kind)
    chosen = place.layer is not None and place.head is not None
    head = (place.layer or 0, place.head or 0) if chosen else None
    rows = top_pairs(shown, head).rows or top_pairs(shown).rows
    values = rows[0].values[1:] if rows else ()
    told = [number(value) for value in values if isinstance(value, float)]
    if what == "random":
        sum_ = f"{told[0]} / {number(shown.baseline)} = {told[1]}" if told else ""
        return Explained(
            "Times chance",
            "times chance = score / score of random matrices of the same shapes",
            f"{sum_}   ({pair_name(rows[0].key)}, {kind})" if told else "",
            "1 ×: no more than chance.",
            "compose",
            "Reading it",
        )
    return Explained(
        f"{kind}-composition",
        _FORMULAS[kind],
        f"{told[0]}   ({pair_name(rows[0].key)})" if told else "",
        f"0: nothing is read; 1 at most. Random matrices score {number(shown.baseline)}.",
        "compose",
        "Formula",
    )
