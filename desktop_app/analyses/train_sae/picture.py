"""What is told of a training, and its curves, computed from a result without Qt."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.curves import Curves, Key, Line, Mark, Scale
from desktop_app.pictures.words import number, percent, plural
from desktop_app.support.autoencoder_folder import folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from desktop_app.contract.result import Result

MOST_POINTS = 1_000
"""Of more steps, the means of as many that follow one another are drawn."""
_NAME = 60


def place_of(result: Result) -> Path:
    """Return where the autoencoder lies: as it was named, or among those of Lensbench."""
    named_one = str(result.params.get("out_sae") or "")
    if named_one:
        return Path(os.path.expanduser(named_one))
    return folder() / str(result.data["file"])


def share(value: float) -> str:
    """Return a share in percent; a dash where there is none."""
    return percent(100 * value) if np.isfinite(value) else "–"


def few(value: float) -> str:
    """Return how many features a token has, on average."""
    return number(value, 1)


def sentence(result: Result) -> str:
    """Say how well it reconstructs, and with how many features."""
    data = result.data
    return (
        f"{share(float(data['variance_explained']))} of the variance explained with "
        f"{few(float(data['l0_end']))} of {int(data['d_sae']):,} features a token"
    )


def details(result: Result) -> str:
    """Say where it reads, what it was trained and measured on, and what of it is dead."""
    data = result.data
    steps = plural(len(np.asarray(data["loss"])), "step")
    return (
        f"{data['hook']} · {steps} on {plural(int(data['tokens_trained']), 'token')} of "
        f"{data['corpus']}, measured on {int(data['tokens_held_out']):,} others · "
        f"{share(float(data['dead_end']))} of the features dead"
    )


def so_far(data: Mapping[str, Any], steps: int) -> str:
    """Say how far a training has come."""
    done = len(np.asarray(data["loss"]))
    if not done:
        return ""
    loss, l0, dead = (float(np.asarray(data[name])[-1]) for name in ("loss", "l0", "dead"))
    of = f" of {steps:,}" if steps else ""
    return (
        f"Step {done:,}{of} · loss {number(loss)} · {few(l0)} features a token · {share(dead)} dead"
    )


def loss_curve(data: Mapping[str, Any]) -> Curves:
    """Return the loss over steps, logarithmic: it falls by orders of magnitude."""
    x, y = binned(data["loss"])
    return _curve("loss", x, y, Scale("loss, log scale", log=bool((y > 0).any())))


def l0_curve(data: Mapping[str, Any]) -> Curves:
    """Return active features per token over steps, logarithmic: they begin as half of all."""
    x, y = binned(data["l0"])
    curves = _curve("features a token", x, y, Scale("features a token", log=bool((y > 0).any())))
    end = float(data.get("l0_end", np.nan))
    if not end > 0:
        return curves
    # Told above the plot: the curve ends where the line is, and would run through the words.
    legend = (Key("each step"), Key(f"at the end, held out: {few(end)}", "text_muted", "dashed"))
    return replace(curves, marks=(Mark(end),), legend=legend)


def dead_curve(data: Mapping[str, Any]) -> Curves:
    """Return the share of dead features over steps."""
    x, y = binned(data["dead"])
    return _curve("dead", x, 100 * y, Scale("dead features, %", limits=(-4.0, 104.0)))


def binned(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return steps, counted from 1, and values, of which at most `MOST_POINTS` are drawn.

    Of more steps each point is the mean of as many that follow one another, at their middle.
    """
    found = np.asarray(values, dtype=float)
    size = -(-len(found) // MOST_POINTS)
    if size <= 1:
        return np.arange(1.0, len(found) + 1), found
    starts = np.arange(0, len(found), size)
    ends = np.minimum(starts + size, len(found))
    means = np.add.reduceat(found, starts) / (ends - starts)
    return (starts + 1 + ends) / 2, means


def _curve(name: str, x: np.ndarray, y: np.ndarray, up: Scale) -> Curves:
    def tip(at: int) -> str:
        return f"Step {x[at]:,.0f}\n{name} {number(float(y[at]), 4)}"

    return Curves((Line(name, y),), Scale("step", whole=True), up, x=x, tip=tip)


def about(result: Result) -> str:
    """Return what it was trained on, for the history."""
    return str(result.data["corpus"])[:_NAME]


def named(result: Result) -> str:
    """Return where it reads and how many features it has, for the name of a result."""
    return f"{str(result.data['hook'])[:_NAME]}, {int(result.data['d_sae']):,} features"


def lines(result: Result) -> Iterator[str]:
    """Yield what was trained, how good it is, and where it lies."""
    data = result.data
    yield sentence(result)
    yield details(result)
    yield f"written to {place_of(result)}"
    loss, l0, dead = (np.asarray(data[name], dtype=float) for name in ("loss", "l0", "dead"))
    if len(loss):
        yield f"  {'step':>9} {'loss':>10} {'L0':>8} {'dead':>7}"
        for at in np.unique(np.linspace(0, len(loss) - 1, min(8, len(loss))).astype(int)):
            told = (number(float(loss[at])), few(float(l0[at])), share(float(dead[at])))
            yield f"  {at + 1:>9,} {told[0]:>10} {told[1]:>8} {told[2]:>7}"
