"""The built programs, tried as `packaging/smoke.py` does: one test for each program.

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


@pytest.fixture
def trial(request, tmp_path):
    """Return the built program with folders of its own."""
    variable = request.param
    if not os.environ.get(variable):
        pytest.skip(f"{variable} names no built program")
    program = Path(os.environ[variable]).resolve()
    is_viewer = variable == VIEWER
    return smoke.Trial(program, tmp_path, is_viewer, sessions=smoke.SESSIONS)


@pytest.mark.parametrize("trial", [FULL, VIEWER], indirect=True)
def test_the_built_program_holds(trial):
    """The groups go in their order: the later ones look at what the earlier ones left."""
    for name, group in (smoke.VIEWER if trial.is_viewer else smoke.FULL).items():
        try:
            assert list(group(trial)), name
        except smoke.SmokeError as error:
            pytest.fail(f"{name}: {error}", pytrace=False)
