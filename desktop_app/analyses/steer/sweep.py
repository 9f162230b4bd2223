"""The sweep: the settings' own intervention at every layer, times every coefficient.

A *cell* is what `--layer L --coef C` would give on all prompts. A coefficient stands in the place
of the one that settings give (where each vector has its own, it multiplies them); without a vector
it is the factor of `scale`. A difference of means is made anew at each layer. What settings say
under `also` stays where it is. Rows of several cells grow together, their random controls likewise;
a cell that changes nothing is the plain continuation itself, bit for bit.

`sweep_metric` is the metric of the first new token, `sweep_loss` the mean loss of the continuation
under the plain model (fluency): the lower, the more the model would have said it by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.steer.acting import Acts
from desktop_app.analyses.steer.strips import continued, loss
from desktop_app.analyses.steer.sweep_cells import Swept, axes_of, swept_of
from desktop_app.analyses.steer.trials import Bench, Row, grow_rows, worth
from desktop_app.analyses.steer.unfinite import finer, first_bad
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.steering import held_at
from desktop_app.methods.generating import scored
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from desktop_app.analyses.steer.study import Study
    from desktop_app.analyses.steer.trials import Worth
    from desktop_app.contract.report import Reporter
    from desktop_app.methods.generating import Grown, Run

MOST_CONTINUATIONS = 200_000
_SHARE_OF_VECTORS = 0.05


def check(study: Study) -> Worth:
    """Refuse what cannot be swept, and return what it costs.

    Raises:
        BadInputError: There is nothing to vary, or a layer or a vector does not fit.
    """
    layers, coefs = axes_of(study)
    count = len(layers) * len(coefs) * len(study.texts)
    if count > MOST_CONTINUATIONS:
        raise BadInputError(
            f"--sweep-layers and --sweep-coefs make {count:,} continuations over "
            f"{plural(len(study.texts), 'prompt')}, and at most {MOST_CONTINUATIONS:,} are kept: "
            "name fewer layers, coefficients or prompts."
        )
    bench = Bench(study.model, study.texts, study.growing)
    return worth(bench, float(count * (2 if study.params.control == "yes" else 1)))


def swept(study: Study, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the sweep of a study, `[layer, coefficient]`, and what is missing of it.

    `sweep_metric` and `sweep_loss` are means over prompts (`…_each` has the prompts behind),
    `sweep_control_metric` and `sweep_control_loss` those with random vectors of equal norm,
    `sweep_texts` what was said, `sweep_layer` and `sweep_coef` what rows and columns are.

    Args:
        study: Its prompts and interventions.
        report: Told after each step; what is there is kept where it cancels.

    Raises:
        Cancelled: Nobody wants what there is.
    """
    cells = swept_of(study, ShareReporter(report, 0.0, _SHARE_OF_VECTORS))
    sweep = _Sweep(study, cells)
    told = list(cells.notices)
    try:
        sweep.run(ShareReporter(report, _SHARE_OF_VECTORS, 1 - _SHARE_OF_VECTORS))
    except Cancelled:
        if not report.keeps_partial:
            raise
        known, total = sweep.known()
        message = f"The sweep was stopped at {known:,} of {plural(total, 'cell')}."
        told.append(Notice(PARTIAL, f"{message} Run again for the rest."))
    return sweep.fields(), [*told, *sweep.broken()]


@dataclass
class _Told:
    """One kind of cells: the interventions' own, or their random control.

    Attributes:
        metric: `[layer, coefficient, prompt]`; NaN where a cell is missing.
        loss: The same of the loss.
        done: Which cells are there `[layer, coefficient]`.
    """

    shape: tuple[int, int, int]
    metric: np.ndarray = field(init=False)
    loss: np.ndarray = field(init=False)
    done: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.metric, self.loss = np.full(self.shape, np.nan), np.full(self.shape, np.nan)
        self.done = np.zeros(self.shape[:2], dtype=bool)


class _Sweep:
    """The cells of a sweep while they are made."""

    def __init__(self, study: Study, cells: Swept) -> None:
        self._study, self._cells = study, cells
        self._bench = Bench(study.model, study.texts, study.growing)
        shape = (len(cells.layers), len(cells.coefs), len(study.texts))
        self._own = _Told(shape)
        self._control = _Told(shape) if study.params.control == "yes" else None
        self._texts: list[list[list[str | None]]] = [
            [[None] * shape[2] for _coef in cells.coefs] for _layer in cells.layers
        ]
        self._plain = study.grown["plain"]
        self._broken: tuple[tuple[int, int], Run, Grown] | None = None

    def run(self, report: Reporter) -> None:
        """Make all cells, layer by layer; what is there stays where this is cancelled."""
        blocks = list(self._blocks())
        for number, block in enumerate(blocks):
            part = ShareReporter(report, number / len(blocks), 1 / len(blocks))
            self._block(block, part)
            report.partial(self.fields())

    def _blocks(self) -> Sequence[list[tuple[int, int]]]:
        """Return the cells that grow together, in the order of layers."""
        layers, coefs, prompts = self._own.shape
        at_once = self._bench.fits([(Acts(), prompt) for prompt in range(prompts)])
        size = max(1, at_once // prompts)
        every = [(row, column) for row in range(layers) for column in range(coefs)]
        return [every[start : start + size] for start in range(0, len(every), size)]

    def _block(self, cells: Sequence[tuple[int, int]], report: Reporter) -> None:
        prompts = range(len(self._study.texts))
        acts = {cell: self._cells.acts(*cell) for cell in cells}
        changing = [cell for cell in cells if self._changes(acts[cell])]
        for cell in cells:
            if cell not in changing:
                self._put_plain(cell)
        rows = [(acts[cell], prompt) for cell in changing for prompt in prompts]
        if not rows:
            return
        share = 1.0 if self._control is None else 0.5
        self._kind(changing, rows, self._own, ShareReporter(report, 0.0, share))
        if self._control is not None:
            self._kind(changing, rows, self._control, ShareReporter(report, share, share))

    def _kind(
        self,
        cells: Sequence[tuple[int, int]],
        rows: Sequence[Row],
        kind: _Told,
        report: Reporter,
    ) -> None:
        """Make some cells, or their random control."""
        study, count = self._study, len(self._study.texts)
        is_control = kind is self._control
        told = self._name(cells) + (", random control" if is_control else "")
        seed = study.params.seed if is_control else None
        metric = [float("nan")] * len(rows)

        def measure(row: int, logits: torch.Tensor) -> None:
            prompt = rows[row][1]
            metric[row] = study.measured(prompt, logits, study.base.get(prompt))

        grown = grow_rows(self._bench, rows, _hear(report, told), seed, measure)
        texts = [study.texts[prompt] for _acts, prompt in rows]
        known = scored(study.model, texts, [one.ids for one in grown])
        for place, cell in enumerate(cells):
            own = slice(place * count, (place + 1) * count)
            kind.metric[cell] = metric[own]
            self._put(cell, kind, grown[own], known[own])
            for row, one in zip(rows[own], grown[own], strict=True):
                if one.broken is not None and self._broken is None:
                    self._broken = cell, self._bench.run_of([row], seed), one

    def _name(self, cells: Sequence[tuple[int, int]]) -> str:
        layers = sorted({self._cells.layers[row] for row, _column in cells})
        ends = (layers[0], layers[-1])
        return f"layer {ends[0]}" if ends[0] == ends[1] else f"layers {ends[0]} to {ends[1]}"

    def _changes(self, acts: Acts) -> bool:
        """Return whether interventions change anything at all at any step of any prompt."""
        bench = self._bench
        for length, prompts in bench.groups().items():
            cached = self._study.cached
            held = [held_at(n, length, cached=cached) for n in range(bench.growing.steps)]
            if acts.edits_of(held, prompts[0]):
                return True
        return False

    def _put_plain(self, cell: tuple[int, int]) -> None:
        """Fill in a cell that changes nothing, and its random control."""
        first = [self._study.first["plain", prompt] for prompt in range(len(self._plain))]
        for kind in (self._own, self._control):
            if kind is not None:
                kind.metric[cell] = first
                self._put(cell, kind, self._plain, [one.logprobs for one in self._plain])

    def _put(
        self,
        cell: tuple[int, int],
        kind: _Told,
        grown: Sequence[Grown],
        logprobs: Sequence[Sequence[float]],
    ) -> None:
        study = self._study
        for prompt, (one, known) in enumerate(zip(grown, logprobs, strict=True)):
            kind.loss[*cell, prompt] = loss(known)
            if kind is self._own:
                text = continued(study.model.tokenizer, study.texts[prompt], one.ids)
                self._texts[cell[0]][cell[1]][prompt] = text
        kind.done[cell] = True

    def broken(self) -> list[Notice]:
        """Return the warning that some cells hold no finite numbers, if any does."""
        kinds = [self._own] if self._control is None else [self._own, self._control]
        bad = [kind.done & ~np.isfinite(kind.metric + kind.loss).all(-1) for kind in kinds]
        count = int(np.logical_or.reduce(bad).sum())
        if not count:
            return []
        has = "has" if count == 1 else "have"
        message = (
            f"{plural(count, 'cell')} of the sweep {has} logits that are no finite numbers"
            f"{self._where_broken()}; use smaller coefficients{finer(self._study.model)}."
        )
        return [Notice("not_finite", message)]

    def _where_broken(self) -> str:
        """Say of one of these cells in which layer that begins."""
        if self._broken is None:
            return ""
        (row, column), run, one = self._broken
        where = first_bad(self._study.model, run, one.ids, cached=self._study.cached)
        layer, coef = self._cells.layers[row], self._cells.coefs[column]
        return f", {where} (steered at layer {layer}, times {coef:g})"

    def known(self) -> tuple[int, int]:
        """Return how many cells are there, and of how many."""
        return int(self._own.done.sum()), self._own.done.size

    def fields(self) -> dict[str, Any]:
        """Return the fields as far as they are known, missing cells as NaN."""
        found: dict[str, Any] = {
            "sweep_metric": self._own.metric.mean(-1),
            "sweep_loss": self._own.loss.mean(-1),
            "sweep_metric_each": self._own.metric.copy(),
            "sweep_loss_each": self._own.loss.copy(),
            "sweep_texts": [[list(cell) for cell in row] for row in self._texts],
            "sweep_layer": np.array(self._cells.layers),
            "sweep_coef": np.array(self._cells.coefs),
        }
        if self._control is not None:
            found["sweep_control_metric"] = self._control.metric.mean(-1)
            found["sweep_control_loss"] = self._control.loss.mean(-1)
        return found


def _hear(report: Reporter, what: str) -> Any:
    def told(share: float, step: int) -> None:
        report.step(share, f"Sweep: {what}, token {step}")

    return told
