"""Devices and number formats: what `auto` means here, and what there is."""

from __future__ import annotations

import platform

import psutil
import torch

from desktop_app.contract.requests import DeviceMemory, ModelSpec
from desktop_app.engine.memory import bytes_needed, free_bytes
from desktop_app.support.errors import BadInputError

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu`, `cuda`, `cuda:N` or `mps` names.

    Raises:
        BadInputError: There is none of that name on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise BadInputError(
            f"--device {name} is unknown: choose auto, cpu, cuda, cuda:N or mps."
        ) from None
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise BadInputError(
            f"--device {name} does not exist, since this machine shows {count} CUDA GPUs: choose "
            "auto or cpu."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise BadInputError("--device mps needs an Apple GPU: choose auto or cpu.")
    return device


def choose_dtype(spec: ModelSpec, device: torch.device, parameters: int | None) -> torch.dtype:
    """Return the dtype: exact float32 where `auto` can afford it, else bfloat16."""
    if spec.dtype != "auto":
        return _DTYPES[spec.dtype]
    if parameters is None or spec.offload != "none":
        return torch.float32
    fits = bytes_needed(parameters)["float32"] <= free_bytes(device)
    return torch.float32 if fits else torch.bfloat16


def dtype_name(dtype: torch.dtype) -> str:
    """Return a dtype's name without its module, such as `float32`."""
    return str(dtype).removeprefix("torch.")


def list_devices() -> tuple[DeviceMemory, ...]:
    """Return the machine's devices with their memory, the one that `auto` takes first."""
    rows = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        rows.append(DeviceMemory(f"cuda:{index}", name, int(total), int(free)))
    memory = psutil.virtual_memory()
    if torch.backends.mps.is_available():
        rows.append(DeviceMemory("mps", "Apple GPU", int(memory.total), int(memory.available)))
    name = platform.processor() or platform.machine() or "CPU"
    rows.append(DeviceMemory("cpu", f"CPU ({name})", int(memory.total), int(memory.available)))
    return tuple(rows)
