"""What the script of a training prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.train_sae.spec import MEASURED_STOPPED
from desktop_app.session.export_scripts import numbers
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from desktop_app.analyses.train_sae.spec import TrainSaeParams
    from desktop_app.contract.result import Result

_HOOKS = {"resid_pre": "hook_in", "resid_post": "hook_out"}


def facts(result: Result, params: TrainSaeParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    info = result.model
    count = max(1, int(info.n_layers))
    layer = params.layer_in(count) % count
    hook = f"blocks.{layer}.{_HOOKS.get(params.site, f'hook_{params.site}')}"
    return {
        "text": params.text or str(resource("text", "corpus")),
        "lead": numbers(result, "lead"),
        "windows": int(result.data["windows"]),
        "hook": hook,
        "named_hook": str(result.data["hook"]),
        "n_features": int(result.data["d_sae"]),
        "kept": params.k if params.kind == "topk" else 0,
        "skipped": max(1, len(numbers(result, "lead"))),
        "done": len(result.data["loss"]),
        "source_name": str(info.name),
        "measured": MEASURED_STOPPED if result.partial else 0,
        "trains": True,
        # Stopped or not: the script takes the steps that the result was trained by.
        "stopped": False,
    }
