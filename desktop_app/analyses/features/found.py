"""What a result says of features, by feature, prompt and token. No Qt, no torch.

Of the feature that a run was asked for everything is known. Of others a prompt's tokens list the
strongest only, and the corpus has all activations where they were few enough to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from desktop_app.analyses.features.intervals import Drawn, draw
from desktop_app.pictures.shown import SoFar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.shown import Shown

NONE = -1
"""No feature."""
_SETTINGS = ("intervals", "examples", "seed")


@dataclass(frozen=True)
class Token:
    """A token as the vocabulary has it."""

    id: int
    piece: str
    text: str


@dataclass(frozen=True)
class Example:
    """One activation in the corpus.

    Attributes:
        window: Its window.
        position: Its token there.
        value: The activation.
    """

    window: int
    position: int
    value: float


@dataclass(frozen=True)
class Examples:
    """A feature's examples over the corpus.

    Attributes:
        edges: `[intervals + 1]`.
        counts: `[intervals]`.
        top: The largest activations.
        drawn: Those drawn of each interval.
    """

    edges: np.ndarray
    counts: np.ndarray
    top: tuple[Example, ...]
    drawn: tuple[tuple[Example, ...], ...]


@dataclass(frozen=True)
class Over:
    """What the corpus says of one feature: share of tokens, largest and mean activation."""

    density: float
    largest: float
    mean: float


class Found:
    """A result, or the part of one that is known so far."""

    def __init__(self, shown: Shown, params: Mapping[str, Any]) -> None:
        self.shown = shown
        self.params = params
        self.data: Mapping[str, Any] = shown.data
        self._read: tuple[int, tuple[np.ndarray, np.ndarray]] | None = None

    @classmethod
    def of(cls, result: Result) -> Found:
        """Read a finished one."""
        return cls(result, result.params)

    @classmethod
    def so_far(cls, data: Mapping[str, Any], params: Mapping[str, Any]) -> Found:
        """Read the fields of a run that is under way."""
        return cls(SoFar(data), params)

    @property
    def grows(self) -> bool:
        """Whether it is of a run that is under way."""
        return isinstance(self.shown, SoFar)

    # The autoencoder.

    @property
    def sae(self) -> str:
        """The folder, as the settings name it."""
        return str(self.params.get("sae", ""))

    @property
    def chosen(self) -> int:
        """The feature that was looked at closely, −1 where none was."""
        value = self.params.get("feature")
        return NONE if value is None else int(value)

    @property
    def ablates(self) -> str:
        """How earlier tokens were taken away."""
        return str(self.params.get("ablate", ""))

    @property
    def text(self) -> str:
        """What the corpus is called; empty where there is none."""
        return str(self.data.get("corpus") or "")

    @property
    def card(self) -> Mapping[str, Any]:
        """What the autoencoder is, by name."""
        card = self.data.get("card")
        return card if isinstance(card, dict) else {}

    @property
    def count(self) -> int:
        """Features that there are; 0 where nothing says it."""
        for name in ("density", "write_top"):
            if self.data.get(name) is not None:
                return len(self.data[name])
        return int(self.card.get("d_sae") or 0)

    # Prompts.

    @property
    def prompts(self) -> int:
        """Prompts whose tokens were read."""
        return min(len(self.shown.prompts), len(self.data.get("top") or ()))

    def tokens(self, prompt: int) -> list[Token]:
        """Return the tokens of a prompt."""
        told = self.shown.prompts[prompt].tokens
        return [Token(*t) for t in zip(told.ids, told.pieces, told.texts, strict=True)]

    def per_token(self, name: str, prompt: int) -> np.ndarray | None:
        """Return a field of a prompt's tokens, float64; None where it is not known."""
        field = self.data.get(name)
        if field is None or prompt >= len(field) or field[prompt] is None:
            return None
        return np.asarray(field[prompt], dtype=np.float64)

    def of_prompt(self, name: str, prompt: int) -> float:
        """Return one number of a prompt, NaN where there is none."""
        field = self.data.get(name)
        if field is None or prompt >= len(field) or field[prompt] is None:
            return float("nan")
        return float(field[prompt])

    def listed(self, prompt: int, position: int) -> list[tuple[int, float]]:
        """Return a token's strongest features with their activations, the strongest first."""
        ids = np.asarray(self.data["top"][prompt][position])
        values = np.asarray(self.data["top_activation"][prompt][position], dtype=np.float64)
        return [(int(i), float(v)) for i, v in zip(ids, values, strict=True) if i >= 0]

    def on_prompt(self, prompt: int, feature: int) -> np.ndarray:
        """Return a feature's activation at each token; NaN where it is not among those listed.

        A token that lists fewer than it might lists all that are active: others are 0 there.
        """
        if feature == self.chosen and (known := self.per_token("activation", prompt)) is not None:
            return known
        ids = np.asarray(self.data["top"][prompt])
        values = np.asarray(self.data["top_activation"][prompt], dtype=np.float64)
        here = ids == feature
        found = np.where(here.any(-1), np.where(here, values, 0.0).sum(-1), np.nan)
        whole = (ids < 0).any(-1)
        return np.where(np.isnan(found) & whole, 0.0, found)

    def strongest_on(self, prompt: int) -> int:
        """Return the feature of a prompt to begin with: the strongest behind its first token."""
        ids = np.asarray(self.data["top"][prompt])
        values = np.asarray(self.data["top_activation"][prompt], dtype=np.float64)
        if not ids.size or not (ids >= 0).any():
            return NONE
        known = np.where(ids >= 0, values, -np.inf)
        if len(known) > 1:  # the first token's are often of another size than all others
            first = dict(zip(ids[0].tolist(), known[0].tolist(), strict=True))
            known[0] = -np.inf
            # One that peaks at the BOS tells of it, and of little else: before that stands nothing.
            peak = np.vectorize(lambda i: first.get(i, -np.inf), otypes=[float])(ids)
            behind = np.where(known >= peak, known, -np.inf)
            known = behind if self.lead(prompt) and np.isfinite(behind).any() else known
        best = int(known.argmax()) if np.isfinite(known).any() else int(values.argmax())
        return int(ids.flat[best])

    def lead(self, prompt: int) -> int:
        """Return with how many tokens a prompt begins that are none of its text: 1 with a BOS."""
        told = self.shown.prompts[prompt]
        text, tokens = told.text.lstrip().casefold(), self.tokens(prompt)
        if not tokens:
            return 0
        first = tokens[0].text.strip().casefold()
        known = self.data.get("from_embedding")
        if isinstance(known, dict) and known.get("lead_id") == tokens[0].id:
            return 1
        broken = "\ufffd" in first  # half a character stands in no text
        return int(bool(first) and not broken and not text.startswith(first))

    # The corpus.

    @property
    def has_corpus(self) -> bool:
        """Whether features were read over a text."""
        return "density" in self.data

    def over(self, feature: int) -> Over | None:
        """Return what the corpus says of a feature; None where there is none."""
        if not self.has_corpus or not 0 <= feature < self.count:
            return None
        names = ("density", "largest", "mean_active")
        return Over(*(float(np.asarray(self.data[name])[feature]) for name in names))

    def largest(self, feature: int) -> tuple[float, str]:
        """Return a feature's largest activation and where that is; 0: it is known nowhere."""
        over = self.over(feature)
        if over is not None and np.isfinite(over.largest) and over.largest > 0:
            return over.largest, "its largest activation over the text"
        most = 0.0
        for prompt in range(self.prompts):
            values = self.on_prompt(prompt, feature)[self.lead(prompt) :]
            most = max(most, float(np.max(values[np.isfinite(values)], initial=0.0)))
        return most, "its largest activation on the prompts"

    def busiest(self) -> int:
        """Return the feature of largest activation over the corpus; −1 where none is active."""
        largest = np.asarray(self.data["largest"]) if self.has_corpus else np.empty(0)
        return int(largest.argmax()) if largest.size and largest.max() > 0 else NONE

    @property
    def keeps_all(self) -> bool:
        """Whether every activation of every feature is kept."""
        starts = self.data.get("feature_start")
        whose = self.data.get("entries_of", "all")
        return starts is not None and whose == "all" and len(starts) == self.count + 1

    def entries(self, feature: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return where a feature is active, window · length + position, and how much.

        None where that was not kept.
        """
        # Every example in sight asks for the same feature's.
        if self._read is not None and self._read[0] == feature:
            return self._read[1]
        starts = self.data.get("feature_start")
        if starts is None or (not self.keeps_all and feature != self.chosen):
            return None
        at = feature if self.keeps_all else 0
        if not 0 <= at < len(starts) - 1:
            return None
        first, last = int(starts[at]), int(starts[at + 1])
        places = np.asarray(self.data["entry_place"][first:last], dtype=np.int64)
        values = np.asarray(self.data["entry_value"][first:last], dtype=np.float64)
        self._read = feature, (places, values)
        return self._read[1]

    @property
    def window(self) -> int:
        """Tokens of a window."""
        ids = self.data.get("ids")
        return 0 if ids is None else int(np.asarray(ids).shape[-1])

    def examples(self, feature: int) -> Examples | None:
        """Return a feature's examples: as the run drew them, else drawn now by the same rule."""
        told = self.data.get("examples")
        if feature == self.chosen and told is not None:
            parts = (told["top"], *told["intervals"])
            rows = [tuple(filter(self._stands, map(_example, part))) for part in parts]
            edges, counts = (
                np.asarray(self.data[name]) for name in ("interval_edges", "interval_count")
            )
            return Examples(edges, counts, rows[0], tuple(rows[1:]))
        found = self.entries(feature)
        if found is None:
            return None
        intervals, examples, seed = (int(self.params.get(name, 1)) for name in _SETTINGS)
        places, values = found
        made: Drawn = draw(values, intervals, examples, (seed, feature))
        top, *drawn = (
            tuple(self._at(int(places[n]), float(values[n])) for n in numbers)
            for numbers in (made.top, *made.drawn)
        )
        return Examples(made.edges, made.counts, top, tuple(drawn))

    def _stands(self, one: Example) -> bool:
        """Return whether an example is of a window that there is: a file may say anything."""
        windows, length = np.asarray(self.data["ids"]).shape
        return bool(0 <= one.window < windows and 0 <= one.position < length)

    def _at(self, place: int, value: float) -> Example:
        return Example(*divmod(place, self.window), value)

    def window_tokens(self, window: int, first: int = 0, last: int | None = None) -> list[Token]:
        """Return the tokens of a window of the corpus, from `first` to before `last`."""
        return [self.word(int(i)) for i in np.asarray(self.data["ids"][window])[first:last]]

    def in_window(self, feature: int, window: int) -> np.ndarray | None:
        """Return a feature's activation at each token of a window; None where it was not kept."""
        found = self.entries(feature)
        if found is None:
            return None
        places, values = found
        first = int(np.searchsorted(places, window * self.window))
        last = int(np.searchsorted(places, (window + 1) * self.window))
        activation = np.zeros(self.window)
        activation[places[first:last] - window * self.window] = values[first:last]
        return activation

    def file_of(self, window: int) -> str:
        """Return the name of the file that a window is of."""
        files = self.data.get("files") or ()
        number = int(np.asarray(self.data["window_file"])[window])
        return str(files[number]) if 0 <= number < len(files) else ""

    @cached_property
    def strongest_places(self) -> np.ndarray:
        """Where each feature's largest activation lies, int64 `[feature]`; −1: nowhere kept."""
        found = np.full(self.count, -1, dtype=np.int64)
        if self.keeps_all:
            starts = np.asarray(self.data["feature_start"], dtype=np.int64)
            values = np.asarray(self.data["entry_value"])
            some = np.flatnonzero(np.diff(starts))
            if some.size:
                largest = np.maximum.reduceat(values, starts[some])
                owner = np.repeat(np.arange(len(some)), np.diff(starts)[some])
                at = np.flatnonzero(values >= largest[owner])
                owners, first = np.unique(owner[at], return_index=True)
                found[some[owners]] = np.asarray(self.data["entry_place"])[at[first]]
        return found

    @cached_property
    def strongest_ids(self) -> np.ndarray:
        """The token at which each feature is strongest, int64 `[feature]`; −1: nowhere kept."""
        places = self.strongest_places
        if not (places >= 0).any():
            return places
        ids = np.asarray(self.data["ids"], dtype=np.int64).reshape(-1)
        found: np.ndarray = np.where(places >= 0, ids[np.maximum(places, 0)], -1)
        return found

    def strongest_token(self, feature: int) -> Token | None:
        """Return the token at which a feature is strongest in the corpus."""
        found = int(self.strongest_ids[feature]) if feature < self.count else -1
        return None if found < 0 else self.word(found)

    @property
    def lists_all(self) -> bool:
        """Whether something is known of every feature: over a text, or what it writes."""
        return self.has_corpus or self.data.get("write_top") is not None

    def writes(self, feature: int) -> Sequence[Token]:
        """Return the tokens that a feature's decoder row raises most."""
        table = self.data.get("write_top")
        if table is not None and 0 <= feature < len(table):
            return [self.word(int(i)) for i in np.asarray(table[feature]) if i >= 0]
        if feature == self.chosen and self.data.get("write"):
            rows = self.data["write"]["top"]
            return [Token(int(r["id"]), str(r["piece"]), str(r["text"])) for r in rows]
        return ()

    # Words.

    def known_ids(self) -> tuple[int, ...]:
        """Return the ids of the tokens whose texts are told."""
        return tuple(self._words)

    def word(self, number: int) -> Token:
        """Return a token by its id; its number alone where nothing tells its text."""
        return self._words.get(number) or Token(number, f"#{number}", f"#{number}")

    @cached_property
    def _words(self) -> dict[int, Token]:
        names = ("token_ids", "token_pieces", "token_texts")
        told = [self.data.get(name) for name in names]
        if any(part is None for part in told):
            return {}
        rows = zip(*told, strict=True)
        return {int(i): Token(int(i), str(piece), str(text)) for i, piece, text in rows}


def _example(row: Mapping[str, Any]) -> Example:
    return Example(int(row["window"]), int(row["position"]), float(row["activation"]))
