"""The window stands, and shows a session of a day's work, within the budgets, without torch."""

from __future__ import annotations

import pytest

from desktop_app.contract.registry import BUILT_IN
from tests.benchmarks.session import install_analyses, measure


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


@pytest.mark.benchmark
@pytest.mark.parametrize("further", [0, 20])
def test_the_window_stands_within_a_second_however_many_analyses(further, tmp_path, capsys):
    installed = install_analyses(tmp_path / "site", further)
    runs = [measure("ablate", tmp_path, installed) for _ in range(3)]
    assert {run.analyses for run in runs} == {len(BUILT_IN) + further}
    found = min(run.window for run in runs)
    with capsys.disabled():
        print(f"\n{further} analyses from other packages: the window stands after {found:.2f} s")
    assert found < 1.0
