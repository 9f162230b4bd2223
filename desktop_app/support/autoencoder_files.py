"""Sparse autoencoders and transcoders in the layout of SAELens: what their folder says.

A folder holds `cfg.json` and a `.safetensors` file. Settings of all versions are understood, as far
as they stand: what is not known is refused by name, since it would change activations. Nothing is
executed, and of the weights nothing is read here but their head.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.support.tensor_heads import TensorHead

Architecture = Literal["standard", "gated", "jumprelu", "topk"]
Scaling = Literal["none", "constant_norm_rescale", "layer_norm"]
OWN = "toy"
"""The name of the small one that comes with Lensbench."""


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
    facts: Mapping[str, str] = ()  # type: ignore[assignment]

    @property
    def is_transcoder(self) -> bool:
        """Whether it gives what stands at another place than the one that it reads."""
        return self.writes != self.reads


def folder_of(given: str) -> Path:
    """Return the folder that a setting names."""
    return Path(os.path.expanduser(given))


def read_autoencoder(given: str, option: str = "--sae") -> AutoencoderHead:
    """Return what a folder says of an autoencoder.

    Raises:
        BadInputError: It holds none, or one that this program cannot compute as it was trained.
    """
    raise NotImplementedError
