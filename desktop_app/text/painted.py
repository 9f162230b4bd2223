"""Attention patterns painted by hand: square tables of numbers in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.support.errors import BadInputError
from desktop_app.support.files import require_regular

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 100_000_000
ENDINGS = (".csv", ".json", ".npy")


def read_pattern(path: Path) -> tuple[tuple[float, ...], ...]:
    """Return a pattern from a file: rows are queries, columns keys, as numbers.

    `.csv` holds numbers between commas, `.json` a list of lists, `.npy` a two-dimensional array.

    Raises:
        BadInputError: The file cannot be read or holds no square table of finite numbers.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BadInputError(f"--pattern {path} must end in {', '.join(ENDINGS)}: convert it.")
    try:
        require_regular(path)
        if path.stat().st_size > _MOST_BYTES:
            raise BadInputError(f"--pattern {path} is too large: paint fewer tokens.")
        table = _READERS[ending](path)
    except OSError as error:
        raise BadInputError(f"--pattern {path} cannot be read: {error.strerror}.") from None
    except (ValueError, TypeError, OverflowError, MemoryError, RecursionError):
        raise BadInputError(
            f"--pattern {path} holds no table of numbers: write one row per query."
        ) from None
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not np.isfinite(table).all():
        raise BadInputError(
            f"--pattern {path} is no square table of numbers: write a row and a column per token."
        )
    return tuple(tuple(float(cell) for cell in row) for row in table)


def _from_csv(path: Path) -> np.ndarray:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return np.array([[float(cell) for cell in line.split(",")] for line in lines if line.strip()])


def _from_json(path: Path) -> np.ndarray:
    return np.array(json.loads(path.read_text(encoding="utf-8")), dtype=np.float64)


def _from_npy(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, allow_pickle=False)
    return array.astype(np.float64)


_READERS = {".csv": _from_csv, ".json": _from_json, ".npy": _from_npy}
