"""A probe's direction as a file that steering reads. No Qt, no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from desktop_app.pictures.words import percent
from desktop_app.support.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from desktop_app.contract.result import ModelInfo

_LABEL = 60


def made_words(labels: Sequence[str], position: str, accuracy: float) -> str:
    """Say how a direction was made, for its file."""
    where = "at every position" if position == "all" else f"at position {position}"
    first, second = (str(name)[:_LABEL] for name in labels[:2])
    told = percent(100 * accuracy)
    return f"probe from “{first}” to “{second}” {where}, held-out accuracy {told}"


def write_direction(
    path: Path, direction: np.ndarray, place: tuple[ModelInfo, int, str], made: str
) -> None:
    """Write a unit direction; `place` is the model, the layer and the site."""
    info, layer, site = place
    facts = {
        "format": "lensbench-vector-1",
        "fingerprint": info.fingerprint,
        "model": info.name,
        "layer": str(layer),
        "site": site,
        "made": made,
    }
    stored = save({"vector": np.ascontiguousarray(direction, dtype=np.float32)}, facts)
    with write_atomically(path) as file:
        file.write(stored)
