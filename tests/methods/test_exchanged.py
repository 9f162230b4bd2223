"""Circuits of edges and gradients by inputs, held to the untouched runs and to differences."""

from __future__ import annotations

import pytest
import torch

from desktop_app.contract.edges import Graph
from desktop_app.engine.receivers import Runs, is_parallel, run_inputs
from desktop_app.methods.exchanged import Exchanged, input_gradients
from desktop_app.methods.senders import Senders
from tests.methods.test_streams import MODULES
from tests.models import tiny

CLEAN, CORRUPT = torch.tensor([[1, 5, 9, 17, 33, 65]]), torch.tensor([[1, 7, 9, 20, 33, 6]])
ANSWER, WRONG = 40, 41
CHECKED, STEP = 24, 1e-2


def difference(logits):
    return logits[:, ANSWER] - logits[:, WRONG]


def setting(architecture):
    model = tiny(architecture)
    senders = Senders(model, CLEAN, [5])
    own, other = senders.of(senders.streams)[:, 0], senders.see(CORRUPT)[:, 0]
    info = model.info
    parallel = frozenset(n for n in range(info.n_layers) if is_parallel(model, n))
    return model, senders, own, other, Graph(info.n_layers, info.n_heads, info.n_kv_heads, parallel)


def exchanged(setting, other, removed):
    model, senders, _own, _other, graph = setting
    entering = senders.streams.stream[0].expand(len(removed), -1, -1)
    runs = Runs(CLEAN.expand(len(removed), -1), entering, [5] * len(removed))
    offsets = Exchanged(senders, graph, entering, other, removed)
    return difference(run_inputs(model, runs, offsets))


@pytest.mark.parametrize("architecture", MODULES)
def test_all_edges_are_the_clean_run_and_none_is_the_corrupt_one(architecture):
    model, _senders, _own, other, graph = found = setting(architecture)
    removed = torch.zeros(2, len(graph), dtype=torch.bool)
    removed[1] = True
    full, empty = exchanged(found, other, removed)
    with torch.no_grad():
        clean, corrupt = (difference(model.run(ids)[:, -1])[0] for ids in (CLEAN, CORRUPT))
    assert abs(clean - corrupt) > 0.01
    torch.testing.assert_close(full, clean, atol=1e-5, rtol=0)
    torch.testing.assert_close(empty, corrupt, atol=1e-5, rtol=0)


@pytest.mark.parametrize("architecture", MODULES)
def test_gradients_by_inputs_are_slopes_of_the_exchange(architecture):
    model, senders, own, other, graph = found = setting(architecture)
    runs = Runs(CLEAN, senders.streams.stream[0].clone(), [5])
    gradient = input_gradients(model, runs, difference)[:, 0]
    assert gradient.shape == (len(graph.receivers), 6, model.info.d_model)
    estimate = torch.einsum("nsd,rsd->rn", other - own, gradient)
    torch.manual_seed(0)
    picked = torch.randperm(len(graph))[:CHECKED]
    removed = torch.zeros(CHECKED, len(graph), dtype=torch.bool)
    removed[range(CHECKED), picked] = True
    up, down = (exchanged(found, own + way * STEP * (other - own), removed) for way in (1, -1))
    slopes = (up - down) / (2 * STEP)
    expected = estimate[graph.inputs_of[picked], graph.senders_of[picked]]
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(slopes, expected, atol=1e-3, rtol=1e-3)
