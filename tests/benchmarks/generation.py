"""How fast do texts grow? `python -m tests.benchmarks.generation` prints it beside `generate`.

Both run in this process, in turns, on the same prompts and with keys and values kept: what is
compared is the ratio, which travels between machines. Beside its tokens, ours gives every step's
log-probabilities and likeliest tokens. Hugging Face's model is loaded as anybody would load it.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from transformers import AutoModelForCausalLM

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.decoding import Changes
from desktop_app.engine.interventions import Add, Edit
from desktop_app.engine.loading import load
from desktop_app.methods.generating import Growing, Run, grow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.engine.model import LoadedModel

TEXT = "The weather today is"
STEPS = 40
REPEATS = 5


@dataclass(frozen=True)
class Measured:
    """Seconds of one continuation of all rows: processor time on a CPU, the least of all turns.

    Attributes:
        rows: How many texts grow together.
        theirs: Hugging Face's `generate`.
        plain: Ours.
        steered: Ours with a vector added at every step of a middle layer.
        same: Whether the tokens are the same.
    """

    rows: int
    theirs: float
    plain: float
    steered: float
    same: bool

    @property
    def ratio(self) -> float:
        """How many times as long ours takes."""
        return self.plain / self.theirs


def measure(
    model: LoadedModel, rows: int, steps: int = STEPS, text: str = TEXT, repeats: int = REPEATS
) -> Measured:
    """Measure a number of copies of a text."""
    plain = AutoModelForCausalLM.from_pretrained(model.info.source, dtype=torch.float32).eval()
    plain.to(model.device)
    texts = [list(model.tokenizer.encode(text).ids)] * rows
    ids = torch.tensor(texts, device=model.device)
    layer = model.info.n_layers // 2
    vector = torch.ones(1, model.info.d_model)

    def planned(_row: int, _step: int, held: range) -> Sequence[Edit]:
        return [Edit(layer, "resid_post", Add(vector), None, (held.stop - 1,))]

    def theirs() -> list[list[int]]:
        with torch.no_grad():
            found = plain.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=steps,
                do_sample=False,
                eos_token_id=None,
                pad_token_id=0,
            )
        return found[:, ids.shape[1] :].tolist()

    def ours(changes: Changes, layers: Sequence[int]) -> list[list[int]]:
        run = Run(texts, range(rows), changes)
        growing = Growing(steps, ignore_end=True)
        found = grow(model, [run], layers, growing, lambda *_told: None)
        return [one.ids for one in found[0]]

    # What else the machine does is in neither: a continuation ends with numbers read on the CPU.
    clock = time.process_time if model.device.type == "cpu" else time.perf_counter
    ways = (theirs, lambda: ours(Changes(), ()), lambda: ours(Changes(planned), (layer,)))
    said = [way() for way in ways]
    times: list[list[float]] = [[] for _way in ways]
    for _ in range(repeats):
        for own, way in zip(times, ways, strict=True):
            started = clock()
            way()
            own.append(clock() - started)
    return Measured(rows, *(min(own) for own in times), same=said[0] == said[1])


def main() -> None:
    """Print a line for each number of rows."""
    model = load(ModelSpec("smollm2", device="cpu"), SilentReporter())
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads")
    for rows, text in ((1, TEXT), (8, TEXT), (1, TEXT * 100)):
        found = measure(model, rows, text=text)
        print(
            f"{rows} × {len(model.tokenizer.encode(text).ids)} + {STEPS} tokens: generate "
            f"{found.theirs:.2f} s · ours {found.plain:.2f} s ({found.ratio:.2f} ×) · steered "
            f"{found.steered:.2f} s ({found.steered / found.theirs:.2f} ×)"
            f"{'' if found.same else ' · OTHER TOKENS'}"
        )


if __name__ == "__main__":
    main()
