"""Circuits of edges, run: against hooks on Hugging Face's own modules, and against themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from desktop_app.contract.circuits import Pruner, resolve_circuit
from desktop_app.contract.edges import Graph
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.engine.receivers import is_parallel
from desktop_app.methods import edge_circuits
from desktop_app.methods.edge_circuits import (
    areas,
    circuits_per_pass,
    faithfulness,
    score_circuits,
)
from desktop_app.methods.edge_nodes import node_effects
from desktop_app.methods.senders import Senders
from desktop_app.methods.streams import Wanted, read_streams
from desktop_app.support.errors import Cancelled
from tests.models import named, tiny

if TYPE_CHECKING:
    from collections.abc import Callable

CLEAN, CORRUPT = torch.tensor([[1, 5, 9, 17, 33, 65]]), torch.tensor([[1, 7, 9, 20, 33, 6]])
ANSWER, WRONG, READ = 40, 41, 5
FRACTIONS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def difference(logits):
    return logits[:, ANSWER] - logits[:, WRONG]


@dataclass(frozen=True)
class Side:
    """One prompt and what its parts put out elsewhere."""

    ids: torch.Tensor
    entering: torch.Tensor
    own: torch.Tensor
    other: torch.Tensor
    read: int | None
    score: Callable[[torch.Tensor], torch.Tensor]
    base: float


@cache
def setting(architecture):
    model = tiny(architecture)
    info = model.info
    senders = Senders(model, CLEAN, [READ])
    own, other = senders.of(senders.streams)[:, 0], senders.see(CORRUPT)[:, 0]
    parallel = frozenset(n for n in range(info.n_layers) if is_parallel(model, n))
    graph = Graph(info.n_layers, info.n_heads, info.n_kv_heads, parallel)
    with torch.no_grad():
        base, empty = (float(difference(model.run(ids)[:, READ])) for ids in (CLEAN, CORRUPT))
    entering = senders.streams.stream[0][0]
    side = Side(CLEAN, entering, own, other, READ, difference, base)
    return model, senders, graph, side, empty


def scores_of(model, senders, graph, side, circuits):
    return score_circuits(model, senders, graph, [side], circuits, SilentReporter())[:, 0]


@dataclass(frozen=True)
class Layout:
    """Where an architecture keeps its parts, in Hugging Face's own names."""

    layers: str
    final: str
    attn: str
    mlp: str
    norms: tuple[str, str]  # before attention and before the MLP
    projections: tuple[str, ...]  # q, k, v; or one for all
    out: str
    behind: str = ""  # a norm behind attention
    behind_mlp: str = ""
    joined: str = ""  # how one projection holds all: `blocks` one after the other, or by `heads`


LLAMA = Layout(
    "model.layers", "model.norm", "self_attn", "mlp",
    ("input_layernorm", "post_attention_layernorm"), ("q_proj", "k_proj", "v_proj"), "o_proj",
)  # fmt: skip
LAYOUTS = {
    "gpt2": Layout("transformer.h", "transformer.ln_f", "attn", "mlp", ("ln_1", "ln_2"),
                   ("c_attn",), "c_proj", joined="blocks"),
    "gpt_neox": Layout("gpt_neox.layers", "gpt_neox.final_layer_norm", "attention", "mlp",
                       ("input_layernorm", "post_attention_layernorm"), ("query_key_value",),
                       "dense", joined="heads"),
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "mistral": LLAMA,
    "gemma2": Layout("model.layers", "model.norm", "self_attn", "mlp",
                     ("input_layernorm", "pre_feedforward_layernorm"),
                     ("q_proj", "k_proj", "v_proj"), "o_proj", "post_attention_layernorm",
                     "post_feedforward_layernorm"),
    "phi": Layout("model.layers", "model.final_layernorm", "self_attn", "mlp",
                  ("input_layernorm", "input_layernorm"), ("q_proj", "k_proj", "v_proj"), "dense"),
}  # fmt: skip


class Plainly:
    """A circuit by hooks: every projection computed anew for each head from its own stream."""

    def __init__(self, layout, source, graph, read=READ):
        self.model = AutoModelForCausalLM.from_pretrained(
            source, attn_implementation="eager", dtype=torch.float32
        ).eval()
        self.layout, self.graph, self.read = layout, graph, read
        self.width = self.model.config.hidden_size // graph.heads
        self.width = getattr(self.model.config, "head_dim", None) or self.width
        self.blocks = self.model.get_submodule(self.layout.layers)
        self.parts: dict[int, torch.Tensor] = {}
        self.stream: dict[Any, torch.Tensor] = {}
        self.removed, self.other = None, None

    def run(self, ids, removed=None, other=None):
        """Return the last logits and what each sender added."""
        self.parts, self.removed, self.other = {}, removed, other
        handles = list(self._hooks())
        with torch.no_grad():
            logits = self.model(ids).logits[:, self.read]
        for handle in handles:
            handle.remove()
        return logits, [self.parts[n] for n in range(self.graph.n_senders)]

    def _offset(self, number):
        """Return what a receiver is given beside the stream: removed senders' other − own."""
        if self.removed is None:
            return 0.0
        first, receiver = self.graph.first_edges[number], self.graph.receivers[number]
        lost = [s for s in range(receiver.senders) if self.removed[first + s]]
        return sum((self.other[s] - self.parts[s] for s in lost), torch.zeros(()))

    def _hooks(self):
        layout, graph = self.layout, self.graph
        each = graph.heads + 2 * graph.kv_heads + 1
        yield self.blocks[0].register_forward_pre_hook(self._embed)
        for layer, block in enumerate(self.blocks):
            yield block.register_forward_pre_hook(self._note(("in", layer)))
            attn = block.get_submodule(layout.attn)
            for name in layout.projections:
                hook = self._project(layer, name, each * layer)
                yield attn.get_submodule(name).register_forward_hook(hook)
            yield attn.get_submodule(layout.out).register_forward_pre_hook(self._heads(layer))
            norm = block.get_submodule(layout.norms[1])
            if layer not in graph.parallel:
                yield norm.register_forward_pre_hook(self._note(("mid", layer)))
            mlp = block.get_submodule(layout.mlp)
            yield mlp.register_forward_pre_hook(self._mlp_in(layer, each * layer + each - 1, norm))
            last = block.get_submodule(layout.behind_mlp) if layout.behind_mlp else mlp
            yield last.register_forward_hook(self._mlp_out(layer))
        final = self.model.get_submodule(layout.final)

        def at_end(module, given, _out):
            return module.forward(given[0] + self._offset(len(graph.receivers) - 1))

        yield final.register_forward_hook(at_end)

    def _embed(self, _module, given):
        self.parts[0] = given[0].detach()

    def _note(self, key):
        def note(_module, given):
            self.stream[key] = given[0].detach()

        return note

    def _project(self, layer, name, first):
        layout, graph, width = self.layout, self.graph, self.width
        names = "qkv" if layout.joined else name[0]
        norm = self.blocks[layer].get_submodule(layout.norms[0])

        def project(module, _given, out):
            out = out.clone()
            for kind in names:
                count = graph.heads if kind == "q" else graph.kv_heads
                before = {"q": 0, "k": graph.heads, "v": graph.heads + graph.kv_heads}[kind]
                for head in range(count):
                    stream = self.stream["in", layer] + self._offset(first + before + head)
                    start = head * width
                    if layout.joined == "blocks":
                        start += "qkv".index(kind) * graph.heads * width
                    elif layout.joined == "heads":
                        start = (3 * head + "qkv".index(kind)) * width
                    made = module.forward(norm.forward(stream))
                    out[..., start : start + width] = made[..., start : start + width]
            return out

        return project

    def _heads(self, layer):
        graph, layout, width = self.graph, self.layout, self.width
        block = self.blocks[layer]
        out = block.get_submodule(layout.attn).get_submodule(layout.out)

        def heads(_module, given):
            z, whole = given[0], out.forward(given[0])
            scale = 1.0
            if layout.behind:
                scale = block.get_submodule(layout.behind).forward(whole) / whole
            nothing = out.forward(torch.zeros_like(z))
            for head in range(graph.heads):
                alone = torch.zeros_like(z)
                part = slice(head * width, (head + 1) * width)
                alone[..., part] = z[..., part]
                number = graph.first_sender(layer) + head
                self.parts[number] = (out.forward(alone) - nothing) * scale

        return heads

    def _mlp_in(self, layer, number, norm):
        def mlp_in(_module, given):
            beside = layer in self.graph.parallel
            stream = self.stream["in" if beside else "mid", layer]
            return (norm.forward(stream + self._offset(number)), *given[1:])

        return mlp_in

    def _mlp_out(self, layer):
        def mlp_out(_module, _given, out):
            self.parts[self.graph.first_sender(layer) + self.graph.heads] = out.detach()

        return mlp_out


@pytest.mark.parametrize("architecture", LAYOUTS)
def test_a_circuit_is_what_plain_hooks_make_of_it(architecture):
    model, senders, graph, side, empty = setting(architecture)
    plain = Plainly(LAYOUTS[architecture], model.info.source, graph)
    random = np.random.default_rng(0)
    untouched, own = plain.run(CLEAN)
    _logits, other = plain.run(CORRUPT)
    assert float(difference(untouched)) == pytest.approx(side.base, abs=1e-4)
    torch.testing.assert_close(torch.cat(own), side.own, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(torch.cat(other), side.other, atol=1e-4, rtol=1e-4)
    kept = [np.flatnonzero(random.random(len(graph)) < p) for p in (0.1, 0.5, 0.5, 0.9, 0.98)]
    circuits = [*kept, Pruner(graph)(kept[1]), np.arange(0)]
    found = scores_of(model, senders, graph, side, circuits)
    expected = []
    for circuit in circuits:
        removed = np.ones(len(graph), dtype=bool)
        removed[circuit] = False
        expected.append(float(difference(plain.run(CLEAN, removed, other)[0])))
    assert np.ptp(found) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found[-1] == pytest.approx(empty, abs=1e-4)  # it is the corrupt prompt


@pytest.mark.parametrize("architecture", ["llama", "gpt_neox", "phi"])
def test_what_leads_nowhere_changes_nothing(architecture):
    """Behind a norm of its own the heads of a layer share a scale: there it can, a little."""
    model, senders, graph, side, _empty = setting(architecture)
    random, prune = np.random.default_rng(1), Pruner(graph)
    kept = [np.flatnonzero(random.random(len(graph)) < p) for p in (0.05, 0.1, 0.2)]
    pruned = [prune(edges) for edges in kept]
    assert any(0 < len(few) < len(edges) for few, edges in zip(pruned, kept, strict=True))
    whole, few = (scores_of(model, senders, graph, side, some) for some in (kept, pruned))
    np.testing.assert_allclose(whole, few, atol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "phi"])
def test_all_edges_run_are_the_model(architecture, monkeypatch):
    """The untouched run stands for a circuit of all edges; here it is run all the same."""
    model, senders, graph, side, empty = setting(architecture)
    runs = [(side, np.arange(len(graph))), (side, np.arange(0))]
    found = edge_circuits.run_circuits(model, senders, graph, runs, SilentReporter())
    np.testing.assert_allclose(found, [side.base, empty], atol=1e-5)
    monkeypatch.setattr(edge_circuits, "run_circuits", None)
    whole = [np.arange(len(graph))]
    assert scores_of(model, senders, graph, side, whole) == [side.base]


def test_equal_circuits_are_run_once_and_batches_change_no_number(monkeypatch):
    model, senders, graph, side, _empty = setting("llama")
    random = np.random.default_rng(2)
    circuits = [np.flatnonzero(random.random(len(graph)) < 0.5) for _ in range(5)]
    circuits.append(circuits[2])
    sizes, run = [], edge_circuits.run_circuits

    def counted(model, senders, graph, some, report):
        sizes.append(len(some))
        return run(model, senders, graph, some, report)

    monkeypatch.setattr(edge_circuits, "run_circuits", counted)
    found = scores_of(model, senders, graph, side, circuits)
    assert sizes == [5]
    assert found[5] == found[2]
    monkeypatch.setattr(edge_circuits, "circuits_per_pass", lambda *_: 2)
    again = scores_of(model, senders, graph, side, circuits)
    assert sizes == [5, 2, 2, 1]
    np.testing.assert_allclose(again, found, atol=1e-5)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_prompts_share_passes(architecture, monkeypatch):
    model, senders, graph, side, _empty = setting(architecture)
    ids = torch.tensor([[1, 8, 30, 17, 21, 65]])
    streams = read_streams(model, ids, Wanted(True, ("head_z",), [3]))
    own, other = senders.of(streams)[:, 0], senders.see(CORRUPT)[:, 0]

    def score(logits):
        return logits[:, 50] - logits[:, 51]

    base = float(score(streams.logits)[0])
    second = Side(ids, streams.stream[0][0], own, other, 3, score, base)
    random = np.random.default_rng(4)
    circuits = [np.flatnonzero(random.random(len(graph)) < 0.6) for _ in range(3)]
    circuits.append(np.arange(len(graph)))
    sizes, run = [], edge_circuits.run_circuits

    def counted(model, senders, graph, some, report):
        sizes.append(len(some))
        return run(model, senders, graph, some, report)

    monkeypatch.setattr(edge_circuits, "run_circuits", counted)
    pair = [side, second]
    found = score_circuits(model, senders, graph, pair, circuits, SilentReporter())
    assert sizes == [6]
    expected = [scores_of(model, senders, graph, one, circuits) for one in pair]
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-5)
    assert found[3].tolist() == [side.base, base]


def test_fewer_circuits_share_a_pass_where_memory_runs_out(monkeypatch):
    model, senders, graph, side, _empty = setting("llama")
    random = np.random.default_rng(3)
    circuits = [np.flatnonzero(random.random(len(graph)) < 0.5) for _ in range(5)]
    expected = scores_of(model, senders, graph, side, circuits)
    run = edge_circuits.run_circuits

    def scarce(model, senders, graph, some, report):
        if len(some) > 1:
            raise MemoryError
        return run(model, senders, graph, some, report)

    monkeypatch.setattr(edge_circuits, "run_circuits", scarce)
    found = scores_of(model, senders, graph, side, circuits)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_passes_hold_to_the_budget(monkeypatch):
    model, _senders, graph, side, _empty = setting("llama")
    many = circuits_per_pass(model, graph, side)
    assert many > 4
    monkeypatch.setattr(edge_circuits, "budget_bytes", lambda _model: 1)
    assert circuits_per_pass(model, graph, side) == 1
    monkeypatch.undo()
    monkeypatch.setattr(edge_circuits, "_CPU_TOKENS", 10**9)
    sizes = []
    for budget in (10**7, 2 * 10**7):
        monkeypatch.setattr(edge_circuits, "budget_bytes", lambda _model, b=budget: b)
        sizes.append(circuits_per_pass(model, graph, side))
    assert 1 < sizes[0] < sizes[1] <= 2 * sizes[0] + 1


def test_a_run_can_be_stopped_at_every_layer():
    model, senders, graph, side, _empty = setting("llama")

    class Stops(Reporter):
        def step(self, fraction, note=""):
            raise Cancelled

    circuits = [np.arange(3)]
    with pytest.raises(Cancelled):
        score_circuits(model, senders, graph, [side], circuits, Stops())
    assert score_circuits(model, senders, graph, [side], circuits, SilentReporter()).shape == (1, 1)


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2", "phi", "opt", "olmo2"])
def test_a_node_exchanged_is_a_circuit_without_its_edges(architecture):
    model, senders, graph, side, _empty = setting(architecture)
    found = node_effects(model, graph, side, SilentReporter())
    assert found.shape == (graph.n_senders,)
    circuits = [np.flatnonzero(graph.senders_of != node) for node in range(graph.n_senders)]
    scores = scores_of(model, senders, graph, side, circuits)
    assert np.abs(found).max() > 0.05
    np.testing.assert_allclose(found, scores - side.base, atol=1e-4)


def test_faithfulness_is_a_share_of_what_there_is_to_explain():
    scores = np.array([[1.0, 5.0], [3.0, 7.0], [5.0, 9.0]])
    found = faithfulness(scores, np.array([1.0, 5.0]), np.array([5.0, 5.005]), 0.01)
    assert found[:, 0].tolist() == [0.0, 0.5, 1.0]
    assert np.isnan(found[:, 1]).all()


def test_areas_are_those_of_a_hand_computation():
    curve = np.array([0.0, 0.1, 0.2, 0.3, 0.6, 0.8, 1.1, 1.3, 1.1, 1.0])
    under = beyond = 0.0
    for n in range(9):
        step = FRACTIONS[n + 1] - FRACTIONS[n]
        under += step * (curve[n] + curve[n + 1]) / 2
        beyond += step * (abs(1 - curve[n]) + abs(1 - curve[n + 1])) / 2
    assert areas(curve, FRACTIONS) == pytest.approx((under, beyond), abs=1e-12)
    # By hand: 0.3 · (1.3 + 1.1) / 2 is the largest piece, 0.5 · (1.1 + 1) / 2 the next.
    assert areas(np.ones(10), FRACTIONS) == pytest.approx((0.999, 0.0))
    assert areas(np.zeros(10), FRACTIONS) == pytest.approx((0.0, 0.999))


def test_a_listed_circuit_of_a_tiny_model_is_found_by_its_names():
    graph = setting("llama")[2]
    edges = resolve_circuit("embed>m0, m0>logits", graph).edges
    assert Pruner(graph)(edges).tolist() == edges.tolist()


@pytest.mark.pack
@pytest.mark.model
def test_a_circuit_of_the_pack_is_what_plain_hooks_make_of_it(smollm2_folder):
    model = named("smollm2")
    encoder = model.tokenizer.with_bos("no")
    clean, corrupt = (model.ids([encoder.encode(t).ids]) for t in ("1 2 3 4 ", "7 9 6 1 "))
    five, four = encoder.encode("5").ids[-1], encoder.encode("4").ids[-1]
    read, graph = clean.shape[1] - 1, Graph(30, 9, 3)

    def score(logits):
        return logits[:, five] - logits[:, four]

    senders = Senders(model, clean, [read])
    own, other = senders.of(senders.streams)[:, 0], senders.see(corrupt)[:, 0]
    base = float(score(senders.streams.logits)[0])
    entering = senders.streams.stream[0][0]
    side = Side(clean, entering, own, other, read, score, base)
    random = np.random.default_rng(0)
    # Mostly what stands at the read position decides: most edges have to stay.
    kept = Pruner(graph)(np.flatnonzero(random.random(len(graph)) < 0.9))
    found = scores_of(model, senders, graph, side, [kept])
    plain = Plainly(LLAMA, str(smollm2_folder), graph, read)
    _logits, others = plain.run(corrupt)
    removed = np.ones(len(graph), dtype=bool)
    removed[kept] = False
    expected = float(score(plain.run(clean, removed, others)[0])[0])
    assert base == pytest.approx(5.889, abs=0.005)
    assert abs(expected - base) > 0.1
    assert found[0] == pytest.approx(expected, abs=1e-3)
