"""Effects of edges as they come: estimates first, then exact ones, best-estimated first."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import override

from desktop_app.contract.report import ShareReporter
from desktop_app.engine.memory import budget_bytes, row_bytes, rows_per_pass, used_bytes
from desktop_app.engine.sweep_pass import SweepPlan
from desktop_app.methods import edge_memory
from desktop_app.methods.edge_effects import cost_of, exact_effects
from desktop_app.methods.edge_estimates import estimates
from desktop_app.methods.edge_tables import CPU_TOKENS, Shelf
from desktop_app.support.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.report import Reporter
    from desktop_app.methods.edge_plan import Pace
    from desktop_app.methods.edge_sides import Sides

# A pass with gradients costs as much as so many without.
_GRADIENTS = 3.0
# Between two pictures of passes so many times goes by as one takes to make.
_BETWEEN = 20.0
# Where more of all edges are to come than this, tables are made once for all of them.
_WORTH_KEEPING = 0.2


@dataclass
class Effects:
    """What is known of the edges of all prompts.

    Attributes:
        exact: changed − base, float64 `[edge, N]`, NaN where not computed.
        estimate: The estimate that leads, `[edge, N]`; None where there is none.
        eap: The estimate by EAP beside it; None where there is none.
        noise: How far each prompt's untouched metric goes apart over batch sizes `[N]`; None in
            full precision.
        stopped: Whether the run was cancelled.
        beyond: Whether a stopped run has left more than what this one wants.
        tried: Which edges were run on all prompts `[edge]`, whatever came out.
    """

    exact: np.ndarray
    estimate: np.ndarray | None = None
    eap: np.ndarray | None = None
    noise: np.ndarray | None = None
    stopped: bool = False
    beyond: bool = False
    tried: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.tried = np.zeros(len(self.exact), dtype=bool)

    @property
    def known(self) -> np.ndarray:
        """Which edges are exact on all prompts `[edge]`."""
        return np.asarray(np.isfinite(self.exact).all(-1))


def estimate_all(
    sides: Sides, effects: Effects, steps: int, report: Reporter, show: Callable[[], None]
) -> None:
    """Estimate every edge on every prompt: by EAP-IG with EAP beside it, or by EAP alone.

    Args:
        sides: The prompts.
        effects: Where they go.
        steps: How many runs EAP-IG averages; 0 for EAP alone.
        report: Told at every layer; may cancel there.
        show: Called after each prompt.
    """
    shape, count = effects.exact.shape, len(sides)
    first, eap = np.full(shape, np.nan), np.full(shape, np.nan)
    for prompt in range(count):
        share = ShareReporter(report, prompt / count, 1 / count)
        first[:, prompt], eap[:, prompt] = estimates(sides, prompt, steps, share)
        effects.estimate = first
        effects.eap = eap if steps and sides.metric != "kl" else None
        show()


def measure_exactly(
    sides: Sides,
    effects: Effects,
    order: np.ndarray,
    pace: Pace,
    report: Reporter,
    show: Callable[[], None],
) -> None:
    """Run edges exactly, in their order, as far as the time goes.

    What a stopped run of the same settings has left is taken over first. What there is then is
    kept for the next, until `let_go`: what comes after these runs can be stopped as well.

    Args:
        sides: The prompts.
        effects: Where they go.
        order: The edges that are wanted, the first ones first.
        pace: How long it may take.
        report: Told at every layer; may cancel there.
        show: Called now and then after a pass, so that it costs little, and at the end.
    """
    left = edge_memory.recall(sides)
    wanted = np.zeros(len(left), dtype=bool)
    wanted[order] = True
    taken = wanted & np.isfinite(left).all(-1)
    effects.exact[taken] = left[taken]
    effects.tried[taken] = True
    queue = order[~taken[order]]
    if taken.any():
        show()
    try:
        _run_all(sides, effects, queue, pace, report, _Seldom(show))
    except Cancelled:
        effects.stopped = True
    finally:
        edge_memory.keep(sides, np.where(np.isfinite(effects.exact), effects.exact, left))
    effects.beyond = bool(np.isfinite(left[~wanted]).any())
    if len(queue) and not effects.stopped:
        show()


def let_go(sides: Sides, effects: Effects) -> None:
    """Keep no longer what a run knows that has come to its end; what it did not want stays."""
    if not effects.beyond:
        edge_memory.forget(sides)


def _run_all(
    sides: Sides,
    effects: Effects,
    queue: np.ndarray,
    pace: Pace,
    report: Reporter,
    seldom: _Seldom,
) -> None:
    costs, rows, reached, start = cost_of(sides, queue), _rows(sides), 0.0, 0
    shelf = Shelf(sides, queue[:0])
    while start < len(queue):
        report.check()
        fitting = pace.fits(costs[start:])
        count = min(fitting, pace.block(costs[start:], rows))
        if count < 1:
            return
        block, work = queue[start : start + count], float(costs[start : start + count].sum())
        # Of what is left, however much more or less of it is foreseen than was before.
        portion = (1 - reached) * work / max(1.0, float(costs[start : start + fitting].sum()))
        share = _Quiet(report, reached, portion)
        if start and fitting > _WORTH_KEEPING * len(sides.graph):
            shelf = shelf if shelf.keeps else Shelf(sides, queue)
        noise = exact_effects(sides, block, effects.exact, share, heard=seldom, shelf=shelf)
        effects.tried[block] = True
        if noise is not None:
            effects.noise = noise if effects.noise is None else np.fmax(effects.noise, noise)
        pace.did(work)
        start, reached = start + count, reached + portion
        seldom()


def _rows(sides: Sides) -> int:
    """Return how many edges a pass holds, on all prompts."""
    length = max(sides.lengths)
    computed = max(n - first for n, first in zip(sides.lengths, sides.firsts, strict=True))
    plan = SweepPlan((0,), tokens=CPU_TOKENS)
    held = rows_per_pass(sides.model, max(1, computed), (1, length), plan)
    return max(1, held // len(sides))


def work_of(sides: Sides, *, steps: int, order: np.ndarray) -> tuple[float, float]:
    """Return what estimates and exact runs cost, in tokens through one layer."""
    tokens, graph = sum(sides.lengths), sides.graph
    rows = 2 + graph.heads + 2 * graph.kv_heads
    guess = _GRADIENTS * steps * rows * tokens * graph.layers
    return guess, float(cost_of(sides, order).sum())


def needs(sides: Sides) -> int:
    """Return the memory of the process (or on the GPU) at the peak of a run, in bytes."""
    model, length = sides.model, max(sides.lengths)
    row = row_bytes(model, length, length, read_all=sides.metric == "loss")
    plan = SweepPlan((0,), tokens=CPU_TOKENS)
    rows = 1 + rows_per_pass(model, length, (1, length), plan)
    held = min(sum(map(sides.bytes_of, range(len(sides)))), budget_bytes(model))
    return used_bytes(model.device) + held + rows * row


class _Quiet(ShareReporter):
    """Says no more what is needed: that was said of the whole."""

    @override
    def needs(self, memory_bytes: int) -> None:
        """Say nothing."""


class _Seldom:
    """Shows so seldom that it costs little: of a large model a picture takes a second."""

    def __init__(self, show: Callable[[], None]) -> None:
        self._show, self._next = show, 0.0

    def __call__(self) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._show()
            self._next = now + (1 + _BETWEEN) * (time.perf_counter() - now)
