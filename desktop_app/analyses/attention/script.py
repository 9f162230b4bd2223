"""What the script of attention patterns prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.session.export_scripts import numbers, swept_layers

if TYPE_CHECKING:
    from desktop_app.analyses.attention.spec import AttentionParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: AttentionParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    return {
        "layers": swept_layers(result),
        "heads": numbers(result, "head_indices"),
        "softmax_inputs": params.scores,
    }
