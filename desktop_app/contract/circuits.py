"""Circuits of edges: how they are written, which edges are the largest, and what hangs loose.

A circuit is so many edges (`200`), a share of them (`0.02`), `all`, `none`, or a list:
`embed>m0, 5.3>6.1.q, 6.1>logits`. What another program writes is read as well: `input->m0`,
`a5.h3->a6.h4<k>`, where keys and values are those of a query head. Such a list may begin with the
shape of its model, `30x9` for 30 layers of 9 heads, so that no other takes it for its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import AfterValidator

from desktop_app.contract.edges import EMBED, LOGITS
from desktop_app.support.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from desktop_app.contract.edges import Graph

ALL, NONE = "all", "none"
_BETWEEN = re.compile(r"[\s,;]+")
_BRACKETS = re.compile(r"<([qkv])>")
_ARROW = re.compile(r"\s*(?:->|→|>)\s*")
_NODE = r"embed|input|logits|[mM]\d{1,6}|a\d{1,6}\.h\d{1,6}|[lL]\d{1,6}[hH]\d{1,6}|\d{1,6}\.\d{1,6}"
_EDGE = re.compile(rf"({_NODE})>({_NODE})(?:\.(q|k|v|in))?\Z")
_LONE = re.compile(rf"(?:{_NODE})\Z")
_SHAPE = re.compile(r"(\d{1,6})x(\d{1,6})\Z")
_COUNT = re.compile(r"\d{1,12}\Z")
_SHARE = re.compile(r"(?:\d+\.\d*|\.\d+)(?:[eE]-?\d+)?\Z")
_NUMBERS = re.compile(r"\d+")
_SHOWN = 60
_WRITE = (
    "write how many edges (200), a fraction of them (0.02), or edges such as embed>m0, 5.3>6.1.q, "
    "6.1>logits"
)


@dataclass(frozen=True)
class Chosen:
    """What a setting chooses.

    Attributes:
        count: How many of the largest edges, or of the nodes; None where they are listed.
        edges: The numbers of those that are listed, from the lowest.
        nodes: The senders that are listed, where whole nodes are kept.
    """

    count: int | None = None
    edges: np.ndarray | None = None
    nodes: np.ndarray | None = None


def share_of(fraction: float, whole: int) -> int:
    """Return how many a fraction is, cut to a whole number as MIB's evaluation does."""
    return int(fraction * whole)


def check_circuit(text: str) -> str:
    """Return the text without blanks around it.

    Raises:
        ValueError: It is neither an amount nor a list.
    """
    text = text.strip()
    if text in {"", ALL, NONE} or _COUNT.match(text):
        return text
    if _SHARE.match(text):
        if float(text) > 1:
            raise ValueError(f"{text} is more than the whole: a fraction goes from 0.0 to 1.0")
        return text
    for piece in _pieces(text):
        if not (_EDGE.match(piece) or _LONE.match(piece) or _SHAPE.match(piece)):
            raise ValueError(f"“{_cut(piece)}” is no edge: {_WRITE}")
    return text


CircuitText = Annotated[str, AfterValidator(check_circuit)]


def resolve_circuit(text: str, graph: Graph, *, nodes: bool = False) -> Chosen:
    """Return what a circuit setting chooses of a model's edges, or of its nodes.

    Raises:
        BadInputError: The model lacks what it names, or a list contradicts itself.
    """
    text, whole = text.strip(), graph.n_senders if nodes else len(graph)
    if text in {ALL, NONE}:
        return Chosen(whole if text == ALL else 0)
    if _COUNT.match(text):
        if int(text) > whole:
            what = "nodes" if nodes else "edges"
            raise BadInputError(f"--circuit {int(text):,}: there are {whole:,} {what}: take fewer.")
        return Chosen(int(text))
    if _SHARE.match(text):
        return Chosen(share_of(float(text), whole))
    return _Reader(graph, nodes=nodes).read(_pieces(text))


def written_edges(graph: Graph, edges: Iterable[int] | np.ndarray) -> str:
    """Return edges as the setting writes them: `embed>m0, 5.3>6.1.q`."""
    senders, names = graph.sender_names, graph.receiver_names
    inputs = [
        f"{n}.{r.kind}" if r.kind != "in" else n
        for n, r in zip(names, graph.receivers, strict=True)
    ]
    numbers = np.asarray(edges, dtype=np.int64)
    pairs = zip(graph.senders_of[numbers], graph.inputs_of[numbers], strict=True)
    return ", ".join(f"{senders[s]}>{inputs[r]}" for s, r in pairs) or NONE


def _pieces(text: str) -> list[str]:
    text = _ARROW.sub(">", _BRACKETS.sub(r".\1", text))
    return [piece for piece in _BETWEEN.split(text) if piece]


def _cut(piece: str) -> str:
    return piece if len(piece) <= _SHOWN else f"{piece[:_SHOWN]}…"


class _Reader:
    """Reads a list for one model."""

    def __init__(self, graph: Graph, *, nodes: bool) -> None:
        self._graph, self._nodes = graph, nodes
        self._senders = {name: number for number, name in enumerate(graph.sender_names)}
        self._receivers = {
            (name, r.kind): number
            for number, (name, r) in enumerate(
                zip(graph.receiver_names, graph.receivers, strict=True)
            )
        }
        self._group = graph.heads // max(1, graph.kv_heads)
        # By receiver and sender, the query heads for which a shared key or value is named.
        self._shared: dict[int, set[int]] = {}

    def read(self, pieces: Sequence[str]) -> Chosen:
        edges: set[int] = set()
        nodes: set[int] = set()
        for piece in pieces:
            if match := _SHAPE.match(piece):
                self._check_shape(int(match[1]), int(match[2]))
            elif match := _EDGE.match(piece):
                edges.add(self._edge(piece, match[1], match[2], match[3]))
            else:
                nodes.add(self._node(piece))
        self._check_shared()
        if nodes and edges:
            raise BadInputError("--circuit names edges and single nodes: keep to one of them.")
        if nodes:
            return Chosen(nodes=np.array(sorted(nodes), dtype=np.int64))
        return Chosen(edges=np.array(sorted(edges), dtype=np.int64))

    def _check_shape(self, layers: int, heads: int) -> None:
        graph = self._graph
        if (layers, heads) != (graph.layers, graph.heads):
            raise BadInputError(
                f"--circuit is one of a model of {layers} layers with {heads} heads each, and this "
                f"model has {graph.layers} with {graph.heads}: choose the model it was found in."
            )

    def _node(self, piece: str) -> int:
        name = _ours(piece)
        if not self._nodes:
            raise BadInputError(f"--circuit {piece}: that is a node; {_WRITE}, or turn on --nodes.")
        if name not in self._senders:
            raise BadInputError(f"--circuit {piece}: this model has no such node to keep.")
        return self._senders[name]

    def _edge(self, piece: str, sender: str, receiver: str, kind: str | None) -> int:
        source, target = _ours(sender), _ours(receiver)
        is_head = target not in {EMBED, LOGITS} and target[0] != "m"
        if is_head and kind in {None, "in"}:
            raise BadInputError(
                f"--circuit {piece}: a head has three inputs: write {target}.q, {target}.k or "
                f"{target}.v."
            )
        shared = receiver[0] == "a" and kind in {"k", "v"}
        if shared:
            layer, head = (int(n) for n in target.split("."))
            if head < self._graph.heads:
                target = f"{layer}.{head // self._group}"
        number = self._receivers.get((target, kind if is_head else "in"))  # type: ignore[arg-type]
        before = self._senders.get(source)
        if number is None or before is None or (not is_head and kind not in {None, "in"}):
            missing = sender if before is None else f"{receiver}{f'.{kind}' if kind else ''}"
            raise BadInputError(
                f"--circuit {piece}: this model has no {_part_words(before is None)} {missing}"
                f"{self._of_keys(is_head, kind)}."
            )
        if before >= self._graph.receivers[number].senders:
            raise BadInputError(
                f"--circuit {piece}: {source} does not come before {target}, so that there is no "
                "such edge: take it out."
            )
        edge = self._graph.edge(before, number)
        if shared:
            self._shared.setdefault(edge, set()).add(head)
        return edge

    def _of_keys(self, is_head: bool, kind: str | None) -> str:
        if not is_head or kind not in {"k", "v"} or self._group == 1:
            return ""
        return f" (keys and values are counted by their own {self._graph.kv_heads} heads)"

    def _check_shared(self) -> None:
        """Refuse keys and values that some query heads share and others of the group do not."""
        for edge, heads in self._shared.items():
            if len(heads) == self._group:
                continue
            receiver = self._graph.receivers[self._graph.inputs_of[edge]]
            sender = self._graph.sender_names[self._graph.senders_of[edge]]
            raise BadInputError(
                f"--circuit keeps {sender} to the {receiver.kind} of {len(heads)} of the "
                f"{self._group} query heads of layer {receiver.layer} that share one key-value "
                "head: they can only be kept or removed together."
            )


def _part_words(is_sender: bool) -> str:
    return "node" if is_sender else "input"


def _ours(node: str) -> str:
    """Return a node's own name: of `input` `embed`, of `a5.h3` and `L5H3` `5.3`."""
    if node == "input":
        return EMBED
    if node in {EMBED, LOGITS}:
        return node
    numbers = [str(int(n)) for n in _NUMBERS.findall(node)]
    return f"m{numbers[0]}" if node[0] in "mM" else ".".join(numbers)


def largest(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the numbers of the largest by size, from the lowest; of equals the lower numbers.

    What is no number comes last.
    """
    sizes = np.abs(scores)
    sizes = np.where(np.isnan(sizes), -1.0, sizes)
    whole = len(sizes)
    if count >= whole:
        return np.arange(whole)
    if count <= 0:
        return np.arange(0)
    least = np.partition(sizes, whole - count)[whole - count]
    above = np.flatnonzero(sizes > least)
    equal = np.flatnonzero(sizes == least)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))


class Pruner:
    """Takes the edges out of circuits that lead nowhere: no loop over edges.

    An edge stays where its sender is the embeddings or is itself reached, and where its receiver is
    the logits or a node from which they are reached. A head is reached by any of its inputs, and
    its keys and values are those of its key-value head.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @cached_property
    def _inputs(self) -> np.ndarray:
        """By sender the numbers of its three inputs `[senders, 3]`; an MLP's own three times."""
        graph = self._graph
        each, group = graph.heads + 2 * graph.kv_heads + 1, graph.heads // max(1, graph.kv_heads)
        heads = np.arange(graph.heads)
        of_heads = np.stack(
            [heads, graph.heads + heads // group, graph.heads + graph.kv_heads + heads // group], 1
        )
        of_layer = np.concatenate([of_heads, np.full((1, 3), each - 1)])
        by_layer = of_layer[None] + each * np.arange(graph.layers)[:, None, None]
        return np.concatenate([np.zeros((1, 3), dtype=np.int64), by_layer.reshape(-1, 3)])

    def __call__(self, edges: np.ndarray) -> np.ndarray:
        """Return those of a circuit's edges that lie on a way from the embeddings to the logits."""
        graph, inputs = self._graph, self._inputs
        n_inputs, n_senders = len(graph.receivers), graph.n_senders
        senders, receivers = graph.senders_of[edges], graph.inputs_of[edges]
        while True:
            is_read = np.bincount(receivers, minlength=n_inputs) > 0
            live = is_read[inputs].any(1)
            live[0] = True
            live &= np.bincount(senders, minlength=n_senders) > 0
            leads_on = np.zeros(n_inputs, dtype=bool)
            leads_on[inputs[1:][live[1:]]] = True
            leads_on[-1] = True
            stay = live[senders] & leads_on[receivers]
            if stay.all():
                return edges
            edges, senders, receivers = edges[stay], senders[stay], receivers[stay]

    def of_nodes(self, nodes: np.ndarray) -> np.ndarray:
        """Return the edges among whole nodes and to the logits, pruned."""
        graph = self._graph
        kept = np.zeros(graph.n_senders, dtype=bool)
        kept[nodes] = True
        read = np.zeros(len(graph.receivers), dtype=bool)
        read[self._inputs[1:][kept[1:]]] = True
        read[-1] = True
        return self(np.flatnonzero(kept[graph.senders_of] & read[graph.inputs_of]))

    def nodes_of(self, edges: np.ndarray) -> np.ndarray:
        """Return which senders a pruned circuit holds, `[senders]`."""
        held = np.zeros(self._graph.n_senders, dtype=bool)
        held[self._graph.senders_of[edges]] = True
        return held
