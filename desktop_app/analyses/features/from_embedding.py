"""How much of a feature the embedding tells: by a token alone, and by the best linear read.

Over prompts there are few tokens, and only what a token gives by itself is compared. Over a text a
ridge regression from the embedding matrix' rows is fitted as well: windows are dealt out by turns,
three of five to fit, one to choose how far it is held back, and one on which it is judged. Of a
long text at most 4,096 different tokens are read in both ways: those at which the feature is active
come first, then the others, of each the most frequent first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.features.readable import compared, verdict_of
from desktop_app.engine.weights import raw_embeddings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.features.of_feature import ChosenFeature
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import LoadedModel

FEWEST_TOKENS = 300
_FEWEST_WINDOWS = 5
_MOST_TYPES = 4_096
_TYPES_AT_ONCE = 512
_COPIES, _SQUARES = 4, 5  # float64 rows of the embedding, and products of them
_PLACE_BYTES = 64
_TOO_FEW = "the feature is active in too few windows"
_HELD_BACK = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True)
class Places:
    """A feature over a text.

    Attributes:
        ids: Token ids of the windows, what they begin with left out, `[window, S]`.
        activation: The feature there, `[window, S]`.
    """

    ids: np.ndarray
    activation: np.ndarray


def over_prompts(
    chosen: ChosenFeature, activation: list[np.ndarray], alone: list[np.ndarray]
) -> dict[str, Any]:
    """Return `from_embedding` of prompts; at a first position nothing is left out, so none counts.

    Args:
        chosen: The feature.
        activation: What it is in each prompt, `[S]`.
        alone: What it is at the same tokens by themselves.
    """
    context, without = (np.concatenate([a[1:] for a in part]) for part in (activation, alone))
    reason = f"needs a text of at least {FEWEST_TOKENS} tokens"
    told = compared(context, without)
    return {"over": "prompts", **_lead(chosen), **told, **_untold(reason)}


def over_places(
    model: LoadedModel, chosen: ChosenFeature, places: Places, report: Reporter
) -> dict[str, Any]:
    """Return `from_embedding` of a text.

    Raises:
        Cancelled: In between.
    """
    kinds, at, some = _kinds(places)
    activation = places.activation.reshape(-1)
    alone = np.full(len(kinds), np.nan, dtype=np.float32)
    for first in range(0, len(some), _TYPES_AT_ONCE):
        part = some[first : first + _TYPES_AT_ONCE]
        alone[part] = chosen.each_alone(kinds[part].tolist(), report)
    known = np.isfinite(alone[at])
    found = compared(activation[known], alone[at][known])
    linear = linear_read(model, places, report)
    return {
        "over": "text",
        **_lead(chosen),
        **found,
        **_loudest(model, kinds[some], alone[some]),
        **linear,
        "verdict": verdict_of(found["kept"], found["r2"], linear["linear_r2"]),
    }


def _kinds(places: Places) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different tokens, which of them stands at each place, and which are to be read.

    The last are few enough to be read by themselves, and their rows to be held.
    """
    kinds, at, counts = np.unique(places.ids, return_inverse=True, return_counts=True)
    at = at.reshape(-1)
    active = np.bincount(at, weights=places.activation.reshape(-1) > 0) > 0
    return kinds, at, np.lexsort((-counts, ~active))[:_MOST_TYPES]


def bytes_needed(model: LoadedModel, tokens: int) -> int:
    """Return about how many bytes a text of so many tokens takes here at its peak."""
    width = model.info.d_model
    rows = min(_MOST_TYPES, tokens, model.info.d_vocab)
    return 8 * (_COPIES * rows * width + _SQUARES * width * width) + _PLACE_BYTES * tokens


def _lead(chosen: ChosenFeature) -> dict[str, Any]:
    lead = chosen.lead
    return {"lead": lead.piece if lead else "", "lead_id": lead.token_id if lead else -1}


def _loudest(model: LoadedModel, kinds: np.ndarray, alone: np.ndarray) -> dict[str, Any]:
    """Return the token that by itself makes the feature largest; None: none makes it active."""
    if not np.nanmax(alone) > 0:
        return {"loudest_alone": None}
    token = int(kinds[int(np.nanargmax(alone))])
    piece, text = model.tokenizer.describe(token)
    return {"loudest_alone": {"id": token, "piece": piece, "text": text}}


def places_of(data: Mapping[str, Any], feature: int, lead: int) -> Places | None:
    """Return a feature over the text of a result; None where its activations were not kept.

    Args:
        data: The fields over a text.
        feature: Which feature.
        lead: With how many tokens each window begins that are none of the text.
    """
    if data.get("entries_of", "none") == "none":
        return None
    ids, starts = np.asarray(data["ids"]), np.asarray(data["feature_start"])
    at = feature if len(starts) > 2 else 0
    entries = slice(int(starts[at]), int(starts[at + 1]))
    activation = np.zeros(ids.size, dtype=np.float32)
    activation[np.asarray(data["entry_place"])[entries]] = np.asarray(data["entry_value"])[entries]
    return Places(ids[:, lead:], activation.reshape(ids.shape)[:, lead:])


def linear_read(model: LoadedModel, places: Places, report: Reporter) -> dict[str, Any]:
    """Return how much of the variance of a feature the best linear read of the embedding tells.

    Args:
        model: The model.
        places: The feature over the text.
        report: Asked in between whether it is cancelled.

    Returns:
        `linear_r2`: 1 − Σ(f − f̂)² / Σ(f − mean)² over held-out windows, negative where it tells
        less than the mean does; `linear_tokens` of these; None with `linear_reason`, in words,
        where it cannot be told.
    """
    turn = np.arange(len(places.ids)) % 5
    tested = places.activation[turn == 4]
    reason = ""
    if places.ids.size < FEWEST_TOKENS or len(places.ids) < _FEWEST_WINDOWS:
        reason = f"needs a text of at least {FEWEST_TOKENS} tokens and {_FEWEST_WINDOWS} windows"
    elif not (places.activation[turn < 3] > 0).any() or not np.ptp(tested) > 0:
        reason = _TOO_FEW
    if reason:
        return _untold(reason)
    kinds, at, some = _kinds(places)
    rows = raw_embeddings(model, torch.from_numpy(kinds[some].astype(np.int64)))
    numbers = np.full(len(kinds), -1)
    numbers[some] = np.arange(len(some))
    at = numbers[at].reshape(places.ids.shape)
    parts = [_known(at[turn == n], places.activation[turn == n]) for n in range(5)]
    if len(set(parts[4][1].tolist())) < 2:  # those that vary are of tokens that are left out
        return _untold(_TOO_FEW)
    fitted = tuple(np.concatenate(columns) for columns in zip(*parts[:3], strict=True))
    report.check()
    reads = _ridges(rows.cpu().double().numpy(), (fitted[0], fitted[1]), report)
    best = min(reads, key=lambda read: _missed(read, parts[3]))
    token, value = parts[4]
    whole = float(np.square(value - value.mean(dtype=np.float64)).sum(dtype=np.float64))
    told = 1 - _missed(best, (token, value)) / whole
    return {"linear_r2": told, "linear_tokens": len(token), "linear_reason": ""}


def _untold(reason: str) -> dict[str, Any]:
    return {"linear_r2": None, "linear_tokens": 0, "linear_reason": reason}


def _known(token: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the token of each place and the feature there, where the token is one to read."""
    return token[token >= 0], value[token >= 0]


def _missed(read: np.ndarray, part: tuple[np.ndarray, np.ndarray]) -> float:
    token, value = part
    return float(np.square(value - read[token]).sum())


def _ridges(
    rows: np.ndarray, part: tuple[np.ndarray, np.ndarray], report: Reporter
) -> list[np.ndarray]:
    """Return what linear reads say of each kind of token, `[kinds]`, held back ever further.

    Args:
        rows: Of the embedding matrix, float64 `[kinds, d]`.
        part: Which kind each token is of, and the feature there.
        report: Asked in between whether it is cancelled.
    """
    token, value = part
    counts = np.bincount(token, minlength=len(rows)).astype(np.float64)
    sums = np.bincount(token, weights=value, minlength=len(rows))
    mean, level = counts @ rows / counts.sum(), float(sums.sum() / counts.sum())
    centred = rows
    centred -= mean  # in place: rows may be many
    square = centred.T @ (centred * counts[:, None])
    toward = centred.T @ (sums - level * counts)
    report.check()
    sizes, axes = np.linalg.eigh(square)
    report.check()
    scale = float(sizes.mean()) or 1.0
    turned, along = centred @ axes, axes.T @ toward
    return [turned @ (along / (sizes.clip(0) + held * scale)) + level for held in _HELD_BACK]
