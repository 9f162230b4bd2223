"""A probe's direction as a file that steering reads. No Qt, no torch."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from desktop_app.analyses.probe.places import vector_place
from desktop_app.pictures.words import percent
from desktop_app.support import paths
from desktop_app.support.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from desktop_app.analyses.probe.probed import Cell, Probed
    from desktop_app.contract.result import ModelInfo

_LABEL = 60
_NAME = 30
_UNFIT = re.compile(r"[^\w.-]+", re.ASCII)
ENDING = ".safetensors"


def folder() -> Path:
    """Return where vectors are kept."""
    return paths.data_dir() / "vectors"


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


def keep_direction(probed: Probed, info: ModelInfo, cell: Cell) -> Path:
    """Write the direction of a probe among the vectors, and return the file.

    The same direction has the same name: pressed twice, there is one file.

    Raises:
        BadInputError: It cannot be written there.
    """
    direction = np.asarray(probed.table("direction")[cell], dtype=np.float32)
    layer, site = vector_place(probed.site, cell[0], info.n_layers)
    labels = [_UNFIT.sub("-", name)[:_NAME] for name in (info.name, *probed.labels[:2])]
    same = hashlib.sha256(direction.tobytes()).hexdigest()[:8]
    path = paths.ensure(folder()) / f"probe-{'-'.join(labels)}-L{layer}-{same}{ENDING}"
    position = str(cell[1]) if probed.each_position else str(probed.params.get("position", "-1"))
    made = made_words(probed.labels, position, float(probed.accuracy[cell]))
    write_direction(path, direction, (info, layer, site), made)
    return path
