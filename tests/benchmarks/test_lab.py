"""The laboratory's detectors cost little more than the passes that they watch."""

from __future__ import annotations

import pytest

from tests.benchmarks.lab import measure
from tests.models import named


@pytest.mark.benchmark
@pytest.mark.pack
def test_detectors_cost_what_the_passes_cost(smollm2_folder, capsys):
    found = measure(named("smollm2"), batch=10, repeats=2, tokens=8_000)
    with capsys.disabled():
        print(
            f"\ndetectors: {found.ratio:.2f} × the bare forward passes; all pairs of heads: "
            f"{found.pairs:.1f} s; full circuit of 8,000 tokens: {found.circuit_bytes / 1e6:.0f} MB"
        )
    # The budgets are 1.3 × (of 30 sequences) and 10 s; a busy machine must not fail them.
    assert found.ratio < 2.6
    assert found.pairs < 30
    assert found.circuit_bytes < 1e9
