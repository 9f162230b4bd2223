"""What is shown of heads over text, computed from a result without Qt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.corpus.measures import Heads
from desktop_app.analyses.corpus.places import TOP, Words, place_words, places, where_words
from desktop_app.pictures.curves import Key, Scale, Scatter
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.matrix import Matrix, numbered
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row, plain
from desktop_app.pictures.words import clipped, number, part_name, percent, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from desktop_app.analyses.corpus.measures import Head, Measure
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

LIMITS = (0.0, 1.0)
_NAME = 60
HEAD_COLUMN, _COLUMN = 64, 74
"""Pixels of the table's columns: the heads' names, and each measure."""
# Heads whose names stand beside their dots: the first of either axis.
_NAMED = 3
_LISTED, _SAID = 5, 3
# Measures over tokens that stood earlier in the window.
_AGAIN = frozenset({"induction", "duplicate"})
# What the inspector says of a head: what it is called by, where it rests, how widely it looks.
_FACTS = ("induction", "previous", "duplicate", "first", "entropy")


# The heads together.


def text_sentence(data: Mapping[str, Any]) -> str:
    """Say which text was read, and how much of it."""
    count, of = int(data["tokens_read"]), str(data["corpus"])
    windows = plural(int(data["windows"]), "window")
    return f"{plural(count, 'token')} of {of}{_files_read(data)}, in {windows}"


def _files_read(data: Mapping[str, Any]) -> str:
    """Say of how many files windows were read, which may be fewer than there are."""
    there = len(data.get("files", ()))
    if there <= 1:
        return ""
    read = len(np.unique(data["window_file"])) if "window_file" in data else there
    return f", {plural(there, 'file')}" if read == there else f", {read:,} of its {there:,} files"


def scatter(
    heads: Heads,
    across: Measure,
    up: Measure,
    *,
    selected: Head | None = None,
    picked: Collection[Head] = (),
) -> Scatter:
    """Return all heads as dots over two measures; a dot's number is its head's, in order."""
    x, y = (heads.values(measure.key).ravel() for measure in (across, up))
    width = heads.shape[1]
    marked = {layer * width + head for layer, head in picked}
    tones = tuple("warn" if at in marked else "accent" for at in range(x.size)) if marked else ()
    first = [] if selected is None else [selected]
    # The ends of both axes first: where names are too close, the plot leaves out later ones.
    ends = zip(heads.order(up)[:_NAMED], heads.order(across)[:_NAMED], strict=False)
    named = dict.fromkeys([*first, *(head for pair in ends for head in pair)])
    names = tuple((layer * width + head, part_name(layer, head)) for layer, head in named)
    legend = (Key("heads", "accent", "bar"), Key("picked", "warn", "bar")) if marked else ()
    return Scatter(
        x,
        y,
        Scale(across.name),
        Scale(up.name),
        tip=lambda at: heads.tip(heads.head_of(at)),
        names=names,
        tones=tones,
        legend=legend,
    )


def nothing_known(heads: Heads, *measures: Measure) -> str:
    """Say why there is nothing to draw of some measures; empty where every one has a number."""
    lacking = [m for m in measures if not np.isfinite(heads.values(m.key)).any()]
    if not lacking:
        return ""
    again = any(m.key in _AGAIN for m in lacking)
    why = "no token came twice in a window, so " if again else ""
    titles = " and ".join(dict.fromkeys(m.title for m in lacking))
    return f"{titles}: {why}no head has a number."


def head_map(heads: Heads, measure: Measure) -> Matrix:
    """Return a measure of all heads, layer by head; shares on one scale from 0 to 1."""
    values = heads.values(measure.key)
    layers, across = values.shape
    return Matrix(
        values.astype(np.float32),
        numbered("Layer", layers),
        numbered("Head", across),
        measure.name,
        diverging=measure.sizes,
        scale=LIMITS if measure.is_share else None,
        value_format=f"{{:{'+' if measure.sizes else ''}.{measure.digits}f}}",
        tip=lambda row, column: heads.tip((row, column)),
    )


def table_of_heads(heads: Heads) -> Ranking:
    """Return every number of every head, in the order of layers; keys are heads."""
    # Effects first: with them one compares, and the last columns are scrolled to.
    measures = sorted(heads.measures(), key=lambda measure: not measure.sizes)
    layers, across = heads.shape
    columns = [Column("head", "name", width=HEAD_COLUMN)]
    for measure in measures:
        told = f"{measure.name}: {measure.meaning}"
        columns.append(
            Column(measure.short, "number", format=measure.text, tooltip=told, width=_COLUMN)
        )
    values = [heads.values(measure.key) for measure in measures]
    rows = [
        Row((layer, head), (part_name(layer, head), *(float(v[layer, head]) for v in values)))
        for layer in range(layers)
        for head in range(across)
    ]
    return Ranking(tuple(columns), tuple(rows))


# One head.


def head_sentence(heads: Heads, head: Head) -> str:
    """Say in one sentence where a head looks on the text."""
    given = _shares(
        heads,
        head,
        (
            ("first", "position 0"),
            ("previous", "the token before"),
            ("current", "the token itself"),
        ),
    )
    again = _shares(
        heads, head, (("induction", "what followed it then"), ("duplicate", "its earlier places"))
    )
    told = [f"Gives {given}"] if given else []
    told += [f"where its token came before, {again}"] if again else []
    return f"{'; '.join(told)}." if told else ""


def _shares(heads: Heads, head: Head, wanted: tuple[tuple[str, str], ...]) -> str:
    """Write which share of its attention a head gives to each, as far as that is known."""
    return ", ".join(
        f"{number(value, 2)} to {where}"
        for key, where in wanted
        if math.isfinite(value := heads.value(key, head))
    )


def measure_rows(heads: Heads, head: Head) -> Ranking:
    """Return a head's numbers, each with its place among all heads; keys are measures."""
    counted = heads.data.get("n", {})
    rows = []
    for measure in heads.measures():
        value = float(heads.values(measure.key)[head])
        place, of = heads.standing(measure, head)
        share = value if measure.is_share else math.nan
        standing = f"{place:,} of {of:,}" if place else ""
        asked = counted.get(measure.key) if hasattr(counted, "get") else None
        over = "" if asked is None else f"\nmean over {int(asked):,} queries"
        tip = f"{measure.title} {heads.number(measure, head)}\n{measure.meaning}{over}"
        # The unit of an effect takes the room of its name; the tip has it.
        title = measure.title if measure.sizes else measure.name
        values = (title, measure.text(value), Bar(share), standing)
        rows.append(Row(measure.key, values, tip))
    columns = (
        Column("measure", "text", width="stretch", least=110),
        Column("value", "mono", align="right", width=66),
        Column("share", "bar", "", limits=LIMITS, width=64, priority=2),
        Column("among", "text", "place", align="right", width=84, priority=1, muted=True,
               tooltip="Its place among all heads: 1 has the largest, of effects the largest size"),
    )  # fmt: skip
    return Ranking(columns, tuple(rows))


def attended_rows(data: Mapping[str, Any], words: Words, head: Head) -> Ranking:
    """Return the tokens that a head attends to most off position 0, with their shares."""
    if "attended" not in data:
        return Ranking()
    ids = np.asarray(data["attended"][head]).tolist()
    shares = np.asarray(data["attended_weight"][head], dtype=np.float64).tolist()
    rows = [
        Row(int(id_), (words.label(int(id_)), Bar(share), 100 * share, int(id_)))
        for id_, share in zip(ids, shares, strict=True)
        if math.isfinite(share)
    ]
    columns = (
        Column("token", "token", width=128),
        Column("bar", "bar", "", least=60),
        Column("share", "percent", tooltip="Share of all its attention off position 0"),
        Column("id", "text", align="right", muted=True, priority=1),
    )
    return Ranking(columns, tuple(rows))


def seed_of(result: Result) -> int:
    """Return the seed that drew the places of the tenths."""
    return int(result.params.get("seed", 0))


# What others ask.


def table(
    result: Result, _prompt: int = 0, _head: tuple[int, int] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Return every measure of every head, a row each, in full precision."""
    heads = Heads(result.data)
    keys = [measure.key for measure in heads.measures()]
    layers, across = heads.shape
    rows = [
        [str(layer), str(head), *(_full(heads.value(key, (layer, head))) for key in keys)]
        for layer in range(layers)
        for head in range(across)
    ]
    return ["layer", "head", *keys], rows


def _full(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return what the selected head does on text, with its place among all heads."""
    heads = Heads(result.data)
    head = heads.find(place.layer, place.head)
    if head is None:
        return []
    facts = []
    for key in _FACTS:
        measure = heads.measure(key)
        if measure is None or not math.isfinite(value := heads.value(key, head)):
            continue
        at, of = heads.standing(measure, head)
        unit = f" {measure.unit}" if measure.unit else ""
        tip = f"Mean {measure.meaning}; {text_sentence(result.data)}; {at:,} of {of:,} heads"
        told = f"{measure.text(value)}{unit}"
        facts.append(Fact(f"{measure.title} on text", told, tip, key))
    return facts


def about(result: Result) -> str:
    """Return which text was read, for the history."""
    return clipped(str(result.data["corpus"]), _NAME)


def named(result: Result) -> str:
    """Return how much of it was read, for the name of a result."""
    return plural(int(result.data["windows"]), "window")


def lines(result: Result) -> Iterator[str]:
    """Yield the heads that lead in each measure, and what the first of them look at."""
    data, heads = result.data, Heads(result.data)
    yield text_sentence(data)
    for measure in heads.measures():
        best = heads.order(measure)[:_LISTED]
        told = ", ".join(
            f"{part_name(*h)} {measure.text(heads.value(measure.key, h))}" for h in best
        )
        yield f"  {measure.name:<24} {told or 'no query counts'}"
    words = Words(data)
    for key in ("induction", "previous", "duplicate"):
        found = heads.measure(key)
        for head in [] if found is None else heads.order(found)[:1]:
            yield f"{part_name(*head)}, first in {key}:"
            for place in places(data, head, TOP)[:_SAID]:
                yield f"  {place_words(data, words, place)} ({where_words(data, place)})"
            yield f"  attends to {_attended_words(data, words, head)}"


def _attended_words(data: Mapping[str, Any], words: Words, head: Head) -> str:
    rows = attended_rows(data, words, head).rows[:_LISTED]
    return ", ".join(f"“{row.values[0]}” {percent(plain(row.values[1]) * 100)}" for row in rows)
