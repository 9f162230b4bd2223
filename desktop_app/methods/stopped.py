"""What is kept of a grid whose run was cancelled: the cells there are, marked as not being all."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import numpy as np

from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.pictures.words import plural
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter


class Cells(Protocol):
    """What is asked of the readings of a grid.

    Attributes:
        cells: An array per prompt; NaN where a cell is missing.
        estimated: Whether they are estimates.
        stopped: Whether the run was cancelled.
    """

    cells: list[np.ndarray]
    estimated: bool
    stopped: bool


def counted(found: Cells, cells: np.ndarray | None = None) -> np.ndarray | None:
    """Return which numbers means are taken over, where that is not all of them.

    Of a cancelled grid those of the prompts whose cells are all there, or where there is none of
    the prompts that were begun; and in cells that one of these lacks none, as a mean over other
    prompts in each cell could not be compared.

    Args:
        found: The readings.
        cells: The cells of all prompts `[..., N]`; without them what is asked of is `[N]`.
    """
    if not found.stopped:
        return None
    prompts = _prompts(found)
    if cells is None:
        return prompts
    there = np.isfinite(cells[..., prompts]).all(-1, keepdims=True)
    return np.asarray(prompts & there)


def _prompts(found: Cells) -> np.ndarray:
    whole = np.array([bool(np.isfinite(cells).all()) for cells in found.cells])
    begun = np.array([bool(np.isfinite(cells).any()) for cells in found.cells])
    return whole if whole.any() else begun


def tell_end(report: Reporter) -> None:
    """Say that the work is done, which can be cancelled no more."""
    with suppress(Cancelled):
        report.step(1.0, "Done")


def notices(found: Cells) -> tuple[Notice, ...]:
    """Return the warning that says what is missing; none of a whole grid."""
    return (Notice(PARTIAL, _sentence(found)),) if found.stopped else ()


def before(what: str, report: Reporter) -> tuple[Notice, ...]:
    """Return the warning of a run that was cancelled before a part of its work.

    Raises:
        Cancelled: Nobody wants what it has.
    """
    if not report.keeps_partial:
        raise Cancelled
    return (Notice(PARTIAL, f"Stopped before {what}. Run again for the rest."),)


def _sentence(found: Cells) -> str:
    total = sum(cells.size for cells in found.cells)
    if found.estimated:
        return (
            f"Stopped before any exact value: all {total:,} cells are gradient estimates. Run "
            "again for exact ones."
        )
    known = sum(int(np.isfinite(cells).sum()) for cells in found.cells)
    over, count = int(_prompts(found).sum()), len(found.cells)
    means = f" Means are over {over:,} of {plural(count, 'prompt')}." if count > 1 else ""
    return f"Stopped at {known:,} of {total:,} cells.{means} Run again for the rest."
