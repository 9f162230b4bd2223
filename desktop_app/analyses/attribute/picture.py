"""What the attribution view shows, computed from a result without Qt.

Cells are (layer, head); the MLP of a layer is the cell behind its heads, which no map has.
"""

from __future__ import annotations

import math
from functools import partial as bind
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.sources import strongest_source
from desktop_app.analyses.attribute.split import (
    Split,
    cell_name,
    find_part,
    mean,
    over,
    read_layer,
    sem,
    share,
    small_number,
    target,
    target_kind,
)
from desktop_app.analyses.attribute.table import table
from desktop_app.pictures.certainty import (
    INTERVAL_TIP,
    PerPrompt,
    beside,
    evidence_of,
    spread,
    whole,
)
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Axis, Matrix, centred_limits, numbered
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row, ranked
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, percent, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.matrix import Cell

__all__ = ["table"]  # what exports ask for

QUANTITIES = (("head", "Contribution"), ("sem", "± error"))
ORDERS = (("size", "Largest"), ("raises", "Raises"), ("lowers", "Lowers"))
_TITLES = {
    "size": "Largest first",
    "raises": "What raises it most",
    "lowers": "What lowers it most",
}
# More dots than these on one line hide each other.
_MOST_DOTS = 60
_DOTS = "One dot per prompt; the selected one is filled"
_LISTED_IN_TERMINAL = 12
NO_PART = "It is no part of what is read: the stream is read before its block."


def per_prompt(result: Result) -> dict[str, PerPrompt]:
    """Return what heads and MLPs add per prompt, of which intervals and q are taken."""
    split = Split.of(result)
    return {
        "head": PerPrompt(split.head, ("layer", "head")),
        "mlp": PerPrompt(split.mlp, ("layer",)),
    }


def evidence(result: Result, *, listed: bool = False) -> tuple[Cells, ...]:
    """Return what is known of the map over prompts, or of the list with its MLPs."""
    known = evidence_of(result)
    if not known:
        return ()
    return (beside(known["head"], known["mlp"]) if listed else whole(known["head"]),)


# The headline.


def base_sentence(result: Result, prompt: int | None) -> str:
    """Say which number is split, what it is, and how far the parts' sum is from it."""
    split = Split.of(result)
    value, what = float(over(split.base, prompt)), target(result, prompt)
    error = sem(split.base) if prompt is None else math.nan
    spread = f" ± {number(float(error))}" if np.isfinite(error) else ""
    told = f"{number(value, sign=True)}{spread} · {sum_words(split, prompt)}"
    return f"{what[0].upper()}{what[1:]}: {told}"


def sum_words(split: Split, prompt: int | None) -> str:
    """Say how far the sum of all parts is from the model's own number, at most over prompts."""
    errors = split.error if prompt is None else split.error[prompt : prompt + 1]
    known = np.abs(errors[np.isfinite(errors)])
    if not known.size:
        return "its parts are not known yet"
    worst = float(known.max())
    if worst == 0:
        return "the parts sum to it exactly"
    within = " at most" if known.size > 1 else ""
    return f"the sum of its parts is off by{within} {small_number(worst)}"


def what_sentence(result: Result, prompt: int | None) -> str:
    """Say where it is read, over which prompts, and what is held."""
    end = read_layer(result.params, int(result.model.n_layers))
    lens = "" if end is None else f", as the lens reads it before block {end}"
    count = len(result.prompts)
    some = f" · mean of {plural(count, 'prompt')}" if prompt is None and count > 1 else ""
    return (
        f"{_read_words(result, prompt)}{lens}{some} · direct effects, the final norm's scale held"
    )


def _read_words(result: Result, prompt: int | None) -> str:
    at = [int(p) for p in np.asarray(result.data["read_position"])]
    shown = [prompt] if prompt is not None else list(range(len(at)))
    if len(shown) == 1:
        position, tokens = at[shown[0]], result.prompts[shown[0]].tokens
        text = display_text(tokens.texts[position])
        last = " (the last token)" if position == len(tokens) - 1 else ""
        return f"Read after “{text}”, position {position}{last}"
    if all(p == len(result.prompts[i].tokens) - 1 for i, p in enumerate(at)):
        return "Read at the last token of each"
    if len(set(at)) == 1:
        return f"Read at position {at[0]} of each"
    return f"Read at positions {min(at)} to {max(at)}"


# Map and ranking.


def head_map(
    split: Split, quantity: str, prompt: int | None, words: str, known: Sequence[Cells] = ()
) -> Matrix:
    """Return the map of the heads: what each adds, of a prompt or on average, or its error."""
    values = sem(split.head) if quantity == "sem" else over(split.head, prompt)
    errors = quantity == "sem"
    low, high = centred_limits(values)
    return Matrix(
        values.astype(np.float32),
        Axis("Layer", [str(layer) for layer in range(split.layers)]),
        numbered("Head", split.heads),
        "standard error of the contribution" if errors else f"adds to the {words}",
        diverging=not errors,
        scale=(0.0 if errors else low, high),
        tip=bind(cell_tip, split, prompt, known=known),
    )


def cell_tip(
    split: Split, prompt: int | None, row: int, column: int, known: Sequence[Cells] = ()
) -> str:
    """Return what the pointer says over a cell."""
    name, values = cell_name((row, column), split.heads), split.of_cell((row, column))
    value = float(over(values, prompt))
    if math.isnan(value):
        return f"{name}  no part of what is read here"
    error = float(sem(values)) if prompt is None else math.nan
    apart = "".join(spread(one, (row, column)) for one in known)
    return _told(name, value, error, share(value, float(over(split.base, prompt))), apart)


def _told(name: str, value: float, error: float, part: float, apart: str = "") -> str:
    about = f" ± {number(error)}" if math.isfinite(error) else ""
    of_it = f" · {percent(part)} of the whole" if math.isfinite(part) else ""
    return f"{name}  {number(value, sign=True)}{apart or about}{of_it}"


def ranking(
    split: Split,
    prompt: int | None = None,
    chosen: int | None = None,
    order: str = "size",
    limit: int | None = None,
) -> Ranking:
    """Return heads and MLPs in one list, what raises or lowers the number most first.

    Of the dots, one per prompt, that of `chosen` is filled.
    """
    values = np.concatenate([split.head, split.mlp[:, None]], axis=1)
    shown, errors = over(values, prompt), sem(values)
    total = float(over(split.base, prompt))
    dots = split.count if prompt is None and 1 < split.count <= _MOST_DOTS else 0
    rows = []
    for flat in _ordered(shown, order)[:limit]:
        cell = divmod(int(flat), split.heads + 1)
        value, error = float(shown[cell]), float(errors[cell]) if prompt is None else math.nan
        points = tuple(values[cell].tolist()) if dots else ()
        part = share(value, total)
        name = cell_name(cell, split.heads)
        bar = Bar(value, points, chosen, error)
        rows.append(Row(cell, (name, bar, value, part), _told(name, value, error, part)))
    heading, tip = ("dots", _DOTS) if dots else ("", "")
    return Ranking(
        (
            Column("part", "name"),
            Column("bar", "bar", heading, signed=True, align="center", tooltip=tip),
            Column("adds", "number", format=_signed),
            Column("share", "percent", muted=True, tooltip="100 · part / the model's own number"),
        ),
        tuple(rows),
    )


def _ordered(values: np.ndarray, order: str) -> list[int]:
    """Return the places of flattened values that are known, in one of the orders."""
    flat = values.ravel()
    key = {"raises": -flat, "lowers": flat}.get(order, -np.abs(flat))
    known = np.flatnonzero(np.isfinite(flat))
    found: list[int] = known[np.argsort(key[known], kind="stable")].tolist()
    return found


def _signed(value: float) -> str:
    return number(value, sign=True)


def order_title(order: str, prompt: int | None) -> str:
    """Say what stands at the top of the list."""
    title = _TITLES.get(order, _TITLES["size"])
    return title if prompt is None else f"{title}, prompt {prompt + 1}"


def rest_note(split: Split, prompt: int | None) -> str:
    """Say what the list of heads and MLPs leaves out of the sum, in few words."""
    attn = np.where(np.isfinite(split.attn_bias), split.attn_bias, 0.0)
    what = "embeddings and biases" if attn.any() or split.bias.any() else "embeddings"
    rest = float(over(split.embed + attn.sum(0) + split.bias, prompt))
    return f"{what} {number(rest, 2, sign=True)}"


# One part.


def part_sentence(result: Result, cell: Cell, prompt: int | None) -> str:
    """Say in a sentence what a part adds."""
    split = Split.of(result)
    values = split.of_cell(cell)
    value, total = float(over(values, prompt)), float(over(split.base, prompt))
    if math.isnan(value):
        return NO_PART
    part = share(value, total)
    of = f"{percent(part)} of" if np.isfinite(part) else "of"
    several = prompt is None and split.count > 1
    some = f" (mean of {plural(split.count, 'prompt')})" if several else ""
    told = f"{number(value, sign=True)}{_spread(values, prompt)}"
    return f"Adds {told}, {of} {number(total, 2, sign=True)}{some}."


def prompt_rows(result: Result, cell: Cell) -> Ranking:
    """Return what a part adds, prompt by prompt."""
    split = Split.of(result)
    values = split.of_cell(cell)
    return ranked(
        (
            Column("prompt", "mono", width="stretch", least=120),
            Column("adds", "number", format=_signed, width=70),
            Column("of", "number", format=_signed, width=70, priority=1, tooltip="The whole"),
            Column("share", "percent", width=74),
        ),
        (
            (
                f"{i + 1} · {display_text(record.text)}",
                float(values[i]),
                float(split.base[i]),
                share(float(values[i]), float(split.base[i])),
            )
            for i, record in enumerate(result.prompts)
        ),
    )


def _spread(values: np.ndarray, prompt: int | None) -> str:
    error = float(sem(values)) if prompt is None else math.nan
    return f" ± {number(error)}" if np.isfinite(error) else ""


# The inspector, titles, the terminal.


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return what the selected head, or a layer's MLP, adds directly."""
    cell = find_part(result, place)
    if cell is None:
        return []
    split = Split.of(result)
    values, count = split.of_cell(cell), split.count
    value = float(mean(values))
    end = read_layer(result.params, split.layers)
    lens = "" if end is None else f", before block {end}"
    whose = "Direct contribution" if cell[1] < split.heads else "Direct contribution of its MLP"
    name = f"{whose} ({target_kind(result)}{lens}"
    name += f", mean of {count:,})" if count > 1 else ")"
    if math.isnan(value):
        return [Fact(name, "none", NO_PART, "head")]
    what = "head" if cell[1] < split.heads else "mlp"
    tip = "What it writes to the stream, as the final norm and the unembedding read it"
    facts = [Fact(name, f"{number(value, sign=True)}{_spread(values, None)}", tip, what)]
    intervals = (spread(one, cell).strip() for one in evidence(result, listed=True))
    facts += [Fact("95 % interval", one, INTERVAL_TIP, "interval") for one in intervals if one]
    if 1 < count > place.prompt:
        own = number(float(values[place.prompt]), sign=True)
        facts.append(Fact("… on this prompt", own, tip, what))
    part = share(value, float(mean(split.base)))
    if np.isfinite(part):
        facts.append(Fact("Share of it", percent(part), "100 · part / the whole", "share"))
    source = strongest_source(result, cell, place.prompt) if what == "head" else ""
    return (
        [*facts, Fact("Most of it from", source, "By source position", "source")]
        if source
        else facts
    )


def named(result: Result) -> str:
    """Return what a title says of the settings: the token, the place, and what was added."""
    params = result.params
    token, position = str(params.get("token") or ""), int(params.get("position", -1))
    end = read_layer(params, int(result.model.n_layers))
    neurons = int(params.get("neurons") or 0)
    told = [f"token “{display_text(token)}”"] if token else []
    told += [f"position {number(position, 0)}"] if position != -1 else []
    told += [f"before block {end}"] if end is not None else []
    told += ["by source"] if params.get("by_source") else []
    return " · ".join([*told, *([plural(neurons, "neuron")] if neurons else [])])


def best_head(result: Result) -> tuple[int, int | None] | None:
    """Return the head that adds or takes away most: what a first result selects."""
    shown = np.abs(mean(Split.of(result).head))
    if not np.isfinite(shown).any():
        return None
    layer, head = np.unravel_index(int(np.nanargmax(shown)), shown.shape)
    return int(layer), int(head)


def largest(values: np.ndarray) -> int | None:
    """Return the place of the value that is farthest from 0; None where none is known."""
    known = np.isfinite(values).any()
    return int(np.nanargmax(np.abs(values))) if known else None


def lines(result: Result) -> Iterator[str]:
    """Yield the number, its parts over the layers in short and the largest ones, for a terminal."""
    split = Split.of(result)
    yield base_sentence(result, None)
    yield what_sentence(result, None)
    ends = {
        "embeddings": split.embed,
        "attention": np.where(np.isfinite(split.attn), split.attn, 0.0).sum(0),
        "MLPs": np.where(np.isfinite(split.mlp), split.mlp, 0.0).sum(0),
        "final bias": split.bias,
    }
    yield "  " + "   ".join(f"{n} {number(float(mean(v)), sign=True)}" for n, v in ends.items())
    listed = ranking(split, limit=_LISTED_IN_TERMINAL)
    for place in range(len(listed.rows)):
        name, _bar, value, part = (listed.text(place, column) for column in range(4))
        yield f"  {name:<10} adds {value:>9}   {part:>8}"
