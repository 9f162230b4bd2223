"""The nodes of a model's graph, with what they are called, and which of them an edge joins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from desktop_app.contract.edges import EMBED, LOGITS, Graph
from desktop_app.pictures.words import part_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.grammar import Part

NodeKind = Literal["embed", "head", "kv", "mlp", "logits"]


@dataclass(frozen=True)
class Node:
    """A part of the model.

    Attributes:
        number: Its number among all nodes: a sender's own, then the logits, then key-value heads.
        key: Its name in data: `5.3`, `m4`, `embed`; of a key-value head `5.kv1`.
        name: What it is called.
        kind: What it is.
        layer: Its layer; −1 for the embeddings.
        head: The head, or the key-value head.
        role: What it is known to do, in a word or two.
        kept: Whether the circuit holds it; None where there is no circuit.
        pinned: Whether it was put on the board by hand.
        published: Its role in a published circuit that is laid over; empty where it has none.
    """

    number: int
    key: str
    name: str
    kind: NodeKind
    layer: int
    head: int | None = None
    role: str = ""
    kept: bool | None = None
    pinned: bool = False
    published: str = ""

    @property
    def part(self) -> Part | None:
        """The head or MLP as settings write it; None for the others."""
        if self.kind == "head":
            return self.layer, self.head
        return (self.layer, None) if self.kind == "mlp" else None


@dataclass(frozen=True)
class NodeTable:
    """All nodes of a graph, and which of them each edge joins.

    Attributes:
        graph: The edges.
    """

    graph: Graph

    @property
    def logits(self) -> int:
        """The number of the logits."""
        return self.graph.n_senders

    @property
    def shares(self) -> bool:
        """Whether query heads share keys and values, so that these have nodes of their own."""
        return self.graph.kv_heads < self.graph.heads

    def __len__(self) -> int:
        own = self.graph.layers * self.graph.kv_heads if self.shares else 0
        return self.graph.n_senders + 1 + own

    @cached_property
    def receivers(self) -> np.ndarray:
        """The node of each input, `[inputs]`."""
        graph, found = self.graph, []
        for one in graph.receivers:
            if one.layer == graph.layers:
                found.append(self.logits)
            elif one.head < 0:
                found.append(graph.first_sender(one.layer) + graph.heads)
            elif one.kind == "q" or not self.shares:
                found.append(graph.first_sender(one.layer) + one.head)
            else:
                found.append(self.logits + 1 + one.layer * graph.kv_heads + one.head)
        return np.array(found, dtype=np.int32)

    @cached_property
    def ends(self) -> np.ndarray:
        """The node that each edge enters, `[edge]`."""
        return np.asarray(self.receivers[self.graph.inputs_of])

    def node(self, number: int) -> Node:
        """Return a node by its number."""
        graph = self.graph
        if number == 0:
            return Node(0, EMBED, EMBED, "embed", -1)
        if number == self.logits:
            return Node(number, LOGITS, "logits", "logits", graph.layers)
        if number > self.logits:
            layer, head = divmod(number - self.logits - 1, graph.kv_heads)
            return Node(number, f"{layer}.kv{head}", f"L{layer}KV{head}", "kv", layer, head)
        layer, place = divmod(number - 1, graph.heads + 1)
        if place == graph.heads:
            name = part_name(layer, None, "mlp")
            return Node(number, f"m{layer}", name, "mlp", layer)
        return Node(number, f"{layer}.{place}", part_name(layer, place), "head", layer, place)

    def number_of(self, part: Part) -> int | None:
        """Return the number of a head or an MLP; None where the model does not have it."""
        layer, head = part
        place = self.graph.heads if head is None else head
        if not (0 <= layer < self.graph.layers and 0 <= place <= self.graph.heads):
            return None
        if head is not None and place == self.graph.heads:
            return None
        return self.graph.first_sender(layer) + place

    def heads_of(self, number: int) -> range:
        """Return the query heads, by their number among nodes, that a key-value head serves."""
        if number <= self.logits:
            return range(0)
        layer, group = divmod(number - self.logits - 1, self.graph.kv_heads)
        size = self.graph.heads // self.graph.kv_heads
        first = self.graph.first_sender(layer) + group * size
        return range(first, first + size)

    def found(self, text: str) -> list[int]:
        """Return the nodes that a search means: `L5H3`, `5.3`, `m4`, `logits`, or a part of it."""
        wanted = text.strip().casefold().replace(" ", "")
        if not wanted:
            return []
        names = self._names
        exact = [i for i, told in enumerate(names) if wanted in told]
        if exact:
            return exact
        return [i for i, told in enumerate(names) if any(one.startswith(wanted) for one in told)]

    @cached_property
    def _names(self) -> tuple[tuple[str, ...], ...]:
        nodes = (self.node(number) for number in range(len(self)))
        return tuple((node.key.casefold(), node.name.casefold().replace(" ", "")) for node in nodes)


def edge_words(table: NodeTable, edge: int) -> str:
    """Return an edge as a person reads it: `L5H3 → L6H1 q`."""
    receiver = table.graph.receivers[int(table.graph.inputs_of[edge])]
    kind = "" if receiver.kind == "in" else f" {receiver.kind}"
    start = table.node(int(table.graph.senders_of[edge]))
    return f"{start.name} → {table.node(int(table.ends[edge])).name}{kind}"


def graph_of(told: object) -> Graph | None:
    """Return the graph of a model's shape as a result tells it; None where it tells none."""
    values: Sequence[Any]
    if hasattr(told, "keys"):
        known: Mapping[str, Any] = told  # type: ignore[assignment]
        values = [known.get(name) for name in ("layers", "heads", "kv_heads", "parallel")]
    else:
        values = list(told) if isinstance(told, (list, tuple, np.ndarray)) else []
    if len(values) < 3 or any(not isinstance(v, (int, np.integer)) for v in values[:3]):
        return None
    layers, heads, kv_heads = (int(v) for v in values[:3])
    parallel = values[3] if len(values) > 3 and values[3] is not None else ()
    if min(layers, heads, kv_heads) < 1 or heads % kv_heads:
        raise ValueError(f"{layers} layers of {heads} heads and {kv_heads} key-value heads")
    return Graph(layers, heads, kv_heads, frozenset(int(layer) for layer in parallel))
