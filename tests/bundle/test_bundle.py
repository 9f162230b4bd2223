"""The built programs, tried as `packaging/smoke.py` does: one test for each group of its checks.

`LENSBENCH_TEST_BUNDLE` names the full program, `LENSBENCH_TEST_VIEWER` the one without models.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "packaging"
FULL, VIEWER = "LENSBENCH_TEST_BUNDLE", "LENSBENCH_TEST_VIEWER"

pytestmark = [pytest.mark.bundle, pytest.mark.slow]


def sibling(name):
    """Import a script of `packaging/`, whose siblings it finds beside itself."""
    sys.path.insert(0, str(PACKAGING))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(PACKAGING))


smoke = sibling("smoke")


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
