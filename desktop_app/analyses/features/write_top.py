"""The tokens that every feature's row of the decoder raises most, some features at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.analyses.features.token_lists import in_stream, token_values
from desktop_app.contract.result import Notice
from desktop_app.engine.model import FastProducts
from desktop_app.methods.readout import require_read
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder

MOST_BYTES = 64_000_000
"""Logits of some features."""


def write_top(
    model: LoadedModel, autoencoder: Autoencoder, count: int, report: Reporter
) -> np.ndarray | Notice:
    """Return the ids `[feature, rank]` int32 that each row raises most, the most raised first.

    They are those of the list `write` of each feature; of equal ones the lower id comes first.

    Returns:
        The ids; or the warning that these rows cannot be read as tokens.
    """
    head, found = autoencoder.head, []
    at_once = max(1, MOST_BYTES // (4 * model.info.d_vocab))
    try:
        require_read(model)
        for begin in range(0, head.d_sae, at_once):
            report.step(begin / head.d_sae, f"tokens that feature {begin:,} and others write")
            rows = autoencoder.W_dec[begin : begin + at_once]
            with torch.no_grad(), FastProducts():
                values = token_values(model, in_stream(model, rows, head.writes, head.head))
                found.append(_first(values, count))
    except BadInputError as error:
        told = f"What features write is not read as tokens. {error}"
        return Notice("not_unembedded", told)
    return np.concatenate(found)


def bytes_needed(model: LoadedModel, autoencoder: Autoencoder) -> int:
    """Return about how many bytes it takes at its peak."""
    tokens, width = model.info.d_vocab, model.info.d_model
    table = 0 if model.info.dtype == "float32" else 4 * tokens * width  # in float32, to multiply
    return 3 * min(MOST_BYTES, 4 * autoencoder.head.d_sae * tokens) + table


def _first(values: torch.Tensor, count: int) -> np.ndarray:
    """Return the ids `[rows, count]` of the largest values `[rows, V]`."""
    best = values.topk(count, dim=-1).indices.sort(dim=-1).values
    order = values.gather(-1, best).argsort(dim=-1, descending=True, stable=True)
    return best.gather(-1, order).to(torch.int32).cpu().numpy()
