"""What the script of an ablation prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.session.export_scripts import swept_layers

if TYPE_CHECKING:
    from desktop_app.analyses.ablate.spec import AblateParams
    from desktop_app.contract.result import Result

# Below this a base is too near zero for a percentage; metrics without one never have percentages.
_FLOORS = {"logit_diff": 0.01, "logit": 0.01, "loss": 1e-6, "prob": 1e-6}


def facts(result: Result, params: AblateParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    mode = str(result.data["mode"])
    if mode not in {"zero", "mean", "resample"}:
        raise ValueError(f"its mode is {mode!r}")
    at = params.positions
    positions = at if at in {"all", "last"} else [int(p) for p in at.split(",")]
    return {
        "estimated": bool(result.data.get("estimated", False)),
        "mode": mode,
        "positions": positions,
        "layers": swept_layers(result),
        "chat": params.chat,
        "floor": _FLOORS.get(params.metric),
    }
