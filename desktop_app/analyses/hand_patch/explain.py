"""What the numbers of patching by hand are, with those of the try on screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from desktop_app.analyses.hand_patch.picture import run_of, way
from desktop_app.pictures.boards import OTHER
from desktop_app.pictures.explained import difference, share
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import metric_name, number, probability

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("way", "patched", "prob", "logit")
_KEYS = {"share": "way", "base": "patched", "log prob": "logit"}
_PAGE, _SEE = "hand_patch", "What you see"


def explain(result: Result, what: str, _place: Place) -> Explained | None:
    """Return a number taken apart."""
    what, data, run = _KEYS.get(what, what), result.data, run_of(result)
    base, patched = float(data["base"]), float(data["patched"])
    if what == "way":
        goal = float(data["clean" if run == "corrupt" else "corrupt"])
        above, whole = (difference(value, base).split(" = ")[0] for value in (patched, goal))
        far = way(result)
        return Explained(
            "The share of the way",
            "share = (patched − base) / (other − base)",
            share(above, whole, far) if math.isfinite(far) else "",
            f"0: untouched. 1: as the {OTHER[run]} run.",
            _PAGE,
            _SEE,
        )
    if what == "patched":
        return Explained(
            metric_name(result).capitalize(),
            "change = patched − base, both read where the clean prompt ends",
            difference(patched, base),
            f"base: the {run} run as it is; patched: with the activations put in.",
            _PAGE,
            _SEE,
        )
    if what in {"prob", "logit"} and len(data["top"]):
        row = data["top"][0]
        told = probability(float(row["prob"])) if what == "prob" else number(row["logit"])
        name = "Probability" if what == "prob" else "Logit"
        formula = "p = exp(logit) / Σ exp(logits), with the moves"
        said = f"{told}   (“{row['text']}”, the likeliest)"
        sign = "The tick on a bar is the token's probability in the other list."
        return Explained(name, formula, said, sign, _PAGE, _SEE)
    return None
