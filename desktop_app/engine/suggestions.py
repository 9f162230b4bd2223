"""Models beside those at hand: folders and files opened before, and known ones by size."""

from __future__ import annotations

import functools
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.contract.requests import ModelRow, ModelSpec
from desktop_app.engine.catalogue import list_models, locate
from desktop_app.engine.memory import bytes_needed
from desktop_app.support.errors import LensbenchError
from desktop_app.support.paths import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)
_GONE = "It is not there: it was moved or deleted, or its disk is not connected."
_AWAY = "Not on this disk: allow the network, and it is fetched when it is loaded."


def offered_models(recent: Sequence[str], *, suggested: bool) -> tuple[ModelRow, ...]:
    """Return the models at hand, those opened before by their paths, and known ones by size."""
    rows = [*list_models(), *(_recent_row(path) for path in recent)]
    names = {row.name for row in rows}
    if suggested:
        rows += [row for row in suggested_rows() if row.name not in names]
    return tuple(rows)


def _recent_row(path: str) -> ModelRow:
    title, parameters, note = Path(path).name or path, None, _GONE
    is_there = Path(path).exists()
    if is_there:
        try:
            parameters, note = locate(ModelSpec(path)).parameters, ""
        except LensbenchError as error:
            note = str(error)
        except Exception:  # noqa: BLE001 - one bad folder must not cost the others
            _log.info("“%s” cannot be read", path, exc_info=True)
            note = "Its files cannot be read."
    needed = bytes_needed(parameters) if parameters else {}
    where = path if not note else None
    return ModelRow(path, title, where, where is not None, parameters, needed, "recent", note)


@functools.cache
def suggested_rows() -> tuple[ModelRow, ...]:
    """Return known models, the smallest first; how many parameters they have is no secret."""
    path = resource("suggested_models.json")
    listed = json.loads(path.read_text(encoding="utf-8"))["models"]
    found = ((str(item["name"]), int(item["parameters"])) for item in listed)
    return tuple(
        ModelRow(name, name, None, False, count, bytes_needed(count), "suggested", _AWAY)
        for name, count in sorted(found, key=lambda pair: pair[1])
    )
