"""What a head adds from each position, and the neurons that add most: both on demand. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.split import Split, share, small_number
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, percent, plural

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.matrix import Cell


def has_sources(result: Result) -> bool:
    """Return whether the heads are split over the positions that they come from."""
    return "source" in result.data


def has_neurons(result: Result) -> bool:
    """Return whether neurons are listed."""
    return "neuron_value" in result.data


def source_values(result: Result, cell: Cell, prompt: int) -> np.ndarray:
    """Return what a head adds from each token of a prompt, `[S]`; NaN behind where it is read.

    Prompts of several lengths have an array each, else the prompt is the last axis.
    """
    held, length = result.data["source"], len(result.prompts[prompt].tokens)
    if isinstance(held, (list, tuple)):
        values = np.asarray(held[prompt][cell], dtype=float)
    else:
        values = np.asarray(held[(*cell, slice(None), prompt)], dtype=float)
    found = np.full(length, np.nan)
    known = min(length, len(values))
    found[:known] = values[:known]
    read = int(np.asarray(result.data["read_position"])[prompt])
    found[read + 1 :] = np.nan  # no head looks at what comes later
    return found


def source_sentence(result: Result, cell: Cell, prompt: int) -> str:
    """Say what the parts of a head sum to, and how far that is from the head's own number."""
    values = source_values(result, cell, prompt)
    total, own = float(np.nansum(values)), float(Split.of(result).head[(*cell, prompt)])
    if math.isnan(own):
        return "It is no part of what is read."
    off = abs(total - own)
    apart = "exactly" if off == 0 else f"within {small_number(off)}"
    return f"They sum to {number(total, sign=True)}: the head's number, {apart}."


def strongest_source(result: Result, cell: Cell, prompt: int) -> str:
    """Say from which position most of what a head adds comes; empty where that is not known."""
    if not has_sources(result) or prompt >= len(result.prompts):
        return ""
    values = source_values(result, cell, prompt)
    if not np.isfinite(values).any():
        return ""
    best = int(np.nanargmax(np.abs(values)))
    text = display_text(result.prompts[prompt].tokens.texts[best])
    return f"“{text}” ({best}) {number(float(values[best]), sign=True)}"


def neurons(result: Result, prompt: int) -> Ranking:
    """Return the neurons that add or take away most on a prompt, as the result lists them."""
    layers, numbers, values = (
        np.asarray(result.data[name])[:, prompt]
        for name in ("neuron_layer", "neuron", "neuron_value")
    )
    whole = float(np.asarray(result.data["base"], dtype=float)[prompt])
    rows = []
    for place, (layer, neuron, value) in enumerate(
        zip(layers.tolist(), numbers.tolist(), values.tolist(), strict=True)
    ):
        if not math.isfinite(value):
            continue
        part = share(float(value), whole)
        of = f", {percent(part)} of the whole" if math.isfinite(part) else ""
        told = f"L{int(layer)} neuron {int(neuron)}: {number(value, sign=True)}{of}"
        row = (f"L{int(layer)}", int(neuron), Bar(float(value)), float(value), part)
        rows.append(Row((int(layer), place), row, told))
    return Ranking(
        (
            Column("layer", "name"),
            Column("neuron", "number", format=str),
            Column("bar", "bar", "", signed=True, align="center"),
            Column("adds", "number", format=_signed),
            Column("share", "percent", muted=True, tooltip="100 · part / the model's own number"),
        ),
        tuple(rows),
    )


def neuron_sentence(result: Result, prompt: int) -> str:
    """Say how much the listed neurons add together, of what all MLPs do."""
    values = np.asarray(result.data["neuron_value"], dtype=float)[:, prompt]
    listed, all_of_them = (
        float(np.nansum(values)),
        float(np.nansum(Split.of(result).mlp[:, prompt])),
    )
    known = int(np.isfinite(values).sum())
    verb = "adds" if known == 1 else "add"
    several = f" on prompt {prompt + 1}" if len(result.prompts) > 1 else ""
    told = f"{number(listed, sign=True)} of {number(all_of_them, sign=True)}"
    return f"{plural(known, 'neuron')} {verb} {told} that all MLPs do{several}"


def _signed(value: float) -> str:
    return number(value, sign=True)
