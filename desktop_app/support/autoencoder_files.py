"""Sparse autoencoders and transcoders in the layout of SAELens: what their folder says.

A folder holds `cfg.json` and a `.safetensors` file. Settings of all versions are understood, as far
as they stand: what is not known is refused by name, since it would change activations. Nothing is
executed, and of the weights nothing is read here but their head.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from desktop_app.support import autoencoder_folder, paths
from desktop_app.support.autoencoder_kinds import (
    Architecture,
    Hook,
    Kind,
    Scaling,
    head_of,
    hooks_of,
    kept,
    kind_of,
    scaling_of,
)
from desktop_app.support.autoencoder_settings import SETTINGS, one_line, read_settings, weights_file
from desktop_app.support.errors import BadInputError
from desktop_app.support.tensor_heads import read_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.support.autoencoder_settings import Settings
    from desktop_app.support.tensor_heads import TensorHead

OWN = "toy"
"""The name of the small one that comes with Lensbench."""
FINETUNED = ("scaling_factor", "finetuning_scaling_factor")
"""Names of the factors of activations that a finetuning has left."""
THRESHOLDS = ("threshold", "log_threshold", "topk_threshold")
"""Names of what a pre-activation must exceed: itself, its logarithm, or one for all features."""
_BIASES: Mapping[Architecture, tuple[str, ...]] = {
    "standard": ("b_enc",),
    "topk": ("b_enc",),
    "jumprelu": ("b_enc",),
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
    "special_left_out": "exclude_special_tokens",
    "tokens": "training_tokens",
    "l1": "l1_coefficient",
    "variance_explained": "variance_explained",
    "l0": "l0",
    "dead": "dead",
    "error_term": "use_error_term",
    "trained_as": "training_architecture",
    "version": "sae_lens_version",
    "created": "created",
}


@dataclass(frozen=True)
class AutoencoderHead:
    """What a folder says of an autoencoder.

    Attributes:
        folder: Where it lies.
        tensors: The head of its weights.
        keys: The tensors of which it is made.
        architecture: How features are chosen; one trained as batchtopk is saved as jumprelu.
        reads: Where it reads.
        writes: Where a transcoder writes; what it reads, otherwise.
        d_in: Width of what it reads.
        d_sae: Features.
        d_out: Width of what it gives.
        head: The one head of `attn.hook_z` that it reads; None: all, side by side.
        b_dec_first: Whether b_dec is taken from the input before it is encoded.
        scaling: What is done to the input before, and undone behind.
        factor: By which all inputs are scaled; the weights are given it when they are read.
        k: Features that a topk one keeps; 0: it is none.
        rescaled: Whether it chooses by activation times the norm of the decoder row; the weights
            are given these norms when they are read.
        skip: Whether a transcoder adds a linear map of its input.
        finetuned: Whether activations are given factors before they are decoded, which a
            finetuning has left; the weights are given them when they are read.
        facts: Further settings, in words: `model`, `data`, `context` …
    """

    folder: Path
    tensors: TensorHead
    architecture: Architecture
    reads: Hook
    writes: Hook
    d_in: int
    d_sae: int
    d_out: int
    keys: tuple[str, ...] = ()
    head: int | None = None
    b_dec_first: bool = True
    scaling: Scaling = "none"
    factor: float = 1.0
    k: int = 0
    rescaled: bool = False
    skip: bool = False
    finetuned: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """The option and the folder, as sentences have them."""
        return self.tensors.told

    @property
    def is_transcoder(self) -> bool:
        """Whether it gives what stands at another place than the one that it reads."""
        return self.writes != self.reads

    @property
    def activation(self) -> str:
        """How an activation is made of what the encoder gives, in words."""
        return {
            "standard": "ReLU",
            "gated": "gated ReLU",
            "jumprelu": "JumpReLU (a threshold for each feature)",
            "topk": f"ReLU of the {self.k:,} largest of each token",
        }[self.architecture]


def folder_of(given: str) -> Path:
    """Return the folder that a setting names: a path, or the name of one that was trained here."""
    if given == OWN:
        return paths.resource("saes", OWN)
    path, own = Path(os.path.expanduser(given)), autoencoder_folder.folder() / given
    is_name = given == path.name != ".."
    return own if is_name and not os.path.lexists(path) and os.path.isdir(own) else path


def read_autoencoder(given: str, option: str = "--sae") -> AutoencoderHead:
    """Return what a folder says of an autoencoder.

    Raises:
        BadInputError: It holds none, or one that this program cannot compute as it was trained.
    """
    shown = given.encode("utf-8", "replace").decode().replace("\0", "?")
    told = f"{option} “{shown}”"
    if not given.strip():
        raise BadInputError(
            f"{option} names no folder: give one that holds {SETTINGS} and a .safetensors file, as "
            f"SAELens writes them, or {OWN} for the small one that comes with Lensbench."
        )
    folder = folder_of(given)
    if not os.path.isdir(folder):
        _refuse_no_folder(folder, told)
    _refuse_many(folder, told)
    settings = read_settings(folder, told)
    kind = kind_of(settings)
    reads, writes = hooks_of(settings, kind)
    scaling, factor = scaling_of(settings, folder)
    tensors = read_tensors(weights_file(folder, told), told)
    keys = _keys(settings, tensors, kind)
    d_in, d_sae, d_out = _sizes(settings, tensors, kind, keys)
    facts = {name: settings.described.text(said) for name, said in _FACTS.items()}
    return AutoencoderHead(
        folder=folder,
        tensors=tensors,
        architecture=kind.architecture,
        reads=reads,
        writes=writes,
        d_in=d_in,
        d_sae=d_sae,
        d_out=d_out,
        keys=keys,
        head=head_of(settings, reads),
        b_dec_first=not kind.transcoder and settings.yes("apply_b_dec_to_input", usual=True),
        scaling=scaling,
        factor=factor,
        k=kept(settings, d_sae) if kind.architecture == "topk" else 0,
        rescaled=(kind.batch or kind.architecture == "topk")
        and settings.yes("rescale_acts_by_decoder_norm", usual=False),
        skip=kind.skip,
        finetuned=settings.yes("finetuning_scaling_factor", usual=False),
        facts={
            **{name: value for name, value in facts.items() if value},
            **_processing(settings),
        },
    )


def _refuse_no_folder(folder: Path, told: str) -> None:
    if not os.path.exists(folder):
        raise BadInputError(f"{told}: there is no such folder; check the name.")
    raise BadInputError(
        f"{told} is no folder: name the one that holds {SETTINGS} and a .safetensors file, as "
        "SAELens writes them."
    )


def _refuse_many(folder: Path, told: str) -> None:
    """Refuse a folder of folders: collections have one autoencoder in each."""
    if os.path.lexists(folder / SETTINGS):
        return
    with contextlib.suppress(OSError):
        names = sorted(one.name for one in folder.iterdir() if (one / SETTINGS).is_file())
        if names:
            others = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            raise BadInputError(
                f"{told} holds no {SETTINGS}, and its folder “{one_line(names[0], 80)}”{others} "
                f"{'do' if others else 'does'}: name one of these."
            )


def _processing(settings: Settings) -> dict[str, str]:
    """Return what was done to the model's weights before it was trained, where it is said."""
    given = settings.described.value("model_from_pretrained_kwargs")
    given = given if isinstance(given, dict) else {}
    done = [name for name in ("fold_ln", "center_writing_weights") if given.get(name) is True]
    return {"processed": ", ".join(done)} if done else {}


def _keys(settings: Settings, tensors: TensorHead, kind: Kind) -> tuple[str, ...]:
    """Return the tensors of which it is made, all of them there."""
    stored, told = tensors.stored, f"{settings.told}: {tensors.path.name}"
    needed = ["W_enc", "W_dec", "b_dec", *_BIASES[kind.architecture]]
    needed += ["W_skip"] if kind.skip else []
    for key in needed:
        if key not in stored:
            raise BadInputError(
                f"{told} holds no “{key}”, which a {kind.architecture} autoencoder has: fetch it "
                "again, or correct the architecture in its settings."
            )
    if kind.architecture == "jumprelu":
        threshold = next((key for key in THRESHOLDS if key in stored), None)
        if threshold is None:
            raise BadInputError(
                f"{told} holds no “threshold”, above which features are active: save it with "
                "SAELens' save_inference_model, which makes a jumprelu of a batchtopk one."
            )
        needed.append(threshold)
    return (*needed, *(key for key in FINETUNED if key in stored))


def _sizes(
    settings: Settings, tensors: TensorHead, kind: Kind, keys: tuple[str, ...]
) -> tuple[int, int, int]:
    """Return the widths of input, features and output, which all tensors agree on."""
    axes = {key: tensors.entry(key).shape for key in keys}
    for key in ("W_enc", "W_dec"):
        if len(axes[key]) != 2 or not all(axes[key]):
            raise BadInputError(
                f"{settings.told}: “{key}” has the shape {list(axes[key])}, and it has two axes, "
                "[input, feature] or [feature, output]: convert it."
            )
    (d_in, d_sae), d_out = axes["W_enc"], axes["W_dec"][1]
    wanted: dict[str, tuple[int, ...]] = {
        **dict.fromkeys(keys, (d_sae,)),
        "W_enc": (d_in, d_sae),
        "W_dec": (d_sae, d_out if kind.transcoder else d_in),
        "b_dec": (d_out,),
        "W_skip": (d_out, d_in),
        "topk_threshold": (),
    }
    for name, size in (("d_in", d_in), ("d_sae", d_sae), ("d_out", d_out)):
        said = settings.count(name) if kind.transcoder or name != "d_out" else None
        if said not in (None, size):
            raise BadInputError(
                f"{settings.told}: {SETTINGS} says {name} {said:,}, and its weights have "
                f"{size:,}: they belong to different autoencoders; fetch both again."
            )
    for key, shape in axes.items():
        if shape != wanted[key]:
            raise BadInputError(
                f"{settings.told}: “{key}” is {list(shape)}, and beside a “W_enc” of "
                f"{[d_in, d_sae]} it would be {list(wanted[key])}: fetch it again."
            )
    return d_in, d_sae, d_out
