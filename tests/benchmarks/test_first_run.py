"""The first run after loading costs what the next does; prompts that share a pass save time."""

from __future__ import annotations

import pytest

from tests.benchmarks.first_run import RUNS, first_run, together

pytestmark = [pytest.mark.benchmark, pytest.mark.usefixtures("own_memory")]


@pytest.mark.parametrize("analysis", list(RUNS))
def test_the_first_run_costs_little_more_than_the_next(analysis, capsys):
    found = first_run("toy", analysis)
    with capsys.disabled():
        print(f"\nfirst {analysis} on toy: {found.ratio:.2f} × the next")
    assert found.passes[0] == found.passes[1]


@pytest.mark.pack
@pytest.mark.parametrize("analysis", list(RUNS))
def test_the_first_run_of_the_pack_costs_little_more_than_the_next(
    analysis, smollm2_folder, capsys
):
    # A single short pass is doubled by any hiccup: the best of three loads tells what it costs.
    found = min((first_run("smollm2", analysis) for _ in range(3)), key=lambda f: f.ratio)
    with capsys.disabled():
        print(f"\nfirst {analysis} on smollm2: {found.ratio:.2f} × the next")
    assert found.passes[0] == found.passes[1]
    assert found.ratio <= 1.15


@pytest.mark.pack
def test_forty_prompts_are_faster_together(smollm2_folder, capsys):
    alone, shared, many, few = together("smollm2")
    with capsys.disabled():
        print(f"\n40 prompts: {many} passes, {few} together, {alone / shared:.1f} × faster")
    assert (many, few) == (40, 1)
    assert alone > 1.5 * shared
