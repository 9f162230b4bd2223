"""What heads over text cost: `python -m tests.benchmarks.corpus` prints it.

The analysis against bare forward passes over the same windows in this process, in turns; whether
memory grows with the text; and from a measured number of tokens, time and storage of a million.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import psutil

from desktop_app.analyses.corpus.reading import windows_per_pass
from desktop_app.analyses.corpus.run import run
from desktop_app.analyses.corpus.spec import CorpusParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.model import site_hook
from desktop_app.methods.text_windows import TextWindows

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

COMPARED, FEW, MANY, MILLION = 2_040, 5_000, 20_000, 1_000_000


@dataclass(frozen=True)
class Cost:
    """Processor seconds for the same windows, bare passes and the analysis: the best of several."""

    windows: int
    passes: float
    ending: float
    analysis: float

    @property
    def ratio(self) -> float:
        """How many times the bare passes the analysis takes."""
        return self.analysis / self.passes

    def text(self) -> str:
        """Return it in one line."""
        return (
            f"{self.windows} windows: bare passes {self.passes:.2f} s, such that end at the last "
            f"pattern {self.ending:.2f} s, heads over text {self.analysis:.2f} s "
            f"({self.ratio:.2f} × bare passes, {self.analysis / self.ending:.2f} × those that end)"
        )


@dataclass(frozen=True)
class Growth:
    """What few and many tokens take: seconds, the most memory of the process, the result's size.

    Attributes:
        tokens: Read in either run.
        seconds: Of either run.
        peak: The most bytes that the process held in either run, over what it held before both.
        stored: Bytes of either result.
    """

    tokens: tuple[int, int]
    seconds: tuple[float, float]
    peak: tuple[int, int]
    stored: tuple[int, int]

    def projected(self, values: tuple[float, float], tokens: int) -> float:
        """Return what so many tokens would take, on the line through both runs."""
        slope = (values[1] - values[0]) / (self.tokens[1] - self.tokens[0])
        return values[1] + slope * (tokens - self.tokens[1])

    def text(self) -> str:
        """Return it in a line for both runs, and one for what follows of a million tokens."""
        told = "; ".join(
            f"{tokens:,} tokens {seconds:.1f} s, peak {peak / 1e6:.0f} MB, result {size / 1e6:.1f} "
            "MB"
            for tokens, seconds, peak, size in zip(
                self.tokens, self.seconds, self.peak, self.stored, strict=True
            )
        )
        minutes = self.projected(self.seconds, MILLION) / 60
        size = self.projected(self.stored, MILLION) / 1e6
        return f"{told}\nprojected to {MILLION:,} tokens: {minutes:.0f} min, result {size:.0f} MB"


def cost(model: LoadedModel, tokens: int = COMPARED, repeats: int = 3) -> Cost:
    """Return what the analysis of so many tokens costs beside bare passes over its windows."""
    params = CorpusParams(tokens=tokens)
    windows = [w.ids for w in TextWindows(model, params, "", params.window, tokens, "--text")]
    size = windows_per_pass(model, params.window)
    together = [model.ids(windows[at : at + size]) for at in range(0, len(windows), size)]
    last = site_hook(model.info.n_layers - 1, "pattern")
    works: tuple[Callable[[], object], ...] = (
        lambda: [model.run(ids) is None for ids in together],
        lambda: [model.seen(ids, last) is None for ids in together],
        lambda: run(model, params, SilentReporter()),
    )
    # In turns, so that a machine that is busy for a while is so for all.
    seconds = [[_seconds(work) for work in works] for _again in range(repeats)]
    return Cost(len(windows), *(min(column) for column in zip(*seconds, strict=True)))


def growth(model: LoadedModel, tokens: tuple[int, int] = (FEW, MANY)) -> Growth:
    """Return what few and many tokens take."""
    before = psutil.Process().memory_info().rss
    run(model, CorpusParams(tokens=1_000), SilentReporter())  # so that what is made once is there
    seconds, peaks, sizes, read = [], [], [], []
    for count in tokens:
        watched = _Watched()
        started = time.perf_counter()
        result = run(model, CorpusParams(tokens=count), watched)
        seconds.append(time.perf_counter() - started)
        peaks.append(watched.peak - before)
        sizes.append(_bytes(result.data))
        read.append(int(result.data["tokens_read"]))
    return Growth(*((few, many) for few, many in (read, seconds, peaks, sizes)))


class _Watched(SilentReporter):
    """Looks at each step how much the process holds."""

    def __init__(self) -> None:
        self.peak, self._process = 0, psutil.Process()

    def step(self, fraction: float, note: str = "") -> None:
        self.peak = max(self.peak, self._process.memory_info().rss)


def _bytes(data: dict[str, Any]) -> int:
    """Return the size of arrays and texts."""
    return sum(
        value.nbytes if isinstance(value, np.ndarray) else len(json.dumps(value, default=str))
        for value in data.values()
    )


def _seconds(work: Callable[[], object]) -> float:
    """Return what the processors spent, which others that are busy change least."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    loaded = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    print(cost(loaded).text(), flush=True)
    print(growth(loaded).text())
