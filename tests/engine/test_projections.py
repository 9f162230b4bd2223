"""Output projections as matrices: taken where they lie, or read off by feeding."""

from __future__ import annotations

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from desktop_app.engine.projections import Projection, projection
from tests.models import tiny


class Fed(torch.nn.Module):
    """A linear module whose weights are not what it computes with, and so must be read off."""

    def __init__(self, inner, shown):
        super().__init__()
        self.in_features, self._inner, self.weight = inner.in_features, [inner], shown

    def forward(self, x):
        """Give what the hidden module does."""
        return self._inner[0](x)


def module(kind, width=3000, out=20):
    torch.manual_seed(0)
    if kind == "conv1d":
        found = Conv1D(out, width)
        torch.nn.init.normal_(found.bias)
        return found, found.weight, found.bias
    inner = torch.nn.Linear(width, out)
    if kind == "linear":
        return inner, inner.weight.T, inner.bias
    shown = {"other": torch.zeros(out, width), "none": None}[kind]
    return Fed(inner, shown), inner.weight.T, inner.bias


@pytest.mark.parametrize("width", [3000, 20])
@pytest.mark.parametrize("kind", ["linear", "conv1d", "other", "none"])
@torch.no_grad()
def test_every_layout_comes_out_the_same_way_round(kind, width):
    project, matrix, bias = module(kind, width)
    found = projection(tiny("llama"), project)
    torch.testing.assert_close(found.matrix, matrix, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found.bias, bias)
    x, direction = torch.randn(3, width), torch.randn(3, 20)
    torch.testing.assert_close(found.of(x), project(x), atol=1e-3, rtol=1e-4)
    expected = torch.func.vmap(torch.func.vjp(lambda x: x @ matrix, x)[1])(direction[None])[0][0]
    torch.testing.assert_close(found.back(direction), expected, atol=1e-3, rtol=1e-4)


@torch.no_grad()
def test_of_half_precision_some_rows_are_widened_at_a_time():
    inner = torch.nn.Linear(3000, 8).bfloat16()
    found = Projection(inner.weight.detach().T, inner.bias.float())
    x, direction = torch.randn(2, 3000), torch.randn(2, 8)
    matrix = inner.weight.float().T
    torch.testing.assert_close(found.of(x), x @ matrix + inner.bias.float(), atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(found.back(direction), direction @ matrix.T, atol=1e-3, rtol=1e-4)


def test_a_models_own_matrix_is_no_copy():
    model = tiny("llama")
    inner = model.bridge.blocks[1].mlp.out
    found = projection(model, inner)
    assert found.matrix.data_ptr() == inner.original_component.weight.data_ptr()


def test_what_does_not_say_what_it_reads_is_none():
    with pytest.raises(ValueError, match="how many numbers"):
        projection(tiny("llama"), torch.nn.Identity())
