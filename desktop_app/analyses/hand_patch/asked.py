"""What another view says of the run that it puts an activation into, as settings of By hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.contract.grammar import parse_parts, written_parts
from desktop_app.contract.moves import parse_move

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.hand_patch.spec import HandPatchParams
    from desktop_app.contract.moves import RunName


def changes_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that make a run that is a changed one already; none where it is not.

    Raises:
        BadInputError: A removed part is written as none is.
        ValueError: A move is.
    """
    if "without" not in told and "moves" not in told:
        return {}
    without = written_parts(parse_parts(str(told.get("without", ""))))
    moves = tuple(str(parse_move(str(text))) for text in told.get("moves", ()))
    changes: dict[str, Any] = {"without": without, "moves": moves}
    if without and "mode" in told:
        changes["mode"] = "mean" if told["mode"] == "mean" else "zero"
    if changes.get("mode") == "mean":  # over the given prompts, not over any of the form
        changes["reference"] = ()
    return changes


def holds(params: HandPatchParams, run: RunName, changes: Mapping[str, Any]) -> bool:
    """Return whether settings make such a run, other moves beside; an untouched one, all do."""
    if not changes:
        return True
    apart = {"without", "moves"}
    same = all(getattr(params, name) == changes[name] for name in changes.keys() - apart)
    parts = set(parse_parts(params.without)) == set(parse_parts(changes["without"]))
    return params.run == run and same and parts and set(changes["moves"]) <= set(params.moves)
