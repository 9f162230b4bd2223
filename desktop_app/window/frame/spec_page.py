"""The help page of an analysis that brings none: what its spec says. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.spec import Analysis


def spec_page(analysis: Analysis) -> str:
    """Return summary, settings and fields of an analysis as Markdown."""
    settings = [
        (field.title or name, f"{field.description or ''} Default: {field.get_default()}.".strip())
        for name, field in analysis.params.own_fields().items()
    ]
    fields = [
        (field.name, " × ".join(field.axes) or "one value", field.unit or "–", field.meaning)
        for field in analysis.fields
    ]
    return "\n".join(
        (
            f"# {analysis.title}",
            f"\n{analysis.summary}",
            *_table("Settings", ("Setting", "What it does"), settings),
            *_table("What a result holds", ("Field", "Axes", "Unit", "What it is"), fields),
        )
    )


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    if not lines:
        return []
    ruled = [list(heads), ["---"] * len(heads), *lines]
    return [f"\n## {title}\n", *(f"| {' | '.join(line)} |" for line in ruled)]
