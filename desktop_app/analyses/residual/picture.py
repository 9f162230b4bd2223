"""What the residual stream's view shows, computed from a result without Qt."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.residual.charts import shares
from desktop_app.analyses.residual.sizes import (
    ADDED,
    END,
    first,
    geometric,
    later,
    layer_count,
    layer_labels,
    map_shape,
    place_words,
    prompt_count,
    size_text,
    table_of,
    tables_of,
    times_text,
    token_name,
)
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.stretch import LOG, Stretch
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, percent, plural
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.shown import Shown
    from desktop_app.session.export_table import Table

# Position 0 is said to stand apart where its norm is so many times that of the others.
_APART = 3.0
_LEAST_DECADES = 0.5
WHY_NO_SHARES = ("shares_withheld", "parts_withheld")


def headline(shown: Shown) -> str:
    """Say how the stream grows."""
    rate, layers = float(shown.data["growth_rate"]), layer_count(shown)
    if np.isfinite(rate):
        where = f"from layer 1 to {layers - 2}" if layers > 3 else "in layer 1"
        return f"The stream {_grown(rate)} per layer, {where}"
    steps = np.asarray(shown.data["growth"], dtype=float)
    if np.isfinite(steps).all():
        return f"The stream {_grown(float(steps.prod()))} in {plural(layers, 'layer')}"
    read = [table for table in tables_of(shown, "norm") if not np.isnan(table).all()]
    if read and all(table.shape[1] < 2 for table in read):
        return "No growth rate: no prompt has a position beyond the first"
    return "No growth rate: there are norms that are not finite, or 0"


def _grown(times: float) -> str:
    return f"{'grows' if times >= 1 else 'shrinks to'} {times_text(times)}"


def first_sentence(shown: Shown) -> str:
    """Say how position 0 differs from the others where it is largest; empty where it does not."""
    here, others = first(shown, "norm"), later(shown, "norm")
    if np.isnan(here).all():
        return ""
    row = int(np.nanargmax(here))
    ratio = float(here[row] / others[row])
    if not ratio >= _APART:
        return ""
    told = f"position 0: {size_text(float(here[row]))} {place_words(shown, row)}"
    return f"{told}, {ratio:,.0f} × the others"


def made_sentence(shown: Shown) -> str:
    """Say of what the curves are means, and where the stream is taken."""
    known = sum(bool(np.isfinite(table).any()) for table in tables_of(shown, "norm"))
    count = plural(prompt_count(shown), "prompt")
    told = count if known == prompt_count(shown) else f"{known:,} of {count}"
    return f"Before the final norm · positions ≥ 1 of {told}"


READING = (
    "Shares sum to 1. Parts point along one another, so that one may be below 0: a share is no "
    "cause."
)
"""How shares are to be read."""


# The map.


def norm_map(shown: Shown, name: str, prompt: int, *, with_first: bool) -> Matrix:
    """Return norms layer by position of one prompt, in colours of equal ratios."""
    start = 0 if with_first else 1
    values = table_of(shown, name, prompt)[:, start:]
    rows = layer_labels(layer_count(shown))[: len(values)]
    places = range(start, start + values.shape[1])
    columns = [_column(shown, prompt, place) for place in places]
    return Matrix(
        values,
        Axis("Layer", rows, tokens=False),
        Axis("Position", columns, tokens=bool(shown.prompts)),
        name="norm before each layer" if name == "norm" else f"norm of what {ADDED[name]} adds",
        diverging=False,
        scale=(0.0, _highest(values)),
        stretch=_stretch(values),
        value_format="{:,.0f}" if _highest(values) >= 1000 else "{:,.2f}",
        exact_format="{:,.2f}",
        tip=partial(cell_tip, shown, name, prompt, start),
    )


def _column(shown: Shown, prompt: int, position: int) -> str:
    texts = shown.prompts[prompt].tokens.texts if prompt < len(shown.prompts) else ()
    return display_text(texts[position]) if position < len(texts) else str(position)


def _highest(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.max()) if known.size and known.max() > 0 else 1.0


def _stretch(values: np.ndarray) -> Stretch:
    """Return colours of equal ratios that reach from the smallest norm to the largest."""
    known = values[np.isfinite(values) & (values > 0)]
    high = _highest(values)
    decades = float(np.log10(high / known.min())) if known.size else _LEAST_DECADES
    return Stretch(LOG, (0.0, high), decades=max(decades, _LEAST_DECADES))


def cell_tip(shown: Shown, name: str, prompt: int, start: int, row: int, column: int) -> str:
    """Return what the pointer says over a cell."""
    position = column + start
    value = float(table_of(shown, name, prompt)[row, position])
    where = token_name(shown, prompt, position)
    if name != "norm":
        stream = float(table_of(shown, "norm", prompt)[row, position])
        told = f"{ADDED[name]} of block {row} adds {size_text(value)} at {where}"
        return f"{told}\nto a stream of {size_text(stream)}"
    lines = [f"{size_text(value)} {place_words(shown, row)} at {where}"]
    adds = [
        f"{what} adds {size_text(float(table_of(shown, field, prompt)[row, position]))}"
        for field, what in ADDED.items()
        if field in shown.data and row < layer_count(shown)
    ]
    return "\n".join([*lines, *([" · ".join(adds)] if adds else [])])


def share_map(shown: Shown, *, of_first: bool) -> Matrix | None:
    """Return the share of each part in each stream, about 0; later parts have none."""
    table = shares(shown, of_first=of_first)
    if table is None:
        return None
    layers = layer_count(shown)
    values = table.copy()
    for row in range(layers + 1):
        values[row, 1 + 2 * row :] = np.nan
    names = [str(name) for name in shown.data["parts"]]

    def tip(row: int, column: int) -> str:
        if column > 2 * row:
            return f"{names[column]} comes later than the residual stream {place_words(shown, row)}"
        share = percent(100 * float(table[row, column]))
        return f"{names[column]} is {share} of the residual stream {place_words(shown, row)}"

    return Matrix(
        values,
        Axis("Layer", layer_labels(layers), tokens=False),
        Axis("Part", names, tokens=True),
        name="share before each layer",
        tip=tip,
    )


# The table beside the map.

_TIMES = partial(times_text, digits=2)
_SHORT = {"norm_attn": "attn", "norm_mlp": "MLP"}


def layer_table(shown: Shown, prompt: int, position: int | None) -> Ranking:
    """Return the stream layer by layer: at a position, or its mean over those from 1 on."""
    columns = [
        Column(
            "layer",
            "mono",
            align="left",
            width=48,
            muted=True,
            tooltip="Before this layer; end: after the last",
        )
    ]
    columns.append(Column("norm", "number", format=size_text, width=60))
    columns.append(
        Column(
            "growth",
            "number",
            format=_TIMES,
            width=62,
            priority=1,
            tooltip="By this layer",
        )
    )
    names = [name for name in ADDED if name in shown.data]
    for name in names:
        tip = f"Norm of what the {ADDED[name]} of this layer adds"
        columns.append(
            Column(_SHORT[name], "number", format=size_text, width=56, priority=2, tooltip=tip)
        )
    norm, *added = (_along(shown, name, prompt, position) for name in ("norm", *names))
    growth = np.append(norm[1:] / np.where(norm[:-1] > 0, norm[:-1], np.nan), np.nan)
    added = [np.append(values, np.nan) for values in added]
    rows = []
    for row, label in enumerate(layer_labels(layer_count(shown))):
        told = [float(values[row]) for values in (norm, growth, *added)]
        rows.append(Row(row, (label, *told), f"Residual stream {place_words(shown, row)}"))
    return Ranking(tuple(columns), tuple(rows))


def table_title(shown: Shown, prompt: int, position: int | None) -> str:
    """Say of what the table beside the map is."""
    if position is None or position >= map_shape(shown, prompt)[1]:
        return "Positions ≥ 1 of this prompt, geometric mean"
    return token_name(shown, prompt, position).capitalize()


def _along(shown: Shown, name: str, prompt: int, position: int | None) -> np.ndarray:
    table = table_of(shown, name, prompt)
    if position is not None and position < table.shape[1]:
        return table[:, position]
    return geometric(table[:, 1:])


# Facts, texts, tables.


def cell_facts(result: Result, place: Place) -> list[Fact]:
    """Return the stream of the selected token before the selected layer, and what that adds."""
    if place.layer is None or place.position is None or place.prompt >= prompt_count(result):
        return []
    row, position = place.layer, place.position
    norm = table_of(result, "norm", place.prompt)
    if not (0 <= row < layer_count(result) and 0 <= position < norm.shape[1]):
        return []
    value, behind = float(norm[row, position]), float(norm[row + 1, position])
    size = f"root mean square {number(value / result.model.d_model**0.5)}"
    facts = [
        Fact("Stream", size_text(value), f"Norm before block {row}; {size}", "norm"),
        Fact(
            "Growth",
            times_text(behind / value if value else math.nan),
            f"By block {row} at this token",
            "growth",
        ),
    ]
    for name, what in ADDED.items():
        if name in result.data:
            added = float(table_of(result, name, place.prompt)[row, position])
            title = f"{what[:1].upper()}{what[1:]} adds"
            facts.append(Fact(title, size_text(added), f"Norm of what block {row} adds by it"))
    return facts


def token_facts(result: Result, place: Place) -> list[Fact]:
    """Return how large the stream of the selected token is at the end."""
    if place.position is None or place.prompt >= prompt_count(result):
        return []
    norm = table_of(result, "norm", place.prompt)
    if not 0 <= place.position < norm.shape[1]:
        return []
    own = norm[:, place.position]
    if not np.isfinite(own).any():  # of a prompt that was not read
        return []
    row = int(np.nanargmax(own))
    tip = f"From {size_text(float(own[0]))}; largest {place_words(result, row)}: "
    return [Fact("Stream at the end", size_text(float(own[-1])), tip + size_text(float(own[row])))]


def table(result: Result, _prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return the numbers of each layer, over all prompts."""
    layers, columns = layer_count(result), {"norm": later(result, "norm")}
    columns["norm_position_0"] = first(result, "norm")
    for name in ("growth", "cosine", "cosine_first"):
        columns[name] = np.append(np.asarray(result.data[name], dtype=float), np.nan)
    for name in ADDED:
        if name in result.data:
            columns[name] = np.append(later(result, name), np.nan)
    rows = [
        [label, *(cell_text(float(values[row])) for values in columns.values())]
        for row, label in enumerate(layer_labels(layers))
    ]
    return ["layer", *columns], rows


def lines(result: Result) -> Iterator[str]:
    """Yield the stream layer by layer, and who makes it up at the end, for a terminal."""
    yield headline(result)
    if told := first_sentence(result):
        yield told
    yield made_sentence(result)
    heads, rows = table(result, 0, None)
    names = ("norm", "norm_position_0", "growth", "cosine", "norm_attn", "norm_mlp")
    kept = [name for name in names if name in heads]
    yield "  layer" + "".join(f"{name.removeprefix('norm_'):>12}" for name in kept)
    for row in rows:
        cells = [row[heads.index(name)] for name in kept]
        texts = (number(float(cell)) if cell else "" for cell in cells)
        yield f"  {row[0]:>5}" + "".join(f"{text:>12}" for text in texts)
    yield from _share_lines(result)


def _share_lines(result: Result) -> Iterator[str]:
    found = shares(result, of_first=False)
    if found is None or not np.isfinite(found).all():
        return
    last, names = found[-1], [str(name) for name in result.data["parts"]]
    yield f"Largest shares at the {END}: " + ", ".join(
        f"{names[i]} {percent(100 * float(last[i]))}" for i in np.argsort(-last)[:8]
    )


def why_no_shares(result: Any) -> str:
    """Say why a result has no shares; empty where it has them."""
    if "share" in result.data:
        return ""
    told = [n.message for n in getattr(result, "warnings", ()) if n.code in WHY_NO_SHARES]
    return told[0] if told else "Choose norms and shares in the settings, and run again."
