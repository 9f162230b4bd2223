"""T-IND: an induction circuit set by hand, whose every number is known in closed form.

GPT-2's layout without its MLPs (one unit apart) and without its norms: their eps is so large that
they only centre, and every slot of the stream is held twice with opposite signs, so that there is
nothing to centre. Slots: [token | position | previous token | output].

- L0H0 attends to the position before (gain BETA) and writes its token to the slot `previous`.
- L1H0 asks with its token for the key whose previous token is the same (gain BETA), and writes the
  token it finds there to the output, which the unembedding reads with gain GAIN.
- L1's MLP has one unit: at position BUMP_AT it adds BUMP to the output slot of token BUMPED.
- As `successor` L1H0 writes the token after the one that it finds instead.
- L0H1 and L1H1 are zero: their attention is uniform.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from string import ascii_uppercase, digits
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

VOCABULARY = 48
SEQ_LEN = 20
POSITIONS = 2 * SEQ_LEN + 1
BETA, GAIN = 50.0, 6.0
BUMP_AT, BUMP, BUMPED = SEQ_LEN + 4, 0.8, 1  # token 1 is special and in no sequence

_TOKEN, _POSITION = 0, VOCABULARY
_PREVIOUS, _OUTPUT = VOCABULARY + POSITIONS, 2 * VOCABULARY + POSITIONS
_HALF = 3 * VOCABULARY + POSITIONS
_WIDTH, _HEAD = 2 * _HALF, _HALF
_EPS, _WEIGHT = 1e12, 1e6

_FOLDER = TemporaryDirectory(prefix="lensbench-tind-")


@cache
def tind(*, successor: bool = False) -> LoadedModel:
    """Return the model, loaded the way users' models are."""
    folder = Path(_FOLDER.name) / str(successor)
    _model(successor=successor).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def _write(slots: int, count: int) -> torch.Tensor:
    """Return rows `[count, width]` that write to slots, both signs."""
    rows = torch.zeros(count, _WIDTH)
    index = torch.arange(count)
    rows[index, slots + index] = 1.0
    rows[index, _HALF + slots + index] = -1.0
    return rows


def _read(slots: int, count: int) -> torch.Tensor:
    """Return columns `[width, count]` that read slots, both signs."""
    return _write(slots, count).T / 2


@torch.no_grad()
def _model(*, successor: bool) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=POSITIONS, n_embd=_WIDTH, n_layer=2, n_head=2, n_inner=1,
        layer_norm_epsilon=_EPS, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    model.config.architectures = ["GPT2LMHeadModel"]
    for name, parameter in model.named_parameters():
        parameter.fill_(_WEIGHT if ".ln_" in name and name.endswith("weight") else 0.0)
    body, sharp = model.transformer, (BETA * _HEAD**0.5) ** 0.5
    body.wte.weight.copy_(_write(_TOKEN, VOCABULARY))
    body.wpe.weight.copy_(_write(_POSITION, POSITIONS))
    model.lm_head.weight.copy_(GAIN * _read(_OUTPUT, VOCABULARY).T)
    early, late = body.h[0].attn, body.h[1].attn
    query, key, value = (early.c_attn.weight[:, i * _WIDTH :] for i in range(3))
    query[:, : POSITIONS - 1] = sharp * _read(_POSITION + 1, POSITIONS - 1)
    key[:, : POSITIONS - 1] = sharp * _read(_POSITION, POSITIONS - 1)
    value[:, :VOCABULARY] = _read(_TOKEN, VOCABULARY)
    early.c_proj.weight[:VOCABULARY] = _write(_PREVIOUS, VOCABULARY)
    query, key, value = (late.c_attn.weight[:, i * _WIDTH :] for i in range(3))
    query[:, :VOCABULARY] = sharp * _read(_TOKEN, VOCABULARY)
    key[:, :VOCABULARY] = sharp * _read(_PREVIOUS, VOCABULARY)
    value[:, :VOCABULARY] = _read(_TOKEN, VOCABULARY)
    late.c_proj.weight[:VOCABULARY] = _write(_OUTPUT, VOCABULARY)
    if successor:
        late.c_proj.weight[: VOCABULARY - 1] = _write(_OUTPUT + 1, VOCABULARY - 1)
    mlp = body.h[1].mlp
    loud = 10.0  # GELU of it is itself, and GELU of 0 is 0
    mlp.c_fc.weight[:, 0] = loud * _read(_POSITION + BUMP_AT, 1)[:, 0]
    mlp.c_proj.weight[0] = BUMP / loud * _write(_OUTPUT + BUMPED, 1)[0]
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    names = ["<s>", "</s>", *ascii_uppercase, *digits]
    names += [f"w{i}" for i in range(len(names), VOCABULARY)]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
