"""What the script of a patching by hand prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.hand_patch.spec import parse_move

if TYPE_CHECKING:
    from desktop_app.analyses.hand_patch.spec import HandPatchParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: HandPatchParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    hooks = {"resid_pre": "hook_in", "resid_post": "hook_out"}
    moves = [parse_move(text) for text in params.moves]
    if not all(0 <= m.target[0] < result.model.n_layers for m in moves):
        raise ValueError("its moves name layers that the model lacks")
    if result.prompts[params.pair].corrupt_tokens is None:
        raise ValueError("its prompt has no twin")
    return {
        "n_layers": int(result.model.n_layers),
        "moves": [(m.run, hooks.get(m.site, f"hook_{m.site}"), m.source, m.target) for m in moves],
    }
