"""The scan: interventions put at one prompt position after the other, does the text change?

Every intervention of the settings acts at that position alone, at the steps that it names, and the
text that is said then is compared with the plain one. Both are run in passes of one shape, so that
a position which nobody reads any more gives a difference of exactly 0.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.steer.acting import Acting, Acts
from desktop_app.analyses.steer.strips import continued
from desktop_app.analyses.steer.trials import Bench, pairs, worth
from desktop_app.analyses.steer.unfinite import finer, first_bad
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.steering import acts_at
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.analyses.steer.trials import Pair, Worth
    from desktop_app.contract.report import Reporter


def check(study: Study) -> Worth:
    """Refuse what cannot be scanned, and return what it costs.

    Raises:
        BadInputError: Nothing is done, or no step at which it is holds a position of the prompt.
    """
    _require_reach(_bench(study), study.acts)
    return worth(_bench(study), 2.0 * sum(map(len, study.texts)), 2)


def _bench(study: Study) -> Bench:
    return Bench(study.model, study.texts, study.growing)


def scanned(study: Study, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the scan of a study, `[prompt][position]`, and what is missing of it.

    `scan` is whether the tokens change, `scan_difference` the largest change of a logit over the
    steps before which both texts are the same, `scan_texts` what is said then; None, or NaN, where
    a position was not tried.

    Args:
        study: Its prompts and interventions.
        report: Told after each step; what is there is kept where it cancels.

    Raises:
        Cancelled: Nobody wants what there is.
    """
    return scan(_bench(study), study.acts, report)


def scan(bench: Bench, acts: Acts, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the scan of some texts; see `scanned`."""
    rows: list[list[Pair | None]] = [[None] * len(text) for text in bench.texts]
    told: list[Notice] = []
    try:
        for prompt in range(len(rows)):
            _scan_prompt(bench, acts, rows, prompt, report)
    except Cancelled:
        if not report.keeps_partial:
            raise
        done = sum(one is not None for row in rows for one in row)
        total = plural(sum(len(row) for row in rows), "position")
        message = f"The scan was stopped at {done:,} of {total}. Run again for the rest."
        told.append(Notice(PARTIAL, message))
    return _fields(bench, rows), [*told, *_broken(bench, acts, rows)]


def _broken(bench: Bench, acts: Acts, rows: Sequence[Sequence[Pair | None]]) -> list[Notice]:
    """Return the warning that some positions give no finite numbers, if any does."""
    bad = [
        (prompt, position, one)
        for prompt, row in enumerate(rows)
        for position, one in enumerate(row)
        if one is not None and not math.isfinite(one.difference)
    ]
    if not bad:
        return []
    prompt, position, one = bad[0]
    row = acts_at_position(acts, position), prompt
    cached = bench.growing.cached
    where = first_bad(bench.model, bench.run_of([row]), one.right.ids, cached=cached)
    message = (
        f"Some positions of the scan give logits that are no finite numbers, {where} (at position "
        f"{position}); use a smaller strength{finer(bench.model)}."
    )
    alone = all(other == prompt for other, _position, _one in bad)
    return [Notice("not_finite", message, None, prompt if alone else None)]


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
    if not acts:
        raise BadInputError(
            "--scan has nothing to try: give an intervention, such as --layer 5 --zero."
        )
    steps = range(1 if bench.growing.cached else bench.growing.steps)
    if not any(acts_at(when, step) for _position, when in acts.when for step in steps):
        raise BadInputError(
            "--scan steers prompt positions, which step 0 reads and later steps find in the cache, "
            "and the interventions act at later steps alone: choose --when prompt or every."
        )


def _fields(bench: Bench, rows: Sequence[Sequence[Pair | None]]) -> dict[str, Any]:
    def text(prompt: int, one: Pair | None) -> str | None:
        if one is None:
            return None
        return continued(bench.model.tokenizer, bench.texts[prompt], one.right.ids)

    return {
        "scan": [[None if one is None else not one.same for one in row] for row in rows],
        "scan_difference": tuple(
            np.array([np.nan if one is None else one.difference for one in row]) for row in rows
        ),
        "scan_texts": [[text(prompt, one) for one in row] for prompt, row in enumerate(rows)],
    }
