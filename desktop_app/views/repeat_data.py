"""What the repeats' view shows, computed from a result without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.views.words import number, plural
from desktop_app.widgets.token_text import display_text

if TYPE_CHECKING:
    from desktop_app.analyses.result import Result

EFFECTS = (("mlp_effect", "MLP"), ("attn_effect", "Attention"))


@dataclass(frozen=True)
class Curve:
    """Log-probability of the next token along the sequence, in nats.

    Attributes:
        mean: `[2r]`, over sequences; entry t is the prediction made at position t.
        low: Mean − standard deviation over sequences.
        high: Mean + standard deviation, at most 0.
        one: The chosen sequence's own, or None.
        half: How many predictions belong to the first half.
        uniform: What a blind guess would have.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    one: np.ndarray | None
    half: int
    uniform: float


def sequence_count(result: Result) -> int:
    """Return how many sequences were run."""
    return len(result.data["logprob"])


def curve(result: Result, sequence: int | None) -> Curve:
    """Return the line of the mean, and that of a sequence (counted from 0) where one is chosen."""
    values = np.asarray(result.data["logprob"], dtype=float)
    mean, wide = values.mean(axis=0), values.std(axis=0)
    return Curve(
        mean=mean,
        low=mean - wide,
        high=np.minimum(mean + wide, 0.0),
        one=None if sequence is None else values[sequence],
        half=values.shape[1] // 2,
        uniform=float(result.data["uniform"]),
    )


def table_rows(result: Result) -> list[tuple[str, ...]]:
    """Return (what, first half, second half, bound, author's first, author's second)."""
    data, author = result.data, result.data["author"]
    rows = []
    for title, name, bound in (
        ("log-probability, nats", "logprob", f"blind guess {number(float(data['uniform']))}"),
        ("accuracy", "accuracy", f"at best {number(float(data['ceiling']))}"),
    ):
        values = [float(data[f"{name}_{half}"]) for half in ("first", "second")]
        theirs = [float(author[f"{name}_{half}"]) for half in ("first", "second")]
        digits = 3 if name == "logprob" else 2
        rows.append(
            (
                title,
                *(number(value) for value in values),
                bound,
                *(number(value, digits) for value in theirs),
            )
        )
    return rows


def gain_sentence(result: Result) -> str:
    """Say what the second time gains."""
    data = result.data
    gain = float(data["logprob_second"]) - float(data["logprob_first"])
    lead = display_text(str(data["lead"]["piece"]))
    size = np.asarray(data["logprob"]).shape[1] // 2
    count = plural(sequence_count(result), "sequence")
    return (
        f"The second time is {number(abs(gain), 2)} nats per token "
        f"{'better' if gain >= 0 else 'worse'} · {count} of {lead} + r + r, r of {size} tokens"
    )


def effect_names(result: Result) -> list[tuple[str, str]]:
    """Return (field, title) of the replacement maps that a result holds."""
    return [(name, title) for name, title in EFFECTS if name in result.data]


def effect_limit(result: Result) -> float:
    """Return the end of the colours that all maps share."""
    found = [np.abs(np.asarray(result.data[n], dtype=float)) for n, _title in effect_names(result)]
    most = max((float(np.nanmax(values)) for values in found if values.size), default=0.0)
    return most if most > 0 else 1.0


def column_labels(result: Result, sequence: int) -> list[str]:
    """Return the tokens of a sequence at the positions that are replaced."""
    texts = result.prompts[sequence].tokens.texts if result.prompts else ()
    return [
        display_text(texts[int(p)]) if int(p) < len(texts) else str(int(p))
        for p in result.data["positions"]
    ]


def effect_tip(result: Result, name: str, sequence: int, row: int, column: int) -> str:
    """Return what the pointer says over a cell: which output takes whose place, on which token."""
    data = result.data
    value = float(np.asarray(data[name], dtype=float)[row, column])
    kind = dict(EFFECTS)[name]
    layer = int(data["layers"][row])
    here, there = int(data["positions"][column]), int(data["sources"][column])
    token = column_labels(result, sequence)[column]
    return (
        f"L{layer} {kind}: {number(value, 4, sign=True)} nats\n"
        f"position {here} takes the output of position {there}, the same token "
        f"({token} in sequence {sequence + 1})"
    )


def position_text(result: Result, shown: Curve, sequence: int, position: int) -> str:
    """Return a position of the curve in words."""
    texts = result.prompts[sequence].tokens.texts if result.prompts else ()
    half = "first half" if position < shown.half else "second half"
    told = f"position {position}, {half}: mean {number(float(shown.mean[position]))} nats"
    if shown.one is not None and position + 1 < len(texts):
        after, token = display_text(texts[position]), display_text(texts[position + 1])
        own = number(float(shown.one[position]))
        told += f" · sequence {sequence + 1}: {after} → {token} {own}"
    return told


def best_cells(result: Result, name: str, count: int = 5) -> list[tuple[str, float]]:
    """Return the places whose replacement raises the loss most."""
    data: Any = result.data
    values = np.asarray(data[name], dtype=float)
    order = np.argsort(-values, axis=None, kind="stable")[:count]
    found = []
    for flat in order:
        row, column = np.unravel_index(int(flat), values.shape)
        place = f"L{int(data['layers'][row])} position {int(data['positions'][column])}"
        found.append((place, float(values[row, column])))
    return found


def effect_sentence(result: Result, name: str) -> str:
    """Say where a map is strongest."""
    place, value = best_cells(result, name, 1)[0]
    return f"Most: {place}, {number(value, sign=True)} nats"
