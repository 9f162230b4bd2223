"""What the script of a ranking prints of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from desktop_app.analyses.rank.spec import RankParams
    from desktop_app.contract.result import Result


def facts(_result: Result, params: RankParams) -> dict[str, Any]:
    """Return what `script.py.jinja` asks beside the prompts: how many next tokens are listed."""
    return {"top": params.top}
