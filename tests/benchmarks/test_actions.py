"""Ten thousand actions in any order: nothing goes wrong unheard, and memory stays flat."""

from __future__ import annotations

import pytest

from tests.actions.run import act


@pytest.mark.benchmark
def test_ten_thousand_actions_leave_no_error_and_no_memory(tmp_path, capsys):
    told = act(tmp_path, windows=58, steps=210, seed=1)
    used = [left["bytes"] / 1e6 for left in told.left]
    # Libraries are imported and caches filled by the first windows.
    early, late = (sum(some) / len(some) for some in (used[15:25], used[-10:]))
    with capsys.disabled():
        print(
            f"\n{told.actions:,} actions: {early:.0f} MB after 20 windows, {late:.0f} MB at the end"
        )
        print(" ".join(f"{mb:.0f}" for mb in used))
    assert told.problem == ""
    assert told.actions >= 10_000
    assert late < 1.1 * early
