"""Attention patterns, head by head: in memory, on disk, or in small where they are too large."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.attention.softmax import SoftmaxInputs, row_tolerance, sinks_of
from desktop_app.analyses.attention.spec import ANALYSIS, AttentionParams, bytes_of
from desktop_app.analyses.attention.store import ArrayStore, lies_on_disk
from desktop_app.contract.grammar import resolve_heads, resolve_range
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.contract.result import Notice
from desktop_app.engine.memory import fewer_rows, row_bytes, used_bytes
from desktop_app.engine.model import LoadedModel, site_hook
from desktop_app.engine.sites import require_shown
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods import stopped
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.prepare import Prepared, prepare, twins_of
from desktop_app.methods.watching import watch
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.sizes import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.result import PromptRecord, Result
    from desktop_app.text.encoding import Encoding

_THUMBNAIL = 32


@dataclass(frozen=True)
class _Grid:
    """Which heads are kept: every layer of `layers` with every head of `heads`."""

    layers: list[int]
    heads: list[int]


def run(model: LoadedModel, params: AttentionParams, report: Reporter) -> Result:
    """Capture the attention of every chosen head on every prompt.

    Returns:
        `pattern[n][l, h, query, key]`: rows sum to 1, or to 1 − `sink[n][l, h, query]` where the
        model has attention sinks, and nothing is above the diagonal. With a list of heads the grid
        of its layers and heads is returned, numbered by `layers`, `head_indices`. Where all that
        is larger than what may be stored, small pictures and entropies alone.
    """
    clock = Clock(model)
    prepared = prepare(model, params, answers="inspected")
    grid = _choose(model, params)
    _refuse(model, params, prepared, grid)
    room = _room_needed(params, prepared, grid)
    whole = room <= model.storage.limit_bytes
    if not whole and model.storage.must_fit:
        raise BadInputError(f"{_too_large(model, room)}: {_FEWER}.")
    report.stores(room, model.storage.limit_bytes)
    report.needs(_needs(model, prepared, room))
    arrays = _Arrays(model, params, grid, ArrayStore(room) if whole else None)
    with no_hooks_left(model):
        done, missing = _fill(arrays, prepared, report)
    data: dict[str, Any] = {
        **arrays.fields(),
        "layers": np.array(grid.layers),
        "head_indices": np.array(grid.heads),
        "kv_head": np.array([model.kv_head(h) for h in grid.heads]),
        "read_position": np.array([r.read_position for r in done]),
    }
    stopped.tell_end(report)
    # No answer is compared here: of them only a repair that was made must be told.
    repairs = [n for n in prepared.notices if params.fix and (n.prompt or 0) < len(done)]
    notices = [*repairs, *arrays.notices(), *missing]
    if not whole:
        message = (
            f"{_too_large(model, room)}: the result keeps small pictures and entropies of all "
            "heads, and the window computes a head when it is looked at; to keep patterns, "
            f"{_FEWER}."
        )
        notices.append(Notice("patterns_not_stored", message))
    return finish(model, ANALYSIS, params, done, (data, notices), clock)


def _fill(
    arrays: _Arrays, prepared: Prepared, report: Reporter
) -> tuple[tuple[PromptRecord, ...], tuple[Notice, ...]]:
    """Run the prompts; return those that were run, and where that is not all of them, that."""
    count = len(prepared.records)
    pairs = zip(prepared.encodings, prepared.corrupt, strict=True)
    for index, (encoding, twin) in enumerate(pairs):
        try:
            arrays.add(encoding, twin, ShareReporter(report, index / count, 1 / count))
        except Cancelled:
            if not index:
                raise
            arrays.keep_first(index)
            missing = stopped.before(f"prompt {index + 1} of {count}", report)
            return prepared.records[:index], missing
    return prepared.records, ()


_FEWER = "choose fewer --layers or --heads, or shorter prompts"


def _too_large(model: LoadedModel, room: int) -> str:
    most = human_bytes(model.storage.limit_bytes)
    return f"These patterns take {human_bytes(room)} and at most {most} are stored"


def _needs(model: LoadedModel, prepared: Prepared, room: int) -> int:
    """Return the memory of the process (or on the GPU) at the peak of the run."""
    length = max(len(e) for e in prepared.encodings)
    kept = 0 if lies_on_disk(room) or model.device.type != "cpu" else room
    row = row_bytes(model, length, length, read_all=False)
    return used_bytes(model.device) + row + kept


def _choose(model: LoadedModel, params: AttentionParams) -> _Grid:
    layers = list(resolve_range(params.layers, model.info.n_layers))
    heads = list(range(model.info.n_heads))
    chosen = resolve_heads(params.heads, model.info.n_layers, model.info.n_heads)
    if chosen:
        outside = [f"{layer}.{head}" for layer, head in chosen if layer not in layers]
        if outside:
            raise BadInputError(
                f"--heads {outside[0]} lies outside --layers {params.layers}: widen one of them."
            )
        layers = sorted({layer for layer, _ in chosen})
        heads = sorted({head for _, head in chosen})
    return _Grid(layers, heads)


def _refuse(model: LoadedModel, params: AttentionParams, prepared: Prepared, grid: _Grid) -> None:
    require_shown(model, grid.layers, "pattern")
    if params.value_weighted:
        require_shown(model, grid.layers, "head_v")
        _refuse_unmixed(model, grid.layers)
    lengths = {len(e) for e in prepared.encodings}
    if params.mean and len(lengths) > 1:
        raise BadInputError(
            f"--mean needs prompts of one token length and these have {min(lengths)} to "
            f"{max(lengths)}: keep those of one length."
        )
    if params.difference:
        twins_of(prepared, "--difference")


def _refuse_unmixed(model: LoadedModel, layers: Sequence[int]) -> None:
    """Refuse layers whose heads put out something else than what they take of their values."""
    found = next((layer for layer in layers if layer in model.unmixed), None)
    if found is not None:
        raise BadInputError(
            f"{model.info.name} norms or gates what its heads take of their values (layer {found})"
            ", so that the values alone weigh nothing: leave --value-weighted out."
        )


def _room_needed(params: AttentionParams, prepared: Prepared, grid: _Grid) -> int:
    """Return the bytes that all arrays of the run take."""
    lengths = [len(e) for e in prepared.encodings]
    return bytes_of(params, lengths, len(grid.layers) * len(grid.heads))


class _Arrays:
    """What is kept of all prompts: everything, or where there is no store small pictures alone."""

    def __init__(
        self, model: LoadedModel, params: AttentionParams, grid: _Grid, store: ArrayStore | None
    ) -> None:
        self._model, self._params, self._grid, self._store = model, params, grid, store
        self._has_sinks = any(sinks_of(model, layer) is not None for layer in grid.layers)
        self._found: list[_Captured] = []
        self._corrupt: list[np.ndarray] = []
        self._differences: list[np.ndarray] = []

    def add(self, encoding: Encoding, twin: Encoding | None, report: Reporter) -> None:
        """Run a prompt, and its twin where the difference is wanted."""
        found = self._capture(encoding, report)
        self._found.append(found)
        store = self._store
        if store is not None and self._params.difference and twin is not None:
            other = self._capture(twin, report)
            if found.pattern is not None and other.pattern is not None:
                self._corrupt.append(other.pattern)
                self._differences.append(_subtract(found.pattern, other.pattern, store))

    def keep_first(self, count: int) -> None:
        """Let go of a prompt that was begun."""
        for held in (self._found, self._corrupt, self._differences):
            del held[count:]

    def _capture(self, encoding: Encoding, report: Reporter) -> _Captured:
        found = _Captured(self._model, self._params, self._grid, len(encoding), self._store)
        try:
            found.run(encoding.ids, report)
        except (RuntimeError, MemoryError) as error:
            fewer_rows(self._model, error, 1, ("prompt", "prompts"))
        return found

    def fields(self) -> dict[str, Any]:
        """Return the fields of the result."""
        patterns = [f.pattern for f in self._found if f.pattern is not None]
        optional = {
            "pattern": patterns,
            "scores": [f.scores for f in self._found if f.scores is not None],
            "corrupt_pattern": self._corrupt,
            "difference": self._differences,
            "sink": [f.sink for f in self._found] if self._loses() else [],
            "value_norm": [f.value_norm for f in self._found if f.value_norm is not None],
        }
        data: dict[str, Any] = {
            "thumbnail": tuple(f.thumbnail for f in self._found),
            "entropy": np.stack([f.entropy for f in self._found], axis=-1),
        }
        data |= {name: tuple(arrays) for name, arrays in optional.items() if arrays}
        if self._params.mean and patterns and self._store is not None:
            data["mean"] = _mean(patterns, self._store)
        return data

    def notices(self) -> list[Notice]:
        """Return the warning where rows lose a share to something that is no sink we know."""
        if self._has_sinks or not self._loses():
            return []
        most = max((f.sink for f in self._found), key=lambda sink: float(np.abs(sink).max()))
        worst = int(np.abs(most).argmax())
        layer = self._grid.layers[worst // most[0].size]
        message = (
            f"Rows of attention do not sum to 1 (to {1 - most.flat[worst]:.3f} in layer {layer}): "
            "what is missing goes to no token; see the field sink."
        )
        return [Notice("rows_not_one", message)]

    def _loses(self) -> bool:
        """Return whether rows do not sum to 1."""
        least = row_tolerance(self._model)
        return self._has_sinks or any(bool((np.abs(f.sink) > least).any()) for f in self._found)


class _Captured:
    """One text's attention, kept as it passes.

    Attributes:
        pattern: `[L, H, S, S]`, and `scores` before the softmax where they are wanted; None where
            there is no store for them.
        thumbnail: Small pictures `[L, H, t, t]`.
        entropy: `[L, H]`.
        sink: What each row lacks to 1 `[L, H, S]`.
        value_norm: What each source is weighted by `[L, H, S]`, where it is.
    """

    def __init__(
        self,
        model: LoadedModel,
        params: AttentionParams,
        grid: _Grid,
        size: int,
        store: ArrayStore | None,
    ) -> None:
        shape, small = (len(grid.layers), len(grid.heads)), min(size, _THUMBNAIL)
        square = (*shape, size, size)
        self.pattern = None if store is None else store.empty(square)
        self.scores = store.empty(square) if store is not None and params.scores else None
        self.thumbnail = np.empty((*shape, small, small), dtype=np.float32)
        self.entropy = np.empty(shape)
        self.sink = np.empty((*shape, size), dtype=np.float32)
        weighted = params.value_weighted
        self.value_norm = np.empty((*shape, size), dtype=np.float32) if weighted else None
        self._model, self._params, self._grid = model, params, grid
        self._norms: torch.Tensor | None = None  # of the layer that is running
        self._hooked: torch.Tensor | None = None
        self._inputs = SoftmaxInputs()

    def run(self, ids: Sequence[int], report: Reporter) -> None:
        """Run one text alone and keep each layer's attention."""
        model = self._model
        hooks: list[tuple[str, Callable[..., None]]] = []
        for row, layer in enumerate(self._grid.layers):
            if self._params.value_weighted:
                hooks.append((site_hook(layer, "head_v"), partial(self._keep_norms, layer=layer)))
            if self.scores is not None:
                name = site_hook(layer, "scores")
                hooks += [(name, self._note_scores)] if model.has_hook(name) else []
                hooks.append((site_hook(layer, "pattern"), partial(self._keep_scores, row=row)))
            keep = partial(self._keep_pattern, row=row, report=report)
            hooks.append((site_hook(layer, "pattern"), keep))
        with self._inputs if self.scores is not None else nullcontext():
            watch(model, model.ids([ids]), hooks)

    def _keep_pattern(self, x: torch.Tensor, hook: object, *, row: int, report: Reporter) -> None:
        layers, heads = self._grid.layers, self._grid.heads
        pattern = torch.tril(x[0, heads].float())
        total = pattern.sum(-1, keepdim=True)
        self.sink[row] = (1 - total[..., 0]).cpu().numpy()
        if self._params.no_first:
            pattern = _without_first(pattern)
            total = pattern.sum(-1, keepdim=True)
        # What is not a number stays so: only a row that looks nowhere has no entropy.
        share = torch.where(total == 0, 0.0, pattern / total.clamp_min(1e-30))
        logs = torch.where(share == 0, 0.0, share.clamp_min(1e-45).log())
        self.entropy[row] = -(share * logs).sum(-1).mean(-1).cpu().numpy()
        if self._norms is not None and self.value_norm is not None:
            norms = self._norms[heads]
            self.value_norm[row] = norms.cpu().numpy()
            pattern = pattern * norms[:, None, :]
            pattern = pattern / pattern.amax((-1, -2), keepdim=True).clamp_min(1e-30)
        if self.pattern is not None:
            self.pattern[row] = pattern.cpu().numpy()
        self.thumbnail[row] = _thumbnail(pattern)
        note = f"layer {layers[row] + 1} of {self._model.info.n_layers}"
        report.step((row + 1) / len(layers), note)

    def _note_scores(self, x: torch.Tensor, hook: object) -> None:
        self._hooked = x

    def _keep_scores(self, pattern: torch.Tensor, hook: object, *, row: int) -> None:
        """Keep a layer's scores before the softmax, none but those of its pattern."""
        sinks = sinks_of(self._model, self._grid.layers[row])
        found = self._inputs.scores_of(pattern, self._hooked, sinks)
        self._hooked = None
        if found is None or self.scores is None:
            raise BadInputError(
                f"{self._model.info.name} does not show its scores before the softmax: run without "
                "--scores."
            )
        self.scores[row] = torch.tril(found[0, self._grid.heads].float()).cpu().numpy()

    def _keep_norms(self, x: torch.Tensor, hook: object, *, layer: int) -> None:
        """Keep ‖v W_O‖ per query head and source, `[H, S]`."""
        model, info = self._model, self._model.info
        v = x.reshape(x.shape[1], info.n_kv_heads, -1).float()
        out, heads = model.output_weights(layer), range(info.n_heads)
        norms = [torch.linalg.norm(v[:, model.kv_head(h)] @ out[h], dim=-1) for h in heads]
        self._norms = torch.stack(norms)


def _without_first(pattern: torch.Tensor) -> torch.Tensor:
    """Drop the first key's column and renormalise rows; the first query then looks nowhere."""
    pattern = pattern.clone()
    pattern[..., 0] = 0
    total = pattern.sum(-1, keepdim=True)
    return torch.where(total > 0, pattern / total.clamp_min(1e-30), 0.0)


def _thumbnail(pattern: torch.Tensor) -> np.ndarray:
    """Return small pictures `[H, t, t]` of `[H, S, S]`, brightest value of each cell kept."""
    size = pattern.shape[-1]
    if size > _THUMBNAIL:
        pool = torch.nn.functional.adaptive_max_pool2d
        pattern = pool(pattern[None], (_THUMBNAIL, _THUMBNAIL))[0]
    return pattern.cpu().numpy()


def _subtract(clean: np.ndarray, corrupt: np.ndarray, store: ArrayStore) -> np.ndarray:
    result = store.empty(clean.shape)
    for layer in range(len(clean)):
        np.subtract(clean[layer], corrupt[layer], out=result[layer])
    return result


def _mean(patterns: list[np.ndarray], store: ArrayStore) -> np.ndarray:
    result = store.empty(patterns[0].shape)
    for layer in range(len(result)):
        result[layer] = sum(p[layer].astype(np.float64) for p in patterns) / len(patterns)
    return result
