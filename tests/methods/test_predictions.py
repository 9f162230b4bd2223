"""Next tokens in order: the likeliest first, ties by the smaller id, whatever the logits hold."""

from __future__ import annotations

import pytest
import torch

from desktop_app.methods.predictions import top_rows
from tests.models import tiny


@pytest.mark.parametrize("count", [1, 4, 299, 300, 1000])
@pytest.mark.parametrize("kind", ["random", "ties", "flat", "infinite", "no numbers"])
def test_the_order_is_that_of_a_stable_sort(kind, count):
    logits = torch.randn(300, generator=torch.Generator().manual_seed(0))
    if kind == "ties":
        logits = (3 * logits).round()
    elif kind == "flat":
        logits = torch.zeros(300)
    elif kind == "infinite":
        logits[::3] = -torch.inf
    elif kind == "no numbers":
        logits[::7] = torch.nan
    rows = top_rows(tiny("llama"), logits, count)
    expected = torch.argsort(logits, descending=True, stable=True)[:count].tolist()
    assert [row["id"] for row in rows] == expected
