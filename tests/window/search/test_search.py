"""The search finds actions, analyses, settings, exports, help, heads, prompts and results."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLineEdit

from desktop_app.contract.requests import RunAnalysis
from desktop_app.window.frame.found import excerpt, match_score, words_score
from desktop_app.window.prompts.prompt_rows import TypedRow
from tests.finding import find
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def ask(qtbot, window, words):
    """Open the search by its keys, type into it, and return the box."""
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    box = window.top_bar.search
    assert box.hasFocus()
    qtbot.keyClicks(box, words)
    return box


def lines(box):
    return list(zip(box.matches(), box.kinds(), strict=True))


def choose(qtbot, box, name, kind=None):
    """Go to a line by the arrow keys, and press Enter."""
    wanted = next(
        i for i, line in enumerate(lines(box)) if line[0] == name and kind in (None, line[1])
    )
    for _ in range(wanted):
        qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert not box.is_open()


def test_actions_and_analyses_come_with_their_kinds(qtbot, window):
    box = ask(qtbot, window, "ablation")
    assert lines(box)[0] == ("Ablation", "Analysis")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert window.views.current == "ablate"
    box = ask(qtbot, window, "reset lay")
    assert lines(box)[0] == ("Reset layout", "View menu")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("sae", ("Features", "Train SAE")),
        ("transcoder", ("Features",)),
        ("dictionary", ("Features", "Train SAE")),
        ("what does this head do on text", ("Over text",)),
        ("induction", ("Over text",)),
        ("corpus", ("Over text",)),
    ],
)
def test_analyses_are_found_by_what_else_they_are_known_as(qtbot, window, words, names):
    box = ask(qtbot, window, words)
    first = [name for name, kind in lines(box)[:6] if kind == "Analysis"]
    assert set(names) <= set(first)


@pytest.mark.parametrize("spelling", ["3.2", "L3H2", "l3h2", "3 2", "L3 H2", "layer 3 head 2"])
def test_a_head_is_selected_and_what_is_known_is_said(qtbot, window, spelling):
    box = ask(qtbot, window, spelling)
    assert lines(box)[0] == ("L3H2", "Head")
    assert "−4.000" in box.details()[0]
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert (window.selection.layer, window.selection.head) == (3, 2)
    assert window.docks["inspector"].isVisible()
    assert "L3H2" in window.job_bar.title() + window.job_bar.note()


def test_the_attention_of_a_head_opens(qtbot, window):
    box = ask(qtbot, window, "3.1")
    choose(qtbot, box, "Attention of L3H1")
    assert window.views.current == "attention"
    assert window.views["attention"].read_out()["head"].startswith("L3H1")


def test_a_head_that_is_not_there_says_so_and_does_nothing(qtbot, window):
    before = window.selection.layer, window.selection.head
    box = ask(qtbot, window, "99.1")
    assert lines(box)[0] == ("L99H1", "Head")
    assert (
        "is not there: toy has layers 0 to 5" in box.details()[0]
        or "layers 0 to 5" in box.details()[0]
    )
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert (window.selection.layer, window.selection.head) == before
    assert box.is_open()
    qtbot.keyClick(box, Qt.Key.Key_Escape)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("copy as python", "Copy as Python"),
        ("script", "Save as Python script"),
        ("notebook", "Save as notebook"),
        ("png", "Save picture as PNG"),
        ("svg", "Save picture as SVG"),
        ("csv", "Save data as CSV"),
        ("npz", "Save data as NPZ"),
        ("json", "Save data as JSON"),
    ],
)
def test_exports_are_found_by_what_they_give(qtbot, window, words, name):
    box = ask(qtbot, window, words)
    assert (name, "Export") in lines(box)[:4]
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_a_found_export_writes_the_file(qtbot, window, answers, tmp_path):
    window.views.open("rank")
    answers["save"] = tmp_path / "ranking.ipynb"
    box = ask(qtbot, window, "notebook")
    choose(qtbot, box, "Save as notebook")
    window.session.wait()
    settle(qtbot, window)
    assert "nbformat" in (tmp_path / "ranking.ipynb").read_text(encoding="utf-8")


def test_python_is_copied_from_the_search(qtbot, window):
    window.views.open("ablate")
    choose(qtbot, ask(qtbot, window, "python"), "Copy as Python")
    assert "import" in QGuiApplication.clipboard().text()


def test_help_is_found_by_headings_and_by_text(qtbot, window):
    box = ask(qtbot, window, "needed or enough")
    choose(qtbot, box, "Needed or enough: AND and OR", "Help · Patching")
    assert window.help.page() == "patch"
    assert window.help.seen_heading().startswith("Needed or enough")
    box = ask(qtbot, window, "odds of e^d")
    assert box.kinds()[0] == "Help · Ranking"
    assert "odds of e^d" in box.details()[0]
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert window.help.page() == "rank"
    assert "odds of e^d" in window.help.browser.textCursor().selectedText()


def test_prompts_are_found_and_gone_to(qtbot, window):
    window.prompts.set_rows([TypedRow(f"prompt number {i}") for i in range(9)])
    settle(qtbot, window)
    box = ask(qtbot, window, "number 7")
    choose(
        qtbot, box, "prompt␠number␠7" if "prompt␠number␠7" in box.matches() else "prompt number 7"
    )
    assert window.prompts.table.current_row() == 7


def test_results_are_found_and_shown(qtbot, window):
    window.views.open("tokens")
    title = next(r.title for r in window.session.rows() if r.analysis == "rank")
    box = ask(qtbot, window, "ranking")
    assert "Result" in box.kinds()
    names = [name for name, kind in lines(box) if kind == "Result"]
    choose(qtbot, box, names[0], "Result")
    assert title
    assert window.views.current == "rank"


def test_settings_are_found_and_opened(qtbot, window):
    box = ask(qtbot, window, "replace by")
    choose(qtbot, box, "Replace by", "Setting · Ablation")
    assert window.views.current == "ablate"
    assert window.views["ablate"].read_out()["form"]


def test_folded_settings_are_unfolded(qtbot, window):
    box = ask(qtbot, window, "reference prompts")
    choose(qtbot, box, "Reference prompts", "Setting · Ablation")
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    assert QApplication.focusWidget().accessibleName() == "Reference prompts"


def test_nothing_is_said_to_be_nothing(qtbot, window):
    box = ask(qtbot, window, "qqqzzz")
    assert box.matches() == ["Nothing is called “qqqzzz”."]
    assert box.is_open()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.matches() == ["Nothing is called “qqqzzz”."]
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_escape_closes_the_search_and_nothing_else(qtbot, open_window):
    service = FakeService()
    window = open_window(service)
    notes = window.inspector.notes
    notes.setFocus()
    service.slow = {"ablate"}
    window.views.open("ablate")
    window.runs.run_current()
    qtbot.waitUntil(lambda: any(isinstance(a, RunAnalysis) for a in service.asked[-1:]))
    notes.setFocus()
    box = ask(qtbot, window, "abl")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert not box.is_open()
    assert notes.hasFocus()
    assert window.runner.is_busy()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Escape)  # empty and closed
    assert window.runner.is_busy()
    service.slow = set()
    settle(qtbot, window)


def a_thousand_prompts(qtbot, window):
    """Fill the prompt table, and open the search with what all of them hold."""
    window.prompts.set_rows(
        [TypedRow(f"the cat number {i} sat on the mat " * 20) for i in range(1000)]
    )
    settle(qtbot, window)
    return ask(qtbot, window, "m")


def test_of_a_thousand_prompts_a_few_are_listed(qtbot, window):
    box = a_thousand_prompts(qtbot, window)
    for letter in "at numb":
        qtbot.keyClicks(box, letter)
    assert not any(kind.startswith("Prompt ") for kind in box.kinds())
    for _letter in "numb":
        qtbot.keyClick(box, Qt.Key.Key_Backspace)
    assert sum(kind.startswith("Prompt ") for kind in box.kinds()) == 8
    qtbot.keyClick(box, Qt.Key.Key_Escape)


@pytest.mark.benchmark
def test_a_thousand_prompts_do_not_slow_it(qtbot, window):
    box = a_thousand_prompts(qtbot, window)
    began = time.process_time()
    for letter in "at numbers":
        qtbot.keyClicks(box, letter)
    assert time.process_time() - began < 2.0
    assert box.is_open()
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_odd_input_is_only_not_found(qtbot, window):
    box = ask(qtbot, window, "")
    for text in ("(", "\\", "[a-", "%", "  ", "😀" * 300, "9" * 400, "5.3.1"):
        box.setText(text)
        box.textEdited.emit(text)
        assert box.is_open()
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_keys_alone_go_through_all_of_it(qtbot, window):
    box = ask(qtbot, window, "e")
    count = box.list.count()
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.list.currentRow() == count - 1
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.list.currentRow() == 0
    qtbot.keyClick(box, Qt.Key.Key_PageDown)
    assert box.list.currentRow() == min(12, count - 1)
    assert find(window, QLineEdit, "Search") is box
    qtbot.keyClick(box, Qt.Key.Key_Escape)


def test_scores_of_words():
    assert match_score("abl", "Ablation") == 0
    assert words_score("opn", "Open session…") is None
    assert excerpt("x" * 200 + " needle " + "y" * 200, "needle").count("needle") == 1
    assert excerpt("short", "or") == "short"
