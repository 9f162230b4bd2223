"""What the composition view shows, computed from a result without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial as bind
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.matrix import Axis, Matrix, centred_limits, numbered
from desktop_app.pictures.ranking import Column, Ranking, ranked
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import dotted_name, number, part_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.contract.result import Result

Head = tuple[int, int]
Pair = tuple[Head, Head]
_LISTED = 200


@dataclass(frozen=True)
class PairMap:
    """Scores of one kind, later heads (rows) by earlier heads; NaN where the order is wrong."""

    values: np.ndarray
    later: tuple[Head, ...]
    earlier: tuple[Head, ...]
    # What random matrices score, the middle of the colours; its standard deviation over pairs.
    baseline: float
    spread: float

    def matrix(self, result: Result, kind: str) -> Matrix:
        """Return the map, with chance in the middle of its colours; no score lies below 0."""
        rows, columns = (
            Axis(name, [part_name(*head) for head in heads])
            for name, heads in (
                ("Later head (reads)", self.later),
                ("Earlier head (writes)", self.earlier),
            )
        )
        limits = centred_limits(self.values, centre=self.baseline)
        return Matrix(
            self.values,
            rows,
            columns,
            name=f"{kind}-composition; {baseline_text(self)}",
            scale=limits,
            seen=(0.0, limits[1]),
            value_format="{:.3f}",
            square=True,
            tip=bind(_pair_tip, result, self),
        )


@dataclass(frozen=True)
class CircuitPicture:
    """One circuit over the vocabulary: its accuracies and a part of its matrix."""

    title: str
    sentence: str
    rows: tuple[tuple[str, float, float], ...]
    block: Matrix | None


def kinds(result: Result) -> tuple[str, ...]:
    """Return which compositions were measured."""
    return tuple(str(kind) for kind in result.data["kinds"])


def dotted(head: Head) -> str:
    """Return `5.3`, as the form takes it."""
    return f"{head[0]}.{head[1]}"


def pair_map(result: Result, kind: str) -> PairMap:
    """Return the picture of a kind; the last layer writes for none, the first reads none."""
    place = kinds(result).index(kind)
    score = np.asarray(result.data["score"], dtype=float)[place]
    layers, heads = score.shape[0], score.shape[1]
    earlier = [(layer, head) for layer in range(max(layers - 1, 1)) for head in range(heads)]
    later = [(layer, head) for layer in range(min(1, layers - 1), layers) for head in range(heads)]
    early, late = np.array(earlier), np.array(later)
    values = score[early[None, :, 0], early[None, :, 1], late[:, None, 0], late[:, None, 1]].copy()
    values[early[None, :, 0] >= late[:, None, 0]] = np.nan
    return PairMap(
        values=values,
        later=tuple(later),
        earlier=tuple(earlier),
        baseline=float(np.asarray(result.data["baseline"])[place]),
        spread=float(np.asarray(result.data["baseline_spread"])[place]),
    )


def baseline_text(shown: PairMap) -> str:
    """Write what random matrices score."""
    return f"random {number(shown.baseline)} ± {number(shown.spread)}"


def pair_name(pair: Pair) -> str:
    """Return `L4H11 → L5H5`."""
    return f"{part_name(*pair[0])} → {part_name(*pair[1])}"


def pair_at(shown: PairMap, row: int, column: int) -> Pair | None:
    """Return the pair of a cell, None where the order is wrong."""
    if not np.isfinite(shown.values[row, column]):
        return None
    return shown.earlier[column], shown.later[row]


def cell_of(shown: PairMap, pair: Pair | None) -> tuple[int, int] | None:
    """Return row and column of a pair, or None where it is not in the picture."""
    if pair is None or pair[0] not in shown.earlier or pair[1] not in shown.later:
        return None
    return shown.later.index(pair[1]), shown.earlier.index(pair[0])


_PAIR_COLUMNS = (
    Column("pair", width=130),
    Column("score", "number", format=number, align="left", bar=True, width="stretch"),
    Column("random", "number", format=lambda times: f"{number(times, 2)} ×", width=66),
)


def top_pairs(shown: PairMap, head: Head | None = None) -> Ranking:
    """Return pairs (all, or a head's) with score and times chance, best first; they are keys."""
    values = np.where(np.isfinite(shown.values), shown.values, -np.inf)
    if head is not None:
        rows = np.array([later == head for later in shown.later])
        columns = np.array([earlier == head for earlier in shown.earlier])
        values = np.where(rows[:, None] | columns[None, :], values, -np.inf)
    listed, pairs = [], []
    for row, column in lowest(-values, _LISTED):
        pair, score = pair_at(shown, row, column), float(values[row, column])
        if pair is None or not np.isfinite(score):
            break
        listed.append((pair_name(pair), score, score / shown.baseline))
        pairs.append(pair)
    return ranked(_PAIR_COLUMNS, listed, pairs)


def pair_sentence(result: Result, pair: Pair) -> str:
    """Return a pair's score of each kind beside chance."""
    score = np.asarray(result.data["score"], dtype=float)
    told = []
    for place, kind in enumerate(kinds(result)):
        value = float(score[place, pair[0][0], pair[0][1], pair[1][0], pair[1][1]])
        chance = float(np.asarray(result.data["baseline"])[place])
        told.append(f"{kind} {number(value)} ({number(value / chance, 1)} × random)")
    return f"{pair_name(pair)}: {' · '.join(told)}"


def _pair_tip(result: Result, shown: PairMap, row: int, column: int) -> str:
    pair = pair_at(shown, row, column)
    if pair is None:
        return "No such pair: the first head must stand lower"
    return pair_sentence(result, pair)


def _count_words(result: Result, count: int) -> str:
    whole = count >= result.model.d_vocab
    return f"n = {count:,} tokens ({'the whole vocabulary' if whole else 'drawn at random'})"


def _picture(result: Result, prefix: str, title: str, names: tuple[str, str]) -> CircuitPicture:
    data: Any = result.data
    rows = tuple(
        (str(direction), float(first), float(five))
        for direction, first, five in zip(
            data[f"{prefix}directions"], data[f"{prefix}top1"], data[f"{prefix}top5"], strict=True
        )
    )
    block = data.get(f"{prefix}block")
    if block is not None:
        shown = np.asarray(block, dtype=float)
        tokens = [_token_text(token) for token in data.get(f"{prefix}block_tokens", ())]
        down, across = (
            Axis(name, tokens) if tokens else numbered(name, len(shown)) for name in names
        )
        of = f"part of the circuit, {len(shown)} tokens"
        block = Matrix(shown, down, across, name=of, value_format="{:+.2f}", square=True)
    embedding = {"raw": "raw embedding", "layer0": "stream after layer 0"}
    source = str(result.params.get("embedding", "raw"))
    count = int(data[f"{prefix}n"])
    return CircuitPicture(
        title=title,
        sentence=f"{_count_words(result, count)} · {embedding.get(source, source)} · by chance "
        f"top-1 {number(1 / max(count, 1), 4)}",
        rows=rows,
        block=block,
    )


def _token_text(token: Any) -> str:
    text = token.get("text", token.get("piece", "")) if isinstance(token, dict) else token
    return display_text(str(text))


def _head(result: Result, text: str) -> Head:
    """Return the head that `5.3` names; negative numbers count from the end."""
    layer, head = (int(part) for part in text.split("."))
    return layer % result.model.n_layers, head % result.model.n_heads


def circuits(result: Result) -> list[CircuitPicture]:
    """Return the circuits over the vocabulary that a result holds, the full circuit first."""
    found = []
    pair, copying = str(result.params.get("full_circuit", "")), str(result.params.get("ov", ""))
    if pair and "top1" in result.data:
        early, late = (_head(result, part.strip()) for part in pair.split(","))
        found.append(
            _picture(result, "", f"Full circuit {pair_name((early, late))}", ("Query", "Key"))
        )
    if copying and "ov_top1" in result.data:
        title = f"Copying circuit of {part_name(*_head(result, copying))}"
        found.append(_picture(result, "ov_", title, ("Source", "Output")))
    return found


def lines(result: Result) -> Iterator[str]:
    """Yield the strongest pairs of each kind beside chance, and the circuits' accuracies."""
    data = result.data
    score = np.asarray(data["score"])
    for index, kind in enumerate(data["kinds"]):
        yield (
            f"{kind}-composition, random {number(float(data['baseline'][index]), 4)} "
            f"± {number(float(data['baseline_spread'][index]), 4)}"
        )
        for early, first, late, second in lowest(-score[index]):
            value = score[index, early, first, late, second]
            yield f"  {pair_name(((early, first), (late, second)))}  {number(float(value), 4)}"
    for prefix, title in (("", result.params["full_circuit"]), ("ov_", result.params["ov"])):
        if title and f"{prefix}top1" in data:
            embedding = result.params["embedding"]
            yield f"{dotted_name(title)}, {data[prefix + 'n']:,} tokens, embedding {embedding}"
            columns = [data[prefix + name] for name in ("directions", "top1", "top5")]
            for direction, top1, top5 in zip(*columns, strict=True):
                yield f"  {direction:<28} top-1 {number(top1, 4)}  top-5 {number(top5, 4)}"


def about(result: Result) -> str:
    """Return the circuit that was followed, for the history."""
    return dotted_name(str(result.params.get("full_circuit") or result.params.get("ov") or ""))
