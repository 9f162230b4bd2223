"""Sparse autoencoders and transcoders: features of activations, and activations of features.

The formulas are SAELens': standard f = ReLU((x − b_dec) W_enc + b_enc), x̂ = f W_dec + b_dec, and
its kin (gated, jumprelu, topk), with the scaling of inputs that the settings name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name

from desktop_app.engine.model import FastProducts
from desktop_app.methods.autoencoder_fit import (
    hook_name,
    notices_of,
    refuse_misfit,
    require_writable,
    rows_at,
)
from desktop_app.methods.autoencoder_weights import read_weights
from desktop_app.support.autoencoder_files import read_autoencoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.result import Notice
    from desktop_app.engine.model import Hooks, LoadedModel
    from desktop_app.support.autoencoder_files import AutoencoderHead

_EPS = 1e-5
# Activations that are held at once while they are made.
_MOST_AT_ONCE = 16_000_000
_STEP, _MOST_ROWS = 64, 4_096


class Autoencoder:
    """An autoencoder on the device of a model, float32.

    Attributes:
        head: What its folder says of it.
        weights: Its tensors by their names in SAELens, what its settings say folded into them.
        notices: What every result of it must say.
    """

    def __init__(
        self,
        head: AutoencoderHead,
        weights: dict[str, torch.Tensor],
        notices: tuple[Notice, ...] = (),
    ) -> None:
        self.head, self.weights, self.notices = head, weights, notices

    @property
    def W_enc(self) -> torch.Tensor:  # noqa: N802 - its usual name
        """What reads, `[d_in, d_sae]`."""
        return self.weights["W_enc"]

    @property
    def W_dec(self) -> torch.Tensor:  # noqa: N802
        """What writes, `[d_sae, d_out]`."""
        return self.weights["W_dec"]

    @property
    def b_dec(self) -> torch.Tensor:
        """What it gives without a feature, `[d_out]`."""
        return self.weights["b_dec"]

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Return activations `[..., d_sae]`, none below 0, of inputs `[..., d_in]`."""
        return self._in_rows(x, slice(None))

    def activation(self, x: torch.Tensor, feature: int) -> torch.Tensor:
        """Return one feature's activations `[...]` of inputs `[..., d_in]`.

        It costs one column of the encoder, except of a topk one, where all features compete.
        """
        if self.head.architecture == "topk":
            return self.encode(x)[..., feature]
        return self._in_rows(x, slice(feature, feature + 1))[..., 0]

    def decode(self, features: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return x̂ `[..., d_out]` of activations; `x` is the input that they were made of.

        The input tells by how much it was scaled, and what a skip connection adds.
        """
        x = x.float()
        with torch.no_grad(), FastProducts():
            found = F.linear(features, self.W_dec.T, self.b_dec)
            if self.head.skip:
                found = found + F.linear(x, self.weights["W_skip"])
        # The place that a transcoder writes at has another size than the one that it reads.
        if self.head.scaling == "none" or self.head.is_transcoder:
            return found
        _scaled, mean, size = self._scaled(x)
        return found * size + mean

    def _in_rows(self, x: torch.Tensor, some: slice) -> torch.Tensor:
        """Return activations of some features, of a bounded number of inputs at a time."""
        rows = x.reshape(-1, self.head.d_in).float()
        width = len(range(*some.indices(self.head.d_sae)))
        found = rows.new_empty(len(rows), width)
        step = min(_MOST_ROWS, max(1, _MOST_AT_ONCE // width // _STEP) * _STEP)
        with torch.no_grad(), FastProducts():
            for begin in range(0, len(rows), step):
                found[begin : begin + step] = self._encoded(rows[begin : begin + step], some)
        return found.view(*x.shape[:-1], width)

    def _encoded(self, x: torch.Tensor, some: slice) -> torch.Tensor:
        own = self.head.architecture
        w = {key: value[some] for key, value in self.weights.items() if value.ndim == 1}
        x = self._scaled(x)[0]
        x = x - self.b_dec if self.head.b_dec_first else x
        read = self.W_enc[:, some].T
        if own == "gated":
            before = F.linear(x, read)
            gate = before + w["b_gate"] > 0
            return (before * w["r_mag"].exp() + w["b_mag"]).relu() * gate
        before = F.linear(x, read, w["b_enc"])
        if own == "jumprelu":
            return before.relu() * (before > w["threshold"])
        if own == "topk":
            most = before.topk(self.head.k, dim=-1)
            return torch.zeros_like(before).scatter_(-1, most.indices, most.values.relu())
        return before.relu()

    def _scaled(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the scaled input, and the mean and the size by which that is undone."""
        zero = x.new_zeros(())
        if self.head.scaling == "constant_norm_rescale":
            size = x.norm(dim=-1, keepdim=True) / self.head.d_in**0.5
            return torch.where(size > 0, x / size, zero), zero, size
        if self.head.scaling == "layer_norm":
            mean = x.mean(dim=-1, keepdim=True)
            size = (x - mean).std(dim=-1, keepdim=True)
            return (x - mean) / (size + _EPS), mean, size
        return x, zero, x.new_ones(())


def open_autoencoder(model: LoadedModel, given: str, option: str = "--sae") -> Autoencoder:
    """Return the autoencoder of a folder, checked against a model.

    Raises:
        BadInputError: It holds none, its sizes or its hook are not the model's, or its weights are
            not finite.
    """
    head = read_autoencoder(given, option)
    refuse_misfit(model, head)
    return Autoencoder(head, read_weights(head, model.device), notices_of(model, head))


def inputs(
    model: LoadedModel, autoencoder: Autoencoder, ids: torch.Tensor, hooks: Hooks = ()
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what it reads `[N, S, d_in]` and what it should give `[N, S, d_out]`, float32.

    Both are of one pass, which ends there; `hooks` come before, and may change it.
    """
    head = autoencoder.head
    read: list[torch.Tensor] = []
    before: Hooks = (
        [(hook_name(head.reads), lambda x, hook: read.append(x.clone()))]
        if head.is_transcoder
        else []
    )
    seen = model.seen(ids, hook_name(head.writes), [*hooks, *before])
    given = rows_at(seen, ids, head.head).float()
    return (rows_at(read[0], ids, head.head).float() if read else given), given


def spliced(
    model: LoadedModel,
    autoencoder: Autoencoder,
    ids: torch.Tensor,
    change: Callable[[torch.Tensor], torch.Tensor] | None = None,
    *,
    error: bool = False,
) -> torch.Tensor:
    """Return the logits `[N, S, V]` with x̂ in place of what it stands for.

    Args:
        model: The model.
        autoencoder: The autoencoder.
        ids: Token ids `[N, S]`.
        change: From activations `[N, S, d_sae]` to other activations, before they are decoded;
            None: none.
        error: Whether what x̂ lacks of the untouched activations is added, so that without a change
            the logits are the model's own.

    Raises:
        BadInputError: The model only shows the place where x̂ would be put.
    """
    head = autoencoder.head
    require_writable(model, head)
    read: list[torch.Tensor] = []

    def put(x: torch.Tensor, hook: object) -> torch.Tensor:
        there = rows_at(x, ids, head.head).float()
        own = rows_at(read[0], ids, head.head).float() if read else there
        features = autoencoder.encode(own)
        found = autoencoder.decode(features if change is None else change(features), own)
        if error:  # in this order nothing is rounded where nothing is changed
            found = there + (found - autoencoder.decode(features, own))
        if head.head is None:
            return found.reshape(x.shape).to(x.dtype)
        new = x.clone()
        new[..., head.head, :] = found.to(x.dtype)
        return new

    hooks: list[tuple[str, Callable[..., torch.Tensor | None]]] = [(hook_name(head.writes), put)]
    if head.is_transcoder:
        hooks.insert(0, (hook_name(head.reads), lambda x, hook: read.append(x.clone())))
    return model.run(ids, hooks)
