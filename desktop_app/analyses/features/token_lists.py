"""Directions read as tokens: what a row of the decoder writes, what a column of the encoder reads.

A direction goes through the final norm's weights, and its mean away where that norm takes it away,
then through the unembedding. That is what `logit_readout` of TransformerLens makes of it, apart
from what does not belong to a direction: the norm's division by its size, and biases. So values are
logits per unit of activation, up to the scale that the final norm has at a place, and the opposite
direction gives the opposite list. Where that norm was replaced by one that does not divide by the
size of its input there is no such scale, and they are logits per unit of activation as they stand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F  # noqa: N812 - its usual name

from desktop_app.contract.result import Notice
from desktop_app.engine.weights import norm_gain, unembedding
from desktop_app.methods.readout import require_read
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder
    from desktop_app.support.autoencoder_kinds import Hook

Lists = dict[str, list[dict[str, Any]]]


def lists_of(
    model: LoadedModel, autoencoder: Autoencoder, feature: int, count: int
) -> tuple[dict[str, Lists | None], list[Notice]]:
    """Return the lists `write` and `read` of a feature; None where there can be none."""
    head = autoencoder.head
    directions = {
        "write": (autoencoder.W_dec[feature], head.writes),
        "read": (autoencoder.W_enc[:, feature], head.reads),
    }
    try:
        require_read(model)
        found = {
            name: tokens_along(model, in_stream(model, vector, place, head.head), count)
            for name, (vector, place) in directions.items()
        }
    except BadInputError as error:
        told = f"The directions of feature {feature} are not read as tokens. {error}"
        return dict.fromkeys(directions), [Notice("not_unembedded", told)]
    return {**found}, []


def in_stream(
    model: LoadedModel, vector: torch.Tensor, place: Hook, head: int | None
) -> torch.Tensor:
    """Return directions of a place as of the stream, `[..., d_model]`; z goes through W_O.

    Raises:
        BadInputError: The place is none whose numbers come into the stream.
    """
    vector = vector.float()
    if place.site == "head_z":
        rows = model.output_weights(place.layer)
        rows = rows.flatten(0, 1) if head is None else rows[head]
        vector = vector.to(rows) @ rows
    if vector.shape[-1] != model.info.d_model:
        raise BadInputError(
            f"{place.name} holds {vector.shape[-1]:,} numbers and the stream "
            f"{model.info.d_model:,}: choose an autoencoder of the stream."
        )
    return vector


def token_values(model: LoadedModel, directions: torch.Tensor) -> torch.Tensor:
    """Return what directions `[..., d_model]` write along each token, float32 `[..., V]`."""
    norm = getattr(model.bridge, "ln_final", None)
    directions = directions.to(model.device).float()
    if norm is not None:
        gain, _bias, centres = norm_gain(model, norm)
        if centres:
            directions = directions - directions.mean(-1, keepdim=True)
        directions = directions * gain
    return F.linear(directions, unembedding(model).T)


def tokens_along(model: LoadedModel, direction: torch.Tensor, count: int) -> Lists:
    """Return the tokens that a direction `[d_model]` raises and lowers most."""
    values = token_values(model, direction).cpu()
    falling = torch.argsort(values, descending=True, stable=True)[:count]
    rising = torch.argsort(values, stable=True)[:count]
    rows = {"top": falling.tolist(), "bottom": rising.tolist()}
    return {name: [_row(model, i, float(values[i])) for i in ids] for name, ids in rows.items()}


def _row(model: LoadedModel, token: int, value: float) -> dict[str, Any]:
    piece, text = model.tokenizer.describe(token)
    return {"id": token, "piece": piece, "text": text, "value": value}
