"""The two sides of every edge: what each sender adds in the untouched run, and what elsewhere.

Elsewhere is the corrupt twin, the mean over reference prompts position by position, or nothing. A
sender's output is all that it adds to the stream: a head's slice of the output projection, and an
MLP's output. Biases belong to no sender and stay: those of attention are in no slice, and an MLP's,
which cancels where another run's output stands, is what is left where nothing stands. Behind a norm
or a factor, and among experts, it cannot be told apart: there an MLP that is replaced by nothing
adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from desktop_app.contract.edges import Graph
from desktop_app.engine.memory import budget_bytes
from desktop_app.engine.metrics import Target, make_target, score
from desktop_app.engine.receivers import is_parallel, require_inputs
from desktop_app.methods.edge_reference import TOKENS_PER_PASS, Reference
from desktop_app.methods.prepare import twins_of
from desktop_app.methods.readout import logits_of
from desktop_app.methods.senders import Senders, mlp_biases
from desktop_app.support.errors import BadInputError
from desktop_app.text.warnings import first_difference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.contract.params import Metric, Params
    from desktop_app.contract.report import Reporter
    from desktop_app.contract.result import Notice
    from desktop_app.engine.model import LoadedModel
    from desktop_app.methods.prepare import Prepared

Elsewhere = Literal["corrupt", "mean", "zero"]

_FLOAT = 4
# Of the memory that a pass may take, what sides that were seen may keep.
_SHARE_KEPT = 0.2


@dataclass(frozen=True)
class ReadOff:
    """What is read of a prompt's untouched run, and kept of every prompt.

    Attributes:
        base: Its metric.
        empty: The metric with every sender exchanged in everything that reads it.
        logits: At the position of its prediction, float32 `[V]`.
    """

    base: float
    empty: float
    logits: torch.Tensor


@dataclass(frozen=True)
class WholeSide:
    """One prompt and what its parts put out elsewhere.

    Attributes:
        ids: Its token ids `[1, S]`.
        entering: What enters the first block in its untouched run, `[S, d_model]`.
        last: What the final norm reads there, `[S, d_model]`.
        own: What each sender adds there, float32 `[senders, S, d_model]`.
        other: What each adds elsewhere, alike.
        read: Where the metric is read; None where it is given the logits of all positions.
        score: From logits, `[runs, V]` or `[runs, S, V]`, to the metric of each run `[runs]`.
        base: The metric of the untouched run.
        empty: The metric with every edge exchanged.
    """

    ids: torch.Tensor
    entering: torch.Tensor
    last: torch.Tensor
    own: torch.Tensor
    other: torch.Tensor
    read: int | None
    score: Callable[[torch.Tensor], torch.Tensor]
    base: float
    empty: float

    @property
    def apart(self) -> torch.Tensor:
        """What each sender would add to the stream more, `[senders, S, d_model]`."""
        return self.other - self.own


class Sides:
    """The prompts of a run, each with its two sides; they are seen when they are asked for.

    Args:
        model: The model.
        params: How texts are read.
        prepared: The prompts.
        asked: The metric; what stands elsewhere; the texts of the reference prompts.
        report: Told at every layer; may cancel there.

    Attributes:
        metric: The number that is watched.
        elsewhere: What stands in a sender's place.
        graph: The edges.
        read: Where each prompt's prediction is read.
        targets: What each prompt's metric compares.
        notices: What must be said of the reference.

    Raises:
        BadInputError: A place cannot be exchanged in this model, a prompt lacks what is needed.
    """

    def __init__(
        self,
        model: LoadedModel,
        params: Params,
        prepared: Prepared,
        asked: tuple[Metric, Elsewhere, Sequence[str]],
        report: Reporter,
    ) -> None:
        self.model, self.metric = model, asked[0]
        self.elsewhere, self._report = asked[1], report
        records = prepared.records
        self.targets = tuple(make_target(r, self.metric, i) for i, r in enumerate(records))
        self.read = tuple(record.read_position for record in records)
        self._clean = [encoding.ids for encoding in prepared.encodings]
        self._twins: list[tuple[int, ...]] = []
        self._first = [0] * len(records)
        if self.elsewhere == "corrupt":
            twins = twins_of(prepared, "exchanging edges")
            pairs = zip(prepared.encodings, twins, strict=True)
            self._twins = [twin.ids for twin in twins]
            self._first = [first_difference(clean, twin) for clean, twin in pairs]
            self._refuse_equal()
        self.notices: list[Notice] = []
        self._reference: Reference | None = None
        if self.elsewhere == "mean":
            self._reference = Reference(model, params, prepared, asked[2])
            self.notices += self._reference.notices
        require_inputs(model)
        self.graph = graph_of(model)
        self._senders: Senders | None = None
        self._kept: dict[int, WholeSide] = {}
        self._read_off: dict[int, ReadOff] = {}
        self._means: dict[int, torch.Tensor] = {}
        self._biases: dict[int, torch.Tensor] | None = None

    def _refuse_equal(self) -> None:
        for number, (clean, twin) in enumerate(zip(self._clean, self._twins, strict=True), 1):
            if clean == twin:
                raise BadInputError(
                    f"Prompt {number} and its corrupt twin have the same tokens, so nothing is "
                    "exchanged: choose another --corrupt."
                )

    def __len__(self) -> int:
        return len(self._clean)

    @property
    def senders(self) -> Senders:
        """How the parts of the model add to its stream."""
        if self._senders is None:
            ids = self.model.ids([self._clean[0]])
            self._senders = Senders(self.model, ids, [self.read[0]], self._report)
        return self._senders

    @property
    def lengths(self) -> list[int]:
        """How many tokens each prompt has."""
        return [len(ids) for ids in self._clean]

    @property
    def firsts(self) -> tuple[int, ...]:
        """The first position at which each prompt's sides differ."""
        return tuple(self._first)

    def ids(self, prompts: Sequence[int]) -> torch.Tensor:
        """Return the token ids `[N, S]` of prompts of one length."""
        return self.model.ids([list(self._clean[i]) for i in prompts])

    def tokens(self) -> list[list[list[int]]]:
        """Return the tokens of all prompts, of their twins, and of the reference."""
        reference = self._reference.ids if self._reference else []
        sides = (self._clean, self._twins, reference)
        return [[list(ids) for ids in texts] for texts in sides]

    def bytes_of(self, prompt: int) -> int:
        """Return the memory that one prompt's sides take."""
        each = self.graph.n_senders * len(self._clean[prompt]) * self.model.info.d_model
        return 2 * _FLOAT * each

    def side(self, prompt: int) -> WholeSide:
        """Return a prompt's sides; as many are kept as a share of the memory holds.

        Prompts of one length that come after it are seen with it, as far as they can be kept too.
        """
        if prompt not in self._kept:
            limit = int(_SHARE_KEPT * budget_bytes(self.model))
            held = sum(map(self.bytes_of, self._kept))
            if held + self.bytes_of(prompt) > limit:
                self._kept.clear()
                held = 0
            self._kept |= self._see(self._together(prompt, limit - held))
        return self._kept[prompt]

    def _together(self, prompt: int, limit: int) -> list[int]:
        """Return a prompt and others that can share its passes and be kept with it."""
        length = self.lengths[prompt]
        most = min(limit // self.bytes_of(prompt), TOKENS_PER_PASS // length)
        if not self.model.reads_together or most < 2:
            return [prompt]
        alike = [n for n in range(prompt, len(self)) if self.lengths[n] == length]
        return [n for n in alike if n not in self._kept][:most]

    def read_off(self, prompt: int) -> ReadOff:
        """Return what is read of a prompt's untouched run."""
        if prompt not in self._read_off:
            self.side(prompt)
        return self._read_off[prompt]

    @torch.no_grad()
    def _see(self, prompts: list[int]) -> dict[int, WholeSide]:
        senders, ids = self.senders, self.ids(prompts)
        streams = senders.streams
        if prompts != [0]:
            streams = senders.seen(ids, [self.read[n] for n in prompts], self._report)
        own = senders.of(streams)
        other = self._others(prompts, own)
        return {
            prompt: self._side(
                prompt,
                ids[row : row + 1],
                (own[:, row].contiguous(), other[:, row].contiguous()),
                (streams.stream[0][row], streams.stream[-1][row], streams.logits[row]),
            )
            for row, prompt in enumerate(prompts)
        }

    def _side(
        self,
        prompt: int,
        ids: torch.Tensor,
        pair: tuple[torch.Tensor, torch.Tensor],
        seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    ) -> WholeSide:
        own, other = pair
        entering, last, logits = seen
        read, first = self.read[prompt], self._first[prompt]
        # What comes before the first difference is one run in both: rounding must not tell.
        other[:, :first] = own[:, :first]
        whole = self.metric == "loss"
        target = self.targets[prompt]
        measure = partial(_measure, self.metric, target, logits)
        moved = last.float() + (other - own).sum(0)
        empty = self.measured(moved[None], measure, None if whole else read)
        base = (
            self.measured(last[None], measure, None)
            if whole
            else measure(logits[None]).double().cpu().numpy()
        )
        found = ReadOff(float(base[0]), float(empty[0]), logits)
        self._read_off[prompt] = found
        where = None if whole else read
        streamed = (ids, entering, last, own, other)
        return WholeSide(*streamed, where, measure, found.base, found.empty)

    def measured(
        self,
        streams: torch.Tensor,
        measure: Callable[[torch.Tensor], torch.Tensor],
        read: int | None,
    ) -> np.ndarray:
        """Return the metric of streams `[streams, S, d_model]` before the final norm, float64."""
        if read is None:
            return self._measured_whole(streams, measure)
        # A norm may know the first position.
        at = [0, read] if read else [0]
        found = np.full(len(streams), np.nan)
        for rows, places, logits in logits_of(self.model, streams[:, at].to(self._dtype)):
            if places.stop == len(at):
                found[rows] = measure(logits[:, -1]).double().cpu().numpy()
        return found

    def _measured_whole(
        self, streams: torch.Tensor, measure: Callable[[torch.Tensor], torch.Tensor]
    ) -> np.ndarray:
        found, parts = np.full(len(streams), np.nan), list[torch.Tensor]()
        for rows, places, logits in logits_of(self.model, streams.to(self._dtype)):
            parts.append(logits)
            if places.stop == streams.shape[1]:
                found[rows] = measure(torch.cat(parts, 1)).double().cpu().numpy()
                parts.clear()
        return found

    @property
    def _dtype(self) -> torch.dtype:
        return self.senders.streams.stream[0].dtype

    def _others(self, prompts: list[int], own: torch.Tensor) -> torch.Tensor:
        """Return what each sender puts out elsewhere; a tensor of its own, `own`'s shape."""
        if self.elsewhere == "corrupt":
            twins = self.model.ids([list(self._twins[n]) for n in prompts])
            return self.senders.see(twins, self._report)
        if self._reference is None:
            return self._nothing(own)
        length = 0 if self._reference.pooled else own.shape[2]
        if length not in self._means:
            self._means[length] = self._reference.mean(self.senders, self._report)
        return self._means[length][:, None].expand_as(own).clone()

    def _nothing(self, own: torch.Tensor) -> torch.Tensor:
        """Return nothing of every sender, and of an MLP its bias, which is no part of it."""
        if self._biases is None:
            self._biases = mlp_biases(self.model, self.model.ids([self._clean[0]]))
        found = torch.zeros_like(own)
        for layer, bias in self._biases.items():
            found[self.graph.first_sender(layer) + self.graph.heads] = bias
        return found


def graph_of(model: LoadedModel) -> Graph:
    """Return the edges of a model."""
    info = model.info
    parallel = frozenset(n for n in range(info.n_layers) if is_parallel(model, n))
    return Graph(info.n_layers, info.n_heads, info.n_kv_heads, parallel)


def _measure(
    metric: Metric, target: Target, base: torch.Tensor, logits: torch.Tensor
) -> torch.Tensor:
    return score(metric, logits, target, base)
