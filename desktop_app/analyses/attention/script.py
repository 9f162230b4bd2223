"""What the script of attention patterns prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.analyses.attention.picture import keeps_patterns
from desktop_app.session.export_scripts import numbers, swept_layers
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.analyses.attention.spec import AttentionParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: AttentionParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings.

    Raises:
        BadInputError: The result keeps no patterns, and a script would want the memory of them all.
    """
    if not keeps_patterns(result):
        raise BadInputError(
            "No script can be written: this result keeps no patterns, which were too large; run it "
            "again with fewer --layers or --heads."
        )
    return {
        "layers": swept_layers(result),
        "heads": numbers(result, "head_indices"),
        "softmax_inputs": params.scores and "sink" not in result.data,
        "sinks": "sink" in result.data,
    }
