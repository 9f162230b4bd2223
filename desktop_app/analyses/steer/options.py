"""Settings that all interventions share, as a form of their own: a part of those of steering."""

from __future__ import annotations

from copy import copy
from typing import Any

from pydantic import create_model

from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.params import Frozen

NAMES = ("vector_at", "elsewhere", "read_direction", "reference")
_FOLDED = frozenset({"hidden", "advanced"})


def _in_sight(name: str) -> tuple[Any, Any]:
    """Return a field of the settings as a form shows it that has nothing else to show."""
    field = copy(SteerParams.model_fields[name])
    extra = field.json_schema_extra
    told = extra if isinstance(extra, dict) else {}
    field.json_schema_extra = {key: value for key, value in told.items() if key not in _FOLDED}
    return field.annotation, field


_FIELDS: dict[str, Any] = {name: _in_sight(name) for name in NAMES}
SharedForm: type[Frozen] = create_model("SharedForm", __base__=Frozen, **_FIELDS)
"""The fields of `NAMES`."""


def shared_of(params: SteerParams) -> Frozen:
    """Return these settings."""
    return SharedForm.model_validate({name: getattr(params, name) for name in NAMES})


def settings_of(form: Frozen) -> dict[str, Any]:
    """Return what a form says, by the names of settings."""
    return {name: getattr(form, name) for name in NAMES}
