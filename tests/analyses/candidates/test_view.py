"""The candidates' picture and view, used with mouse and keys."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton

from desktop_app.analyses.candidates import picture as data_of
from desktop_app.analyses.candidates.run import run
from desktop_app.analyses.candidates.spec import CandidatesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.pictures.explained import explain, whats
from desktop_app.pictures.facts import Place
from desktop_app.pictures.naming import result_name
from desktop_app.pictures.text_tables import as_text
from desktop_app.session.export_table import table_of, write_tidy
from desktop_app.session.store import Session
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import find
from tests.models import named

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
TEXT = "one two three four"
STRIPS = ("The prompt's own word", "The prompt with it")


def params(**given):
    made = {"replace": "two", "with_": ("six", "twothree", "ten"), "head": "1.2", **given}
    row = PromptRow(text=TEXT, answer=(" five",), wrong=(" six",))
    return CandidatesParams(**{"prompts": (row,), **made})


def made(**given):
    return run(named("toy"), params(**given), SilentReporter())


@pytest.fixture
def view(make_view):
    view = make_view("candidates")
    view.show_result(made())
    return view


def button(view, text):
    return next(b for b in view.findChildren(QPushButton) if b.text() == text)


def choose(view, qtbot, row):
    """Click a row of the table."""
    table = find(view, RankingList)
    place = table.visualRect(table.model().index(row, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)


# The picture.


def test_a_row_per_word_the_own_first():
    shown = data_of.table_of_words(made())
    keys = [column.key for column in shown.columns]
    assert keys[:5] == ["word", "trouble", "pieces", "tokens", "change"]
    assert shown.values("word") == ["two", "six", "twothree", "ten"]
    assert shown.values("trouble") == ["in the prompt", "", "2 for 1", ""]
    assert shown.values("tokens") == [1, 1, 2, 1]
    assert shown.values("change")[0] == 0.0
    assert shown.values("change")[2] is None
    assert shown.values("from last")[2] is None
    assert [row.emphasis for row in shown.rows] == ["good", "", "bad", ""]


def test_what_cannot_be_sorted_goes_last():
    shown = data_of.table_of_words(made())
    column = [column.key for column in shown.columns].index("change")
    assert shown.order(column, descending=True)[-1] == 2
    assert shown.order(column)[-1] == 2


def test_sentences_say_how_many_fit_and_who_is_looked_at_alike(tmp_path):
    text = tmp_path / "some.txt"
    text.write_text("two two six", encoding="utf-8")
    result = made(text=str(text))
    assert data_of.heading(result).startswith("2 of 3 candidates have as many tokens as “two” (1)")
    assert "L1H2 looks most alike at" in data_of.heading(result)
    assert "counted in some.txt" in data_of.place_sentence(result)
    assert str(tmp_path) not in data_of.place_sentence(result)
    alone = made(head="", with_=("six",))
    assert data_of.heading(alone) == "1 of 1 candidate has as many tokens as “two” (1)"
    none = made(head="", with_=("twothree",))
    assert data_of.heading(none) == "0 of 1 candidate has as many tokens as “two” (1)"
    few = made(head="", with_=("six", "twothree"))
    assert data_of.heading(few) == "1 of 2 candidates has as many tokens as “two” (1)"
    assert "looked at" not in [c.heading for c in data_of.table_of_words(alone).columns]


def test_a_word_in_its_place_is_the_prompt_with_it():
    result, encode = made(), named("toy").tokenizer.encode
    for row, word in enumerate(result.data["words"]):
        shown = data_of.shown_of(result, row)
        assert shown.tokens.ids == encode(TEXT.replace("two", word)).ids
        assert (shown.values is None) == (word == "twothree")
        assert data_of.text_with(result, row) == TEXT.replace("two", word)


def test_names_tables_and_numbers_taken_apart():
    result = made()
    assert result_name(result) == "Candidate words · “two” · L1H2 · “one two three four”"
    headings, rows = table_of(result)
    assert headings[:4] == ["word", "pieces", "token_count", "fits"]
    assert [row[0] for row in rows] == ["two", "six", "twothree", "ten"]
    assert rows[2][headings.index("kl")] == ""
    for what in whats(result):
        assert explain(result, what, Place()) is not None
    assert "“six”" in explain(result, "kl", Place()).working
    assert explain(result, "pieces", Place()).name == "Tokens in place"
    for column in data_of.table_of_words(result).columns:
        assert (explain(result, column.key, Place()) is None) == (column.key == "then says")


def test_a_terminal_gets_a_line_per_word():
    told = as_text(made()).splitlines()
    assert told[1].startswith("2 of 3 candidates have as many tokens")
    assert [line.split()[0] for line in told[3:]] == ["two", "six", "twothree", "ten"]
    assert "from last" in told[4]
    assert "change" not in told[5]  # of another length nothing is read


def test_a_session_keeps_it_and_tables_hold_it(tmp_path):
    result = made()
    with Session.create(tmp_path / "s.lens") as session:
        session.add(result)
    with Session.open(tmp_path / "s.lens") as session:
        again = session.load(1)
        assert again.params["with"] == ["six", "twothree", "ten"]
        np.testing.assert_array_equal(again.array("kl"), result.array("kl"))
        assert data_of.heading(again) == data_of.heading(result)
        assert data_of.shown_of(again, 1).tokens == data_of.shown_of(result, 1).tokens
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as file:
        write_tidy(result, file)
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("kl,six,") for line in lines)
    assert json.dumps(result.to_json(), allow_nan=False)


# The view.


def test_the_first_candidate_is_chosen_and_a_click_chooses_another(view, qtbot):
    assert view.read_out()["chosen"] == 1
    assert view.read_out()["in_place"] == "“six”"
    choose(view, qtbot, 3)
    assert view.read_out()["in_place"] == "“ten”"
    choose(view, qtbot, 2)
    assert view.read_out()["in_place"] == "“twothree”, 2 for 1"
    choose(view, qtbot, 0)
    assert view.read_out()["in_place"] == ""
    assert "Use as corrupt twin" not in view.read_out()["offers"]


def test_choosing_selects_the_place_and_the_head(view, qtbot, selection):
    choose(view, qtbot, 3)
    assert (selection.layer, selection.head) == (1, 2)
    assert selection.position == 2
    assert selection.pair == (4, 2)


def test_the_chosen_stays_when_the_table_is_sorted(view, qtbot):
    choose(view, qtbot, 3)
    table = find(view, RankingList)
    heads = table.horizontalHeader()
    place = QPoint(heads.sectionViewportPosition(4) + 4, 8)
    qtbot.mouseClick(heads.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert view.read_out()["chosen"] == 3
    assert table.selected_key() == 3


def test_the_twin_is_offered_with_the_whole_prompt(view, qtbot, heard):
    told = heard(view.intent_raised)
    choose(view, qtbot, 1)
    qtbot.mouseClick(button(view, "Use as corrupt twin"), Qt.MouseButton.LeftButton)
    ((intent,),) = told
    assert intent.name == "use_token"
    assert intent.data == {
        "use": "corrupt",
        "text": "one six three four",
        "prompt": TEXT,
        "number": 0,
    }


def test_a_double_click_opens_the_heads_attention(view, qtbot, heard):
    told, said = heard(view.intent_raised), heard(view.message_requested)
    table = find(view, RankingList)
    place = table.visualRect(table.model().index(1, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [(i.name, i.data) for (i,) in told] == [("open_attention", {"layer": 1, "head": 2})]
    assert "use “six” as corrupt twin" in said[0][0]


def test_without_a_head_none_can_be_opened(view, qtbot, heard):
    view.show_result(made(head=""))
    told, said = heard(view.intent_raised), heard(view.message_requested)
    table = find(view, RankingList)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert told == []
    assert "Choose a head" in said[0][0]
    assert "Open attention" not in view.read_out()["offers"]


def test_the_selected_head_is_offered(view, qtbot, selection, heard):
    asked = heard(view.run_requested)
    view.set_params(params())
    selection.select_head(2, 1)
    assert "Read L2H1" in view.read_out()["offers"]
    qtbot.mouseClick(button(view, "Read L2H1"), Qt.MouseButton.LeftButton)
    ((sent,),) = asked
    assert sent.head == "2.1"
    selection.select_head(1, 2)
    assert not [offer for offer in view.read_out()["offers"] if offer.startswith("Read")]


def test_nothing_runs_before_a_word_and_candidates_are_named(make_view, qtbot, heard):
    view = make_view("candidates")
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    asked, said = heard(view.run_requested), heard(view.message_requested)
    assert view.read_out()["form"] is True
    view.request_run()
    assert asked == []
    assert said[-1][0].startswith("Word first: The word of the prompt that is replaced")
    form = find(view, ParamsForm)
    qtbot.waitUntil(form.editor("replace").control.hasFocus)
    view.set_params(CandidatesParams(replace="two"))
    view.request_run()
    assert said[-1][0].startswith("Candidates first")
    qtbot.waitUntil(form.editor("with_").control.hasFocus)
    view.set_params(CandidatesParams(replace="two", with_=("six",)))
    view.request_run()
    assert len(asked) == 1


def test_the_first_run_works_on_the_prompt_that_was_selected_before(make_view, selection):
    selection.select_prompt(2)
    assert make_view("candidates").params().pair == 2


@pytest.mark.parametrize("head", ["1.2", ""])
def test_the_arrow_stands_where_something_was_read(view, qtbot, head):
    view.show_result(made(head=head))
    own, chosen = (find(view, TokenStrip, name) for name in STRIPS)
    assert own.tip(4).startswith("position 4 of 5 · read here")
    for row, read in ((1, True), (2, False), (3, True)):
        choose(view, qtbot, row)
        said = [chosen.tip(place) for place in range(len(chosen.texts()))]
        assert any("read here" in line for line in said) is read
        assert "read here" in own.tip(4)


def test_the_next_run_works_on_the_selected_prompt(view, selection):
    selection.select_prompt(3)
    assert view.params().pair == 3
    assert view.read_out()["words"]  # what is on screen stays


def test_a_token_of_a_strip_is_selected(view, qtbot, selection):
    strip = view.findChildren(TokenStrip)[0]
    strip.setFocus()
    qtbot.keyClick(strip, Qt.Key.Key_End)
    assert selection.position == 4


@pytest.mark.parametrize("name", ["words", "tokens", "span", "next", "fits", "kl"])
def test_a_result_that_lacks_a_field_is_refused_in_a_sentence(view, name):
    whole = made()
    data = {key: value for key, value in whole.data.items() if key != name}
    view.show_result(type(whole)(**{**whole.__dict__, "data": data}))
    assert view.read_out()["state"] == "failure"


def test_a_long_list_and_long_words_fit(view):
    view.show_result(made(with_=(*(f"word{n}" for n in range(200)), "x" * 500)))
    assert len(view.read_out()["words"]) == 202
    assert view.width() <= 1000
