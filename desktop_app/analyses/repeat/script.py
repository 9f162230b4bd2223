"""What the script of repeated tokens prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.session.export_scripts import sequences

if TYPE_CHECKING:
    from desktop_app.analyses.repeat.spec import RepeatParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: RepeatParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    sites = {"mlp": "hook_mlp_out", "attn": "hook_attn_out"}
    return {
        "sequences": sequences(result),
        "sites": {n: hook for n, hook in sites.items() if f"{n}_effect" in result.data},
        "effect_sequences": int(result.data.get("effect_sequences", 0)),
    }
