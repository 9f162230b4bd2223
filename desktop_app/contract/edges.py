"""The edges of a model: nodes, inputs, names, and how many there are.

Nodes are the embeddings (`embed`), every head (`5.3`), every MLP (`m4`) and `logits`. An edge leads
from a node's output into one input of a later node: a head's `q`, `k` or `v`, or `in`. Where query
heads share keys and values, `k` and `v` are those of the key-value head, and its number is the
head's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

EMBED, LOGITS = "embed", "logits"
InputKind = Literal["q", "k", "v", "in"]
INPUT_KINDS: tuple[InputKind, ...] = ("q", "k", "v", "in")


@dataclass(frozen=True)
class Receiver:
    """One input of a part.

    Attributes:
        layer: Its layer; the number of layers for the logits.
        kind: Which input.
        head: The head, for `k` and `v` the key-value head; −1 for MLPs and the logits.
        senders: How many senders come before it: those of these numbers write what it reads.
    """

    layer: int
    kind: InputKind
    head: int
    senders: int


@dataclass(frozen=True)
class Graph:
    """All edges of a model's shape.

    Senders are numbered from the first layer to the last: the embeddings are 0, then layer by layer
    come the heads and the MLP. Receivers come layer by layer too: queries, keys, values, MLP, and
    the logits at the end. Edges are numbered receiver by receiver, in the order of their senders.

    Attributes:
        layers: How many.
        heads: Query heads of a layer.
        kv_heads: Key-value heads of a layer.
        parallel: The layers whose MLP reads what their attention reads.
    """

    layers: int
    heads: int
    kv_heads: int
    parallel: frozenset[int] = frozenset()

    @property
    def n_senders(self) -> int:
        """How many senders there are."""
        return 1 + self.layers * (self.heads + 1)

    def first_sender(self, layer: int) -> int:
        """Return the number of a layer's first head; one less is how much came before."""
        return 1 + layer * (self.heads + 1)

    @cached_property
    def receivers(self) -> tuple[Receiver, ...]:
        """All inputs, in order."""
        found = []
        for layer in range(self.layers):
            before = self.first_sender(layer)
            counts: dict[InputKind, int] = {"q": self.heads, "k": self.kv_heads, "v": self.kv_heads}
            for kind, count in counts.items():
                found += [Receiver(layer, kind, head, before) for head in range(count)]
            own = 0 if layer in self.parallel else self.heads
            found.append(Receiver(layer, "in", -1, before + own))
        return (*found, Receiver(self.layers, "in", -1, self.n_senders))

    @cached_property
    def first_edges(self) -> np.ndarray:
        """The number of each receiver's first edge, and how many edges there are `[inputs + 1]`."""
        return np.cumsum([0, *(receiver.senders for receiver in self.receivers)])

    def __len__(self) -> int:
        return int(self.first_edges[-1])

    @cached_property
    def senders_of(self) -> np.ndarray:
        """The sender of each edge, int32 `[edge]`."""
        return np.concatenate([np.arange(r.senders, dtype=np.int32) for r in self.receivers])

    @cached_property
    def inputs_of(self) -> np.ndarray:
        """The receiver of each edge, by its number, int32 `[edge]`."""
        counts = [receiver.senders for receiver in self.receivers]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def edge(self, sender: int, receiver: int) -> int:
        """Return the number of the edge from a sender into a receiver; both by their numbers.

        Raises:
            ValueError: There is none.
        """
        if not 0 <= sender < self.receivers[receiver].senders:
            raise ValueError(f"{self.sender_names[sender]} does not come before that input")
        return int(self.first_edges[receiver]) + sender

    @cached_property
    def sender_names(self) -> tuple[str, ...]:
        """The node of each sender."""
        names = [EMBED]
        for layer in range(self.layers):
            names += [*(f"{layer}.{head}" for head in range(self.heads)), f"m{layer}"]
        return tuple(names)

    @cached_property
    def receiver_names(self) -> tuple[str, ...]:
        """The node of each receiver, key-value heads by their own number."""
        return tuple(
            LOGITS
            if r.layer == self.layers
            else f"m{r.layer}"
            if r.head < 0
            else f"{r.layer}.{r.head}"
            for r in self.receivers
        )
