"""How much faster is one pass than the plain loop? `python -m tests.benchmarks.sweep` prints it.

Both run in this process, one after the other, on the same model and prompt; the ratio and the share
of this machine's matrix-product rate travel between machines, seconds do not.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from typing import TYPE_CHECKING

import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.model import fast_linear, one_dnn_is_faster

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

PROMPT = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
REPEATS = 5


@dataclass(frozen=True)
class Measured:
    """One benchmark's outcome, seconds per whole sweep.

    Attributes:
        sweep: Median of one-pass sweeps.
        loop: The plain loop over all heads, extrapolated where only some were run.
        share: Share of the matrix-product rate on the sweep's arithmetic floor, 0..1.
    """

    heads: int
    tokens: int
    sweep: float
    loop: float
    share: float
    gflops: float

    @property
    def ratio(self) -> float:
        """How many times faster one pass is."""
        return self.loop / self.sweep


def measure(model: LoadedModel, *, loop_heads: int | None = None) -> Measured:
    """Measure the zero-ablation sweep of all heads against the plain loop.

    Args:
        model: The model.
        loop_heads: Run only so many heads of the plain loop and extrapolate; None runs all.
    """
    params = AblateParams(prompts=(PROMPT,), mode="zero")
    result = ablate.run(model, params, SilentReporter())
    ids = torch.tensor([result.prompts[0].tokens.ids])
    rate = matrix_product_rate(model, ids.shape[1])
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        ablate.run(model, params, SilentReporter())
        times.append(time.perf_counter() - started)
    sweep = statistics.median(times)
    heads = model.info.n_layers * model.info.n_heads
    loop = plain_loop_seconds(model, ids, loop_heads or heads) * heads / (loop_heads or heads)
    share = arithmetic_floor(model, ids.shape[1]) / sweep / rate
    return Measured(heads, ids.shape[1], sweep, loop, share, rate / 1e9)


def plain_loop_seconds(model: LoadedModel, ids: torch.Tensor, count: int) -> float:
    """Return the seconds of `count` runs of the loop that every notebook writes."""
    n_heads = model.info.n_heads
    model.bridge(ids)
    started = time.perf_counter()
    with torch.no_grad():
        for number in range(count):
            layer, head = divmod(number, n_heads)

            def zero(z: torch.Tensor, hook: object, head: int = head) -> torch.Tensor:
                z[:, :, head] = 0
                return z

            model.bridge.run_with_hooks(ids, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", zero)])
    return time.perf_counter() - started


def arithmetic_floor(model: LoadedModel, length: int) -> float:
    """Return the floating-point operations that a sweep of all heads cannot avoid."""
    info = model.info
    total = 0.0
    for layer, block in enumerate(model.bridge.original_model.get_decoder().layers):
        rows = 1 + (layer + 1) * info.n_heads
        total += rows * length * 2 * sum(p.numel() for p in block.parameters() if p.ndim > 1)
    return total + (1 + info.n_layers * info.n_heads) * 2 * info.d_model * info.d_vocab


def matrix_product_rate(model: LoadedModel, length: int, *, one_dnn: bool = False) -> float:
    """Return the rate of torch's product of the sweep's own shape, operations per second.

    Args:
        model: The model.
        length: The prompt's token count.
        one_dnn: Measure the product that large passes take where it is faster.
    """
    rows = length * (1 + model.info.n_layers * model.info.n_heads) // 2
    width = int(model.bridge.cfg.d_mlp)
    left, right = torch.randn(rows, model.info.d_model), torch.randn(width, model.info.d_model)
    product = fast_linear if one_dnn else torch.nn.functional.linear
    best = 0.0
    with torch.no_grad():
        for _ in range(4):
            started = time.perf_counter()
            for _ in range(10):
                product(left, right)
            seconds = time.perf_counter() - started
            best = max(best, 10 * 2.0 * rows * model.info.d_model * width / seconds)
    return best


def main() -> None:
    """Print the table that the README quotes."""
    model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    found = measure(model)
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"{found.heads} heads, {found.tokens} tokens, float32, zero ablation")
    print(f"one pass   {found.sweep:7.2f} s (median of {REPEATS})")
    print(f"plain loop {found.loop:7.2f} s")
    print(f"ratio      {found.ratio:7.1f} ×")
    print(f"share of torch's product rate ({found.gflops:.0f} GF/s): {100 * found.share:.0f} %")
    if one_dnn_is_faster():
        own = matrix_product_rate(model, found.tokens, one_dnn=True) / 1e9
        share = 100 * found.share * found.gflops / own
        print(f"share of oneDNN's product rate ({own:.0f} GF/s): {share:.0f} %")


if __name__ == "__main__":
    main()
