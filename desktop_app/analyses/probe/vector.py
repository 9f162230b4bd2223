"""A probe's direction as a file that steering reads. No Qt, no torch."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.places import vector_place
from desktop_app.pictures.words import percent
from desktop_app.support import paths, vector_files
from desktop_app.support.files import unwritable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from desktop_app.analyses.probe.probed import Cell, Probed
    from desktop_app.contract.result import ModelInfo

_LABEL = 60
_NAME = 30
_UNFIT = re.compile(r"[^\w.-]+", re.ASCII)


def made_words(labels: Sequence[str], position: str, accuracy: float) -> str:
    """Say how a direction was made, for its file."""
    first, second = (str(name)[:_LABEL] for name in labels[:2])
    told = percent(100 * accuracy)
    return f"probe from “{first}” to “{second}” at position {position}, {told} held out"


def keep_direction(probed: Probed, info: ModelInfo, cell: Cell) -> Path:
    """Write the direction of a probe among the vectors, and return the file.

    The same direction has the same name: pressed twice, there is one file.

    Raises:
        BadInputError: It cannot be written there.
    """
    direction = np.asarray(probed.table("direction")[cell], dtype=np.float32)
    place = vector_place(probed.site, cell[0], info.n_layers)
    names = [_UNFIT.sub("-", name)[:_NAME] for name in (info.name, *probed.labels[:2])]
    same = hashlib.sha256(direction.tobytes()).hexdigest()[:8]
    name = f"probe-{'-'.join(names)}-L{place[0]}-{same}{vector_files.ENDING}"
    path = vector_files.folder() / name
    try:
        paths.ensure(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    position = str(cell[1]) if probed.each_position else str(probed.params.get("position", "-1"))
    made = made_words(probed.labels, position, float(probed.accuracy[cell]))
    vector_files.write(path, direction, info, place, made)
    return path
