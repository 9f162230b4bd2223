from __future__ import annotations

import dataclasses
import gc
import weakref

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.analyses.detect import picture as head_summary
from desktop_app.analyses.detect.card import CircuitCard, ablations
from desktop_app.analyses.detect.maps import ScoreMaps, SmallMap, most_words, short_title
from desktop_app.analyses.detect.spec import DetectParams
from desktop_app.analyses.detect.view import HeadPattern
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, in_sight, press
from tests.patience import turn_the_loop
from tests.samples.heads import detect_result

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


def maps(view):
    """Return the small maps of all scores."""
    return find(view, ScoreMaps)


@pytest.fixture
def view(make_view):
    view = make_view("detect")
    view.show_result(detect_result())
    return view


def test_every_score_has_its_map_on_one_scale(view):
    assert view.read_out()["scores"][:2] == ("induction", "duplicate_token")
    assert len(view.read_out()["scores"]) == 6
    assert maps(view).map_of("induction").canvas.values[1, 3] == 0.9


def test_a_click_selects_the_head_in_every_map_and_chooses_the_score(view, selection):
    maps(view).map_of("previous_token").canvas.cell_clicked.emit(0, 0)
    assert (selection.layer, selection.head) == (4, 0)
    assert all(
        maps(view).map_of(name).canvas.selected == (0, 0) for name in view.read_out()["scores"]
    )
    assert view.read_out()["score"] == "Previous token"
    assert view.read_out()["listed"] == (0, 0)


def test_a_head_selected_elsewhere_is_shown(view, selection):
    selection.select_head(5, 3)
    assert maps(view).map_of("induction").canvas.selected == (1, 3)
    assert view.read_out()["told"].startswith("L5H3: induction 0.90")
    selection.select_head(0, 0)  # not in this result
    assert maps(view).map_of("induction").canvas.selected is None


def test_the_list_selects_too(view, selection):
    find(view, RankingList, "Best heads of the chosen score").row_selected.emit((1, 3))
    assert (selection.layer, selection.head) == (5, 3)


def test_a_double_click_opens_attention(view, selection, heads_opened):
    asked = heads_opened(view)
    maps(view).map_of("induction").canvas.cell_activated.emit(1, 3)
    assert asked == [("open_attention", 5, 3)]


def test_the_stripe_lies_over_the_pattern(view, selection):
    selection.select_head(5, 3)
    press(view, "Pattern")
    shown = find(find(view, HeadPattern), PatternView)
    assert shown.canvas.values[4, 2] == 1.0
    assert len(shown.canvas.stripe) == 1
    assert not shown.isHidden()
    view.show_score("successor")
    assert not shown.canvas.stripe


def test_without_patterns_a_run_that_keeps_them_is_offered(make_view, heard):
    view = make_view("detect")
    view.show_result(detect_result(kept=False))
    shown = find(find(view, HeadPattern), PatternView)
    assert shown.isHidden()
    asked = heard(view.run_requested)
    press(view, "Pattern")
    press(view, "Keep patterns and run")
    assert asked == [(DetectParams(keep_patterns=True),)]


def test_the_summary_is_readable(view):
    assert view.read_out()["summary"] == "Induction: L5H3 0.90; one head reaches 0.4."


def test_a_result_with_a_card_opens_on_it(view, selection):
    assert view.read_out()["page"] == "heads"
    view.show_result(detect_result(card=True))
    assert view.read_out()["page"] == "card"
    card = find(view, CircuitCard)
    assert card.pair == ((4, 0), (5, 3))
    assert "K-composition 0.160" in card.sentences.text()
    assert len(card.induction.canvas.stripe) == 1
    assert card.headline.text().startswith("L4H0, the previous-token head, carries")
    assert view.picture_widget() is card


def test_the_eye_opens_attention(view, selection, heads_opened):
    view.show_result(detect_result(card=True))
    asked = heads_opened(view)
    for button in find(view, CircuitCard).heads:
        button.click()
    assert asked == [("open_attention", 4, 0), ("open_attention", 5, 3)]


def test_a_card_is_offered_where_there_is_none(view, heard):
    asked = heard(view.run_requested)
    press(view, "Circuit card")
    press(view, "Find the induction circuit")
    assert asked == [(DetectParams(card="auto"),)]


def test_a_preset_ends_in_the_summary(view):
    view.expect_preset("successor")
    view.show_result(detect_result())
    assert view.read_out()["side"] == "summary"
    assert view.read_out()["score"] == "Successor"


def test_the_conclusion_stands_above_the_summary(view, selection):
    result = detect_result()
    faint = {**result.data, "successor": np.asarray(result.data["successor"]) / 2}
    view.expect_preset("successor")
    view.show_result(dataclasses.replace(result, data=faint))
    assert view.read_out()["headline"] == (
        "No clear successor head. The strongest is L4H1 with 0.25, below the 0.4 threshold"
    )
    assert (selection.layer, selection.head) == (4, 1)
    view.show_score("induction")
    assert view.read_out()["headline"] == (
        "Induction head: L5H3 with 0.90, the only one to reach 0.4"
    )


def test_the_circuits_induction_head_is_selected_when_it_was_asked_for(view, selection):
    view.expect_preset("induction")
    view.show_result(detect_result(card=True))
    assert view.read_out()["page"] == "card"
    assert (selection.layer, selection.head) == (5, 3)


def test_titles_fit_above_small_maps():
    assert short_title("previous_token") == "Previous token"
    assert short_title("duplicate_token") == "Duplicate"


def test_headlines_name_the_winner():
    score = np.array([[0.1, 0.5], [0.9, np.nan]])
    assert head_summary.headline({"copy": score}, "copy") == (
        "Copy head: L1H0 with 0.90; 1 more reach 0.4"
    )
    assert head_summary.headline({"copy": score / 5}, "copy").startswith("No clear copy head. The")
    assert head_summary.headline({"copy": score * np.nan}, "copy") == ""
    assert head_summary.headline({}, "copy") == ""


@pytest.mark.parametrize(("most", "told"), [(0.95, ""), (0.5, ""), (0.031, "at most 0.03")])
def test_a_faint_score_says_how_much_there_is_of_it(most, told):
    assert most_words(np.array([[0.0, most], [np.nan, 0.0]])) == told


def darkness(canvas, row, column):
    """Return how far the ground of a cell is from white, as drawn."""
    image = canvas.grab().toImage()
    corner = canvas.frame.cell_rect(row, column).topLeft().toPoint()
    return 255 - image.pixelColor(corner.x() + 4, corner.y() + 4).lightness()


def test_a_faint_score_is_not_painted_as_dark_as_a_strong_one(view):
    data = dict(detect_result().data)
    data["duplicate_token"] = np.array([[0.0, 0.01, 0.03, 0.0], [0.0] * 4])
    data["induction"] = np.array([[0.0, 0.01, 0.97, 0.0], [0.0] * 4])
    maps(view).show_data(data)
    faint, strong = (maps(view).map_of(n).canvas for n in ("duplicate_token", "induction"))
    limits = find(maps(view), ColorBar).read_out()["limits"]
    assert faint.matrix.scale == strong.matrix.scale == (0.0, 1.0) == limits
    assert faint.matrix.columns.name == "at most 0.03"
    assert darkness(faint, 0, 2) < darkness(strong, 0, 2) / 5


def test_many_heads_are_counted_in_the_table_and_named_in_its_tooltip():
    rows = [{"title": "all induction heads", "heads": [(5, h) for h in range(4)], "rise": 1.0}]
    card = {"ablation": rows, "controls": []}
    (row,) = ablations(card).rows
    assert row.values[1] == "4 heads"
    assert row.tooltip == "all induction heads: L5H0, L5H1, L5H2, L5H3"


def test_the_prompt_tables_selection_is_left_alone(view, selection):
    selection.select_prompt(5)
    view.show_result(detect_result())
    assert selection.prompt == 5


def test_means_of_the_seeds_done_are_drawn(make_view):
    view = make_view("detect")
    view.show_partial({"induction": np.full((2, 4), 0.5)})
    assert view.read_out()["scores"] == ("induction",)
    view.show_result(detect_result())
    assert len(view.read_out()["scores"]) == 6


def test_of_the_result_before_nothing_stands_beside_a_run_that_goes_on(view, selection, heard):
    view.show_result(detect_result(card=True))
    before = view.read_out()
    view.show_busy(True)
    view.show_partial({"induction": np.arange(8.0).reshape(2, 4) / 10})
    read = view.read_out()
    assert (read["headline"], read["summary"]) == ("", "")
    assert find(view, CircuitCard).pair is None
    table = find(view, RankingList, "Best heads of the chosen score")
    assert [row.key for row in table.ranking.rows][:2] == [(1, 3), (1, 2)]
    assert find(view, HeadPattern).button.isHidden()
    maps(view).map_of("induction").canvas.cell_hovered.emit(1, 3)
    assert view.read_out()["told"] == "L1H3: induction 0.70"
    maps(view).map_of("induction").canvas.cell_hovered.emit(-1, -1)
    assert view.read_out()["told"] == "Means over the seeds done so far"
    selection.select_head(4, 1)
    assert view.read_out()["summary"] == ""
    view.show_busy(False)  # it was cancelled
    after = view.read_out()
    assert {k: after[k] for k in ("summary", "page", "headline")} == {
        k: before[k] for k in ("summary", "page", "headline")
    }
    assert find(view, CircuitCard).pair == ((4, 0), (5, 3))


def columns(maps):
    """Return how many maps stand side by side."""
    turn_the_loop()
    return len({shown.x() for shown in maps.findChildren(SmallMap)})


def test_wide_and_high_rooms_arrange_the_maps_differently(qtbot, themed):
    made = ScoreMaps()
    qtbot.addWidget(made)
    made.show_data(detect_result().data)
    made.resize(1600, 300)
    made.show()
    qtbot.waitExposed(made)
    wide = columns(made)
    made.resize(300, 1200)
    assert wide > columns(made)


def test_a_view_is_freed(themed):
    view = create_view("detect", Selection())
    view.show_result(detect_result(card=True))
    gone = weakref.ref(view)
    view.deleteLater()
    QApplication.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None


def test_a_new_list_begins_with_its_best_whatever_is_selected(make_view, selection):
    selection.select_head(5, 0)  # among the last of induction
    view = make_view("detect")
    view.show_result(detect_result())
    table = find(view, RankingList, "Best heads of the chosen score")
    table.setFixedHeight(90)  # three of eight rows
    QApplication.processEvents()
    view.show_result(detect_result())
    bar = table.verticalScrollBar()
    assert bar.maximum() > 0
    assert bar.value() == 0
    selection.select_head(5, 1)
    selection.select_head(5, 0)
    assert bar.value() > 0  # chosen by hand, it is brought into sight


def test_every_small_map_and_list_is_on_the_scale_of_the_bar(view):
    bar = find(view, ColorBar).read_out()["limits"]
    shown = [canvas for canvas in in_sight(view, MatrixCanvas) if canvas.matrix is not None]
    assert len(shown) > 3
    assert {canvas.matrix.limits for canvas in shown} == {bar}
    table = find(view, RankingList, "Best heads of the chosen score")
    for name in view.read_out()["scores"]:
        view.show_score(name)
        at = [column.key for column in table.ranking.columns].index("score")
        # A best head of 0.05 fills a twentieth, as its cell has a twentieth of the colours.
        assert table.ranking.limits(at) == bar
