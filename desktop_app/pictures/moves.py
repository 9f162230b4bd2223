"""What one analysis knows of the cells of two runs, for whoever draws them as a board.

Patching by hand draws it beneath its moves. Whoever knows what putting one run's activations into
the other does offers it in its picture as `move_map(result, asked)`; whoever can read the streams
offers what they say as `stream_texts(result, asked)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.contract.result import same_model
from desktop_app.pictures.effects import compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np

    from desktop_app.contract.moves import RunName
    from desktop_app.contract.result import ModelInfo, PromptRecord, Result


@dataclass(frozen=True)
class AskedMoves:
    """A pair of prompts on a model, a metric, a site, and the run that is changed.

    Attributes:
        model: What runs it.
        record: The prompt with its twin and its answers.
        metric: The number that is watched.
        site: The place in the block.
        run: `clean` or `corrupt`: what the other run's activations are put into.
    """

    model: ModelInfo
    record: PromptRecord
    metric: str
    site: str
    run: str

    def places(self, result: Result) -> Iterator[int]:
        """Yield where a result speaks of this very pair; nowhere where another model made it."""
        if str(result.params.get("metric")) != self.metric or not same_model(
            result.model, self.model
        ):
            return
        for place, record in enumerate(result.prompts):
            if _key(record) == _key(self.record):
                yield place

    def places_of_tokens(self, result: Result) -> Iterator[int]:
        """Yield where a result speaks of these tokens, whatever is asked of them."""
        if same_model(result.model, self.model):
            for place, record in enumerate(result.prompts):
                if _tokens(record) == _tokens(self.record):
                    yield place


@dataclass(frozen=True)
class MoveMap:
    """The cells of that run.

    Attributes:
        values: Float [layers, positions] of the whole model, NaN where not computed.
        limits: The values at the ends of the colours, as on the map that they come from.
        name: What a value is, in a word or two.
        words: What they are and where they come from.
    """

    values: np.ndarray
    limits: tuple[float, float]
    name: str
    words: str


@dataclass(frozen=True)
class StreamTexts:
    """What the streams of both runs say, cell by cell.

    Attributes:
        texts: Of each run by its name, `[layers][positions]`, as it is shown.
        words: What the texts are.
    """

    texts: Mapping[RunName, Sequence[Sequence[str]]]
    words: str


def _tokens(record: PromptRecord) -> tuple[object, ...]:
    twin = record.corrupt_tokens
    return record.tokens.ids, None if twin is None else twin.ids


def _key(record: PromptRecord) -> tuple[object, ...]:
    return *_tokens(record), *compared(record)
