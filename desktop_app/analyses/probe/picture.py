"""What the probe's view says, and its facts and tables, computed from a result without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.charts import short
from desktop_app.analyses.probe.places import row_labels, site_words
from desktop_app.analyses.probe.probed import Probed, percent_whole
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.words import number, percent, plural
from desktop_app.session.export_table import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.analyses.probe.probed import Cell
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.session.export_table import Table

_NAMED = 3


def headline(probed: Probed) -> str:
    """Say how well the best probe does, or that it may be chance."""
    if not np.isfinite(probed.accuracy).any():
        return "No probe: no activation is a number"
    place, others = probed.place(probed.best), probed.as_good - 1
    if others:
        place += f" and in {plural(others, 'other place')}"
    told = f"{probed.share(probed.best)} held out, {place}"
    return f"Best: {told}" if probed.is_told_apart else f"Not told apart for sure, at best {told}"


def sentence(probed: Probed) -> str:
    """Say how sure that is, and what chance does."""
    if not np.isfinite(probed.accuracy).any():
        return ""
    best = probed.best
    value = percent_whole(float(probed.accuracy[best]))
    control = percent_whole(float(probed.control[best].mean()))
    where = "anywhere" if probed.as_good == 1 else "in as many places"
    return " · ".join(
        [
            f"95 % interval {probed.interval_words(best)}",
            f"shuffled labels {control}, and {value} {where} in {probed.reached} of "
            f"{plural(probed.shuffles, 'shuffle')}",
            f"commonest label {percent_whole(float(probed.shown.data['majority']))}",
        ]
    )


def made_sentence(probed: Probed) -> str:
    """Say what was fitted on what."""
    fitted = len(probed.held_out) - probed.count
    names = [f"“{short(name)}”" for name in probed.labels[:_NAMED]]
    more = len(probed.labels) - len(names)
    told = ", ".join(names) + (f" and {more} more" if more else "")
    return (
        f"{site_words(probed.site).capitalize()} · labels {told} · fitted on "
        f"{plural(fitted, 'prompt')}, {probed.count:,} held out, the same share of each label"
    )


def cell_sentence(probed: Probed, cell: Cell) -> str:
    """Say of the chosen probe what a title has room for."""
    place = probed.place(cell)
    if not probed.known(cell):
        return f"{place[:1].upper()}{place[1:]}: no probe"
    return f"{place[:1].upper()}{place[1:]}: {probed.share(cell)}"


def direction_words(probed: Probed, cell: Cell) -> str:
    """Say what the direction of a probe is; empty where it has none."""
    direction = np.asarray(probed.table("direction")[cell], dtype=float)
    if not np.isfinite(direction).all():
        return ""
    gap = float(probed.table("gap")[cell])
    first, second = (short(name) for name in probed.labels[:2])
    return f"“{first}” → “{second}”, means {number(gap, 2)} apart"


def coefficient(probed: Probed, cell: Cell) -> float:
    """Return the gap as a coefficient to begin with, to three digits."""
    return float(f"{float(probed.table('gap')[cell]):.3g}")


# Facts, texts, tables.


def about(result: Result) -> str:
    """Return which labels were told apart, for the history."""
    names = Probed.of(result).labels
    if len(names) == 2:
        return " or ".join(short(name) for name in names)
    return plural(len(names), "label")


def cell_facts(result: Result, place: Place) -> list[Fact]:
    """Return how well the label is read behind the selected layer at the selected token."""
    probed = Probed.of(result)
    if place.layer is None or place.position is None or place.layer + 1 >= probed.rows:
        return []
    cell = (place.layer + 1, place.position if probed.each_position else 0)
    if not probed.each_position:
        read = np.asarray(result.data["read_position"])
        if place.prompt >= len(read) or int(read[place.prompt]) != place.position:
            return []
    if not probed.known(cell):
        return []
    control = percent_whole(float(probed.control[cell].mean()))
    tip = (
        f"Held-out accuracy {probed.place(cell)}; 95 % interval {probed.interval_words(cell)}, "
        f"shuffled labels {control}"
    )
    return [Fact("Probe", probed.share(cell), tip, "accuracy")]


_COLUMNS = ("accuracy", "low", "high", "control", "control_low", "control_high", "train", "gap")


def table(result: Result, _prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return the numbers of each probe."""
    probed = Probed.of(result)
    labels, each = row_labels(probed.rows), probed.each_position
    rows = []
    for row in range(probed.rows):
        for position in range(probed.positions):
            place = [labels[row], *([str(position)] if each else [])]
            rows.append([*place, *map(cell_text, _numbers(probed, (row, position)))])
    return ["layer", *(["position"] if each else []), *_COLUMNS], rows


def _numbers(probed: Probed, cell: Cell) -> list[float]:
    control = probed.control[cell]
    given = (float(probed.table(name)[cell]) for name in ("accuracy_train", "gap"))
    spread = (float(control.mean()), float(control.min()), float(control.max()))
    return [float(probed.accuracy[cell]), *probed.interval(cell), *spread, *given]


def lines(result: Result) -> Iterator[str]:
    """Yield the probes row by row, for a terminal; of every position the best row of each."""
    probed = Probed.of(result)
    yield headline(probed)
    yield sentence(probed)
    yield made_sentence(probed)
    each = probed.each_position
    head = "  position" if each else ""
    yield f"  {'layer':>6}{head}  held out  interval       shuffled"
    labels = row_labels(probed.rows)
    for cell in _told(probed):
        where = f"{cell[1]:>10}" if each else ""
        if not probed.known(cell):
            yield f"  {labels[cell[0]]:>6}{where}  no probe"
            continue
        held, control = float(probed.accuracy[cell]), float(probed.control[cell].mean())
        interval = probed.interval_words(cell)
        yield (
            f"  {labels[cell[0]]:>6}{where}  {percent(100 * held):>8}  {interval:<13}  "
            f"{percent(100 * control):>8}"
        )


def _told(probed: Probed) -> list[Cell]:
    """Return which cells a terminal lists: every row of one position, else each row's best."""
    if not probed.each_position:
        return [(row, 0) for row in range(probed.rows)]
    accuracy = np.where(np.isfinite(probed.accuracy), probed.accuracy, -1)
    return [(row, int(accuracy[row].argmax())) for row in range(probed.rows)]
