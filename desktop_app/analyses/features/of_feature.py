"""One feature on prompts: with tokens taken away, with its direction taken away, without context.

A token is taken away in one of two ways. Deleted, all later ones move up, so that the feature is
read one position earlier; its embedding zeroed, everything keeps its place, and the position
embedding of the emptied place stays. What stands behind the place that is read cannot change it,
and is not run.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from desktop_app.analyses.features.on_prompts import next_logprobs
from desktop_app.contract.grammar import resolve_index
from desktop_app.engine.memory import texts_per_pass
from desktop_app.methods.autoencoders import inputs, spliced
from desktop_app.methods.sequences import lead_token
from desktop_app.methods.watching import in_batches
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.analyses.features.spec import FeaturesParams
    from desktop_app.contract.report import Reporter
    from desktop_app.engine.model import Hooks, LoadedModel
    from desktop_app.methods.autoencoders import Autoencoder
    from desktop_app.methods.sequences import Lead

PEAK = "peak"
_EMBEDDING = "embed.hook_out"


class ChosenFeature:
    """The feature that is looked at, as it is read in runs of its own.

    Attributes:
        number: Which one.
        lead: What stands before a token by itself; None: nothing.
    """

    def __init__(
        self, model: LoadedModel, autoencoder: Autoencoder, params: FeaturesParams
    ) -> None:
        self.number, self.lead = params.feature, _lead(model, params)
        self._model, self._autoencoder, self._params = model, autoencoder, params
        self._alone: dict[int, float] = {}

    def place(self, activation: np.ndarray) -> int:
        """Return where it is read in a prompt; −1: it is active nowhere in it.

        Raises:
            BadInputError: The prompt has no such position.
        """
        if self._params.position != PEAK:
            return resolve_index(int(self._params.position), len(activation), "--position")
        return int(activation.argmax()) if float(activation.max()) > 0 else -1

    def ablated(
        self, ids: Sequence[int], activation: np.ndarray, at: int, report: Reporter
    ) -> np.ndarray:
        """Return the change of the activation at a place when each earlier token is taken away.

        Args:
            ids: The prompt.
            activation: What the feature is in it, `[S]`.
            at: Where it is read.
            report: Told after every pass.

        Returns:
            `[S]`, negative where the token held the feature up; NaN from the place itself on.
        """
        found = np.full(len(ids), np.nan, dtype=np.float32)
        if at > 0:
            deleting = self._params.ablate == "delete"
            read = self._without if deleting else self._zeroed
            found[:at] = read(list(ids[: at + 1]), report) - activation[at]
        return found

    def _without(self, ids: list[int], report: Reporter) -> np.ndarray:
        """Return what it is at the last of some tokens when each of the others is left out."""
        return self._last([ids[:j] + ids[j + 1 :] for j in range(len(ids) - 1)], report)

    def _zeroed(self, ids: list[int], report: Reporter) -> np.ndarray:
        """Return the same where their embeddings are zeroed in place."""
        if not self._model.has_hook(_EMBEDDING):
            raise BadInputError(
                f"{self._model.info.name} does not show its embeddings, so that none can be "
                "zeroed: choose --ablate delete."
            )

        def hooks(rows: slice) -> Hooks:
            return [(_EMBEDDING, partial(_zero, places=range(rows.start, rows.stop)))]

        return self._last([ids] * (len(ids) - 1), report, hooks)

    def _last(
        self, rows: Sequence[Sequence[int]], report: Reporter, hooks: Any = lambda _rows: ()
    ) -> np.ndarray:
        """Return what it is at the last token of rows of one length, float32 `[rows]`."""
        model, number = self._model, self.number

        def read(some: slice) -> np.ndarray:
            x, _y = inputs(model, self._autoencoder, model.ids(rows[some]), hooks(some))
            found: np.ndarray = self._autoencoder.activation(x[:, -1], number).cpu().numpy()
            return found

        limit = texts_per_pass(model, len(rows[0]), 1) if model.reads_together else 1
        parts = []
        for some, found in in_batches(model, len(rows), limit, read):
            parts.append(found)
            report.step(some.stop / len(rows), f"feature {number}: {some.stop} of {len(rows)} runs")
        return np.concatenate(parts)

    def direction_ablated(self, ids: torch.Tensor, base: torch.Tensor) -> np.ndarray:
        """Return the change of each true next token's log-probability without the feature.

        What the feature adds, its activation times its row of the decoder, is taken away at all
        positions; what the autoencoder does not explain stays.

        Args:
            ids: Prompts `[N, S]`.
            base: The untouched log-probabilities `[N, S − 1]`.

        Returns:
            Float32 `[N, S − 1]` in nats; negative where the feature made the token likelier.
        """

        def without(features: torch.Tensor) -> torch.Tensor:
            features = features.clone()
            features[..., self.number] = 0
            return features

        logits = spliced(self._model, self._autoencoder, ids, without, error=True)
        return (next_logprobs(logits, ids) - base).cpu().numpy()

    def alone(self, ids: Sequence[int], report: Reporter) -> np.ndarray:
        """Return what it is at each token of a prompt `[S]` with the lead alone before it."""
        values = self.each_alone(ids, report)
        if self.lead is not None and ids[0] == self.lead.token_id:
            values[0] = self._last([ids[:1]], report)[0]  # nothing stands before it
        return values

    def each_alone(self, ids: Sequence[int], report: Reporter) -> np.ndarray:
        """Return what it is at some tokens, each with the lead alone before it, float32."""
        wanted = [i for i in dict.fromkeys(ids) if i not in self._alone]
        if wanted:
            before = [] if self.lead is None else [self.lead.token_id]
            found = self._last([[*before, i] for i in wanted], report)
            self._alone |= dict(zip(wanted, map(float, found), strict=True))
        return np.array([self._alone[i] for i in ids], dtype=np.float32)


def check_position(params: FeaturesParams, lengths: Sequence[int]) -> None:
    """Refuse a place that is neither the peak nor a position of every prompt.

    Raises:
        BadInputError: It says what is understood.
    """
    try:
        at = None if params.position == PEAK else int(params.position)
    except ValueError:
        raise BadInputError(
            f"--position “{params.position}” is no position: choose {PEAK}, or a number, negative "
            "from the end."
        ) from None
    if at is not None:
        for length in lengths:
            resolve_index(at, length, "--position")


def _lead(model: LoadedModel, params: FeaturesParams) -> Lead | None:
    """Return what stands before a token by itself: a BOS, where the model has one."""
    if params.bos == "no":
        return None
    try:
        return lead_token(model, params, alone=True)
    except BadInputError:
        return None


def _zero(x: torch.Tensor, hook: object, *, places: Sequence[int]) -> torch.Tensor:
    """Return embeddings `[rows, S, width]`, each row's own place zeroed."""
    x = x.clone()
    x[torch.arange(len(x)), list(places)] = 0
    return x
