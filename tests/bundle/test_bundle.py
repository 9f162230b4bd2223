"""The built programs, tried as `packaging/smoke.py` does: one test for each group of its checks.

`LENSBENCH_TEST_BUNDLE` names the full program, `LENSBENCH_TEST_VIEWER` the one without models.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.packaging_.scripts import script

FULL, VIEWER = "LENSBENCH_TEST_BUNDLE", "LENSBENCH_TEST_VIEWER"

pytestmark = [pytest.mark.bundle, pytest.mark.slow]


smoke = script("smoke")


@pytest.fixture(scope="module")
def trial(request, tmp_path_factory):
    """Return the built program with folders of its own, which the groups share."""
    variable = request.param
    if not os.environ.get(variable):
        pytest.skip(f"{variable} names no built program")
    program = Path(os.environ[variable]).resolve()
    return smoke.Trial(program, tmp_path_factory.mktemp("bundle"), variable == VIEWER)


@pytest.mark.parametrize(
    ("trial", "group"),
    [*((FULL, group) for group in smoke.FULL), *((VIEWER, group) for group in smoke.VIEWER)],
    indirect=["trial"],
)
def test_the_built_program_holds(trial, group):
    try:
        assert list(smoke.FULL[group](trial))
    except smoke.SmokeError as error:
        pytest.fail(str(error), pytrace=False)
