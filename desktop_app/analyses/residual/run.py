"""The residual stream of prompts: norms, growth, angles, and what each part makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.residual.spec import ANALYSIS, ResidualParams
from desktop_app.analyses.residual.told import empty, standing
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import BYTES_PER_ITEM, budget_bytes, row_bytes, used_bytes
from desktop_app.engine.sites import require_shown
from desktop_app.engine.weights import head_weights
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish, with_twins
from desktop_app.methods.prepare import prepare
from desktop_app.methods.streams import Wanted, by_length, no_sum, read_streams, unexplained
from desktop_app.pictures.words import plural
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.engine.model import LoadedModel, Site
    from desktop_app.methods.streams import Streams

# What is kept of the positions of one pass may take this share of what a pass may.
_SHARE_KEPT = 0.5
_FEWEST_POSITIONS = 16
_HEADS_SHARE = 0.1
# What is known is shown again where it is so many times more: of many prompts not after each.
_WORTH_SHOWING = 1.05
_PARTS: tuple[Site, Site] = ("attn_out", "mlp_out")


@dataclass(frozen=True)
class _Seen:
    """What was measured on prompts of one length, a row each.

    Attributes:
        tables: `norm [N, L + 1, S]`, and `norm_attn`, `norm_mlp [N, L, S]` where they are shown.
        cosine: `[N, L, S]`.
        first: Shares at position 0, `[N, L + 1, parts]`; None where there are none.
        later: Shares summed over the positions from 1 on.
    """

    tables: dict[str, np.ndarray]
    cosine: np.ndarray
    first: np.ndarray | None = None
    later: np.ndarray | None = None

    def joined(self, other: _Seen) -> _Seen:
        """Return both, where the other's positions follow these."""
        tables = {n: np.concatenate([t, other.tables[n]], -1) for n, t in self.tables.items()}
        cosine = np.concatenate([self.cosine, other.cosine], -1)
        if self.later is None or other.later is None:
            return _Seen(tables, cosine)
        return _Seen(tables, cosine, self.first, self.later + other.later)


@dataclass
class _Measure:
    """How one run measures, and what keeps it from some of the numbers.

    Attributes:
        parts: Whether what attention and MLPs add is seen.
        shares: Whether shares are wanted, and the stream is the sum of its parts.
        why: Why one of them is withheld.
    """

    model: LoadedModel
    parts: bool
    shares: bool
    why: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: LoadedModel, params: ResidualParams) -> _Measure:
        """Return how a model is measured."""
        found = cls(model, parts=True, shares=params.measure == "all")
        try:
            for site in _PARTS:
                require_shown(model, range(model.info.n_layers), site)
        except BadInputError as error:
            found.parts = found.shares = False
            reason = str(error).partition(";")[0]
            found.why["parts_withheld"] = (
                f"{reason}. What attention and MLPs add, and shares, are left out."
            )
        return found

    def read(self, _numbers: list[int], ids: torch.Tensor, report: Reporter) -> _Seen:
        """Return what prompts of one length show, some positions at a time where all are many."""
        length, info = ids.shape[1], self.model.info
        item = BYTES_PER_ITEM.get(info.dtype, 4)
        each = len(ids) * self.tensors * (info.n_layers + 1) * info.d_model * item
        most = int(_SHARE_KEPT * budget_bytes(self.model) / each)
        size = max(_FEWEST_POSITIONS, most)
        seen: _Seen | None = None
        for start in range(0, length, size):
            part = ShareReporter(report, start / length, min(size, length - start) / length)
            wanted = Wanted(parts=self.parts, at=slice(start, start + size))
            streams = read_streams(self.model, ids, wanted, report=part)
            here = self._measured(streams, starts=start == 0, report=report)
            seen = here if seen is None else seen.joined(here)
        assert seen is not None  # noqa: S101 - no prompt is empty
        return seen

    @property
    def tensors(self) -> int:
        """How many tensors of the stream's shape are kept of each layer."""
        return 3 if self.parts else 1

    def _measured(self, streams: Streams, *, starts: bool, report: Reporter) -> _Seen:
        kinds = {"norm": streams.stream, "norm_attn": streams.attn, "norm_mlp": streams.mlp}
        tables = {name: _norms(tensors) for name, tensors in kinds.items() if tensors}
        pairs = zip(streams.stream[1:], streams.stream, strict=False)
        cosine = _to_numpy([_cosine(after, before) for after, before in pairs])
        if self.shares:
            self._check_sum(streams)
        if not self.shares:
            return _Seen(tables, cosine)
        first, later = _shares(streams, starts=starts, report=report)
        return _Seen(tables, cosine, first, later)

    def _check_sum(self, streams: Streams) -> None:
        """Withhold shares where blocks do more to the stream than attention and MLP."""
        found = unexplained(self.model, streams)
        if found is not None:
            self.shares = False
            self.why["shares_withheld"] = (
                f"{no_sum(self.model, *found)}. Norms and cosines are those of the stream itself."
            )


def run(model: LoadedModel, params: ResidualParams, report: Reporter) -> Result:
    """Measure the stream before each block and after the last, before the final norm.

    Returns:
        `norm [L + 1, S, N]`, `norm_attn`, `norm_mlp [L, S, N]`, a list over prompts where their
        lengths differ; `growth [L]`, the ratio of the geometric means over all prompts' positions
        from 1 on, and `growth_rate`, that of `growth[1 : L − 1]`; `cosine [L]` and
        `share [L + 1, parts]`, means over the same positions; both at position 0 as well. Parts are
        the embeddings, then each layer's attention and MLP: 0 for those that come later.
    """
    clock = Clock(model)
    prepared = prepare(model, params, answers="inspected")
    texts = [e.ids for e in prepared.encodings]
    measure = _Measure.of(model, params)
    report.needs(_needs(model, texts, measure))
    found = _Found(model, [len(text) for text in texts])
    work = ShareReporter(report, 0.0, 1 - _HEADS_SHARE if params.heads else 1.0)
    notices = _fill(found, texts, measure, work)
    data = found.fields(measure)
    if params.heads and not notices:
        report.partial(data)
        sizes, told = _head_sizes(model, ShareReporter(report, 1 - _HEADS_SHARE, _HEADS_SHARE))
        data |= sizes
        notices += told
    data["read_position"] = np.array([r.read_position for r in prepared.records])
    stopped.tell_end(report)
    # No answer is compared here: of them only a repair that was made must be told.
    repairs = [n for n in prepared.notices if params.fix]
    norms = {n: seen.tables["norm"] for n, seen in sorted(found.seen.items())}
    told_all = [*repairs, *standing(model, texts, measure.why), *empty(model, norms), *notices]
    return finish(model, ANALYSIS, params, prepared.records, (data, told_all), clock)


def _fill(
    found: _Found, texts: Sequence[Sequence[int]], measure: _Measure, report: Reporter
) -> tuple[Notice, ...]:
    """Measure all prompts; return what a run that was stopped has left out."""
    shown = 0
    try:
        for numbers, seen in by_length(
            found.model, texts, measure.read, report, kept=measure.tensors
        ):
            found.add(numbers, seen)
            if len(found.seen) >= _WORTH_SHOWING * shown:
                report.partial(found.fields(measure))
                shown = len(found.seen)
    except Cancelled:
        if not found.seen or not report.keeps_partial:
            raise
        left = len(texts) - len(found.seen)
        return stopped.before(f"{left} of {plural(len(texts), 'prompt')}", report)
    return ()


@dataclass
class _Found:
    """What is known of each prompt: not a number for those that were not read."""

    model: LoadedModel
    lengths: list[int]
    seen: dict[int, _Seen] = field(default_factory=dict)

    def add(self, numbers: list[int], seen: _Seen) -> None:
        """Take in what prompts of one length have shown."""
        for row, number in enumerate(numbers):
            self.seen[number] = _Seen(
                {name: table[row] for name, table in seen.tables.items()},
                seen.cosine[row],
                None if seen.first is None else seen.first[row],
                None if seen.later is None else seen.later[row],
            )

    def fields(self, measure: _Measure) -> dict[str, Any]:
        """Return the fields of the result, as far as they are known."""
        layers, known = self.model.info.n_layers, list(self.seen.values())
        names = ("norm", "norm_attn", "norm_mlp") if measure.parts else ("norm",)
        data: dict[str, Any] = {}
        for name in names:
            rows = layers + 1 if name == "norm" else layers
            data |= _columns(name, [self._table(n, name, rows) for n in range(len(self.lengths))])
        data |= _growth([seen.tables["norm"] for seen in known])
        count = sum(seen.cosine.shape[-1] - 1 for seen in known)
        data["cosine"] = _mean([seen.cosine[:, 1:].sum(-1) for seen in known], count)
        data["cosine_first"] = _mean([seen.cosine[:, 0] for seen in known], len(known))
        first, later = ([getattr(s, n) for s in known] for n in ("first", "later"))
        if measure.shares and not any(share is None for share in first):
            data["share"] = _mean(later, count)
            data["share_first"] = _mean(first, len(known))
            data["parts"] = part_names(layers)
        return data

    def _table(self, number: int, name: str, rows: int) -> np.ndarray:
        seen = self.seen.get(number)
        return np.full((rows, self.lengths[number]), np.nan) if seen is None else seen.tables[name]


def part_names(layers: int) -> list[str]:
    """Return what the parts of the stream are called, in the order in which they come."""
    return ["embed", *(f"L{n} {kind}" for n in range(layers) for kind in ("attn", "MLP"))]


def _columns(name: str, tables: list[np.ndarray]) -> dict[str, Any]:
    """Return a field of all prompts: an array with its twins, or a list where lengths differ."""
    if len({table.shape for table in tables}) == 1:
        return with_twins(name, np.stack(tables, axis=-1))
    return {name: tuple(tables)}


def _growth(norms: list[np.ndarray]) -> dict[str, Any]:
    """Return growth and its rate, of geometric means over the positions from 1 on."""
    later = np.concatenate([norm[:, 1:] for norm in norms], axis=1)
    if not later.shape[1]:
        return {"growth": np.full(len(later) - 1, np.nan), "growth_rate": float("nan")}
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.diff(np.log(later).mean(1))
    steps = np.where(np.isfinite(steps), steps, np.nan)
    inner = steps[1:-1]
    rate = float(np.exp(inner.mean())) if inner.size else float("nan")
    return {"growth": np.exp(steps), "growth_rate": rate}


def _mean(sums: list[Any], count: int) -> np.ndarray:
    """Return the mean of what was summed already; not a number over nothing."""
    total = np.asarray(np.sum(sums, axis=0), dtype=np.float64)
    return total / count if count else np.full(total.shape, np.nan)


def _norms(tensors: Sequence[torch.Tensor]) -> np.ndarray:
    return _to_numpy([torch.linalg.vector_norm(x, dim=-1, dtype=_precise(x)) for x in tensors])


def _cosine(after: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    one, two = after.to(_precise(after)), before.to(_precise(before))
    sizes = torch.linalg.vector_norm(one, dim=-1) * torch.linalg.vector_norm(two, dim=-1)
    cosine: torch.Tensor = (one * two).sum(-1) / sizes.clamp_min(1e-30)
    return cosine


def _shares(
    streams: Streams, *, starts: bool, report: Reporter
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return shares at position 0, and summed over the others, `[N, L + 1, parts]`."""
    pairs = zip(streams.attn, streams.mlp, strict=True)
    parts = [streams.stream[0], *(part for pair in pairs for part in pair)]
    table = np.zeros((len(streams.stream), len(parts), *streams.stream[0].shape[:2]))
    for layer, stream in enumerate(streams.stream):
        report.check()
        whole = stream.float()
        size = torch.linalg.vector_norm(whole, dim=-1, dtype=_precise(whole)).square()
        before = parts[: 1 + 2 * layer]
        along = torch.stack([(part.float() * whole).sum(-1) for part in before])
        table[layer, : len(before)] = _to_numpy_one(along.to(size) / size.clamp_min(1e-30))
    by_prompt = np.moveaxis(table, 2, 0)
    later = by_prompt[..., 1:] if starts else by_prompt
    return (by_prompt[..., 0] if starts else None), later.sum(-1)


def _precise(x: torch.Tensor) -> torch.dtype:
    return torch.float32 if x.device.type == "mps" else torch.float64


def _to_numpy(rows: list[torch.Tensor]) -> np.ndarray:
    """Return `[N, rows, S]` of rows that are `[N, S]`."""
    return _to_numpy_one(torch.stack(rows, dim=1))


def _to_numpy_one(x: torch.Tensor) -> np.ndarray:
    found: np.ndarray = x.cpu().double().numpy()
    return found


def _needs(model: LoadedModel, texts: Sequence[Sequence[int]], measure: _Measure) -> int:
    """Return the memory of the process (or on the GPU) at the peak of the run."""
    length, info = max(map(len, texts)), model.info
    item = BYTES_PER_ITEM.get(info.dtype, 4)
    kept = length * measure.tensors * (info.n_layers + 1) * info.d_model * item
    kept = min(kept, max(0, int(_SHARE_KEPT * budget_bytes(model))))
    return used_bytes(model.device) + row_bytes(model, length, length, read_all=False) + kept


def _head_sizes(
    model: LoadedModel, report: Reporter
) -> tuple[dict[str, np.ndarray], tuple[Notice, ...]]:
    """Return ‖W_OV‖ of each head, or why there is none."""
    rows: list[np.ndarray] = []
    layers = model.info.n_layers
    try:
        for layer in range(layers):
            report.step(layer / layers, f"Heads of layer {layer + 1} of {layers}")
            rows.append(_ov_norms(model, layer))
    except Cancelled:
        return {}, stopped.before("the sizes of the heads", report)
    except BadInputError as error:
        reason = str(error).partition(", so that")[0].partition(":")[0]
        message = f"{reason}: the sizes of its heads are left out."
        return {}, (Notice("heads_withheld", message),)
    return {"ov_norm": np.stack(rows)}, ()


def _ov_norms(model: LoadedModel, layer: int) -> np.ndarray:
    """Return ‖W_V W_O‖ `[head]` through products of d_head × d_head, by ‖AB‖² = tr(AᵀA BBᵀ)."""
    weights = head_weights(model, layer)
    v, o = (w.cpu().double() for w in (weights.v, weights.o))
    return _to_numpy_one(((v.mT @ v) * (o @ o.mT)).sum((-2, -1)).clamp_min(0).sqrt())
