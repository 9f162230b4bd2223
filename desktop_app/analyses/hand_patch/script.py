"""What the script of a patching by hand prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.contract.grammar import resolve_parts, written_part
from desktop_app.contract.moves import parse_move

if TYPE_CHECKING:
    from desktop_app.analyses.hand_patch.spec import HandPatchParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: HandPatchParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    hooks = {"resid_pre": "hook_in", "resid_post": "hook_out"}
    moves = [parse_move(text) for text in params.moves]
    model, record = result.model, result.prompts[params.pair]
    if not all(0 <= m.target[0] < model.n_layers for m in moves):
        raise ValueError("its moves name layers that the model lacks")
    twin = record.corrupt_tokens
    paired = twin is not None and len(twin) == len(record.tokens)
    if not paired and (params.run == "corrupt" or any(m.run == "corrupt" for m in moves)):
        raise ValueError("its prompt has no twin")
    parts = resolve_parts(params.without, int(model.n_layers), int(model.n_heads), "without")
    return {
        "n_layers": int(model.n_layers),
        "moves": [(m.run, hooks.get(m.site, f"hook_{m.site}"), m.source, m.target) for m in moves],
        "paired": paired,
        "removed": [(written_part(part), *part) for part in parts],
        "mode": params.mode,
        "chat": params.chat,
    }
