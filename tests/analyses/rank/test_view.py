from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from desktop_app.contract.spec import Intent
from desktop_app.views.choosers import PromptChooser
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import find
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def test_prompts_of_unequal_length_are_drawn(make_view, selection):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    assert len(view.read_out()["predictions"]) == 3
    assert view.read_out()["prompt_tokens"] == 8
    selection.select_prompt(1)
    assert len(view.read_out()["predictions"]) == 2
    assert view.read_out()["prompt_tokens"] == 6
    assert view.read_out()["read"].startswith("read at position 5 of 0…5")


def test_one_card_per_continuation(make_view, selection):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    assert view.read_out()["answers"] == [
        "“5” is one token",
        "“56” is 2 tokens: 5 + 6",
        "“4” is one token",
    ]
    selection.select_prompt(1)
    assert view.read_out()["answers"] == ["“5” is one token", "“4” is one token"]


def test_the_logit_difference_is_large_and_signed(make_view):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    assert view.read_out()["logit_diff"] == "+2.000"
    assert not find(view, Plot, "Logit difference per prompt").isHidden()


def test_the_spread_over_prompts_is_a_strip_of_dots(make_view):
    view = make_view("rank")
    result = drawn.rank_result()
    view.show_result(result)
    dots = find(view, Plot, "Logit difference per prompt")
    strip = dots.picture()
    assert strip.x.tolist() == result.data["logit_diff"].tolist()
    assert strip.reach()[0][0] <= 0 <= strip.reach()[0][1]
    assert strip.text(0).startswith("1 · ")
    assert dots.selected() == 0


def test_without_a_pair_no_number_is_shown(make_view):
    view = make_view("rank")
    view.show_result(drawn.rank_result(data={"logit_diff": np.full(2, np.nan)}))
    assert view.read_out()["logit_diff"] == ""
    assert "Give this prompt an answer" in view.read_out()["verdict"]


def test_a_position_selected_elsewhere_is_told(make_view, selection):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    selection.select_position(2)
    assert view.read_out()["token"].startswith("“2” at 2: log p −0.50")


def test_clicking_a_token_selects_its_position(make_view, selection):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    find(view, TokenStrip, "Prompt, coloured by surprise").token_clicked.emit(4)
    assert selection.position == 4


def test_a_dot_selects_its_prompt(make_view, selection):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    find(view, Plot, "Logit difference per prompt").point_clicked.emit(1)
    assert selection.prompt == 1


def test_the_list_is_used_by_keyboard(make_view, qtbot):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    listed = find(view, RankingList, "Most likely next tokens")
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(listed, key)
    assert listed.selected_key() == 36
    said = listed.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
    assert said.startswith("2. place 1, 4, id 36, wrong, prob 0.")
    qtbot.keyClick(listed, Qt.Key.Key_End)
    assert listed.selected_key() == 216


def test_the_chooser_moves_the_selection(make_view, selection, qtbot):
    view = make_view("rank")
    view.show_result(drawn.rank_result())
    assert not find(view, PromptChooser).isHidden()
    onward = find(view, QToolButton, "Next prompt")
    qtbot.mouseClick(onward, Qt.MouseButton.LeftButton)
    assert selection.prompt == 1
    assert find(view, PromptChooser).box.currentIndex() == 1
    assert not onward.isEnabled()


def test_a_large_window_shows_the_prompt_token_by_token(qtbot, make_view, selection):
    view = make_view("rank", 1400, 1000)
    result = drawn.rank_result()
    view.show_result(result)
    surprises = find(view, RankingList, "Surprise of each prompt token")
    strip = find(view, TokenStrip, "Prompt, coloured by surprise")
    qtbot.waitUntil(surprises.isVisible)
    rows = surprises.ranking.rows
    assert len(rows) == len(result.prompts[0].tokens.ids)
    assert rows[0].tooltip.endswith("nothing predicts it")
    surprises.row_selected.emit(2)
    assert (selection.position, strip.selected()) == (2, 2)
    assert surprises.selected_key() == 2
    view.resize(900, 600)
    qtbot.waitUntil(surprises.isHidden)
    qtbot.waitUntil(strip.isVisible)


def test_a_position_chosen_elsewhere_is_read(make_view, heard, selection):
    view = make_view("rank")
    runs = heard(view.run_requested)
    view.show_result(drawn.rank_result())
    view.answer(Intent("next_tokens", {"prompt": 0, "position": 3}))
    assert [told[0].position for told in runs] == [3]
    assert selection.position == 3
    read = int(view.current_result.data["read_position"][0])
    view.answer(Intent("next_tokens", {"prompt": 0, "position": read}))
    assert len(runs) == 1  # it is on screen
