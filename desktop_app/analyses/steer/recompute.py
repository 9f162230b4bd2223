"""The steered text in one full pass, under the same interventions at the very same positions.

With the cache that is the same experiment, computed another way: tokens must be the same and logits
differ by rounding alone. Without it later steps may lose a change, or be the only ones to make it
(see `contract.steering.apart_by_cache`), and then this is another experiment, which shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.steering import held_at
from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.memory import texts_per_pass
from desktop_app.methods.sampling import Draws, choose
from desktop_app.methods.watching import in_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.interventions import Edit


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
        study: The run; it is told.
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
    for (length, count), rows in sizes.items():
        limit = texts_per_pass(study.model, length + count, count)

        def work(some: slice, rows: list[int] = rows, count: int = count) -> torch.Tensor:
            report.check()
            return _full_pass(study, [prompts[row] for row in rows[some]], count)

        for some, logits in in_batches(study.model, len(rows), limit, work):
            for row, whole in zip(rows[some], logits, strict=True):
                own = kept.steps.pop(row)
                steps = torch.stack([own[step] for step in range(count)])
                study.recompute[prompts[row]] = _compared(study, prompts[row], steps, whole)


def _full_pass(study: Study, prompts: Sequence[int], count: int) -> torch.Tensor:
    """Return the logits `[prompt, step, V]` of texts of one length, read whole."""
    grown = study.grown["steered"]
    length = len(study.texts[prompts[0]])
    held = [held_at(step, length, cached=study.cached) for step in range(count)]

    def edits(row: int, _step: int, _held: range) -> Sequence[Edit]:
        return study.acts.edits_of(held, prompts[row])

    # The last token is followed by nothing that was read.
    texts = [[*study.texts[prompt], *grown[prompt].ids[: count - 1]] for prompt in prompts]
    with decoding(study.model, study.acts.layers):
        return Decoder(study.model, texts, Changes(edits), cached=False).read(count).float().cpu()


def _compared(
    study: Study, prompt: int, steps: torch.Tensor, whole: torch.Tensor
) -> dict[str, object]:
    growing = study.growing
    ids = study.grown["steered"][prompt].ids
    given = len(study.begin.get(("steered", prompt), ()))
    uniform = None
    if growing.sampling.temperature:
        draws = Draws(growing.sampling, growing.steps)
        uniform = torch.cat([draws.at([prompt], step) for step in range(len(ids))])
    again = choose(whole, growing.sampling, uniform).tolist()
    apart = [step for step in range(given, len(ids)) if again[step] != ids[step]]
    return {
        "same_tokens": not apart,
        "max_logit_difference": float((steps - whole).abs().max()),
        "first_apart": apart[0] if apart else None,
    }
