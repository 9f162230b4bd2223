"""What pruning costs: `python -m tests.benchmarks.circuit` prints it.

Beside the plain loop of a notebook on the same model in this process: a pass of TransformerLens for
every step, all prompts in its batch, every part outside the circuit replaced by a hook. Of its
steps some are run, spread over the whole trail, and each must say what the pruning says.
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

from desktop_app.analyses.circuit import run as circuit
from desktop_app.analyses.circuit.spec import CircuitParams
from desktop_app.contract.kept import all_parts, parse_kept
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel

PROMPTS = tuple(
    PromptRow(text=f"{i} {i + 1} {i + 2} {i + 3} ", answer=str(i + 4), wrong=str(i + 3))
    for i in range(1, 6)
)


@dataclass(frozen=True)
class Measured:
    """A pruning and its plain loop.

    Attributes:
        steps: Parts tried.
        kept: Parts left.
        passes: Passes over the weights.
        seconds: The pruning took.
        step: Median seconds of a step of the plain loop.
        apart: The largest difference of a step's percentage.
    """

    steps: int
    kept: int
    passes: int
    seconds: float
    step: float
    apart: float

    @property
    def times(self) -> float:
        """How much longer the plain loop takes for all steps."""
        return self.step * self.steps / self.seconds


def measure(
    model: LoadedModel, *, mlps: bool, threshold: float = 20, looked_at: int = 12
) -> Measured:
    """Prune the five prompts, and run some steps of the plain loop."""
    params = CircuitParams(prompts=PROMPTS, prune=threshold, mlps=mlps, controls=0)
    result = circuit.run(model, params, SilentReporter())
    trail = result.data["trail"]
    loop = _Loop(model, result, mlps=mlps)
    seconds, apart = [], 0.0
    for number in range(0, len(trail), max(1, len(trail) // looked_at)):
        gone = {step[1] for step in trail[:number] if step[4] == "dropped"} | {trail[number][1]}
        started = time.perf_counter()
        percent = loop.percent(gone)
        seconds.append(time.perf_counter() - started)
        apart = max(apart, abs(percent - trail[number][3]))
    timing = result.timing
    return Measured(
        len(trail), len(result.data["kept"]), timing.forward_passes, timing.seconds,
        statistics.median(seconds), apart,
    )  # fmt: skip


class _Loop:
    """One step after another: a pass over all prompts with hooks."""

    def __init__(self, model: LoadedModel, result: Result, *, mlps: bool) -> None:
        self.model = model
        self.ids = torch.tensor([p.tokens.ids for p in result.prompts])
        self.right = torch.tensor([p.answers[0].token_id for p in result.prompts])
        self.wrong = torch.tensor([p.wrongs[0].token_id for p in result.prompts])
        parts = all_parts(model.info.n_layers, model.info.n_heads, mlps=mlps)
        self.names = sorted({self._place(part) for part in parts})
        with torch.no_grad():
            logits, cache = model.bridge.run_with_cache(self.ids)
        self.means = {name: cache[name].mean(0) for name in self.names}
        self.full = self._score(logits)

    @staticmethod
    def _place(part: tuple[int, int | None]) -> str:
        layer, head = part
        return f"blocks.{layer}.hook_mlp_out" if head is None else f"blocks.{layer}.attn.hook_z"

    def _score(self, logits: torch.Tensor) -> float:
        last, rows = logits[:, -1].float(), torch.arange(len(self.ids))
        return float((last[rows, self.right] - last[rows, self.wrong]).mean())

    def percent(self, gone: set[str]) -> float:
        """Return what is left without some parts, per cent."""
        places: dict[str, list[int | None]] = {}
        for part in parse_kept(",".join(gone)):
            places.setdefault(self._place(part), []).append(part[1])

        def replace(x: torch.Tensor, hook: object, name: str) -> torch.Tensor:
            for head in places[name]:
                if head is None:
                    x[:] = self.means[name]
                else:
                    x[:, :, head] = self.means[name][:, head]
            return x

        hooks = [(name, lambda x, hook, name=name: replace(x, hook, name)) for name in places]
        with torch.no_grad():
            logits = self.model.bridge.run_with_hooks(self.ids, fwd_hooks=hooks)
        return 100 * self._score(logits) / self.full


def main() -> None:
    """Print what the README quotes."""
    model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for mlps in (False, True):
        found = measure(model, mlps=mlps)
        print(
            f"heads{' and MLPs' if mlps else ''}: {found.steps} steps to {found.kept} parts in "
            f"{found.seconds:.1f} s and {found.passes} passes; a plain step {found.step:.3f} s: "
            f"{found.times:.1f} ×; percentages apart by {found.apart:.1e}"
        )


if __name__ == "__main__":
    main()
