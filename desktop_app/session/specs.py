"""What a result's fields and settings are, as two columns of the session, and back.

A stranger may have written them, and nothing that is computed depends on them: what is not of the
form that `encode` gives is as good as not there, and the result is read without it.
"""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from desktop_app.contract.spec import FieldSpec

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

MAX_CHARACTERS = 1_000_000
MAX_FIELDS = 500
_T = TypeVar("_T")
# Both check every kind, and give up on values that are nested without end.
_FIELDS = TypeAdapter(Annotated[tuple[FieldSpec, ...], Field(max_length=MAX_FIELDS)])
_SCHEMA = TypeAdapter(dict[str, JsonValue])


def encode(result: Result) -> tuple[str, str]:
    """Return the specs of a result's fields and the schema of its settings as JSON texts."""
    fields, schema = _FIELDS.dump_json(result.fields), _SCHEMA.dump_json(result.params_schema)
    return fields.decode(), schema.decode()


def decode(result: Result, fields: object, schema: object) -> Result:
    """Return the result with its stored specs and schema, each as far as it can be read."""
    found = _read(_FIELDS, fields) or ()
    is_unique = len({spec.name for spec in found}) == len(found)
    settings: dict[str, Any] = _read(_SCHEMA, schema) or {}
    return dataclasses.replace(result, fields=found if is_unique else (), params_schema=settings)


def _read(form: TypeAdapter[_T], stored: object) -> _T | None:
    with suppress(ValidationError):
        if isinstance(stored, str) and len(stored) <= MAX_CHARACTERS:
            return form.validate_json(stored, strict=True)
    return None
