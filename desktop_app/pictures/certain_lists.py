"""Intervals and q as columns of a list, and marks of the cells that may be chance finds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_app.pictures.certainty import INTERVAL_TIP, Q_TIP, interval_text, q_text, sentence
from desktop_app.pictures.ranking import Column, Ranking

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.pictures.certainty import Cells
    from desktop_app.pictures.sweep import SweepPicture


def with_columns(ranking: Ranking, cells: Sequence[Cells], level: float | None = None) -> Ranking:
    """Return a ranking with interval and q beside the others; rows above the level step back."""
    if not cells or not ranking.rows:
        return ranking
    columns = list(ranking.columns)
    for one in cells:
        short = f" {one.name}" if one.name else ""
        begin = f"{one.key} " if one.key else ""
        columns += [
            Column(
                f"{begin}q",
                "number",
                f"q{short}",
                q_text,
                priority=2,
                muted=True,
                tooltip=Q_TIP,
            ),
            Column(
                f"{begin}interval",
                "mono",
                f"95 %{short}",
                align="right",
                priority=3,
                muted=True,
                tooltip=INTERVAL_TIP,
            ),
        ]
    rows = []
    for row in ranking.rows:
        found = [(one.q(row.key), one.interval(row.key)) for one in cells]
        texts = [interval_text(e, one.digits) for one, (_q, e) in zip(cells, found, strict=True)]
        values = [v for (q, _ends), text in zip(found, texts, strict=True) for v in (q, text)]
        qs = [q for q, _ends in found]
        faint = level is not None and all(one.done for one in cells) and not min_of(qs) <= level
        words = sentence(cells, row.key)
        tooltip = f"{row.tooltip}\n{words}" if row.tooltip and words else row.tooltip
        rows.append(
            replace(row, values=(*row.values, *values), tooltip=tooltip, faint=row.faint or faint)
        )
    return Ranking(tuple(columns), tuple(rows))


def min_of(values: Sequence[float]) -> float:
    """Return the least of those that are known, NaN where none is."""
    known = [value for value in values if not math.isnan(value)]
    return min(known) if known else math.nan


def with_evidence(
    picture: SweepPicture,
    maps: Sequence[Cells],
    listed: Sequence[Cells],
    level: float | None,
) -> SweepPicture:
    """Return a picture with interval and q in its lists; cells above the level step back."""
    if not maps:
        return picture
    ranking = with_columns(picture.ranking, listed, level)
    bars = picture.bars and with_columns(picture.bars, listed, level)
    drawn = picture.maps
    if level is not None:
        drawn = tuple(
            replace(shown, faint=one.faint(level)) for shown, one in zip(drawn, maps, strict=True)
        )
    return replace(picture, maps=drawn, bars=bars, ranking=ranking)
