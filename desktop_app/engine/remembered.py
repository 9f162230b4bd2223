"""What was tried out of a model's hooks, remembered by configuration, settings and versions.

In memory, and in a small file of the user's that the next start reads: a model of eighty layers is
not tried out anew each time. The file holds nothing but truths about software; where it cannot be
read or written, hooks are tried once in each process.

Some weights tell nothing about their architecture: where attention gives zeros, anything may be
done to it. What was found with such weights is remembered of them alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from desktop_app.support.errors import LensbenchError
from desktop_app.support.files import write_atomically
from desktop_app.support.installed import package_version
from desktop_app.support.paths import data_dir, ensure

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

FILE = "hooks.json"
# Raised whenever the trials themselves change: what an older one found does not count then.
_TRIALS = 3
_PACKAGES = ("lensbench", "torch", "transformers", "transformer-lens", "accelerate")
_MOST_MODELS = 200
_MOST_FINDINGS = 60
_MOST_BYTES = 1_000_000
# Of the settings these do not change what the hooks do.
_NAMES = frozenset({"model", "offline"})

Findings = dict[str, bool]
"""What was tried, by name, and whether it works."""


class Finding(NamedTuple):
    """What a trial found.

    Attributes:
        holds: Whether it works.
        for_all: Whether that holds of all weights of the configuration, or of these alone.
    """

    holds: bool
    for_all: bool


_log = logging.getLogger(__name__)
_known: dict[str, Findings] = {}
_keys: WeakKeyDictionary[Any, dict[tuple[object, ...], str]] = WeakKeyDictionary()


def recall(model: LoadedModel, name: str, try_out: Callable[[], Finding | bool | None]) -> bool:
    """Return what is known of a model under a name; what is not yet is tried out once.

    A trial that could tell nothing (None) counts as failed, and is not remembered.
    """
    known = recalled(model, name)
    if known is not None:
        return known
    found = try_out()
    if found is None:
        return False
    told = found if isinstance(found, Finding) else Finding(found, for_all=True)
    key = _key(model)
    findings = _known[key]
    findings[name if told.for_all else _of_weights(model, name)] = told.holds
    for oldest in list(findings)[:-_MOST_FINDINGS]:
        del findings[oldest]
    _write(key)
    return told.holds


def recalled(model: LoadedModel, name: str) -> bool | None:
    """Return what is known of a model under a name; None where it was not tried."""
    key = _key(model)
    if key not in _known:
        _known[key] = _read().get(key, {})
    found = _known[key]
    return found.get(name, found.get(_of_weights(model, name)))


def _of_weights(model: LoadedModel, name: str) -> str:
    return f"{name}, weights {model.info.fingerprint}"


def forget() -> None:
    """Forget what this process knows; the file stays."""
    _known.clear()
    _keys.clear()


def _key(model: LoadedModel) -> str:
    """Return what the hooks of a model depend on, as one short text."""
    there = _keys.setdefault(model.bridge.original_model, {})
    settings = model.spec, model.device.type, model.info.dtype
    if settings not in there:
        there[settings] = _digest(model)
    return there[settings]


def _digest(model: LoadedModel) -> str:
    original = model.bridge.original_model
    settings = {k: v for k, v in asdict(model.spec).items() if k not in _NAMES}
    configuration = {k: v for k, v in original.config.to_dict().items() if k != "_name_or_path"}
    facts = {
        "architecture": type(original).__name__,
        "configuration": configuration,
        "attn_implementation": getattr(original.config, "_attn_implementation", None),
        "settings": {**settings, "device": model.device.type, "dtype": model.info.dtype},
        "versions": [package_version(name) for name in _PACKAGES],
        "trials": _TRIALS,
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _read() -> dict[str, Findings]:
    """Return what the file knows; nothing of it where it is no file of ours."""
    path = data_dir() / FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {
        key: found
        for key, found in stored.items()
        if isinstance(found, dict) and all(isinstance(value, bool) for value in found.values())
    }


def _write(key: str) -> None:
    stored = _read()
    stored.pop(key, None)
    stored[key] = _known[key]  # the newest last
    kept = dict(list(stored.items())[-_MOST_MODELS:])
    with suppress(LensbenchError, OSError):
        with write_atomically(ensure(data_dir()) / FILE, private=True) as file:
            file.write(json.dumps(kept).encode("utf-8"))
        return
    _log.debug("What was tried of the hooks is kept in memory alone.")
