"""A session of a day's work shows its first picture within the budget, without torch."""

from __future__ import annotations

import pytest

from tests.benchmarks.session import measure


@pytest.mark.benchmark
@pytest.mark.parametrize("tab", ["ablate", "attention"])
def test_the_first_picture_of_fifty_results_comes_at_once(tab, tmp_path, capsys):
    found = min((measure(tab, tmp_path) for _ in range(2)), key=lambda m: m.opened)
    with capsys.disabled():
        print(
            f"\nsession of 50 results, {found.megabytes:.1f} MB: first picture of {tab} after "
            f"{found.opened:.2f} s, {found.started:.2f} s after the start of the process"
        )
    assert found.opened < 1.0
