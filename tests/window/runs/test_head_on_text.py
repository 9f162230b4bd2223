"""From a head's effect on the prompts to what it does on text, and back, one click each way."""

from __future__ import annotations

import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.pictures.facts import Place
from tests.finding import press
from tests.samples.read_text import corpus_data
from tests.window.fakes import N_LAYERS, FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
ROWS = (
    PromptRow(text="1 2 3 ", answer=("4",), wrong=("3",)),
    PromptRow(text="2 3 4 ", answer=("5",), wrong=("4",)),
)


class Reading(FakeService):
    """Reads a text as well."""

    def _corpus(self, _records):
        return corpus_data(N_LAYERS)

    def wait(self, what, report):
        if what == "corpus" and what in self.slow:
            report.partial({"previous": corpus_data(N_LAYERS)["previous"]})
        super().wait(what, report)


@pytest.fixture
def opened(qtbot, open_window):
    service = Reading()
    window = open_window(service)
    window.prompts.set_prompts(ROWS)
    settle(qtbot, window)
    return window, service


def run(qtbot, window, name):
    """Run an analysis and return its view."""
    window.views.open(name)
    window.views[name].request_run()
    settle(qtbot, window)
    return window.views[name]


def test_one_click_leads_from_the_effect_to_the_text_and_back(qtbot, opened):
    window, _service = opened
    text = run(qtbot, window, "corpus")
    effects = run(qtbot, window, "ablate")
    window.selection.select_head(3, 2)
    press(effects, "On text")
    assert window.views.current == "corpus"
    told = text.read_out()
    assert told["head"] == "L3H2"
    assert told["verdict"] == "Perhaps a head of this task"
    assert told["because"].startswith("Removing L3H2 hurts by 4.000 (logit difference, mean of 2")
    assert "Effect on my prompts" in told["offered"]
    assert told["whose"].startswith("Effect from Ablation")
    window.selection.select_head(1, 3)
    press(text, "Effect on my prompts")
    assert window.views.current == "ablate"
    assert effects.read_out()["selected"] == (1, 3)


def test_the_effect_is_known_while_the_text_is_read(qtbot, opened):
    window, service = opened
    run(qtbot, window, "ablate")
    service.slow.add("corpus")
    window.views.open("corpus")
    view = window.views["corpus"]
    view.request_run()
    qtbot.waitUntil(lambda: view.read_out()["told"].startswith("Means over"))
    assert view.read_out()["because"].startswith("Removing ")
    service.slow.clear()
    settle(qtbot, window)


def test_without_an_ablation_the_way_there_says_what_to_do(qtbot, opened):
    window, service = opened
    text = run(qtbot, window, "corpus")
    window.views["ablate"].clear()  # of the first start
    ran = service.analyses_run().count("ablate")
    window.selection.select_head(2, 0)
    press(text, "Effect on my prompts")
    settle(qtbot, window)
    assert window.views.current == "ablate"
    assert service.analyses_run().count("ablate") == ran  # it may take long: nobody asked for it
    assert run(qtbot, window, "ablate").read_out()["selected"] == (2, 0)


def test_before_a_text_is_read_the_way_there_says_what_to_do(qtbot, opened):
    window, service = opened
    effects = run(qtbot, window, "ablate")
    window.selection.select_head(3, 2)
    press(effects, "On text")
    assert window.views.current == "corpus"
    assert window.views["corpus"].read_out()["state"] == "empty"
    assert "corpus" not in service.analyses_run()
    run(qtbot, window, "corpus")
    assert window.views["corpus"].read_out()["head"] == "L3H2"


def test_the_inspector_tells_what_a_head_does_on_text(qtbot, opened):
    window, _service = opened
    run(qtbot, window, "corpus")
    window.selection.select_head(2, 0)
    facts = {fact.name: fact for fact in window.inspector.known.of_head(Place(0, 2, 0))}
    assert facts["Induction on text"].value == "1.000"
    assert facts["Induction on text"].explained.heading == "Measures"


def test_new_prompts_leave_what_is_known_of_a_text(qtbot, opened):
    window, _service = opened
    view = run(qtbot, window, "corpus")
    window.prompts.set_prompts(ROWS[:1])
    settle(qtbot, window)
    window.selection.select_prompt(0)
    assert view.read_out()["state"] == "result"
    assert view.read_out()["chips"] == []
    assert window.inspector.known.of_head(Place(0, 2, 0))[0].name == "Induction on text"
