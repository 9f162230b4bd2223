"""What the script of a patching prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.patch.spec import HEADED, KEY_VALUE
from desktop_app.session.export_scripts import swept_layers

if TYPE_CHECKING:
    from desktop_app.analyses.patch.spec import PatchParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: PatchParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    heads = None
    if params.site in HEADED:
        model = result.model
        heads = list(range(model.n_kv_heads if params.site in KEY_VALUE else model.n_heads))
    shown = {"denoise": ["restored"], "noise": ["broken"]}.get(
        params.direction, ["restored", "broken", "asymmetry"]
    )
    patched = {"restored": "patched_denoise", "broken": "patched_noise"}
    return {
        "estimated": bool(result.data.get("estimated", False)),
        "layers": swept_layers(result),
        "heads": heads,
        "shown": shown,
        "columns": [*(patched[name] for name in shown if name in patched), *shown],
    }
