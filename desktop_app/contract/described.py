"""What the fields of a result are: as it says itself, else as its analysis says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from desktop_app.contract.registry import ANALYSES

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.contract.spec import FieldSpec


def described(result: Result) -> Result:
    """Return the result with the specs of its fields, where it lacks them and they are known."""
    analysis = ANALYSES.get(result.analysis)
    if result.fields or analysis is None:
        return result
    fields = analysis.describe(result.data, result.params)
    return replace(result, fields=fields, params_schema=analysis.params.model_json_schema())


def fields_of(result: Result) -> dict[str, FieldSpec]:
    """Return the specs of a result's fields by name, as far as they are known."""
    analysis = ANALYSES.get(result.analysis)
    specs = result.fields
    if not specs and analysis is not None:
        specs = analysis.describe(result.data, result.params)
    return {spec.name: spec for spec in specs}


def reads_prompts(result: Result) -> bool:
    """Return whether a result speaks of the prompt table, rather than of sequences of its own."""
    analysis = ANALYSES.get(result.analysis)
    if analysis is None:
        return bool(result.prompts)
    kind = analysis.params
    known = {k: v for k, v in result.params.items() if k in kind.own_fields()}
    try:
        return kind.model_validate(known).reads_prompts()
    except ValidationError:
        return bool(result.prompts)
