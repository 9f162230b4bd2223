"""What others are told of a result that a view goes back to, or that a run covers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QPushButton

from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.window.runs.showing import asked_rows
from tests.finding import find, in_sight, press
from tests.samples import patching, stored
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
UNDO, REDO = "Take back (Backspace in the grids)", "Do again"


def choose(view, setting, value):
    """Choose another value in the form, as a click does."""
    editor = find(view, ParamsForm).editor(setting)
    editor.set_value(value)
    editor.changed.emit()


def told_of(window):
    """Return what the inspector says of the selected head, all in one."""
    facts = window.inspector.read_out()["head"]["facts"]
    return " ".join(f"{name} {value}" for name, value in facts)


@pytest.fixture
def heard(window):
    told = []
    window.showing.source_changed.connect(lambda: told.append(1))
    return told


def test_a_view_hears_which_model_is_open_whether_it_stood_there_before_or_not(qtbot, window):
    def own(view):
        return in_sight(view, QPushButton, "Open the toy model's")

    window.views.open("features")
    assert not own(window.views["features"])
    window.models.load("toy")
    settle(qtbot, window)
    assert own(window.views["features"])
    window.models.load("smollm2")
    settle(qtbot, window)
    assert not own(window.views["features"])


def test_going_back_to_a_result_of_equal_settings_is_told_once(window, heard):
    window.views.open("hand_patch")
    view = window.views["hand_patch"]
    earlier, later = (
        patching.hand_result(provenance={"created": when})
        for when in ("2026-01-01T00:00:00", "2026-01-01T00:00:01")
    )
    assert earlier.params == later.params
    for result in (earlier, later):
        window.showing.show_new(result)
    heard.clear()
    press(view, UNDO)
    assert view.current_result is earlier
    assert len(heard) == 1
    press(view, REDO)
    assert view.current_result is later
    assert len(heard) == 2
    view.set_params(view.params())  # all as it was
    assert len(heard) == 2


def test_a_setting_that_is_set_back_while_a_run_goes_on_is_told(qtbot, open_window):
    service = FakeService()
    window, heard = open_window(service), []
    view, mode = window.views["ablate"], window.views["ablate"].params().mode
    window.selection.select_head(3, 2)
    assert "Effect of removal" in told_of(window)
    choose(view, "mode", "mean")
    assert "made with other settings" in told_of(window)
    service.slow.add("ablate")
    window.runs.run("ablate")
    qtbot.waitUntil(lambda: view.running_params() is not None)
    window.showing.source_changed.connect(lambda: heard.append(1))
    choose(view, "mode", mode)
    assert len(heard) == 1
    window.actions_by_name["stop"].trigger()
    settle(qtbot, window)
    assert view.read_out()["chips"] == []
    assert "made with other settings" not in told_of(window)
    assert "Effect of removal" in told_of(window)


def test_of_another_session_nothing_is_told_by_what_was_shown_before(qtbot, window, heard):
    view = window.views["ablate"]
    choose(view, "mode", "mean")
    assert len(heard) == 1
    window.showing.clear()
    heard.clear()
    choose(view, "mode", "zero")  # there is no result that this could be another setting of
    assert heard == []


def test_a_prompt_that_can_be_none_any_more_is_shown_without_its_half_characters():
    result = stored.rank_result()
    damaged = replace(result.prompts[0], text="a \udcc3\ud800 b")
    params = {k: v for k, v in result.params.items() if k != "prompts"}
    (row, *_rest) = asked_rows(replace(result, prompts=(damaged,), params=params))
    assert row.text == "a ?? b"
