"""What the one-pass engine saves, sweep by sweep: `python -m tests.benchmarks.engine` prints it.

Sweep and plain loop run in this process, one after the other, on the same model and prompt; ratios
and the share of this machine's matrix-product rate travel between machines, seconds do not.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import psutil
import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.model import site_hook
from tests.benchmarks.sweep import matrix_product_rate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

SHORT = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
LONG = PromptRow(
    text="01 2 3 4 5 6 7 8 9 1 2 3 4 ", corrupt="73 9 6 1 8 2 5 4 7 7 9 6 1 ", answer="5", wrong="4"
)
LOOP_SAMPLE = 40


@dataclass(frozen=True)
class Row:
    """One sweep beside its plain loop.

    Attributes:
        runs: How many runs the loop needs.
        sweep: Seconds of the sweep, median.
        loop: Seconds of the loop, extrapolated from a sample.
        share: Share of the matrix-product rate on the sweep's arithmetic floor, 0..1.
    """

    name: str
    tokens: int
    runs: int
    sweep: float
    loop: float
    share: float

    @property
    def ratio(self) -> float:
        """How many times faster the sweep is."""
        return self.loop / self.sweep


def measure(model: LoadedModel, *, repeats: int = 3, sample: int = LOOP_SAMPLE) -> list[Row]:
    """Measure heads, MLPs, and layer × position patching at two lengths."""
    one_way = PatchParams(prompts=(SHORT,), direction="denoise", site="resid_pre")
    sweeps: list[tuple[str, Callable[[], Result], int]] = [
        ("heads", _ablation(model, "head"), model.info.n_layers * model.info.n_heads),
        ("MLP outputs", _ablation(model, "mlp"), model.info.n_layers),
        ("layer × position", lambda: patch.run(model, one_way, SilentReporter()), 0),
        (
            "layer × position",
            lambda: patch.run(
                model, one_way.model_copy(update={"prompts": (LONG,)}), SilentReporter()
            ),
            0,
        ),
    ]
    rows = []
    for name, sweep, parts in sweeps:
        result = sweep()
        length = len(result.prompts[0].tokens)
        runs = parts or model.info.n_layers * length
        seconds = statistics.median(_seconds(sweep) for _ in range(repeats))
        some = min(runs, sample)
        loop = plain_loop_seconds(model, result, some) * runs / some
        floor = arithmetic_floor(model, result)
        share = floor / seconds / matrix_product_rate(model, length)
        rows.append(Row(name, length, runs, seconds, loop, share))
    return rows


def _ablation(model: LoadedModel, component: str) -> Callable[[], Result]:
    params = AblateParams(prompts=(SHORT,), mode="zero", component=component)
    return lambda: ablate.run(model, params, SilentReporter())


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def plain_loop_seconds(model: LoadedModel, result: Result, count: int) -> float:
    """Return the seconds of `count` runs of the loop that every notebook writes."""
    record, n_layers = result.prompts[0], model.info.n_layers
    patches = result.analysis == "patch"
    ids = torch.tensor([record.corrupt_tokens.ids if patches else record.tokens.ids])
    sites = {"head": "head_z", "mlp": "mlp_out"}
    site = "resid_pre" if patches else sites[result.params["component"]]
    places = [(number % n_layers, number // n_layers) for number in range(count)]
    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(torch.tensor([record.tokens.ids]))
        started = time.perf_counter()
        for layer, column in places:
            name = site_hook(layer, site)

            def change(
                x: torch.Tensor, hook: object, name: str = name, column: int = column
            ) -> torch.Tensor:
                if site == "resid_pre":
                    x[:, column] = cache[name][:, column]
                elif site == "head_z":
                    x[:, :, column % model.info.n_heads] = 0
                else:
                    x[:] = 0
                return x

            model.bridge.run_with_hooks(ids, fwd_hooks=[(name, change)])
        return time.perf_counter() - started


def arithmetic_floor(model: LoadedModel, result: Result) -> float:
    """Return the operations that a sweep cannot avoid: live rows × live positions, per layer.

    A run that changes position p needs the positions from p on and no others; in the last layer
    only the keys and values of all positions, and the read position itself.
    """
    info, length = model.info, len(result.prompts[0].tokens)
    blocks = model.bridge.original_model.get_decoder().layers
    starts = [0] * (info.n_heads if result.params.get("component") == "head" else 1)
    untouched = 1
    if result.analysis == "patch":
        first = int(result.data["first_difference"][0])
        starts, untouched = list(range(first, length)), 2
    total = 0.0
    for layer, block in enumerate(blocks):
        sizes = {n: p.numel() for n, p in block.named_parameters() if p.ndim > 1}
        entire = sum(sizes.values())
        attention = sum(v for n, v in sizes.items() if any(k in n for k in ("q_", "k_", "v_")))
        for tokens, rows in [(length, untouched), *((length - s, layer + 1) for s in starts)]:
            if layer == info.n_layers - 1:
                total += rows * 2 * (tokens * attention + (entire - attention))
            else:
                total += rows * tokens * 2 * entire
    runs = untouched + info.n_layers * len(starts)
    return total + runs * 2 * info.d_model * info.d_vocab


class PeakOfRows:
    """The most memory that this process held above what it held before, sampled."""

    def __init__(self) -> None:
        gc.collect()
        self._process = psutil.Process()
        self._before = self._process.memory_info().rss
        self._most = self._before
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakOfRows:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def bytes(self) -> int:
        """Return the peak above the beginning."""
        return self._most - self._before

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self._most = max(self._most, self._process.memory_info().rss)


def memory(model: LoadedModel, budget: int) -> int:
    """Return the peak of a sweep of all heads at 27 tokens under a budget, in bytes."""
    params = AblateParams(prompts=(LONG,), mode="zero")
    bounded = replace(model, budget_bytes=budget)
    ablate.run(bounded, params, SilentReporter())
    with PeakOfRows() as peak:
        ablate.run(bounded, params, SilentReporter())
    return peak.bytes()


def offload_ratio(model: LoadedModel, folder: Path | None = None) -> float:
    """Return how much longer a sweep of all heads takes with the layers read from the disk."""
    name = str(folder) if folder else "smollm2"
    offloaded = load(ModelSpec(name, device="cpu", offload="disk"), SilentReporter())
    there, here = _ablation(offloaded, "head"), _ablation(model, "head")
    there(), here()
    return statistics.median(_seconds(there) for _ in range(3)) / statistics.median(
        _seconds(here) for _ in range(3)
    )


def main() -> None:
    """Print the table that the README quotes."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print("| sweep | tokens | runs | one pass | plain loop | ratio | matrix-product rate |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in measure(model):
        print(
            f"| {row.name} | {row.tokens} | {row.runs} | {row.sweep:.2f} s | {row.loop:.1f} s | "
            f"{row.ratio:.1f} × | {100 * row.share:.0f} % |"
        )
    for budget in (100_000_000, 200_000_000, 400_000_000):
        peak = memory(model, budget)
        print(f"budget {budget / 1e6:.0f} MB: peak {peak / 1e6:.0f} MB ({peak / budget:.2f} ×)")
    print(f"disk offload: {offload_ratio(model):.2f} × the time in memory")


if __name__ == "__main__":
    main()
