"""What reading the residual stream costs: `python -m tests.benchmarks.streams` prints it.

Streams with their parts, and the whole analysis with its shares, against bare forward passes over
the same tokens in this process, each the best of several.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from typing import TYPE_CHECKING

from desktop_app.analyses.residual.run import run
from desktop_app.analyses.residual.spec import ResidualParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.prepare import encoder_of
from desktop_app.methods.streams import Wanted, read_streams
from desktop_app.methods.watching import watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

LENGTHS = (27, 128)
_TEXT = "the cat sat on the mat and the dog lay by the door, " * 20


@dataclass(frozen=True)
class Measured:
    """Seconds for one prompt of so many tokens: a bare pass, its streams, the whole analysis."""

    tokens: int
    forward: float
    streams: float
    analysis: float

    def text(self) -> str:
        """Return it in one line."""
        return (
            f"{self.tokens} tokens: pass {self.forward:.3f} s, streams with their parts "
            f"{self.streams:.3f} s ({self.streams / self.forward:.2f} ×), analysis with shares "
            f"{self.analysis:.3f} s ({self.analysis / self.forward:.2f} ×)"
        )


def measure(model: LoadedModel, tokens: int, repeats: int = 5) -> Measured:
    """Return what one prompt of so many tokens costs."""
    encoded = encoder_of(model, ResidualParams()).encode(_TEXT)
    text = _TEXT[: encoded.offsets[tokens - 1][1]]
    params, ids = ResidualParams(prompts=(PromptRow(text=text),)), model.ids([encoded.ids[:tokens]])
    wanted = Wanted(parts=True)
    works: tuple[Callable[[], object], ...] = (
        lambda: watch(model, ids, ()),
        lambda: read_streams(model, ids, wanted),
        lambda: run(model, params, SilentReporter()),
    )
    # In turns, so that a machine that is busy for a while is so for all of them.
    seconds = [[_seconds(work) for work in works] for _again in range(repeats)]
    forward, streams, analysis = (min(column) for column in zip(*seconds, strict=True))
    return Measured(tokens, forward, streams, analysis)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    loaded = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    for length in LENGTHS:
        print(measure(loaded, length).text())
