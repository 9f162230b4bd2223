"""What the patching view shows of a result, and what other rooms ask of one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.patch.cells import (
    LIKE,
    RAW,
    SHARES,
    cells,
    columns,
    directions,
    ends,
    find_place,
    flat,
    head_columns,
    is_estimated,
    is_ragged,
    layer_axis,
    part_at,
    places_of,
    shape_of,
    share_of,
)
from desktop_app.analyses.patch.spec import ANALYSIS
from desktop_app.pictures.certainty import PerPrompt, at_places, evidence_of, spread, whole
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Axis, Matrix, centred_limits, numbered
from desktop_app.pictures.moves import MoveMap
from desktop_app.pictures.noise import is_lost, noise_mark, noise_of, noise_sentence, with_noise
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.words import (
    ABOUT,
    ENOUGH,
    NEEDED,
    NOT_COMPUTED,
    WITHHELD,
    choice_label,
    metric_name,
    number,
    of_all,
    plural,
    stopped_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from desktop_app.analyses.patch.cells import PatchPart
    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.moves import AskedMoves


QUANTITIES = (
    ("share", "Enough · needed"),
    ("asymmetry", "Asymmetry"),
    ("raw", "Metric"),
)
_ENOUGH, _NEEDED = ENOUGH.capitalize(), NEEDED.capitalize()
_WORDS = {
    "restored": (_ENOUGH, "clean put into the corrupt run", "clean → corrupt"),
    "broken": (_NEEDED, "corrupt put into the clean run", "corrupt → clean"),
    "asymmetry": (
        "Asymmetry",
        "broken − restored: +1 needed, not enough (AND); −1 enough, not needed (OR)",
        "+1 like AND, −1 like OR",
    ),
    "patched_denoise": (_ENOUGH, "the corrupt run with the clean activation", "clean → corrupt"),
    "patched_noise": (_NEEDED, "the clean run with the corrupt activation", "corrupt → clean"),
}


def per_prompt(result: Result) -> dict[str, PerPrompt]:
    """Return the shares per prompt, of which intervals and q are taken; not of several lengths."""
    data = result.data
    if is_ragged(data):
        return {}
    axes = tuple(a for a in ANALYSIS.axes("restored", result.params) if a != "prompt")
    found = {}
    for name in (*directions(data), "asymmetry"):
        if name in data:
            values = np.asarray(data[name], dtype=float)
            found[name] = PerPrompt(values[:, None] if values.ndim == 2 else values, axes)
    return found


def evidence(result: Result, quantity: str, position: int | None) -> tuple[Cells, ...]:
    """Return what is known of each map over prompts, of the shares that it is made of."""
    known, shape = evidence_of(result), shape_of(result.params)
    names = [share_of(name) for name in fields_of(result.data, quantity)] if known else []
    several, found = len(names) > 1, []
    for name in names:
        words = _WORDS[name][0].partition(" ")[0].lower() if several else ""
        if shape.stacked:
            places, chosen = places_of(result.data, None, position), position is not None
            found.append(at_places(known[name], places, words, name, chosen=chosen))
        else:
            found.append(whole(known[name], words, name))
    return tuple(found)


def known_cells(result: Result, prompt: int | None = None) -> str:
    """Return how many cells a run that was stopped has, such as `12 of 24 cells`; else nothing.

    Of one that was stopped while all were estimates, nothing: it has none.
    """
    if not result.partial or is_estimated(result):
        return ""
    there = directions(result.data)
    return of_all(np.stack([cells(result.data, name, prompt) for name in there]), "cell")


def listed_of(result: Result, prompt: int | None) -> str:
    """Return the end of a heading that says how many cells there are to choose from."""
    known = known_cells(result, prompt)
    return f", of {known}" if known else ""


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
        if math.isfinite(clean - corrupt):  # not where the run was stopped before it
            centre, least = (clean + corrupt) / 2, abs(clean - corrupt) / 2
    drawn = maps(
        dict(zip(names, values, strict=True)),
        layer_axis(data),
        columns(result, prompt, values[0].shape[1]),
        centred_limits(*values, centre=centre, least=least),
        metric_name(result) if quantity == "raw" else "",
        tip,
    )
    noise = noise_of(data, prompt) if quantity == "raw" else share_noise(result, prompt)
    marks = np.full(values[0].shape, True) if is_estimated(result) else None
    known = known_cells(result, prompt)
    return tuple(
        with_noise(
            replace(shown, uncertain=marks, name=" · ".join(filter(None, (shown.name, known)))),
            noise,
        )
        for shown in drawn
    )


def move_map(result: Result, asked: AskedMoves) -> MoveMap | None:
    """Return the cells of a pair as patching by hand draws them, or None where it has none.

    They are those of this very pair, metric, site and model, one position at a time, with the
    colours of the map here.
    """
    share = "restored" if asked.run == "corrupt" else "broken"
    own = shape_of(result.params)
    fits = own.by_position and not own.heads and result.params.get("site") == asked.site
    place = next(asked.places(result), None) if fits and share in result.data else None
    if place is None:
        return None
    drawn = dict(zip(fields_of(result.data, "share"), picture(result, "share", place), strict=True))
    shown, layers = drawn[share], [int(n) for n in result.data["layers"]]
    values = np.full((asked.model.n_layers, shown.values.shape[1]), np.nan)
    values[layers] = shown.values
    kind = ", gradient estimate" if is_estimated(result) else ""
    title = _WORDS[share][0].lower()
    meaning = "the share restored" if share == "restored" else "the share broken"
    words = f"{choice_label(asked.site)}, {title}: {meaning}{kind}"
    return MoveMap(values, shown.limits, share, words)


def share_noise(result: Result, prompt: int | None) -> float | None:
    """Return the noise floor as a share of what lies between clean and corrupt."""
    noise = noise_of(result.data, prompt)
    clean, corrupt = ends(result, prompt)
    return None if noise is None or clean == corrupt else noise / abs(clean - corrupt)


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
    """Return the cells known so far, or None where there are none; a prompt's without a mean."""
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
    return tuple(
        replace(shown, uncertain=_uncertain(data, name, one, shown.values.shape))
        for name, shown in zip(names, maps(values, layer_axis(data), above, limits), strict=True)
    )


def _uncertain(
    data: Mapping[str, Any], name: str, prompt: int | None, shape: tuple[int, ...]
) -> np.ndarray:
    """Return which cells known so far are estimates, or means over some of the prompts only.

    Heads by position are drawn at one position each, which another may yet take the place of.
    """
    exact = data.get("settled")
    if exact is None:
        return np.full(shape, bool(data.get("estimated")))
    found = np.full(shape, False)
    for share in SHARES if name == "asymmetry" else (share_of(name),):
        chosen = exact[share] if prompt is None else (exact[share][prompt],)
        known = np.asarray(np.stack(chosen).all(0))
        known = known[:, None] if known.ndim == 1 else known
        found |= ~(known.all(-1) if known.ndim > len(shape) else known)
    return found


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
    site = choice_label(result.params.get("site", ""))
    about, kind = (f"{ABOUT} ", ", gradient estimate") if is_estimated(result) else ("", "")
    shares = (
        (
            f"{_ENOUGH}, {site}{kind}",
            part.restored,
            "1: its clean activation alone restores the metric",
            "restored",
        ),
        (
            f"{_NEEDED}, {site}{kind}",
            part.broken,
            "1: its corrupt activation alone breaks the metric",
            "broken",
        ),
    )
    return [
        Fact(name, about + number(value, 2), f"{part.name}: {tip}", what)
        for name, value, tip, what in shares
        if np.isfinite(value)
    ]


def lines(result: Result) -> Iterator[str]:
    """Yield the strongest cells of each direction, prompt by prompt, for a terminal."""
    data, params = result.data, result.params
    mark = " (gradient estimate)" if is_estimated(result) else ""
    if noise := noise_sentence(result):
        yield noise
    for index in range(len(result.prompts)):
        yield (
            f"prompt {index + 1}: {metric_name(result)} clean {number(data['clean'][index])}, "
            f"corrupt {number(data['corrupt'][index])}; "
            f"{choice_label(params['site'])} exchanged{mark}"
        )
        for name, words in (
            ("restored", f"{ENOUGH}: the clean activation in the corrupt run restores"),
            ("broken", f"{NEEDED}: the corrupt activation in the clean run breaks"),
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
        if not np.isfinite(cells[found]):
            continue  # of a run that was stopped
        place = dict(zip(axes, found, strict=True))
        name = f"L{int(result.data['layers'][place['layer']])}"
        if "head" in place:
            name += f"H{place['head']}"
        if "position" in place:
            name += f" @{place['position']} “{texts[place['position']]}”"
        yield f"    {name:<22} {number(float(cells[found]), sign=True)}"


# From here on a share counts as whole, and below the second as nothing.
_MOST, _LEAST = 0.8, 0.2


def ends_sentence(result: Result, prompt: int | None) -> str:
    """Return the metric of both runs, of a prompt or the mean of all with its error."""
    clean, corrupt = ends(result, prompt)
    several = prompt is None and len(result.prompts) > 1
    texts = []
    for name, value in (("clean", clean), ("corrupt", corrupt)):
        sem = float(result.data.get(f"{name}_sem", math.nan)) if several else math.nan
        error = "" if math.isnan(sem) else f" ± {number(sem)}"
        texts.append(f"{name} {number(value)}{error}")
    over = f" over {plural(len(result.prompts), 'prompt')}" if several else ""
    if result.partial:
        over = stopped_words(known_cells(result, prompt))
    metric = metric_name(result)
    noise = noise_mark(noise_of(result.data, prompt))
    mark = f" · {noise} ({result.model.dtype})" if noise else ""
    return f"{metric[0].upper()}{metric[1:]}: {', '.join(texts)}{over}{mark}"


def exchange_sentence(params: Mapping[str, Any], there: tuple[str, ...]) -> str:
    """Say what is exchanged between the two runs, and what each direction asks."""
    site = str(params.get("site", "resid_pre"))
    what = choice_label(site)
    what = f"{what[:1].upper()}{what[1:]}"
    where = "per position" if shape_of(params).by_position else "all positions at once"
    asked = {
        "restored": f"clean → corrupt, is it {ENOUGH}?",
        "broken": f"corrupt → clean, is it {NEEDED}?",
    }
    told = ", ".join(asked[name] for name in there)
    return f"{what}, {where}: {told}"


def gate_sentence(result: Result) -> str:
    """Say on which prompts the model does not do the task; empty where it does on all."""
    failed = [i for i, done in enumerate(result.data.get("task_done", ())) if not done]
    if not failed:
        return ""
    ranks = np.asarray(result.data["answer_rank"], dtype=float)
    if len(failed) > 3:
        which = f"{len(failed)} of {len(result.prompts)} prompts"
    else:
        which = ", ".join(
            f"prompt {i + 1}" + ("" if math.isnan(ranks[i]) else f" (answer rank {int(ranks[i])})")
            for i in failed
        )
    return f"The model does not do this task on {which}: what its shares restore means little."


def part_sentence(result: Result, part: PatchPart, prompt: int | None) -> str:
    """Say what exchanging a part does both ways, over all prompts or on one."""
    clean, corrupt = ends(result, prompt)
    if result.partial and math.isnan(part.restored) and math.isnan(part.broken):
        return NOT_COMPUTED
    span, told = clean - corrupt, []
    if not math.isnan(part.restored):
        to = number(corrupt + part.restored * span, 2)
        told.append(f"{_ENOUGH}: {number(corrupt, 2)} → {to}, {number(part.restored, 2)} restored.")
    if not math.isnan(part.broken):
        to = number(clean - part.broken * span, 2)
        told.append(f"{_NEEDED}: {number(clean, 2)} → {to}, {number(part.broken, 2)} broken.")
    return " ".join([*told, verdict(part)]).strip()


def verdict(part: PatchPart) -> str:
    """Say in a few words what the two shares mean together."""
    if math.isnan(part.restored) or math.isnan(part.broken):
        share = part.broken if math.isnan(part.restored) else part.restored
        if math.isnan(share):
            return ""
        word = "Needed" if math.isnan(part.restored) else "Enough"
        return f"{word}." if share >= _MOST else f"Not {word.lower()}." if share <= _LEAST else ""
    difference = part.broken - part.restored
    if abs(difference) >= LIKE:
        return (
            "Needed, but not enough: AND-like."
            if difference > 0
            else "Enough, but not needed: OR-like."
        )
    low, high = sorted((part.restored, part.broken))
    if low >= _MOST:
        return "Enough and needed."
    return "Neither enough nor needed." if abs(low) <= _LEAST and abs(high) <= _LEAST else ""


def cell_tip(
    result: Result, prompt: int | None, position: int | None, row: int, column: int
) -> str:
    """Return what the pointer says over a cell."""
    part = part_at(result, (row, column), prompt, position)
    over = {}
    if prompt is None:
        for quantity in ("share", "asymmetry"):
            for one in evidence(result, quantity, position):
                over[one.key] = spread(one, (row, column))
    shown = [
        f"{name} {number(value, 4, sign=True)}{over.get(name, '')}"
        for name, value in (("restored", part.restored), ("broken", part.broken))
        if name in directions(result.data)
    ]
    if len(shown) == 2:
        difference = number(part.broken - part.restored, 4, sign=True)
        shown.append(f"asymmetry {difference}{over.get('asymmetry', '')}")
    known = [x for x in (part.restored, part.broken) if not math.isnan(x)]
    if known and is_lost(max(known, key=abs), share_noise(result, prompt)):
        shown.append("below the noise floor")
    return "\n".join([part.name, *(text.replace(WITHHELD, "no value") for text in shown)])
