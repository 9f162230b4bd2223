"""Small things that a first user tripped over."""

from __future__ import annotations

import pytest

from desktop_app.window.frame import dialogs
from desktop_app.window.prompts.prompt_rows import TypedRow

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def idle(qtbot, window):
    qtbot.waitUntil(lambda: not window.runner.is_busy())


def test_the_worked_example_selects_the_strongest_head_everywhere(window):
    assert (window.selection.layer, window.selection.head) == (3, 2)
    assert not window.inspector.pattern.isHidden()


def test_a_later_ablation_leaves_the_choice_alone(qtbot, window):
    window.selection.select_head(1, 0)
    window.runs.run("ablate")
    idle(qtbot, window)
    assert (window.selection.layer, window.selection.head) == (1, 0)


def test_the_worked_example_comes_back_and_can_be_undone(qtbot, window):
    mine = [TypedRow("mine ", "", "1", "2")]
    window.prompts.set_rows(mine)
    window.prompts.flush()
    idle(qtbot, window)
    window.actions_by_name["load_example"].trigger()
    idle(qtbot, window)
    assert window.prompts.rows() == [TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")]
    for name in ("tokens", "rank", "attention", "ablate"):
        assert window.views[name].current_result.prompts[0].text == "1 2 3 4 "
    window.banner.action_clicked.emit("undo")
    assert window.prompts.rows() == mine
    assert window.banner.isHidden()
    texts = [action.text() for _, action in window.actions_by_name.all()]
    assert "Load the worked example" in texts  # and so it is found by the search


def test_the_memory_question_explains_itself(qtbot):
    dialog = dialogs.MemoryDialog(0, 4_000)
    qtbot.addWidget(dialog)
    assert dialog.box.text() == "Automatic"
    dialog.box.setValue(1_500)
    assert dialog.box.text().endswith(" MB")
    assert dialog.box.value() == 1_500
    dialog.box.setValue(0)
    assert dialog.box.value() == 0
