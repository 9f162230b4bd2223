"""The lens: the stream at every layer and position, brought to the end and read as next tokens.

Each row goes through the model's own final norm, unembedding and whatever it does to its logits, so
that the last row is the model's own prediction; that is held for every run. Prompts of one token
length share a pass, and logits come in pieces: only the best tokens and the scores are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.lens.changed import ChangedRun
from desktop_app.analyses.lens.grid import SCORES, Grid
from desktop_app.analyses.lens.spec import ANALYSIS, LensParams, stored_bytes
from desktop_app.contract.report import ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import text_bytes, used_bytes
from desktop_app.engine.noise import HALF
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, not_finite, with_twins
from desktop_app.methods.lens_files import Lens, open_lens
from desktop_app.methods.nearness import near_notices, prepare_near
from desktop_app.methods.readout import logits_of
from desktop_app.methods.streams import Wanted, by_length, read_streams
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.lens_files import NAMES
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.moves import RunName
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared
    from desktop_app.methods.streams import Changes

Name = str  # "", "corrupt_" or "changed_", the beginnings of the fields' names
_RUNS: tuple[Name, ...] = ("", "corrupt_", "changed_")
_TOLD = {"": "", "corrupt_": " (corrupt)", "changed_": " (changed run)"}
# Three runs and what is read of them.
_KEPT = 4
_MOST_CARRIED = 200_000_000
# A pass over the blocks against the readings of all layers, in time.
_PASS_SHARE = 0.35
_EXACT, _EXACT_SHARE, _HALF_SHARE = 1e-4, 1e-5, 5e-2


@dataclass(frozen=True)
class _Read:
    """A run that is to be read.

    Attributes:
        number: Its prompt's.
        name: Which of the prompt's runs.
        stream: `[L+1, S, d_model]`, a view of the streams of its pass.
        own: The model's own logits `[V]` at the read position.
    """

    number: int
    name: Name
    stream: Sequence[torch.Tensor]
    own: torch.Tensor


def run(model: LoadedModel, params: LensParams, report: Reporter) -> Result:
    """Read every layer and position of each prompt, of its corrupt twin, and of a changed run.

    Returns:
        `top` ids and `top_prob` `[L+1, S, k]` per prompt; `answer_rank`, `answer_logprob` and
        `logit_diff` `[L+1, S, N]`, a list over prompts where their lengths differ; the same as
        `corrupt_*` where a prompt has a twin of its length, and as `changed_*` where parts are
        removed or activations are moved. Row l is the stream before block l, row L the end.
    """
    clock = Clock(model)
    prepared = prepare_near(model, params, report)
    lens = open_lens(model, params.kind, params.lens_file)
    _refuse_large(model, params, prepared, report)
    work = _Work(model, params, prepared, lens, report)
    missing: list[Notice] = []
    try:
        work.run(report)
    except Cancelled:
        missing = work.stop(report)
    count = work.count()
    done = prepared.records[:count]
    told = [n for n in prepared.notices if n.prompt is None or n.prompt < count]
    notices = [*told, *work.notices(), *missing]
    data = work.fields()
    data |= _tokens(model, data)
    data["read_position"] = np.array([record.read_position for record in done])
    if lens.facts:
        data["fitted"] = dict(lens.facts)
    stopped.tell_end(report)
    return finish(model, ANALYSIS, params, done, (data, notices), clock)


class _Work:
    """The lens of a prompt table while it is made, prompts of one length together."""

    def __init__(
        self,
        model: LoadedModel,
        params: LensParams,
        prepared: Prepared,
        lens: Lens,
        report: Reporter,
    ) -> None:
        self._model, self._params, self._prepared, self._lens = model, params, prepared, lens
        pairs = zip(prepared.encodings, prepared.corrupt, strict=True)
        self._paired = [t is not None and len(t) == len(e) for e, t in pairs]
        self._changed = ChangedRun(model, params, prepared, self._paired, report)
        self._grids: dict[Name, dict[int, Grid]] = {name: {} for name in _RUNS}
        self._whole: set[int] = set()
        self._near: dict[int, list[Notice]] = {}
        info = model.info
        self._shape = (info.n_layers + 1, min(params.top, info.d_vocab))

    def run(self, report: Reporter) -> None:
        """Read all prompts; what is whole stays where this is cancelled."""
        texts = [encoding.ids for encoding in self._prepared.encodings]
        for numbers, _nothing in by_length(self._model, texts, self._group, report, kept=_KEPT):
            self._whole |= set(numbers)

    def stop(self, report: Reporter) -> list[Notice]:
        """Return the warning that says what is missing of a run that was cancelled.

        Raises:
            Cancelled: There is nothing yet, or nobody wants it.
        """
        count, total = self.count(), len(self._prepared.records)
        if not count:
            raise Cancelled
        if count == total:
            return []
        return list(stopped.before(f"prompt {count + 1} of {total}", report))

    def count(self) -> int:
        """Return how many of the first prompts are whole."""
        total = len(self._prepared.records)
        return next((n for n in range(total) if n not in self._whole), total)

    def _group(self, numbers: list[int], ids: torch.Tensor, report: Reporter) -> None:
        """Read prompts of one length."""
        changed = [n for n in numbers if self._changed.fits(n)]
        paired = [n for n in numbers if self._paired[n]]
        runs: list[tuple[RunName, list[int], torch.Tensor]] = [("clean", numbers, ids)]
        if paired:
            runs.append(("corrupt", paired, self._twins(paired)))
        reads: list[_Read] = []
        for place, (name, some, given) in enumerate(runs):
            share = ShareReporter(report, _PASS_SHARE * place / len(runs), _PASS_SHARE / len(runs))
            own = [n for n in changed if name == self._changed.base]
            reads += self._pass(name, (some, own), given, share)
        self._read(reads, ShareReporter(report, _PASS_SHARE, 1 - _PASS_SHARE))

    def _twins(self, numbers: Sequence[int]) -> torch.Tensor:
        twins = [self._prepared.corrupt[n] for n in numbers]
        return self._model.ids([twin.ids for twin in twins if twin is not None])

    def _pass(
        self,
        name: RunName,
        prompts: tuple[list[int], list[int]],
        ids: torch.Tensor,
        report: Reporter,
    ) -> list[_Read]:
        """Run prompts, and those of them that are changed once more in rows of their own."""
        some, changed = prompts
        rows = [some.index(number) for number in changed]
        changes: list[Changes] = []
        if changed:
            texts = self._prepared.encodings
            both = {"clean": self._model.ids([texts[n].ids for n in changed])}
            if all(self._paired[n] for n in changed):
                both["corrupt"] = self._twins(changed)
            changes = list(zip(rows, self._changed.edits(both), strict=True))  # type: ignore[arg-type]
        records = [self._prepared.records[n] for n in (*some, *changed)]
        wanted = Wanted(read=[record.read_position for record in records])
        found = read_streams(self._model, ids, wanted, changes=changes, report=report)
        names = [*([_prefix(name)] * len(some)), *(["changed_"] * len(changed))]
        return [
            _Read(number, which, [stream[row] for stream in found.stream], found.logits[row])
            for row, (number, which) in enumerate(zip((*some, *changed), names, strict=True))
        ]

    def _read(self, reads: Sequence[_Read], report: Reporter) -> None:
        """Fill the grids of runs of one length."""
        layers, length = self._shape[0], len(reads[0].stream[0])
        grids = [Grid(self._record(r), (layers, length, self._shape[1])) for r in reads]
        each = 4 * layers * reads[0].stream[0].numel()
        some = max(1, _MOST_CARRIED // each)
        for first in range(0, len(reads), some):
            part = slice(first, first + some)
            share = ShareReporter(report, first / len(reads), len(reads[part]) / len(reads))
            self._fill(reads[part], grids[part], share)
        for read, grid in zip(reads, grids, strict=True):
            _require_end(self._model, grid)
            self._grids[read.name][read.number] = grid
            if not read.name:
                pair = [(read.number, read.own)]
                found_near = near_notices(self._model, self._params, self._prepared, pair)
                self._near[read.number] = found_near

    def _fill(self, reads: Sequence[_Read], grids: Sequence[Grid], report: Reporter) -> None:
        """Carry streams to the end and read them there, in pieces."""
        rows = self._lens.rows()
        carried = torch.stack(
            [self._lens.carry(row, torch.stack([r.stream[row] for r in reads])) for row in rows],
            dim=1,
        ).flatten(0, 1)
        done, whole = 0, carried.shape[0] * carried.shape[1]
        for streams, at, logits in logits_of(self._model, carried):
            for place, found in zip(range(streams.start, streams.stop), logits, strict=True):
                number, row = place // len(rows), rows[place % len(rows)]
                grids[number].fill(row, at, found, reads[number].own.to(found.device))
            done += logits.shape[0] * logits.shape[1]
            report.step(done / whole, f"reading layer {rows[(streams.stop - 1) % len(rows)]}")

    def _record(self, read: _Read) -> PromptRecord:
        return self._prepared.records[read.number]

    def notices(self) -> list[Notice]:
        """Return what must be said of the prompts that are whole, of the lens and of the runs."""
        count = self.count()
        found = [notice for n in range(count) for notice in self._near[n]]
        found += [notice for n in range(count) for notice in self._unequal(n)]
        found += self._changed.notices() + list(_of_lens(self._lens))
        return found + self._not_numbers(count)

    def _unequal(self, number: int) -> list[Notice]:
        """Return the warning that a prompt's twin is not read, where its length is another."""
        clean, twin = self._prepared.encodings[number], self._prepared.corrupt[number]
        if twin is None or self._paired[number]:
            return []
        message = (
            f"Prompt {number + 1} has {len(clean)} tokens and its corrupt twin {len(twin)}: the "
            "twin is not read; make them equally long."
        )
        return [Notice("lengths_differ", message, None, number)]

    def _not_numbers(self, count: int) -> list[Notice]:
        """Return the warning where what is read is not all numbers, of the first such run."""
        for name in _RUNS:
            for number, grid in sorted(self._grids[name].items()):
                if number < count and grid.bad is not None:
                    texts = self._prepared.corrupt if name == "corrupt_" else None
                    text = (texts or self._prepared.encodings)[number]
                    where = f"The lens of prompt {number + 1}{_TOLD[name]}, row {grid.bad},"
                    ids = () if text is None else text.ids
                    return [not_finite(where, self._model, [ids], number)]
        return []

    def fields(self) -> dict[str, Any]:
        """Return the grids of the prompts that are whole, and how exact their ends are."""
        count = self.count()
        data: dict[str, Any] = {}
        apart = np.zeros(count)
        for name in _RUNS:
            grids = self._grids[name]
            if not any(number < count for number in grids):
                continue
            some = [grids.get(number) or self._empty(number) for number in range(count)]
            data[f"{name}top"] = tuple(grid.top for grid in some)
            data[f"{name}top_prob"] = tuple(grid.prob for grid in some)
            for score in SCORES:
                data |= _over_prompts(f"{name}{score}", [grid.scores[score] for grid in some])
            known = [grids[n].apart if n in grids else 0.0 for n in range(count)]
            apart = np.maximum(apart, known)
        return {**data, "end_difference": apart}

    def _empty(self, number: int) -> Grid:
        """Return the grids of a run that a prompt lacks: no top token, no score."""
        record = self._prepared.records[number]
        grid = Grid(record, (self._shape[0], len(record.tokens), self._shape[1]))
        grid.top, grid.prob = grid.top[:, :0], grid.prob[:, :0]
        return grid


def _prefix(name: RunName) -> Name:
    return "" if name == "clean" else "corrupt_"


def _over_prompts(name: str, grids: list[np.ndarray]) -> dict[str, Any]:
    """Return the grids of all prompts, with means where they have one shape."""
    if len({grid.shape for grid in grids}) == 1:
        return with_twins(name, np.stack(grids, axis=-1))
    return {name: tuple(grid.astype(np.float64) for grid in grids)}


def _require_end(model: LoadedModel, grid: Grid) -> None:
    """Refuse a model whose last stream is not read as it does itself.

    Raises:
        BadInputError: It says by how much.
    """
    if model.info.dtype in HALF:
        allowed = _HALF_SHARE * max(1.0, grid.largest)
    else:
        allowed = max(_EXACT, _EXACT_SHARE * grid.largest)
    if grid.apart > allowed:
        raise BadInputError(
            f"{model.info.name} does something between its last block and its logits that cannot "
            f"be repeated: read there, its logits differ by {grid.apart:.3g}; no lens can be read "
            "of it."
        )


def _of_lens(lens: Lens) -> Sequence[Notice]:
    """Return what must be said of a fitted lens."""
    found = []
    if lens.head is not None and not lens.head.fact("fingerprint"):
        message = (
            "The lens file does not say which model it was fitted on; its shapes fit this one, and "
            "whether it belongs to it is not known."
        )
        found.append(Notice("lens_unsigned", message))
    if 0 not in lens.rows():
        message = (
            f"The {NAMES[lens.kind]} has no matrix for row 0, the embeddings, which stand behind "
            "no block: nothing is read there."
        )
        found.append(Notice("lens_row_missing", message))
    return found


def _refuse_large(
    model: LoadedModel, params: LensParams, prepared: Prepared, report: Reporter
) -> None:
    """Say what the run takes, and refuse one whose result may not be kept."""
    lengths = [len(encoding) for encoding in prepared.encodings]
    room, limit = stored_bytes(params, model.info, lengths), model.storage.limit_bytes
    if room > limit:
        raise BadInputError(
            f"This lens keeps {human_bytes(room)} and at most {human_bytes(limit)} are stored: "
            "choose a smaller --top, or fewer or shorter prompts."
        )
    report.stores(room, limit)
    report.needs(used_bytes(model.device) + room + text_bytes(model, max(lengths), 1))


def _tokens(model: LoadedModel, data: dict[str, Any]) -> dict[str, Any]:
    """Return the ids that occur in the grids, and how they read: no tokenizer is needed then."""
    grids = [grid for name in _RUNS for grid in data.get(f"{name}top", ())]
    ids = np.unique(np.concatenate([np.unique(grid) for grid in grids]))
    ids = ids[ids >= 0]
    described = [model.tokenizer.describe(int(token)) for token in ids]
    return {
        "token_ids": ids,
        "token_texts": tuple(text for _piece, text in described),
        "token_pieces": tuple(piece for piece, _text in described),
    }
