"""What a result was asked about, and what the window says where the table holds something else."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from desktop_app.contract.params import PromptRow
from desktop_app.widgets.basics.chip import Chip
from desktop_app.window.prompts.prompt_rows import TypedRow
from desktop_app.window.runs.showing import Asked
from tests.finding import in_sight, press
from tests.samples import drawn
from tests.samples.heads import detect_result

ROW = TypedRow("1 2 3 4 ", "7 9 6 1 ", "5", "4")
gui = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def as_asked(result, *rows):
    params = {**result.params, "prompts": [row.model_dump(mode="json") for row in rows]}
    return dataclasses.replace(result, params=params, prompts=result.prompts[: len(rows)])


def test_the_rows_as_given_decide():
    given = PromptRow(text="a", corrupt="b", answer=("c", "d"), wrong=("e",))
    asked = Asked.of(as_asked(drawn.rank_result(), given))
    assert asked.is_of_table([given])
    assert not asked.is_of_table([])
    assert not asked.is_of_table([given, given])
    for change in ({"text": "z"}, {"corrupt": None}, {"answer": ("c",)}, {"wrong": ()}):
        assert not asked.is_of_table([given.model_copy(update=change)])


def test_results_without_rows_are_known_by_their_records():
    result = drawn.rank_result()
    asked = Asked.of(dataclasses.replace(result, params={}))
    assert [row.text for row in asked.rows] == [record.text for record in result.prompts]


def test_sequences_of_its_own_belong_to_every_table():
    assert Asked.of(detect_result()).rows is None
    assert Asked.of(detect_result()).is_of_table([PromptRow(text="x")])


def test_a_prompt_is_found_where_it_stands_now():
    rows = [PromptRow(text="a", answer=("x",)), PromptRow(text="b"), PromptRow(text="a")]
    asked = Asked(tuple(rows))
    assert asked.place_of(rows[1], 0, whole=True) == 1
    assert asked.place_of(PromptRow(text="a"), 2, whole=False) == 2
    assert asked.place_of(PromptRow(text="a"), 0, whole=True) == 2
    assert asked.place_of(PromptRow(text="c"), 0, whole=False) is None


def fill(qtbot, window, *rows):
    window.prompts.table.prompts.set_rows(rows)
    with qtbot.waitSignal(window.prompts.live.tokens_shown):
        window.prompts.flush()


def marked(window):
    return {
        name
        for name in window.views
        if any(chip.code == "other_prompts" for chip in in_sight(window.views[name], Chip))
    }


def said(window):
    QApplication.processEvents()  # a label is shown by the next turn of the loop
    return " ".join(
        label.text() for label in window.inspector.findChildren(QLabel) if not label.isHidden()
    )


FILLED = {"tokens", "rank", "attention", "ablate"}


class TestWindow:
    pytestmark = gui

    def test_old_pictures_say_so_until_the_table_is_set_back(self, qtbot, window):
        assert marked(window) == set()
        fill(qtbot, window, dataclasses.replace(ROW, prompt="9 8 "))
        assert marked(window) == FILLED
        fill(qtbot, window, dataclasses.replace(ROW, answer="6"))
        assert marked(window) == FILLED
        fill(qtbot, window, ROW)
        assert marked(window) == set()

    def test_running_again_takes_the_mark_away(self, qtbot, window):
        fill(qtbot, window, dataclasses.replace(ROW, prompt="9 8 "))
        press(window.views["rank"], "Run again: Made for other prompts")
        qtbot.waitUntil(lambda: "rank" not in marked(window))
        assert window.views["rank"].current_result.prompts[0].text == "9 8 "
        assert marked(window) == FILLED - {"rank"}

    def test_results_from_the_history_are_marked_too(self, qtbot, window):
        number = next(r.id for r in window.session.rows() if r.analysis == "rank")
        fill(qtbot, window, dataclasses.replace(ROW, prompt="9 8 "))
        window.runs.run("rank")
        qtbot.waitUntil(lambda: "rank" not in marked(window))
        window.results.asked.emit("show", number)
        assert "rank" in marked(window)
        fill(qtbot, window, ROW)
        assert marked(window) == set()

    def test_what_needs_no_prompts_is_never_marked(self, qtbot, window):
        window.showing.show(detect_result())
        fill(qtbot, window, dataclasses.replace(ROW, prompt="9 8 "))
        assert "detect" not in marked(window)

    def test_the_inspector_does_not_mix_runs(self, qtbot, window):
        window.selection.select_head(3, 2)
        assert "Entropy" in said(window)
        assert not window.inspector.pattern.isHidden()
        fill(qtbot, window, dataclasses.replace(ROW, prompt="9 8 "))
        assert "Entropy" not in said(window)
        assert window.inspector.pattern.isHidden()
        assert "Ablation, Attention: made for other prompts." in said(window)
        window.runs.run("ablate")
        qtbot.waitUntil(lambda: "Effect of removal" in said(window))
        assert "Entropy" not in said(window)
        assert " Attention: made for other prompts." in said(window)

    def test_the_inspector_finds_a_prompt_that_moved_up(self, qtbot, window):
        window.selection.select_head(3, 2)
        other = TypedRow("6 7 ", "", "8", "9")
        fill(qtbot, window, other, ROW)
        window.prompts.table.select_row(1)
        window.runs.run("attention")
        qtbot.waitUntil(lambda: "attention" not in marked(window))
        fill(qtbot, window, ROW)
        assert "Entropy" in said(window)
        assert window.inspector.known.here("attention", 0)[1] == 1
