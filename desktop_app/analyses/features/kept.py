"""What was read of a text, kept for when it is read again: stopped, longer, or another feature.

A file of the user's for each of the last few texts, named by everything that its numbers depend on
but the text itself: the model, the autoencoder, how windows are cut. Whether the text is still the
same is seen token by token. Where such a file cannot be read or written, the text is read anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.features.tally import ALL, NONE, Active, Tally
from desktop_app.support.array_files import DamagedArraysError, read_arrays, write_arrays
from desktop_app.support.errors import LensbenchError
from desktop_app.support.paths import data_dir, private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = "activations"
MOST_BYTES = 1_000_000_000
"""All files together; the oldest go first."""
_FORMAT = 1
_KINDS = {
    "about": "<i8",
    "ids": "<i4",
    "place": "<i4",
    "feature": "<i4",
    "value": "<f4",
    "spoilt": "<i4",
    "active": "<i8",
    "largest": "<f4",
    "total": "<f8",
    "write_top": "<i4",
}
_log = logging.getLogger(__name__)


class Shelf:
    """Where what is known of one text is kept.

    One file has the activations of all features; where they became too many, another one has those
    of a single feature, so that for a further feature something is still there to go on from.
    """

    def __init__(self, about: Sequence[Any], shape: tuple[int, int, int]) -> None:
        """Name it.

        Args:
            about: Plain values that tell it from others.
            shape: Features; tokens of a window; how many of these each window begins with.
        """
        self._key = hashlib.sha256(json.dumps([_FORMAT, *about]).encode()).hexdigest()[:32]
        self._shape = shape
        # Windows that a file holds, and ids of each feature, by whose activations it keeps.
        self._held: dict[int, tuple[int, int]] = {}
        # How each file was when it was last looked at here: others may write it too.
        self._seen: dict[int, tuple[int, ...]] = {}

    def recall(self, feature: int, windows: int) -> tuple[Tally, np.ndarray] | None:
        """Return what is known, and ids that decoder rows raise most `[feature, rank]`.

        Args:
            feature: Whose activations are wanted, where not all are kept; −1: none's.
            windows: How many are wanted: of more the first are taken, where they can be told.
        """
        best = None
        for of in (ALL, feature if feature >= 0 else NONE):
            found = self._read(of)
            if found is None:
                continue
            self._held[of] = (found[0].windows, found[1].shape[1])
            if found[0].cut(windows) and (best is None or found[0].windows > best[0].windows):
                best = found
        return best

    def disregard(self, feature: int) -> None:
        """Say that what is there now is not asked for, and may be replaced by less."""
        for of in (ALL, feature if feature >= 0 else NONE):
            self._seen[of] = _signature(self._path(of))

    def release(self) -> None:
        """Say that what was kept is of no use any more, and may be replaced by less."""
        self._held.clear()

    def keep(self, tally: Tally, write_top: np.ndarray) -> None:
        """Keep what is known, unless as much or more is kept already, here or by another run."""
        known = (tally.windows, write_top.shape[1])
        if not tally.windows or known <= self._held.get(tally.of, (0, 0)):
            return
        found, path = tally.found(), self._path(tally.of)
        if self._others_know(tally, known):
            return
        arrays = {
            "about": np.array([*self._shape, tally.of], np.int64),
            "ids": tally.ids(),
            **{name: getattr(found, name) for name in ("place", "feature", "value", "spoilt")},
            **{name: getattr(tally, name) for name in ("active", "largest", "total")},
            "write_top": write_top.astype(np.int32),
        }
        if sum(array.nbytes for array in arrays.values()) > MOST_BYTES:
            return
        try:
            private(path.parent)
            write_arrays(path, arrays)
            self._held[tally.of] = known
            self._seen[tally.of] = _signature(path)
            _let_go_of_oldest(path)
        except (OSError, LensbenchError):
            _log.info("what is known of the text could not be kept", exc_info=True)

    def _others_know(self, tally: Tally, known: tuple[int, int]) -> bool:
        """Return whether another run has kept as much or more of the same text meanwhile."""
        if _signature(self._path(tally.of)) == self._seen.get(tally.of, ()):
            return False
        found = self._read(tally.of)
        if found is None:
            return False
        there = (found[0].windows, found[1].shape[1])
        if there < known or not np.array_equal(found[0].ids()[: tally.windows], tally.ids()):
            return False
        self._held[tally.of] = there
        return True

    def _path(self, of: int) -> Path:
        ending = {ALL: "", NONE: "-none"}.get(of, f"-{of}")
        return data_dir() / FOLDER / f"{self._key}{ending}.npz"

    def _read(self, of: int) -> tuple[Tally, np.ndarray] | None:
        path = self._path(of)
        self._seen[of] = before = _signature(path)
        try:
            arrays = read_arrays(path, _KINDS, MOST_BYTES + 1_000_000)
            found = _checked(arrays, self._shape, of)
        except FileNotFoundError:
            return None
        except DamagedArraysError:
            _log.info("what was kept of the text cannot be read", exc_info=True)
            return None
        with suppress(OSError):
            os.utime(path)  # the last one used goes last
            after = _signature(path)
            if after[:2] == before[:2]:
                self._seen[of] = after
        return found


def _signature(path: Path) -> tuple[int, ...]:
    """Return what changes when another file takes the place of one; empty where there is none."""
    try:
        told = path.stat()
    except OSError:
        return ()
    return (told.st_ino, told.st_size, told.st_mtime_ns)


def _checked(
    arrays: dict[str, np.ndarray], shape: tuple[int, int, int], of: int
) -> tuple[Tally, np.ndarray]:
    """Return what a file says, where it can be so.

    Raises:
        DamagedArraysError: It cannot.
    """
    features, length, lead = shape
    ids, table, counts = (
        arrays["ids"],
        arrays["write_top"],
        (arrays["active"], arrays["largest"], arrays["total"]),
    )
    _require(np.array_equal(arrays["about"], [*shape, of]), "of something else")
    _require(ids.ndim == 2 and ids.shape[1] == length and _within(ids, 0, 2**31), "ids")
    _require(table.ndim == 2 and len(table) == features and _within(table, 0, 2**31), "tokens")
    _require(all(numbers.shape == (features,) for numbers in counts), "counts")
    _require(all(_within(numbers, 0, np.inf) for numbers in counts), "counts")
    found = Active(*(arrays[name] for name in ("place", "feature", "value", "spoilt")))
    rows = (found.place, found.feature, found.value)
    _require(all(row.ndim == 1 and len(row) == len(found.place) for row in rows), "entries")
    for place in (found.place, found.spoilt):
        _require(place.ndim == 1 and _within(place, 0, len(ids) * length), "places")
        _require(_within(place % length, lead, length), "places")
        _require(bool((np.diff(place) >= 0).all()), "places out of order")
    _require(_within(found.feature, 0, features), "features")
    _require(of == ALL or bool((found.feature == of).all()), "features")
    _require(_within(found.value, 0, np.inf) and bool((found.value > 0).all()), "activations")
    tally = Tally(features, length)
    tally.add(ids, found)
    if of != ALL:
        tally.resume(of, counts)
    return tally, table


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise DamagedArraysError(what)


def _within(numbers: np.ndarray, least: float, below: float) -> bool:
    """Return whether all are there and in bounds; what is not a number is not."""
    return bool(((numbers >= least) & (numbers < below)).all())


def _let_go_of_oldest(newest: Path) -> None:
    """Remove files, the oldest first, until all together are small enough."""
    kept = []
    for path in newest.parent.glob("*.npz"):
        with suppress(OSError):
            told = path.stat()
            kept.append((told.st_mtime, told.st_size, path))
    total = sum(size for _time, size, _path in kept)
    for _time, size, path in sorted(kept):
        if total <= MOST_BYTES:
            return
        if path != newest:
            path.unlink(missing_ok=True)
            total -= size
