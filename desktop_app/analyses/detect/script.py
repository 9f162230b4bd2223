"""What the script of head detectors prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.session.export_scripts import sequences
from desktop_app.support.errors import BadInputError
from desktop_app.text.families import choose_families

if TYPE_CHECKING:
    from desktop_app.analyses.detect.spec import DetectParams
    from desktop_app.contract.result import Result


def facts(result: Result, params: DetectParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks of the result and its settings."""
    if params.seeds > 1:
        raise BadInputError(
            "A result over several seeds has no script, as it holds the sequences of the first "
            "alone: run with --seeds 1, or export it as .npz."
        )
    families = choose_families(params.families)
    return {
        "sequences": sequences(result) if params.on == "random" else None,
        "target": [list(row) for row in params.pattern],
        "keep_patterns": "pattern" in result.data,
        "lead": int(result.data["embedding_lead"]["id"]),
        "shown": all(told.code != "values_not_shown" for told in result.warnings),
        "families": {f.name: {"members": list(f.members), "cyclic": f.cyclic} for f in families},
    }
