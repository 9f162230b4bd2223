"""What the script of a composition prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.compose.spec import KINDS
from desktop_app.contract.grammar import resolve_heads, resolve_pair

if TYPE_CHECKING:
    from desktop_app.analyses.compose.spec import ComposeParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: ComposeParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    model = result.model
    shape = (model.n_layers, model.n_heads)
    pair = None
    if params.full_circuit:
        pair = [tuple(h) for h in resolve_pair(params.full_circuit, *shape, "--full-circuit")]
    copying = resolve_heads(params.ov, *shape, "--ov")
    lead = result.data.get("lead")
    return {
        "kinds": KINDS if params.kind == "all" else (params.kind,),
        "pair": pair,
        "ov": copying[0] if copying else None,
        "lead": None if lead is None else int(lead["id"]),
    }
