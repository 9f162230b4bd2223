"""Folders of small autoencoders, and a model in which a feature is a bag of words."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

_FOLDER = TemporaryDirectory(prefix="lensbench-features-")


def save_sae(folder: Path, tensors: dict[str, torch.Tensor], hook: str, **settings: object) -> str:
    """Write an autoencoder in SAELens' layout and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    d_in, d_sae = tensors["W_enc"].shape
    said = {"architecture": "standard", "d_in": d_in, "d_sae": d_sae, "hook_name": hook, **settings}
    (folder / "cfg.json").write_text(json.dumps(said), "utf-8")
    stored = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(stored, folder / "sae_weights.safetensors")
    return str(folder)


def drawn(d_in: int, d_sae: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return a standard autoencoder drawn at random, whose decoder rows have length 1."""
    draw = torch.Generator().manual_seed(seed)
    decoder = torch.nn.functional.normalize(torch.randn(d_sae, d_in, generator=draw), dim=-1)
    return {
        "W_enc": decoder.T + 0.1 * torch.randn(d_in, d_sae, generator=draw),
        "W_dec": decoder,
        "b_enc": 0.3 * torch.randn(d_sae, generator=draw),
        "b_dec": 0.1 * torch.randn(d_in, generator=draw),
    }


def identity(width: int) -> dict[str, torch.Tensor]:
    """Return an autoencoder that gives what it is given: each number, and its opposite."""
    one = torch.eye(width)
    return {
        "W_enc": torch.cat([one, -one], dim=1),
        "W_dec": torch.cat([one, -one]),
        "b_enc": torch.zeros(2 * width),
        "b_dec": torch.zeros(width),
    }


# --- a bag of words

LETTERS = ascii_uppercase
VOCABULARY = 2 + len(LETTERS)
_SINK = 1e6
"""How much more attention the BOS gets than any letter: weights of letters hardly share."""
_HALF = VOCABULARY + 1
_WIDTH = 2 * _HALF
_EPS, _WEIGHT = 1e12, 1e6


def weight_of(letter: str) -> float:
    """Return what a letter weighs in the bag."""
    return 0.25 * (1 + LETTERS.index(letter) % 7)


@cache
def bag() -> LoadedModel:
    """Return a model whose layer 0 adds up what the tokens so far weigh.

    GPT-2's layout with norms that change nothing: their eps is so large that they only centre, and
    every slot of the stream is held twice with opposite signs. All attention goes to the BOS but
    for a millionth to each letter, which is multiplied again on the way out.
    """
    folder = Path(_FOLDER.name) / "bag"
    _model().save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def _slot(number: int) -> torch.Tensor:
    row = torch.zeros(_WIDTH)
    row[number], row[_HALF + number] = 1.0, -1.0
    return row


def bag_sae() -> str:
    """Return an autoencoder of the bag model: feature 0 is the bag, feature 1 the letter C."""
    rows = torch.stack([_slot(VOCABULARY), _slot(2 + LETTERS.index("C"))])
    tensors = {
        "W_enc": rows.T / 2,
        "W_dec": rows,
        "b_enc": torch.zeros(2),
        "b_dec": torch.zeros(_WIDTH),
    }
    return save_sae(Path(_FOLDER.name) / "bag-sae", tensors, "blocks.1.hook_resid_pre")


@torch.no_grad()
def _model() -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=VOCABULARY, n_positions=32, n_embd=_WIDTH, n_layer=2, n_head=1, n_inner=1,
        layer_norm_epsilon=_EPS, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1,
        attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    model.config.architectures = ["GPT2LMHeadModel"]
    for name, parameter in model.named_parameters():
        parameter.fill_(_WEIGHT if ".ln_" in name and name.endswith("weight") else 0.0)
    body = model.transformer
    for token in range(VOCABULARY):
        body.wte.weight[token] = _slot(token)
        model.lm_head.weight[token] = _slot(token)
    attention = body.h[0].attn
    query, key, value = (slice(i * _WIDTH, (i + 1) * _WIDTH) for i in range(3))
    attention.c_attn.bias[query.start] = float(torch.tensor(_SINK).log()) * _WIDTH**0.5
    attention.c_attn.weight[:, key.start] = _slot(0) / 2
    for letter in LETTERS:
        row = _slot(2 + LETTERS.index(letter)) / 2
        attention.c_attn.weight[:, value.start] += weight_of(letter) * row
    attention.c_proj.weight[0] = _SINK * _slot(VOCABULARY)
    return model


def _tokenizer() -> PreTrainedTokenizerFast:
    names = ["<s>", "</s>", *LETTERS]
    tokenizer = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
