"""Settings that the libraries would stumble over, or write out as lists without end. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from desktop_app.engine.checkpoints.weight_files import read_json
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_BESIDE = (
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "generation_config.json",
)  # fmt: skip
_MOST_BYTES = 100_000_000
# Counts by which the library makes lists: labels of a classifier, attention layer by layer.
_LISTED, _MOST_LISTED = ("num_labels", "attention_types"), 100_000


def refuse_odd_settings(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse settings that no library can take.

    Args:
        folder: The model's folder.
        config: What its config.json says.

    Raises:
        ModelLoadError: The sentence names the file, and the setting.
    """
    for key in _LISTED:
        _refuse_absurd_counts(folder / "config.json", key, config.get(key))
    for name in _BESIDE:
        if (folder / name).is_file():
            read_json(folder / name, _MOST_BYTES)


def _refuse_absurd_counts(path: Path, key: str, value: Any) -> None:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, (int, float)) and not value <= _MOST_LISTED:
            raise ModelLoadError(
                f"{path} says {key} {value:,}, and no model has so many: correct it or fetch the "
                "model again."
            )
