"""Linear layers by oneDNN: the same numbers, only where they help."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from desktop_app.engine import model as products
from desktop_app.engine.model import FastProducts, fast_linear
from tests.models import named


@pytest.fixture
def one_dnn(monkeypatch):
    """Take oneDNN whatever it gains on this machine; note how often."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch is built without oneDNN")
    monkeypatch.setattr(products, "one_dnn_is_faster", lambda: True)
    taken = []

    def noted(*operands):
        taken.append(operands)
        return fast_linear(*operands)

    monkeypatch.setattr(products, "fast_linear", noted)
    return taken


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 511, 512, 513, 1100])
@pytest.mark.parametrize("has_bias", [True, False])
def test_blocks_and_padding_give_the_exact_product(one_dnn, rows, has_bias):
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(2, rows, 48, generator=generator)
    weight = torch.randn(40, 48, generator=generator)
    bias = torch.randn(40, generator=generator) if has_bias else None
    exact = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    with torch.no_grad():
        found = fast_linear(x, weight, bias)
        other_order = fast_linear(x, weight.t().contiguous().t(), bias)
    assert found.shape == (2, rows, 40)
    torch.testing.assert_close(found.double(), exact, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(other_order.double(), exact, atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_large_layers_of_both_kinds_are_taken(one_dnn):
    x, weight, bias = torch.randn(5, 100, 16), torch.randn(24, 16), torch.randn(24)
    with FastProducts():
        linear = F.linear(x, weight, bias)
        as_gpt2 = torch.addmm(bias, x.view(-1, 16), weight.t())
    assert len(one_dnn) == 2
    torch.testing.assert_close(linear, F.linear(x, weight, bias), atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(as_gpt2, linear.view(-1, 24), atol=1e-4, rtol=1e-5)


def test_what_it_cannot_do_is_left_to_torch(one_dnn):
    weight = torch.randn(24, 16)
    with FastProducts():
        F.linear(torch.randn(500, 16, requires_grad=True), weight).sum().backward()
        with torch.no_grad():
            F.linear(torch.randn(3, 16), weight)
            F.linear(torch.randn(500, 16).bfloat16(), weight.bfloat16())
            F.linear(torch.randn(500, 16).double(), weight.double())
            torch.addmm(torch.randn(500, 24), torch.randn(500, 16), weight.t())
    assert not one_dnn


@pytest.mark.parametrize("is_faster", [True, False])
def test_a_model_gives_the_same_logits_either_way(one_dnn, monkeypatch, is_faster):
    monkeypatch.setattr(products, "one_dnn_is_faster", lambda: is_faster)
    model = named("toy")
    ids = model.ids([list(range(1, 41))] * 4)
    with torch.no_grad():
        usual = model.bridge(ids)
    torch.testing.assert_close(model.run(ids), usual, atol=1e-4, rtol=1e-4)
    assert bool(one_dnn) == is_faster


def test_an_operator_that_is_gone_means_the_usual_product(monkeypatch):
    def gone(*_operands):
        raise AttributeError("no such operator")

    monkeypatch.setattr(products, "_one_dnn", gone)
    products.one_dnn_is_faster.cache_clear()
    try:
        assert products.one_dnn_is_faster() is False
    finally:
        products.one_dnn_is_faster.cache_clear()


@torch.no_grad()
def test_parts_of_larger_matrices_are_made_dense_first(one_dnn, monkeypatch):
    given = []

    def noted(x, weight, bias):
        given.append((x, weight))
        return F.linear(x, weight, bias)

    monkeypatch.setattr(products, "_one_dnn", noted)
    whole = torch.randn(16, 72)
    queries = whole[:, 24:48].t()  # as GPT-2's joint projection is split
    x = torch.randn(4, 100, 32)[..., :16]
    torch.testing.assert_close(fast_linear(x, queries), F.linear(x, queries))
    assert all(x.is_contiguous() for x, _ in given)
    assert all(w.is_contiguous() or w.t().is_contiguous() for _, w in given)
