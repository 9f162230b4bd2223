from __future__ import annotations

import pytest

from desktop_app.contract.registry import ANALYSES
from tests.samples.heads import detect_result

INDUCTION, SUCCESSOR = (preset.params for preset in ANALYSES["detect"].presets)
pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


@pytest.fixture
def asked(window, monkeypatch):
    told = []
    monkeypatch.setattr(window.runs, "run", lambda *request: told.append(request))
    return told


def test_the_induction_preset_makes_a_card_and_keeps_patterns(window, asked):
    window.views.open("rank")
    window.actions_by_name["find_induction"].trigger()
    assert window.views.current == "detect"
    assert asked == [("detect", INDUCTION)]
    assert window.views["detect"].params() == INDUCTION
    assert INDUCTION.card == "auto"
    assert INDUCTION.keep_patterns
    assert not INDUCTION.reads_prompts()


def test_the_successor_preset_ends_in_the_summary(window, asked):
    window.actions_by_name["find_successors"].trigger()
    assert asked == [("detect", SUCCESSOR)]
    view = window.views["detect"]
    view.show_result(detect_result())
    assert (view.read_out()["side"], view.read_out()["score"]) == ("summary", "Successor")
    window.actions_by_name["find_induction"].trigger()
    view.show_result(detect_result())
    assert view.read_out()["score"] == "Induction"


def test_a_preset_without_its_weights_cannot_be_chosen_and_says_why(window):
    action = window.actions_by_name["compare_gpt2_noln"]
    assert not action.isEnabled()
    assert "weights of apollo-research/gpt2_noLN" in action.statusTip()


@pytest.mark.parametrize("key", ["compare_bfloat16", "compare_processed", "compare_without_norms"])
def test_the_presets_of_the_comparison_ask_what_they_say(window, asked, key):
    (preset,) = [p for p in ANALYSES["compare"].presets if p.key == key]
    window.actions_by_name[key].trigger()
    assert asked == [("compare", preset.params)]
    assert window.views["compare"].params() == preset.params
