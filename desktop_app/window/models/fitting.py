"""What fits into this machine's memory, and why not: rows of models, and one of them in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from desktop_app.contract.requests import DeviceMemory, MemoryEstimate
from desktop_app.pictures.ranking import Column, Row
from desktop_app.pictures.words import plural
from desktop_app.support.sizes import human_bytes
from desktop_app.window.frame.parts import elided_folder, human_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.requests import ModelRow

# Exact before half the size; bfloat16 before float16, whose numbers overflow.
DTYPES = ("float32", "bfloat16", "float16")
_SOURCES = {"catalogue": "installed", "hub cache": "on this disk", "recent": "opened before"}


def _count(value: object) -> str:
    return human_count(value) if isinstance(value, int) and value else "–"


def _bytes(value: object) -> str:
    return human_bytes(value) if isinstance(value, int) and value else "–"


COLUMNS = (
    Column("Model", width="stretch", least=150),
    Column("Parameters", "number", format=_count, width=96),
    Column("float32", "number", format=_bytes, width=82, tooltip="Memory for the weights"),
    Column(
        "bfloat16",
        "number",
        format=_bytes,
        width=82,
        priority=2,
        tooltip="Memory for the weights in half precision; float16 takes as much",
    ),
    Column("Fits here", width=166, tooltip="Whether it fits into the memory that is free now"),
    Column("State", width=110, priority=1),
)


def this_machine() -> tuple[DeviceMemory, ...]:
    """Return the memory of the machine alone: what is known before anybody has asked for GPUs."""
    memory = psutil.virtual_memory()
    return (DeviceMemory("cpu", "CPU", int(memory.total), int(memory.available)),)


def fit_of(
    needed: Mapping[str, int], devices: Sequence[DeviceMemory]
) -> tuple[DeviceMemory, str] | None:
    """Return where and in which number format a model fits best, or None: exact before half."""
    for dtype in DTYPES:
        for device in devices:
            if dtype in needed and needed[dtype] <= device.free:
                return device, dtype
    return None


def ordered(rows: Sequence[ModelRow], devices: Sequence[DeviceMemory]) -> list[ModelRow]:
    """Return models as they are suggested: what is here, then what fits, by size."""

    def rank(row: ModelRow) -> tuple[bool, bool, bool, int]:
        fits = not row.bytes_needed or fit_of(row.bytes_needed, devices) is not None
        is_lost = row.source == "recent" and not row.installed
        return not row.installed, is_lost, not fits, row.parameters or 0

    return sorted(rows, key=rank)


def table_rows(rows: Sequence[ModelRow], devices: Sequence[DeviceMemory]) -> list[Row]:
    """Return the rows of the table, in that order; each says under the pointer why."""
    return [
        Row(
            row.name,
            (
                _title(row),
                row.parameters or 0,
                row.bytes_needed.get("float32", 0),
                row.bytes_needed.get("bfloat16", 0),
                fit_words(row.bytes_needed, devices),
                state(row),
            ),
            tooltip=tooltip(row, devices),
        )
        for row in ordered(rows, devices)
    ]


def _title(row: ModelRow) -> str:
    if row.source == "recent":
        return f"{row.title}  ·  {elided_folder(row.name)}"
    if row.title == row.name:
        return row.title
    return f"{row.title}  ·  {row.name}"


def state(row: ModelRow) -> str:
    """Say where a model is."""
    if row.installed:
        return _SOURCES.get(row.source, row.source)
    if row.source == "recent":
        return "not usable"
    return "suggested" if row.source == "suggested" else "to be fetched"


def fit_words(needed: Mapping[str, int], devices: Sequence[DeviceMemory]) -> str:
    """Say in few words where a model fits, or by how much it does not."""
    if not needed:
        return "–"
    fit = fit_of(needed, devices)
    if fit is not None:
        device, dtype = fit
        where = f" on {device.device}" if len(devices) > 1 else ""
        return f"✓ {dtype}{where}"
    return f"✗ {human_bytes(_least_short(needed, devices))} short"


def _least_short(needed: Mapping[str, int], devices: Sequence[DeviceMemory]) -> int:
    return min(needed.values()) - max(device.free for device in devices)


def tooltip(row: ModelRow, devices: Sequence[DeviceMemory]) -> str:
    """Say all of a row, and why it does not fit where it does not."""
    lines = [row.name]
    if row.parameters:
        lines.append(plural(row.parameters, "parameter"))
    if row.bytes_needed:
        lines.append(fit_sentence(row.bytes_needed, devices, "auto", "auto"))
    return "\n".join([*lines, *([row.note] if row.note else [])])


def _place(devices: Sequence[DeviceMemory], chosen: str) -> DeviceMemory:
    """Return the device of that name, of that kind, or the one that `auto` takes."""
    kind = chosen.partition(":")[0]
    named = [d for d in devices if d.device == chosen]
    alike = [d for d in devices if d.device.partition(":")[0] == kind]
    return next(iter((*named, *alike, *devices)))


def fit_sentence(
    needed: Mapping[str, int], devices: Sequence[DeviceMemory], device: str, dtype: str
) -> str:
    """Say whether a model fits as it was chosen; if not, why, and what would fit."""
    place = _place(devices, device)
    fits_exactly = needed.get("float32", 0) <= place.free
    chosen = dtype if dtype in needed else "float32" if fits_exactly else "bfloat16"
    need = needed.get(chosen, 0)
    where = f"{place.device}" if place.device != "cpu" else "this machine"
    if need <= place.free:
        return (
            f"✓ Fits as {chosen}: it needs {human_bytes(need)}, and {where} has "
            f"{human_bytes(place.free)} free."
        )
    told = (
        f"✗ Does not fit as {chosen}: it needs {human_bytes(need)}, and {where} has "
        f"{human_bytes(place.free)} free of {human_bytes(place.total)}."
    )
    fit = fit_of(needed, devices)
    if fit is None:
        return f"{told} Choose a smaller model, or close other programs."
    on = f" on {fit[0].device}" if fit[0] is not place else ""
    return f"{told} As {fit[1]}{on} it needs {human_bytes(needed[fit[1]])} and fits."


def fit_rows(estimate: MemoryEstimate) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows: per number format what it needs, and whether each device has it."""
    headings = ["dtype", "Needs"]
    headings += [f"{d.device}: {human_bytes(d.free)} free" for d in estimate.devices]
    rows = []
    for dtype, needed in estimate.bytes_needed.items():
        row = [dtype, human_bytes(needed)]
        for device in estimate.devices:
            fits = estimate.fits.get(device.device, {}).get(dtype, False)
            row.append("✓ fits" if fits else f"✗ {human_bytes(needed - device.free)} short")
        rows.append(row)
    return headings, rows


def estimate_of(row: ModelRow, devices: tuple[DeviceMemory, ...]) -> MemoryEstimate:
    """Return what a model needs that is not here yet: its size is known all the same."""
    needed = row.bytes_needed
    fits = {d.device: {t: need <= d.free for t, need in needed.items()} for d in devices}
    return MemoryEstimate(row.parameters or 0, needed, devices, fits, "")
