"""What the script of an attribution prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.contract.grammar import resolve_index
from desktop_app.session.export_scripts import numbers

if TYPE_CHECKING:
    from desktop_app.analyses.attribute.spec import AttributeParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: AttributeParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    layers = result.model.n_layers
    read = layers if params.layer is None else resolve_index(params.layer, layers + 1, "--layer")
    return {
        "read_before": int(read),
        "at_end": read == layers,
        "named": numbers(result, "token_id") if params.token else None,
        "even": len({len(prompt.tokens) for prompt in result.prompts}) == 1,
    }
