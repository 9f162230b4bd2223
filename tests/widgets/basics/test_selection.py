from __future__ import annotations

import pytest

from desktop_app.widgets.basics.selection import Selection

pytestmark = pytest.mark.gui


def heard(signal):
    told = []
    signal.connect(lambda *values: told.append(values))
    return told


def test_head_is_told_once(qapp):
    selection = Selection()
    told = heard(selection.head_changed)
    selection.select_head(5, 3)
    selection.select_head(5, 3)
    assert told == [((5, 3),)]
    assert (selection.layer, selection.head) == (5, 3)


def test_setting_the_same_prompt_keeps_positions(qapp):
    selection = Selection()
    selection.select_pair(4, 2)
    told = heard(selection.prompt_changed)
    selection.select_prompt(0)
    assert told == []
    assert selection.pair == (4, 2)


def test_another_prompt_lets_positions_go_before_it_is_told(qapp):
    selection = Selection()
    selection.select_pair(4, 2)
    selection.select_position(4)
    seen = []
    selection.prompt_changed.connect(lambda _i: seen.append((selection.pair, selection.position)))
    selection.select_prompt(1)
    assert seen == [(None, None)]


def test_pair_without_key_is_no_pair(qapp):
    selection = Selection()
    selection.select_pair(4, 2)
    told = heard(selection.pair_changed)
    selection.select_pair(4, None)
    assert told == [(None,)]
