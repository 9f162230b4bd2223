"""Checkpoints that are pickles: what they hold, read without their numbers by the safe loader."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from desktop_app.engine.checkpoints.stored import Stored
from desktop_app.support.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from desktop_app.engine.checkpoints.checkpoint import Checkpoint

# A pickle is a program, some hundred steps for a tensor; a machine does a million in a few seconds.
_MOST_STEPS = 1_000_000
# Tensors may share their numbers: an unembedding those of the embedding.
_SHARED = 4

# The types that weights are quantised to, as safetensors spells them.
_NAMES = {
    **{getattr(torch, f"int{bits}"): f"I{bits}" for bits in (8, 16, 32, 64)},
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}


def described(checkpoint: Checkpoint, name: str, check: Callable[[], None]) -> Checkpoint:
    """Return a checkpoint with the tensors that its pickles hold; any other as it is.

    Args:
        checkpoint: The model's files.
        name: What the user calls it.
        check: Called many times while a pickle is read; raises where the user asked to stop.

    Raises:
        ModelLoadError: A pickle holds more than tensors, more than it is long, or is damaged.
    """
    if not checkpoint.pickled:
        return checkpoint
    tensors: dict[str, Stored] = {}
    for path in checkpoint.files:
        try:
            held = _read(path, check)
        except Exception as error:
            raise ModelLoadError(
                f"“{name}” cannot be loaded: {path.name} is damaged or holds more than weights, "
                "which is never run here; save the model as .safetensors."
            ) from error
        weights = held if isinstance(held, dict) else {}
        own = {str(k): v for k, v in weights.items() if isinstance(v, torch.Tensor)}
        if not own:
            within = next((f" under “{str(k)[:40]}”" for k, v in weights.items() if v), "")
            raise ModelLoadError(
                f"“{name}” cannot be loaded: {path.name} does not hold weights by their names but "
                f"something else{within}, as training scripts save it; save the model as "
                ".safetensors."
            )
        left = _SHARED * path.stat().st_size
        for key, value in own.items():
            left -= value.numel() * value.element_size()
            if left < 0:
                raise ModelLoadError(
                    f"“{name}” cannot be loaded: the tensors in {path.name} are larger than the "
                    f"file (“{key[:80]}”); save the model as .safetensors."
                )
            kind = _NAMES.get(value.dtype, str(value.dtype).removeprefix("torch."))
            tensors[key] = Stored(kind, tuple(value.shape))
    parameters = sum(stored.size for stored in tensors.values())
    return replace(checkpoint, tensors=tensors, parameters=parameters)


def _read(path: Path, check: Callable[[], None]) -> Any:
    """Return what a pickle holds, without its numbers."""
    with ExitStack() as opened:
        source: Any = path
        if not zipfile.is_zipfile(path):
            source = _Steps(opened.enter_context(path.open("rb")), check)
        return torch.load(source, map_location="meta", weights_only=True)


class _Steps:
    """An old pickle's file, of which only so many pieces can be read."""

    def __init__(self, file: BinaryIO, check: Callable[[], None]) -> None:
        self._file = file
        self._check = check
        self._left = _MOST_STEPS

    def read(self, size: int = -1) -> bytes:
        self._count()
        return self._file.read(size)

    def readline(self) -> bytes:
        self._count()
        return self._file.readline()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _count(self) -> None:
        self._check()
        self._left -= 1
        if self._left < 0:
            raise ValueError("it has too many steps")
