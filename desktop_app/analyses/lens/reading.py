"""What a lens result holds of one prompt: which runs, and their grids as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from desktop_app.contract.moves import Move, parse_move
from desktop_app.pictures.token_text import token_label

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.moves import RunName
    from desktop_app.contract.result import PromptRecord, Result, TokenList

Which = Literal["", "corrupt_", "changed_"]
"""The beginnings of the fields' names: the clean prompt, its twin, the changed run."""
RUNS: tuple[Which, ...] = get_args(Which)
Score = Literal["answer_rank", "answer_logprob", "logit_diff"]
SCORES: tuple[Score, ...] = get_args(Score)
_WRONG = "wrong_rank"
UNREAD = -1


@dataclass(frozen=True)
class Reading:
    """One prompt of a result.

    Attributes:
        result: The result.
        prompt: Which of its prompts.
        labels: How each token that occurs reads, as it is shown, by its id.
    """

    result: Result
    prompt: int
    labels: Mapping[int, str]

    @property
    def record(self) -> PromptRecord:
        """The prompt."""
        return self.result.prompts[self.prompt]

    @property
    def layers(self) -> int:
        """The number of blocks; rows go from 0, the embeddings, to this, the end."""
        return self.result.model.n_layers

    @property
    def read(self) -> int:
        """Where the prediction is read."""
        return int(self.result.data["read_position"][self.prompt])

    def runs(self) -> tuple[Which, ...]:
        """Return which runs were read of this prompt."""
        return tuple(which for which in RUNS if self.has(which))

    def has(self, which: Which) -> bool:
        """Return whether a run was read of this prompt."""
        tops = self.result.data.get(f"{which}top")
        # A run that only other prompts have is kept of this one as grids without a token.
        return tops is not None and self.prompt < len(tops) and np.size(tops[self.prompt]) > 0

    def tokens(self, which: Which) -> TokenList:
        """Return the tokens of a run."""
        if self.run_of(which) == "corrupt" and self.record.corrupt_tokens is not None:
            return self.record.corrupt_tokens
        return self.record.tokens

    def run_of(self, which: Which) -> RunName:
        """Return which prompt of the pair a run is of."""
        if which == "changed_":
            return changed_base(self.result)
        return "corrupt" if which == "corrupt_" else "clean"

    def untouched(self, run: RunName) -> Which:
        """Return the untouched run of a prompt of the pair."""
        return "corrupt_" if run == "corrupt" else ""

    def top(self, which: Which) -> np.ndarray:
        """Return the ids of the likeliest tokens `[L+1, S, k]`, −1 where nothing is read.

        Raises:
            ValueError: They do not fit the model and the prompt.
        """
        found = np.asarray(self.result.data[f"{which}top"][self.prompt])
        if found.ndim != 3 or found.shape[:2] != (self.layers + 1, len(self.tokens(which))):
            raise ValueError(f"{which}top of prompt {self.prompt + 1} has the shape {found.shape}")
        return found

    def probabilities(self, which: Which) -> np.ndarray:
        """Return their probabilities, float `[L+1, S, k]`."""
        return np.asarray(self.result.data[f"{which}top_prob"][self.prompt], dtype=float)

    def best(self, which: Which) -> np.ndarray:
        """Return the probability of the likeliest token, float `[L+1, S]`."""
        return np.asarray(self.probabilities(which)[:, :, 0])

    def score(self, which: Which, name: str) -> np.ndarray:
        """Return a score `[L+1, S]`; NaN where there is none."""
        shape = (self.layers + 1, len(self.tokens(which)))
        value = self.result.data.get(f"{which}{name}")
        if value is None:
            return np.full(shape, np.nan)
        ragged = isinstance(value, (tuple, list))
        found = np.asarray(value[self.prompt] if ragged else value[..., self.prompt], dtype=float)
        if found.shape != shape:
            raise ValueError(
                f"{which}{name} of prompt {self.prompt + 1} has the shape {found.shape}"
            )
        return found

    def label(self, token: int) -> str:
        """Return a token as it is shown; nothing where nothing is read."""
        return "" if token == UNREAD else self.labels.get(int(token), f"id {token}")

    def texts(self, which: Which) -> list[list[str]]:
        """Return the likeliest token of each cell as it is shown."""
        return [[self.label(token) for token in row] for row in self.top(which)[:, :, 0].tolist()]

    def wrong_rank(self, which: Which) -> np.ndarray:
        """Return the rank of the wrong answer `[L+1, S]`, NaN where there is none."""
        return self.score(which, _WRONG)

    def wrong_logprob(self, which: Which) -> np.ndarray:
        """Return the log-probability of the wrong answer: the answer's less their difference."""
        answer, apart = self.score(which, "answer_logprob"), self.score(which, "logit_diff")
        return np.asarray(answer - apart)


def labels_of(result: Result) -> dict[int, str]:
    """Return how each token that occurs in a result reads, by its id."""
    ids, texts = result.data.get("token_ids", ()), result.data.get("token_texts", ())
    pieces = result.data.get("token_pieces") or texts
    told = zip(np.asarray(ids).tolist(), pieces, texts, strict=True)
    return {int(token): token_label(str(piece), str(text)) for token, piece, text in told}


def reading_of(result: Result, prompt: int) -> Reading:
    """Return a prompt of a result, with its tokens' texts."""
    return Reading(result, prompt, labels_of(result))


def moves_of(result: Result) -> tuple[Move, ...]:
    """Return what was put where in the changed run."""
    return tuple(parse_move(str(text)) for text in result.params.get("moves") or ())


def changed_base(result: Result) -> RunName:
    """Return which prompt of a pair the changed run is of: without moves it is the clean one."""
    chosen = result.params.get("run") if result.params.get("moves") else "clean"
    return "corrupt" if chosen == "corrupt" else "clean"
