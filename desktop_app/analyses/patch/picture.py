"""What the patching view shows of a result, and what other rooms ask of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.cells import (
    RAW,
    SHARES,
    cells,
    columns,
    directions,
    ends,
    flat,
    head_columns,
    layer_axis,
    shape_of,
)
from desktop_app.analyses.patch.parts import find_place, part_at
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Axis, Matrix, centred_limits, numbered
from desktop_app.pictures.words import metric_name, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


from desktop_app.analyses.patch.spec import ANALYSIS
from desktop_app.pictures.text_tables import lowest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

QUANTITIES = (
    ("share", "Enough · needed"),
    ("asymmetry", "Asymmetry"),
    ("raw", "Metric"),
)
_WORDS = {
    "restored": ("Enough", "clean put into the corrupt run", "clean → corrupt"),
    "broken": ("Needed", "corrupt put into the clean run", "corrupt → clean"),
    "asymmetry": (
        "Asymmetry",
        "broken − restored: +1 needed, not enough (AND); −1 enough, not needed (OR)",
        "+1 like AND, −1 like OR",
    ),
    "patched_denoise": ("Enough", "the corrupt run with the clean activation", "clean → corrupt"),
    "patched_noise": ("Needed", "the clean run with the corrupt activation", "corrupt → clean"),
}


def picture(
    result: Result,
    quantity: str,
    prompt: int | None,
    position: int | None = None,
    tip: Callable[[int, int], str] | None = None,
) -> tuple[Matrix, ...]:
    """Return the maps of a quantity on one scale, of one prompt or of the mean over prompts."""
    data = result.data
    names = fields_of(data, quantity)
    values = [flat(data, name, prompt, position) for name in names]
    centre, least = 0.0, 0.0
    if quantity == "raw":
        clean, corrupt = ends(result, prompt)
        centre, least = (clean + corrupt) / 2, abs(clean - corrupt) / 2
    return maps(
        dict(zip(names, values, strict=True)),
        layer_axis(data),
        columns(result, prompt, values[0].shape[1]),
        centred_limits(*values, centre=centre, least=least),
        metric_name(result) if quantity == "raw" else "",
        tip,
    )


def fields_of(data: Mapping[str, Any], quantity: str) -> tuple[str, ...]:
    """Return the fields that a quantity is drawn from, one per map."""
    there = directions(data)
    if quantity == "asymmetry" and len(there) == 2:
        return ("asymmetry",)
    return tuple(RAW[name] for name in there) if quantity == "raw" else there


def maps(
    values: Mapping[str, np.ndarray],
    rows: Axis,
    above: Axis,
    limits: tuple[float, float],
    value_name: str = "",
    tip: Callable[[int, int], str] | None = None,
) -> tuple[Matrix, ...]:
    """Return maps with the words that say what their fields mean."""
    return tuple(
        Matrix(
            values[name],
            rows,
            above,
            value_name or (name if name in SHARES else ""),
            scale=limits,
            value_format="{:+.2f}",
            exact_format="{:+.4f}",
            tip=tip,
            title=title,
            sentence=sentence,
            short=short,
        )
        for name, (title, sentence, short) in ((name, _WORDS[name]) for name in values)
    )


def partial_picture(
    data: Mapping[str, Any], params: Mapping[str, Any], prompt: int, quantity: str = "share"
) -> tuple[Matrix, ...] | None:
    """Return the cells known so far, or None where there are none.

    Args:
        data: Fields of a partial answer.
        params: The settings it runs with, which name its axes.
        prompt: Which prompt is shown where no mean exists.
        quantity: What is shown.
    """
    there = directions(data)
    if not there or "layers" not in data:
        return None
    one = _prompt(data, there[0], prompt)
    # The settings may have been changed since: then the axes are those of the arrays.
    shape = shape_of(params)
    if cells(data, there[0], one).ndim == 3 and not shape.stacked:
        shape = shape_of({"site": "head_z"})
    names = fields_of(data, quantity)
    values = {name: flat(data, name, one, None) for name in names}
    count = values[names[0]].shape[1]
    if shape.heads:
        above = head_columns(shape, count)
    elif count == 1:
        above = Axis("", ["all positions"])
    else:
        above = numbered("Position", count)
    # The metric of both runs comes with the result; until then the middle is that of the cells.
    centre = _middle(list(values.values())) if quantity == "raw" else 0.0
    limits = centred_limits(*values.values(), centre=centre)
    return maps(values, layer_axis(data), above, limits)


def _middle(values: list[np.ndarray]) -> float:
    known = np.concatenate([v[np.isfinite(v)] for v in values])
    return float(known.min() + known.max()) / 2 if known.size else 0.0


def _prompt(data: Mapping[str, Any], name: str, prompt: int) -> int | None:
    """Return None where there is a mean, else a prompt that there is."""
    if name not in SHARES or f"{name}_mean" in data:
        return None
    return min(prompt, len(data[name]) - 1)


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return how far exchanging the selected part is enough, and needed."""
    if place.prompt >= len(result.prompts):
        return []
    cell = find_place(result, place.layer, place.head, place.position, place.prompt)
    if cell is None:
        return []
    part = part_at(result, cell, place.prompt, place.position)
    site = result.params.get("site", "")
    shares = (
        (f"Enough ({site})", part.restored, "1: its clean activation alone restores the metric"),
        (f"Needed ({site})", part.broken, "1: its corrupt activation alone breaks the metric"),
    )
    return [
        Fact(name, number(value, 2), f"{part.name}: {tip}")
        for name, value, tip in shares
        if np.isfinite(value)
    ]


def lines(result: Result) -> Iterator[str]:
    """Yield the strongest cells of each direction, prompt by prompt, for a terminal."""
    data, params = result.data, result.params
    mark = " (gradient estimate)" if data["estimated"] else ""
    for index in range(len(result.prompts)):
        yield (
            f"prompt {index + 1}: {params['metric']} clean {data['clean'][index]:.3f}, corrupt "
            f"{data['corrupt'][index]:.3f}; {params['site']} exchanged{mark}"
        )
        for name, words in (
            ("restored", "enough: the clean activation in the corrupt run restores"),
            ("broken", "needed: the corrupt activation in the clean run breaks"),
        ):
            if name in data:
                yield f"  {words}"
                yield from _strongest(result, data[name], index)


def _strongest(result: Result, field: Any, index: int) -> Iterator[str]:
    """Yield a prompt's largest cells, by layer, head and position as far as there are such axes."""
    ragged = isinstance(field, (tuple, list))
    cells = np.asarray(field[index]) if ragged else np.asarray(field)[..., index]
    texts = result.prompts[index].tokens.texts
    axes = [axis for axis in ANALYSIS.axes("restored", result.params) if axis != "prompt"]
    for found in lowest(-np.abs(cells)):
        place = dict(zip(axes, found, strict=True))
        name = f"L{int(result.data['layers'][place['layer']])}"
        if "head" in place:
            name += f"H{place['head']}"
        if "position" in place:
            name += f" @{place['position']} “{texts[place['position']]}”"
        yield f"    {name:<22} {cells[found]:+.3f}"
