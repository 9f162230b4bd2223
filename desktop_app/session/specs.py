"""What a result's fields and settings are, as two columns of the session, and back.

A stranger may have written them, and nothing that is computed depends on them: what is not of the
form that `encode` gives is as good as not there, and the result is read without it.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from desktop_app.contract.spec import FieldSpec
from desktop_app.session.file import parse
from desktop_app.session.parts import DamagedError

if TYPE_CHECKING:
    from desktop_app.contract.result import Result

MAX_CHARACTERS = 1_000_000
MAX_FIELDS = 500
MAX_DEPTH = 20
_KINDS: dict[str, type] = {
    "name": str,
    "axes": list,
    "meaning": str,
    "unit": str,
    "nullable": bool,
    "labels": str,
    "telling": int,
}


def encode(result: Result) -> tuple[str, str]:
    """Return the specs of a result's fields and the schema of its settings as JSON texts."""
    fields = [dataclasses.asdict(spec) for spec in result.fields]
    return _dumps(fields), _dumps(result.params_schema)


def decode(result: Result, fields: object, schema: object) -> Result:
    """Return the result with its stored specs and schema, each as far as it can be read."""
    known, settings = _fields(fields), _schema(schema)
    return dataclasses.replace(result, fields=known, params_schema=settings)


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _fields(stored: object) -> tuple[FieldSpec, ...]:
    try:
        found = tuple(map(_spec, _read(stored, list)[:MAX_FIELDS]))
    except (DamagedError, ValueError, TypeError, RecursionError):
        return ()
    return found if len({spec.name for spec in found}) == len(found) else ()


def _schema(stored: object) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _read(stored, dict)
        return found if _depth(found) <= MAX_DEPTH else {}
    except (DamagedError, ValueError, RecursionError):
        return {}


def _read(stored: object, kind: type) -> Any:
    if isinstance(stored, str) and len(stored) > MAX_CHARACTERS:
        raise DamagedError("far too long")
    found = parse(stored)
    if type(found) is not kind:
        raise DamagedError(f"{kind.__name__} expected")
    return found


def _spec(row: Any) -> FieldSpec:
    if not isinstance(row, dict):
        raise DamagedError("a spec that is no table")
    known = {name: row.get(name) for name in _KINDS}
    if any(type(value) is not _KINDS[name] for name, value in known.items()):
        raise DamagedError("a spec with values of unlike kinds")
    axes = known.pop("axes") or []
    if not all(isinstance(axis, str) for axis in axes):
        raise DamagedError("an axis that is no text")
    return FieldSpec(axes=tuple(axes), **known)  # type: ignore[arg-type] # checked above


def _depth(value: Any) -> int:
    parts = value.values() if isinstance(value, dict) else value
    inner = [_depth(part) for part in parts if isinstance(part, (dict, list))]
    return 1 + max(inner, default=0)
