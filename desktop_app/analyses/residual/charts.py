"""The stream's curves: norms over layers, growth, cosine, and the stack of shares. No Qt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.residual.sizes import (
    ADDED,
    END,
    first,
    later,
    later_by_prompt,
    layer_count,
    place_words,
    size_text,
    table_of,
    times_text,
    token_name,
)
from desktop_app.pictures.curves import Curves, Key, Line, Mark, Scale
from desktop_app.pictures.words import number, percent

if TYPE_CHECKING:
    from desktop_app.pictures.shown import Shown

_ADDED_TONES = {"norm_attn": "good", "norm_mlp": "mark"}
_FIRST = "warn"
_PLACES = "residual stream before block"
# The parts by kind, and bands of layers by age: no more colours than can be told apart.
KINDS = (("Embeddings", "accent"), ("Attention", "good"), ("MLPs", "mark"))
_AGES = ("accent", "mark", "good", "warn", "bad", "text_muted")
_VISIBLE = 0.002


def norm_curves(
    shown: Shown, place: tuple[int, int | None], *, with_first: bool, fitted: bool = True
) -> Curves:
    """Return norms over layers on a log axis.

    Args:
        shown: A result, or its first fields.
        place: A prompt and the position of it that has a line of its own, or None.
        with_first: Whether position 0 has its line.
        fitted: Whether the line of steady growth is drawn.
    """
    layers = layer_count(shown)
    lines = [_stream_line(shown)]
    for name, what in ADDED.items():
        if name in shown.data:
            values = np.append(later(shown, name), np.nan)
            lines.append(Line(f"{what} adds", values, tone=_ADDED_TONES[name], thin=True))
    if with_first:
        lines.append(Line("position 0", first(shown, "norm"), tone=_FIRST))
    fit = fit_line(shown)
    if fitted and fit is not None:
        lines.append(fit)
    prompt, position = place
    own = table_of(shown, "norm", prompt)
    if position is not None and 0 < position < own.shape[1]:
        name = token_name(shown, prompt, position)
        lines.append(Line(name, own[:, position], tone="text", thin=True))
    if not np.isfinite(lines[0].values).any():  # prompts of one token
        lines = [*lines[-1:], *lines[:-1]] if with_first else lines
    return Curves(
        tuple(line for line in lines if np.isfinite(line.values).any()) or tuple(lines[:1]),
        Scale(f"{_PLACES}, all before the final norm", whole=True, named=((float(layers), END),)),
        Scale("norm", log=True),
        tip=partial(_norm_tip, shown, tuple(lines)),
    )


def _stream_line(shown: Shown) -> Line:
    """Return the stream with a band from the lowest to the highest prompt."""
    values, each = later(shown, "norm"), later_by_prompt(shown, "norm")
    if np.isfinite(each).any(axis=1).sum() < 2:
        return Line("stream", values)
    known = each[np.isfinite(each).any(axis=1)]
    return Line("stream", values, known.min(0), known.max(0))


def fit_line(shown: Shown) -> Line | None:
    """Return the stream that grows by the rate, from the stream behind block 0 on; None: none."""
    layers, rate = layer_count(shown), float(shown.data["growth_rate"])
    if not np.isfinite(rate):
        return None
    places = np.arange(layers + 1)
    values = later(shown, "norm")[1] * rate ** (places - 1.0)
    values[(places < 1) | (places > layers - 1)] = np.nan
    return Line(f"{times_text(rate)} per layer", values, tone="text_muted", dashed=True)


def _norm_tip(shown: Shown, lines: tuple[Line, ...], row: int) -> str:
    told = []
    for line in lines:
        value = float(line.values[row])
        if np.isfinite(value):
            band = ""
            if line.low is not None and line.high is not None:
                low, high = (size_text(float(edge[row])) for edge in (line.low, line.high))
                band = f" (prompts {low} … {high})"
            told.append(f"{line.name} {size_text(value)}{band}")
    return "\n".join([f"Residual stream {place_words(shown, row)}", *told])


def growth_curve(shown: Shown) -> Curves:
    """Return the growth of each layer beside the rate."""
    growth, rate = np.asarray(shown.data["growth"], dtype=float), float(shown.data["growth_rate"])
    marks = [Mark(1.0, "")]
    if np.isfinite(rate):
        marks.append(Mark(rate, f"rate {times_text(rate)}", tone="accent"))
    return Curves(
        (Line("", growth, dots=len(growth) <= 128),),
        Scale("block", whole=True),
        Scale("growth, ×", log=bool((growth[np.isfinite(growth)] > 0).all())),
        tip=lambda row: f"Block {row}: {times_text(float(growth[row]))}",
        marks=tuple(marks),
    )


def cosine_curve(shown: Shown, *, with_first: bool) -> Curves:
    """Return how far each block turns the stream: 1 not at all."""
    values = np.asarray(shown.data["cosine"], dtype=float)
    lines = [Line("positions ≥ 1", values, dots=len(values) <= 128)]
    if with_first:
        at_first = np.asarray(shown.data["cosine_first"], dtype=float)
        lines.append(Line("position 0", at_first, tone=_FIRST, thin=True))
    if not np.isfinite(values).any():
        lines = lines[::-1]

    def tip(row: int) -> str:
        told = [f"{line.name} {number(float(line.values[row]))}" for line in lines]
        return "\n".join([f"Cosine of the streams after and before block {row}", *told])

    return Curves(
        tuple(lines), Scale("block", whole=True), Scale("cosine"), tip=tip, marks=(Mark(1.0),)
    )


# Shares.


def shares(shown: Shown, *, of_first: bool) -> np.ndarray | None:
    """Return the shares `[L + 1, parts]` of the later positions, or of position 0; None: none."""
    name = "share_first" if of_first else "share"
    return np.asarray(shown.data[name], dtype=float) if name in shown.data else None


def groups(layers: int, by: str) -> list[tuple[str, str, list[int]]]:
    """Return what the parts are taken together to: name, tone and which parts, by kind or age."""
    if by == "kind":
        ranges = ([0], range(1, 2 * layers + 1, 2), range(2, 2 * layers + 1, 2))
        return [(*kind, list(parts)) for kind, parts in zip(KINDS, ranges, strict=True)]
    found = [(KINDS[0][0], _AGES[0], [0])]
    edges = np.linspace(0, layers, min(layers, len(_AGES) - 1) + 1).round().astype(int).tolist()
    for tone, start, end in zip(_AGES[1:], edges, edges[1:], strict=False):
        name = f"Layer {start}" if end - start == 1 else f"Layers {start}–{end - 1}"
        found.append((name, tone, list(range(1 + 2 * start, 1 + 2 * end))))
    return found


def share_stack(shown: Shown, by: str, *, of_first: bool) -> Curves:
    """Return the shares laid on one another over layers; what points against the stream below 0."""
    layers, table = layer_count(shown), shares(shown, of_first=of_first)
    assert table is not None  # noqa: S101 - the view shows why there are none
    told = [(name, tone, table[:, parts].sum(1)) for name, tone, parts in groups(layers, by)]
    return Curves(
        tuple(_stacked(told)),
        Scale(_PLACES, whole=True, named=((float(layers), END),)),
        Scale("share of the stream"),
        tip=partial(_share_tip, shown, tuple(told)),
        marks=(Mark(1.0, "sum 1"), Mark(0.0, dashed=False)),
        legend=tuple(Key(name, tone, "pale") for name, tone, _values in told),
    )


def _stacked(told: list[tuple[str, str, np.ndarray]]) -> list[Line]:
    """Return each group as a band: what is above 0 upwards, what is below 0 downwards."""
    above, below = np.zeros(len(told[0][2])), np.zeros(len(told[0][2]))
    lines = []
    for name, tone, values in told:
        up, down = above + np.maximum(values, 0), below + np.minimum(values, 0)
        lines.append(Line(name, up, above, up, tone=tone, thin=True))
        if (values < -_VISIBLE).any():
            lines.append(Line(name, down, below, down, tone=tone, thin=True))
        above, below = up, down
    return lines


def _share_tip(shown: Shown, told: tuple[tuple[str, str, np.ndarray], ...], row: int) -> str:
    parts = [f"{name} {percent(100 * float(values[row]))}" for name, _tone, values in told]
    return "\n".join([f"Residual stream {place_words(shown, row)}", *parts])
