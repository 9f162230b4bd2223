"""Pruning in shared passes beside one step after another."""

from __future__ import annotations

import pytest

from tests.benchmarks.circuit import measure
from tests.models import named


@pytest.mark.benchmark
@pytest.mark.pack
@pytest.mark.parametrize("mlps", [False, True])
def test_pruning_takes_a_share_of_the_plain_loops_time(smollm2_folder, mlps, capsys):
    found = measure(named("smollm2"), mlps=mlps)
    with capsys.disabled():
        print(
            f"\npruning, {found.steps} steps: {found.seconds:.1f} s in {found.passes} passes, "
            f"{found.times:.1f} × the plain loop"
        )
    assert found.apart < 0.05
    assert found.passes < found.steps / 3
    assert found.times > 1.5  # a busy machine must not fail it
