"""Hundreds of actions in any order on the real window: nothing goes wrong unheard."""

from __future__ import annotations

import pytest

from tests.actions.run import act
from tests.patience import CHILD_S

pytestmark = [pytest.mark.gui, pytest.mark.model, pytest.mark.slow]


def test_any_actions_in_any_order_do_no_harm(tmp_path):
    told = act(tmp_path, windows=6, steps=60, seed=10, seconds=CHILD_S)
    assert told.problem == ""
    assert told.actions >= 300
    assert [left["widgets"] for left in told.left] == [0] * 6
