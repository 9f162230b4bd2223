"""Faithfulness by size, and estimates against exact effects, as plots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from desktop_app.analyses.edges.picture import METHODS, edge_sentence
from desktop_app.pictures.curves import Curves, Line, Mark, Scale, Scatter, thinned
from desktop_app.pictures.graph import strongest
from desktop_app.pictures.graph_nodes import edge_words
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import number, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.edges.known import Known

_TONES = ("accent", "mark", "good", "warn", "text_muted")
_NAMED, _MOST, _MISSES = 6, 20_000, 100
_TRIED, _APART, _LARGE = 200, 0.12, 0.2


def ranking_title(name: str) -> str:
    """Return what the circuits of a curve are ranked by, as it is shown."""
    if name == "exact":
        return "exact effects"
    return ", ".join(
        " ".join(METHODS.get(word, word) for word in part.split(" ")) for part in name.split(", ")
    )


class ByRanking(NamedTuple):
    """Circuits by size, chosen by one ranking.

    Attributes:
        name: The ranking; empty where a result has one alone.
        line: Faithfulness by size.
        cpr: The area under it.
        cmd: The area between it and 1.
    """

    name: str
    line: np.ndarray
    cpr: float
    cmd: float


def rankings(data: Mapping[str, Any]) -> list[ByRanking]:
    """Return the curve and both areas of each ranking; of one alone where there is no more."""
    names, curves = data.get("rankings"), data.get("curves")
    if names is not None and curves is not None and len(names):
        lines = np.asarray(curves, dtype=float)
        areas = (_numbers(data.get(key), len(names)) for key in ("cprs", "cmds"))
        return [
            ByRanking(str(name), line, cpr, cmd)
            for name, line, cpr, cmd in zip(names, lines, *areas, strict=True)
        ]
    if data.get("curve") is None:
        return []
    line = np.asarray(data["curve"], dtype=float)
    cpr, cmd = (_numbers([data.get(key)], 1)[0] for key in ("cpr", "cmd"))
    return [ByRanking("", line, cpr, cmd)]


def _numbers(values: object, count: int) -> list[float]:
    found = list(values) if isinstance(values, (list, tuple, np.ndarray)) else []
    found += [None] * (count - len(found))
    return [float(v) if v is not None else math.nan for v in found[:count]]


def curves_of(data: Mapping[str, Any]) -> Curves | None:
    """Return faithfulness by the share of edges; None where it was not computed."""
    found = rankings(data)
    shares = data.get("fractions")
    nodes = data.get("node_curve")
    if not (found or nodes is not None) or shares is None:
        return None
    x = np.asarray(shares, dtype=float)
    lines = [
        Line(ranking_title(name), line, tone=_TONES[i % len(_TONES)], dots=True)
        for i, (name, line, _cpr, _cmd) in enumerate(found)
    ]
    if nodes is not None and len(nodes) == len(x):
        line = np.asarray(nodes, dtype=float)
        tone = _TONES[len(lines) % len(_TONES)]
        lines.append(Line("whole nodes", line, tone=tone, dashed=True, dots=True))
    marks = [Mark(1.0, "the whole model", at_start=True), Mark(0.0)]
    control = data.get("control_faithfulness")
    known = np.asarray([] if control is None else control, dtype=float)
    known = known[np.isfinite(known)]
    if known.size:
        words = "random circuits of the circuit's size"
        marks.append(Mark(float(known.mean()), words, tone="warn"))
    across = Scale("Share of the edges", limits=(float(x.min()), 1.0), log=True)

    def tip(place: int) -> str:
        told = [f"{_share(x[place])} of the edges{_held(data, place)}"]
        told += [f"{line.name} {number(float(line.values[place]))}".strip() for line in lines]
        return "\n".join(told)

    return Curves(tuple(lines), across, Scale("Faithfulness"), x, tip, tuple(marks))


def _share(share: float) -> str:
    return percent(100 * share) if share < 1 else "all"


def _held(data: Mapping[str, Any], place: int) -> str:
    held = data.get("curve_edges")
    if held is None or place >= len(held):
        return ""
    return f", {int(held[place]):,} after pruning"


def curves_sentence(data: Mapping[str, Any]) -> str:
    """Say which ranking won, by both areas; of one alone, both."""
    found = rankings(data)
    if not found:
        return ""
    if len(found) == 1:
        _name, _line, cpr, cmd = found[0]
        return f"CPR {number(cpr)} (more is better) · CMD {number(cmd)} (less is better)"
    told = []
    for words, sign, more in (("CMD", 1, "less"), ("CPR", -1, "more")):
        known = [
            (sign * (one.cmd if sign > 0 else one.cpr), ranking_title(one.name)) for one in found
        ]
        known = sorted(pair for pair in known if math.isfinite(pair[0]))
        if not known:
            continue
        ties = [name for value, name in known if value == known[0][0]]
        best = number(sign * known[0][0])
        told.append(f"{words} ({more} is better): won by {' and '.join(ties)} with {best}")
    return "\n".join(told)


def _named(x: np.ndarray, y: np.ndarray) -> list[int]:
    """Return the largest of some dots, as far as their names stand apart."""
    reach = max(float(np.abs(x).max()), float(np.abs(y).max())) or 1.0
    kept: list[int] = []
    for place in map(int, strongest(np.maximum(np.abs(y), np.abs(x)), _TRIED)):
        near = [abs(y[place] - y[other]) < _APART * reach for other in kept]
        large = max(abs(x[place]), abs(y[place])) >= _LARGE * reach
        if large and not any(near) and len(kept) < _NAMED:
            kept.append(place)
    return kept


def misses(known: Known, prompt: int | None = None) -> Ranking:
    """Return the edges whose estimates err most, as a table."""
    exact, estimate = known.of("effect", prompt), known.of("estimate", prompt)
    columns = (
        Column("edge", "name", "Edge", width="stretch", least=120),
        Column("exact", "number", "Exact", _signed, width=56),
        Column("estimate", "number", "Estimate", _signed, width=68),
    )
    rows = [
        Row(edge, (edge_words(known.table, edge), float(exact[edge]), float(estimate[edge])))
        for edge in map(int, strongest(exact - estimate, _MISSES))
    ]
    return Ranking(columns, tuple(rows))


def _signed(value: float) -> str:
    return number(value, 2, sign=True)


def scatter_of(known: Known, prompt: int | None = None) -> tuple[Scatter, np.ndarray] | None:
    """Return estimates against exact effects, and which edge each dot is; None without both."""
    exact, estimate = known.of("effect", prompt), known.of("estimate", prompt)
    both = np.flatnonzero(np.isfinite(exact) & np.isfinite(estimate))
    if not both.size:
        return None
    drawn = both[thinned(np.abs(exact[both] - estimate[both]), _MOST)]
    x, y = estimate[drawn], exact[drawn]
    names = tuple((i, edge_words(known.table, int(drawn[i]))) for i in _named(x, y))

    def tip(place: int) -> str:
        return edge_sentence(known, int(drawn[place]), prompt)

    shown = Scatter(x, y, Scale("Estimate"), Scale("Exact effect"), tip, diagonal=True, names=names)
    return shown, drawn
