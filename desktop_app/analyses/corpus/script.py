"""What the script of heads over text prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.corpus.drawn import rooms
from desktop_app.session.export_scripts import numbers
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from desktop_app.analyses.corpus.spec import CorpusParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: CorpusParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    weights, rows = rooms(int(result.model.n_layers), int(result.model.n_heads), params.window)
    return {
        "text": params.text or str(resource("text", "corpus")),
        "own": not params.text,
        "lead": numbers(result, "lead"),
        "windows": int(result.data["windows"]),
        "keeps_rows": "top_row" in result.data,
        "most_weights": weights,
        "most_rows": rows,
        # Stopped or not: the script reads the windows that the result was made of.
        "stopped": False,
    }
