"""What probes found, cell by cell: filled in batches, and turned into a result's fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.probe.fitting import fit
from desktop_app.analyses.probe.labelled import Labelled, shuffled
from desktop_app.analyses.probe.places import vector_place
from desktop_app.analyses.probe.vector import made_words
from desktop_app.contract.result import Notice
from desktop_app.support import vector_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from desktop_app.analyses.probe.spec import ProbeParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

FIT_BYTES = 256_000_000
"""What a batch of fits takes at most."""
_MOST_CELLS = 16
_DOUBLE = 8
_COPIES = 4  # of activations, in their own coordinates and others
_SOLVER = 12  # tensors of weights and of scores


@dataclass
class Found:
    """What is known of each cell; cells are rows times positions, position by position in a row.

    What was not fitted is not a number, an empty confusion, and says −1.
    """

    model: LoadedModel
    params: ProbeParams
    labels: Labelled
    positions: int
    done: int = 0
    unsolved: int = 0
    parted: int = 0
    tables: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the tables."""
        cells, info = self.rows * self.positions, self.model.info
        classes, count = len(self.labels.names), len(self.labels.of)
        empty = {
            "accuracy": (),
            "accuracy_control_each": (self.params.shuffles,),
            "accuracy_train": (),
            "direction": (info.d_model,),
            "gap": (),
        }
        self.tables = {name: np.full((cells, *shape), np.nan) for name, shape in empty.items()}
        self.tables["confusion"] = np.zeros((cells, classes, classes), dtype=np.int64)
        self.tables["predicted"] = np.full((cells, count), -1, dtype=np.int64)
        self._tasks = np.concatenate(
            [
                self.labels.of[None],
                shuffled(self.labels, self.params.shuffles, self.params.seed),
            ]
        )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.model.info.n_layers + 1

    def fit(self, values: torch.Tensor, first_row: int, report: Reporter) -> Iterator[int]:
        """Fit the cells of some rows, and yield how many of all are done after each batch."""
        values = values.flatten(1, 2)
        cells = values.shape[1]
        size = self._cells_at_once(values.shape[0], values.shape[2])
        for start in range(0, cells, size):
            row = first_row + start // self.positions
            report.step(start / cells, f"probe of row {row} of {self.rows - 1}")
            some = slice(start, min(cells, start + size))
            self._take(values[:, some], first_row * self.positions + start)
            yield self.done

    def _cells_at_once(self, count: int, width: int) -> int:
        least = min(count, width)
        classes = len(self.labels.names)
        weights = (self.params.shuffles + 1) * (1 if classes == 2 else classes)
        each = _COPIES * count * width + 3 * least**2 + _SOLVER * (count + least) * weights
        return max(1, min(_MOST_CELLS, FIT_BYTES // (_DOUBLE * each)))

    def _take(self, values: torch.Tensor, start: int) -> None:
        fitted = torch.from_numpy(~self.labels.held_out)
        tasks, classes = torch.from_numpy(self._tasks), len(self.labels.names)
        fits = fit(values, fitted, tasks, classes, self.params.l2)
        said, finite = fits.said.numpy(), fits.finite.numpy()
        cells = slice(start, start + len(said))
        right = said == self._tasks
        held = self.labels.held_out
        known = np.where(finite, 1.0, np.nan)
        tables = self.tables
        tables["accuracy"][cells] = right[:, 0, held].mean(-1) * known
        tables["accuracy_train"][cells] = right[:, 0, ~held].mean(-1) * known
        tables["accuracy_control_each"][cells] = right[:, 1:, held].mean(-1) * known[:, None]
        tables["direction"][cells] = fits.direction.numpy()
        tables["gap"][cells] = self._gaps(values, fits.direction)
        for place in np.flatnonzero(finite):
            own = said[place, 0]
            tables["predicted"][start + place] = own
            pairs = (self.labels.of[held], own[held])
            np.add.at(tables["confusion"][start + place], pairs, 1)
        self.done += len(said)
        self.unsolved += int((~fits.found.numpy()[finite]).sum())
        if self.params.l2 == 0:
            self.parted += int((right[finite, 0][:, ~held].all(-1)).sum())

    def _gaps(self, values: torch.Tensor, direction: torch.Tensor) -> np.ndarray:
        """Return how far the first two labels' means lie from one another along each direction."""
        along = torch.einsum("ncd,cd->cn", values.double(), direction).numpy()
        means = [along[:, self.labels.of == number].mean(-1) for number in (0, 1)]
        return np.asarray(means[1] - means[0])

    def fields(self) -> dict[str, Any]:
        """Return the fields of the result, as far as they are known."""
        control = self.tables["accuracy_control_each"].mean(-1)
        first = {"accuracy": self.tables["accuracy"], "accuracy_control": control}
        tables = {**first, **self.tables}
        found: dict[str, Any] = {}
        for name, table in tables.items():
            shape = (self.rows, self.positions, *table.shape[1:])
            whole = table.reshape(shape).copy()
            found[name] = whole if self.params.position == "all" else whole[:, 0]
        found["majority"] = self.labels.majority
        found["labels"] = self.labels.names
        found["label_of"] = self.labels.of.copy()
        found["held_out"] = self.labels.held_out.copy()
        return found

    def notices(self) -> list[Notice]:
        """Return what must be said of minima that were not reached, or that there are none."""
        found = []
        if self.unsolved:
            message = (
                f"{self.unsolved:,} of the fits did not reach their minimum: a larger --l2 makes "
                "it easier to reach."
            )
            found.append(Notice("not_converged", message))
        if self.parted:
            message = (
                f"Without a penalty (--l2 0), {self.parted:,} probes tell all fitted prompts apart "
                "and their weights have no end: directions are where the fit stopped; give "
                "--l2 above 0."
            )
            found.append(Notice("no_minimum", message))
        return found

    def save(self, target: Path, row: int | None) -> tuple[dict[str, Any], list[Notice]]:
        """Write the best direction, or that of a row; return what is told of it, or why not.

        Where rows are missing it is not known which is the best: a file is not written over with
        another than the one that was asked for.
        """
        if problem := self._unknown(row):
            return {}, [Notice("vector_not_saved", problem)]
        info = self.model.info
        accuracy = self.tables["accuracy"].copy()
        accuracy[~np.isfinite(self.tables["direction"]).all(-1)] = np.nan
        if row is not None:
            others = np.ones(self.rows, dtype=bool)
            others[row] = False
            accuracy[np.repeat(others, self.positions)] = np.nan
        if np.isnan(accuracy).all():
            where = "No row has a" if row is None else f"Row {row} has no"
            message = (
                f"{where} direction, so that nothing was written to --out-vector: all prompts are "
                "alike there; choose another --layer or --position."
            )
            return {}, [Notice("vector_not_saved", message)]
        cell = int(np.nanargmax(accuracy))
        row, position = divmod(cell, self.positions)
        layer, site = vector_place(self.params.site, row, info.n_layers)
        place = str(position) if self.params.position == "all" else self.params.position
        told = {"row": row, "layer": layer, "site": site, "position": int(place)}
        made = made_words(self.labels.names, place, float(self.tables["accuracy"][cell]))
        vector_files.write(target, self.tables["direction"][cell], info, (layer, site), made)
        return {"file": self.params.out_vector, **told}, []

    def _unknown(self, row: int | None) -> str:
        """Say why it is not known which direction is meant; empty where it is."""
        total = self.rows * self.positions
        needed = total if row is None else (row + 1) * self.positions
        if self.done >= needed:
            return ""
        if row is None:
            return (
                f"The run was stopped after {self.done:,} of {total:,} probes, so that the most "
                "accurate is not known and nothing was written to --out-vector: run again, or "
                "name a --layer that is fitted."
            )
        return (
            f"The run was stopped before row {row} was fitted, so that nothing was written to "
            "--out-vector: run again."
        )
