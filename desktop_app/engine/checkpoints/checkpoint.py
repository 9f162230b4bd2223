"""A model on disk, described without loading it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from desktop_app.engine.checkpoints.stored import Stored


@dataclass(frozen=True)
class Checkpoint:
    """A model on disk, described without loading it.

    Attributes:
        folder: Where it lies.
        gguf: The GGUF file's name, or None for a Hugging Face folder.
        files: The weight files, the very ones that will be read.
        parameters: How many numbers they hold; None where only a pickle could tell.
        pickled: Whether the weights are a pickle, which only the weights-only loader may read.
        config: What config.json says, or a GGUF file's metadata.
        tensors: The tensors that the files hold; empty for a pickle.
        outdated: Whether it is a pack, or the copy of one, that an earlier version converted.
    """

    folder: Path
    gguf: str | None
    files: tuple[Path, ...]
    parameters: int | None
    pickled: bool = False
    config: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    tensors: Mapping[str, Stored] = field(default_factory=dict, repr=False, compare=False)
    outdated: bool = False
