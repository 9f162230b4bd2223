"""What the numbers of a probe are, with the result's own values in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.charts import short
from desktop_app.analyses.probe.probed import Probed
from desktop_app.pictures.facts import Explained
from desktop_app.pictures.words import number, percent

if TYPE_CHECKING:
    from desktop_app.analyses.probe.probed import Cell
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("accuracy", "accuracy_control", "majority", "confusion", "direction", "gap")
_PAGE = "probe"


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return a number taken apart, behind the selected layer where one is selected."""
    tell = {
        "accuracy": _accuracy,
        "accuracy_control": _control,
        "majority": _majority,
        "confusion": _confusion,
        "direction": _direction,
        "gap": _gap,
    }.get(what)
    if tell is None:
        return None
    probed = Probed.of(result)
    return tell(probed, _cell(probed, place))


def _cell(probed: Probed, place: Place) -> Cell:
    """Return the selected probe; the best where none is selected."""
    row, position = probed.best
    if place.layer is not None and place.layer + 1 < probed.rows:
        row = place.layer + 1
        if probed.each_position:
            there = place.position is not None and place.position < probed.positions
            position = place.position if there and place.position is not None else position
    return row, position


def _accuracy(probed: Probed, cell: Cell) -> Explained:
    return Explained(
        "Held-out accuracy",
        "held-out prompts whose label the probe names ÷ held-out prompts",
        f"{probed.place(cell)}: {probed.right(cell)} / {probed.count} = "
        f"{percent(100 * float(probed.accuracy[cell]))}; 95 % interval "
        f"{probed.interval_words(cell)}",
        "That a label can be read off shows that the activation holds it, not that the model uses "
        "it. The best of many rows is partly the luckiest one.",
        _PAGE,
        "Held-out accuracy",
    )


def _control(probed: Probed, cell: Cell) -> Explained:
    control = probed.control[cell]
    return Explained(
        "Accuracy with shuffled labels",
        "the same fit to labels that went round among the prompts, the mean over shuffles",
        f"{probed.place(cell)}: {percent(100 * float(control.mean()))}, from "
        f"{percent(100 * float(control.min()))} to {percent(100 * float(control.max()))}",
        "What a probe of this size reaches where there is nothing to find.",
        _PAGE,
        "Controls",
    )


def _majority(probed: Probed, _cell: Cell) -> Explained:
    value = float(probed.shown.data["majority"])
    right = round(value * probed.count)
    return Explained(
        "Commonest label",
        "held-out accuracy of naming the label that is commonest among the fitted prompts",
        f"{right} / {probed.count} = {percent(100 * value)}",
        "A probe that reads nothing does this well.",
        _PAGE,
        "Controls",
    )


def _confusion(probed: Probed, cell: Cell) -> Explained:
    table = np.asarray(probed.table("confusion")[cell])
    right, whole = int(np.trace(table)), int(table.sum())
    return Explained(
        "Confusion",
        "held-out prompts by their label (rows) and what the probe says (columns)",
        f"{probed.place(cell)}: {right} of {whole} on the diagonal",
        "Off the diagonal stands which labels are taken for which.",
        _PAGE,
        "Held-out accuracy",
    )


def _direction(probed: Probed, cell: Cell) -> Explained:
    first, second = (short(name) for name in probed.labels[:2])
    return Explained(
        "Direction",
        "weights ÷ spread of each number, scaled to length 1",
        f"{probed.place(cell)}: from “{first}” to “{second}”",
        "The way along which the probe's score rises fastest. With more than two labels it is the "
        "second label's weights minus the first's.",
        _PAGE,
        "Direction",
    )


def _gap(probed: Probed, cell: Cell) -> Explained:
    first, second = (short(name) for name in probed.labels[:2])
    value = float(probed.table("gap")[cell])
    return Explained(
        "Gap along the direction",
        "mean of direction · activation over the second label's prompts minus that of the first's",
        f"{probed.place(cell)}: {number(value, 2)} from “{first}” to “{second}”",
        "A coefficient of that size takes a prompt of the first label as far as the second's mean.",
        _PAGE,
        "Direction",
    )
