"""What direct attribution costs: `python -m tests.benchmarks.attribution` prints it.

Beside TransformerLens' own function on the same model in this process: that one gives heads or
components, ours both, and checks that they sum. Both are given the model that it asks for, with
processed weights.
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
from transformer_lens.tools.analysis import direct_logit_attribution

from desktop_app.analyses.attribute import run as attribute
from desktop_app.analyses.attribute.spec import AttributeParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import LoadedModel

PROMPTS = {"short": "1 2 3 4 ", "long": "1 2 3 4 5 6 7 8 9 " * 14}


@dataclass(frozen=True)
class Measured:
    """The outcome for one prompt, medians of seconds.

    Attributes:
        tokens: Of the prompt.
        ours: All parts, with the sum's check.
        theirs: All heads, by TransformerLens' function.
        forward: A bare pass.
        apart: The largest difference of a head.
    """

    tokens: int
    ours: float
    theirs: float
    forward: float
    apart: float


def measure(model: LoadedModel, text: str, *, repeats: int = 5) -> Measured:
    """Measure one prompt on a model with processed weights."""
    row = PromptRow(text=text, answer="5", wrong="4")
    params = AttributeParams(prompts=(row,))
    result = attribute.run(model, params, SilentReporter())
    record = result.prompts[0]
    ids = torch.tensor([record.tokens.ids])
    right, wrong = (
        torch.tensor([a.token_id for a in of]) for of in (record.answers, record.wrongs)
    )

    @torch.no_grad()
    def theirs() -> torch.Tensor:
        found = direct_logit_attribution(model.bridge, ids, right, wrong, unit="head")
        heads = model.info.n_layers * model.info.n_heads
        return found.attribution[:heads, 0]

    @torch.no_grad()
    def forward() -> None:
        model.bridge(ids)

    own = torch.from_numpy(result.data["head"].copy()).flatten()
    apart = float((theirs() - own).abs().max())
    seconds: list[list[float]] = [[], [], []]
    for _ in range(repeats):  # in turn, so that a slow moment of the machine meets all
        works: tuple[Callable[[], object], ...] = (
            lambda: attribute.run(model, params, SilentReporter()),
            theirs,
            forward,
        )
        for kept, work in zip(seconds, works, strict=True):
            started = time.perf_counter()
            work()
            kept.append(time.perf_counter() - started)
    return Measured(len(record.tokens), *map(statistics.median, seconds), apart)


def main() -> None:
    """Print what the README quotes."""
    model = load(ModelSpec("smollm2", device="cpu", weights="processed"), SilentReporter())
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, text in PROMPTS.items():
        found = measure(model, text)
        print(
            f"{name}, {found.tokens} tokens: {found.ours:.3f} s, TransformerLens’ heads "
            f"{found.theirs:.3f} s: {found.ours / found.theirs:.2f} ×; "
            f"{found.ours / found.forward:.2f} bare passes; heads apart by {found.apart:.1e}"
        )


if __name__ == "__main__":
    main()
