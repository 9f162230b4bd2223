"""The probe's pictures: accuracy over rows, the map of positions, confusion, prompts. No Qt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.probe.places import FIRST, axis_words, row_labels
from desktop_app.analyses.probe.probed import percent_whole, wilson
from desktop_app.pictures.curves import Curves, Key, Line, Mark, Scale
from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import clipped, percent, plural, shorten

if TYPE_CHECKING:
    from desktop_app.analyses.probe.probed import Cell, Probed

_LABEL = 24
_TEXT = 80
_MOST_DOTS = 128
HELD_OUT, SHUFFLED, HIGHEST = "held out", "shuffled labels", "highest shuffle"


def curves(probed: Probed, position: int) -> Curves:
    """Return held-out accuracy over rows, beside that with shuffled labels and the majority.

    The band is the 95 % interval; of the shuffles stand the mean and the highest.
    """
    accuracy, control = probed.accuracy[:, position], probed.control[:, position]
    ends = np.array([wilson(value * probed.count, probed.count) for value in accuracy])
    majority = float(probed.shown.data["majority"])
    dots = len(accuracy) <= _MOST_DOTS
    lines = (
        Line(HELD_OUT, accuracy, ends[:, 0], ends[:, 1], dots=dots),
        Line(SHUFFLED, control.mean(-1), tone="warn"),
        Line(HIGHEST, control.max(-1), tone="warn", thin=True, dashed=True),
    )
    legend = (
        Key(f"{HELD_OUT}, 95 % interval"),
        Key(SHUFFLED, "warn"),
        Key(HIGHEST, "warn", "dashed"),
        Key("commonest label", "text_muted", "dashed"),
    )
    return Curves(
        lines,
        Scale(axis_words(probed.site), whole=True, named=((-1.0, FIRST),)),
        Scale("accuracy", limits=(-0.04, 1.04)),
        x=np.arange(-1.0, len(accuracy) - 1),
        tip=lambda row: cell_tip(probed, (row, position)),
        marks=(Mark(majority, percent_whole(majority)),),
        legend=legend,
    )


def cell_tip(probed: Probed, cell: Cell) -> str:
    """Return what the pointer says of one probe."""
    place = probed.place(cell)
    head = place[:1].upper() + place[1:]
    if not probed.known(cell):
        return f"{head}\nno probe"
    control = probed.control[cell]
    train = float(probed.table("accuracy_train")[cell])
    return "\n".join(
        [
            head,
            f"held out {probed.share(cell)}, 95 % interval {probed.interval_words(cell)}",
            f"shuffled labels {percent(100 * float(control.mean()))} "
            f"({percent_whole(float(control.min()))} to {percent_whole(float(control.max()))} in "
            f"{plural(len(control), 'shuffle')})",
            f"always the commonest label {percent(100 * float(probed.shown.data['majority']))}",
            f"on the prompts it was fitted on {percent(100 * train)}",
        ]
    )


def accuracy_map(probed: Probed, which: str) -> Matrix:
    """Return held-out accuracy row by position, or that with shuffled labels."""
    values = probed.accuracy if which == HELD_OUT else probed.control.mean(-1)
    return Matrix(
        values,
        Axis("Layer", row_labels(probed.rows), tokens=False),
        Axis("Position", [_column(probed, n) for n in range(probed.positions)], tokens=True),
        name=f"accuracy, {which}",
        diverging=False,
        scale=(0.0, 1.0),
        value_format="{:.2f}",
        exact_format="{:.3f}",
        tip=lambda row, column: cell_tip(probed, (row, column)),
    )


def _column(probed: Probed, position: int) -> str:
    """Name a position: by its token where all prompts share it, else by its number."""
    texts = {
        prompt.tokens.texts[position]
        for prompt in probed.shown.prompts
        if position < len(prompt.tokens.texts)
    }
    return display_text(texts.pop()) if len(texts) == 1 else str(position)


def confusion(probed: Probed, cell: Cell) -> Matrix:
    """Return held-out prompts by their label and by what a probe says."""
    table = np.asarray(probed.table("confusion")[cell], dtype=float)
    names = [short(name) for name in probed.labels]
    return Matrix(
        table,
        Axis("Label", names, tokens=True),
        Axis("Probe says", names, tokens=True),
        name="held-out prompts",
        diverging=False,
        scale=(0.0, max(1.0, float(table.sum(1).max()))),
        value_format="{:,.0f}",
        tip=partial(_confusion_tip, probed.labels, table),
    )


def _confusion_tip(labels: tuple[str, ...], table: np.ndarray, row: int, column: int) -> str:
    own, said = (short(labels[n], 60) for n in (row, column))
    count, whole = int(table[row, column]), int(table[row].sum())
    verb = "is" if count == 1 else "are"
    return f"“{own}”: {count} of {plural(whole, 'held-out prompt')} {verb} said to be “{said}”"


def short(name: str, most: int = _LABEL) -> str:
    """Return a label as it is shown: its spaces drawn, cut where it is long."""
    return clipped(display_text(name), most)


def prompts(probed: Probed, cell: Cell) -> Ranking:
    """Return the held-out prompts with their labels and what a probe says, the wrong ones first."""
    said = np.asarray(probed.table("predicted")[cell])
    own = np.asarray(probed.shown.data["label_of"])
    held = np.flatnonzero(probed.held_out)
    order = sorted(held.tolist(), key=lambda n: (bool(said[n] == own[n]), n))
    columns = (
        Column("prompt", "number", title="", width=36, muted=True, tooltip="Its number"),
        Column("text", "text", title="Held-out prompt", width="stretch", least=90),
        Column("label", "text", title="Label", width=84),
        Column("says", "mark", title="Probe says", width=88),
    )
    return Ranking(columns, tuple(_prompt_row(probed, n, int(own[n]), int(said[n])) for n in order))


def _prompt_row(probed: Probed, number: int, own: int, said: int) -> Row:
    texts = [prompt.text for prompt in probed.shown.prompts]
    text = texts[number] if number < len(texts) else ""
    names = probed.labels
    told = short(names[said]) if 0 <= said < len(names) else ""
    values = (number + 1, clipped(" ".join(text.split()), _TEXT), short(names[own]), told)
    tip = f"{number + 1} · {shorten(display_text(text), _TEXT)}\n{short(names[own])}, said {told}"
    return Row(number, values, tip, emphasis="good" if said == own else "bad")
