"""Edges of the model pack: its worked example to three places, and a loop of plain hooks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from desktop_app.analyses.edges.spec import EdgesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.methods.edge_effects import exact_effects
from desktop_app.methods.edge_estimates import estimates
from desktop_app.methods.edge_sides import Sides
from desktop_app.methods.prepare import prepare
from tests.models import named
from tests.plain_edges import changed, senders_of

pytestmark = pytest.mark.pack
ROW = PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer="5", wrong="4")
KNOWN = {
    ("embed", "m0", "in"): -6.177,
    ("23.3", "logits", "in"): -2.748,
    ("m29", "logits", "in"): -1.873,
    ("m10", "m13", "in"): -1.542,
    ("m0", "6.0", "v"): -1.441,
}
BETWEEN = [("0.6", "m0", "in"), ("m24", "logits", "in"), ("23.3", "m24", "in")]


@cache
def sides():
    params = EdgesParams(prompts=(ROW,), bos="no")
    model = named("smollm2")
    asked = ("logit_diff", "corrupt", ())
    return Sides(model, params, prepare(model, params), asked, SilentReporter())


def numbers(edges):
    """Return the numbers of edges that are named by sender, receiver and input."""
    graph = sides().graph
    places = {
        (name, str(receiver.kind)): number
        for number, (name, receiver) in enumerate(
            zip(graph.receiver_names, graph.receivers, strict=True)
        )
    }
    names = list(graph.sender_names)
    return np.array([graph.edge(names.index(s), places[r, kind]) for s, r, kind in edges])


def test_the_worked_example_has_its_known_edges(smollm2_folder):
    assert len(sides().graph) == 70_651
    assert sides().read_off(0).base == pytest.approx(5.889, abs=5e-3)
    found = np.full((len(sides().graph), 1), np.nan)
    edges = numbers([*KNOWN, *BETWEEN])
    exact_effects(sides(), edges, found, SilentReporter())
    values = found[edges, 0]
    assert values[: len(KNOWN)] == pytest.approx(list(KNOWN.values()), abs=5e-3)
    order = [[*KNOWN, *BETWEEN][n] for n in np.argsort(values)]
    first, second = ("embed", "m0", "in"), ("23.3", "logits", "in")
    assert order[:5] == [first, second, BETWEEN[0], ("m29", "logits", "in"), BETWEEN[1]]
    assert order[5:] == [("m10", "m13", "in"), BETWEEN[2], ("m0", "6.0", "v")]


def test_estimates_of_the_largest_edge_have_either_sign(smollm2_folder):
    averaged, eap = estimates(sides(), 0, 5, SilentReporter())
    known = numbers([*KNOWN])
    assert eap[known] == pytest.approx([2.168, -2.653, -2.174, -1.296, -0.779], abs=0.01)
    assert averaged[known] == pytest.approx([-6.628, -2.430, -1.148, -0.434, -0.535], abs=0.01)


@pytest.mark.slow
def test_edges_of_every_kind_are_those_of_a_loop_of_plain_hooks(smollm2_folder):
    """Senders that are drawn, into drawn inputs of every kind, and into the logits."""
    graph, model = sides().graph, named("smollm2")
    ids, twin = sides().ids([0]), model.ids([sides().tokens()[1][0]])
    apart = senders_of(model, twin) - senders_of(model, ids)
    torch.testing.assert_close(sides().side(0).apart, apart, atol=2e-3, rtol=1e-3)
    target = sides().targets[0]
    draw = np.random.default_rng(0)
    places = [len(graph.receivers) - 1]
    for kind in (*"qkv", "in", "in", *"qkv", "v"):
        drawn = [
            n
            for n, receiver in enumerate(graph.receivers)
            if receiver.kind == kind and 2 <= receiver.layer < graph.layers
        ]
        places.append(int(draw.choice(drawn)))
    found = np.full((len(graph), 1), np.nan)
    expected = {}
    with torch.no_grad():
        base = float(difference(model.bridge(ids)[:, -1], target)[0])
        for number in places:
            receiver = graph.receivers[number]
            senders = np.sort(draw.choice(receiver.senders, 10, replace=False))
            place = receiver.layer, receiver.kind, receiver.head
            values = difference(changed(model, ids, place, apart[senders]), target) - base
            edges = [graph.edge(int(sender), number) for sender in senders]
            expected |= dict(zip(edges, values.tolist(), strict=True))
    edges = np.array(list(expected))
    assert len(edges) == 100
    assert {graph.receivers[n].kind for n in places} == {"q", "k", "v", "in"}
    exact_effects(sides(), edges, found, SilentReporter())
    assert np.abs(found[edges, 0] - list(expected.values())).max() < 1e-4
    assert np.abs(found[edges, 0]).max() > 0.1


def difference(logits, target):
    return logits[:, list(target.answers)].mean(-1) - logits[:, list(target.wrongs)].mean(-1)
