"""Next tokens as rows of a table, for every analysis that lists predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel


def token_row(
    model: LoadedModel, logits: torch.Tensor, logprobs: torch.Tensor, token: int
) -> dict[str, Any]:
    """Return a token with its logit, log-probability and probability."""
    piece, text = model.tokenizer.describe(token)
    logprob = float(logprobs[token])
    return {
        "id": token,
        "piece": piece,
        "text": text,
        "logit": float(logits[token]),
        "logprob": logprob,
        "prob": float(np.exp(logprob)),
    }


def top_rows(model: LoadedModel, logits: torch.Tensor, count: int) -> list[dict[str, Any]]:
    """Return the most likely tokens; ties go to the smaller id."""
    logprobs = logits.log_softmax(-1)
    order = torch.argsort(logits, descending=True, stable=True)[:count].tolist()
    return [token_row(model, logits, logprobs, token) for token in order]
