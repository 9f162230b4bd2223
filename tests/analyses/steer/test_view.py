"""The main page of the steering view, used as by a hand at the mouse and the keys."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QDoubleSpinBox,
    QLineEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.scale_bar import ScaleBar
from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.analyses.steer.step_strips import StepStrips
from desktop_app.analyses.steer.timeline_grid import TimelineGrid
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.spec import Intent
from desktop_app.pictures.origin import Difference
from desktop_app.support.vector_files import write
from desktop_app.widgets.basics.chip import Chip
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, in_sight, press
from tests.samples import drawn
from tests.samples.steered import PLAIN, STEERED, plain_result, steer_result, strip

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT = Qt.MouseButton.LeftButton
TABLE = "Likeliest tokens at this step"
LINE = "Text to be said here"


@pytest.fixture
def view(make_view):
    """Return a view that shows a steered result and has its settings."""
    view = make_view("steer", 1100, 800)
    show(view, steer_result())
    return view


@pytest.fixture
def asked(view, heard):
    """Return the settings of the runs that are asked for."""
    return heard(view.run_requested)


def show(view, result):
    """Show a result with its settings, as the window does."""
    view.set_params(made_params(result.params))
    view.show_result(result)


def settle(view):
    """Let all that was asked for be laid out."""
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    assert view.isVisible()


def click(view, run, step):
    strips = find(view, StepStrips)
    QTest.mouseClick(strips.viewport(), LEFT, pos=strips.box(run, step).center())


def test_all_four_texts_stand_step_above_step(view):
    told = view.read_out()
    assert list(told["texts"]) == ["plain", "steered", "control", "said"]
    assert told["texts"]["steered"] == ("␠very", "␠cold", "␠and", "␠wet")
    assert told["numbers"]["steered"] == ("−0.60", "−0.90", "−0.20", "−3.00")
    strips = find(view, StepStrips)
    lefts = {strips.box(run, 2).left() for run in told["texts"]}
    assert len(lefts) == 1, "one column per step"


def test_the_first_token_where_each_text_parts_is_told(view):
    told = view.read_out()
    assert told["partings"] == {"steered": 1, "control": 3, "said": 0}
    assert told["outcome"] == (
        "Steered parts from plain at step 1 (“␠good” → “␠cold”), the random control parts at step "
        "3, the instruction parts at step 0"
    )
    assert told["chosen"] == ("steered", 1)
    assert "Here this text parts from the plain one." in told["token_facts"]


def test_colours_and_numbers_go_over_to_the_plain_model(view):
    press(view, "Plain model")
    told = view.read_out()
    assert told["numbers"]["steered"] == ("−0.50", "−6.50", "−1.00", "−12.00")
    assert "plain model" in told["scale"]


def test_both_numbers_of_a_token_are_told_exactly(view):
    click(view, "steered", 3)
    facts = view.read_out()["token_facts"]
    assert "log-probability −3.000 (p 0.050)" in facts
    assert "under the plain model −12.000 (p 6e−06)" in facts


def test_keys_go_from_token_to_token_and_run_to_run(view):
    strips = find(view, StepStrips)
    strips.setFocus()
    QTest.keyClick(strips, Qt.Key.Key_Right)
    assert view.read_out()["chosen"] == ("steered", 2)
    QTest.keyClick(strips, Qt.Key.Key_Up)
    QTest.keyClick(strips, Qt.Key.Key_End)
    assert view.read_out()["chosen"] == ("plain", 3)
    QTest.keyClick(strips, Qt.Key.Key_Up)
    QTest.keyClick(strips, Qt.Key.Key_Right)
    assert view.read_out()["chosen"] == ("plain", 3), "nothing beyond the edge"
    QTest.keyClick(strips, Qt.Key.Key_Home)
    assert view.read_out()["chosen"] == ("plain", 0)
    assert "step 0" in strips.accessibleDescription()


def test_an_alternative_is_said_instead_and_the_rest_anew(view, asked):
    click(view, "steered", 2)
    table = find(view, RankingList, TABLE)
    assert table.texts()[0][1] == "␠and"
    table.select_key(91)
    QTest.keyClick(table, Qt.Key.Key_Return)
    (params,) = asked[-1]
    assert params.begin == ("steered:0:10,14,91",)
    assert params.max_new_tokens == 4


def test_any_text_is_said_instead_to_the_letter(view, asked):
    strips = find(view, StepStrips)
    QTest.mouseDClick(strips.viewport(), LEFT, pos=strips.box("said", 1).center())
    line = find(view, QLineEdit, LINE)
    assert line.hasFocus()
    QTest.keyClicks(line, "  rain, so")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert asked[-1][0].begin == ("said:0:18+  rain, so",)
    assert asked[-1][0].max_new_tokens >= 1 + len("  rain, so"), "room for all that was typed"
    assert line.text() == ""


def test_nothing_typed_says_nothing(view, asked):
    assert not find(view, QPushButton, "Say it here").isEnabled()
    QTest.keyClick(find(view, QLineEdit, LINE), Qt.Key.Key_Return)
    assert asked == []


def test_an_edit_leaves_the_beginnings_of_others_as_they_are(view, asked):
    show(view, steer_result(begin=["plain:0:10", "steered:0:10,14", "control:1:20"]))
    click(view, "steered", 1)
    find(view, RankingList, TABLE).select_key(90)
    QTest.keyClick(find(view, RankingList, TABLE), Qt.Key.Key_Return)
    assert asked[-1][0].begin == ("plain:0:10", "control:1:20", "steered:0:10,90")


def test_texts_go_on_from_where_they_stand(view, asked):
    press(view, "Continue")
    (params,) = asked[-1]
    assert params.max_new_tokens == 8
    assert params.begin[:2] == ("plain:0:10,11,12,13", "steered:0:10,14,15,16")
    assert len(params.begin) == 8, "every run of every prompt"
    assert (view.params().max_new_tokens, view.params().begin) == (4, ()), "the form as it was"
    view.show_result(steer_result(begin=params.begin, max_new_tokens=8))
    told = ("New tokens: 8, now 4", "Coefficient: 4, now 3")
    made = {"begin": list(params.begin)}
    assert view.settings_that_matter(told, made) == told[1:]
    assert view.settings_that_matter(told, {"begin": []}) == told
    press(view, "Run steering")
    assert asked[-1][0].max_new_tokens == 4, "another run has what the form says"


def test_texts_that_ended_by_themselves_do_not_go_on(view, asked, heard):
    ended = PLAIN | {"ended": True}
    show(view, plain_result())
    view.show_result(replace(plain_result(), data={"plain": (ended, ended)}))
    told = heard(view.message_requested)
    press(view, "Continue")
    assert asked == []
    assert "Ignore end" in told[-1][0]


def test_what_is_of_other_prompts_is_not_gone_on_with(view, asked, heard):
    told = heard(view.message_requested)
    view.mark_source(Difference(prompts=True))
    press(view, "Continue")
    assert asked == []
    assert "run again" in told[-1][0]


def test_run_begins_without_the_tokens_that_were_given(view, asked):
    show(view, steer_result(begin=["steered:0:10,14"]))
    assert view.read_out()["begun"]
    press(view, "Run steering")
    assert asked[-1][0].begin == ()
    show(view, steer_result(begin=["steered:0:10,14"]))
    press(view, "Begin anew")
    assert asked[-1][0].begin == ()


def test_tokens_that_were_given_are_told(view):
    assert "dashed" not in view.read_out()["scale"]
    show(view, steer_result(begin=["steered:0:10,14", "said:0:18+ today"]))
    assert "dashed: given, not the model’s choice" in view.read_out()["scale"]
    click(view, "steered", 1)
    assert "Given, not chosen by the model." in view.read_out()["token_facts"]
    click(view, "steered", 2)
    assert "Given, not chosen by the model." not in view.read_out()["token_facts"]
    click(view, "said", 1)
    assert "Given, not chosen by the model." in view.read_out()["token_facts"]


def test_signs_of_the_scale_have_a_line_of_their_own_where_one_is_too_short(view):
    show(view, steer_result(begin=["steered:0:10,14"]))
    scale = find(view, ScaleBar)
    lines = []
    for width in (1600, 900, 700):
        view.resize(width, 800)
        lines.append((scale.lines(), scale.height()))
    one, two = lines[0], lines[-1]
    assert (one[0], two[0]) == (1, 2)
    assert two[1] == 2 * one[1]


def test_a_token_that_was_not_read_before_a_stop_says_so(view):
    unread = STEERED | {"logprobs": [-0.6, -0.9, math.nan, math.nan]}
    result = steer_result()
    view.show_result(replace(result, data={**result.data, "steered": (unread, unread)}))
    click(view, "steered", 2)
    told = view.read_out()
    assert "Not read yet when the run was stopped: no numbers are known." in told["token_facts"]
    click(view, "steered", 1)
    assert "Not read yet" not in " ".join(view.read_out()["token_facts"])


def test_a_text_is_copied_by_button_and_by_keys(view):
    click(view, "steered", 0)
    press(view, "Copy text")
    assert QGuiApplication.clipboard().text() == STEERED["text"]
    click(view, "plain", 0)
    QTest.keyClick(find(view, StepStrips), Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == PLAIN["text"]


def test_the_slider_asks_for_one_run_when_the_hand_rests(view, asked, qtbot):
    slider = find(view, QSlider, "Coefficient")
    assert view.read_out()["strength"] == 4.0
    slider.setFocus()
    for _time in range(3):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    assert asked == [], "not before it rests"
    qtbot.waitUntil(lambda: len(asked) > 0)
    (params,) = asked[-1]
    assert len(asked) == 1
    assert params.coef == (7.0,)
    assert params.from_texts == ("hot",)
    assert params.begin == ()


def test_an_exact_strength_is_typed(view, asked, qtbot):
    box = find(view, QDoubleSpinBox, "Coefficient")
    box.setFocus()
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "-250")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(asked) > 0)
    assert asked[-1][0].coef == (-250.0,)


@pytest.mark.parametrize("value", [0.0004, -2e10, 3.4e38, 1e-12, 3.72615384171])
def test_a_strength_of_any_size_is_shown_as_it_is_and_stays(view, asked, value):
    show(view, steer_result(coef=[value]))
    assert view.read_out()["strength"] == value
    box = find(view, QDoubleSpinBox, "Coefficient")
    assert float(box.text()) == pytest.approx(value, rel=1e-8)
    box.setFocus()
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    assert view.read_out()["strength"] == value, "what is not changed keeps all its digits"


@pytest.mark.parametrize(
    ("typed", "value"), [("0.0004", 0.0004), ("2e10", 2e10), ("-1e-7", -1e-7), ("1e40", 4.0)]
)
def test_a_strength_of_any_size_is_typed(view, typed, value):
    box = find(view, QDoubleSpinBox, "Coefficient")
    box.setFocus()
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), f"x{typed}")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    assert view.read_out()["strength"] == value


def test_the_slider_gives_round_numbers(view):
    slider = find(view, QSlider, "Coefficient")
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    QTest.keyClick(slider, Qt.Key.Key_Right)
    assert view.read_out()["strength"] == -9.95
    assert find(view, QDoubleSpinBox, "Coefficient").text() == "-9.95"


def test_without_a_strength_there_is_no_slider(view):
    show(view, steer_result(**{"from": [], "to": [], "zero": True}))
    assert view.read_out()["strength"] is None
    show(view, plain_result())
    assert view.read_out()["strength"] is None


def test_a_prompt_where_nothing_changes_has_the_badge(view, selection):
    assert view.read_out()["badge"] == ""
    selection.select_prompt(1)
    told = view.read_out()
    assert told["badge"] == "no effect at this strength"
    assert "(prompt 2 of 2)" in told["done"]
    assert told["texts"]["steered"] == told["texts"]["plain"]


def test_plain_generation_stands_alone(view):
    show(view, plain_result())
    told = view.read_out()
    assert list(told["texts"]) == ["plain"]
    assert told["outcome"] == "4 new tokens, mean loss 1.05 nats"
    assert "no intervention" in told["done"]
    assert not in_sight(view, QPushButton, "Plain model")


def test_texts_are_read_behind_their_prompt(view, heard):
    told = heard(view.choices_changed)
    press(view, "Text")
    reading = view.read_out()["reading"]
    assert "1 2 3 4  very good, and" in reading
    assert "Say that it is cold.\n1 2 3 4  cold today, and" in reading
    assert told[-1][0]["look"] == "text"


def test_how_texts_are_shown_is_remembered(make_view):
    view = make_view("steer")
    view.take_choices({"look": "text", "page": "timeline", "other": "?"})
    told = view.read_out()
    assert (told["look"], told["page"]) == ("text", "timeline")


def test_tokens_stream_in(view):
    view.expect_run(view.params())
    view.show_busy(True)
    for count in (1, 2, 3):
        some = strip([10, 14, 15][:count], [" a", " b", " c"][:count], [-0.1] * count)
        view.show_partial({"plain": (some, some), "steered": (some, some)})
        told = view.read_out()
        assert told["texts"]["steered"] == ("␠a", "␠b", "␠c")[:count]
        assert not told["veiled"]
    assert not find(view, QPushButton, "Continue").isEnabled()
    view.show_busy(False)
    assert view.read_out()["texts"]["steered"][1] == "␠cold", "stopped: the old texts again"


def test_what_streams_is_seen_where_another_prompt_is_selected(view, selection):
    selection.select_prompt(5)
    one = strip([10], [" a"], [-0.1])
    view.show_partial({"plain": (one,)})
    assert view.read_out()["texts"]["plain"] == ("␠a",)


def test_another_run_of_the_same_tokens_has_its_own_numbers(view):
    for logprob in (-0.1, -0.7):
        view.expect_run(view.params())
        one = strip([10], [" a"], [logprob])
        view.show_partial({"plain": (one, one)})
        assert view.read_out()["numbers"]["plain"] == (f"−{-logprob:.2f}",)


def test_a_chosen_token_is_chosen_again_when_the_text_reaches_it(view):
    click(view, "steered", 1)
    one = strip([10], [" a"], [-0.1])
    view.show_partial({"plain": (one, one), "steered": (one, one)})
    assert view.read_out()["chosen"] is None
    view.show_result(steer_result())
    assert view.read_out()["chosen"] == ("steered", 1)


def test_a_vector_of_another_view_takes_the_place_of_what_was_done(view, asked, tmp_path):
    file = tmp_path / "v.safetensors"
    write(file, np.ones(8, np.float32), drawn.model(), (2, "resid_post"), "by hand")
    view.answer(Intent("steer_with", {"file": str(file), "read": True}))
    (params,) = asked[-1]
    assert params.add == (str(file),)
    assert params.read_direction == str(file)
    assert params.layer is None, "where the file says"
    assert len(params.interventions()) == 1


def test_a_vector_of_another_view_acts_where_and_when_its_own_run_says(view, asked, tmp_path):
    file = str(tmp_path / "v.safetensors")
    write(tmp_path / "v.safetensors", np.ones(8, np.float32), drawn.model(), (2, "mlp_out"), "so")
    before = {
        "position": "0,3",
        "when": "2:4",
        "elsewhere": True,
        "vector_at": "mean",
        "read_direction": "old.safetensors",
        "temperature": 1.5,
    }
    view.set_params(view.params().model_copy(update=before))
    said = []
    view.message_requested.connect(said.append)
    told = {"file": file, "coef": 2.0, "why": "its largest activation"}
    view.answer(Intent("steer_with", told))
    assert said == ["Strength 2: its largest activation."]
    (params,) = asked[-1]
    usual = SteerParams()
    left = [name for name in before if getattr(params, name) != getattr(usual, name)]
    assert left == ["temperature"], "how text is drawn is no part of what is done"
    (only,) = params.interventions()
    assert (only.op, only.coef, only.position, only.when) == ("add", 2.0, "-1", "prompt")


def test_a_strength_does_not_sweep_again(view, asked, qtbot):
    view.set_params(SteerParams(layer=1, to_texts=("a",), from_texts=("b",), sweep_layers="0:2"))
    QTest.keyClick(find(view, QSlider, "Coefficient"), Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: len(asked) > 0)
    assert asked[-1][0].sweep_layers == ""


def test_experiments_are_told_and_lead_to_their_page(view):
    assert view.read_out()["findings_chip"] == []
    result = steer_result()
    found = [{"name": "differs", "holds": True}, {"name": "persistence", "holds": False}]
    view.show_result(replace(result, data={**result.data, "findings": found}))
    press(view, "Texts")
    assert view.read_out()["findings_chip"] == ["1 of 2 experiments"]
    (chip,) = in_sight(view, Chip, "bad: 1 of 2 experiments")
    QTest.mouseClick(chip, LEFT)
    assert view.read_out()["page"] == "findings"


def test_a_result_of_the_wrong_form_is_refused_in_a_sentence(view):
    view.show_result(replace(steer_result(), data={"plain": ({"ids": [1]},)}))
    assert view.read_out()["state"] == "failure"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"layer": "nowhere"}, "the result’s settings do not fit this version"),
        ({"coef": [1.0, 2.0]}, "given 2 times, for 1 vector"),
    ],
)
def test_a_result_whose_settings_do_not_fit_is_still_shown(view, settings, says):
    view.show_result(steer_result(**settings))
    told = view.read_out()
    assert told["texts"]["steered"][1] == "␠cold"
    assert says in told["done"]
    press(view, "Timeline")
    told = view.read_out()
    assert told["timeline"] is not None
    assert says in told["timeline_words"]


def test_alternatives_of_a_flat_distribution_can_be_told_apart(view):
    top = [[id_, f" t{id_}", math.log(p)] for id_, p in enumerate((0.00131, 0.00128, 3.2e-5))]
    flat = STEERED | {"top": [top, *STEERED["top"][1:]]}
    result = steer_result()
    view.show_result(replace(result, data={**result.data, "steered": (flat, flat)}))
    click(view, "steered", 0)
    table = find(view, RankingList, TABLE)
    assert [row[3] for row in table.texts()] == ["0.00131", "0.00128", "3.20e−05"]
    (bars,) = [column for column in table.ranking.columns if column.kind == "bar"]
    assert bars.limits == pytest.approx((0.0, 0.00131)), "the likeliest has the whole length"


# A run on its way.


def test_a_run_of_the_interventions_turns_to_what_it_says(view, asked):
    press(view, "Interventions")
    press(view, "Run steering")
    assert len(asked) == 1
    view.expect_run(asked[-1][0])
    one = strip([10], [" a"], [-0.1])
    view.show_partial({"plain": (one, one), "steered": (one, one)})
    assert view.read_out()["page"] == "texts"
    press(view, "Interventions")
    view.show_partial({"plain": (one, one), "steered": (one, one)})
    view.show_result(steer_result())
    assert view.read_out()["page"] == "acts", "once: whoever goes back to them stays there"


def test_a_result_that_was_not_run_there_leaves_the_interventions_in_sight(view):
    press(view, "Run steering")
    press(view, "Interventions")
    view.show_result(steer_result())
    assert view.read_out()["page"] == "acts"


def test_interventions_stay_in_sight_where_their_first_run_fails(make_view):
    view = make_view("steer", 1100, 800)
    press(view, "Choose interventions…")
    view.show_busy(True)
    view.show_failure("--layer 99: the model has 3 layers, numbered from 0.")
    told = view.read_out()
    assert (told["state"], told["drawn"], told["page"]) == ("failure", True, "acts")
    banner = find(view, Banner)
    assert in_sight(view, Banner) == [banner]
    view.clear()
    assert not view.read_out()["drawn"]
    view.show_failure("--layer 99: the model has 3 layers, numbered from 0.")
    press(view, "Choose interventions…")
    stacked = [part for part in banner.parentWidget().children() if isinstance(part, QWidget)]
    assert stacked[-1] is banner, "it lies above the cards"


def test_nothing_moves_while_a_text_streams(view):
    result = steer_result()
    view.show_result(replace(result, warnings=(Notice("cache_forgets", "It forgets."),)))
    press(view, "Plain model")
    settle(view)
    strips = find(view, StepStrips)
    before = strips.mapTo(view, QPoint())
    view.expect_run(view.params())
    view.show_busy(True)
    one = strip([10, 14], [" a", " b"], [-0.1, -0.2], [math.nan, math.nan])
    for _token in range(2):
        view.show_partial({"plain": (one, one), "steered": (one, one)})
        settle(view)
        assert strips.mapTo(view, QPoint()) == before
        assert view.read_out()["chips"] == []
        assert view.read_out()["colour"] == "plain", "and is what was chosen"
    view.show_result(steer_result())
    settle(view)
    assert strips.mapTo(view, QPoint()).y() < before.y(), "no room is kept for what is not there"


# The timeline.


@pytest.fixture
def grid(view):
    """Return the timeline of the shown result, turned to by its button."""
    press(view, "Timeline")
    return find(view, TimelineGrid)


def test_the_timeline_has_a_legend_of_what_it_shows(view, grid):
    told = view.read_out()
    assert told["page"] == "timeline"
    assert told["timeline_legend"] == [
        "computed",
        "in the cache",
        "computed and changed",
        "in the cache, changed when it was computed",
    ]
    assert told["timeline_shapes"][0] == "1 × 8 × 8"
    assert told["timeline_exact"].endswith("says the same tokens, logits within 2e−06.")


def test_a_text_that_was_not_read_again_is_not_compared(view):
    unknown = {"same_tokens": None, "max_logit_difference": float("nan"), "first_apart": None}
    result = steer_result()
    data = {**result.data, "recompute": (unknown, unknown)}
    show(view, replace(result, data=data, warnings=(Notice(PARTIAL, "Stopped."),)))
    exact = view.read_out()["timeline_exact"]
    assert exact == (
        "The whole text was not read again in one full pass: the run stopped before that."
    )


def test_a_cell_says_what_it_is_by_mouse_and_by_keys(view, grid):
    QTest.mouseClick(grid.viewport(), LEFT, pos=grid.cell_box(0, 7).center())
    assert (
        "position 7 “␠” (of the prompt) is computed in this pass and changed"
        in (view.read_out()["timeline_cell"])
    )
    QTest.keyClick(grid, Qt.Key.Key_Down)
    assert "read from the cache" in view.read_out()["timeline_cell"]
    assert "step 1" in grid.accessibleDescription()
    for _time in range(9):
        QTest.keyClick(grid, Qt.Key.Key_Down)
    assert grid.chosen() == (3, 7)


def test_the_cache_is_switched_where_it_is_explained(view, grid, asked):
    press(view, "Without")
    assert asked[-1][0].cache == "no"


def test_another_prompt_has_its_own_timeline(view, grid, selection):
    QTest.mouseClick(grid.viewport(), LEFT, pos=grid.cell_box(3, 9).center())
    selection.select_prompt(1)
    told = view.read_out()
    assert len(told["timeline_labels"]) == 6 + 3
    assert "Choose a cell" in told["timeline_cell"]


def test_plain_generation_says_why_its_timeline_is_empty(view, grid):
    show(view, plain_result())
    told = view.read_out()
    assert told["timeline"] is None
    assert told["timeline_legend"] == []
    assert "once there is an intervention" in told["timeline_words"]
