"""Layers that live on the disk: where each part of a model goes, and the folder that holds them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import torch

from desktop_app.engine.checkpoints.proportions import in_proportion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.requests import ModelSpec
    from desktop_app.engine.checkpoints.checkpoint import Checkpoint

PREFIX = "lensbench-offload-"


@contextmanager
def offload_folder(spec: ModelSpec) -> Iterator[str | None]:
    """Give a folder for offloaded layers where there are to be any; a failure leaves none."""
    if spec.offload == "none":
        yield None
        return
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def remove_orphans() -> None:
    """Remove the folders of offloaded layers whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def offload_options(
    spec: ModelSpec, checkpoint: Checkpoint, device: torch.device, folder: str | None
) -> dict[str, Any]:
    """Return what transformers must be told to keep layers in a folder; nothing without one."""
    if folder is None:
        return {}
    return {"device_map": _placement(spec, checkpoint, device), "offload_folder": folder}


def _placement(
    spec: ModelSpec, checkpoint: Checkpoint, device: torch.device
) -> str | dict[str, str]:
    """Return accelerate's device map: what fits stays, or every block goes to disk."""
    if spec.offload == "auto":
        return "auto"
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.from_pretrained(str(checkpoint.folder), trust_remote_code=False)
    with torch.device("meta"), in_proportion(checkpoint):
        empty = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    blocks = _block_list_name(empty)
    placed: dict[str, str] = {}
    for name, _module in empty.named_modules():
        if name.startswith(f"{blocks}.") and name.count(".") == blocks.count(".") + 1:
            placed[name] = "disk"
    # Tied weights have a place each: one of the two alone would be left out.
    parameters = empty.named_parameters(remove_duplicate=False)
    for name, _parameter in [*parameters, *empty.named_buffers()]:
        module = name.rpartition(".")[0]
        if not name.startswith(f"{blocks}."):
            placed[module] = str(device)
    return placed


def _block_list_name(model: Any) -> str:
    """Return the dotted name of the model's list of blocks: its longest ModuleList."""
    lists = [(len(m), n) for n, m in model.named_modules() if isinstance(m, torch.nn.ModuleList)]
    return str(max(lists)[1])
