"""What the numbers of repeated sequences are, with the result's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.repeat.picture import EFFECTS, best_cells
from desktop_app.pictures.explained import difference
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("logprob", "accuracy", "uniform", "mlp_effect", "attn_effect")
_PAGE, _NUMBERS = "repeat", "Numbers"


def explain(result: Result, what: str, _place: Place) -> Explained | None:
    """Return a number taken apart."""
    data = result.data
    if what in {"logprob", "accuracy"}:
        gain = difference(float(data[f"{what}_second"]), float(data[f"{what}_first"]))
        size = np.asarray(data["logprob"]).shape[1] // 2
        if what == "logprob":
            return Explained(
                "Log-probability",
                "log p of the token that really comes next, mean over either half",
                f"second − first: {gain} nats",
                "The nearer to 0, the better foreseen. What the second time gains is learned "
                "within the sequence.",
                _PAGE,
                _NUMBERS,
            )
        return Explained(
            "Accuracy",
            "share of tokens whose next token was on top",
            f"second − first: {gain}",
            f"Its ceiling is ({size} − 1) / {size} = {number(float(data['ceiling']))}: the first "
            "token of the second half is a guess.",
            _PAGE,
            _NUMBERS,
        )
    if what == "uniform":
        size = result.model.d_vocab
        return Explained(
            "Blind guess",
            "−ln V, with V the size of the vocabulary",
            f"−ln {size:,} = {number(float(data['uniform']))} nats",
            "Below it, a model is worse than a guess; for random tokens that is normal.",
            _PAGE,
            _NUMBERS,
        )
    if what in {"mlp_effect", "attn_effect"} and what in data:
        best = best_cells(result, what, 1)
        kind = dict(EFFECTS)[what]
        return Explained(
            f"Effect of replacing outputs: {kind}",
            "effect = loss with the output of one repeat earlier − untouched loss, second half",
            f"{number(best[0][1], sign=True)} nats   (most, at {best[0][0]})" if best else "",
            "Positive: what the output said here beyond the first time was needed.",
            _PAGE,
            "Replacement maps",
        )
    return None
