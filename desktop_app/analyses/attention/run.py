"""Attention patterns, head by head, written to disk when they are large."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from desktop_app.analyses.attention.spec import ANALYSIS, AttentionParams
from desktop_app.contract.grammar import resolve_heads, resolve_range
from desktop_app.contract.report import Reporter, ShareReporter
from desktop_app.engine.memory import human_bytes
from desktop_app.engine.model import LoadedModel, site_hook
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.methods.finish import Clock, finish
from desktop_app.methods.prepare import Prepared, prepare, twins_of
from desktop_app.methods.watching import watch
from desktop_app.support.errors import BadInputError
from desktop_app.support.unfinished import Workplace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from desktop_app.contract.result import Result

_THUMBNAIL = 32
# Arrays beyond this go to a file and are read head by head.
_MEMORY_BYTES = 64_000_000
_SOFTMAXES = frozenset({F.softmax, torch.softmax, torch.Tensor.softmax})
_TOLERANCE = {torch.float32: 1e-4}
_HALF_TOLERANCE = 2e-2


@dataclass(frozen=True)
class _Grid:
    """Which heads are kept: every layer of `layers` with every head of `heads`."""

    layers: list[int]
    heads: list[int]


def run(model: LoadedModel, params: AttentionParams, report: Reporter) -> Result:
    """Capture the attention of every chosen head on every prompt.

    Returns:
        `pattern[n][l, h, query, key]`: rows sum to 1 and nothing is above the diagonal. With a list
        of heads the grid of its layers and heads is returned, numbered by `layers`, `head_indices`.
    """
    clock = Clock(model)
    prepared = prepare(model, params, answers="inspected")
    grid = _choose(model, params)
    _refuse(params, prepared)
    store = ArrayStore(_room_needed(params, prepared, grid))
    patterns, scores, corrupt, differences, thumbnails, entropies = [], [], [], [], [], []
    count = len(prepared.records)
    with no_hooks_left(model):
        for index, (encoding, twin) in enumerate(
            zip(prepared.encodings, prepared.corrupt, strict=True)
        ):
            share = ShareReporter(report, index / count, 1 / count)
            found = _Captured(model, params, grid, len(encoding), store)
            found.run(encoding.ids, share)
            patterns.append(found.pattern)
            thumbnails.append(found.thumbnail)
            entropies.append(found.entropy)
            if found.scores is not None:
                scores.append(found.scores)
            if params.difference and twin is not None:
                other = _Captured(model, params, grid, len(twin), store)
                other.run(twin.ids, share)
                corrupt.append(other.pattern)
                differences.append(_subtract(found.pattern, other.pattern, store))
    data: dict[str, Any] = {
        "pattern": tuple(patterns),
        "thumbnail": tuple(thumbnails),
        "entropy": np.stack(entropies, axis=-1),
        "layers": np.array(grid.layers),
        "head_indices": np.array(grid.heads),
        "kv_head": np.array([model.kv_head(h) for h in grid.heads]),
        "read_position": np.array([r.read_position for r in prepared.records]),
    }
    optional = {"scores": scores, "corrupt_pattern": corrupt, "difference": differences}
    data |= {name: tuple(arrays) for name, arrays in optional.items() if arrays}
    if params.mean:
        data["mean"] = _mean(patterns, store)
    report.step(1.0, "Done")
    # No answer is compared here: of them only a repair that was made must be told.
    notices = prepared.notices if params.fix else ()
    return finish(model, ANALYSIS, params, prepared.records, (data, notices), clock)


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


def _refuse(params: AttentionParams, prepared: Prepared) -> None:
    lengths = {len(e) for e in prepared.encodings}
    if params.mean and len(lengths) > 1:
        raise BadInputError(
            f"--mean needs prompts of one token length and these have {min(lengths)} to "
            f"{max(lengths)}: keep those of one length."
        )
    if params.difference:
        twins_of(prepared, "--difference")


def _room_needed(params: AttentionParams, prepared: Prepared, grid: _Grid) -> int:
    """Return the bytes that all arrays of the run take."""
    squares = sum(len(e) ** 2 for e in prepared.encodings)
    arrays = 1 + params.scores + 2 * params.difference
    cells = squares * arrays + (len(prepared.encodings[0]) ** 2 if params.mean else 0)
    return 4 * cells * len(grid.layers) * len(grid.heads)


class _Captured:
    """One text's attention, kept as it passes.

    Attributes:
        pattern: `[L, H, S, S]`, and `scores` before the softmax where they are wanted.
        thumbnail: Small pictures `[L, H, t, t]`.
        entropy: `[L, H]`.
    """

    def __init__(
        self, model: LoadedModel, params: AttentionParams, grid: _Grid, size: int, store: ArrayStore
    ) -> None:
        shape, small = (len(grid.layers), len(grid.heads)), min(size, _THUMBNAIL)
        self.pattern = store.empty((*shape, size, size))
        self.scores = store.empty((*shape, size, size)) if params.scores else None
        self.thumbnail = np.empty((*shape, small, small), dtype=np.float32)
        self.entropy = np.empty(shape)
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
        with self._inputs if self._params.scores else nullcontext():
            watch(model, model.ids([ids]), hooks)

    def _keep_pattern(self, x: torch.Tensor, hook: object, *, row: int, report: Reporter) -> None:
        layers, heads = self._grid.layers, self._grid.heads
        pattern = torch.tril(x[0, heads].float())
        if self._params.no_first:
            pattern = _without_first(pattern)
        logs = torch.where(pattern > 0, pattern.clamp_min(1e-45).log(), 0.0)
        self.entropy[row] = -(pattern * logs).sum(-1).mean(-1).cpu().numpy()
        if self._norms is not None:
            pattern = pattern * self._norms[heads][:, None, :]
            pattern = pattern / pattern.amax((-1, -2), keepdim=True).clamp_min(1e-30)
        self.pattern[row] = pattern.cpu().numpy()
        self.thumbnail[row] = _thumbnail(pattern)
        note = f"layer {layers[row] + 1} of {self._model.info.n_layers}"
        report.step((row + 1) / len(layers), note)

    def _note_scores(self, x: torch.Tensor, hook: object) -> None:
        self._hooked = x

    def _keep_scores(self, pattern: torch.Tensor, hook: object, *, row: int) -> None:
        """Keep a layer's scores before the softmax, none but those of its pattern."""
        found = self._inputs.scores_of(pattern, self._hooked)
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
        v = x.reshape(x.shape[1], info.n_kv_heads, info.d_head).float()
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


class ArrayStore:
    """Gives out arrays: in memory while they are small in sum, else as files of a folder.

    The folder goes when the last array that lies in it does.
    """

    def __init__(self, total_bytes: int) -> None:
        self._folder: Path | None = None
        self._count = 0
        if total_bytes <= _MEMORY_BYTES:
            return
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if total_bytes > 0.9 * free:
            raise BadInputError(
                f"These patterns take {human_bytes(total_bytes)} and the disk has "
                f"{human_bytes(free)} free: choose fewer --layers or --heads, or shorter prompts."
            )
        work = Workplace("attention")
        self._folder = work.path
        weakref.finalize(self, work.close)

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return a float32 array of that shape."""
        if self._folder is None:
            return np.empty(shape, dtype=np.float32)
        self._count += 1
        path = self._folder / f"{self._count}.f32"
        array = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
        array._lensbench_store = self  # type: ignore[attr-defined]  # noqa: SLF001 - keeps the folder
        return array


class SoftmaxInputs(TorchFunctionMode):
    """Within it, the last `[batch, head, query, key]` that went into a softmax is kept.

    Batch and head may be one axis, as in XGLM.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: torch.Tensor | None = None

    @override
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Note the operand of a softmax, and do what was asked."""
        if func in _SOFTMAXES and args and args[0].ndim in {3, 4}:
            self._last = args[0]
        return func(*args, **(kwargs or {}))

    def scores_of(
        self, pattern: torch.Tensor, hooked: torch.Tensor | None = None
    ) -> torch.Tensor | None:
        """Return the scores `[batch, head, query, key]` whose softmax a pattern is, or None.

        Args:
            pattern: That has just been computed, `[batch, head, query, key]`.
            hooked: What the bridge's own hook held, preferred where it is right.
        """
        for scores in (hooked, self._last):
            if scores is None:
                continue
            if scores.ndim == 3 and len(scores) == pattern.shape[0] * pattern.shape[1]:
                scores = scores.view(*pattern.shape[:2], *scores.shape[1:])  # noqa: PLW2901
            if _becomes(scores, pattern):
                return scores[..., : pattern.shape[-1]]
        return None


def _becomes(scores: torch.Tensor, pattern: torch.Tensor) -> bool:
    """Return whether a softmax turns scores into a pattern; a sink may take a column of its own."""
    if scores.shape[:-1] != pattern.shape[:-1] or scores.shape[-1] < pattern.shape[-1]:
        return False
    found = torch.softmax(scores.float(), -1)[..., : pattern.shape[-1]]
    tolerance = _TOLERANCE.get(pattern.dtype, _HALF_TOLERANCE)
    return bool(torch.allclose(found, pattern.float(), atol=tolerance, rtol=0, equal_nan=True))
