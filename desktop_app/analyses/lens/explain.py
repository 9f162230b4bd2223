"""What the numbers of the lens are, with those of the selected cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.lens.picture import kind_words
from desktop_app.analyses.lens.reading import reading_of
from desktop_app.analyses.lens.words import names_of, row_words, run_words
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import MINUS, number, probability
from desktop_app.support.lens_files import NAMES

if TYPE_CHECKING:
    from desktop_app.analyses.lens.reading import Reading, Which
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("prob", "answer_rank", "answer_logprob", "logit_diff")
_KEYS = {"rank": "answer_rank", "logprob": "answer_logprob", "log p": "answer_logprob"}
_KEYS |= {"diff": "logit_diff", "share": "prob", "top": "prob"}
_PAGE = "lens"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number of the clean run, with its values at the selected block and token."""
    reading = reading_of(result, place.prompt)
    row = reading.layers if place.layer is None else min(place.layer + 1, reading.layers)
    position = reading.read if place.position is None else place.position
    if position >= len(reading.record.tokens) or not reading.has(""):
        return None
    return explain_cell(reading, "", (row, position), what)


def key_of(what: str) -> str:
    """Return which number a column or a field shows; nothing where it is none of a cell's."""
    key = _KEYS.get(what, what)
    return key if key in WHATS else ""


def explain_cell(
    reading: Reading, which: Which, cell: tuple[int, int], what: str
) -> Explained | None:
    """Return a number taken apart, with the values of a cell of any run; None where it has none."""
    key, (row, position) = key_of(what), cell
    where = f"{run_words(reading, which)}, {row_words(row, reading.layers)}, position {position}"
    kind = kind_words(reading.result)
    brought = "stream" if kind == NAMES["logit"] else f"{kind}(stream)"
    read = f"logits = unembedding(final norm({brought}))"
    if key == "prob":
        token = reading.label(int(reading.top(which)[row, position, 0]))
        prob = probability(float(reading.best(which)[row, position]))
        told = f"“{token}”: {prob}" if token else "nothing is read here"
        sign = "Early layers speak of no next token yet: read them as directions, not as guesses."
        return Explained(
            "Probability of the top token",
            f"p = exp(logit) / Σ exp(logits), {read}",
            f"{told}   ({where})",
            sign,
            _PAGE,
        )
    value = float(reading.score(which, key)[row, position]) if key else math.nan
    if not math.isfinite(value):
        return None
    return _of_answer(reading, key, value, (read, where))


def _of_answer(reading: Reading, key: str, value: float, words: tuple[str, str]) -> Explained:
    """Return a number of the answer taken apart: how logits are read, and where, in words."""
    answer, wrong = names_of(reading.record.answers), names_of(reading.record.wrongs)
    read, where = words
    if key == "answer_rank":
        formula = f"rank = how many tokens have a larger logit than “{answer}”, {read}"
        told, sign = f"{value:,.0f}", "0: it is on top. Tokens of equal logits share the rank."
        return Explained("Rank of the answer", formula, f"{told}   ({where})", sign, _PAGE)
    if key == "answer_logprob":
        formula = f"log p(“{answer}”) = logit {MINUS} log Σ exp(logits), {read}"
        sign = "In nats: 0 is certain, each −2.3 a tenth as likely."
        told = f"{number(value)}   ({where})"
        return Explained("Log-probability of the answer", formula, told, sign, _PAGE)
    formula = f"logit(“{answer}”) {MINUS} logit(“{wrong}”), {read}"
    told = f"{number(value, sign=True)}   ({where})"
    sign = "Above 0 the answer is preferred to the wrong one."
    return Explained("Logit difference", formula, told, sign, _PAGE)
