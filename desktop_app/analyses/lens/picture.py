"""What the lens shows beside its grids: a cell's ranking, the layers as table and curves, facts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.lens.grids import row_axis, row_of_site
from desktop_app.analyses.lens.grids import stream_texts as texts_at
from desktop_app.analyses.lens.reading import (
    SCORES,
    Reading,
    moves_of,
    reading_of,
)
from desktop_app.analyses.lens.words import (
    changed_sentence,
    changed_short,
    headline,
    names_of,
    position_words,
    removed_of,
    rises_at,
    row_words,
    run_words,
)
from desktop_app.pictures.curves import Curves, Line, Mark, Scale
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.moves import StreamTexts
from desktop_app.pictures.predictions import EMPHASIS
from desktop_app.pictures.predictions import Mark as Marked
from desktop_app.pictures.ranking import Bar, Column, Ranking, Row
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import number, plural, probability
from desktop_app.session.export_table import cell_text
from desktop_app.support.lens_files import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from desktop_app.analyses.lens.reading import Score, Which
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place
    from desktop_app.pictures.moves import AskedMoves
    from desktop_app.session.export_table import Table

_NAMES: dict[Score, str] = {
    "answer_rank": "rank, 0 = top",
    "answer_logprob": "log-probability, nats",
    "logit_diff": "logit difference",
}
_CELL = (
    Column("place", "mono", "#", align="right", width=30, muted=True),
    Column("token", "token"),
    Column("id", "mono", align="right", width=60, muted=True, priority=2),
    Column("share", "bar", "", limits=(0.0, 1.0)),
    Column("mark", "mark", "", width=58, priority=1),
    Column("prob", "number", format=probability, width=58),
)


def _rank_text(value: object) -> str:
    rank = float(value)  # type: ignore[arg-type]
    return "" if math.isnan(rank) else f"{rank:,.0f}"


_LAYERS = (
    Column(
        "layer", "mono", align="right", width=44, tooltip="0: the embeddings; the last: the end"
    ),
    Column("top", "token", "token", tooltip="The likeliest token of this stream"),
    Column("prob", "number", format=probability, width=54, tooltip="Its probability"),
    Column(
        "rank", "number", format=_rank_text, width=64, tooltip="The rank of the answer, 0 = top"
    ),
    Column("log p", "number", width=60, priority=1, tooltip="The answer's log-probability, nats"),
    Column("diff", "number", width=60, signed=True, tooltip="logit(answer) − logit(wrong)"),
)


def kind_words(result: Result) -> str:
    """Name the lens that a result was made with."""
    return NAMES.get(str(result.params.get("kind")), NAMES["logit"])


def marks(reading: Reading) -> dict[int, Marked]:
    """Return which token ids are an answer or a wrong one."""
    found: dict[int, Marked] = {a.token_id: "wrong" for a in reading.record.wrongs}
    return found | {a.token_id: "answer" for a in reading.record.answers}


def cell_ranking(
    reading: Reading, which: Which, row: int, position: int, other: Which | None = None
) -> Ranking:
    """Return the likeliest tokens of a cell, best first; a tick says what another run gives."""
    marked, rows = marks(reading), []
    others = {} if other is None else _known(reading, other, row, position)
    for rank, (token, prob) in enumerate(_known(reading, which, row, position).items()):
        mark = marked.get(token, "")
        text, tick = reading.label(token), others.get(token, math.nan)
        tip = f"Rank {rank}: “{text}” (id {token}), probability {number(prob, 6)}"
        if other is not None:
            told = "not among the listed" if math.isnan(tick) else number(tick, 6)
            tip += f"\nprobability in the {run_words(reading, other)}: {told}"
        values = (rank, text, token, Bar(prob, tick=tick), mark, prob)
        rows.append(Row(token, values, tip, EMPHASIS[mark]))
    return Ranking(_CELL, tuple(rows))


def _known(reading: Reading, which: Which, row: int, position: int) -> dict[int, float]:
    ids, probs = reading.top(which)[row, position], reading.probabilities(which)[row, position]
    return {int(i): float(p) for i, p in zip(ids, probs, strict=True) if i >= 0}


def cell_title(reading: Reading, which: Which, row: int, position: int) -> str:
    """Name a cell above its ranking."""
    token = display_text(reading.tokens(which).texts[position])
    place = row_words(row, reading.layers).split(", ")
    return f"{place[0].capitalize()} · {position}: {token}"


def cell_sentence(reading: Reading, which: Which, row: int, position: int) -> str:
    """Say of which stream a cell is, and where the answer stands in it."""
    place = row_words(row, reading.layers).split(", ")[1]
    told = f"{run_words(reading, which)}, {place}"
    rank = reading.score(which, "answer_rank")[row, position]
    if math.isfinite(rank):
        told += f" · “{names_of(reading.record.answers)}” has rank {rank:,.0f}"
    return told[0].upper() + told[1:]


def layers_table(reading: Reading, which: Which, position: int) -> Ranking:
    """Return the layers from the embeddings to the end at a position; keys are rows."""
    scores = [reading.score(which, name)[:, position] for name in SCORES]
    tops, probs = reading.top(which)[:, position, 0], reading.best(which)[:, position]
    rows = []
    for row, (token, prob) in enumerate(zip(tops.tolist(), probs.tolist(), strict=True)):
        rank, logprob, diff = (float(values[row]) for values in scores)
        values = (row, reading.label(token), prob, rank, logprob, diff)
        tip = row_words(row, reading.layers).capitalize()
        rows.append(Row(row, values, tip, EMPHASIS["answer" if rank == 0 else ""]))
    return Ranking(_LAYERS, tuple(rows))


def layers_sentence(reading: Reading, which: Which, position: int) -> str:
    """Say of what the layers are followed."""
    run = run_words(reading, which)
    return f"{run[0].upper()}{run[1:]}, {position_words(reading, which, position)}"


# Curves over layers.


def has_means(reading: Reading, which: Which) -> bool:
    """Return whether a mean over prompts exists: of several prompts of one length."""
    name = f"{which}answer_rank_mean"
    return len(reading.result.prompts) > 1 and name in reading.result.data


def curves(
    reading: Reading, which: Which, position: int, curve: Score, *, mean: bool = False
) -> Curves:
    """Return a number over the layers at a position: of the answer, of the wrong one.

    Where there is a changed run, the answer of the other one stands beside it, thin.
    """
    lines = list(_lines_of(reading, which, position, curve, mean=mean))
    other = beside(reading, which)
    if other is not None:
        name = "untouched" if which == "changed_" else "changed"
        first = next(_lines_of(reading, other, position, curve, mean=mean))
        lines.append(Line(f"{first.name}, {name}", first.values, tone="text_muted", dashed=True))
    up = Scale(_NAMES[curve], log=curve == "answer_rank", zero=curve == "answer_rank")
    row = None if mean else rises_at(reading.score(which, "answer_rank")[:, position])
    found = [Mark(0.0)] if curve == "logit_diff" else []
    if row is not None and row > 0:
        found.append(Mark(float(row), "on top", axis="across", tone="good"))
    across = Scale(row_axis(reading.layers).name.lower(), whole=True)
    return Curves(tuple(lines), across, up, marks=tuple(found))


def beside(reading: Reading, which: Which) -> Which | None:
    """Return the run that a run is compared with: the changed one with itself untouched."""
    if not reading.has("changed_"):
        return None
    base = reading.untouched(reading.run_of("changed_"))
    return base if which == "changed_" else "changed_" if which == base else None


def _lines_of(
    reading: Reading, which: Which, position: int, curve: Score, *, mean: bool
) -> Iterator[Line]:
    if mean:
        yield from _mean_lines(reading, which, position, curve)
        return
    values = reading.score(which, curve)[:, position]
    answer = f"“{names_of(reading.record.answers)}”"
    if curve == "logit_diff":
        yield Line("answer − wrong", values, dots=len(values) < 40)
        return
    yield Line(answer, values, tone="good")
    wrong = reading.wrong_rank if curve == "answer_rank" else reading.wrong_logprob
    found = wrong(which)[:, position]
    if np.isfinite(found).any():
        yield Line(f"“{names_of(reading.record.wrongs)}”", found, tone="bad", thin=True)


def _mean_lines(reading: Reading, which: Which, position: int, curve: Score) -> Iterator[Line]:
    data, name = reading.result.data, f"{which}{curve}"
    middle = np.asarray(data[f"{name}_mean"], dtype=float)[:, position]
    error = np.nan_to_num(np.asarray(data[f"{name}_sem"], dtype=float)[:, position])
    low = middle - error
    low = np.maximum(low, 0.0) if curve == "answer_rank" else low
    called = "answer − wrong" if curve == "logit_diff" else "answer"
    # Some prompts may lack this run, or the answer.
    known = np.isfinite(np.asarray(data[name], dtype=float)).any((0, 1))
    told = f"{called}, mean of {plural(int(known.sum()), 'prompt')}"
    yield Line(
        told, middle, low, middle + error, tone="accent" if curve == "logit_diff" else "good"
    )


# What others ask.


def stream_texts(result: Result, asked: AskedMoves) -> StreamTexts | None:
    """Return what the streams of a pair say at a site, as a board draws them; None elsewhere."""
    place = next(asked.places_of_tokens(result), None)
    if place is None:
        return None
    texts = texts_at(reading_of(result, place), asked.site)
    if texts is None:
        return None
    where = "before" if asked.site == "resid_pre" else "after"
    return StreamTexts(
        texts, f"{kind_words(result)}, the top token of the stream {where} each block"
    )


def token_facts(result: Result, place: Place) -> list[Fact]:
    """Return from which layer on the answer is on top at the selected token."""
    if place.position is None or place.prompt >= len(result.prompts):
        return []
    reading = reading_of(result, place.prompt)
    if not reading.has("") or place.position >= len(reading.record.tokens):
        return []
    row = rises_at(reading.score("", "answer_rank")[:, place.position])
    if row is None or not reading.record.answers:
        return []
    name = names_of(reading.record.answers)
    told = f"layer {row} of {reading.layers}"
    return [Fact(f"“{name}” on top from", told, row_words(row, reading.layers), "answer_rank")]


def cell_facts(result: Result, place: Place) -> list[Fact]:
    """Return what the stream after the selected block says at the selected token."""
    if place.position is None or place.layer is None or place.prompt >= len(result.prompts):
        return []
    reading, row = reading_of(result, place.prompt), row_of_site("resid_post", place.layer)
    outside = row is None or row > reading.layers or place.position >= len(reading.record.tokens)
    if outside or row is None or not reading.has(""):
        return []
    title = "Lens" if kind_words(result) == NAMES["logit"] else kind_words(result)
    known = next(iter(_known(reading, "", row, place.position).items()), None)
    if known is None:
        return []
    where = f"The stream after block {place.layer}, read as next tokens"
    told = f"{reading.label(known[0])}   {probability(known[1])}"
    title += f", clean run, row {row}" if len(reading.runs()) > 1 else f", row {row}"
    facts = [Fact(f"{title}: top token", told, where, "prob")]
    rank = float(reading.score("", "answer_rank")[row, place.position])
    if math.isfinite(rank):
        name = names_of(reading.record.answers)
        facts.append(Fact(f"Rank of “{name}” there", f"{rank:,.0f}", "0: on top", "answer_rank"))
    return facts


def named(result: Result) -> str:
    """Return what tells a result apart: the lens, and what was changed."""
    kind = str(result.params.get("kind") or "logit")
    told = {"jacobian": "Jacobian", "tuned": "tuned"}.get(kind, "")
    changed = changed_short(result) if removed_of(result) or moves_of(result) else ""
    return ", ".join(filter(None, (told, changed)))


def lines(result: Result) -> Iterator[str]:
    """Yield each prompt's layers at the read position, for a terminal."""
    for prompt, record in enumerate(result.prompts):
        reading = reading_of(result, prompt)
        at = position_words(reading, "", reading.read)
        yield f"prompt {prompt + 1}: “{record.text}”, {kind_words(result)}, {at}"
        for which in reading.runs():
            if which == "corrupt_":
                continue
            if which == "changed_":
                yield f"  {changed_sentence(result)}"
            yield f"  {headline(reading, which, reading.read)}"
            yield from _layer_lines(layers_table(reading, which, reading.read))


def _layer_lines(table: Ranking) -> Iterator[str]:
    for row in range(len(table.rows)):
        layer, token, prob, rank, logprob, diff = (table.text(row, i) for i in range(6))
        scores = f"  rank {rank:>7}  log-probability {logprob:>8}" if rank else ""
        scores += f"  difference {diff:>8}" if diff and diff != "–" else ""
        read = f"{f'“{token}”':<16} p {prob}{scores}" if token else "nothing is read"
        yield f"  layer {layer:>3}  {read}"


def table(result: Result, prompt: int, _head: tuple[int, int] | None) -> Table:
    """Return the cells of a prompt, those of each run one below the other."""
    reading = reading_of(result, prompt)
    headings = ["run", "layer", "position", "token", "top", "prob", *SCORES]
    rows = []
    for which in reading.runs():
        texts, best = reading.texts(which), reading.best(which)
        scores = [reading.score(which, name) for name in SCORES]
        run = "changed" if which == "changed_" else reading.run_of(which)
        for row, position in np.ndindex(*best.shape):
            token = display_text(reading.tokens(which).texts[position])
            numbers = [cell_text(v[row, position]) for v in (best, *scores)]
            place = (run, str(row), str(position), token, texts[row][position])
            rows.append([*place, *numbers])
    return headings, rows
