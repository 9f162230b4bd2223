"""Exact effects of a run that was stopped, kept for when it is made again.

A small file of the user's for each of the last few, named by everything that its numbers depend on:
the model, the tokens on both sides, the metric. Not by how many edges are wanted: an edge's effect
does not hang on that. A run that comes to its end, circuits and all, lets go of it, unless it holds
more than that run wanted. Where such a file cannot be read or written, all edges are run.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.support.errors import LensbenchError
from desktop_app.support.files import open_regular, write_atomically
from desktop_app.support.installed import package_version
from desktop_app.support.paths import data_dir, ensure

if TYPE_CHECKING:
    from pathlib import Path

    from desktop_app.methods.edge_sides import Sides

FOLDER = "exact-edges"
_MOST_FILES = 8
_MOST_BYTES = 256_000_000
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, LensbenchError)
_log = logging.getLogger(__name__)


def keep(sides: Sides, effects: np.ndarray) -> None:
    """Keep what is known of effects `[edge, N]`, NaN where they are not."""
    edges = np.flatnonzero(np.isfinite(effects).any(-1)).astype(np.int64)
    if not len(edges) or len(edges) * len(sides) * 8 > _MOST_BYTES:
        return
    path = _path(sides)
    try:
        ensure(path.parent)
        with write_atomically(path, private=True) as file:
            np.savez(file, numbers=edges, effects=effects[edges])
        _let_go_of_oldest(path.parent)
    except (OSError, LensbenchError):
        _log.info("what is known of the edges could not be kept", exc_info=True)


def recall(sides: Sides) -> np.ndarray:
    """Return effects `[edge, N]` as far as a stopped run has left them, NaN elsewhere."""
    count = len(sides.graph)
    found = np.full((count, len(sides)), np.nan)
    path = _path(sides)
    try:
        if path.stat().st_size > 2 * _MOST_BYTES:
            return found
        with open_regular(path) as file, np.load(file, allow_pickle=False) as kept:
            edges, effects = kept["numbers"], kept["effects"]
        fits = edges.ndim == 1 and edges.dtype == np.int64 and effects.dtype == np.float64
        fits = fits and effects.shape == (len(edges), len(sides))
        if fits and (not len(edges) or (edges.min() >= 0 and edges.max() < count)):
            found[edges] = effects
    except FileNotFoundError:
        pass
    except _BROKEN:
        _log.info("what was kept of the edges cannot be read", exc_info=True)
    return found


def forget(sides: Sides) -> None:
    """Let go of what is kept: the run has come to its end."""
    with suppress(OSError):
        _path(sides).unlink(missing_ok=True)


def _path(sides: Sides) -> Path:
    return data_dir() / FOLDER / f"{_key(sides)}.npz"


def _key(sides: Sides) -> str:
    info = sides.model.info
    about = [
        package_version("lensbench"),
        *(info.fingerprint, info.dtype, info.weights, info.layernorm, str(info.device)),
        *(sides.metric, sides.elsewhere, sides.tokens()),
        [(target.answers, target.wrongs) for target in sides.targets],
    ]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]


def _let_go_of_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_MOST_FILES]:
        path.unlink(missing_ok=True)
