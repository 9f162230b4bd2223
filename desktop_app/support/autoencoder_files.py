"""Sparse autoencoders and transcoders in the layout of SAELens: what their folder says.

A folder holds `cfg.json` and a `.safetensors` file. Settings of all versions are understood, as far
as they stand: what is not known is refused by name, since it would change activations. Nothing is
executed, and of the weights nothing is read here but their head.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from desktop_app.support import paths
from desktop_app.support.autoencoder_settings import (
    HOOK,
    SETTINGS,
    SITES,
    Settings,
    read_settings,
    weights_file,
)
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.support.tensor_heads import TensorHead

Architecture = Literal["standard", "gated", "jumprelu", "topk"]
Scaling = Literal["none", "constant_norm_rescale", "layer_norm"]
OWN = "toy"
"""The name of the small one that comes with Lensbench."""
_ENCODER, _DECODER = "W_enc", "W_dec"
_BIASES: Mapping[Architecture, tuple[str, ...]] = {
    "standard": ("b_enc",),
    "topk": ("b_enc",),
    "jumprelu": ("b_enc", "threshold"),
    "gated": ("b_gate", "b_mag", "r_mag"),
}
_FACTS: Mapping[str, str] = {
    "model": "model_name",
    "fingerprint": "fingerprint",
    "weights": "weights",
    "layernorm": "layernorm",
    "data": "dataset_path",
    "context": "context_size",
    "bos": "prepend_bos",
    "tokens": "training_tokens",
    "version": "sae_lens_version",
    "created": "created",
}


@dataclass(frozen=True)
class Hook:
    """A place in a model.

    Attributes:
        name: As TransformerLens names it.
        layer: Its layer.
        site: Its site, as settings name it; `mlp_in` is what the MLP reads behind its norm.
    """

    name: str
    layer: int
    site: str


@dataclass(frozen=True)
class AutoencoderHead:
    """What a folder says of an autoencoder.

    Attributes:
        folder: Where it lies.
        tensors: The head of its weights.
        architecture: How features are chosen; one trained as batchtopk is saved as jumprelu.
        reads: Where it reads.
        writes: Where a transcoder writes; what it reads, otherwise.
        d_in: Width of what it reads.
        d_sae: Features.
        d_out: Width of what it gives.
        head: The one head of `attn.hook_z` that it reads; None: all, side by side.
        b_dec_first: Whether b_dec is taken from the input before it is encoded.
        scaling: What is done to the input before, and undone behind.
        k: Features that a topk one keeps; 0: it is none.
        rescaled: Whether a topk one chooses by activation times the norm of the decoder row.
        skip: Whether a transcoder adds a linear map of its input.
        facts: The same and further settings, in words: `model`, `data`, `context` …
    """

    folder: Path
    tensors: TensorHead
    architecture: Architecture
    reads: Hook
    writes: Hook
    d_in: int
    d_sae: int
    d_out: int
    head: int | None = None
    b_dec_first: bool = True
    scaling: Scaling = "none"
    k: int = 0
    rescaled: bool = False
    skip: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_transcoder(self) -> bool:
        """Whether it gives what stands at another place than the one that it reads."""
        return self.writes != self.reads


def folder_of(given: str) -> Path:
    """Return the folder that a setting names."""
    return paths.resource("saes", OWN) if given == OWN else Path(os.path.expanduser(given))


def read_autoencoder(given: str, option: str = "--sae") -> AutoencoderHead:
    """Return what a folder says of an autoencoder.

    Raises:
        BadInputError: It holds none, or one that this program cannot compute as it was trained.
    """
    told = f"{option} “{given}”"
    folder = folder_of(given)
    if not folder.is_dir():
        raise BadInputError(f"{told}: there is no such folder; check the name.")
    settings = read_settings(folder, told)
    tensors = read_tensors(weights_file(folder, told), told)
    architecture = _architecture(settings)
    d_in, d_sae, d_out = _sizes(settings, tensors, architecture)
    hook = _hook(settings)
    k = _k(settings, d_sae) if architecture == "topk" else 0
    facts = {name: settings.text(said) for name, said in _FACTS.items()}
    return AutoencoderHead(
        folder=folder,
        tensors=tensors,
        architecture=architecture,
        reads=hook,
        writes=hook,
        d_in=d_in,
        d_sae=d_sae,
        d_out=d_out,
        b_dec_first=settings.yes("apply_b_dec_to_input", usual=True),
        scaling=_scaling(settings),
        k=k,
        rescaled=settings.yes("rescale_acts_by_decoder_norm", usual=False),
        facts={name: value for name, value in facts.items() if value},
    )


def _architecture(settings: Settings) -> Architecture:
    named = settings.text("architecture") or "standard"
    activation = settings.text("activation_fn") or "relu"
    if named == "standard" and activation == "topk":
        named = "topk"
    for known in get_args(Architecture):
        if known == named:
            return known  # type: ignore[no-any-return]
    raise BadInputError(
        f"{settings.told} is of the architecture “{named[:40]}”, which is not read: "
        f"{', '.join(get_args(Architecture))} are."
    )


def _k(settings: Settings, d_sae: int) -> int:
    found = settings.count("k")
    if found is None:
        nested = settings.value("activation_fn_kwargs")
        found = Settings(settings.told, nested if isinstance(nested, dict) else {}).count("k")
    if not found or found > d_sae:
        raise BadInputError(f"{settings.told}: {SETTINGS} gives no k from 1 to {d_sae:,}.")
    return found


def _scaling(settings: Settings) -> Scaling:
    named = settings.value("normalize_activations")
    named = "none" if named is None or named is False else named
    for known in get_args(Scaling):
        if known == named:
            return known  # type: ignore[no-any-return]
    raise BadInputError(
        f"{settings.told} scales its input by “{str(named)[:40]}”, which is not read: save it with "
        "the scaling folded into its weights."
    )


def _hook(settings: Settings) -> Hook:
    named = settings.text("hook_name")
    match = HOOK.match(named)
    if match is None or match["name"] not in SITES:
        raise BadInputError(
            f"{settings.told} reads at “{named[:80]}”, which is not one of the places that are "
            f"read: {', '.join(SITES)} of a block."
        )
    return Hook(named, int(match["layer"]), SITES[match["name"]])


def _sizes(
    settings: Settings, tensors: TensorHead, architecture: Architecture
) -> tuple[int, int, int]:
    for key in (_ENCODER, _DECODER, "b_dec", *_BIASES[architecture]):
        if key not in tensors.stored:
            raise BadInputError(
                f"{settings.told}: {tensors.path.name} holds no “{key}”, which a {architecture} "
                "autoencoder has: fetch it again."
            )
    shape = tensors.entry(_ENCODER).shape
    if len(shape) != 2:
        raise BadInputError(f"{settings.told}: “{_ENCODER}” has no two axes.")
    d_in, d_sae = shape
    d_out = tensors.entry(_DECODER).shape[-1]
    expected = {
        _DECODER: (d_sae, d_out),
        "b_dec": (d_out,),
        **dict.fromkeys(_BIASES[architecture], (d_sae,)),
    }
    said = {"d_in": d_in, "d_sae": d_sae}
    for name, size in said.items():
        if settings.count(name) not in (None, size):
            raise BadInputError(
                f"{settings.told}: {SETTINGS} says {name} {settings.count(name):,} and "
                f"“{_ENCODER}” is {list(shape)}: they belong to different autoencoders."
            )
    for key, wanted in expected.items():
        if tensors.entry(key).shape != wanted:
            raise BadInputError(
                f"{settings.told}: “{key}” is {list(tensors.entry(key).shape)} and would have to "
                f"be {list(wanted)}: fetch it again."
            )
    return d_in, d_sae, d_out
