"""The steered text in one full pass, under the same interventions at the very same positions.

With the cache that is the same experiment, computed another way: tokens must be the same and logits
differ by rounding alone. Without it later steps may lose a change, or be the only ones to make it
(see `contract.steering.apart_by_cache`), and then this is another experiment, which shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch

from desktop_app.analyses.steer.acting import planned_at_once
from desktop_app.contract.result import Notice
from desktop_app.contract.steering import held_at
from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.memory import budget_bytes, texts_per_pass
from desktop_app.methods.sampling import Draws, choose
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import MemoryExhaustedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter

NOT_READ = "not_recomputed"
_SHARE_OF_MEMORY = 0.25  # of the budget: what the logits that are read at once may take
_BYTES = 8  # of a logit: as it comes, and in float32


@dataclass
class Kept:
    """The logits of all steps, row by row, on the CPU."""

    steps: dict[int, dict[int, torch.Tensor]] = field(default_factory=dict)

    def put(self, rows: Sequence[int], step: int, logits: torch.Tensor) -> None:
        """Keep those of a step `[rows, V]`."""
        own = logits.to("cpu", copy=True)  # what it is a part of may be all positions' logits
        for row, values in zip(rows, own, strict=True):
            self.steps.setdefault(row, {})[step] = values


def recompute(study: Study, prompts: Sequence[int], kept: Kept, report: Reporter) -> None:
    """Note for each prompt whether a full pass gives the same tokens, and how far logits part.

    Args:
        study: The run; it is told, also where memory is too short for such a pass.
        prompts: The prompt of each row of what was kept.
        kept: The logits of the steps.
        report: Asked to stop between passes.
    """
    grown = study.grown["steered"]
    sizes: dict[tuple[int, int], list[int]] = {}
    for row, prompt in enumerate(prompts):
        count = len(grown[prompt].ids)
        if count:
            sizes.setdefault((len(study.texts[prompt]), count), []).append(row)
    short: list[int] = []
    for (length, count), rows in sizes.items():
        try:
            _recompute(study, [(row, prompts[row]) for row in rows], kept, report)
        except MemoryExhaustedError:
            short.append(length + count)
    if short and all(notice.code != NOT_READ for notice in study.notices):
        study.notices.append(_not_read(min(short)))


def _recompute(study: Study, rows: Sequence[tuple[int, int]], kept: Kept, report: Reporter) -> None:
    """Compare some rows with the full pass of their prompts, of one length and token count.

    Raises:
        MemoryExhaustedError: Not even the logits of one position of one text fit.
    """
    first = rows[0][1]
    count = len(study.grown["steered"][first].ids)
    length = len(study.texts[first]) + count
    at_once = max(1, int(_SHARE_OF_MEMORY * budget_bytes(study.model)) // _logit_bytes(study))
    left = list(rows)
    while left:
        read = min(at_once, count)
        work = partial(_compared, study, kept, report, left, read)
        try:
            limit = texts_per_pass(study.model, length, read)
            for some, found in in_batches(study.model, len(left), limit, work):
                for (row, prompt), apart in zip(left[some], found, strict=True):
                    study.recompute[prompt] = apart.told
                    del kept.steps[row]
        except MemoryExhaustedError:
            if read == 1:
                raise
            at_once = read // 2
        left = [(row, prompt) for row, prompt in left if prompt not in study.recompute]


def _logit_bytes(study: Study) -> int:
    return _BYTES * study.model.info.d_vocab


@dataclass
class _Apart:
    """How a full pass and the steps part, as far as it is read.

    Attributes:
        first: The first step whose token is another.
        largest: The largest difference of a logit; NaN where one is no number.
    """

    first: int | None = None
    largest: torch.Tensor = field(default_factory=lambda: torch.zeros(()))

    @property
    def told(self) -> dict[str, object]:
        """What the result says of it."""
        return {
            "same_tokens": self.first is None,
            "max_logit_difference": float(self.largest),
            "first_apart": self.first,
        }


def _compared(
    study: Study,
    kept: Kept,
    report: Reporter,
    left: Sequence[tuple[int, int]],
    read: int,
    some: slice,
) -> list[_Apart]:
    """Return how rows of one length part from their steps, the logits of so many steps at once."""
    rows = left[some]
    prompts = [prompt for _row, prompt in rows]
    count = len(study.grown["steered"][prompts[0]].ids)
    found = [_Apart() for _row in rows]
    for start in range(0, count, read):
        report.check()
        steps = range(start, min(count, start + read))
        logits = _full_pass(study, prompts, steps)
        for (row, prompt), apart, whole in zip(rows, found, logits, strict=True):
            own = torch.stack([kept.steps[row][step] for step in steps])
            apart.largest = torch.maximum(apart.largest, (own - whole).abs().max())
            if apart.first is None:
                apart.first = _first_apart(study, prompt, steps, whole)
    return found


def _full_pass(study: Study, prompts: Sequence[int], steps: range) -> torch.Tensor:
    """Return the logits `[prompt, step, V]` of texts of one length, read whole up to the last."""
    grown = study.grown["steered"]
    length, count = len(study.texts[prompts[0]]), len(grown[prompts[0]].ids)
    held = [held_at(step, length, cached=study.cached) for step in range(count)]
    end = length + steps.stop - 1
    changes = Changes(planned_at_once([(study.acts, prompt) for prompt in prompts], held, end))
    # The last token is followed by nothing that was read, and none before it sees what follows.
    texts = [[*study.texts[prompt], *grown[prompt].ids[: steps.stop - 1]] for prompt in prompts]
    with decoding(study.model, study.acts.layers):
        decoder = Decoder(study.model, texts, changes, cached=False)
        return decoder.read(len(steps)).float().cpu()


def _first_apart(study: Study, prompt: int, steps: range, whole: torch.Tensor) -> int | None:
    """Return the first of some steps at which the full pass chooses another token."""
    growing = study.growing
    ids = study.grown["steered"][prompt].ids
    given = len(study.begin.get(("steered", prompt), ()))
    uniform = None
    if growing.sampling.temperature:
        draws = Draws(growing.sampling, growing.steps)
        uniform = torch.cat([draws.at([prompt], step) for step in steps])
    again = choose(whole, growing.sampling, uniform).tolist()
    return next(
        (
            step
            for step, token in zip(steps, again, strict=True)
            if step >= given and token != ids[step]
        ),
        None,
    )


def _not_read(length: int) -> Notice:
    message = (
        f"Memory is too short to read steered texts of {length:,} tokens or more again in one full "
        "pass, so that they are not compared with it; the texts are whole. To compare them "
        "generate fewer tokens (--max-new-tokens), or choose --dtype bfloat16."
    )
    return Notice(NOT_READ, message)
