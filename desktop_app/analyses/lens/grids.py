"""The grids of the lens as data: which stand beside each other, their colours, texts and words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from desktop_app.analyses.lens.reading import moves_of
from desktop_app.analyses.lens.words import cell_words, changed_short, difference_words
from desktop_app.contract.moves import Move
from desktop_app.pictures.boards import RUNS, Board, Cells, differing
from desktop_app.pictures.matrix import Axis, centred_limits
from desktop_app.pictures.stretch import rank_stretch
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.lens.reading import Reading, Which
    from desktop_app.contract.moves import HandSite, RunName

Colour = Literal["prob", "answer_rank", "answer_logprob", "logit_diff"]
COLOUR_NAMES: dict[Colour, str] = {
    "prob": "Probability",
    "answer_rank": "Answer's rank",
    "answer_logprob": "Log-probability",
    "logit_diff": "Logit difference",
}
_MEANINGS: dict[Colour, str] = {
    "prob": "the probability of the token in the cell",
    "answer_rank": "the rank of the answer, 0 = top, on a log scale",
    "answer_logprob": "the log-probability of the answer, nats",
    "logit_diff": "logit(answer) − logit(wrong)",
}
_CHANGES: dict[Colour, str] = {
    "prob": "change of the largest probability",
    "answer_rank": "how many powers of ten the answer's rank has risen (above 0) or fallen",
    "answer_logprob": "change of the answer's log-probability, nats",
    "logit_diff": "change of the logit difference",
}
Shown = Literal["untouched", "changed", "difference"]
_FEWEST_NATS = -1.0


@dataclass(frozen=True)
class GridOf:
    """What stands on one side of the board.

    Attributes:
        which: The run that was read.
        run: Which prompt of the pair it is of.
        title: What stands above it.
        difference: Whether the change to the untouched run is drawn.
    """

    which: Which
    run: RunName
    title: str
    difference: bool = False


def sides(reading: Reading, shown: Shown) -> dict[RunName, GridOf]:
    """Return what stands at the left (`clean`) and at the right (`corrupt`).

    Untouched, both runs of a pair. A changed run stands beside what it is compared with: beside the
    other run where activations were put in from there, else beside the same run untouched.
    """
    runs = reading.runs()
    plain: dict[RunName, GridOf] = {
        run: GridOf(reading.untouched(run), run, f"{run.capitalize()} run")
        for run in RUNS
        if reading.untouched(run) in runs
    }
    if shown == "untouched" or "changed_" not in runs:
        return plain
    base = reading.run_of("changed_")
    told = changed_short(reading.result)
    difference = shown == "difference"
    title = f"{base.capitalize()} run {told}" + (" − untouched" if difference else "")
    changed = GridOf("changed_", base, title, difference)
    if moves_of(reading.result) and len(plain) > 1:
        return {**plain, base: changed}
    return {"clean": plain.get(base, changed), "corrupt": changed}


def row_axis(layers: int) -> Axis:
    """Return what the rows are called: 0 is the embeddings, the last the end."""
    return Axis("Layer", [str(row) for row in range(layers + 1)])


def board_of(reading: Reading, shown: Shown) -> Board:
    """Return the grids of a prompt with what was put where."""
    found = sides(reading, shown)
    left = found["clean"]
    right = found.get("corrupt", left)
    ids = {run: reading.tokens(found.get(run, left).which) for run in RUNS}
    changed: RunName | None = next(
        (r for r, side in found.items() if side.which == "changed_"), None
    )
    moves = moves_of(reading.result) if changed is not None else ()
    rows = tuple(in_rows(move) for move in moves)
    return Board(
        layers=reading.layers + 1,
        tokens={run: tuple(display_text(t) for t in ids[run].texts) for run in RUNS},
        differs=differing(ids["clean"].ids, ids["corrupt"].ids),
        read=reading.read,
        run=changed,
        moves=rows,
        reach=_reach(rows, (reading.layers + 1, len(ids["clean"]))),
        alone="corrupt" not in found,
        rows=row_axis(reading.layers),
        titles={"clean": left.title, "corrupt": right.title},
    )


def _reach(moves: Sequence[Move], shape: tuple[int, int]) -> np.ndarray:
    """Return the streams that the moves can change: at their place, and later ones further on."""
    reach = np.zeros(shape, dtype=bool)
    for move in moves:
        row, position = move.target
        if row < shape[0]:
            reach[row, position] = True
            reach[row + 1 :, position:] = True
    return reach


def in_rows(move: Move) -> Move:
    """Return a move in rows of the lens: where it shows first in the stream."""
    later = 0 if move.site == "resid_pre" else 1
    (source, taken), (target, put) = move.source, move.target
    return Move(move.run, move.site, (source + later, taken), (target + later, put))


def as_move(
    run: RunName, source: tuple[int, int], target: tuple[int, int], layers: int
) -> Move | None:
    """Return the move from one cell of the lens to another, None where no site has both.

    Row l is the stream before block l: it is what block l − 1 leaves (`resid_post`), and row 0 is
    before block 0 alone (`resid_pre`). The last row is before no block.
    """
    (first, taken), (last, put) = source, target
    if first > 0 and last > 0:
        return Move(run, "resid_post", (first - 1, taken), (last - 1, put))
    if first < layers and last < layers:
        return Move(run, "resid_pre", (first, taken), (last, put))
    return None


def row_of_site(site: HandSite | str, layer: int) -> int | None:
    """Return the row of the lens that reads a site of a block; None where the site is no stream."""
    return {"resid_pre": layer, "resid_post": layer + 1}.get(site)


def offered(reading: Reading) -> dict[Colour, str]:
    """Return why some colours cannot be chosen."""
    answer = "Give the prompt an answer" if not reading.record.answers else ""
    wrong = "Give the prompt an answer and a wrong one"
    missing = not (reading.record.answers and reading.record.wrongs)
    found: dict[Colour, str] = {
        "answer_rank": answer,
        "answer_logprob": answer,
        "logit_diff": wrong if missing else "",
    }
    return {name: why for name, why in found.items() if why}


def cells_of(reading: Reading, shown: Shown, colour: Colour) -> dict[RunName, Cells]:
    """Return what stands in the cells of each side, on one scale."""
    found = sides(reading, shown)
    plain = {run: side for run, side in found.items() if not side.difference}
    values = {run: values_of(reading, side.which, colour) for run, side in plain.items()}
    made: dict[RunName, Cells] = {}
    for run, side in found.items():
        if side.difference:
            made[run] = _changes(reading, side, colour)
        else:
            made[run] = _plain(reading, side, (colour, values[run]), list(values.values()))
    return made


def values_of(reading: Reading, which: Which, colour: Colour) -> np.ndarray:
    """Return what colours the cells of a run, float `[L+1, S]`."""
    return reading.best(which) if colour == "prob" else reading.score(which, colour)


def change_of(reading: Reading, colour: Colour) -> np.ndarray:
    """Return changed − untouched of each cell; of ranks, how many powers of ten they have risen."""
    base = reading.untouched(reading.run_of("changed_"))
    before = values_of(reading, base, colour)
    after = values_of(reading, "changed_", colour)
    if colour == "answer_rank":
        return np.asarray(np.log10(1.0 + before) - np.log10(1.0 + after))
    return np.asarray(after - before)


def legend(reading: Reading, shown: Shown, colour: Colour) -> str:
    """Say what the colours are, and what the corner means."""
    found = sides(reading, shown)
    if any(side.difference for side in found.values()):
        side = "Left" if found["clean"].difference else "Right"
        return f"{side}, and the bar: {_CHANGES[colour]}; the new top token where it is another"
    corner = " · corner: the answer is on top" if reading.record.answers else ""
    return f"Colour: {_MEANINGS[colour]}{corner}"


def _plain(
    reading: Reading, side: GridOf, shown: tuple[Colour, np.ndarray], all_values: list[np.ndarray]
) -> Cells:
    colour, values = shown
    limits, stretch = (0.0, 1.0), None
    if colour == "answer_rank":
        stretch = rank_stretch(reading.result.model.d_vocab - 1)
        limits = stretch.limits
    elif colour == "answer_logprob":
        known = np.concatenate([v[np.isfinite(v)] for v in all_values])
        limits = (min(float(known.min()) if known.size else 0.0, _FEWEST_NATS), 0.0)
    elif colour == "logit_diff":
        limits = centred_limits(*all_values)
    return Cells(
        values,
        limits,
        diverging=colour == "logit_diff",
        stretch=stretch,
        texts=reading.texts(side.which),
        marked=reading.score(side.which, "answer_rank") == 0,
        tip=partial(cell_words, reading, side.which),
    )


def _changes(reading: Reading, side: GridOf, colour: Colour) -> Cells:
    values = change_of(reading, colour)
    base = reading.untouched(side.run)
    other = reading.top(base)[:, :, 0] != reading.top("changed_")[:, :, 0]
    texts = [
        [text if new else "" for text, new in zip(*row, strict=True)]
        for row in zip(reading.texts("changed_"), other.tolist(), strict=True)
    ]
    return Cells(
        values,
        centred_limits(values),
        diverging=True,
        texts=texts,
        tip=partial(difference_words, reading),
    )


def stream_texts(reading: Reading, site: str) -> Mapping[RunName, Sequence[Sequence[str]]] | None:
    """Return what the streams at a site say of each run, by block; None where it is no stream."""
    rows = [row_of_site(site, layer) for layer in range(reading.layers)]
    if None in rows or not reading.has(""):
        return None
    wanted = [run for run in RUNS if reading.has(reading.untouched(run))]
    texts = {run: reading.texts(reading.untouched(run)) for run in wanted}
    return {run: [grid[row] for row in rows if row is not None] for run, grid in texts.items()}
