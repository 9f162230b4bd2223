"""Places of the text where a head looks: which they are, and the tokens around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.pictures.token_text import token_label
from desktop_app.pictures.words import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.corpus.measures import Head

TOP, TENTHS = "top", "deciles"
"""The two lists of places, by the names of their fields."""
_ROWS = {TOP: "top_row", TENTHS: "decile_row"}
# Tokens before a query, after it, and around a key that lies farther back.
_BEFORE, _AFTER, _AROUND = 22, 3, 3
LEAST = 0.01
"""Places of largest weight below this are none: the head looks nowhere there."""
GAP = -1
"""What stands in a list of positions where tokens between are left out."""


@dataclass(frozen=True)
class Place:
    """One query of the text, and where a head looks from it.

    Attributes:
        number: Which of the list, from 0; of tenths which tenth.
        window: Which window.
        query: Its position in the window, position 0 included.
        key: The position of largest weight off position 0 and off the query.
        weight: That weight.
        row: The attention of the query to each position, `[S]`; None where it was not kept.
        low: Of tenths: the least of the largest weights in it.
        high: Of tenths: the largest.
    """

    number: int
    window: int
    query: int
    key: int
    weight: float
    row: np.ndarray | None = None
    low: float = math.nan
    high: float = math.nan

    def weights(self, length: int) -> np.ndarray:
        """Return the attention to each position, float64 `[S]`; NaN where it is not known."""
        values = np.full(length, np.nan)
        if self.row is None:
            values[self.key] = self.weight
            return values
        known = min(self.query + 1, length, len(self.row))
        values[:known] = self.row[:known]
        return values


def places(data: Mapping[str, Any], head: Head, kind: str) -> tuple[Place, ...]:
    """Return the places of a head, the strongest first, or one per tenth, the least first.

    Those that a short text does not have are left out, of the strongest those of next to no
    weight, and of a file's result those that point beyond its windows.
    """
    if kind not in data or "ids" not in data:
        return ()
    rows, found = _rows(data, head, kind), []
    ids = np.asarray(data["ids"])
    windows, length = ids.shape
    edges = _edges(data, head) if kind == TENTHS else None
    for at, stored in enumerate(np.asarray(data[kind][head], dtype=np.float64)):
        if not np.isfinite(stored).all() or (kind == TOP and stored[3] < LEAST):
            continue
        window, query, key = (int(part) for part in stored[:3])
        if not (0 <= window < windows and 0 <= key <= query < length):
            continue
        row = None if rows is None else rows[at]
        low, high = (math.nan, math.nan) if edges is None else (edges[at], edges[at + 1])
        found.append(Place(at, window, query, key, float(stored[3]), row, float(low), float(high)))
    return tuple(found)


def _rows(data: Mapping[str, Any], head: Head, kind: str) -> np.ndarray | None:
    """Return the attention rows of a list, `[places, S]`; None where they were not kept."""
    stored = data.get(_ROWS[kind])
    if stored is None or not np.size(stored):
        return None
    return np.asarray(stored[head], dtype=np.float64)


def _edges(data: Mapping[str, Any], head: Head) -> np.ndarray | None:
    stored = data.get("decile_edges")
    return None if stored is None else np.asarray(stored[head], dtype=np.float64)


def around(place: Place, length: int) -> tuple[int, ...]:
    """Return the positions that show a place: before and after its query, and around its key.

    What lies between is one `GAP`. Tokens after the query are there for reading: nothing looks at
    them.
    """
    end = min(length, place.query + _AFTER + 1)
    start = max(0, place.query - _BEFORE)
    if place.key >= start:
        start = max(0, min(start, place.key - _AROUND))
        return tuple(range(start, end))
    first, last = max(0, place.key - _AROUND), place.key + _AROUND + 1
    if last >= start:
        return tuple(range(first, end))
    return (*range(first, last), GAP, *range(start, end))


class Words:
    """The texts of the ids that occur in the windows."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        ids, texts, pieces = (data.get(n, ()) for n in ("token_ids", "token_texts", "token_pieces"))
        rows = zip(ids, pieces, texts, strict=True)
        self._known = {int(id_): (str(piece), str(text)) for id_, piece, text in rows}
        self._lead = frozenset(int(id_) for id_ in data.get("lead", ()))

    def token(self, id_: int) -> tuple[str, str]:
        """Return the piece and the text of an id; the id where a file's result lacks it."""
        return self._known.get(id_, (f"id {id_}", f"id {id_}"))

    def label(self, id_: int) -> str:
        """Return a token as its box shows it."""
        return token_label(*self.token(id_))

    def is_lead(self, id_: int) -> bool:
        """Return whether windows begin with it, as with a BOS."""
        return id_ in self._lead


def most_attended(data: Mapping[str, Any], head: Head) -> tuple[str, float] | None:
    """Return the token that gets most of a head's weight off position 0, and its share of that."""
    if not {"attended", "attended_weight", "token_ids"} <= data.keys():
        return None
    id_, share = int(data["attended"][head][0]), float(data["attended_weight"][head][0])
    at = np.flatnonzero(np.asarray(data["token_ids"]) == id_)
    if not (at.size and math.isfinite(share)):
        return None
    piece, text = (str(data[name][at[0]]) for name in ("token_pieces", "token_texts"))
    return token_label(piece, text), share


def place_words(data: Mapping[str, Any], words: Words, place: Place) -> str:
    """Say where a head looks from a place, and by how much."""
    ids = np.asarray(data["ids"])[place.window]
    query, key = words.label(int(ids[place.query])), words.label(int(ids[place.key]))
    back = place.query - place.key
    return f"“{query}” looks at “{key}”, {back} back: {number(place.weight)}"


def where_words(data: Mapping[str, Any], place: Place) -> str:
    """Say of which file and window a place is, and where that begins."""
    told = [f"window {place.window}"]
    files, of = data.get("files", ()), data.get("window_file")
    if of is not None and 0 <= int(of[place.window]) < len(files):
        told.insert(0, str(files[int(of[place.window])]))
    if (starts := data.get("window_start")) is not None:
        told.append(f"from character {int(starts[place.window]):,}")
    return " · ".join(told)


def tenth_words(place: Place) -> str:
    """Say which tenth a place stands for, and which weights that holds."""
    told = f"Tenth {place.number + 1}"
    if not (math.isfinite(place.low) and math.isfinite(place.high)):
        return told
    return f"{told}: {number(place.low)} … {number(place.high)}"


def none_words(data: Mapping[str, Any], head: Head, kind: str) -> str:
    """Say why a list has no places."""
    if kind == TOP and kind in data and np.isfinite(np.asarray(data[kind][head])).any():
        return f"Nowhere off position 0 and off the query itself does it give {LEAST:g} or more."
    return "No such places are in this result."


def list_words(kind: str, seed: object) -> str:
    """Say how the places of a list were chosen."""
    if kind == TOP:
        return "The largest weights in the whole text, off position 0 and off the query itself."
    return (
        "All queries by their largest weight off position 0 and off themselves, the least first: "
        f"one of each tenth, drawn by seed {seed}."
    )
