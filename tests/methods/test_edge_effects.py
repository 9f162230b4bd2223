"""Exact effects and estimates of edges, against a loop of plain hooks and against autograd."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from transformer_lens import patching
from transformers import AutoModelForCausalLM

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.edge_effects import exact_effects
from desktop_app.methods.edge_estimates import estimates
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.prepare import prepare
from tests.models import named, tiny
from tests.plain_edges import effects_of, receivers_of, senders_of, slopes_of

ROW = PromptRow(text="ab cd f", corrupt="ab zd f", answer=("g",), wrong=("h",))
TOY = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",))
# Biases and learned positions; side by side; grouped queries; norms of queries and keys; norms
# behind the parts; multipliers; experts; one axis of rows and positions.
ARCHITECTURES = (
    *("gpt2", "gpt_neox", "phi", "falcon", "cohere", "llama", "qwen2", "qwen3", "gemma2"),
    *("olmo2", "stablelm", "granite", "mixtral", "opt"),
)
ESTIMATED = ("gpt2", "llama", "gemma2")


def loaded(name):
    return named("toy") if name == "toy" else tiny(name)


def sides_of(name, metric="logit_diff", elsewhere="corrupt", rows=()):
    model = loaded(name)
    row = TOY if name == "toy" else ROW
    params = EdgesParams(prompts=rows or (row,))
    prepared = prepare(model, params)
    return Sides(model, params, prepared, (metric, elsewhere, ()), SilentReporter())


def exact_of(sides, edges=None):
    found = np.full((len(sides.graph), len(sides)), np.nan)
    numbers = np.arange(len(sides.graph)) if edges is None else edges
    exact_effects(sides, numbers, found, SilentReporter())
    return found


@cache
def plain(name):
    """Return the sides, what each sender adds more on the twin, and every edge by plain hooks."""
    sides = sides_of(name)
    model = sides.model
    ids = sides.ids([0])
    twin = model.ids([list(prepare(model, EdgesParams(
        prompts=(TOY if name == "toy" else ROW,))).corrupt[0].ids)])  # fmt: skip
    apart = senders_of(model, twin) - senders_of(model, ids)
    return sides, ids, apart, effects_of(model, ids, apart, metric_of(sides)).numpy()


def metric_of(sides):
    target = sides.targets[0]

    def metric(logits):
        return logits[:, list(target.answers)].mean(-1) - logits[:, list(target.wrongs)].mean(-1)

    return metric


@pytest.mark.parametrize("name", ["toy", *ARCHITECTURES])
def test_exact_edges_of_every_kind_are_those_of_a_loop_of_plain_hooks(name):
    sides, _ids, apart, expected = plain(name)
    own = sides.side(0)
    torch.testing.assert_close(own.apart, apart, atol=2e-5, rtol=1e-4)
    found = exact_of(sides)[:, 0]
    assert len(found) == len(expected) == len(sides.graph) > 150
    assert np.abs(expected).max() > 1e-3
    assert np.abs(found - expected).max() < 1e-4
    # A part of them, in any order, gives the same.
    some = np.random.default_rng(0).permutation(len(found))[:40]
    apart = exact_of(sides, some)[:, 0]
    assert np.abs(apart[some] - expected[some]).max() < 1e-4
    assert np.isnan(apart).sum() == len(found) - 40


def test_the_edges_are_numbered_as_the_plain_loop_goes():
    for name in ("gpt2", "llama", "phi"):
        sides = sides_of(name)
        places = [(r.layer, r.kind, r.head) for r in sides.graph.receivers]
        counts = [r.senders for r in sides.graph.receivers]
        assert list(zip(places, counts, strict=True)) == list(receivers_of(sides.model))


@pytest.mark.parametrize("name", ESTIMATED)
def test_estimates_are_what_autograd_gives_edge_by_edge(name):
    sides, ids, apart, _effects = plain(name)
    model, metric = sides.model, metric_of(sides)
    steps = 2
    averaged, eap = estimates(sides, 0, steps, SilentReporter())
    expected = slopes_of(model, ids, apart, metric).numpy()
    assert np.abs(expected).max() > 1e-3
    assert np.abs(eap - expected).max() < 1e-5
    own = sides.side(0)
    clean, corrupt = own.entering.float(), own.other[0]
    halfway = slopes_of(model, ids, apart, metric, (clean + corrupt) / 2).numpy()
    assert np.abs(averaged - (halfway + expected) / 2).max() < 1e-5
    assert np.abs(averaged - eap).max() > 1e-4
    alone = estimates(sides, 0, 0, SilentReporter())
    assert np.abs(np.array(alone) - eap).max() < 1e-6


@pytest.mark.parametrize("name", ["toy", "llama", "gpt2"])
def test_what_leaves_the_embeddings_is_the_whole_difference_with_many_steps(name):
    sides = sides_of(name)
    graph, read = sides.graph, sides.read_off(0)
    leaving = graph.senders_of == 0
    whole = read.empty - read.base
    sums = [
        estimates(sides, 0, steps, SilentReporter())[0][leaving].sum() for steps in (16, 32, 64)
    ]
    off = [abs(found - whole) for found in sums]
    assert abs(whole) > 1e-2
    # The error of a sum at the steps' ends halves with twice the steps; what it goes to is whole.
    assert off[1] < 0.6 * off[0]
    assert off[2] < 0.6 * off[1]
    assert abs(2 * sums[2] - sums[1] - whole) < 0.02 * abs(whole)


@pytest.mark.parametrize(("name", "kinds"), [("gpt2", "qkv"), ("llama", "q")])
def test_transformerlens_direct_paths_between_heads_are_the_same_edges(name, kinds):
    """Its corrupted run is our clean one, its clean cache our twin: a head's `z @ W_O` is added."""
    sides, ids, _apart, _expected = plain(name)
    model, graph = sides.model, sides.graph
    twin = model.ids([sides.tokens()[1][0]])
    metric, base = metric_of(sides), sides.read_off(0).base
    caches = [model.bridge.run_with_cache(text)[1] for text in (twin, ids)]
    found = exact_of(sides)[:, 0]
    for kind in kinds:
        for head in (0, 3):
            results = patching.get_act_patch_direct_path(
                *(model.bridge, ids, *caches, lambda x: metric(x[:, -1])[0], 0, head),
                component=kind,
                verbose=False,
            )
            for number, receiver in enumerate(graph.receivers):
                if receiver.kind == kind and receiver.layer > 0:
                    own = found[graph.edge(graph.first_sender(0) + head, number)]
                    theirs = float(results[receiver.layer, receiver.head]) - base
                    assert own == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("metric", ["logit", "logprob", "prob", "kl", "rank", "loss"])
def test_every_metric_of_the_contract(metric):
    sides = sides_of("llama", metric)
    reference, ids, apart, _ = plain("llama")
    model, target = sides.model, sides.targets[0]
    base = model.bridge(ids)[0, -1].detach()

    def measure(logits):
        logprobs, answers = logits.log_softmax(-1), list(target.answers)
        return {
            "logit": lambda: logits[:, answers].mean(-1),
            "logprob": lambda: logprobs[:, answers].mean(-1),
            "prob": lambda: logprobs[:, answers].exp().mean(-1),
            "rank": lambda: (logits > logits[:, answers]).sum(-1).float(),
            "kl": lambda: (base.softmax(-1) * (base.log_softmax(-1) - logprobs)).sum(-1),
        }[metric]()

    found = exact_of(sides)[:, 0]
    if metric == "loss":
        # Edges from the embeddings into the first queries and into the logits, by two runs.
        expected = loss_of_some(model, ids, apart)
        for edge, value in expected.items():
            assert found[edge] == pytest.approx(value, abs=1e-5)
        return
    expected = effects_of(model, ids, apart, measure).numpy()
    assert np.abs(found - expected).max() < 1e-4
    assert len(reference.graph) == len(found)


def loss_of_some(model, ids, apart):
    """Return the change of the loss by edges from the embeddings: into 0.0's query, and logits."""
    made = {}

    def loss(logits):
        return float(torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]))

    def put(x, hook):
        x = x.clone()
        x[:, :, 0] = made["q"][:, :, 0]
        return x

    def add(x, hook):
        return x + apart[0]

    with torch.no_grad():
        base = loss(model.bridge(ids))
        model.bridge.run_with_hooks(
            ids,
            fwd_hooks=[
                ("blocks.0.hook_in", add),
                ("blocks.0.attn.hook_q", lambda x, hook: made.__setitem__("q", x.clone())),
            ],
        )
        query = model.bridge.run_with_hooks(ids, fwd_hooks=[("blocks.0.attn.hook_q", put)])
        final = model.bridge.run_with_hooks(ids, fwd_hooks=[("ln_final.hook_in", add)])
    count = sum(n for _place, n in receivers_of(model))
    last = count - (1 + model.info.n_layers * (model.info.n_heads + 1))
    return {0: loss(query) - base, last: loss(final) - base}


# Where Hugging Face keeps the last projection of an MLP, by architecture.
LAST = {
    "gpt2": "transformer.h.{}.mlp.c_proj",
    "gpt_neox": "gpt_neox.layers.{}.mlp.dense_4h_to_h",
    "opt": "model.decoder.layers.{}.fc2",
    "phi": "model.layers.{}.mlp.fc2",
}


def nothing_but_biases(model, own, architecture="gpt2"):
    """Return what stays where every sender puts out nothing: the biases of the MLPs."""
    other, info = torch.zeros_like(own), model.info
    if architecture in LAST:
        plainly = AutoModelForCausalLM.from_pretrained(info.source, dtype=torch.float32)
        for layer in range(info.n_layers):
            bias = plainly.get_submodule(LAST[architecture].format(layer)).bias.detach()
            assert bias.abs().max() > 1e-2
            other[(layer + 1) * (info.n_heads + 1)] = bias
    return other


@pytest.mark.parametrize("name", [*LAST, "llama", "gemma2", "granite", "mixtral"])
def test_biases_belong_to_no_edge_where_nothing_stands_for_a_sender(name):
    """Without one, behind a norm, a factor, among experts, an MLP's whole output is exchanged."""
    sides = sides_of(name, elsewhere="zero")
    model, ids = sides.model, sides.ids([0])
    own = senders_of(model, ids)
    other = nothing_but_biases(model, own, name)
    torch.testing.assert_close(sides.side(0).other, other, atol=1e-6, rtol=1e-5)
    expected = effects_of(model, ids, other - own, metric_of(sides)).numpy()
    assert np.abs(exact_of(sides)[:, 0] - expected).max() < 1e-4


@pytest.mark.parametrize("elsewhere", ["mean", "zero"])
def test_means_over_the_prompts_and_nothing_stand_in_for_the_twin(elsewhere):
    rows = (ROW, ROW.model_copy(update={"text": "zb cd g", "corrupt": None}))
    sides = sides_of("gpt2", elsewhere=elsewhere, rows=rows)
    model = sides.model
    ids = [sides.ids([n]) for n in range(2)]
    own = [senders_of(model, text) for text in ids]
    other = sum(own) / 2 if elsewhere == "mean" else nothing_but_biases(model, own[0])
    found = exact_of(sides)
    for number in range(2):
        expected = effects_of(model, ids[number], other - own[number], metric_of(sides))
        assert np.abs(found[:, number] - expected.numpy()).max() < 1e-4


def test_what_comes_before_the_first_difference_is_one_run_to_the_last_bit():
    sides = sides_of("llama")
    first = sides.firsts[0]
    assert 0 < first < sides.lengths[0]
    assert not sides.side(0).apart[:, :first].any()
    assert sides.side(0).apart[0, first].any()
