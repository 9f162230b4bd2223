"""What the script of a tokenization prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.analyses.tokens.spec import TokensParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: TokensParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    float32 = result.model.dtype == "float32"
    compared = result.data["compare"]["prompts"] if params.compare else ()
    return {
        "needs_model": params.padding_demo,
        "compare_gguf": params.compare.lower().endswith(".gguf"),
        "second_ids": [[int(i) for i in row["ids"]] for row in compared],
        "agrees": 1e-3 if float32 else 0.5,
    }
