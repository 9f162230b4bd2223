"""The tokens that every feature's row of the decoder raises most, some features at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.features.token_lists import in_stream, token_values
from desktop_app.contract.result import Notice
from desktop_app.engine.model import FastProducts
from desktop_app.methods import stopped
from desktop_app.methods.readout import require_read
from desktop_app.support.errors import BadInputError, Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder

MOST_BYTES = 64_000_000
"""Logits of some features."""
MOST_PRODUCTS = 2e12
"""Products of numbers that are worth it beside prompts, on a CPU about a minute's at most."""
_FASTER = 50  # other devices


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


def beside_prompts(
    model: LoadedModel, autoencoder: Autoencoder, count: int, report: Reporter
) -> tuple[dict[str, Any], list[Notice]]:
    """Return `write_top` and its words where there is no text, and what must be said of them.

    Nothing of it is there where the run is stopped meanwhile, or where it were too much work.

    Raises:
        Cancelled: Nobody wants what there is without it.
    """
    left_out = why_left_out(model, autoencoder, count)
    if left_out:
        return {}, [Notice("write_top_left_out", left_out)]
    try:
        found = write_top(model, autoencoder, count, report)
    except Cancelled:
        return {}, [*stopped.before("the tokens that each feature writes were listed", report)]
    if isinstance(found, Notice):
        return {}, [found]
    return {"write_top": found, **words_of(model, np.unique(found))}, []


def why_left_out(model: LoadedModel, autoencoder: Autoencoder, count: int) -> str:
    """Return why the tokens of all features are not listed beside prompts; empty: they are."""
    info, features = model.info, autoencoder.head.d_sae
    most = MOST_PRODUCTS * (1 if model.device.type == "cpu" else _FASTER)
    reason = ""
    if features * info.d_vocab * info.d_model > most:
        reason = (
            f"{features:,} features by {info.d_vocab:,} tokens are too much work beside prompts"
        )
    elif 4 * features * count > model.storage.limit_bytes // 2:
        reason = "they are more than may be stored"
    if not reason:
        return ""
    return (
        f"The tokens that each feature writes are not listed, and cannot be searched: {reason}. "
        "Choose a --feature for its own, or a --corpus, which lists those of all."
    )


def words_of(model: LoadedModel, ids: Iterable[int]) -> dict[str, Any]:
    """Return the words for ids, each of which is there once, as the fields of a result."""
    held = [int(i) for i in ids]
    told = [model.tokenizer.describe(i) for i in held]
    return {
        "token_ids": np.array(held, np.int64),
        "token_texts": [text for _piece, text in told],
        "token_pieces": [piece for piece, _text in told],
    }


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
