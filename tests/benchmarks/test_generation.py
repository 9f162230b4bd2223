"""Texts grow nearly as fast as Hugging Face's `generate` makes them, in one process."""

from __future__ import annotations

import pytest

from tests.benchmarks.generation import measure
from tests.models import named


@pytest.mark.benchmark
@pytest.mark.pack
@pytest.mark.parametrize("rows", [1, 8])
def test_tokens_come_as_fast_as_from_generate(smollm2_folder, capsys, rows):
    found = measure(named("smollm2"), rows, steps=20, repeats=3)
    with capsys.disabled():
        print(
            f"\n{rows} × 20 tokens: {found.ratio:.2f} × the time of generate, steered "
            f"{found.steered / found.theirs:.2f} ×"
        )
    assert found.same
    assert found.ratio < 1.2
