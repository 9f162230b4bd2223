"""Loaded models for tests: tiny random ones of many architectures, the toy, the pack. Read-only."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.engine.zoo import save_tiny

if TYPE_CHECKING:
    from desktop_app.engine.model import LoadedModel

_FOLDER = tempfile.TemporaryDirectory(prefix="lensbench-zoo-")


@cache
def tiny(architecture: str) -> LoadedModel:
    """Return a tiny random model of an architecture, loaded the way users' models are."""
    folder = save_tiny(architecture, Path(_FOLDER.name) / architecture)
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


@cache
def named(name: str) -> LoadedModel:
    """Return a catalogue model on the CPU."""
    return load(ModelSpec(name, device="cpu"), SilentReporter())


def plain_loop(
    model: LoadedModel, ids: list[int], layer: int, head: int, value: object
) -> torch.Tensor:
    """Return next-token logits with one head's z replaced: the loop of every notebook."""

    def hook_fn(z: torch.Tensor, hook: object) -> torch.Tensor:
        z = z.clone()
        z[0, :, head] = value
        return z

    with torch.no_grad():
        logits = model.bridge.run_with_hooks(
            torch.tensor([ids]), fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hook_fn)]
        )
    return logits[0, -1]


def plain_rows(
    model: LoadedModel, ids: list[int], layer: int, values: list[torch.Tensor]
) -> torch.Tensor:
    """Return next-token logits [H, V] of a layer: the plain loop, a row per replaced head."""

    def hook_fn(z: torch.Tensor, hook: object) -> torch.Tensor:
        z = z.clone()
        for head, value in enumerate(values):
            z[head, :, head] = value
        return z

    with torch.no_grad():
        logits = model.bridge.run_with_hooks(
            torch.tensor([ids] * len(values)), fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hook_fn)]
        )
    return logits[:, -1]


def plain_z(model: LoadedModel, ids: list[int]) -> list[torch.Tensor]:
    """Return z `[S, H, d]` of every layer, from TransformerLens' own cache."""
    with torch.no_grad():
        _logits, cache_ = model.bridge.run_with_cache(torch.tensor([ids]))
    return [cache_[f"blocks.{i}.attn.hook_z"][0].clone() for i in range(model.info.n_layers)]
