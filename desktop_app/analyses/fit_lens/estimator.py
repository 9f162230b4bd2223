"""The Jacobian lens by TransformerLens' own estimator, window by window.

For each window `J[l] = mean over source positions of Σ over later positions of ∂ end / ∂ stream
behind block l`, a backward pass for a few output dimensions at a time. The estimator is the one
that `JacobianLens.fit` drives, driven here so that a job can be followed and stopped at each pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformer_lens.tools.analysis import jacobian_lens

from desktop_app.engine.memory import fewer_rows
from desktop_app.engine.noise import HALF
from desktop_app.engine.sweep_pass import no_hooks_left
from desktop_app.support.errors import BadInputError, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.fit_lens.spec import FitLensParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

Matrices = dict[int, torch.Tensor]
"""`[d_model, d_model]` by layer: of what stands behind that block."""

_MOST_SAID = 160


def require_fit(model: LoadedModel) -> None:
    """Refuse a model that no such lens can be fitted on, by what it is.

    Raises:
        BadInputError: With what to do about it.
    """
    info = model.info
    if info.weights != "raw":
        raise BadInputError(
            f"A lens is fitted on a model's own weights, and {info.name} is loaded with --weights "
            f"{info.weights}: load it with --weights raw."
        )
    if info.dtype in HALF:
        raise BadInputError(
            f"A lens is fitted in float32, and {info.name} is loaded in {info.dtype}, where its "
            "gradients are too coarse: load it with --dtype float32."
        )
    if model.spec.offload != "none":
        raise BadInputError(
            f"A lens needs gradients through all layers, and some of {info.name} are offloaded: "
            "load it with --offload none."
        )
    if info.n_layers < 2:
        raise BadInputError(
            f"{info.name} has a single layer, whose output is the end: there is nothing to fit."
        )
    try:
        jacobian_lens._require_raw_bridge(model.bridge, estimator="JacobianLens")  # noqa: SLF001
    except (TypeError, ValueError) as error:
        said = first_line(error, _MOST_SAID)
        raise BadInputError(
            f"TransformerLens fits no Jacobian lens on {info.name} ({said}): choose another model."
        ) from error


class Fit:
    """A fit under way: sums over windows.

    Attributes:
        windows: How many are whole.
    """

    def __init__(self, model: LoadedModel, params: FitLensParams) -> None:
        self._model, self._dims = model, min(params.dim_batch, model.info.d_model)
        self._skip = params.skip_first_positions
        self._layers = list(range(model.info.n_layers - 1))
        self._sum: Matrices = {}
        self._half: Matrices = {}  # of every other window
        self.windows = 0

    def add(self, ids: Sequence[int], report: Reporter) -> None:
        """Take a window in; nothing of it stays where this is cancelled.

        Raises:
            MemoryExhaustedError: Not even a single dimension at a time fits.
        """
        while True:
            try:
                found = self._of_window(ids, report)
            except (RuntimeError, MemoryError) as error:
                words = ("output dimension", "windows (--max-seq-len)")
                self._dims = fewer_rows(self._model, error, self._dims, words)
                continue
            break
        for layer, matrix in found.items():
            _add(self._sum, layer, matrix)
            if self.windows % 2:
                _add(self._half, layer, matrix)
        self.windows += 1

    def matrices(self) -> Matrices:
        """Return the means over the windows so far."""
        return {layer: self._sum[layer] / self.windows for layer in self._layers}

    def agreement(self) -> list[float]:
        """Return the cosine of both halves' matrices, layer by layer; NaN of a single window."""
        if not self._half:
            return [float("nan")] * len(self._layers)
        cosine = torch.nn.functional.cosine_similarity
        pairs = [(self._half[n], self._sum[n] - self._half[n]) for n in self._layers]
        return [float(cosine(one.flatten(), other.flatten(), dim=0)) for one, other in pairs]

    def _of_window(self, ids: Sequence[int], report: Reporter) -> Matrices:
        model, width = self._model, self._model.info.d_model
        passes, done = -(-width // self._dims), 0

        def backward(
            target: torch.Tensor,
            sources: list[torch.Tensor],
            cotangent: torch.Tensor,
            retain: bool,
        ) -> tuple[torch.Tensor, ...]:
            nonlocal done
            report.step(done / passes, f"dimension {done * self._dims + 1:,} of {width:,}")
            done += 1
            return jacobian_lens._ordinary_vjp(target, sources, cotangent, retain)  # noqa: SLF001

        model.forward_passes += 1
        bridge = model.bridge
        with no_hooks_left(model), jacobian_lens._frozen_parameters(bridge):  # noqa: SLF001
            return jacobian_lens._jacobian_for_prompt(  # noqa: SLF001
                bridge,
                model.ids([ids]),
                source_layers=self._layers,
                dim_batch=self._dims,
                skip_first_positions=self._skip,
                backward_provider=backward,
            )


def _add(sums: Matrices, layer: int, matrix: torch.Tensor) -> None:
    sums[layer] = sums[layer] + matrix if layer in sums else matrix
