"""Patching results as plain text tables, for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.patch.spec import ANALYSIS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

_TOP = 10


def patch_lines(result: Result) -> Iterator[str]:
    """Yield the strongest cells of each direction, prompt by prompt."""
    data, params = result.data, result.params
    mark = " (gradient estimate)" if data["estimated"] else ""
    for index, prompt in enumerate(result.prompts):
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
                yield from _strongest(result, _of_prompt(data[name], index), prompt.tokens.texts)


def hand_patch_lines(result: Result) -> Iterator[str]:
    """Yield the metric before and after, and the two rankings side by side."""
    data, params = result.data, result.params
    yield f"{params['run']} run: {params['metric']} {data['base']:.3f} → {data['patched']:.3f}"
    for move in params["moves"]:
        yield f"  {move}"
    for before, after in zip(data["base_top"], data["top"], strict=True):
        yield (
            f"  {before['piece']:<14} p {before['prob']:.3f}   →   {after['piece']:<14} "
            f"p {after['prob']:.3f}"
        )


def _of_prompt(field: object, index: int) -> np.ndarray:
    if isinstance(field, (tuple, list)):
        return np.asarray(field[index])
    return np.asarray(field)[..., index]


def _strongest(result: Result, cells: np.ndarray, texts: tuple[str, ...]) -> Iterator[str]:
    """Yield the largest cells, layer by layer and position by position as the axes say."""
    axes = [axis for axis in ("layer", "head", "position") if axis in _axes(result)]
    order = np.argsort(np.where(np.isfinite(cells), -np.abs(cells), np.inf), axis=None)[:_TOP]
    for flat in order:
        place = dict(zip(axes, np.unravel_index(flat, cells.shape), strict=True))
        name = f"L{int(result.data['layers'][place['layer']])}"
        if "head" in place:
            name += f"H{place['head']}"
        if "position" in place:
            name += f" @{place['position']} “{texts[place['position']]}”"
        yield f"    {name:<22} {cells.flat[flat]:+.3f}"


def _axes(result: Result) -> tuple[str, ...]:
    return ANALYSIS.axes("restored", result.params)
