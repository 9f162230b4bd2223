"""The sweep stays far ahead of the plain loop, as a ratio within one process."""

from __future__ import annotations

import pytest

from tests.benchmarks.sweep import measure
from tests.models import named


@pytest.mark.benchmark
@pytest.mark.pack
def test_one_pass_is_many_times_faster_than_the_loop(smollm2_folder, capsys):
    found = measure(named("smollm2"), loop_heads=27)
    with capsys.disabled():
        print(
            f"\nsweep of {found.heads} heads: {found.ratio:.1f} × the plain loop, "
            f"{100 * found.share:.0f} % of the matrix-product rate"
        )
    # The budget is 12; half of it guards against regressions without failing on a busy machine.
    assert found.ratio > 6
