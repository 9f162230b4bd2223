"""Checkpoints that are pickles: what they hold, read without their numbers by the safe loader."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from desktop_app.engine.stored import Stored
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from desktop_app.engine.catalogue import Checkpoint

# The types that weights are quantised to, as safetensors spells them.
_NAMES = {
    **{getattr(torch, f"int{bits}"): f"I{bits}" for bits in (8, 16, 32, 64)},
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}


def described(checkpoint: Checkpoint, name: str) -> Checkpoint:
    """Return a checkpoint with the tensors that its pickles hold; any other as it is.

    Args:
        checkpoint: The model's files.
        name: What the user calls it.

    Raises:
        ModelLoadError: A pickle holds more than tensors, or is damaged.
    """
    if not checkpoint.pickled:
        return checkpoint
    tensors: dict[str, Stored] = {}
    for path in checkpoint.files:
        try:
            held = torch.load(path, map_location="meta", weights_only=True)
        except Exception as error:
            raise ModelLoadError(
                f"“{name}” cannot be loaded: {path.name} is damaged or holds more than weights, "
                "which is never run here; save the model as .safetensors."
            ) from error
        for key, value in held.items() if isinstance(held, dict) else ():
            if isinstance(value, torch.Tensor):
                kind = _NAMES.get(value.dtype, str(value.dtype).removeprefix("torch."))
                tensors[str(key)] = Stored(kind, tuple(value.shape))
    parameters = sum(stored.size for stored in tensors.values())
    return replace(checkpoint, tensors=tensors, parameters=parameters)
