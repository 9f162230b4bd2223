"""What the patching view says: what is exchanged, the two runs, what one cell does. No Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.patch.cells import directions, ends, shape_of
from desktop_app.analyses.patch.parts import part_at
from desktop_app.pictures.words import WITHHELD, metric_name, number, plural

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from desktop_app.analyses.patch.parts import PatchPart
    from desktop_app.contract.result import Result

_SITES = {
    "resid_pre": "Residual stream before a block",
    "resid_mid": "Residual stream between attention and MLP",
    "resid_post": "Residual stream after a block",
    "attn_out": "Attention output",
    "mlp_out": "MLP output",
    "head_z": "Head output",
    "head_q": "Head query",
    "head_k": "Head key",
    "head_v": "Head value",
    "pattern": "Attention pattern of a head",
}
# From here on a share counts as whole, and below the second as nothing.
_MOST, _LEAST = 0.8, 0.2
_LIKE = 0.5


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
    metric = metric_name(result)
    return f"{metric[0].upper()}{metric[1:]}: {', '.join(texts)}{over}"


def exchange_sentence(params: Mapping[str, Any], there: tuple[str, ...]) -> str:
    """Say what is exchanged between the two runs, and what each direction asks."""
    site = str(params.get("site", "resid_pre"))
    what = _SITES.get(site, site)
    where = "per position" if shape_of(params).by_position else "all positions at once"
    asked = {
        "restored": "clean → corrupt (enough?)",
        "broken": "corrupt → clean (needed?)",
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
    span, told = clean - corrupt, []
    if not math.isnan(part.restored):
        to = number(corrupt + part.restored * span, 2)
        told.append(
            f"Clean into corrupt: {number(corrupt, 2)} → {to}, {number(part.restored, 2)} restored."
        )
    if not math.isnan(part.broken):
        to = number(clean - part.broken * span, 2)
        told.append(
            f"Corrupt into clean: {number(clean, 2)} → {to}, {number(part.broken, 2)} broken."
        )
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
    if abs(difference) >= _LIKE:
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
    shown = [
        f"{name} {number(value, 4, sign=True)}"
        for name, value in (("restored", part.restored), ("broken", part.broken))
        if name in directions(result.data)
    ]
    if len(shown) == 2:
        shown.append(f"asymmetry {number(part.broken - part.restored, 4, sign=True)}")
    return "\n".join([part.name, *(text.replace(WITHHELD, "no value") for text in shown)])
