"""What the numbers of an attribution are, with the values of the part that is selected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.picture import evidence
from desktop_app.analyses.attribute.sources import has_neurons, has_sources, source_values
from desktop_app.analyses.attribute.split import (
    Split,
    cell_name,
    find_part,
    mean,
    read_layer,
    sem,
    share,
    small_number,
    target,
)
from desktop_app.pictures.certainty import explained
from desktop_app.pictures.explained import term
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, part_name, percent, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.matrix import Cell

WHATS = ("head", "mlp", "share", "sum", "cumulative", "bias", "source", "neuron_value", "sem")
_KEYS = {
    "adds": "head",
    "bar": "head",
    "base": "sum",
    "sum_error": "sum",
    "embed": "bias",
    "attn_bias": "bias",
    "neuron": "neuron_value",
}
_FORMULA, _SIGN, _HELD = "Formula", "Sign", "What is held"
_SIGNS = "Positive: it pushes towards the answer. Negative: it pushes the other way."


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, of the selected part; over several prompts, of their mean."""
    makers = {
        "head": _head,
        "mlp": _mlp,
        "share": _share,
        "sum": _sum,
        "cumulative": _cumulative,
        "bias": _biases,
        "source": _source,
        "neuron_value": _neuron,
        "sem": _error,
    }
    known = evidence(result, listed=True)
    if told := explained(what, known, find_part(result, place), "attribute"):
        return told
    make = makers.get(_KEYS.get(what, what))
    return None if make is None else make(result, find_part(result, place), place)


def direction_words(result: Result) -> str:
    """Say which direction the parts are read along."""
    token = str(result.params.get("token") or "")
    if token:
        read = f"W_U(“{display_text(token)}”)"
    elif any(record.wrongs for record in result.prompts):
        read = "W_U(answer) − W_U(wrong)"
    else:
        read = "W_U(answer)"
    end = read_layer(result.params, int(result.model.n_layers))
    at = "" if end is None else f" of the stream before block {end}"
    return f"direction = {read}, taken back through the final norm with its scale{at} held"


def _over(result: Result) -> str:
    count = len(result.prompts)
    return f", mean of {plural(count, 'prompt')}" if count > 1 else ""


def _head(result: Result, cell: Cell | None, place: Place) -> Explained:
    split = Split.of(result)
    if cell is not None and cell[1] == split.heads:
        return _mlp(result, cell, place)
    working = ""
    if cell is not None:
        name, value = cell_name(cell, split.heads), float(mean(split.of_cell(cell)))
        heads = mean(split.head[cell[0]])
        biases, whole = float(mean(split.attn_bias[cell[0]])), float(mean(split.attn[cell[0]]))
        rest = float(np.sum(heads)) - value
        if math.isfinite(value):
            working = (
                f"{name} {number(value, sign=True)}{_over(result)}\n"
                f"L{cell[0]} attention: {number(value)} + {term(rest)} of its other heads"
                f" + {term(biases)} of its biases = {number(whole)}"
            )
    return Explained(
        "Direct contribution of a head",
        "z of the head · its slice of W_O · direction;   " + direction_words(result),
        working,
        f"{_SIGNS} Direct only: what later layers make of it counts for them.",
        "attribute",
        _FORMULA,
    )


def _mlp(result: Result, cell: Cell | None, place: Place) -> Explained:
    split = Split.of(result)
    layer = place.layer if cell is None else cell[0]
    working = ""
    if layer is not None and 0 <= layer < split.layers:
        value = float(mean(split.mlp[layer]))
        told = f"{part_name(layer, None, 'mlp')} {number(value, sign=True)}{_over(result)}"
        working = told if math.isfinite(value) else ""
    return Explained(
        "Direct contribution of an MLP",
        "what the MLP adds to the stream · direction;   " + direction_words(result),
        working,
        _SIGNS,
        "attribute",
        _FORMULA,
    )


def _share(result: Result, cell: Cell | None, _place: Place) -> Explained:
    split, working = Split.of(result), ""
    if cell is not None:
        value, whole = float(mean(split.of_cell(cell))), float(mean(split.base))
        part = share(value, whole)
        working = (
            f"100 · {term(value)} / {term(whole)} = {percent(part)}"
            if math.isfinite(part)
            else f"withheld: the whole is {number(whole, sign=True)}"
        )
    return Explained(
        "Share",
        f"share = 100 · part / the model's own number, the {target(result)}",
        working,
        "Shares of all parts sum to 100 %; single ones may be larger, or negative.",
        "attribute",
        _SIGN,
    )


def _sum(result: Result, _cell: Cell | None, _place: Place) -> Explained:
    split = Split.of(result)
    parts = (
        ("embeddings", float(mean(split.embed))),
        ("attention", float(mean(_total(split.attn)))),
        ("MLPs", float(mean(_total(split.mlp)))),
        ("final bias", float(mean(split.bias))),
    )
    told = " + ".join(f"{name} {term(value)}" for name, value in parts)
    whole = float(mean(split.base))
    known = np.abs(split.error[np.isfinite(split.error)])
    off = f"; the sum is off by at most {small_number(float(known.max()))}" if known.size else ""
    end = read_layer(result.params, split.layers)
    whose = "the model's own" if end is None else f"the lens' before block {end}"
    return Explained(
        "The sum of the parts",
        f"embeddings + every attention + every MLP + final bias = {whose} number",
        f"{told} = {number(sum(value for _name, value in parts))}\n"
        f"{whose}: {number(whole)}{_over(result)}{off}",
        "What is left is rounding: the split is exact, no estimate.",
        "attribute",
        _FORMULA,
    )


def _total(values: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(np.isfinite(values), values, 0.0).sum(0)
    return found


def _cumulative(result: Result, cell: Cell | None, _place: Place) -> Explained:
    split, working = Split.of(result), ""
    if cell is not None:
        layer, is_mlp = cell[0], cell[1] == split.heads
        step = 2 * layer + 1 + is_mlp
        before, behind = (float(mean(split.cumulative[s])) for s in (step - 1, step))
        name = part_name(layer, None, "mlp" if is_mlp else "attn")
        if math.isfinite(behind):
            added = number(behind - before, sign=True)
            working = f"{number(before)} before {name}, {number(behind)} after it: {added}"
    return Explained(
        "The sum so far",
        "embeddings, and every attention and MLP up to here, read along the one direction",
        working,
        "It is no logit lens: that reads each stream through a norm scaled for itself.",
        "attribute",
        _HELD,
    )


def _biases(result: Result, _cell: Cell | None, _place: Place) -> Explained:
    split = Split.of(result)
    parts = (
        ("embeddings", float(mean(split.embed))),
        ("attention biases", float(mean(_total(split.attn_bias)))),
        ("final norm and unembedding", float(mean(split.bias))),
    )
    return Explained(
        "Embeddings and biases",
        "what no head and no MLP writes: token (and position) embeddings, biases of the attention "
        "outputs, those of the final norm and of the unembedding",
        ", ".join(f"{name} {number(value, sign=True)}" for name, value in parts) + _over(result),
        "Processed weights move biases between them: the sum stays.",
        "attribute",
        "Biases apart",
    )


def _source(result: Result, cell: Cell | None, place: Place) -> Explained:
    split, working = Split.of(result), "Not computed here: run with By source."
    if has_sources(result):
        working = ""
        if cell is not None and cell[1] < split.heads and place.prompt < len(result.prompts):
            values = source_values(result, cell, place.prompt)
            known = values[np.isfinite(values)].tolist()
            total = number(float(np.nansum(values)))
            working = f"{_added(known)} = {total}   ({cell_name(cell, split.heads)})"
    return Explained(
        "From a source position",
        "attention from the read position to a token · that token's value · W_O · direction",
        working,
        f"{_SIGNS} The sources sum to the head's number.",
        "attribute",
        "By source position",
    )


def _added(values: Sequence[float]) -> str:
    if len(values) > 8:
        first = " + ".join(term(v) for v in values[:3])
        return f"{first} + … + {term(values[-1])}, of {len(values)} tokens"
    return " + ".join(term(v) for v in values)


def _neuron(result: Result, _cell: Cell | None, _place: Place) -> Explained:
    return Explained(
        "A neuron's contribution",
        "its activation · its row of the MLP's output matrix · direction",
        "" if has_neurons(result) else "Not computed here: run with Neurons above 0.",
        f"{_SIGNS} All neurons of a layer and the output bias sum to its MLP.",
        "attribute",
        "Neurons",
    )


def _error(result: Result, cell: Cell | None, _place: Place) -> Explained:
    split, working = Split.of(result), "With one prompt there is none."
    if len(result.prompts) > 1:
        working = ""
        if cell is not None:
            values = split.of_cell(cell)
            known = values[np.isfinite(values)]
            if known.size > 1:
                spread = number(float(known.std(ddof=1)))
                working = f"{spread} / √{known.size} = {number(float(sem(values)))}"
    return Explained(
        "± error",
        "standard error = standard deviation of the contributions over prompts / √(their number)",
        working,
        "How far the mean would move with other prompts of this kind.",
        "attribute",
        _SIGN,
    )
