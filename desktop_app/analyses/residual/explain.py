"""What the numbers of the residual stream are, with the result's own values in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.residual.charts import shares
from desktop_app.analyses.residual.sizes import (
    later,
    layer_count,
    map_shape,
    place_words,
    size_text,
    table_of,
    times_text,
    token_name,
)
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("growth_rate", "norm", "growth", "cosine", "share")
_PAGE = "residual"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, at the selected layer and token where there are any."""
    tell = {
        "growth_rate": _rate,
        "norm": _norm,
        "growth": _growth,
        "cosine": _cosine,
        "share": _share,
    }.get(what)
    return None if tell is None else tell(result, place)


def _rate(result: Result, _place: Place) -> Explained:
    layers, rate = layer_count(result), float(result.data["growth_rate"])
    working = ""
    if np.isfinite(rate):
        norms = later(result, "norm")
        ends = f"{size_text(float(norms[-2]))} / {size_text(float(norms[1]))}"
        working = f"({ends})^(1/{layers - 2}) = {times_text(rate)}"
    return Explained(
        "Growth rate",
        "geometric mean of the growth of all layers but the first and the last",
        working,
        "1: the stream keeps its size; above 1 it grows, so that what was written early weighs "
        "less and less behind a norm.",
        _PAGE,
        "Growth",
    )


def _norm(result: Result, place: Place) -> Explained:
    row, working = place.layer, ""
    if row is not None and place.position is not None:
        count = map_shape(result, place.prompt)
        if row < count[0] and place.position < count[1]:
            value = float(table_of(result, "norm", place.prompt)[row, place.position])
            where = token_name(result, place.prompt, place.position)
            working = f"‖residual stream {place_words(result, row)}, {where}‖ = {size_text(value)}"
    return Explained(
        "Norm of the stream",
        "‖x‖ = √(Σ xᵢ²), x the residual stream of one token before a block or the final norm",
        working,
        f"Divided by √{result.model.d_model} it is the root mean square of one number of it.",
        _PAGE,
        "Norms",
    )


def _growth(result: Result, place: Place) -> Explained:
    row, working = place.layer, ""
    if row is not None and row < layer_count(result):
        norms = later(result, "norm")
        value = float(np.asarray(result.data["growth"], dtype=float)[row])
        ends = f"{size_text(float(norms[row + 1]))} / {size_text(float(norms[row]))}"
        working = f"block {row}: {ends} = {times_text(value)}"
    return Explained(
        "Growth of a layer",
        "geometric mean of ‖stream‖ after the block ÷ that before it, positions ≥ 1 of all prompts",
        working,
        "Position 0 is left out: in many models its norm is far larger than all others.",
        _PAGE,
        "Growth",
    )


def _cosine(result: Result, place: Place) -> Explained:
    row, working = place.layer, ""
    if row is not None and row < layer_count(result):
        value = float(np.asarray(result.data["cosine"], dtype=float)[row])
        working = f"block {row}: {number(value)}"
    return Explained(
        "Cosine with the layer before",
        "(after · before) / (‖after‖ ‖before‖), mean over positions ≥ 1 of all prompts",
        working,
        "1: the block changed the size of the stream at most, not where it points.",
        _PAGE,
        "Cosine",
    )


def _share(result: Result, place: Place) -> Explained | None:
    table = shares(result, of_first=False)
    if table is None:
        return None
    row = place.layer if place.layer is not None and place.layer < len(table) else len(table) - 1
    embed, total = number(float(table[row, 0])), number(float(table[row].sum()))
    return Explained(
        "Share of a part",
        "(part · stream) / ‖stream‖², mean over positions ≥ 1 of all prompts",
        f"embeddings {place_words(result, row)}: {embed}; all parts together: {total}",
        "How much a part points along the stream. Below 0 it points against it. A share is no "
        "cause: parts are written by what they read of one another.",
        _PAGE,
        "Shares",
    )
