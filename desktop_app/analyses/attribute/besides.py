"""What a part does directly beside what removing it does in all, where an ablation is at hand."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.attribute.split import Split, over, read_layer
from desktop_app.contract.registry import hook
from desktop_app.pictures.effects import AskedEffect
from desktop_app.pictures.words import ABOUT, number
from desktop_app.support.errors import MISFITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.effects import PartEffect
    from desktop_app.pictures.matrix import Cell

BORROWED = "part_effect"
"""What other analyses' pictures offer: what removing a part does, `pictures.effects`."""


def asked_effect(result: Result, cell: Cell) -> AskedEffect | None:
    """Return what is asked of ablations; None where they watch another number than this splits."""
    split, prompts = Split.of(result), result.prompts
    at = np.asarray(result.data["read_position"])
    last = all(int(at[i]) == len(p.tokens) - 1 for i, p in enumerate(prompts))
    named = bool(result.params.get("token"))
    if not last or named or read_layer(result.params, split.layers) is not None:
        return None
    several = {bool(record.wrongs) for record in prompts}
    if len(several) != 1 or not all(record.answers for record in prompts):
        return None
    metric = "logit_diff" if several == {True} else "logit"
    head = cell[1] if cell[1] < split.heads else None
    return AskedEffect(result.model, prompts, metric, cell[0], head)


def beside_sentence(
    result: Result, cell: Cell, prompt: int | None, lent: Sequence[tuple[str, Result]]
) -> str:
    """Say what removing a part does in all, of the newest ablation that fits; else nothing."""
    asked = asked_effect(result, cell) if lent else None
    direct = float(over(Split.of(result).of_cell(cell), prompt))
    if asked is None or math.isnan(direct):
        return ""
    for _name, other in lent:
        found: PartEffect | None = None
        with suppress(*MISFITS):  # a file's result may hold anything
            found = hook(other.analysis, "picture", BORROWED)(other, asked)
        total = math.nan if found is None else found.of(prompt)
        if found is not None and math.isfinite(total):
            about = f"{ABOUT} " if found.estimated else ""
            # Only zero takes all of it away: a mean leaves what it adds on every prompt.
            alone = f", {number(-direct, sign=True)} directly" if found.mode == "zero" else ""
            whole = f"{about}{number(total, sign=True)} in all ({found.mode} ablation)"
            return f"Removing it: {whole}{alone}."
    return ""
