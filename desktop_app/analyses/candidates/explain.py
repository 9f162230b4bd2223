"""What the numbers of candidates are, with those of the prompt's own word."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.candidates.picture import FIELDS, OWN, head_name
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("kl", "attention_from_last", "attention_to", "tokens", "frequency_rank", "logit_diff")
_KEYS = {
    **FIELDS,
    **dict.fromkeys(("pieces", "trouble", "word"), "tokens"),
    **dict.fromkeys(("times", "frequency"), "frequency_rank"),
}
_PAGE, _HEADING = "candidates", "Definitions"
_TOLD = {
    "kl": (
        "Change of the prediction",
        "KL(base ‖ changed) = Σ p · (log p − log q), in nats",
        "0: the prediction is as before. p: with the prompt's own word, q: with this one.",
    ),
    "attention_from_last": (
        "Attention from the last token",
        "Σ pattern[last, the word's tokens]",
        "Between 0 and 1. As the own word's: the head treats both alike.",
    ),
    "attention_to": (
        "Attention to the word",
        "mean over the tokens after it of Σ pattern[token, the word's tokens]",
        "Missing where nothing follows the word.",
    ),
    "tokens": (
        "Tokens in place",
        "tokens of the prompt that hold any of the word's characters",
        "They must be as many as the own word's, else positions no longer answer one another.",
    ),
    "frequency_rank": (
        "Rank in the text",
        "how many words of the text occur more often, 0 = the most frequent",
        "A rare word in the place of a common one is another change than the one meant.",
    ),
    "logit_diff": (
        "Logit difference",
        "logit(answer) − logit(wrong), with this word in the prompt",
        "Near the own word's: the corruption does not touch what is asked.",
    ),
}


def explain(result: Result, what: str, _place: Place) -> Explained | None:
    """Return a number taken apart, with the prompt's own word as example."""
    what = _KEYS.get(what, what)
    if what not in _TOLD:
        return None
    name, formula, sign = _TOLD[what]
    if what.startswith("attention") and head_name(result):
        name = f"{name}, {head_name(result)}"
    return Explained(name, formula, _working(result, what), sign, _PAGE, _HEADING)


def _working(result: Result, what: str) -> str:
    field = "token_count" if what == "tokens" else what
    if field not in result.data:
        return ""
    words = [display_text(str(word)) for word in result.data["words"]]
    values = np.asarray(result.data[field], dtype=float)
    told = [
        f"“{words[row]}” {number(values[row], 0 if field in _WHOLE else 5)}"
        for row in range(min(len(words), _SHOWN))
        if math.isfinite(values[row])
    ]
    own = "the prompt's own " if math.isfinite(values[OWN]) and told else ""
    return own + ", ".join(told)


_SHOWN = 3
_WHOLE = frozenset({"token_count", "frequency_rank"})
