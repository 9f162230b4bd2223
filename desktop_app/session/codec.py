"""A Result as a JSON document plus arrays, and back, bit for bit.

JSON holds what it can; the rest is written as an object with one reserved key: `$tuple`, `$dict`
(keys that are not plain texts), `$number` (not a number, infinities), `$array` and `$scalar`
(numpy values, by the name under which their bytes are stored). Nothing is ever executed: a
document that is not of this form is refused with `DamagedError`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from contextlib import suppress
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from desktop_app.contract.result import (
    ModelInfo,
    Notice,
    PromptRecord,
    Result,
    Timing,
)
from desktop_app.contract.spec import FieldSpec
from desktop_app.session.parts import ArraySpec, DamagedError, LazyArray, Stored, describe

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHARACTERS = 1_000_000
MAX_FIELDS = 500
_KEYS = frozenset({"$tuple", "$dict", "$number", "$array", "$scalar"})
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(result: Result) -> tuple[dict[str, Any], dict[str, Stored]]:
    """Return the JSON document of a result and the arrays it refers to, by name."""
    arrays: dict[str, Stored] = {}
    document = {
        "analysis": result.analysis,
        "schema": result.schema,
        "version": result.version,
        "params": encode_plain(dict(result.params)),
        "model": encode_plain(dataclasses.asdict(result.model)),
        "prompts": [encode_plain(dataclasses.asdict(p)) for p in result.prompts],
        "data": {name: _encode(value, name, arrays) for name, value in result.data.items()},
        "warnings": [encode_plain(dataclasses.asdict(n)) for n in result.warnings],
        "provenance": encode_plain(dict(result.provenance)),
        "timing": encode_plain(dataclasses.asdict(result.timing)),
    }
    return document, arrays


def encode_plain(value: Any) -> Any:
    """Return `value` as JSON without arrays: numpy's values become Python's own."""
    return _encode(value, "", None)


def decode_plain(value: Any) -> Any:
    """Return what `encode_plain` was given."""
    return _decode(value, _no_arrays)


def decode(document: Any, array: Callable[[ArraySpec], Stored]) -> Result:
    """Return the result of a document; `array` finds the bytes of each array it names.

    Raises:
        DamagedError: The document does not have the form that `encode` gives it.
    """
    source = _mapping(document)
    data = {k: _decode(v, array) for k, v in _mapping(source.get("data")).items()}
    if not all(name.isidentifier() for name in data):
        raise DamagedError("a field without a proper name")
    return Result(
        analysis=_typed(source.get("analysis"), str),
        params=_mapping(decode_plain(source.get("params"))),
        model=_record(ModelInfo, decode_plain(source.get("model"))),
        prompts=tuple(_record(PromptRecord, decode_plain(p)) for p in _list(source.get("prompts"))),
        data=data,
        warnings=tuple(_record(Notice, decode_plain(w)) for w in _list(source.get("warnings"))),
        provenance=_mapping(decode_plain(source.get("provenance"))),
        timing=_record(Timing, decode_plain(source.get("timing"))),
        schema=_typed(source.get("schema"), int),
        version=_typed(source.get("version"), str),
    )


def _encode(value: Any, name: str, arrays: dict[str, Stored] | None) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (np.ndarray, np.generic, LazyArray)):
        if arrays is None:
            return _encode(np.asarray(value).tolist(), name, None)
        return _encode_array(value, name, arrays)
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$number": repr(value)}
    if isinstance(value, (list, tuple)):
        items = [_encode(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, Mapping):
        return _encode_mapping(value, name, arrays)
    raise TypeError(f"{name}: a {type(value).__name__} cannot be stored")


def _encode_mapping(value: Mapping[Any, Any], name: str, arrays: dict[str, Stored] | None) -> Any:
    if all(isinstance(k, str) for k in value) and not _KEYS & value.keys():
        return {k: _encode(v, f"{name}.{k}", arrays) for k, v in value.items()}
    return {"$dict": [[_encode(x, name, arrays) for x in pair] for pair in value.items()]}


def _encode_array(
    value: np.ndarray | np.generic | LazyArray, name: str, arrays: dict[str, Stored]
) -> dict[str, Any]:
    unique = name if name not in arrays else f"{name}#{len(arrays)}"
    array = np.asarray(value) if isinstance(value, np.generic) else value
    try:
        spec = describe(unique, array)
    except DamagedError as error:
        raise TypeError(f"{name}: an array of {array.dtype} cannot be stored") from error
    arrays[unique] = array
    key = "$scalar" if isinstance(value, np.generic) else "$array"
    return {key: unique, "dtype": spec.dtype, "shape": list(spec.shape), "lead": spec.lead}


def _decode(value: Any, array: Callable[[ArraySpec], Stored]) -> Any:
    if isinstance(value, list):
        return [_decode(v, array) for v in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in _KEYS if key in value), None)
    if tag is None:
        return {k: _decode(v, array) for k, v in value.items()}
    return _decode_tagged(tag, value, array)


def _decode_tagged(tag: str, value: dict[str, Any], array: Callable[[ArraySpec], Stored]) -> Any:
    if tag == "$tuple":
        return tuple(_decode(_list(value[tag]), array))
    if tag == "$dict":
        return _decode_dict(_decode(_list(value[tag]), array))
    if tag == "$number":
        if value[tag] in list(_NUMBERS):
            return _NUMBERS[value[tag]]
        raise DamagedError("an unknown number")
    stored = array(_spec(value, tag))
    return np.asarray(stored)[()] if tag == "$scalar" else stored


def _decode_dict(pairs: list[Any]) -> dict[Any, Any]:
    try:
        return dict(pairs)
    except (TypeError, ValueError) as error:
        raise DamagedError("a table of values is not made of pairs") from error


def _spec(value: dict[str, Any], tag: str) -> ArraySpec:
    return ArraySpec(
        name=_typed(value[tag], str),
        dtype=_typed(value.get("dtype"), str),
        shape=tuple(_typed(n, int) for n in _list(value.get("shape"))),
        lead=_typed(value.get("lead"), int),
    )


def _no_arrays(spec: ArraySpec) -> Stored:
    raise DamagedError(f"an array where none belongs: {spec.name}")


_T = TypeVar("_T")


def _typed(value: Any, kind: type[_T]) -> _T:
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise DamagedError(f"{kind.__name__} expected, {type(value).__name__} found")
    return value


def _list(value: Any) -> list[Any]:
    return _typed(value, list)


def _mapping(value: Any) -> dict[str, Any]:
    return _typed(value, dict)


_hints = functools.cache(get_type_hints)


def _record(cls: Any, value: Any) -> Any:
    """Build a dataclass of the contract; names it does not know come from a newer version."""
    source = _mapping(value)
    known = {
        name: _value(hint, source.get(name))
        for name, hint in _hints(cls).items()
        if name in source or get_origin(hint) is tuple
    }
    try:
        return cls(**known)
    except TypeError as error:
        raise DamagedError(f"{cls.__name__} lacks a field") from error


def _value(hint: Any, value: Any) -> Any:
    """Return a value that is of the kind as which a field is declared, to the last item."""
    if type(value) is hint:
        return value
    if get_origin(hint) is UnionType:
        return None if value is None else _value(get_args(hint)[0], value)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in _typed(value, tuple))
    kind = get_origin(hint) or hint
    return _record(kind, value) if dataclasses.is_dataclass(kind) else _typed(value, kind)


# What a result's fields and settings are, as two columns of the session. A stranger may have
# written them, and nothing that is computed depends on them: what is not of the form that
# `encode_specs` gives is as good as not there. Both check every kind, and give up on values nested
# without end.
_FIELDS = TypeAdapter(Annotated[tuple[FieldSpec, ...], Field(max_length=MAX_FIELDS)])
_SCHEMA = TypeAdapter(dict[str, JsonValue])


def encode_specs(result: Result) -> tuple[str, str]:
    """Return the specs of a result's fields and the schema of its settings as JSON texts."""
    fields, schema = _FIELDS.dump_json(result.fields), _SCHEMA.dump_json(result.params_schema)
    return fields.decode(), schema.decode()


def decode_specs(result: Result, fields: object, schema: object) -> Result:
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
