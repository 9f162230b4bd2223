"""What the window remembers between starts, in a small JSON file that cannot block a start."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.support.errors import LensbenchError
from desktop_app.support.files import write_atomically
from desktop_app.window.prompts.prompt_rows import COLUMNS, TypedRow, typed

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_FILE = "settings.json"
MAX_REMEMBERED_PROMPTS = 500
MOST_SWEEP_MB = 4_000_000
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """Everything that is remembered, except the window's geometry, which Qt keeps.

    Attributes:
        theme: light, dark or system.
        model: Which model to open at the start, or empty before the first one.
        sweep_mb: Memory that a sweep's rows may take, in megabytes; 0: a share of what is free.
        tab: Name of the analysis shown.
        rail_folded: Whether the rail was folded to icons by hand.
        prompts: Rows of the prompt table as typed, also those that cannot be run yet.
        started_before: Whether a model was ever open, so that the worked example was seen.
    """

    theme: str = "system"
    model: str = ""
    device: str = "auto"
    dtype: str = "auto"
    offline: bool = True
    sweep_mb: int = 0
    tab: str = field(default_factory=lambda: next(iter(ANALYSES)))
    rail_folded: bool = False
    bos: str = "auto"
    chat: bool = False
    prompts: tuple[TypedRow, ...] = ()
    selected_prompt: int = 0
    started_before: bool = False


_CHOICES = {
    "theme": {"light", "dark", "system"},
    "tab": set(ANALYSES),
    "bos": {"auto", "yes", "no"},
    "dtype": {"auto", "float32", "bfloat16", "float16"},
}


def load_settings(folder: Path) -> Settings:
    """Read the settings; a bad field falls back to its default, a bad file to all of them."""
    path = folder / SETTINGS_FILE
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        _log.warning("The settings in %s cannot be read (%s): starting afresh.", path, error)
        return Settings()
    if not isinstance(stored, dict):
        _log.warning("The settings in %s are not settings: starting afresh.", path)
        return Settings()
    good: dict[str, Any] = {}
    for item in fields(Settings):
        if item.name not in stored:
            continue
        try:
            good[item.name] = _checked(item.name, stored[item.name])
        except (TypeError, ValueError):
            _log.warning("The setting “%s” in %s is not usable: ignored.", item.name, path)
    return Settings(**good)


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the settings, or leave the old ones untouched where that fails."""
    content = asdict(replace(settings, prompts=()))
    content["prompts"] = [asdict(row) for row in settings.prompts[:MAX_REMEMBERED_PROMPTS]]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with write_atomically(folder / SETTINGS_FILE) as file:
            file.write(json.dumps(content, indent=1).encode("utf-8"))
    except (LensbenchError, OSError, UnicodeEncodeError) as error:
        _log.warning("The settings were not saved: %s", error)


def _checked(name: str, value: Any) -> Any:
    """Return a stored value in the field's own type, or raise ValueError or TypeError."""
    default = getattr(Settings(), name)
    if name == "prompts":
        return _prompt_rows(value)
    if type(value) is not type(default):
        raise TypeError(name)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise ValueError(name)
    if name == "sweep_mb" and not 0 <= value <= MOST_SWEEP_MB:
        raise ValueError(name)
    return value


def _prompt_rows(value: Any) -> tuple[TypedRow, ...]:
    if not isinstance(value, list):
        raise TypeError("prompts")
    rows = []
    for item in value[:MAX_REMEMBERED_PROMPTS]:
        row = _typed_row(item)
        if row is None:
            _log.warning("A remembered prompt is not usable: ignored.")
        else:
            rows.append(row)
    return tuple(rows)


def _typed_row(item: Any) -> TypedRow | None:
    """Return a row as typed; earlier versions kept those that can be run only, in other words."""
    if isinstance(item, dict) and item.keys() == set(COLUMNS):
        texts = [item[name] for name in COLUMNS]
        return TypedRow(*texts) if all(isinstance(text, str) for text in texts) else None
    try:
        return typed(PromptRow.model_validate(item))
    except ValidationError:
        return None
