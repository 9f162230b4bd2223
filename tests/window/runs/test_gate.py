"""Before a long run it is said where the model does none of the prompts; nothing is held back."""

from __future__ import annotations

import pytest

from desktop_app.pictures.gate import NOTHING
from desktop_app.widgets.basics.chip import Chip
from desktop_app.window.prompts.prompt_rows import TypedRow
from desktop_app.window.runs.gate_desk import NOT_DONE
from tests.finding import in_sight, press
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
ROWS = [TypedRow("2 4 6 ", "", "8", "7"), TypedRow("3 5 7 ", "", "9", "8")]


@pytest.fixture
def failing(qtbot, window, service):
    """Return a window whose ranking says that the model does none of the table's prompts."""
    service.cannot = lambda text: text.startswith(("2", "3"))
    window.prompts.set_rows(ROWS)
    window.views.open("ablate")
    settle(qtbot, window)
    assert NOT_DONE not in window.views["ablate"].read_out()["chips"]  # nothing is known yet
    window.runs.run("rank")
    settle(qtbot, window)
    return window


def chips(window, name="ablate"):
    return window.views[name].read_out()["chips"]


def test_it_stands_in_every_view_that_needs_answers(qtbot, failing):
    assert chips(failing)[0] == NOT_DONE
    (chip,) = [c for c in in_sight(failing.views["ablate"], Chip) if c.code == NOT_DONE]
    assert chip.text() == NOTHING.rstrip(".")
    assert "all 2 prompts" in chip.toolTip()
    assert "not held back" in chip.toolTip()
    assert NOT_DONE in chips(failing, "patch")  # built just now
    assert NOT_DONE not in chips(failing, "attention")
    press(chip, "Show the ranking: " + chip.text())
    assert failing.views.current == "rank"


def test_a_run_goes_on_under_it(qtbot, failing, service):
    service.slow.add("ablate")
    failing.views["ablate"].request_run()
    qtbot.waitUntil(failing.job_bar.is_running)
    assert "ablate" in service.analyses_run()
    assert NOT_DONE in chips(failing)
    service.slow.clear()
    settle(qtbot, failing)


def test_it_goes_with_the_prompts_the_model_and_the_metric(qtbot, failing):
    failing.prompts.set_rows([*ROWS, TypedRow("1 2 ", "", "3", "2")])  # of one nothing is known
    settle(qtbot, failing)
    assert NOT_DONE not in chips(failing)
    failing.prompts.set_rows(ROWS[:1])
    settle(qtbot, failing)
    assert NOT_DONE in chips(failing)
    view = failing.views["ablate"]
    view.set_params(view.params().model_copy(update={"metric": "kl"}))
    assert NOT_DONE not in chips(failing)
    view.set_params(view.params().model_copy(update={"metric": "logit_diff"}))
    assert NOT_DONE in chips(failing)
    failing.models.load("toy")
    settle(qtbot, failing)
    assert NOT_DONE not in chips(failing)


def test_one_prompt_that_the_model_does_is_enough(qtbot, failing):
    failing.prompts.set_rows([*ROWS, TypedRow("1 2 ", "", "3", "2")])
    failing.runs.run("rank")
    settle(qtbot, failing)
    assert NOT_DONE not in chips(failing)
