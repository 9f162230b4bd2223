"""What the script of a lens prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.lens.reading import Reading, changed_base
from desktop_app.contract.grammar import resolve_parts, written_part
from desktop_app.contract.moves import parse_move

if TYPE_CHECKING:
    from desktop_app.analyses.lens.spec import LensParams
    from desktop_app.contract.result import Result

_HOOKS = {"resid_pre": "hook_in", "resid_post": "hook_out"}


def facts(result: Result, params: LensParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    layers, heads = int(result.model.n_layers), int(result.model.n_heads)
    moves = [parse_move(text) for text in params.moves]
    if not all(m.target[0] < layers and m.source[0] < layers for m in moves):
        raise ValueError("its moves name layers that the model lacks")
    parts = resolve_parts(params.without, layers, heads, "without")
    if result.partial and parts and params.mode == "mean":
        raise ValueError("its means ran over prompts that it lacks")
    readings = [Reading(result, number, {}) for number in range(len(result.prompts))]
    pairs = [reading.has("corrupt_") for reading in readings]
    changed = [reading.has("changed_") for reading in readings]
    return {
        "rows_read": list(range(params.kind == "jacobian", layers + 1)),
        "top": min(params.top, int(result.model.d_vocab)),
        "moves": [(m.run, _HOOKS.get(m.site, f"hook_{m.site}"), m.source, m.target) for m in moves],
        "removed": [(written_part(part), *part) for part in parts],
        "mode": params.mode,
        "base_run": changed_base(result),
        "loads_tensors": params.kind != "logit",
        "run_names": ["", *(["corrupt_"] * any(pairs)), *(["changed_"] * any(changed))],
        "any_pairs": any(pairs),
        "pairs": pairs,
        "any_changed": any(changed),
        "changed": changed,
        # Stopped or not: the script reads the prompts that the result has, and no others.
        "stopped": False,
    }
