"""A result's norms as arrays over layers: of a prompt, of one position, of all but the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import WITHHELD, written

if TYPE_CHECKING:
    from desktop_app.pictures.shown import Shown

_NEARLY = 0.9999
END = "end"
"""What the place behind the last block is called."""

ADDED = {"norm_attn": "attention", "norm_mlp": "MLP"}
TITLES = {"norm": "Stream", "norm_attn": "Attention adds", "norm_mlp": "MLP adds"}


def layer_count(shown: Shown) -> int:
    """Return how many layers the model has."""
    return len(np.asarray(shown.data["growth"]))


def layer_labels(layers: int) -> list[str]:
    """Return what the places of the stream are called: by the block behind them, and the end."""
    return [*(str(layer) for layer in range(layers)), END]


def place_words(shown: Shown, row: int) -> str:
    """Say where a stream stands: before which block, or behind the last."""
    layers = layer_count(shown)
    return f"before block {row}" if row < layers else f"after block {layers - 1}, the last"


def prompt_count(shown: Shown) -> int:
    """Return how many prompts there are."""
    value = shown.data["norm"]
    return len(value) if isinstance(value, (tuple, list)) else np.asarray(value).shape[-1]


def table_of(shown: Shown, name: str, prompt: int) -> np.ndarray:
    """Return a field of one prompt, `[rows, positions]`."""
    value = shown.data[name]
    if isinstance(value, (tuple, list)):
        return np.asarray(value[prompt], dtype=float)
    return np.asarray(value, dtype=float)[..., prompt]


def map_shape(shown: Shown, prompt: int) -> tuple[int, int]:
    """Return how many rows and positions the stream of a prompt has; none of an unknown prompt."""
    if prompt >= prompt_count(shown):
        return 0, 0
    rows, positions = table_of(shown, "norm", prompt).shape
    return int(rows), int(positions)


def tables_of(shown: Shown, name: str) -> list[np.ndarray]:
    """Return a field of every prompt."""
    return [table_of(shown, name, n) for n in range(prompt_count(shown))]


def geometric(values: np.ndarray) -> np.ndarray:
    """Return geometric means over the last axis, of what is known; NaN over nothing."""
    values = np.asarray(values, dtype=float)
    known = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(known, values, 1.0)).sum(-1)
    count = known.sum(-1)
    mean = np.divide(logs, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.asarray(np.exp(mean))


def later(shown: Shown, name: str) -> np.ndarray:
    """Return the geometric mean over the positions from 1 on of all prompts, `[rows]`."""
    return geometric(np.concatenate([table[:, 1:] for table in tables_of(shown, name)], axis=1))


def later_by_prompt(shown: Shown, name: str) -> np.ndarray:
    """Return the geometric mean over each prompt's positions from 1 on, `[N, rows]`."""
    return np.array([geometric(table[:, 1:]) for table in tables_of(shown, name)])


def first(shown: Shown, name: str) -> np.ndarray:
    """Return the geometric mean over prompts at position 0, `[rows]`."""
    return geometric(np.stack([table[:, 0] for table in tables_of(shown, name)], axis=1))


def token_name(shown: Shown, prompt: int, position: int) -> str:
    """Return a position with its token, or its number while the tokens are unknown."""
    texts = shown.prompts[prompt].tokens.texts if prompt < len(shown.prompts) else ()
    if position >= len(texts):
        return f"position {position}"
    return f"position {position} “{display_text(texts[position])}”"


def size_text(value: float) -> str:
    """Write a norm so that small and huge ones are short."""
    if not np.isfinite(value):
        return WITHHELD
    for least, form in ((1000, "{:,.0f}"), (100, "{:.1f}"), (1, "{:.2f}"), (0.01, "{:.4f}")):
        if abs(value) >= _NEARLY * least:
            return written(form, value)
    return written("{:.2e}" if value else "{:.0f}", value)


def times_text(value: float, digits: int = 3) -> str:
    """Write a factor."""
    return WITHHELD if not np.isfinite(value) else f"{value:.{digits}f} ×"
