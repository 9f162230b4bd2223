"""Candidate words in a real window on the toy: from empty form to corrupt twin, and wrongly."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPushButton

from desktop_app.analyses.candidates.spec import CandidatesParams
from desktop_app.contract.params import PromptRow
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find
from tests.window.filled import close, idle, open_toy_window

pytestmark = [pytest.mark.gui, pytest.mark.model, pytest.mark.qt_log_ignore("This plugin does not")]
TEXT = "1 2 3 4"


@pytest.fixture(autouse=True)
def no_leaks():
    """One window lives through this module, on purpose."""


@pytest.fixture(scope="module")
def opened(toy_home):
    window = open_toy_window(toy_home / "config")
    yield window
    close(window)


@pytest.fixture
def window(opened):
    opened.prompts.set_prompts([PromptRow(text=TEXT, answer=(" 5",), wrong=(" 4",))])
    opened.prompts.flush()
    idle(opened)
    opened.views.open("candidates")
    opened.views["candidates"].set_params(CandidatesParams())
    idle(opened)
    return opened


def type_in(view, name, text):
    """Type a text into a field of the form; a long one is pasted, as anybody would."""
    control = find(view, ParamsForm).editor(name).control
    control.selectAll()
    if len(text) < 40:
        QTest.keyClicks(control, text)
        return
    QApplication.clipboard().setText(text)
    QTest.keySequence(control, QKeySequence(QKeySequence.StandardKey.Paste))


def ran(window, **given):
    """Fill the form in by the keyboard, press Enter, and return what the view shows then."""
    view = window.views["candidates"]
    for name, text in {"replace": "3", "with_": "9|8", "head": "L1H0", **given}.items():
        if text:
            type_in(view, name, text)
    QTest.keyClick(find(view, ParamsForm).editor("replace").control, Qt.Key.Key_Return)
    idle(window)
    return view.read_out()


def press(view, text):
    button = next(b for b in view.findChildren(QPushButton) if b.text() == text)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_words_typed_and_entered_are_read(window):
    read = ran(window)
    assert read["state"] == "result"
    assert [row[0] for row in read["words"]] == ["3", "9", "8"]
    assert read["offers"][:2] == ["Use as corrupt twin", "Open attention"]
    assert "head L1H0" in read["settings"]


def test_the_twin_goes_into_the_table_in_one_step_and_back(window):
    ran(window)
    view, table = window.views["candidates"], window.prompts
    press(view, "Use as corrupt twin")
    idle(window)
    assert [row.corrupt for row in table.rows()] == ["1 2 9 4"]
    assert table.rows()[0].prompt == TEXT
    assert table.rows()[0].answer == " 5"
    window.actions_by_name["undo"].trigger()
    idle(window)
    assert [row.corrupt for row in table.rows()] == [""]
    window.actions_by_name["redo"].trigger()
    idle(window)
    assert [row.corrupt for row in table.rows()] == ["1 2 9 4"]


def test_a_twin_for_a_prompt_that_is_gone_is_refused_in_words(window):
    ran(window)
    window.prompts.set_prompts([PromptRow(text="a b", answer=("c",))])
    window.prompts.flush()
    idle(window)
    press(window.views["candidates"], "Use as corrupt twin")
    assert [row.corrupt for row in window.prompts.rows()] == [""]
    assert "other_prompts" in " ".join(window.views["candidates"].read_out()["chips"])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"replace": "seven"}, "“seven” does not stand in prompt 1"),
        ({"replace": " "}, "stands at 3 places in prompt 1"),
        ({"head": "L9H9"}, "head 9.9: layer 9 does not exist"),
        ({"with_": "|||"}, ""),
    ],
)
def test_silly_input_is_answered_in_a_sentence(window, given, told):
    read = ran(window, **given)
    if told:
        assert told in read["failure"]
        assert "--" not in read["failure"]
    else:  # no candidate: nothing is sent off, the form stays
        assert read["form"] is True
    assert window.runner.is_busy() is False


def test_a_text_that_is_not_there_is_named_without_its_folder(window, tmp_path):
    view = window.views["candidates"]
    params = CandidatesParams(replace="3", with_=("9",), text=str(tmp_path / "gone.txt"))
    view.set_params(params)
    view.request_run()
    idle(window)
    assert "gone.txt is not there" in view.read_out()["failure"]
    assert str(tmp_path) not in view.read_out()["failure"]


def test_an_empty_table_and_a_huge_list(window):
    read = ran(window, with_="|".join(str(n) for n in range(300)))
    assert len(read["words"]) == 301
    window.prompts.set_prompts([PromptRow(text=" ")])
    window.prompts.flush()
    idle(window)
    press(window.views["candidates"], "Run")
    idle(window)
    assert window.views["candidates"].read_out()["state"] in {"failure", "result"}


def test_a_double_click_opens_attention_on_the_head(window):
    ran(window)
    table = find(window.views["candidates"], RankingList)
    place = table.visualRect(table.model().index(1, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    idle(window)
    assert window.views.shown() is window.views["attention"]
    assert (window.selection.layer, window.selection.head) == (1, 0)


def test_run_all_passes_over_what_is_not_filled_in(window):
    before = len([row for row in window.session.rows() if row.analysis == "candidates"])
    window.actions_by_name["run_all"].trigger()
    idle(window)
    now = [row for row in window.session.rows() if row.analysis == "candidates"]
    assert len(now) == before
    assert window.views["candidates"].read_out()["failure"] == ""
