"""What the induction laboratory costs: `python -m tests.benchmarks.lab` prints it.

Detectors are measured against the bare forward passes over the same sequences in this process;
composition in seconds, and a full circuit by the memory it takes.
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

from desktop_app.analyses.compose import run as compose
from desktop_app.analyses.compose.spec import ComposeParams
from desktop_app.analyses.detect import run as detect
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.benchmarks.engine import PeakOfRows

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

PAIR = "16.0,18.6"
TOKENS = 8_000


@dataclass(frozen=True)
class Measured:
    """The laboratory's outcome.

    Attributes:
        detectors: Seconds for all scores of 30 sequences, median.
        forward: Seconds of the bare forward passes over as many, median.
        pairs: Seconds for Q-, K- and V-composition of all pairs of heads.
        circuit_bytes: Memory that a full circuit over the whole vocabulary takes on top.
    """

    detectors: float
    forward: float
    pairs: float
    circuit_bytes: int

    @property
    def ratio(self) -> float:
        """What the detectors cost, in bare forward passes."""
        return self.detectors / self.forward


def measure(model: LoadedModel, *, batch: int = 30, repeats: int = 3, tokens: int = 0) -> Measured:
    """Measure detectors, composition and a full circuit on a model.

    Args:
        model: The model.
        batch: Sequences of the detectors.
        repeats: Of which the median is taken.
        tokens: That the full circuit compares; 0: the whole vocabulary.
    """
    params = DetectParams(batch=batch)
    result = detect.run(model, params, SilentReporter())
    length = len(result.prompts[0].tokens)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, model.info.d_vocab, (batch, length), generator=generator)
    detectors, forward = [], []
    for _ in range(repeats):  # in turn, so that a slow moment of the machine meets both
        detectors.append(_seconds(lambda: detect.run(model, params, SilentReporter())))
        forward.append(_seconds(lambda: _plain(model, ids)))
    pairs = _seconds(lambda: compose.run(model, ComposeParams(), SilentReporter()))
    with PeakOfRows() as peak:
        full = ComposeParams(full_circuit=PAIR, embedding="raw", tokens=tokens)
        compose.run(model, full, SilentReporter())
    middle = statistics.median
    return Measured(middle(detectors), middle(forward), pairs, peak.bytes())


@torch.no_grad()
def _plain(model: LoadedModel, ids: torch.Tensor) -> None:
    """Run the sequences through the model as a notebook does, a few at a time."""
    for some in ids.split(5):
        model.bridge(some)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Print what the README quotes."""
    model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    found = measure(model, tokens=TOKENS)
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"detectors, 30 sequences   {found.detectors:6.2f} s")
    print(f"bare forward passes       {found.forward:6.2f} s: {found.ratio:.2f} ×")
    print(f"composition, all pairs    {found.pairs:6.2f} s")
    print(f"full circuit of {TOKENS:,} tokens: {found.circuit_bytes / 1e6:.0f} MB on top")


if __name__ == "__main__":
    main()
