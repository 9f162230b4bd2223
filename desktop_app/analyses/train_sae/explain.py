"""What the numbers of a training are, with the result's own values in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.train_sae.picture import few, share
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("variance_explained", "loss", "l0", "dead")
_PAGE = "train_sae"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart."""
    tell = {"variance_explained": _explained, "loss": _loss, "l0": _l0, "dead": _dead}.get(what)
    return None if tell is None else tell(result)


def _explained(result: Result) -> Explained:
    data = result.data
    mse, value = float(data["mse"]), float(data["variance_explained"])
    working = ""
    if np.isfinite(value) and value < 1:
        working = f"1 − {number(mse)} / {number(mse / (1 - value))} = {number(value)}"
    return Explained(
        "Fraction of variance explained",
        "1 − Σ‖x − x̂‖² / Σ‖x − mean‖², over the tokens that it was not trained on",
        working,
        "1: x̂ is x; 0: no better than their mean. On the tokens trained on it is "
        f"{share(float(data['variance_explained_trained']))}: where that is far higher, the text "
        "is too short for so many features.",
        _PAGE,
    )


def _loss(result: Result) -> Explained:
    params, loss = result.params, np.asarray(result.data["loss"], dtype=float)
    is_topk = params.get("kind") == "topk"
    penalty = "" if is_topk else f" + {float(params['l1']):g} · Σ f"
    scale = number(float(result.data["scale"]))
    return Explained(
        "Loss of a step",
        f"mean over a batch of ‖z − ẑ‖²{penalty}, of activations z = {scale} · x",
        f"from {number(float(loss[0]))} to {number(float(loss[-1]))}" if len(loss) else "",
        "Scaled so that their mean norm is √width: a loss of the width itself is that of ẑ = 0."
        + ("" if is_topk else " The penalty rises over the first twentieth of the steps."),
        _PAGE,
    )


def _l0(result: Result) -> Explained:
    l0, features = float(result.data["l0_end"]), int(result.data["d_sae"])
    return Explained(
        "L0",
        "mean over tokens of how many features are above 0",
        f"{few(l0)} of {features:,} at the end, on tokens held out: {share(l0 / features)}",
        "Few features a token are what makes each of them worth a look; a larger L1 or a smaller K "
        "gives fewer, and a worse x̂.",
        _PAGE,
    )


def _dead(result: Result) -> Explained:
    end, features = float(result.data["dead_end"]), int(result.data["d_sae"])
    return Explained(
        "Dead features",
        "share of features that none of the last 20,000 tokens trained on activated",
        f"{share(end)} of {features:,} at the end, over all tokens trained on",
        "They take part in nothing. At each step they are made to reconstruct what the others "
        "leave, which revives most of them.",
        _PAGE,
    )
