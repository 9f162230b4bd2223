"""Readings: how much of a direction the stream holds at each new token, run by run.

The reading of a token is x · v / ‖v‖, x the activation at the direction's own layer and site where
that token is read, changes of the run included: a probe's direction says there how far the text has
gone from its first label to its second. The last token is read as well, as a further step would.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.analyses.steer.acting import Acts, planned_at_once
from desktop_app.analyses.steer.control import controlled
from desktop_app.analyses.steer.strips import strips
from desktop_app.analyses.steer.study import STEERED
from desktop_app.analyses.steer.trials import Worth
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.steering import apart_by_cache, held_at
from desktop_app.engine.decoding import Changes, Decoder, decoding
from desktop_app.engine.memory import texts_per_pass
from desktop_app.engine.model import site_hook
from desktop_app.engine.sites import require_shown
from desktop_app.methods.generating import Run, grow
from desktop_app.methods.vectors import Where, open_vector
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.vector_files import read_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.steer.study import Study
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.steering import RunName
    from desktop_app.engine.decoding import Pass
    from desktop_app.engine.model import HookFn
    from desktop_app.methods.vectors import Vector

_OPTION = "--read-direction"
_WORTH = 0.2  # a pass over a whole text against its steps


def check(study: Study) -> Worth:
    """Refuse a direction that cannot be read, and return what readings cost.

    Raises:
        BadInputError: It names what is wrong.
    """
    direction_of(study)
    return Worth(_WORTH * len(study.names) * len(study.texts))


def read(study: Study, report: Reporter) -> tuple[dict[str, Any], list[Notice]]:
    """Return the continuations of a study with the `reading` of each new token.

    Beside them `read_at`, which says where the direction is read.

    Args:
        study: What was said.
        report: Told after each continuation; without readings where it cancels.

    Raises:
        BadInputError: The direction cannot be read, or does not fit the model.
        Cancelled: Nobody wants what there is.
    """
    vector = direction_of(study)
    readings = _Readings(study, vector)
    told = [*vector.notices]
    try:
        for number, name in enumerate(study.names):
            share = 1 / len(study.names)
            readings.read(name, ShareReporter(report, number * share, share))
    except Cancelled:
        if not report.keeps_partial:
            raise
        message = "The readings along the direction are missing. Run again for them."
        told.append(Notice(PARTIAL, message))
        return {}, told
    return readings.fields(), told


def direction_of(study: Study) -> Vector:
    """Return the direction that settings name, at the layer and site that it was made for.

    Raises:
        BadInputError: It cannot be read, does not fit the model, or is all zeros.
    """
    model, params, file = study.model, study.params, study.params.read_direction
    # A file that names no layer is read where the interventions act.
    own = read_head(file, _OPTION).layer is None
    where = Where(params.layer if own else None, None, params.elsewhere)
    vector = open_vector(model, file, where, _OPTION)
    require_shown(model, [vector.layer], vector.site)
    if not bool(vector.values.any()):
        raise BadInputError(f"{_OPTION}: the vector is 0 everywhere and points nowhere.")
    return vector


class _Readings:
    """The readings of a study while they are made."""

    def __init__(self, study: Study, vector: Vector) -> None:
        self._study, self._vector = study, vector
        self._unit = (vector.values.double() / vector.values.double().norm()).float()
        self._found: dict[tuple[RunName, int], list[float]] = {}

    def read(self, name: RunName, report: Reporter) -> None:
        """Read one continuation of every prompt; texts of one length share passes."""
        study, groups = self._study, dict[tuple[int, int], list[int]]()
        for prompt, one in enumerate(study.grown[name]):
            self._found[name, prompt] = []
            if one.ids:
                groups.setdefault((len(self._before(name, prompt)), len(one.ids)), []).append(
                    prompt
                )
        for done, ((length, count), prompts) in enumerate(groups.items()):
            report.step(done / len(groups), "Reading along the direction")
            acts = name in STEERED and study.acts
            steps = count + 1
            apart = acts and apart_by_cache(study.acts.when, length, steps, cached=study.cached)
            work = self._by_steps if apart else self._at_once
            limit = texts_per_pass(study.model, length + count, 1)
            rows = partial(self._some, work, name, prompts)
            for some, values in in_batches(study.model, len(prompts), limit, rows):
                for prompt, own in zip(prompts[some], values, strict=True):
                    self._found[name, prompt] = own
            report.check()

    def _some(self, work: Any, name: RunName, prompts: Sequence[int], some: slice) -> Any:
        return work(name, prompts[some])

    def fields(self) -> dict[str, Any]:
        """Return the continuations with their readings."""
        study, vector = self._study, self._vector
        found: dict[str, Any] = {
            name: tuple(
                {**strip, "reading": self._found[name, prompt]}
                for prompt, strip in enumerate(strips(study, name))
            )
            for name in study.names
        }
        at = {"layer": vector.layer, "site": vector.site, "made": vector.made}
        return {**found, "read_at": at | {"norm": float(vector.values.double().norm())}}

    def _before(self, name: RunName, prompt: int) -> tuple[int, ...]:
        study = self._study
        return study.said[prompt].ids if name == "said" else study.texts[prompt]

    def _project(self, x: torch.Tensor) -> torch.Tensor:
        """Return the readings of activations `[..., *shape]`."""
        values = x.detach().float().cpu()
        return torch.mv(values.reshape(-1, len(self._unit)), self._unit).view(
            values.shape[: values.ndim - len(self._vector.shape)]
        )

    def _layers(self) -> frozenset[int]:
        return self._study.acts.layers | {self._vector.layer}

    def _at_once(self, name: RunName, prompts: Sequence[int]) -> list[list[float]]:
        """Return the readings of texts of one length, each read in one pass.

        Changes are made at the very positions that the steps have touched, so that it is the same.
        """
        study = self._study
        count = len(study.grown[name][prompts[0]].ids)
        length = len(self._before(name, prompts[0]))
        held = [held_at(step, length, cached=study.cached) for step in range(count + 1)]
        kept: list[torch.Tensor] = []

        acts = study.acts if name in STEERED else Acts()
        edits = planned_at_once([(acts, prompt) for prompt in prompts], held)

        def look(x: torch.Tensor, hook: object) -> None:
            by_row = x.view(len(prompts), -1, x.shape[-1]) if x.ndim == 2 else x
            kept.append(self._project(by_row[:, -count:]))

        changes = self._changes(name, edits, look)
        texts = [[*self._before(name, p), *study.grown[name][p].ids] for p in prompts]
        with decoding(study.model, self._layers()):
            Decoder(study.model, texts, changes, cached=False).read(1)
        rows: list[list[float]] = kept[0].tolist()
        return rows

    def _changes(self, name: RunName, edits: Any, look: HookFn) -> Changes:
        wrap = controlled(self._study.params.seed) if name == "control" else None
        hook = site_hook(self._vector.layer, self._vector.site)
        return Changes(edits, wrap, lambda _pass: [(hook, look)])

    def _by_steps(self, name: RunName, prompts: Sequence[int]) -> list[list[float]]:
        """Return the readings of texts that are said once more, step by step.

        Without the cache steps may change a position otherwise than one another, so that no single
        pass is the same.
        """
        study = self._study
        ids = [study.grown[name][p].ids for p in prompts]
        # Noted by step: rows that memory was too short for are said again, fewer at once.
        found = [[float("nan")] * len(own) for own in ids]

        def watch(this: Pass) -> list[tuple[str, HookFn]]:
            def look(x: torch.Tensor, hook: object) -> None:
                by_row = x.view(len(this.rows), -1, x.shape[-1]) if x.ndim == 2 else x
                for row, value in zip(
                    this.rows, self._project(by_row[:, -1]).tolist(), strict=True
                ):
                    if this.step:  # step 0 ends with the prompt's own last token
                        found[row][this.step - 1] = value

            return [(site_hook(self._vector.layer, self._vector.site), look)]

        texts = [self._before(name, p) for p in prompts]
        changes = replace(study.changes(name, prompts), watch=watch)
        growing = replace(study.growing, steps=len(ids[0]) + 1, ignore_end=True, padding="none")
        run = Run(texts, tuple(prompts), changes, ids)
        grow(study.model, [run], self._layers(), growing, lambda *_told: None)
        return found
