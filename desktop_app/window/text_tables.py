"""Results as plain text tables, for machines without a screen. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.views import ablate_data
from desktop_app.views.words import metric_name, number, part_name, percent
from desktop_app.widgets.token_text import display_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.analyses.result import Notice, Result

_LISTED = 10


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns set side by side; columns of numbers stand on the right."""
    cells = [list(headings), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    right = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(headings))]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def result_text(result: Result) -> str:
    """Return a result's heading, tables and warnings."""
    parts = [_WRITERS[result.analysis](result)] if result.analysis in _WRITERS else []
    parts += [f"! {notice.message}" for notice in _once(result)]
    return "\n".join(parts)


def _tokens(result: Result) -> str:
    parts = []
    for record in result.prompts:
        rows = [
            (str(i), str(token), piece, display_text(text), "<- read" * (i == record.read_position))
            for i, (token, piece, text) in enumerate(
                zip(record.tokens.ids, record.tokens.pieces, record.tokens.texts, strict=True)
            )
        ]
        parts.append(_title("Tokens", record.text))
        parts.append(table(("pos", "id", "piece", "text", ""), rows))
    return "\n".join(parts)


def _rank(result: Result) -> str:
    parts = []
    for i, record in enumerate(result.prompts):
        parts.append(_title("Ranking", record.text))
        rows = [
            (str(rank), str(row["id"]), display_text(row["text"]), _three(row["prob"]))
            for rank, row in enumerate(result.data["top"][i][:_LISTED])
        ]
        parts.append(table(("rank", "id", "text", "prob"), rows))
        difference = float(np.asarray(result.data["logit_diff"])[i])
        if np.isfinite(difference):
            parts.append(f"logit(answer) - logit(wrong) = {number(difference, sign=True)}")
    return "\n".join(parts)


def _ablate(result: Result) -> str:
    title = f"Ablation ({result.data['mode']}): effect on the {metric_name(result)}"
    rows = [
        (part_name(p.layer, p.head), number(p.effect, sign=True), percent(p.percent))
        for p in ablate_data.parts(result, None, _LISTED)
    ]
    base = number(float(np.asarray(result.data["base_mean"])))
    return f"\n{title}\nuntouched: {base}\n" + table(("part", "effect", "kept"), rows)


def _attention(result: Result) -> str:
    entropy = np.asarray(result.data["entropy"]).mean(axis=2)
    layers, heads = result.data["layers"], result.data["head_indices"]
    order = np.argsort(entropy, axis=None)[:_LISTED]
    rows = []
    for row, column in zip(*np.unravel_index(order, entropy.shape), strict=True):
        weights = np.asarray(result.data["pattern"][0][row, column])[-1]
        target = int(weights.argmax())
        text = display_text(result.prompts[0].tokens.texts[target])
        name = part_name(int(layers[row]), int(heads[column]))
        looks = f"{text} at {target} ({_three(weights[target])})"
        rows.append((name, number(float(entropy[row, column]), 2), looks))
    return "\nAttention: the most focused heads, and where the last token looks\n" + table(
        ("head", "entropy", "looks most at"), rows
    )


_WRITERS: dict[str, Callable[[Result], str]] = {
    "tokens": _tokens,
    "rank": _rank,
    "ablate": _ablate,
    "attention": _attention,
}


def _once(result: Result) -> list[Notice]:
    seen = {notice.message: notice for notice in result.warnings}
    return list(seen.values())


def _title(kind: str, text: str) -> str:
    return f"\n{kind} of “{display_text(text)}”"


def _three(value: float) -> str:
    return f"{float(value):.3f}"


def _is_number(cell: str) -> bool:
    return bool(cell) and not cell.strip("+-−.,%0123456789 –—")
