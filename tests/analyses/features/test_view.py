"""The view of features by real events: tokens, the table, one feature, tests, and ways onward."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QPushButton,
    QScrollBar,
    QSpinBox,
)

from desktop_app.analyses.features.example_list import fitting
from desktop_app.analyses.features.found import Found
from desktop_app.contract.spec import Intent
from desktop_app.support.feature_files import read_feature
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.analyses.features.sample import CHOSEN, example, fields, per_token, result
from tests.finding import choose, find, in_sight, press, said
from tests.patience import turn_the_loop, wait_for
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

LEFT = Qt.MouseButton.LeftButton
STRIP, LISTED = (
    "Tokens of the prompt, tinted",
    "Features of the selected token, the strongest first",
)
PAGES = ("Tokens", "All features", "One feature", "Tests on the prompt")
HISTOGRAM, TABLE = "Tokens in each interval of activation", "All features"


@pytest.fixture
def view(make_view):
    view = make_view("features")
    view.set_params(view.analysis.params(sae="/some/where/small", feature=CHOSEN, corpus="animals"))
    view.show_result(result())
    return view


def click_token(view, name, position):
    strip = find(view, TokenStrip, name)
    QTest.mouseClick(strip.viewport(), LEFT, pos=strip.box_center(position))


def click_bar(view, index):
    plot = find(view, Plot, HISTOGRAM)
    viewport = find(plot, QGraphicsView).viewport()
    QTest.mouseClick(viewport, LEFT, pos=viewport.mapFrom(plot, plot.point(index).toPoint()))


def number(view, feature):
    """Type the number of a feature."""
    box = find(view, QSpinBox, "Feature that is shown")
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, str(feature))
    QTest.keyClick(box, Qt.Key.Key_Return)


# The setup card, and where a result opens.


def test_what_the_autoencoder_is_stands_above_every_page(view):
    for page in PAGES:
        press(view, page)
        told = " ".join(said(view))
        for words in ("blocks.1.hook_resid_post", "6 of width 8", "top k = 2", "a text of cats"):
            assert words in told, (page, words)


def test_a_run_for_a_feature_opens_on_it_and_one_for_none_on_the_tokens(make_view, view):
    assert view.read_out()["page"] == "feature"
    other = make_view("features")
    other.show_result(result(feature=-1))
    told = other.read_out()
    assert (told["page"], told["feature"]) == ("prompt", 2)  # the strongest of the prompt
    other.show_result(result(feature=-1, prompts=False))
    told = other.read_out()
    assert (told["page"], told["feature"]) == ("all", 3)  # the largest of the corpus


# Tokens.


def test_tokens_are_tinted_by_the_feature_and_tell_their_numbers(view):
    press(view, "Tokens")
    told = view.read_out()["prompt_page"]
    assert told["head"] == "Feature 2 at each token"
    assert told["ramp"] == ("0", "10.0")
    assert told["position"] == 6  # where it is strongest
    tip = find(view, TokenStrip, STRIP).tip(6)
    for words in ("position 6", "' mat'", "Feature 2: 10.0", "2 active features", "error 0.100"):
        assert words in tip
    assert "strongest: 2 (10.0), 1 (1.00)" in tip


def test_the_first_feature_and_token_are_none_that_peak_at_the_bos(make_view):
    data = fields(feature=-1, corpus=False)
    top, values = (tuple(part.copy() for part in data[n]) for n in ("top", "top_activation"))
    top[0][0], values[0][0] = [2, 4], [40.0, 7]  # 2 is strongest behind it as well
    view = make_view("features")
    made = result(feature=-1, corpus=False)
    view.show_result(dataclasses.replace(made, data=data | {"top": top, "top_activation": values}))
    told = view.read_out()
    assert (told["feature"], told["prompt_page"]["position"]) == (1, 2)
    number(view, 2)
    view.selection.select_prompt(1)
    view.selection.select_prompt(0)
    assert view.read_out()["prompt_page"]["position"] == 6


def test_a_token_lists_its_features_and_one_of_them_is_chosen(view, selection):
    press(view, "Tokens")
    click_token(view, STRIP, 2)
    assert selection.position == 2
    told = view.read_out()["prompt_page"]
    assert told["selected"] == "␠cat at position 2 · 2 active"
    assert [row[0] for row in told["listed"]] == ["1", "2"]
    table = find(view, RankingList, LISTED)
    table.selectRow(0)
    assert view.read_out()["feature"] == 1
    assert "white: not among the 2 strongest there" in view.read_out()["prompt_page"]["head"]
    tip = find(view, TokenStrip, STRIP).tip(3)
    assert "Feature 1: below those listed, or 0" in tip


def test_enter_on_a_listed_feature_opens_its_own_page(view):
    press(view, "Tokens")
    click_token(view, STRIP, 2)
    table = find(view, RankingList, LISTED)
    table.setFocus()
    table.selectRow(0)
    QTest.keyClick(table, Qt.Key.Key_Return)
    told = view.read_out()
    assert (told["page"], told["feature"]) == ("feature", 1)


def test_tokens_are_tinted_by_other_numbers_as_well(view, heard):
    choices = heard(view.choices_changed)
    press(view, "Tokens")
    press(view, "Error")
    told = view.read_out()["prompt_page"]
    assert told["ramp"] == ("0", "0.700")
    assert "‖x − x̂‖" in told["head"]
    assert choices[-1][0]["tint"] == "error_token"


def test_another_prompt_is_chosen_in_the_list_or_elsewhere(view, selection):
    press(view, "Tokens")
    find(view, RankingList, "Prompts").selectRow(1)
    assert selection.prompt == 1
    assert find(view, TokenStrip, STRIP).texts() == ("<s>", " Of", " the", " dog", ".")
    assert "−20.0 % of variance" in view.read_out()["prompt_page"]["said"]
    selection.select_prompt(0)
    assert len(find(view, TokenStrip, STRIP).texts()) == 7


def test_arrow_keys_go_from_token_to_token(view, selection):
    press(view, "Tokens")
    strip = find(view, TokenStrip, STRIP)
    strip.setFocus()
    QTest.keyClick(strip, Qt.Key.Key_Home)
    QTest.keyClick(strip, Qt.Key.Key_Right)
    assert selection.position == 1
    assert view.read_out()["prompt_page"]["selected"].startswith("␠the at position 1")


# All features.


def test_features_are_searched_ordered_and_chosen(view):
    press(view, "All features")
    told = view.read_out()["all_page"]
    assert told["said"] == "5 of 6 features active in 28 tokens of animals"
    assert [row[0] for row in told["features"]] == ["2", "0", "1", "3", "4", "5"]
    line = find(view, QLineEdit, "Search features")
    line.setFocus()
    QTest.keyClicks(line, "the")
    wait_for(lambda: len(view.read_out()["all_page"]["features"]) == 3)
    assert view.read_out()["all_page"]["said"] == "3 features found"
    choose(find(view, QComboBox, "Order of the features"), "Largest activation")
    assert [row[0] for row in view.read_out()["all_page"]["features"]] == ["3", "0", "5"]
    table = find(view, RankingList, TABLE)
    table.selectRow(1)
    assert view.read_out()["feature"] == 0
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert view.read_out()["page"] == "feature"


def test_without_a_corpus_the_table_says_how_to_get_one(make_view):
    view = make_view("features")
    view.show_result(result(corpus=False))
    press(view, "All features")
    assert view.read_out()["all_page"]["features"] == []
    assert not find(view, QLineEdit, "Search features").isEnabled()
    press(view, "One feature")
    assert "Name a corpus" in view.read_out()["feature_page"]["none"]


def test_without_a_corpus_features_are_searched_by_what_they_write(make_view):
    view = make_view("features")
    view.take_choices({"order": "largest"})
    view.show_result(result(corpus=False, lists=True))
    press(view, "All features")
    told = view.read_out()["all_page"]
    assert told["features"][1] == ("1", "␠cat  ␠sat")
    assert [row[0] for row in told["features"]] == ["0", "1", "2", "3", "4", "5"]
    assert told["said"].startswith("6 features · Name a corpus")
    assert not in_sight(view, QComboBox, "Order of the features")
    QTest.keyClicks(find(view, QLineEdit, "Search features"), "the")
    wait_for(lambda: len(view.read_out()["all_page"]["features"]) == 3)
    assert [row[0] for row in view.read_out()["all_page"]["features"]] == ["0", "3", "5"]
    view.show_result(result())
    press(view, "All features")
    assert in_sight(view, QComboBox, "Order of the features")


# One feature.


def test_the_histogram_the_examples_and_the_lists_are_of_the_feature(view):
    told = view.read_out()["feature_page"]
    assert told["histogram"].lines[0].values.tolist() == [3, 0, 1, 0, 2]
    assert told["title"] == "The 3 largest"
    ((_heading, rows),) = told["examples"]
    assert rows[0][0] == "10.0 · cats.txt · window 1, position 6"
    assert " mat" in rows[0][1]
    assert told["ends"][0] == ("␠mat", "+3.50", "␠Of", "−4.00")
    assert told["space"] == "Decoder row, unembedded (residual stream)"


def test_examples_of_each_interval_have_their_counts_and_the_rule(view):
    press(view, "By interval")
    told = view.read_out()["feature_page"]
    assert [heading for heading, _rows in told["examples"]] == [
        "8.00 to 10.0 · 2 tokens, 2 drawn",
        "6.00 to 8.00 · 0 tokens",
        "4.00 to 6.00 · 1 token, 1 drawn",
        "2.00 to 4.00 · 0 tokens",
        "0 to 2.00 · 3 tokens, 3 drawn",
    ]
    assert told["rule"] == "Top: the 3 tokens of largest activation. Intervals: 5 equal ones."
    assert any(told["rule"] in words for words in said(view))


def test_a_bar_leads_to_the_examples_of_its_interval(view):
    view.resize(660, 520)
    turn_the_loop()
    press(view, "By interval")
    turn_the_loop()
    click_bar(view, 0)
    turn_the_loop()
    told = view.read_out()["feature_page"]
    assert told["scrolled"] > 0
    bars = [bar for bar in in_sight(view, QScrollBar) if bar.value() == told["scrolled"]]
    assert bars


def test_an_example_tells_the_activation_at_each_of_its_tokens(view):
    strip = next(s for s in in_sight(view, TokenStrip) if s.texts()[-2:] == (" mat", "."))
    at = strip.texts().index(" mat")
    assert strip.selected() == at
    assert "activation 10.0" in strip.tip(at)
    assert "position 6" in strip.tip(at)
    assert "activation 0" in strip.tip(at - 1)


def test_keys_go_from_example_to_example_and_tab_past_them(view):
    first, second = (s for s in in_sight(view, TokenStrip) if s.texts()[-2:] == (" mat", "."))
    first.setFocus()
    QTest.keyClick(first, Qt.Key.Key_Up)
    assert QApplication.focusWidget() is first
    QTest.keyClick(first, Qt.Key.Key_Down)
    assert QApplication.focusWidget() is second
    QTest.keyClick(second, Qt.Key.Key_Tab)
    assert not isinstance(QApplication.focusWidget(), TokenStrip)


def test_whole_windows_are_shown_where_wanted(view):
    view.resize(560, 700)
    turn_the_loop()
    press(view, "Window")
    ((_heading, rows),) = view.read_out()["feature_page"]["examples"]
    assert all(len(tokens) == 8 for _told, tokens in rows)


@pytest.fixture
def long_windows(make_view):
    """Return a view of windows of 4,000 tokens, of which one shows 40 examples."""
    length, many = 4_000, 40
    data = fields() | {
        "ids": np.ones((many, length), dtype=np.int32),
        "window_file": np.zeros(many, dtype=np.int32),
        "examples": {"top": [example(n, 2_000, 9.0) for n in range(many)], "intervals": [[]] * 5},
        "entry_place": np.arange(many) * length + 2_000,
        "entry_value": np.full(many, 9.0),
        "feature_start": np.array([0, 0, 0, many, many, many, many]),
    }
    view = make_view("features")
    view.show_result(dataclasses.replace(result(), data=data))
    return view


def test_of_long_windows_only_the_tokens_near_an_example_are_written_out(long_windows, monkeypatch):
    written, word = [], Found.word
    monkeypatch.setattr(Found, "word", lambda own, n: written.append(n) or word(own, n))
    number(long_windows, 0)
    number(long_windows, CHOSEN)
    ((_heading, rows),) = long_windows.read_out()["feature_page"]["examples"]
    assert len(rows) == 40
    assert len(written) < 40 * 200


def test_of_long_windows_some_are_shown_whole_and_how_many_is_said(long_windows):
    press(long_windows, "Window")
    told = long_windows.read_out()["feature_page"]
    assert told["title"] == "The 40 largest, 10 shown"
    ((_heading, rows),) = told["examples"]
    assert [len(tokens) for _told, tokens in rows] == [4_000] * 10
    press(long_windows, "Line")
    assert long_windows.read_out()["feature_page"]["title"] == "The 40 largest"


def test_the_encoders_side_is_read_as_well(view):
    press(view, "Reads")
    told = view.read_out()["feature_page"]
    assert told["space"] == "Encoder column, unembedded (residual stream)"
    assert told["ends"][0] == ("␠cat", "+1.50", ".", "−1.00")


def test_any_feature_is_stepped_to_without_a_run(view, heard):
    asked = heard(view.run_requested)
    number(view, 0)
    told = view.read_out()
    assert told["feature"] == 0
    assert told["of_feature"] == "at 17.9 % of tokens, up to 3.00 · writes ␠the  ␠a"
    ((_heading, rows),) = told["feature_page"]["examples"]
    assert [words.split(" · ")[0] for words, _tokens in rows] == ["3.00", "2.00", "1.50"]
    QTest.keyClick(find(view, QSpinBox, "Feature that is shown"), Qt.Key.Key_Up)
    assert view.read_out()["feature"] == 1
    assert asked == []


def test_a_feature_that_is_never_active_is_said_to_be_so(view):
    number(view, 5)
    told = view.read_out()["feature_page"]
    assert told["none"] == "It is never active in the corpus"
    assert told["examples"] == []


def test_the_lists_of_another_feature_want_a_run_which_is_offered(view, heard):
    asked = heard(view.run_requested)
    assert not view.read_out()["can_look"]
    number(view, 1)
    assert any("Look closer" in words for words in said(view))
    assert view.read_out()["feature_page"]["ends"] == [("␠cat",), ("␠sat",)]
    press(view, "Look closer")
    ((params,),) = asked
    assert (params.feature, params.sae, params.corpus) == (1, "/some/where/small", "animals")


# Tests.


def test_tests_say_what_the_feature_hangs_on_and_what_it_does(view):
    press(view, "Tests on the prompt")
    told = view.read_out()["tests_page"]
    assert told["taken"]["said"].startswith("Deleting ␠sat at position 3 changes it most: 10.0 → ")
    assert told["taken"]["ramp"] == ("−8.00", "+8.00")
    assert told["without"]["said"].startswith("Without the feature ␠mat at position 6")
    assert "20.2 %" in told["alone"]
    assert len(told["scatter"].x) == 12
    strips = {strip.accessibleName(): strip for strip in in_sight(view, TokenStrip)}
    assert "10.0 → 2.00 without it (−8.00)" in strips["Ablated text"].tip(3)
    assert "read here" in strips["Ablated text"].tip(6)
    assert "−4.000 nats" in strips["Direction ablated"].tip(6)


def test_what_falls_is_warm_and_what_rises_is_cold(view, themed):
    press(view, "Tests on the prompt")
    strip = next(s for s in in_sight(view, TokenStrip) if s.accessibleName() == "Ablated text")
    image = strip.viewport().grab().toImage()

    def ground(position):
        box = strip.box(position)
        return image.pixelColor(box.left() + 4, box.center().y())

    falls, rises = ground(3), ground(1)
    assert falls.red() > falls.blue()
    assert rises.blue() > rises.red()


def test_tests_are_of_the_feature_that_was_run_alone(view, heard):
    press(view, "Tests on the prompt")
    number(view, 1)
    assert view.read_out()["tests_page"]["none"] == "Not made for feature 1"
    assert in_sight(view, TokenStrip) == []
    asked = heard(view.run_requested)
    in_sight(view, QPushButton, "Look closer")[-1].click()
    assert [params.feature for (params,) in asked] == [1]
    number(view, CHOSEN)
    assert view.read_out()["tests_page"]["none"] == ""


def test_what_is_no_more_than_rounding_has_no_tint_no_scale_and_no_plot(make_view):
    zeros = (np.zeros(7), np.zeros(5))
    data = fields() | {
        "activation": zeros, "alone": zeros, "peak": np.array([-1, -1]),
        "direction_ablated": (np.full(6, 4.8e-7), np.zeros(4)),
    }  # fmt: skip
    view = make_view("features")
    view.show_result(dataclasses.replace(result(), data=data))
    press(view, "Tests on the prompt")
    assert view.read_out()["tests_page"]["without"]["ramp"] == ("", "")
    assert not in_sight(view, Plot)
    press(view, "Tokens")
    assert view.read_out()["prompt_page"]["ramp"] == ("", "")


def test_a_prompt_on_which_the_feature_is_silent_has_no_ablated_text(make_view):
    nan = np.full(5, np.nan)
    data = fields() | {"peak": np.array([6, -1]), "ablated_text": (np.zeros(7), nan)}
    view = make_view("features")
    view.show_result(dataclasses.replace(result(), data=data))
    press(view, "Tests on the prompt")
    view.selection.select_prompt(1)
    names = [strip.accessibleName() for strip in in_sight(view, TokenStrip)]
    assert names == ["Direction ablated"]


# Ways onward, and from elsewhere.


def test_steering_along_it_is_asked_for_by_folder_and_number(view, heard):
    raised = heard(view.intent_raised)
    number(view, 4)
    press(view, "Steer along it")
    why = "its largest activation over the text"
    told = {"file": "/some/where/small:4", "coef": 0.25, "why": why}
    assert raised == [(Intent("steer_with", told),)]


def test_the_strength_of_steering_is_the_largest_activation_that_is_known(view, heard):
    raised = heard(view.intent_raised)
    view.show_result(result(corpus=False))
    press(view, "Steer along it")
    number(view, 3)  # at the BOS of both prompts, and elsewhere
    press(view, "Steer along it")
    number(view, 5)
    press(view, "Steer along it")
    told = [(i.data.get("coef"), i.data.get("why")) for (i,) in raised]
    prompts = "its largest activation on the prompts"
    assert told == [(10.0, prompts), (12.0, prompts), (None, None)]


def test_the_feature_of_the_toys_own_is_a_vector_that_steering_reads(view, heard):
    raised = heard(view.intent_raised)
    params = result().params | {"sae": "toy"}
    view.show_result(dataclasses.replace(result(), params=params))
    press(view, "Steer along it")
    ((intent,),) = raised
    folder, _colon, number = intent.data["file"].rpartition(":")
    _path, entry, facts = read_feature(Path(folder), int(number), "it")
    assert entry.shape == (128,)
    assert facts["made"].startswith("feature 2 ")


def test_another_view_opens_an_autoencoder_here(make_view, heard):
    view = make_view("features")
    asked = heard(view.run_requested)
    view.answer(Intent("features_with", {"sae": "/new/one"}))
    view.answer(Intent("features_with", {"sae": "/new/one", "feature": 7}))
    assert [(params.sae, params.feature) for (params,) in asked] == [
        ("/new/one", -1), ("/new/one", 7),
    ]  # fmt: skip


def test_a_new_autoencoder_is_not_asked_for_the_feature_of_the_old_one(view, heard):
    asked = heard(view.run_requested)
    view.answer(Intent("features_with", {"sae": "/new/one"}))
    ((params,),) = asked
    assert params.feature == -1


def test_the_empty_view_offers_to_train_one_and_with_the_toy_open_its_own(make_view, heard):
    view = make_view("features")
    asked, raised = heard(view.run_requested), heard(view.intent_raised)
    own = "Open the toy model's"
    assert not in_sight(view, QPushButton, own)
    view.learn_model(drawn.model())
    assert not in_sight(view, QPushButton, own)
    assert in_sight(view, QPushButton, "Train one…")
    view.learn_model(drawn.model(name="toy"))
    press(view, "Open the toy model's")
    ((params,),) = asked
    assert (params.sae, params.corpus) == ("toy", "own")
    press(view, "Train one…")
    assert raised == [(Intent("train_features", {}),)]


def test_choices_are_taken_over_and_unknown_ones_passed_over(make_view):
    view = make_view("features")
    view.take_choices({"tint": "l0_token", "order": "largest", "context": "window", "other": "x"})
    view.show_result(result())
    told = view.read_out()
    assert (told["prompt_page"]["tint"], told["all_page"]["order"]) == ("l0_token", "largest")
    view.take_choices({"tint": "nonsense", "order": "nonsense", "context": "nonsense"})
    assert view.read_out()["all_page"]["order"] == "largest"


# Partial, stopped, hostile.


def test_a_rerun_of_the_same_autoencoder_stays_on_page_and_feature(make_view):
    view = make_view("features")
    view.set_params(view.analysis.params(sae="/some/where/small", corpus="animals"))
    view.show_result(result(feature=-1))
    number(view, 1)
    press(view, "One feature")
    data = {name: fields()[name] for name in ("card", "density", "largest", "mean_active")}
    view.show_busy(True)
    view.show_partial(data)
    assert (view.read_out()["page"], view.read_out()["feature"]) == ("feature", 1)
    view.show_result(result(feature=-1))
    assert (view.read_out()["page"], view.read_out()["feature"]) == ("feature", 1)
    press(view, "Tokens")
    view.show_busy(True)
    view.show_partial(data)
    assert view.read_out()["page"] == "all"
    view.show_result(result(feature=-1))
    assert (view.read_out()["page"], view.read_out()["feature"]) == ("prompt", 1)


def test_features_are_listed_while_the_corpus_is_read(make_view, view):
    data = {name: fields()[name] for name in ("card", "density", "largest", "mean_active")}
    first = make_view("features")
    first.show_busy(True)
    first.show_partial(data)
    assert first.read_out()["page"] == "all"
    assert "when the text has been read" in first.read_out()["of_feature"]
    press(view, "All features")
    view.show_busy(True)
    view.show_partial(data)
    told = view.read_out()
    assert told["page"] == "all"
    assert len(told["all_page"]["features"]) == 6
    assert not told["can_steer"]
    press(view, "One feature")  # where one looks meanwhile, one stays
    view.show_partial(data)
    told = view.read_out()
    assert told["page"] == "feature"
    assert "when the text has been read" in told["feature_page"]["none"]
    view.show_busy(False)
    assert len(view.read_out()["feature_page"]["ends"]) == 2


def test_fields_that_say_nothing_of_the_corpus_leave_the_old_picture(view):
    view.show_partial({"card": {}})
    assert view.read_out()["page"] == "feature"


def test_a_run_that_was_stopped_after_the_first_prompt_shows_it(make_view):
    data = {name: field[:1] for name, field in per_token().items()}
    view = make_view("features")
    params = result().params | {"feature": -1, "corpus": ""}
    stopped = dataclasses.replace(result(), data=data | {"card": {}}, params=params)
    view.show_result(stopped)
    view.selection.select_prompt(1)
    press(view, "Tokens")
    assert view.read_out()["state"] == "result"
    assert len(view.read_out()["prompt_page"]["prompts"]) == 1


def test_a_result_that_lacks_a_part_is_drawn_or_refused_in_a_sentence(view):
    parts = (
        "top",
        "ids",
        "entry_place",
        "token_ids",
        "activation",
        "l0_token",
        "examples",
        "write",
    )
    for gone in parts:
        data = {name: value for name, value in fields().items() if name != gone}
        view.show_result(dataclasses.replace(result(), data=data))
        for page in PAGES:
            for button in in_sight(view, QPushButton, page):
                button.click()
        assert view.read_out()["state"] in {"result", "failure"}, gone


def test_words_of_a_file_are_shown_to_the_letter(make_view):
    data = fields()
    data["files"] = ("<img src='file:///x'>&amp;", "b")
    data["card"] = data["card"] | {"name": "<b>bold</b>", "facts": {"data": "<i>&x</i>"}}
    view = make_view("features")
    view.show_result(dataclasses.replace(result(), data=data))
    told = " ".join(said(view))
    assert "<b>bold</b>" in told
    assert "<img src='file:///x'>&amp;" in told


def test_an_export_draws_the_page_without_its_controls(view):
    for page in PAGES:
        press(view, page)
        figure = view.figure_widget()
        assert not figure.findChildren(QPushButton)
        assert figure.grab().width() > 100


def test_an_export_is_as_tall_as_what_it_holds_now(view):
    tall = view.figure_widget().height()
    view.show_result(result(corpus=False))
    press(view, "One feature")
    figure = view.figure_widget()
    assert figure.height() < tall / 1.5
    assert not any("Name a corpus" in words for words in said(figure))


def test_an_export_of_a_feature_holds_all_its_examples_however_many(long_windows):
    long_windows.resize(900, 500)
    turn_the_loop()
    figure = long_windows.figure_widget()
    assert figure.isHidden()
    strips = in_sight(figure, TokenStrip)
    assert len(strips) == 40
    image = figure.grab()
    assert image.height() > 40 * strips[0].height()
    bottoms = [strip.mapTo(figure, strip.rect().bottomLeft()).y() for strip in strips]
    assert bottoms == sorted(set(bottoms))
    assert bottoms[-1] < image.height()
    assert all(strip.verticalScrollBar().maximum() == 0 for strip in strips)
    said_there = said(figure)
    for words in ("Feature 2", "The 40 largest", "Tokens by activation"):
        assert words in said_there
    press(long_windows, "Window")
    figure = long_windows.figure_widget()
    assert "The 40 largest, 1 shown" in said(figure)
    (strip,) = in_sight(figure, TokenStrip)
    assert len(strip.texts()) == 4_000
    assert figure.grab().height() > strip.height() > 4_000
    assert strip.verticalScrollBar().maximum() == 0


def test_a_view_that_is_let_go_is_gone(qtbot, themed):
    selection = Selection()
    view = create_view("features", selection)
    view.show_result(result())
    gone = weakref.ref(view)
    view.deleteLater()
    del view
    QApplication.sendPostedEvents(None, 52)
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(
    ("room", "ends"),
    [
        (1000, (0, 7)), (60, (3, 4)), (130, (2, 5)), (170, (1, 5)), (0, (3, 4)),
    ],
)  # fmt: skip
def test_a_line_holds_what_fits_around_an_example(room, ends):
    assert fitting([36] * 7, 3, room) == ends


@pytest.mark.parametrize("at", [0, 9])
def test_at_an_end_the_room_goes_to_the_other_side(at):
    first, last = fitting([36] * 10, at, 8 + 36 + 4 * 40)
    assert last - first == 5
    assert at in {first, last - 1}
