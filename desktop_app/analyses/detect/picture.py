"""What the head detectors' view shows, computed from a result without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.detect.spec import ANALYSIS, FAMILY_SCORES, PATTERN_SCORES
from desktop_app.pictures.facts import Fact
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.roles import ROLES
from desktop_app.pictures.text_tables import lowest
from desktop_app.pictures.words import number, part_name, random_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place


# A head that scores this on a detector is called by its name, as in the literature.
THRESHOLD: dict[str, float] = dict.fromkeys((*PATTERN_SCORES, *FAMILY_SCORES, "target"), 0.4)
TITLES: dict[str, str] = {
    "induction": "Induction",
    "duplicate_token": "Duplicate token",
    "previous_token": "Previous token",
    "first_token": "First token",
    "current_token": "Current token",
    "successor": "Successor",
    "copy": "Copy",
    "target": "Painted pattern",
}
# One scale for all maps and lists, as all scores are shares.
LIMITS = (0.0, 1.0)
_ROLE_HEADS = 5
_ROLE_MOST = 100
_NAMED = 3


def best_heads(score: np.ndarray, count: int) -> list[tuple[int, int, float]]:
    """Return the (layer, head, score) of the best heads of `[L, H]`, best first, NaN left out."""
    return [
        (layer, head, float(score[layer, head]))
        for layer, head in lowest(-score, count)
        if np.isfinite(score[layer, head])
    ]


def roles(data: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Return rows of `role`, `layer`, `head`, `score`: the best heads of each score, best first."""
    return tuple(
        {"role": name, "layer": layer, "head": head, "score": score}
        for name in score_names(data)
        for layer, head, score in best_heads(np.asarray(data[name]), _ROLE_HEADS)
    )


def head_roles(result: Result) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return per role the heads that deserve its name, best first."""
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for name in score_names(result.data):
        if name in ROLES:
            score = np.asarray(result.data[name], dtype=float)
            best = best_heads(score, _ROLE_MOST)
            found[name] = tuple((la, head) for la, head, v in best if v >= THRESHOLD[name])
    return found


def summary(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a sentence per score: its best heads, and how many deserve the name."""
    sentences = []
    for name in score_names(data):
        score = np.asarray(data[name])
        best = best_heads(score, _NAMED)
        if not best:
            continue
        named = int((np.nan_to_num(score, nan=-1.0) >= THRESHOLD[name]).sum())
        heads = ", ".join(
            f"{part_name(layer, head)} {number(value, 2)}" for layer, head, value in best
        )
        many = {0: "no head reaches", 1: "one head reaches"}.get(named, f"{named} heads reach")
        sentences.append(f"{TITLES[name]}: {heads}; {many} {THRESHOLD[name]:g}.")
    return tuple(sentences)


def headline(data: Mapping[str, Any], name: str) -> str:
    """Return the conclusion on one score: the best head, and whether it deserves the name."""
    best = best_heads(np.asarray(data[name]), 1) if name in data else []
    if not best:
        return ""
    row, head, value = best[0]
    shown, limit, kind = head_name(data, row, head), THRESHOLD[name], TITLES[name]
    if value < limit:
        return (
            f"No clear {kind.lower()} head. The strongest is {shown} with "
            f"{number(value, 2)}, below the {limit:g} threshold"
        )
    more = int((np.nan_to_num(data[name], nan=-1.0) >= limit).sum()) - 1
    others = f"; {more} more reach {limit:g}" if more else f", the only one to reach {limit:g}"
    return f"{kind} head: {shown} with {number(value, 2)}{others}"


Cell = tuple[int, int]


# Which key each query's token looks at: scores that look the same way everywhere, and those that
# look one repeat back (and on from there).
_EVERYWHERE: dict[str, Callable[[int], int]] = {
    "previous_token": lambda query: query - 1,
    "first_token": lambda _query: 0,
    "current_token": lambda query: query,
}
_REPEATED = {"duplicate_token": 0, "induction": 1}
_LISTED = 100
_HEAD_COLUMNS = (
    Column("head", "name", width=72),
    # The bars end where the colours of the maps do: a best head of 0.03 is not a full bar.
    Column(
        "score", "number", format=number, align="left", bar=True, width="stretch", limits=LIMITS
    ),
    Column("±", "number", format=number, width=66, tooltip="over seeds"),
)
_FAMILY_SCORES = frozenset({"successor", "copy"})


def score_names(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the scores that a result (or a part of one) holds, in their order."""
    return tuple(name for name in TITLES if name in data)


def meaning(name: str) -> str:
    """Return what a score is, in words."""
    return next((field.meaning for field in ANALYSIS.fields if field.name == name), "")


def layer_numbers(data: Mapping[str, Any], rows: int) -> list[int]:
    """Return the model's numbers of the layers; a part of a result has none yet."""
    return [int(n) for n in data.get("layers", range(rows))]


def head_name(data: Mapping[str, Any], row: int, column: int) -> str:
    """Name the head at a place."""
    return part_name(layer_numbers(data, row + 1)[row], column)


def spread(data: Mapping[str, Any], name: str, row: int, column: int) -> float | None:
    """Return the standard deviation of a head's score over seeds, None where there is one seed."""
    values = data.get(f"{name}_spread")
    return None if values is None else float(np.asarray(values)[row, column])


def score_text(data: Mapping[str, Any], name: str, row: int, column: int) -> str:
    """Write a head's score, with its spread where there are several seeds."""
    value = float(np.asarray(data[name], dtype=float)[row, column])
    wide = spread(data, name, row, column)
    return number(value) if wide is None else f"{number(value)} ± {number(wide)}"


def cell_tip(data: Mapping[str, Any], name: str, row: int, column: int) -> str:
    """Return what the pointer says over a head: this score first, then the others."""
    names = [name, *(other for other in score_names(data) if other != name)]
    told = [f"{TITLES[shown]} {score_text(data, shown, row, column)}" for shown in names]
    return "\n".join([f"{head_name(data, row, column)}  {told[0]}", *told[1:]])


def head_sentence(data: Mapping[str, Any], row: int, column: int) -> str:
    """Return all scores of a head on one line."""
    values = {name: float(np.asarray(data[name])[row, column]) for name in score_names(data)}
    told = [f"{TITLES[name].lower()} {number(value, 2)}" for name, value in values.items()]
    return f"{head_name(data, row, column)}: {' · '.join(told)}"


def top_heads(data: Mapping[str, Any], name: str) -> Ranking:
    """Return the best heads of a score, with its spread over several seeds; keys are places."""
    values = np.asarray(data[name], dtype=float)
    layers = layer_numbers(data, len(values))
    several = f"{name}_spread" in data
    rows = [
        Row(
            (row, column),
            (part_name(layers[row], column), value, spread(data, name, row, column))[: 2 + several],
        )
        for row, column, value in best_heads(values, _LISTED)
    ]
    return Ranking(_HEAD_COLUMNS[: 2 + several], tuple(rows))


def family_sentence(data: Mapping[str, Any], name: str, row: int, column: int) -> str:
    """Return a head's successor or copy score family by family; empty for other scores."""
    values = data.get(f"{name}_by_family")
    if values is None or name not in _FAMILY_SCORES:
        return ""
    own = np.asarray(values, dtype=float)[row, column]
    told = [
        f"{str(family).replace('_', ' ')} {number(float(value), 2)} (of {int(pairs)})"
        for family, value, pairs in zip(data["families"], own, data["family_pairs"], strict=True)
    ]
    return f"{head_name(data, row, column)}, {TITLES[name].lower()}: {' · '.join(told)}"


def find_head(data: Mapping[str, Any], layer: int | None, head: int | None) -> Cell | None:
    """Return the row and column of a head by the model's numbers, or None where it is not here."""
    names = score_names(data)
    if layer is None or head is None or not names:
        return None
    rows, columns = np.asarray(data[names[0]]).shape
    layers = layer_numbers(data, rows)
    return (layers.index(layer), head) if layer in layers and head < columns else None


def head_pattern(result: Result, place: Cell) -> tuple[np.ndarray, list[str]] | None:
    """Return a head's attention `[query, key]` on the first sequence and its tokens, if kept."""
    stored = result.data.get("pattern")
    if stored is None or not np.size(stored) or not result.prompts:
        return None
    pattern = np.array(np.asarray(stored)[place], dtype=np.float32)
    texts = list(result.prompts[0].tokens.texts)
    return (pattern, texts) if len(texts) == len(pattern) else None


def stripe_cells(result: Result, name: str) -> list[Cell]:
    """Return the (query, key) cells of the first sequence that a score is the attention to."""
    ids = result.prompts[0].tokens.ids if result.prompts else ()
    length = len(ids)
    if name == "target":
        painted = np.asarray(result.params.get("pattern", ()), dtype=float)
        return [(int(q), int(k)) for q, k in np.argwhere(painted > 0)] if painted.ndim == 2 else []
    if name in _EVERYWHERE:
        return [(q, k) for q in range(length) if (k := _EVERYWHERE[name](q)) >= 0]
    if name not in _REPEATED:
        return []
    later = _REPEATED[name]
    if result.params.get("on", "random") == "prompts":
        return _repeats(ids, later)
    size = (length - 1) // 2
    first = 0 if result.params.get("whole_diagonal") else size + 1
    return [(q, q + later - size) for q in range(max(first, size - later), length)]


def _repeats(ids: tuple[int, ...], later: int) -> list[Cell]:
    """Return where tokens stood before (`later` 0), or what stood behind them (1)."""
    return [
        (q, k + later)
        for q in range(len(ids))
        for k in range(q)
        if ids[k] == ids[q] and k + later <= q
    ]


def runs(cells: Iterable[Cell]) -> list[tuple[Cell, Cell]]:
    """Join cells that follow each other down a diagonal or a column; first and last of each."""
    left = set(cells)
    found = []
    for cell in sorted(left):
        if cell not in left:
            continue
        left.discard(cell)
        for step in (1, 0):
            last = cell
            while (last[0] + 1, last[1] + step) in left:
                last = last[0] + 1, last[1] + step
                left.discard(last)
            if last != cell:
                break
        found.append((cell, last))
    return found


def head_facts(result: Result, place: Place) -> list[Fact]:
    """Return the selected head's scores, with their spread where there are several seeds."""
    cell = find_head(result.data, place.layer, place.head)
    if cell is None:
        return []
    data = result.data
    names = score_names(data)
    return [
        Fact(TITLES[name], score_text(data, name, *cell), meaning(name), name) for name in names
    ]


def lines(result: Result) -> Iterator[str]:
    """Yield what was found, in sentences, and each family of a successor score."""
    data = result.data
    if result.params["on"] == "random":
        size = result.params["seq_len"]
        made = f"{data['lead']['piece']}, then {size} tokens twice over"
        yield f"{result.params['batch']} sequences: {made}"
    yield from data["summary"]
    # A run that was stopped may have none.
    families = data.get("families", ()), data.get("family_pairs", ())
    for name, pairs in zip(*families, strict=True):
        yield f"  {str(name).replace('_', ' '):<16} {pairs:>3} pairs"


def about(result: Result) -> str:
    """Return what was made in place of prompts, for the history; empty where they were read."""
    on_prompts = result.params.get("prompts") and result.prompts
    return "" if on_prompts else random_tokens(result.params)
