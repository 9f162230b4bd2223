"""Hugging Face folders that a test changes: tiny random models with one thing wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors.torch import load_file, save_file

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from tests.engine.zoo import save_tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from desktop_app.engine.model import LoadedModel


def load(model: object, **settings: Any) -> LoadedModel:
    """Load a model on the CPU, the way users' models are."""
    return loading.load(ModelSpec(str(model), device="cpu", **settings), SilentReporter())


def folder_of(path: Path, architecture: str = "llama") -> Path:
    """Return a folder with a tiny model."""
    return save_tiny(architecture, path / architecture)


def set_config(folder: Path, **settings: object) -> Path:
    """Change settings of a folder's config.json; None takes one away."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.update(settings)
    file.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    return folder


def change_weights(
    folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor] | None]
) -> Path:
    """Write a folder's weights anew as `change` leaves or returns them."""
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights = change(weights) or weights
    save_file({k: v.contiguous() for k, v in weights.items()}, file, metadata={"format": "pt"})
    return folder


def add_weights(folder: Path, **more: torch.Tensor) -> Path:
    """Add tensors to a folder's weights; `__` in their names stands for a dot."""
    return change_weights(
        folder, lambda w: {**w, **{k.replace("__", "."): v for k, v in more.items()}}
    )
