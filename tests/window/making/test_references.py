"""The reference set of a family, and the prompts of a file, where an analysis takes them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton

from desktop_app.contract.params import PromptRow
from desktop_app.text.prompts import write_prompts
from desktop_app.window.making.reference_desk import takers
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import choose, find, press
from tests.window.fakes import FakeService, settle
from tests.window.making.test_maker import asked, open_dialog

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def put(qtbot, window, family="Numbers"):
    """Put prompts of a family into the table."""
    dialog = open_dialog(qtbot, window)
    choose(dialog.family, family)
    settle(qtbot, window)
    reference = [row[1].replace("␠", " ") for row in dialog.read_out()["reference"]]
    press(dialog, "Replace table")
    settle(qtbot, window)
    return tuple(reference)


def choose_taker(dialog, title):
    menu = find(dialog, QPushButton, "Use as reference").menu()
    menu.popup(dialog.mapToGlobal(dialog.rect().center()))
    (action,) = [action for action in menu.actions() if action.text() == title]
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def test_it_is_put_where_one_or_all_analyses_take_it(qtbot, window):
    dialog = open_dialog(qtbot, window)
    choose_taker(dialog, "Ablation")
    assert window.views.current == "ablate"
    view = window.views["ablate"]
    assert view.read_out()["form"]
    assert len(view.params().reference) == 100
    assert dialog.read_out()["said"] == "100 reference prompts of Numbers stand in Ablation."
    choose_taker(dialog, "All that take reference prompts")
    for name, _title in takers():
        assert window.views[name].params().reference == view.params().reference
    assert view.params().mode == "auto"


def test_beside_the_setting_it_is_one_click(qtbot, window):
    window.views.open("ablate")
    view = window.views["ablate"]
    view.show_setting("reference")
    assert not find(view, QPushButton, "Reference set of the family").isEnabled()
    reference = put(qtbot, window)
    button = find(view, QPushButton, "Reference set of Numbers")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert view.params().reference == reference
    assert "100 reference prompts" in view.read_out()["settings"]
    window.prompts.set_rows([TypedRow("another prompt")])  # of no family
    settle(qtbot, window)
    button = find(view, QPushButton, "Reference set of the family")
    assert not button.isEnabled()
    assert "Numbers" in button.toolTip()


def test_it_is_there_after_the_next_start_and_made_for_the_model_that_is_open(
    qtbot, open_window, tmp_path
):
    window = open_window(FakeService())
    reference = put(qtbot, window)
    with qtbot.waitSignal(window.closed):
        window.close()
    service = FakeService()
    window = open_window(service)
    window.views.open("ablate")
    view = window.views["ablate"]
    view.show_setting("reference")
    assert not asked(service)  # nothing is made before it is wanted
    press(view, "Reference set of Numbers")
    qtbot.waitUntil(lambda: view.params().reference == reference)
    assert len(asked(service)) == 1
    assert window.maker.dialog is None
    dialog = open_dialog(qtbot, window)
    assert dialog.family.currentText() == "Numbers"


def test_the_prompts_of_a_file_are_taken_with_their_groups(qtbot, window, answers, tmp_path):
    window.views.open("ablate")
    view = window.views["ablate"]
    view.show_setting("reference")
    answers["open"] = tmp_path / "lines.txt"
    answers["open"].write_text("1 2 \n\n3 4 \n", encoding="utf-8")
    QTest.mouseClick(
        find(view, QToolButton, "Take the prompts of a file…"), Qt.MouseButton.LeftButton
    )
    assert view.params().reference == ("1 2 ", "3 4 ")
    answers["open"] = tmp_path / "missing.csv"
    press(view, "Take the prompts of a file…")
    assert "missing.csv" in window.banner.text()
    assert view.params().reference == ("1 2 ", "3 4 ")
    answers["open"] = tmp_path / "rows.csv"
    write_prompts(answers["open"], [PromptRow(text=t, group=t) for t in ("a b", "b a")])
    grouped = [
        (name, field)
        for name, _title in takers()
        for field in window.views[name].borrowing()
        if f"{field}_groups" in window.views[name].analysis.params.own_fields()
    ]
    for name, field in grouped:
        window.views.open(name)
        window.views[name].show_setting(field)
        press(window.views[name], "Take the prompts of a file…")
        params = window.views[name].params()
        assert getattr(params, field) == getattr(params, f"{field}_groups") == ("a b", "b a")
    assert grouped


def test_texts_of_the_table_are_lent_by_their_label(qtbot, window):
    rows = [("1 2", "up"), ("3 4", ""), ("2 1", "down"), ("5 6", "up")]
    window.prompts.set_prompts([PromptRow(text=text, label=label) for text, label in rows])
    settle(qtbot, window)
    window.views.open("steer")
    view = window.views["steer"]
    press(view, "Choose interventions…")
    press(view, "Add")
    (menu,) = [m for m in view.findChildren(QMenu) if m.isVisible()]
    menu.actions()[1].trigger()
    menu.close()
    told = "Take the texts of To from the prompt table or a file"
    for labelled, count in (("label “up”: 2 prompts", 2), ("prompts without a label: 1 prompt", 1)):
        press(view, told)
        (menu,) = [m for m in view.findChildren(QMenu) if m.isVisible()]
        (entry,) = [a for a in menu.actions() if a.text() == labelled]
        entry.trigger()
        menu.close()
        assert len(view.params().interventions()[0].to_texts) == count


def test_the_reference_set_goes_to_the_page_that_has_the_setting(qtbot, window):
    window.views.open("steer")
    view = window.views["steer"]
    dialog = open_dialog(qtbot, window)
    choose_taker(dialog, "Steering")
    assert len(view.params().reference) == 100
    assert view.read_out()["page"] == "acts"
