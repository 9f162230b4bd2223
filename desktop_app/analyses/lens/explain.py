"""What the numbers of the lens are, with those of the selected cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.lens.picture import kind_words
from desktop_app.analyses.lens.reading import reading_of
from desktop_app.analyses.lens.words import names_of, row_words
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import MINUS, number, probability

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("prob", "answer_rank", "answer_logprob", "logit_diff")
_KEYS = {"rank": "answer_rank", "logprob": "answer_logprob", "log p": "answer_logprob"}
_KEYS |= {"diff": "logit_diff", "share": "prob", "top": "prob"}
_PAGE = "lens"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, with the values of the selected layer and token."""
    what = _KEYS.get(what, what)
    reading = reading_of(result, place.prompt)
    row = reading.layers if place.layer is None else min(place.layer + 1, reading.layers)
    position = reading.read if place.position is None else place.position
    if what not in WHATS or position >= len(reading.record.tokens) or not reading.has(""):
        return None
    where = f"{row_words(row, reading.layers)}, position {position}"
    brought = "stream" if kind_words(result) == "logit lens" else f"{kind_words(result)}(stream)"
    read = f"logits = unembedding(final norm({brought}))"
    if what == "prob":
        token = int(reading.top("")[row, position, 0])
        told = f"“{reading.label(token)}”: {probability(float(reading.best('')[row, position]))}"
        sign = "Early layers speak of no next token yet: read them as directions, not as guesses."
        return Explained(
            "Probability of the top token",
            f"p = exp(logit) / Σ exp(logits), {read}",
            f"{told}   ({where})",
            sign,
            _PAGE,
        )
    value = float(reading.score("", what)[row, position])
    if not math.isfinite(value):
        return None
    answer, wrong = names_of(reading.record.answers), names_of(reading.record.wrongs)
    if what == "answer_rank":
        formula = f"rank = how many tokens have a larger logit than “{answer}”, {read}"
        told, sign = f"{value:,.0f}", "0: it is on top. Tokens of equal logits share the rank."
        return Explained("Rank of the answer", formula, f"{told}   ({where})", sign, _PAGE)
    if what == "answer_logprob":
        formula = f"log p(“{answer}”) = logit {MINUS} log Σ exp(logits), {read}"
        sign = "In nats: 0 is certain, each −2.3 a tenth as likely."
        told = f"{number(value)}   ({where})"
        return Explained("Log-probability of the answer", formula, told, sign, _PAGE)
    formula = f"logit(“{answer}”) {MINUS} logit(“{wrong}”), {read}"
    told = f"{number(value, sign=True)}   ({where})"
    return Explained(
        "Logit difference",
        formula,
        told,
        "Above 0 the answer is preferred to the wrong one.",
        _PAGE,
    )
