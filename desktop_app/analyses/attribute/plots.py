"""The bars and the running sum of an attribution, as curves over the layers. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.split import over, sem, share
from desktop_app.pictures.curves import Curves, Key, Line, Mark, Scale
from desktop_app.pictures.words import number, part_name, percent

if TYPE_CHECKING:
    from desktop_app.analyses.attribute.split import Bar, Split

# Where attention and MLP of a layer stand beside its number.
_ATTENTION, _MLP = -0.21, 0.21
_PARTS = (
    Key("attention", "text_muted", "bar"),
    Key("MLP", "text_muted", "pale"),
    Key("raises", "above", "bar"),
    Key("lowers", "below", "bar"),
)


def bars(split: Split, prompt: int | None, words: str) -> Curves:
    """Return what every part adds: embeddings, attention and MLP of each layer, final bias."""
    values = over(split.bar_values, prompt)
    pale = np.array([bar.kind == "mlp" for bar in split.bars])
    error = sem(split.bar_values) if prompt is None else np.full(len(values), np.nan)
    whisker = bool(np.isfinite(error).any())
    low, high = (values - error, values + error) if whisker else (None, None)
    line = Line(words, values, low, high, bars=True, signed=True, pale=pale)

    def tip(index: int) -> str:
        return "\n".join(bar_lines(split, index, prompt))

    return Curves(
        (line,),
        _across(split),
        Scale("adds, in logits"),
        places(split),
        tip,
        legend=_PARTS,
    )


def bar_lines(split: Split, index: int, prompt: int | None) -> list[str]:
    """Say what a bar is: its value, its share of the whole, and what it is made of."""
    bar = split.bars[index]
    value = float(over(split.bar_values, prompt)[index])
    if not np.isfinite(value):
        return [bar.name, "no part of what is read here"]
    told = [f"{bar.name} {number(value, sign=True)}{_error(split.bar_values[index], prompt)}"]
    part = share(value, float(over(split.base, prompt)))
    told += [f"{percent(part)} of the whole"] if np.isfinite(part) else []
    if bar.kind == "attn" and bar.layer is not None:
        heads = over(split.head[bar.layer], prompt)
        best = int(np.nanargmax(np.abs(heads)))
        biases = float(over(split.attn_bias[bar.layer], prompt))
        told.append(f"largest head {part_name(bar.layer, best)} {number(heads[best], sign=True)}")
        if abs(biases) >= 5e-4:
            told.append(f"its biases {number(biases, sign=True)}")
    return told


def cumulative(split: Split, prompt: int | None, words: str) -> Curves:
    """Return the sum after the embeddings, each attention, each MLP, and with the final bias."""
    whole = np.concatenate([split.cumulative, (split.base + split.error)[None]])
    values, base = over(whole, prompt), float(over(split.base, prompt))
    error = sem(whole) if prompt is None else np.full(len(values), np.nan)
    band = bool(np.isfinite(error).any())
    # Blocks behind what is read add nothing: the line goes on as it was.
    held = _held(values)
    low, high = (held - _held(error), held + _held(error)) if band else (None, None)
    line = Line("the sum so far", held, low, high, dots=len(values) <= 80)
    marks = (
        Mark(0.0, tone="border_strong", dashed=False),
        Mark(base, f"the whole {number(base, 2, sign=True)}", tone="mark", at_start=True),
    )

    def tip(index: int) -> str:
        name, here = step_name(split.bars[index]), float(values[index])
        if not np.isfinite(here):
            return f"{name}\nno part of what is read here"
        return f"{name}\nthe sum so far {number(here, sign=True)}{_error(whole[index], prompt)}"

    return Curves((line,), _across(split), Scale("sum, in logits"), places(split), tip, marks)


def step_name(bar: Bar) -> str:
    """Say after which part the sum stands."""
    return "with the final bias: all parts" if bar.kind == "bias" else f"after {bar.name}"


def places(split: Split) -> np.ndarray:
    """Return where the bars stand over the layers' numbers."""
    layers = np.arange(split.layers, dtype=float)
    blocks = np.stack([layers + _ATTENTION, layers + _MLP], axis=1).ravel()
    return np.concatenate([[-1.0], blocks, [float(split.layers)]])


def _across(split: Split) -> Scale:
    ends = ((-1.0, "embed"), (float(split.layers), "bias"))
    return Scale("Layer", whole=True, named=ends)


def _held(values: np.ndarray) -> np.ndarray:
    """Return values along a line, the last known one where there is none."""
    known = np.where(np.isfinite(values), np.arange(len(values)), 0)
    found: np.ndarray = values[np.maximum.accumulate(known)]
    return found


def _error(values: np.ndarray, prompt: int | None) -> str:
    error = float(sem(values)) if prompt is None else np.nan
    return f" ± {number(error)}" if np.isfinite(error) else ""
