"""What the lens says in words: its rows and cells, what was changed, where the answer rises."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from desktop_app.analyses.lens.reading import changed_base, moves_of
from desktop_app.contract.grammar import parse_parts
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import choice_label, number, part_name, plural, probability

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.lens.reading import Reading, Which
    from desktop_app.contract.grammar import Part
    from desktop_app.contract.moves import Move
    from desktop_app.contract.result import AnswerRecord, Result

_NAMED = 3
_LISTED = 10


def row_words(row: int, layers: int) -> str:
    """Say which stream a row reads."""
    if row == 0:
        return "layer 0, the embeddings"
    if row == layers:
        return f"layer {row}, the end"
    return f"layer {row}, after block {row - 1}"


def position_words(reading: Reading, which: Which, position: int) -> str:
    """Say which token a column stands under."""
    token = display_text(reading.tokens(which).texts[position])
    read = ", where the prediction is read" if position == reading.read else ""
    return f"position {position}: {token}{read}"


def run_words(reading: Reading, which: Which) -> str:
    """Name a run."""
    if which == "changed_":
        return f"{reading.run_of(which)} run {changed_short(reading.result)}"
    return f"{reading.run_of(which)} run"


def cell_words(reading: Reading, which: Which, row: int, position: int) -> str:
    """Return a cell in words: its place, its likeliest tokens, where the answer stands."""
    place = f"{run_words(reading, which)} · {row_words(row, reading.layers)}"
    told = [place[0].upper() + place[1:], _capital(position_words(reading, which, position))]
    ids, probs = reading.top(which)[row, position], reading.probabilities(which)[row, position]
    known = [(i, p) for i, p in zip(ids.tolist(), probs.tolist(), strict=True) if i >= 0]
    if not known:
        return "\n".join([*told, "nothing is read here"])
    told += [
        f"{rank}   {reading.label(token)}   {probability(prob)}"
        for rank, (token, prob) in enumerate(known[:_LISTED])
    ]
    if answer := answer_words(reading, which, row, position):
        told.append(answer)
    return "\n".join(told)


def answer_words(reading: Reading, which: Which, row: int, position: int) -> str:
    """Say where the answer stands in a cell; nothing where there is none."""
    rank = reading.score(which, "answer_rank")[row, position]
    if not math.isfinite(rank):
        return ""
    logprob = float(reading.score(which, "answer_logprob")[row, position])
    diff = float(reading.score(which, "logit_diff")[row, position])
    told = f"answer “{names_of(reading.record.answers)}”: rank {rank:,.0f}, "
    told += f"log-probability {number(logprob, 2)}"
    if math.isfinite(diff):
        told += f", logit difference {number(diff, 2, sign=True)}"
    return told


def difference_words(reading: Reading, row: int, position: int) -> str:
    """Return a cell of the changed run in words, beside the same cell untouched."""
    base = reading.untouched(reading.run_of("changed_"))
    lines = [_capital(row_words(row, reading.layers)), position_words(reading, base, position)]
    for name, which in (("untouched", base), ("changed", "changed_")):
        token = int(reading.top(which)[row, position, 0])
        prob = float(reading.best(which)[row, position])
        said = f"{name}: {reading.label(token) or 'nothing read'}   {probability(prob)}"
        rank = float(reading.score(which, "answer_rank")[row, position])
        diff = float(reading.score(which, "logit_diff")[row, position])
        said += f", answer's rank {rank:,.0f}" if math.isfinite(rank) else ""
        said += f", logit difference {number(diff, 2, sign=True)}" if math.isfinite(diff) else ""
        lines.append(said)
    return "\n".join(lines)


def names_of(answers: Sequence[AnswerRecord]) -> str:
    """Name the continuations of a prompt by the tokens that are compared."""
    return " or ".join(dict.fromkeys(display_text(a.tokens.texts[0]) for a in answers))


# The changed run.


def removed_of(result: Result) -> tuple[Part, ...]:
    """Return the heads and MLPs that the changed run lacks."""
    return parse_parts(str(result.params.get("without") or ""))


def changed_short(result: Result) -> str:
    """Say what was changed as few words as can be: `without L5H3`, `with 2 activations put in`."""
    parts, moves, told = removed_of(result), moves_of(result), []
    if moves:
        told.append(f"with {plural(len(moves), 'activation')} put in")
    if parts:
        names = [part_name(*part, "mlp") for part in parts]
        few = ", ".join(names) if len(names) <= _NAMED else plural(len(names), "part")
        told.append(f"without {few}")
    return ", ".join(told) or "unchanged"


def changed_sentence(result: Result) -> str:
    """Say what was changed in full; nothing where there is no changed run."""
    parts, moves = removed_of(result), moves_of(result)
    if not parts and not moves:
        return ""
    told = [f"Changed: the {changed_base(result)} run"]
    if parts:
        mode = "mean" if result.params.get("mode") == "mean" else "zero"
        named = ", ".join(part_name(*part, "mlp") for part in parts[:12])
        more = f" and {len(parts) - 12} more" if len(parts) > 12 else ""
        told.append(f"without {named}{more} ({mode})")
    if moves:
        named = "; ".join(move_words(move) for move in moves[:6])
        more = f" and {len(moves) - 6} more" if len(moves) > 6 else ""
        told.append(f"{'and ' if parts else ''}with {named}{more} put in")
    return " ".join(told)


def move_words(move: Move) -> str:
    """Name a move: `clean L12 · 4`, with its target where that is another cell."""
    (layer, position), (into, at) = move.source, move.target
    site = "" if move.site == "resid_post" else f" {choice_label(move.site)}"
    words = f"{move.run}{site} L{layer} · {position}"
    return words if move.source == move.target else f"{words} → L{into} · {at}"


# Where the answer rises.


def rises_at(rank: np.ndarray) -> int | None:
    """Return the first row from which on the answer stays on top to the end; None: it does not."""
    below = np.flatnonzero(~(np.asarray(rank) == 0))
    first = int(below[-1]) + 1 if below.size else 0
    return first if first < len(rank) else None


def headline(reading: Reading, which: Which, position: int) -> str:
    """Say from which layer on the answer is on top, and otherwise how near it comes."""
    at = f"at position {position}: {display_text(reading.tokens(which).texts[position])}"
    if which:
        at += f", {'changed' if which == 'changed_' else reading.run_of(which).lower()} run"
    if not reading.record.answers:
        return _end_words(reading.label(int(reading.top(which)[-1, position, 0])), at)
    rank = reading.score(which, "answer_rank")[:, position]
    name = names_of(reading.record.answers)
    if not np.isfinite(rank).any():
        return f"Nothing is known of “{name}” {at}"
    row, last = rises_at(rank), reading.layers
    if not np.isfinite(rank[last]):
        return f"What the end says is no number, so nothing is known of “{name}” there, {at}"
    if row is None:
        best = int(np.nanargmin(rank))
        told = f"“{name}” is not on top at the end (rank {rank[last]:,.0f})"
        return f"{told}; its best rank is {rank[best]:,.0f}, {row_words(best, last)}, {at}"
    earlier = np.flatnonzero(rank[:row] == 0)
    before = f", and for a while from layer {int(earlier[0])}" if earlier.size else ""
    if row == last:
        return f"“{name}” is on top at the end alone, layer {row}{before}, {at}"
    where = row_words(row, last).replace(", ", " (")
    return f"“{name}” is on top from {where}) to the end{before}, {at}"


def _end_words(token: str, at: str) -> str:
    """Say what the end says, where no answer is followed."""
    if not token:
        return f"What the end says is no number {at}"
    return f"The end says “{token}” {at}. Give the prompt an answer to follow it."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
