"""What the script of a fitted lens prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.session.export_scripts import numbers

if TYPE_CHECKING:
    from desktop_app.analyses.fit_lens.spec import FitLensParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: FitLensParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    return {
        "text": params.text,
        "lead": numbers(result, "lead"),
        "windows": int(result.data["windows"]),
        "corpus": str(result.data["corpus"]),
        "n_layers": int(result.model.n_layers),
        "saves_tensors": True,
        # Stopped or not: the script fits on the windows that the result was fitted on.
        "stopped": False,
    }
