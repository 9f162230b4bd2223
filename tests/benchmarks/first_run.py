"""What the first run after loading costs, and prompts that share a pass: ratios in one process.

`python -m tests.benchmarks.first_run [MODEL …]` prints them; `smollm2` and `toy` where none is
named. Seconds are of the processor: those of the clock tell what else the machine was doing.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from desktop_app.analyses.ablate import run as ablate
from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.analyses.patch import run as patch
from desktop_app.analyses.patch.spec import PatchParams
from desktop_app.analyses.rank import run as rank
from desktop_app.analyses.rank.spec import RankParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import ANALYSES
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import remembered
from desktop_app.engine.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

PROMPT = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
PROMPTS = 40
RUNS: dict[str, Callable[[LoadedModel], object]] = {
    "ablate": lambda m: ablate.run(m, AblateParams(prompts=(PROMPT,)), SilentReporter()),
    "patch": lambda m: patch.run(m, PatchParams(prompts=(PROMPT,)), SilentReporter()),
    "rank": lambda m: rank.run(m, RankParams(prompts=(PROMPT,)), SilentReporter()),
}


@dataclass(frozen=True)
class First:
    """The first run of an analysis after loading beside the next.

    Attributes:
        first: Processor seconds of the first run.
        later: Of the ones after it, median.
        passes: Forward passes of the first and of the second.
    """

    first: float
    later: float
    passes: tuple[int, int]

    @property
    def ratio(self) -> float:
        """How many times the next run the first one costs."""
        return self.first / self.later


def first_run(name: str, analysis: str, *, repeats: int = 3) -> First:
    """Load a model of which nothing is known, and run an analysis some times."""
    with tempfile.TemporaryDirectory() as home:
        before = remembered.FILE
        remembered.FILE = str(Path(home) / "hooks.json")
        remembered.forget()
        try:
            model = load(ModelSpec(name, device="cpu"), SilentReporter())
        finally:
            remembered.FILE = before
    list(ANALYSES.values())  # which the window has read when it starts
    work = RUNS[analysis]
    times, passes = [], []
    for _ in range(1 + repeats):
        gc.collect()
        counted = model.forward_passes
        times.append(_seconds(lambda: work(model)))
        passes.append(model.forward_passes - counted)
    return First(times[0], statistics.median(times[1:]), (passes[0], passes[1]))


def together(name: str, *, repeats: int = 2) -> tuple[float, float, int, int]:
    """Return the seconds and passes of 40 prompts, one by one and together."""
    model = load(ModelSpec(name, device="cpu"), SilentReporter())
    rows = tuple(
        PromptRow(
            text=f"{n % 10} {(n + 1) % 10} {(n + 2) % 10} {n // 10} ",
            answer=str((n + 3) % 10),
            wrong=str(n % 10),
        )
        for n in range(PROMPTS)
    )
    times: dict[bool, list[float]] = {False: [], True: []}
    passes = {}
    for _ in range(1 + repeats):
        for shares, own in times.items():
            model.reads_together = shares
            counted = model.forward_passes
            params = RankParams(prompts=rows)
            own.append(_seconds(lambda params=params: rank.run(model, params, SilentReporter())))
            passes[shares] = model.forward_passes - counted
    alone, shared = (statistics.median(own[1:]) for own in times.values())
    return alone, shared, passes[False], passes[True]


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Print what is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=["smollm2", "toy"])
    models = parser.parse_args().models
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in models:
        for analysis in RUNS:
            found = first_run(name, analysis)
            print(
                f"{name:8} {analysis:7} first {found.first:6.2f} s, next {found.later:6.2f} s, "
                f"{found.ratio:.2f} × (passes {found.passes[0]} and {found.passes[1]})"
            )
        alone, shared, many, few = together(name)
        print(
            f"{name:8} {PROMPTS} prompts: {many} passes {alone:6.2f} s, {few} passes "
            f"{shared:6.2f} s, {alone / shared:.1f} × faster"
        )


if __name__ == "__main__":
    main()
