"""Sparse autoencoders and transcoders: features of activations, and activations of features.

The formulas are SAELens': standard f = ReLU((x − b_dec) W_enc + b_enc), x̂ = f W_dec + b_dec, and
its kin (gated, jumprelu, topk), with the scaling of inputs that the settings name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name

from desktop_app.engine.model import FastProducts, site_hook
from desktop_app.engine.sites import require_acting, require_shown
from desktop_app.support.autoencoder_files import read_autoencoder
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.engine.model import Hooks, LoadedModel, Site
    from desktop_app.support.autoencoder_files import AutoencoderHead, Hook

_EPS = 1e-5
_ROWS = 1_024
"""Inputs that are encoded at once."""
_BIASES = ("b_enc", "threshold", "b_gate", "b_mag", "r_mag")


class Autoencoder:
    """An autoencoder on the device of a model, float32.

    Attributes:
        head: What its folder says of it.
        W_enc: `[d_in, d_sae]`.
        W_dec: `[d_sae, d_out]`.
        b_dec: `[d_out]`.
    """

    def __init__(self, head: AutoencoderHead, weights: dict[str, torch.Tensor]) -> None:
        self.head, self.weights = head, weights

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
        """Return activations `[..., d_sae]` of inputs `[..., d_in]`."""
        rows = x.reshape(-1, self.head.d_in).float()
        found = rows.new_empty(len(rows), self.head.d_sae)
        with torch.no_grad(), FastProducts():
            for begin in range(0, len(rows), _ROWS):
                found[begin : begin + _ROWS] = self._encoded(rows[begin : begin + _ROWS])
        return found.view(*x.shape[:-1], self.head.d_sae)

    def decode(self, features: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return x̂ `[..., d_out]` of activations; `x` is the input that they were made of.

        The input tells by how much it was scaled, and what a skip connection adds.
        """
        with torch.no_grad(), FastProducts():
            found = F.linear(features, self.W_dec.T, self.b_dec)
        _scaled, mean, size = self._scaled(x.float())
        return found * size + mean

    def _encoded(self, x: torch.Tensor) -> torch.Tensor:
        own, w = self.head.architecture, self.weights
        x = self._scaled(x)[0]
        x = x - self.b_dec if self.head.b_dec_first else x
        bias = w["b_gate"] if own == "gated" else w["b_enc"]
        before = F.linear(x, self.W_enc.T, bias)
        if own == "gated":
            size = (before - w["b_gate"]) * w["r_mag"].exp() + w["b_mag"]
            return size.relu() * (before > 0)
        if own == "jumprelu":
            return before.relu() * (before > w["threshold"])
        if own == "topk":
            most = before.topk(self.head.k, dim=-1)
            return torch.zeros_like(before).scatter_(-1, most.indices, most.values.relu())
        return before.relu()

    def _scaled(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the scaled input, and the mean and the size by which it is undone."""
        none = x.new_zeros(())
        if self.head.scaling == "constant_norm_rescale":
            size = x.norm(dim=-1, keepdim=True) / self.head.d_in**0.5
            return x / size.clamp_min(1e-30), none, size
        if self.head.scaling == "layer_norm":
            mean = x.mean(dim=-1, keepdim=True)
            size = (x - mean).std(dim=-1, keepdim=True)
            return (x - mean) / (size + _EPS), mean, size
        return x, none, x.new_ones(())


def open_autoencoder(model: LoadedModel, given: str, option: str = "--sae") -> Autoencoder:
    """Return the autoencoder of a folder, checked against a model.

    Raises:
        BadInputError: It holds none, its sizes or its hook are not the model's, or its weights are
            not finite.
    """
    head = read_autoencoder(given, option)
    _refuse_misfit(model, head)
    weights = {}
    for key in ("W_enc", "W_dec", "b_dec", *_BIASES):
        if key in head.tensors.stored:
            told = f"{head.tensors.told}: “{key}”"
            values = read_numbers(head.tensors.path, told, head.tensors.entry(key))
            weights[key] = torch.from_numpy(values).to(model.device)
    return Autoencoder(head, weights)


def inputs(
    model: LoadedModel, autoencoder: Autoencoder, ids: torch.Tensor, hooks: Hooks = ()
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what it reads `[N, S, d_in]` and what it should give `[N, S, d_out]`, float32.

    `hooks` come before, and may change the run.
    """
    x = model.seen(ids, _name(autoencoder.head.reads), hooks)
    x = _rows(x, ids).float()
    return x, x


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
        change: From activations to other activations, before they are decoded; None: none.
        error: Whether what x̂ lacks of the untouched activations is added, so that without a change
            the logits are the model's own.
    """
    require_acting(
        model, [autoencoder.head.writes.layer], cast("Site", autoencoder.head.writes.site)
    )

    def put(x: torch.Tensor, hook: object) -> torch.Tensor:
        rows = _rows(x, ids).float()
        features = autoencoder.encode(rows)
        found = autoencoder.decode(features if change is None else change(features), rows)
        if error:
            found = found + (rows - autoencoder.decode(features, rows))
        return found.reshape(x.shape).to(x.dtype)

    return model.run(ids, [(_name(autoencoder.head.writes), put)])


def _name(hook: Hook) -> str:
    return site_hook(hook.layer, cast("Site", hook.site))


def _rows(x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return activations `[N, S, width]`, heads side by side, whatever axes their hook has."""
    return x.reshape(*ids.shape, -1)


def _refuse_misfit(model: LoadedModel, head: AutoencoderHead) -> None:
    told, layers = head.tensors.told, model.info.n_layers
    for hook in (head.reads, head.writes):
        if hook.layer >= layers:
            raise BadInputError(
                f"{told} is of layer {hook.layer}, and {model.info.name} has the layers 0 to "
                f"{layers - 1}: load its own model."
            )
        require_shown(model, [hook.layer], cast("Site", hook.site))
    if head.d_in != model.info.d_model and head.reads.site != "head_z":
        raise BadInputError(
            f"{told} reads {head.d_in:,} numbers, and {model.info.name} has {model.info.d_model:,} "
            f"at {head.reads.name}: load its own model."
        )
