"""What the window remembers between starts, in a small JSON file that cannot block a start."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.support.errors import LensbenchError
from desktop_app.support.files import write_atomically
from desktop_app.support.paths import private
from desktop_app.window.prompts.prompt_rows import COLUMNS, TypedRow, marked, marks_of, typed

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS_FILE = "settings.json"
MAX_REMEMBERED_PROMPTS = 500
MAX_RECENT = 12
MAX_PATH = 4_096
MOST_SWEEP_MB = 4_000_000
USUAL_STORED_MB = 2_000
_MARKS = "prompt_marks"
_log = logging.getLogger(__name__)


def _prompt_rows(value: Any) -> Any:
    """Return the rows that can be used, instead of refusing them all."""
    if not isinstance(value, list):
        return value
    rows = [_typed_row(item) for item in value[:MAX_REMEMBERED_PROMPTS]]
    if None in rows:
        _log.warning("A remembered prompt is not usable: ignored.")
    return tuple(row for row in rows if row is not None)


def _typed_row(item: Any) -> TypedRow | None:
    """Return a row as typed; earlier versions kept those that can be run only, in other words."""
    if isinstance(item, dict) and item.keys() == set(COLUMNS):
        texts = [item[name] for name in COLUMNS]
        return TypedRow(*texts) if all(isinstance(text, str) for text in texts) else None
    try:
        return typed(PromptRow.model_validate(item))
    except ValidationError:
        return None


def _texts(value: Any) -> Any:
    """Return the texts of a list, no more than are kept."""
    if not isinstance(value, (list, tuple)):
        return value
    texts = [text for text in value if isinstance(text, str) and 0 < len(text) <= MAX_PATH]
    return tuple(dict.fromkeys(texts))[:MAX_RECENT]


def _known_tab(name: str) -> str:
    if name not in ANALYSES:
        raise ValueError(name)
    return name


class Settings(BaseModel):
    """Everything that is remembered, except the window's geometry, which Qt keeps.

    Attributes:
        model: Which model to open at the start, or empty before the first one.
        sweep_mb: Memory that a sweep's rows may take, in megabytes; 0: a share of what is free.
        stored_mb: What a result may keep of patterns, in megabytes; beyond it small pictures alone.
        tab: Name of the analysis shown.
        rail_folded: Whether the rail was folded to icons by hand.
        prompts: Rows of the prompt table as typed, also those that cannot be run yet; labels,
            groups and ticks of them stand in the file as `prompt_marks`, which older versions pass
            over.
        text_zooms: How large letters are in help, notes and log, in percent, where it was changed.
        help_width: How wide the help was last; 0 before it was shown.
        choices: How the picture of each analysis is looked at, such as its colour scale.
        started_before: Whether a model was ever open, so that the worked example was seen.
        recent_sessions: Files of sessions, the one of last at first.
        recent_models: Folders and `.gguf` files that were opened as models, likewise.
        model_folder: Where models were looked for last.
        files_folder: Where a file was opened or written last.
        made: Family, form and texts of the prompts that were made last and put into the table.
        folded_results: Analyses whose groups are folded among the results.
        told_wrong: Pairs of versions known to be wrong that are to be said no more at a start.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    theme: Literal["system", "light", "dark"] = "system"
    model: str = ""
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    weights: Literal["raw", "processed"] = "raw"
    layernorm: Literal["keep", "eps", "identity", "constant"] = "keep"
    offline: bool = True
    sweep_mb: int = Field(default=0, ge=0, le=MOST_SWEEP_MB)
    stored_mb: int = Field(default=USUAL_STORED_MB, ge=1, le=MOST_SWEEP_MB)
    tab: Annotated[str, BeforeValidator(_known_tab)] = Field(
        default_factory=lambda: next(iter(ANALYSES))
    )
    rail_folded: bool = False
    bos: Literal["auto", "yes", "no"] = "auto"
    chat: bool = False
    prompts: Annotated[tuple[TypedRow, ...], BeforeValidator(_prompt_rows)] = ()
    selected_prompt: int = 0
    text_zooms: dict[str, Annotated[int, Field(ge=60, le=300)]] = Field(default_factory=dict)
    help_width: int = Field(default=0, ge=0, le=10_000)
    choices: dict[str, dict[str, str]] = Field(default_factory=dict)
    made: dict[str, Any] = Field(default_factory=dict)
    started_before: bool = False
    recent_sessions: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    recent_models: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    model_folder: str = Field(default="", max_length=MAX_PATH)
    files_folder: str = Field(default="", max_length=MAX_PATH)
    folded_results: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    told_wrong: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()


class Memory:
    """The settings in force, which every room may change; they are written at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.settings = load_settings(folder)

    def keep(self) -> None:
        """Write them now: what a program that dies may not forget."""
        save_settings(self._folder, self.settings)

    def change(self, **changes: Any) -> None:
        """Take over some settings."""
        self.settings = self.settings.model_copy(update=changes)


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
    good = Settings()
    for name in Settings.model_fields.keys() & stored.keys():
        try:
            read = Settings.model_validate({name: stored[name]})
        except ValidationError:
            _log.warning("The setting “%s” in %s is not usable: ignored.", name, path)
        else:
            good = good.model_copy(update={name: getattr(read, name)})
    rows = marked(good.prompts, stored.get(_MARKS))
    return good.model_copy(update={"prompts": tuple(rows)})


def save_settings(folder: Path, settings: Settings) -> None:
    """Write the settings, or leave the old ones untouched where that fails."""
    rows = settings.prompts[:MAX_REMEMBERED_PROMPTS]
    kept = settings.model_dump(mode="python")
    kept["prompts"] = [{name: getattr(row, name) for name in COLUMNS} for row in rows]
    kept[_MARKS] = marks_of(rows)
    try:
        private(folder)
        with write_atomically(folder / SETTINGS_FILE, private=True) as file:
            file.write(json.dumps(kept, indent=1).encode("utf-8"))
    except (LensbenchError, OSError, UnicodeEncodeError) as error:
        _log.warning("The settings were not saved: %s", error)
