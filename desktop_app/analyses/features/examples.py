"""The examples of one feature over a text, as a result has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.features.intervals import draw
from desktop_app.pictures.words import number, plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from desktop_app.analyses.features.spec import FeaturesParams


def examples_of(
    places: np.ndarray, values: np.ndarray, params: FeaturesParams, lengths: tuple[int, int]
) -> dict[str, Any]:
    """Return the fields that show a feature by examples.

    Args:
        places: Where it is active, in the order of the text.
        values: Its activations there, float32.
        params: How many examples, of how many intervals, drawn by what.
        lengths: Tokens of a window; how many of these it begins with.
    """
    length, lead = lengths
    drawn = draw(values, params.intervals, params.examples, (params.seed, params.feature))

    def rows(numbers: Iterable[int]) -> list[dict[str, Any]]:
        return [
            {
                "window": int(places[n]) // length,
                "position": int(places[n]) % length,
                "activation": float(values[n]),
            }
            for n in numbers
        ]

    return {
        "examples": {"top": rows(drawn.top), "intervals": [rows(part) for part in drawn.drawn]},
        "interval_edges": drawn.edges,
        "interval_count": drawn.counts,
        "rule": _rule(params, float(drawn.edges[-1]), lead),
    }


def _rule(params: FeaturesParams, largest: float, lead: int) -> str:
    """Say how examples are chosen."""
    if largest <= 0:
        return f"Feature {params.feature} is active at no token of the text: there are no examples."
    begins = ""
    if lead:
        begins = f" The {plural(lead, 'token')} that each window begins with (BOS) is none of them."
    return (
        f"Top: the {plural(params.examples, 'token')} of largest activation, of equal ones the "
        f"earlier. Intervals: {params.intervals} equal ones from 0 to the largest, "
        f"{number(largest)}; of each, up to {plural(params.examples, 'token')} drawn without "
        f"replacement by the seed {params.seed}, every one as likely. Tokens at which it is not "
        f"active are in none.{begins}"
    )
