"""What the script of candidate words prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.candidates.picture import head_of, pair_of, shown_of
from desktop_app.analyses.candidates.words import UNSPACED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.candidates.spec import CandidatesParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: CandidatesParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    words = []
    for row, word in enumerate(result.data["words"]):
        shown = shown_of(result, row)
        words.append(
            {
                "word": str(word),
                "ids": [int(i) for i in shown.tokens.ids],
                "tokens": _plain(result.data["tokens"][row]),
                "span": [int(place) for place in result.data["span"][row]],
                "fits": bool(result.data["fits"][row]),
                "count": int(result.data["token_count"][row]),
            }
        )
    record = result.prompts[pair_of(result)]
    return {
        "pair": pair_of(result),
        "words": words,
        "head": head_of(result),
        "compared": bool(record.answers and record.wrongs),
        "counted": bool(params.text),
        "unspaced": UNSPACED,
        "start": int(result.data["start"]),
    }


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tokens of a word as numbers and texts that a file of anybody's holds."""
    names = ("pieces", "texts")
    ids = [int(i) for i in told["ids"]]
    return {
        "first": int(told["first"]),
        "ids": ids,
        **{n: [str(t) for t in told[n]] for n in names},
    }
