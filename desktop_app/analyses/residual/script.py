"""What the script of the residual stream measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.analyses.residual.spec import ResidualParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: ResidualParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks: what the result holds, and how a norm is precise."""
    return {
        "adds": "norm_attn" in result.data,
        "shares": "share" in result.data or (bool(result.partial) and params.measure == "all"),
        "heads": "ov_norm" in result.data or (bool(result.partial) and params.heads),
    }
