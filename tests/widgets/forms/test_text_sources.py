"""Where the texts of a setting come from: a family, a file, or the keyboard; how many there are."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QToolButton

from desktop_app.contract.params import setting
from desktop_app.widgets.forms.params_form import ParamsForm
from tests.finding import find

pytestmark = pytest.mark.gui


class Borrows(BaseModel):
    reference: tuple[str, ...] = setting((), "Reference", "Prompts.", cli="prompt_file")
    others: tuple[str, ...] = setting((), "Others", "Plain texts.")


@pytest.fixture
def form(shown):
    return shown(ParamsForm(Borrows), 900, 300)


def test_only_prompts_are_borrowed(form):
    assert form.borrowing() == ("reference",)
    assert form.editor("others").sources is None


def test_without_a_family_the_button_says_what_to_do(form):
    button = find(form, QPushButton, "Reference set of the family")
    assert not button.isEnabled()
    assert "Make prompts" in button.toolTip()


def test_the_family_and_the_file_are_asked_for_by_the_name_of_the_setting(form, qtbot):
    form.offer_family("Months", "60 prompts")
    button = find(form, QPushButton, "Reference set of Months")
    assert button.toolTip() == "60 prompts"
    with qtbot.waitSignal(form.texts_wanted) as asked:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked.args == ["reference", "family"]
    with qtbot.waitSignal(form.texts_wanted) as asked:
        qtbot.keyClick(find(form, QToolButton, "Take the prompts of a file…"), Qt.Key.Key_Space)
    assert asked.args == ["reference", "file"]
    form.offer_family("")
    assert not find(form, QPushButton, "Reference set of the family").isEnabled()


def test_what_is_filled_in_is_a_change_and_is_counted(form, qtbot):
    sources = form.editor("reference").sources
    assert sources.words() == "the given"
    with qtbot.waitSignal(form.changed):
        form.fill("reference", ("a ", "b\nc", "d"))
    assert form.value().reference == ("a ", "b\nc", "d")
    assert sources.words() == "3 prompts"
    with qtbot.waitSignal(form.changed):
        form.editor("reference").control.clear()
    assert sources.words() == "the given"
    qtbot.keyClicks(form.editor("reference").control, "one ")
    assert sources.words() == "1 prompt"
    assert form.value().reference == ("one ",)
