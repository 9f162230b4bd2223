"""The settings that a result was made with, read back from it. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from desktop_app.analyses.steer.spec import SteerParams

if TYPE_CHECKING:
    from collections.abc import Mapping


def made_params(params: Mapping[str, Any]) -> SteerParams | None:
    """Return the settings of a result without its prompts; None where they do not fit."""
    known = {name: value for name, value in params.items() if name in SteerParams.stored_fields()}
    try:
        return SteerParams.model_validate(known)
    except ValidationError:
        return None


def made_with(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same by the names of fields; none where they do not fit."""
    made = made_params(params)
    return {} if made is None else {name: getattr(made, name) for name in SteerParams.own_fields()}
