"""The grid sweep: many changed runs of many prompts, and what each does to a metric.

Written once for all analyses that ask "what if": an analysis says which prompts are read how
(`Inputs`), and which runs there are (`Cell`s, of any edits at all); here prompts of one token
length are swept together, estimates stand in for what is to come, and partial results are shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.metrics import Target, make_target, score
from desktop_app.engine.sites import require_acting
from desktop_app.engine.sweep import sweep
from desktop_app.engine.sweep_pass import Loss, SweepPlan, no_hooks_left, pass_cost
from desktop_app.methods import stopped
from desktop_app.methods.estimates import Estimator
from desktop_app.methods.finish import not_finite
from desktop_app.methods.prepare import equal_length_groups
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from desktop_app.contract.params import Metric
    from desktop_app.contract.result import Notice
    from desktop_app.engine.interventions import Variant
    from desktop_app.engine.model import LoadedModel
    from desktop_app.engine.sweep_pass import Heard
    from desktop_app.methods.estimates import EstimateMode
    from desktop_app.methods.prepare import Prepared
    from desktop_app.text.encoding import Encoding

# A pass with gradients costs as much as so many without.
_GRADIENTS = 3.0


@dataclass(frozen=True)
class Inputs:
    """The prompts of a grid, and what is read of every run.

    Attributes:
        metric: The number that is watched.
        targets: Each prompt's tokens, and what its metric compares.
        read: The read position of each prompt.
        twins: The tokens of each prompt's twin, which then runs along. Its metric is that of its
            prompt: the same answers at the same position, compared with the prompt's own logits.
        loss_from: The first token that a loss counts.
    """

    metric: Metric
    targets: tuple[Target, ...]
    read: tuple[int, ...]
    twins: tuple[tuple[int, ...], ...] = ()
    loss_from: int = 1

    @classmethod
    def of_prompts(
        cls, prepared: Prepared, metric: Metric, twins: Sequence[Encoding] = ()
    ) -> Inputs:
        """Return prepared prompts, refused where they lack what the metric needs."""
        records = prepared.records
        targets = tuple(make_target(r, metric, i) for i, r in enumerate(records))
        read = tuple(r.read_position for r in records)
        return cls(metric, targets, read, tuple(t.ids for t in twins))

    @classmethod
    def of_sequences(cls, ids: torch.Tensor, loss_from: int) -> Inputs:
        """Return sequences `[N, S]`, of which the loss is read from one token on."""
        targets = tuple(Target(row, (), ()) for row in ids)
        return cls("loss", targets, (ids.shape[1] - 1,) * len(ids), loss_from=loss_from)

    def group(self, model: LoadedModel, prompts: Sequence[int]) -> Group:
        """Return prompts of one token length as rows of a sweep."""
        rows = [self.targets[i].ids.tolist() for i in prompts]
        rows += [list(self.twins[i]) for i in prompts if self.twins]
        return Group(tuple(prompts), model.ids(rows))


@dataclass(frozen=True)
class Group:
    """Prompts that are swept together.

    Attributes:
        prompts: Their numbers.
        ids: Their token ids `[rows, S]`, and after all of them those of their twins.
    """

    prompts: tuple[int, ...]
    ids: torch.Tensor

    @property
    def length(self) -> int:
        """How many tokens each of them has."""
        return self.ids.shape[1]

    def twin(self, row: int) -> int:
        """Return the row of the twin of the prompt in a row."""
        return len(self.prompts) + row


@dataclass(frozen=True)
class Cell:
    """One entry of the grid.

    Attributes:
        prompt: The number of its prompt.
        index: Where it stands in the array of that prompt.
        run: The changed run that it measures; its rows are those of the group.
        same_as: The row whose untouched run this is bound to equal: it need not be run.
    """

    prompt: int
    index: tuple[int, ...]
    run: Variant
    same_as: int | None = None


@dataclass
class Readings:
    """What is known of a grid.

    Attributes:
        base: The metric untouched, of the prompts and, where they run along, of their twins
            `[1 or 2, N]`.
        cells: The metric in each cell, an array per prompt; NaN where it is still to come.
        logits: Untouched logits `[V]` at the read position, of the prompts and of their twins.
        done: How many prompts are finished.
        done_tokens: How many tokens these have.
        noise: How far each prompt's untouched metric goes apart over batch sizes `[N]`, the larger
            of it and its twin's; None in full precision.
        estimated: Whether all this is an estimate.
        estimate: The estimate that went before.
        stopped: Whether the run was cancelled, so that cells are missing.
        settled: Where cells that are filled up with estimates are exact, an array per prompt.
    """

    base: np.ndarray
    cells: list[np.ndarray]
    logits: tuple[list[torch.Tensor], ...]
    done: int = 0
    done_tokens: int = 0
    noise: np.ndarray | None = None
    estimated: bool = False
    estimate: Readings | None = None
    stopped: bool = False
    settled: list[np.ndarray] | None = None

    def filled(self) -> Readings:
        """Return the readings with the estimate in place of what is still to come."""
        settled = [np.isfinite(own) & (not self.estimated) for own in self.cells]
        guess = self.estimate
        if guess is None:
            return replace(self, settled=settled)
        cells = [
            np.where(np.isnan(own), other, own)
            for own, other in zip(self.cells, guess.cells, strict=True)
        ]
        base = np.where(np.isnan(self.base), guess.base, self.base)
        return replace(self, base=base, cells=cells, settled=settled)

    def noise_field(self) -> dict[str, np.ndarray]:
        """Return the noise floor as a field `noise [N]`; none in full precision."""
        return {} if self.noise is None else {"noise": self.noise}

    def not_finite(self, model: LoadedModel, inputs: Inputs, what: str) -> list[Notice]:
        """Return a warning for each prompt with numbers that are not finite; `what` holds them.

        Where the run was cancelled, one that says so: what is missing is not looked for.
        """
        if self.stopped:
            return list(stopped.notices(self))
        notices = []
        for index, target in enumerate(inputs.targets):
            if not (np.isfinite(self.base[0, index]) and np.isfinite(self.cells[index]).all()):
                where, ids = f"{what} of prompt {index + 1}", target.ids.tolist()
                notices.append(not_finite(where, model, [ids], index))
        return notices


@dataclass(frozen=True)
class Grid:
    """A grid sweep, described.

    Attributes:
        inputs: The prompts, and what is read.
        shape: From a token length to the shape of a prompt's cells.
        cells: The cells of a group; their order is that of the runs in a pass.
        show: The fields of a partial result; None shows none.
        check: Told the readings and each prompt whose untouched metric is known; may refuse it.
        heard: Told the row and the logits `[runs, V]` at its read position whenever runs of a
            prompt are read, its untouched run first (as of `SweepPlan`).
        estimate: Whether a gradient estimate goes before the exact values, or is all there is.
        largest: Most prompts swept together.
        keeps: Whether a cancelled run ends with the cells it has, where whoever listens wants them.
    """

    inputs: Inputs
    shape: Callable[[int], tuple[int, ...]]
    cells: Callable[[Group], Iterable[Cell]]
    show: Callable[[Readings], Mapping[str, Any]] | None = None
    check: Callable[[Readings, int], None] | None = None
    heard: Heard | None = None
    estimate: EstimateMode = "no"
    largest: int = 8
    keeps: bool = False


def run_grid(model: LoadedModel, grid: Grid, report: Reporter) -> Readings:
    """Return the metric in every cell: estimated, exact, or exact after an estimate was shown."""
    found = _blank(grid)
    with no_hooks_left(model):
        try:
            share = _share_of_estimate(model, grid)
            if grid.estimate != "no":
                found.estimate = _estimated(model, grid, ShareReporter(report, 0.0, share))
                _show(grid, found.estimate, report)
                if grid.estimate == "only":
                    return found.estimate
            _run_groups(model, grid, found, ShareReporter(report, share, 1 - share))
        except Cancelled:
            kept = _kept(found) if grid.keeps and report.keeps_partial else None
            if kept is None:
                raise
            return kept
    return found


def _share_of_estimate(model: LoadedModel, grid: Grid) -> float:
    """Return which part of the time the estimate takes, as far as that can be foreseen."""
    if grid.estimate != "first":
        return float(grid.estimate == "only")
    cost = pass_cost(model)
    lengths = [len(target.ids) for target in grid.inputs.targets]
    guess = sum(_GRADIENTS * (cost + length) for length in lengths)
    # On the whole each cell is a row that runs through half of the layers.
    exact = sum(cost + length * (1 + math.prod(grid.shape(length)) / 2) for length in lengths)
    return guess / (guess + exact)


def _kept(found: Readings) -> Readings | None:
    """Return what a cancelled grid has: exact cells, before the first the estimate; else None."""
    has_exact = any(np.isfinite(cells).any() for cells in found.cells)
    known = found if has_exact else found.estimate
    if known is not None:
        whole = all(np.isfinite(cells).all() for cells in known.cells)
        known.stopped = known.estimated or not whole
    return known


def _run_groups(model: LoadedModel, grid: Grid, found: Readings, report: Reporter) -> None:
    groups = equal_length_groups([len(t.ids) for t in grid.inputs.targets], grid.largest)
    for prompts in groups:
        _sweep_group(model, grid, grid.inputs.group(model, prompts), found, report)
        found.done += len(prompts)
        found.done_tokens += sum(len(grid.inputs.targets[i].ids) for i in prompts)


def _blank(grid: Grid) -> Readings:
    inputs = grid.inputs
    kinds, count = 2 if inputs.twins else 1, len(inputs.targets)
    cells = [np.full(grid.shape(len(t.ids)), np.nan) for t in inputs.targets]
    logits = tuple([torch.empty(0)] * count for _ in range(kinds))
    return Readings(np.full((kinds, count), np.nan), cells, logits)


def _show(grid: Grid, found: Readings, report: Reporter) -> None:
    if grid.show is not None:
        report.partial(grid.show(found.filled()))


def _sweep_group(
    model: LoadedModel, grid: Grid, group: Group, found: Readings, report: Reporter
) -> None:
    cells = list(grid.cells(group))
    running = [cell for cell in cells if cell.same_as is None]

    def fill(base: torch.Tensor, values: torch.Tensor) -> None:
        _note_base(grid, group, found, base.numpy())
        untouched = base.tolist()
        for cell in cells:
            if cell.same_as is not None:
                found.cells[cell.prompt][cell.index] = untouched[cell.same_as]
        for cell, value in zip(running, values.tolist(), strict=True):
            found.cells[cell.prompt][cell.index] = value
        _show(grid, found, report)

    count, members = len(grid.inputs.targets), group.prompts
    whole = sum(len(target.ids) for target in grid.inputs.targets)
    share = ShareReporter(report, found.done_tokens / whole, group.length * len(members) / whole)
    runs = [cell.run for cell in running]
    swept = sweep(model, group.ids, runs, _plan(grid, group, found), share, fill)
    for row, logits in enumerate(swept.base_logits):
        kind, place = divmod(row, len(group.prompts))
        found.logits[kind][group.prompts[place]] = logits
    if swept.noise is not None:
        if found.noise is None:
            found.noise = np.full(count, np.nan)
        own = swept.noise.numpy().reshape(len(found.base), -1)
        found.noise[list(group.prompts)] = own.max(0)


def _note_base(grid: Grid, group: Group, found: Readings, base: np.ndarray) -> None:
    found.base[:, list(group.prompts)] = base.reshape(len(found.base), -1)
    for prompt in group.prompts:
        if grid.check is not None:
            grid.check(found, prompt)


def _plan(grid: Grid, group: Group, found: Readings) -> SweepPlan:
    """Return what is read of a group: of twins the metric of their prompt.

    Where a cancelled run is kept, the untouched logits are noted with the first pass.
    """
    inputs = grid.inputs
    members = [group.prompts[row % len(group.prompts)] for row in range(len(group.ids))]
    targets = [inputs.targets[i] for i in members]
    read = tuple(inputs.read[i] for i in members)
    if inputs.metric == "loss":
        loss = Loss(torch.stack([t.ids for t in targets]), inputs.loss_from)
        return SweepPlan(read, loss=loss, heard=grid.heard)

    def score_rows(logits: torch.Tensor, row: int, base: torch.Tensor | None) -> torch.Tensor:
        notes = grid.keeps and base is not None and row < len(group.prompts)
        if notes and base is not None and not len(found.logits[0][members[row]]):
            found.logits[0][members[row]] = base.float().cpu().clone()
        return score(inputs.metric, logits, targets[row], base)

    compared = tuple(row % len(group.prompts) for row in range(len(group.ids)))
    return SweepPlan(read, score_rows, compared=compared, heard=grid.heard)


def _estimated(model: LoadedModel, grid: Grid, report: Reporter) -> Readings:
    """Return every cell as it would be if the metric were linear, prompt by prompt."""
    inputs, found = grid.inputs, _blank(grid)
    found.estimated = True
    count = len(inputs.targets)
    for prompt, target in enumerate(inputs.targets):
        note = f"Gradients of prompt {prompt + 1} of {count}"
        report.step(prompt / count, note)
        group = inputs.group(model, [prompt])
        cells = list(grid.cells(group))
        places = sorted({(e.layer, e.site) for cell in cells for e in cell.run.edits})
        for layer, site in places:
            require_acting(model, [layer], site)
        estimator = Estimator(
            model,
            group.ids.tolist(),
            places,
            (inputs.metric, target, inputs.read[prompt], inputs.loss_from),
        )
        _note_base(grid, group, found, np.array(estimator.base))
        for row, logits in enumerate(estimator.logits):
            found.logits[row][prompt] = logits
        for cell in cells:
            change = estimator.change(cell.run)
            found.cells[prompt][cell.index] = estimator.base[cell.run.prompt] + change
        found.done += 1
    return found
