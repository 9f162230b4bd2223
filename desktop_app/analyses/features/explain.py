"""What the numbers of features are, with the values of the selected prompt and token in them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.features.found import NONE, Found
from desktop_app.analyses.features.picture import next_changes, peak_of
from desktop_app.analyses.features.readable import RULE, sentence
from desktop_app.analyses.features.words import DELETE, amount, name_of, share, token_words
from desktop_app.pictures.explained import difference
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number, percent

if TYPE_CHECKING:
    import numpy as np

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = (
    "activation",
    "variance_explained",
    "l0",
    "loss_change",
    "ablated_text",
    "direction_ablated",
    "from_embedding",
    "density",
)
_PAGE = "features"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, for the selected prompt and token."""
    tell = {
        "activation": _activation,
        "variance_explained": _explained,
        "l0": _active,
        "loss_change": _loss,
        "ablated_text": _taken,
        "direction_ablated": _without,
        "from_embedding": _embedding,
        "density": _density,
    }.get(what)
    return None if tell is None else tell(Found.of(result), place)


def _at(values: np.ndarray | None, position: int | None) -> float:
    if values is None or position is None or not 0 <= position < len(values):
        return float("nan")
    return float(values[position])


def _token(found: Found, place: Place, position: int) -> str:
    return f"{token_words(found.tokens(place.prompt)[position])} at position {position}"


def _activation(found: Found, place: Place) -> Explained:
    value = _at(found.per_token("activation", place.prompt), place.position)
    told = ""
    if math.isfinite(value) and place.position is not None:
        told = f"{name_of(found.chosen)}, {_token(found, place, place.position)}: {amount(value)}"
    return Explained(
        "Activation of a feature",
        "its encoder column · activation of the model + its bias, then what the kind of "
        "autoencoder makes of it",
        told,
        "0: not active. Sizes of different features cannot be compared.",
        _PAGE,
        "Activation",
    )


def _explained(found: Found, place: Place) -> Explained:
    value = found.of_prompt("variance_explained", place.prompt)
    told = "" if math.isnan(value) else f"prompt {place.prompt + 1}: {percent(100 * value)}"
    return Explained(
        "Variance explained",
        "1 − Σ‖x − x̂‖² ÷ Σ‖x − mean‖² over the tokens of a prompt",
        told,
        "100 %: the features tell the whole activation. 0 %: no more than its mean does.",
        _PAGE,
        "How well it reconstructs",
    )


def _active(found: Found, place: Place) -> Explained:
    value = found.of_prompt("l0", place.prompt)
    told = "" if math.isnan(value) else f"prompt {place.prompt + 1}: {number(value, 2)}"
    return Explained(
        "Active features (L0)",
        "features above 0 at a token, the mean over the tokens of a prompt",
        told,
        "Few are easy to read one by one; many reconstruct better.",
        _PAGE,
        "How well it reconstructs",
    )


def _loss(found: Found, place: Place) -> Explained:
    plain, spliced = (found.of_prompt(name, place.prompt) for name in ("loss", "loss_spliced"))
    return Explained(
        "Change of loss",
        "mean next-token loss with x̂ in place of x − the same untouched",
        difference(spliced, plain),
        "Near 0: what the autoencoder leaves out does not matter to the model here.",
        _PAGE,
        "How well it reconstructs",
    )


def _taken(found: Found, place: Place) -> Explained:
    change = _at(found.per_token("ablated_text", place.prompt), place.position)
    at, told = peak_of(found, place.prompt), ""
    if math.isfinite(change) and place.position is not None and at != NONE:
        base = _at(found.per_token("activation", place.prompt), at)
        left = difference(base + change, base)
        told = f"without {_token(found, place, place.position)}: {left}"
    deleted = found.ablates == DELETE
    where = "a position earlier, where the same token now stands" if deleted else "at its position"
    return Explained(
        "Ablated text",
        f"activation without an earlier token, read {where} − activation as it stands",
        told,
        "Below 0: the feature needs that token. Deleting also moves all later tokens up.",
        _PAGE,
        "Ablated text",
    )


def _without(found: Found, place: Place) -> Explained:
    change, told = _at(next_changes(found, place.prompt), place.position), ""
    if math.isfinite(change) and place.position is not None:
        value = number(change, sign=True)
        told = f"{_token(found, place, place.position)}: {value} nats"
    return Explained(
        "Direction ablated",
        "log-probability of the token with x − f · decoder row at all positions − untouched",
        told,
        "Below 0: the feature speaks for that token.",
        _PAGE,
        "Direction ablated",
    )


def _embedding(found: Found, _place: Place) -> Explained:
    told = found.data.get("from_embedding")
    return Explained(
        "Readable from the embedding?",
        "activation with a BOS in place of all that stands before ÷ activation in context",
        sentence(told) if isinstance(told, dict) else "",
        RULE,
        _PAGE,
        "Readable from the embedding?",
    )


def _density(found: Found, _place: Place) -> Explained:
    over = found.over(found.chosen)
    told = "" if over is None else f"{name_of(found.chosen)}: {share(over.density)}"
    return Explained(
        "Density",
        "tokens of the corpus at which a feature is active ÷ tokens read, BOS not counted",
        told,
        "A feature that is nearly always active seldom means one thing.",
        _PAGE,
        "Over a corpus",
    )
