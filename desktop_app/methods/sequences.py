"""Sequences of random tokens twice over: a lead token, r, and r again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from desktop_app.contract.result import PromptRecord, TokenList
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import Params
    from desktop_app.engine.model import LoadedModel

# Documents begin with it in the training of models whose chat markers have taken the BOS's place.
_DOCUMENT_START = "<|endoftext|>"

# A vocabulary of fewer tokens has none that are rare.
_LARGE = 8000


@dataclass(frozen=True)
class Lead:
    """The token that stands first."""

    token_id: int
    piece: str


def lead_token(model: LoadedModel, params: Params, *, alone: bool = False) -> Lead:
    """Return the token that stands first: `first_token`, or the model's own.

    Unnamed it is the declared BOS, else the token that began documents in training
    (`<|endoftext|>`), else the EOS. Before a single token (`alone`) the latter comes first where
    the tokenizer itself puts none in front: a chat marker is followed by no lone word.

    Args:
        model: The model.
        params: With `first_token`.
        alone: Whether a single token follows and not a sequence.

    Raises:
        BadInputError: The token does not exist, or there is none to choose.
    """
    raw = model.tokenizer.raw
    piece: str = getattr(params, "first_token", "")
    if params.bos == "no" and not params.reads_prompts():
        raise BadInputError(
            "--bos no: the sequences begin with a token of their own; leave it out."
        )
    if piece:
        token_id = raw.convert_tokens_to_ids(piece)
        known = token_id is not None and raw.convert_ids_to_tokens(token_id) == piece
        if not known or token_id >= model.info.d_vocab:
            raise BadInputError(f"--first-token “{piece}” is no token of {model.info.name}.")
        return Lead(int(token_id), piece)
    document = raw.get_added_vocab().get(_DOCUMENT_START)
    declared = model.tokenizer.bos_id
    document_first = alone and not model.tokenizer.adds_bos
    choices = [document, declared] if document_first else [declared, document]
    for token_id in (*choices, raw.eos_token_id, raw.unk_token_id):
        if token_id is not None and token_id < model.info.d_vocab:
            return Lead(int(token_id), str(raw.convert_ids_to_tokens(token_id)))
    raise BadInputError(
        f"{model.info.name} has no token to begin a sequence with: name one with --first-token."
    )


def ordinary_tokens(model: LoadedModel, *, rare: bool = True) -> np.ndarray:
    """Return the ids of tokens that are neither special nor added, ascending.

    Args:
        model: The model.
        rare: Whether the later half of a large vocabulary belongs to them. Tokenizers number their
            tokens from the common to the rare, and of the rare ones a model has seen little.
    """
    raw = model.tokenizer.raw
    count = min(len(raw), model.info.d_vocab)
    pieces = raw.convert_ids_to_tokens(list(range(count)))
    left_out = {*raw.all_special_ids, *raw.get_added_vocab().values()}
    found = np.array([i for i, p in enumerate(pieces) if p is not None and i not in left_out])
    return found if rare or len(found) < _LARGE else found[: len(found) // 2]


def repeated_sequences(
    model: LoadedModel, batch: int, seq_len: int, seed: int, lead: Lead, *, rare: bool = False
) -> torch.Tensor:
    """Return token ids `[batch, 2·seq_len + 1]`: lead, r, r, with all tokens of r distinct.

    The first sequences of a seed are the same whatever the batch. With `rare` r is drawn from the
    whole vocabulary, else from its more common half.

    Raises:
        BadInputError: The model's context or its vocabulary is too small.
    """
    ordinary = ordinary_tokens(model, rare=rare)
    ordinary = ordinary[ordinary != lead.token_id]
    length = 2 * seq_len + 1
    if length > model.info.n_ctx:
        raise BadInputError(
            f"--seq-len {seq_len} makes sequences of {length:,} tokens and {model.info.name} reads "
            f"at most {model.info.n_ctx:,}: choose {(model.info.n_ctx - 1) // 2} or less."
        )
    if seq_len > len(ordinary):
        raise BadInputError(
            f"--seq-len {seq_len} needs as many distinct tokens and {model.info.name} has "
            f"{len(ordinary)}: choose less."
        )
    random = np.random.default_rng(seed)
    rows = np.empty((batch, length), dtype=np.int64)
    for row in rows:
        r = random.choice(ordinary, seq_len, replace=False)
        row[:] = [lead.token_id, *r, *r]
    return torch.from_numpy(rows)


def records(model: LoadedModel, ids: Sequence[Sequence[int]]) -> tuple[PromptRecord, ...]:
    """Return sequences as a result keeps them."""
    found = []
    for row in ids:
        described = [model.tokenizer.describe(int(i)) for i in row]
        pieces, texts = zip(*described, strict=True)
        tokens = TokenList(tuple(int(i) for i in row), pieces, texts)
        found.append(PromptRecord("".join(texts), tokens, len(row) - 1))
    return tuple(found)
