"""The model dialog's tables as plain rows. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.window.frame.parts import human_bytes, human_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.requests import MemoryEstimate, ModelRow, ModelSpec


def model_rows(rows: Sequence[ModelRow]) -> list[tuple[str, str, str, str, str]]:
    """Return name, parameters, memory, source and state of each model."""
    return [
        (
            row.title if row.title == row.name else f"{row.title}  ·  {row.name}",
            human_count(row.parameters) if row.parameters else "–",
            human_bytes(row.bytes_needed["float32"]) if "float32" in row.bytes_needed else "–",
            row.source,
            "installed" if row.installed else "not installed",
        )
        for row in rows
    ]


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


def spec_problem(spec: ModelSpec) -> str | None:
    """Return why a choice cannot be loaded at all, or None."""
    return None if spec.model else "Choose a model first."
