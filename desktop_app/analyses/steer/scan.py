"""The scan: interventions put at one prompt position after the other, does the text change?

Every intervention of the settings acts at that position alone, at the steps that it names, and the
text that is said then is compared with the plain one. Both are run in passes of one shape, so that
a position which nobody reads any more gives a difference of exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from desktop_app.analyses.steer.acting import Acting, Acts
from desktop_app.analyses.steer.trials import pairs
from desktop_app.contract.steering import acts_at
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.trials import Bench, Pair
    from desktop_app.contract.report import Reporter


@dataclass
class Found:
    """Fields of the result, as far as they are known.

    Attributes:
        data: By name.
        missing: What is not there where the run was stopped, as a sentence; empty: nothing.
    """

    data: dict[str, Any] = field(default_factory=dict)
    missing: str = ""


def scan(bench: Bench, acts: Acts, report: Reporter) -> Found:
    """Return `scan`, `scan_difference` and `scan_texts`, `[prompt][position]`; None: not tried.

    `scan` is whether the tokens change, `scan_difference` the largest change of a logit over the
    steps before which both texts are the same.

    Args:
        bench: What it is tried on.
        acts: The interventions.
        report: Told after each step; what is there is handed over where it cancels.

    Raises:
        BadInputError: No step at which they act holds a position of the prompt.
        Cancelled: Nobody wants what there is.
    """
    _require_reach(bench, acts)
    rows: list[list[Pair | None]] = [[None] * len(text) for text in bench.texts]
    missing = ""
    try:
        for prompt in range(len(rows)):
            _scan_prompt(bench, acts, rows, prompt, report)
    except Cancelled:
        if not report.keeps_partial:
            raise
        done = sum(one is not None for row in rows for one in row)
        total = sum(len(row) for row in rows)
        missing = f"The scan was stopped at {done:,} of {plural(total, 'position')}."
    return Found(_fields(bench, rows), missing)


def _scan_prompt(
    bench: Bench, acts: Acts, rows: list[list[Pair | None]], prompt: int, report: Reporter
) -> None:
    positions, steps = len(bench.texts[prompt]), bench.growing.steps
    both = [(Acts(), acts_at_position(acts, p)) for p in range(positions)]

    def told(done: float, step: int, whole: Sequence[Pair]) -> None:
        fresh = rows[prompt][len(whole) - 1] is None if whole else False
        rows[prompt][: len(whole)] = whole
        if fresh:
            report.partial(_fields(bench, rows))
        which = f"prompt {prompt + 1} of {len(rows)}, " if len(rows) > 1 else ""
        note = f"Scan: {which}{plural(positions, 'position')}, token {step} of {steps}"
        report.step((prompt + done) / len(rows), note)

    rows[prompt][:] = pairs(bench, prompt, both, told)
    report.partial(_fields(bench, rows))


def acts_at_position(acts: Acts, position: int) -> Acts:
    """Return interventions that act at one absolute position alone."""

    def moved(one: Acting) -> Acting:
        return replace(one, told=one.told.model_copy(update={"position": str(position)}))

    return acts.varied(moved, range(len(acts.items)))


def _require_reach(bench: Bench, acts: Acts) -> None:
    steps = range(1 if bench.growing.cached else bench.growing.steps)
    if not any(acts_at(when, step) for _position, when in acts.when for step in steps):
        raise BadInputError(
            "--scan steers prompt positions, which step 0 reads and later steps find in the cache, "
            "and the interventions act at later steps alone: choose --when prompt or every."
        )


def _fields(bench: Bench, rows: Sequence[Sequence[Pair | None]]) -> dict[str, Any]:
    decode = bench.model.tokenizer.decode
    return {
        "scan": [[None if one is None else not one.same for one in row] for row in rows],
        "scan_difference": [
            [None if one is None else one.difference for one in row] for row in rows
        ],
        "scan_texts": [
            [None if one is None else decode(one.right.ids) for one in row] for row in rows
        ],
    }
