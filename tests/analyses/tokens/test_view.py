from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QLineEdit

from desktop_app.analyses.tokens.token_card import AlignedStrip, TokenCard
from desktop_app.widgets.basics.chip import Chip
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, press
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def card(view, index):
    """Return the card of a prompt."""
    (found,) = [shown for shown in view.findChildren(TokenCard) if shown.index == index]
    return found


def chips(within):
    """Return what the chips say."""
    return [chip.text() for chip in within.findChildren(Chip) if not chip.isHidden()]


def test_a_card_per_prompt_and_chips_where_they_belong(make_view):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    assert len(view.read_out()["prompts"]) == 2
    assert view.read_out()["chips"] == ["lengths_differ"]
    assert chips(card(view, 0)) == ["trailing space", "space token"]


def test_a_card_offers_its_fix(make_view, heard):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    asked = heard(view.fix_requested)
    press(card(view, 0), "Fix: trailing space")
    assert [told[0].code for told in asked] == ["trailing_space"]


def test_pointing_at_a_chip_tints_its_tokens(make_view, monkeypatch):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    first = card(view, 0)
    tinted = []
    monkeypatch.setattr(first, "highlight", tinted.append)
    (chip,) = [c for c in first.findChildren(Chip) if c.text() == "space token"]
    QApplication.sendEvent(chip, QEvent(QEvent.Type.Enter))
    QApplication.sendEvent(chip, QEvent(QEvent.Type.Leave))
    assert tinted == [(1, 3, 5, 7), ()]


def test_a_token_chosen_on_a_card_is_shared(make_view, selection):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    card(view, 1).strip.token_clicked.emit(3)
    assert (selection.prompt, selection.position) == (1, 3)


def test_the_table_shows_the_selected_prompt(make_view, selection):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    selection.select_prompt(1)
    selection.select_position(2)
    assert view.read_out()["position"] == 2


def test_a_row_selects_its_position(make_view, selection):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    find(view, RankingList, "Tokens of the selected prompt").row_clicked.emit(5)
    assert selection.position == 5


def test_looking_a_token_up(make_view):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result())
    find(view, QLineEdit, "Look up a token by id or text").setText("216")
    assert view.read_out()["said"].startswith("216 = “␠”")


def test_a_second_tokenizer_turns_to_its_page(make_view):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result(data=drawn.compare_data()))
    assert view.read_out()["page"] == "compare"
    assert not find(card(view, 0), AlignedStrip).isHidden()
    assert "3 of 4 stretches" in view.read_out()["said"]


def test_the_padding_demo_turns_to_its_page(make_view):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result(data=drawn.padding_data()))
    assert view.read_out()["page"] == "padding"


def test_many_prompts_come_in_portions(make_view, selection):
    view = make_view("tokens")
    view.show_result(drawn.tokens_result(prompts=drawn.PROMPTS * 40, warnings=()))
    assert len(view.read_out()["prompts"]) == 25
    assert view.read_out()["more"]
    selection.select_prompt(60)
    assert len(view.read_out()["prompts"]) == 61
    view.show_result(drawn.tokens_result(warnings=()))
    assert len(view.read_out()["prompts"]) == 2
