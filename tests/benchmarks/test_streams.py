"""Reading the stream costs little more than the pass that shows it."""

from __future__ import annotations

import pytest

from tests.benchmarks.streams import LENGTHS, measure
from tests.models import named


@pytest.mark.benchmark
@pytest.mark.pack
@pytest.mark.parametrize("tokens", LENGTHS)
def test_streams_cost_little_more_than_their_pass(smollm2_folder, tokens, capsys):
    found = measure(named("smollm2"), tokens)
    with capsys.disabled():
        print(f"\n{found.text()}")
    assert found.streams < 2 * found.forward
    assert found.analysis < 3 * found.forward
