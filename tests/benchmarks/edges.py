"""How fast are all edges of a model? `python -m tests.benchmarks.edges [MODEL]` prints it.

The exact effects of every edge against the loop of plain hooks, extrapolated from some edges of the
same process, and against this machine's best product; ratios travel between machines, seconds do
not. `tests/benchmarks/test_edges.py` measures a random model of 7B's shape where CUDA is present.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.memory import PeakMemory, budget_bytes, used_bytes
from desktop_app.engine.model import LoadedModel, fast_linear
from desktop_app.methods.edge_effects import exact_effects
from desktop_app.methods.edge_estimates import estimates
from desktop_app.methods.edge_plan import order_by, overlap
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.edge_tables import Shelf
from desktop_app.methods.estimates import rank_agreement
from desktop_app.methods.prepare import prepare
from tests.plain_edges import changed, senders_of

PROMPT = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
BLOCK = 8192


@dataclass(frozen=True)
class Measured:
    """One benchmark's outcome.

    Attributes:
        edges: How many were run.
        seconds: That they took, and what the rest would by the same rate.
        projected: Seconds of all edges of the model.
        loop: Seconds of the plain loop over all edges, extrapolated; 0 where it was not run.
        operations: Of all that was run: each edge's layers, all positions, two for each parameter.
        best: The machine's best product, operations per second.
        memory: What was held at the peak beside what was there before, and the budget, in bytes.
        agreement: By estimate, Spearman's correlation and the overlap of the top 100.
    """

    edges: int
    seconds: float
    projected: float
    loop: float
    operations: float
    best: float
    memory: tuple[int, int]
    agreement: dict[str, tuple[float, float]]

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    @property
    def share(self) -> float:
        """Of the machine's best product rate."""
        return self.rate / self.best

    @property
    def ratio(self) -> float:
        """How many times faster than the plain loop."""
        return self.loop / self.projected


def sides_of(model: LoadedModel, row: PromptRow) -> Sides:
    """Return a prompt with its two sides."""
    params = EdgesParams(prompts=(row,), bos="no", fix=True)
    prepared = prepare(model, params)
    return Sides(model, params, prepared, ("logit_diff", "corrupt", ()), SilentReporter())


def measure(
    model: LoadedModel, row: PromptRow = PROMPT, *, some: int | None = None, looped: int = 200
) -> Measured:
    """Measure the exact effects of edges.

    Args:
        model: The model.
        row: The prompt.
        some: How many edges, drawn; None: all.
        looped: How many edges the plain loop runs; 0: none.
    """
    sides = sides_of(model, row)
    graph, side = sides.graph, sides.side(0)
    model.budget_bytes = budget_bytes(model)
    best = best_product(model, 2048)
    guesses = estimates(sides, 0, 5, SilentReporter())
    order = order_by(guesses[0][:, None], len(graph))
    if some is not None:
        order = np.random.default_rng(0).permutation(len(graph))[:some]
    found = np.full((len(graph), 1), np.nan)
    exact_effects(sides, order[:64], found, SilentReporter())  # whatever is made at the first time
    before, peak = used_bytes(model.device), PeakMemory(model.device)
    started = time.perf_counter()
    shelf = Shelf(sides, order)
    for start in range(0, len(order), BLOCK):
        exact_effects(sides, order[start : start + BLOCK], found, SilentReporter(), shelf=shelf)
    seconds = time.perf_counter() - started
    held = peak.bytes() - before, model.budget_bytes
    best = max(best, best_product(model, 2048))
    model.budget_bytes = None
    loop = loop_seconds(sides, looped) * len(graph) / looped if looped else 0.0
    whole = operations(sides, np.arange(len(graph)))
    done = operations(sides, order)
    values = found[:, 0]
    agreement = {
        name: (rank_agreement(guess, values), overlap(guess, values))
        for name, guess in zip(("eap-ig", "eap"), guesses, strict=True)
    }
    del side
    return Measured(len(order), seconds, seconds * whole / done, loop, done, best, held, agreement)


def operations(sides: Sides, edges: np.ndarray) -> float:
    """Return the operations of the layers from each edge's receiver on."""
    model, graph = sides.model, sides.graph
    layers = np.array([r.layer for r in graph.receivers])[graph.inputs_of[edges]]
    block = model.bridge.original_model.get_decoder().layers[0]
    each = 2.0 * sum(p.numel() for p in block.parameters() if p.ndim > 1)
    return float((graph.layers - layers).sum()) * sides.lengths[0] * each


def loop_seconds(sides: Sides, count: int) -> float:
    """Return the seconds of so many runs of the loop of plain hooks, edges drawn."""
    model, graph = sides.model, sides.graph
    ids, twin = sides.ids([0]), model.ids([sides.tokens()[1][0]])
    apart = senders_of(model, twin) - senders_of(model, ids)
    drawn = np.random.default_rng(1).permutation(len(graph))[:count]
    started = time.perf_counter()
    with torch.no_grad():
        for edge in drawn:
            receiver = graph.receivers[int(graph.inputs_of[edge])]
            sender = int(graph.senders_of[edge])
            place = receiver.layer, receiver.kind, receiver.head
            changed(model, ids, place, apart[sender : sender + 1])
    return time.perf_counter() - started


def best_product(model: LoadedModel, rows: int) -> float:
    """Return the rate of the fastest product of the model's own widths, operations per second."""
    width, hidden = model.info.d_model, int(model.bridge.cfg.d_mlp)
    dtype = next(model.bridge.original_model.parameters()).dtype
    best = 0.0
    for d_in, d_out in ((width, hidden), (hidden, width)):
        x = torch.randn(rows, d_in, dtype=dtype, device=model.device)
        weight = torch.randn(d_out, d_in, dtype=dtype, device=model.device)
        products = [torch.nn.functional.linear]
        if model.device.type == "cpu":
            products.append(fast_linear)
        with torch.no_grad():
            for product in products:
                best = max(best, _rate(product, x, weight))
    return best


def _rate(product: object, x: torch.Tensor, weight: torch.Tensor) -> float:
    best = 0.0
    for _ in range(5):
        _wait(x)
        started = time.perf_counter()
        for _ in range(10):
            product(x, weight)  # type: ignore[operator]
        _wait(x)
        seconds = time.perf_counter() - started
        best = max(best, 10 * 2.0 * len(x) * weight.numel() / seconds)
    return best


def _wait(x: torch.Tensor) -> None:
    if x.device.type == "cuda":
        torch.cuda.synchronize(x.device)


def told(found: Measured) -> str:
    """Return the outcome in lines."""
    held, budget = found.memory
    lines = [
        f"{found.edges:,} edges in {found.seconds:.1f} s, all in {found.projected:.0f} s",
        f"{found.rate / 1e9:,.0f} GF/s, {100 * found.share:.0f} % of the best product "
        f"({found.best / 1e9:,.0f} GF/s)",
        f"peak {held / 1e9:.2f} GB beside what was held, budget {budget / 1e9:.2f} GB",
    ]
    if found.loop:
        lines.append(f"plain loop {found.loop:,.0f} s: {found.ratio:.1f} ×")
    for name, (spearman, top) in found.agreement.items():
        lines.append(f"{name}: Spearman {spearman:.3f}, overlap of the top 100 {top:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Print what the README quotes."""
    name = sys.argv[1] if len(sys.argv) > 1 else "smollm2"
    model = load(ModelSpec(name, device="cpu"), SilentReporter())
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(told(measure(model)))


if __name__ == "__main__":
    main()
