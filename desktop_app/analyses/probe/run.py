"""Linear probes over layers: held-out accuracy beside that with shuffled labels, and directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.found import FIT_BYTES, Found
from desktop_app.analyses.probe.labelled import labelled, notices
from desktop_app.analyses.probe.reading import read_rows, row_bytes_of, row_groups
from desktop_app.analyses.probe.spec import ANALYSIS, ProbeParams, stored_bytes
from desktop_app.contract.grammar import resolve_index
from desktop_app.contract.report import ShareReporter
from desktop_app.engine.memory import text_bytes, used_bytes
from desktop_app.engine.sites import require_shown
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.prepare import prepare
from desktop_app.support import vector_files
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice, Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

_READ_SHARE = 0.6
_TIMES_SHOWN = 20  # what is known so far is copied to be shown


def run(model: LoadedModel, params: ProbeParams, report: Reporter) -> Result:
    """Fit a probe to each row, and each position where all are asked for.

    Returns:
        `accuracy`, `accuracy_control`, `accuracy_train`, `gap [L + 1]`, `direction [L + 1,
        d_model]`, `confusion [L + 1, C, C]` (label, what the probe says), each with a position
        axis behind the layer's where all positions are read. The split is by prompt, the same
        share of each label; mean and spread are of the fitted prompts alone.
    """
    clock = Clock(model)
    labels = labelled(params.prompts, params.split, params.seed)
    at = None if params.position == "all" else int(params.position)
    prepared = prepare(model, params, answers="inspected", position=-1 if at is None else at)
    texts = [encoding.ids for encoding in prepared.encodings]
    if at is None:
        _require_one_length(texts)
    if params.site not in {"resid_pre", "resid_post"}:
        require_shown(model, range(model.info.n_layers), params.site)
    row = _asked_row(model, params)
    target = vector_files.check_target(params.out_vector) if params.out_vector else None
    found = Found(model, params, labels, len(texts[0]) if at is None else 1)
    _say_needs(model, params, (texts, at), report)
    missing = _fill(found, texts, at, report)
    data = found.fields()
    told = [*missing, *notices(labels, texts), *found.notices()]
    if target is not None and found.done:
        saved, problem = found.save(target, row)
        data |= {"saved": saved} if saved else {}
        told += problem
    if at is not None:
        data["read_position"] = np.array([r.read_position for r in prepared.records])
    stopped.tell_end(report)
    told += _repairs(params, prepared)
    return finish(model, ANALYSIS, params, prepared.records, (data, told), clock)


def _repairs(params: ProbeParams, prepared: Prepared) -> list[Notice]:
    """Return which answers were repaired: none is compared here, but a prompt may be another."""
    return list(prepared.notices) if params.fix else []


def _require_one_length(texts: Sequence[Sequence[int]]) -> None:
    length = len(texts[0])
    other = next((n for n, text in enumerate(texts) if len(text) != length), None)
    if other is not None:
        raise BadInputError(
            f"--position all needs prompts of one token length: prompt 1 has {length} and prompt "
            f"{other + 1} has {len(texts[other])}; make them equally long, or choose --position -1."
        )


def _asked_row(model: LoadedModel, params: ProbeParams) -> int | None:
    if params.layer is None:
        return None
    return resolve_index(params.layer, model.info.n_layers + 1, "--layer")


def _say_needs(
    model: LoadedModel,
    params: ProbeParams,
    read: tuple[Sequence[Sequence[int]], int | None],
    report: Reporter,
) -> None:
    """Say what the run takes, and refuse one whose result may not be kept."""
    texts, at = read
    lengths = [len(text) for text in texts]
    room, limit = stored_bytes(params, model.info, lengths), model.storage.limit_bytes
    if room > limit:
        raise BadInputError(
            f"These probes keep {human_bytes(room)} and at most {human_bytes(limit)} are stored: "
            "choose one --position, or fewer or shorter prompts."
        )
    report.stores(room, limit)
    kept = len(row_groups(model, texts, at)[0]) * row_bytes_of(model, texts, at)
    report.needs(
        used_bytes(model.device) + room + kept + text_bytes(model, max(lengths), 1) + FIT_BYTES
    )


def _fill(
    found: Found, texts: Sequence[Sequence[int]], at: int | None, report: Reporter
) -> tuple[Notice, ...]:
    """Read and fit all rows; return what a run that was stopped has left out."""
    groups = row_groups(found.model, texts, at)
    total, shown = found.rows * found.positions, 0
    try:
        for number, rows in enumerate(groups):
            share = ShareReporter(report, number / len(groups), 1 / len(groups))
            reads = ShareReporter(share, 0.0, _READ_SHARE)
            values = read_rows(found.model, texts, (found.params.site, at), rows, reads)
            fits = ShareReporter(share, _READ_SHARE, 1 - _READ_SHARE)
            for done in found.fit(values, rows.start, fits):
                if done - shown >= total / _TIMES_SHOWN:
                    report.partial(found.fields())
                    shown = done
    except Cancelled:
        if not found.done or not report.keeps_partial:
            raise
        return stopped.before(f"{total - found.done:,} of {total:,} probes", report)
    return ()
