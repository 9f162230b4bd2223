"""What head scores say, in a table of roles and in sentences: pure functions on result fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.detect.spec import FAMILY_SCORES, PATTERN_SCORES
from desktop_app.pictures.words import part_name

if TYPE_CHECKING:
    from collections.abc import Mapping

# A head that scores this on a detector is called by its name, as in the literature.
THRESHOLD: dict[str, float] = {
    **dict.fromkeys(PATTERN_SCORES, 0.4),
    **dict.fromkeys(FAMILY_SCORES, 0.4),
    "target": 0.4,
}
TITLES: dict[str, str] = {
    "induction": "Induction",
    "duplicate_token": "Duplicate token",
    "previous_token": "Previous token",
    "first_token": "First token",
    "current_token": "Current token",
    "successor": "Successor",
    "copy": "Copy",
    "target": "Painted pattern",
}
_ROLE_HEADS = 5
_NAMED = 3


def best_heads(score: np.ndarray, count: int) -> list[tuple[int, int, float]]:
    """Return the (layer, head, score) of the best heads of `[L, H]`, best first, NaN left out."""
    flat = np.where(np.isfinite(score), score, -np.inf).ravel()
    order = np.argsort(-flat, kind="stable")[:count]
    places = [divmod(int(i), score.shape[1]) for i in order if np.isfinite(flat[i])]
    return [(layer, head, float(score[layer, head])) for layer, head in places]


def roles(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return rows of `role`, `layer`, `head`, `score`: the best heads of each score, best first."""
    rows: list[dict[str, Any]] = []
    for name in TITLES:
        if name in data:
            rows += [
                {"role": name, "layer": layer, "head": head, "score": score}
                for layer, head, score in best_heads(np.asarray(data[name]), _ROLE_HEADS)
            ]
    return tuple(rows)


def summary(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence per score: its best heads, and how many deserve the name."""
    sentences = []
    for name, title in TITLES.items():
        if name not in data:
            continue
        score = np.asarray(data[name])
        best = best_heads(score, _NAMED)
        if not best:
            continue
        named = int((np.nan_to_num(score, nan=-1.0) >= THRESHOLD[name]).sum())
        heads = ", ".join(f"{part_name(layer, head)} {value:.2f}" for layer, head, value in best)
        many = {0: "no head reaches", 1: "one head reaches"}.get(named, f"{named} heads reach")
        sentences.append(f"{title}: {heads}; {many} {THRESHOLD[name]:g}.")
    return tuple(sentences)


def headline(data: Mapping[str, Any], name: str) -> str:
    """Return the conclusion on one score: the best head, and whether it deserves the name."""
    if name not in data:
        return ""
    score = np.asarray(data[name])
    best = best_heads(score, 1)
    if not best:
        return ""
    row, head, value = best[0]
    layer = int(data["layers"][row]) if "layers" in data else row
    limit, kind = THRESHOLD[name], TITLES[name]
    if value < limit:
        return (
            f"No clear {kind.lower()} head. The strongest is {part_name(layer, head)} with "
            f"{value:.2f}, below the {limit:g} threshold"
        )
    more = int((np.nan_to_num(score, nan=-1.0) >= limit).sum()) - 1
    others = f"; {more} more reach {limit:g}" if more else f", the only one to reach {limit:g}"
    return f"{kind} head: {part_name(layer, head)} with {value:.2f}{others}"


def card_headline(card: Mapping[str, Any]) -> str:
    """Return what a circuit card proves, in one sentence."""
    both = next((row for row in card["ablation"] if len(row["heads"]) == 2), None)
    proof = "" if both is None else f": without both, the loss rises by {both['rise']:.2f} nats"
    return f"Induction circuit found{proof}"


def card_summary(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the circuit card in sentences: the pair, what joins it, and what ablation proves."""
    previous, induction = card["previous"], card["induction"]
    early = part_name(previous["layer"], previous["head"])
    late = part_name(induction["layer"], induction["head"])
    composition = card["composition"]
    sentences = [
        f"{early} looks at the previous token ({previous['previous_token']:.2f}) and {late} at "
        f"what followed the same token before ({induction['induction']:.2f}).",
        f"{late} reads {early} through its keys: K-composition {composition['K']:.3f}, random "
        f"matrices {composition['baseline_K']:.3f}; rank {composition['rank_K'] + 1} of "
        f"{composition['earlier_heads']} earlier heads.",
    ]
    loss = card["loss"]
    words = ", ".join(f"{row['title']} {row['rise']:+.3f}" for row in card["ablation"])
    sentences.append(f"Loss on the second half {loss:.3f} nats; ablated by the mean: {words}.")
    controls = card["controls"]
    if controls:
        rises = [row["rise"] for row in controls]
        sentences.append(
            f"Random heads of the same layers for control ({len(rises)} draws of both): "
            f"{float(np.mean(rises)):+.3f} on average, {max(rises):+.3f} at most."
        )
    return tuple(sentences)
