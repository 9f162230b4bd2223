"""Heads over text cost little more than the passes that show them, and no more memory for more."""

from __future__ import annotations

import pytest

from tests.benchmarks.corpus import cost, growth
from tests.models import named

MOST_TIMES = 1.3


@pytest.mark.benchmark
@pytest.mark.pack
def test_it_costs_little_more_than_bare_passes(smollm2_folder, capsys):
    found = cost(named("smollm2"))
    with capsys.disabled():
        print(f"\n{found.text()}")
    assert found.ratio <= MOST_TIMES


@pytest.mark.benchmark
@pytest.mark.pack
def test_memory_does_not_grow_with_the_text(smollm2_folder, capsys):
    found = growth(named("smollm2"))
    with capsys.disabled():
        print(f"\n{found.text()}")
    few, many = found.peak
    assert many - few < 0.1 * few + 50e6
