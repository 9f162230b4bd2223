"""What one analysis knows of putting one run's activations into the other, cell by cell.

Patching by hand draws it beneath its moves; whoever has such numbers offers them in its picture as
`move_map(result, asked)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.pictures.origin import model_difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

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
        same_weights = result.model.weights == self.model.weights
        if model_difference(result.model, self.model) or not same_weights:
            return
        if str(result.params.get("metric")) != self.metric:
            return
        for place, record in enumerate(result.prompts):
            if _key(record) == _key(self.record):
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


def _key(record: PromptRecord) -> tuple[object, ...]:
    twin = record.corrupt_tokens
    ids = tuple(tuple(a.token_id for a in some) for some in (record.answers, record.wrongs))
    return record.tokens.ids, None if twin is None else twin.ids, record.read_position, ids
