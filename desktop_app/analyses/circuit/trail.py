"""The trail of a pruning as a setting, and what a pruning under way says of the model. No Qt."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from desktop_app.analyses.circuit.keeping import Shape, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.params import Params
    from desktop_app.contract.result import Result


def trail_text(result: Result) -> str:
    """Return the trail of a result as the setting takes it; empty where there is none."""
    rows = [_row(step) for step in result.data.get("trail", ())]
    return json.dumps(rows) if rows else ""


def _row(step: Any) -> list[object]:
    number, part, before, after, outcome = step
    return [int(number), str(part), _value(before), _value(after), str(outcome)]


def _value(given: Any) -> float | None:
    value = math.nan if given is None else float(given)
    return value if math.isfinite(value) else None


def own_settings(kind: type[Params], result: Result) -> Params | None:
    """Return the settings of a result without its prompts; None where they do not fit."""
    known = {k: v for k, v in result.params.items() if k in kind.stored_fields()}
    try:
        return kind.model_validate(known)
    except ValidationError:
        return None


def shape_so_far(data: Mapping[str, Any], *, mlps: bool, known: Shape | None) -> Shape:
    """Return the parts of a model whose pruning is under way: it begins with all that are kept.

    Args:
        data: What is known.
        mlps: Whether MLPs are parts.
        known: The shape that was seen before, which is never less.
    """
    names = [*map(str, data.get("kept", ())), *map(str, data.get("trail_part", ()))]
    parts = [part_of(name) for name in names]
    layers = max((layer + 1 for layer, _head in parts), default=1)
    heads = max((head + 1 for _layer, head in parts if head is not None), default=1)
    if known is not None:
        layers, heads = max(layers, known.layers), max(heads, known.heads)
    return Shape(layers, heads, mlps)
