from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QPushButton

from desktop_app.analyses.corpus.cards import PlaceCard, Snippet
from desktop_app.analyses.corpus.measures import MEASURES
from desktop_app.contract.registry import ANALYSES, serving
from desktop_app.contract.result import PARTIAL, Notice
from desktop_app.contract.spec import Intent
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import choose, find, in_sight, press
from tests.samples import drawn
from tests.samples.heads import detect_result
from tests.samples.read_text import corpus_result, effects_result

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints", "raise")]
ABLATION = "Ablation · zero, 10:31"


@pytest.fixture
def view(make_view):
    view = make_view("corpus")
    view.show_result(corpus_result())
    return view


def plot(view):
    return find(view, Plot, "All heads over two measures")


def test_all_heads_are_dots_over_two_measures(view):
    told = view.read_out()
    assert (told["look"], told["across"], told["up"]) == ("dots", "Previous token", "Induction")
    assert told["dots"] == 12
    assert told["told"] == "33 tokens of a small text, 2 files, in 3 windows"
    assert told["offered"][:-1] == [measure.title for measure in MEASURES]


def test_any_two_measures_are_axes(view):
    data = view.current_result.data
    choose(find(view, QComboBox, "Across"), "Entropy")
    choose(find(view, QComboBox, "Up"), "First position")
    shown = plot(view).picture()
    np.testing.assert_array_equal(shown.x, data["entropy"].ravel())
    np.testing.assert_array_equal(shown.y, data["first"].ravel())
    assert shown.across.name == "Entropy (nats)"


def test_an_effect_is_no_axis_before_it_is_known(view):
    box = find(view, QComboBox, "Up")
    last = box.count() - 1
    assert box.itemText(last) == "Effect on my prompts: not known yet"
    assert not box.model().item(last).isEnabled()
    view.take_lent([(ABLATION, effects_result())])
    assert box.itemText(last) == "Effect on my prompts"
    assert box.model().item(last).isEnabled()
    choose(box, "Effect on my prompts")
    assert plot(view).picture().y[8] == -2.0
    assert view.read_out()["verdict"] == "A general head, used on your prompts"


def test_what_another_model_did_is_not_borrowed(view):
    other = effects_result(model=drawn.model(fingerprint="ff00"))
    view.take_lent([(ABLATION, other)])
    assert view.read_out()["offered"][-1] == "Effect on my prompts: not known yet"
    assert view.read_out()["verdict"] == "Task head or general head?"


def test_the_first_of_the_measure_is_shown_until_one_is_selected(view, selection):
    assert view.read_out()["head"] == "L2H0"
    assert selection.layer is None
    selection.select_head(1, 3)
    assert view.read_out()["head"] == "L1H3"
    assert view.read_out()["selected"] == (1, 3)
    assert plot(view).selected() == 7
    selection.select_head(9, 9)  # not in this result
    assert view.read_out()["selected"] is None


def test_a_click_on_a_dot_selects_the_head_everywhere(view, selection):
    plot(view).point_clicked.emit(5)
    assert (selection.layer, selection.head) == (1, 1)
    told = view.read_out()
    assert told["selected"] == (1, 1)
    assert "L1H1" in told["named"]
    press(view, "Map")
    assert find(view, Heatmap, "All heads, layer by head").selected() == (1, 1)
    press(view, "Table")
    assert find(view, RankingList, "All heads, every measure").selected_key() == (1, 1)


def test_dots_are_reached_by_keys(view, selection, qtbot):
    drawn_ = plot(view)
    drawn_.setFocus()
    qtbot.keyClick(drawn_, Qt.Key.Key_End)
    qtbot.keyClick(drawn_, Qt.Key.Key_Return)
    last = int(np.argmax(view.current_result.data["previous"]))
    assert (selection.layer, selection.head) == divmod(last, 4)


def test_map_and_table_show_the_same_heads(view, selection):
    press(view, "Map")
    (shown,) = view.read_out()["maps"]
    np.testing.assert_allclose(shown.values, view.current_result.data["induction"], rtol=1e-6)
    choose(find(view, QComboBox, "Measure"), "Distance")
    assert view.read_out()["maps"][0].name == "Distance (tokens back)"
    assert view.picture_widget() is find(view, Heatmap, "All heads, layer by head")
    find(view, Heatmap, "All heads, layer by head").cell_clicked.emit(0, 2)
    assert (selection.layer, selection.head) == (0, 2)
    press(view, "Table")
    assert len(view.read_out()["rows"]) == 12
    find(view, RankingList, "All heads, every measure").row_selected.emit((2, 1))
    assert (selection.layer, selection.head) == (2, 1)
    assert view.picture_widget() is find(view, RankingList, "All heads, every measure")


def test_a_text_without_repeats_says_why_there_are_no_dots(make_view):
    view = make_view("corpus")
    never = {"induction": np.full((3, 4), np.nan)}
    view.show_result(corpus_result(data=never))
    why = "Induction: no token came twice in a window, so no head has a number."
    assert view.read_out()["nothing"] == why
    assert not plot(view).isVisible()
    press(view, "Map")
    assert view.read_out()["nothing"] == why
    press(view, "Table")
    assert find(view, RankingList, "All heads, every measure").isVisible()
    press(view, "Scatter")
    choose(find(view, QComboBox, "Up"), "Duplicate token")
    assert view.read_out()["nothing"] == ""
    assert plot(view).isVisible()


def test_a_table_that_is_wider_than_its_room_is_scrolled(view):
    press(view, "Table")
    shown = find(view, RankingList, "All heads, every measure")
    shown.setFixedWidth(300)
    assert shown.shown_columns() == tuple(column.key for column in shown.ranking.columns)
    assert shown.columnWidth(0) == 64
    assert shown.horizontalScrollBar().maximum() > 0


def test_places_are_shown_as_text_with_the_query_boxed(view, selection):
    selection.select_head(2, 0)
    data = view.current_result.data
    window, query, key = (int(x) for x in data["top"][2, 0, 0, :3])
    strip = in_sight(view, Snippet)[0]
    positions = strip.positions()
    ids = data["ids"][window]
    assert strip.texts() == tuple(data["token_texts"][ids[at]] for at in positions)
    assert positions[strip.selected()] == query
    tip = strip.tip(positions.index(key))
    assert tip.startswith(f"position {key} of the window\n")
    assert tip.endswith("weight 1.00000")
    after = positions.index(query) + 1
    assert "weight" not in strip.tip(after)
    told = view.read_out()["top"]
    assert len(told["cards"]) == 10
    assert told["cards"][0][1].startswith("cat.txt · window")
    assert "Colours end at 1.000." in told["rule"]


def test_one_place_per_tenth_is_another_page(view, selection):
    selection.select_head(2, 0)
    press(view, "Tenths")
    told = view.read_out()
    assert told["page"] == "deciles"
    assert told["deciles"]["cards"][3][2] == "Tenth 4: 0.300 … 0.400"
    assert told["deciles"]["cards"][3][1].startswith("cat.txt · window ")
    assert {card[2] for card in told["top"]["cards"]} == {""}
    assert "drawn by seed 7" in told["deciles"]["rule"]


def test_the_whole_window_of_a_place_can_be_seen(make_view, selection):
    ids = np.tile(np.arange(200) % 11 + 1, (3, 1)).astype(np.int32)
    top = np.full((3, 4, 10, 4), np.nan)
    top[:, :, 0] = (1, 180, 4, 0.7)
    rows = np.zeros((3, 4, 10, 200), dtype=np.float32)
    rows[..., 4] = 0.7
    view = make_view("corpus")
    view.show_result(corpus_result(tenths=False, data={"ids": ids, "top": top, "top_row": rows}))
    (card,) = in_sight(view, PlaceCard)
    assert "left out" in card.strip.tip(card.strip.positions().index(-1))
    assert len(card.strip.positions()) < 50
    card.whole.click()
    assert card.strip.positions() == tuple(range(200))
    assert card.strip.selected() == 180
    selection.select_head(1, 1)  # another head begins with what is around the query
    assert len(card.strip.positions()) < 50


def test_measures_and_tokens_have_pages(view, selection):
    selection.select_head(1, 3)
    press(view, "Measures")
    rows = view.read_out()["measures"]
    assert rows[1][0] == "Previous token"
    assert rows[1][3] == "1 of 12"
    assert find(view, RankingList, "Measures of this head").isVisible()
    press(view, "Attended")
    assert view.read_out()["attended"][0][0] == "␠the"


def test_effect_and_attention_are_one_click_away(view, selection, heads_opened):
    asked = heads_opened(view)
    selection.select_head(1, 3)
    press(view, "Effect on my prompts")
    press(view, "Attention on my prompts")
    assert asked == [("head_effect", 1, 3), ("open_attention", 1, 3)]


def test_the_shown_head_is_asked_for_though_none_is_selected(view, selection, heads_opened):
    asked = heads_opened(view)
    press(view, "Effect on my prompts")
    assert asked == [("head_effect", 2, 0)]
    assert (selection.layer, selection.head) == (2, 0)


def test_it_answers_for_a_head_of_another_picture(view, make_view, selection, heard):
    assert serving("head_on_text") == ("corpus",)
    view.answer(Intent("head_on_text", {"layer": 0, "head": 2}))
    assert view.read_out()["head"] == "L0H2"
    empty = make_view("corpus")
    said = heard(empty.message_requested)
    empty.answer(Intent("head_on_text", {"layer": 0, "head": 1}))
    assert said == [("L0H1 is selected: run heads over text, and it is shown here.",)]


def test_picked_heads_are_marked_in_every_picture(view, selection):
    selection.pick([(1, 3), (7, 7)])
    assert view.read_out()["marked"] == [(1, 3)]
    assert plot(view).picture().tones[7] == "warn"
    assert "picked" in [key.name for key in plot(view).picture().legend]
    press(view, "Map")
    find(view, Heatmap, "All heads, layer by head").cells_picked.emit(((0, 0),))
    assert set(selection.picked) == {(0, 0), (1, 3), (7, 7)}
    press(view, "Table")
    find(view, RankingList, "All heads, every measure").rows_picked.emit(((2, 2),), ((0, 0),))
    assert set(selection.picked) == {(2, 2), (1, 3), (7, 7)}


def test_what_is_known_so_far_is_drawn(make_view, selection):
    view = make_view("corpus")
    view.show_busy(True)
    assert not view.draw_partial({"windows": 1})
    values = {m.key: np.full((3, 4), np.nan) for m in MEASURES}
    values["previous"] = np.eye(3, 4)
    view.show_partial(values)
    told = view.read_out()
    assert told["drawn"]
    assert told["told"] == "Means over the windows read so far"
    assert told["top"] == {"rule": "Places follow with the result.", "cards": []}
    selection.select_head(1, 2)
    assert view.read_out()["head"] == "L1H2"
    view.show_result(corpus_result())
    assert len(view.read_out()["top"]["cards"]) == 10


def test_effects_on_prompts_are_known_while_the_text_is_read(make_view):
    view, effects = make_view("corpus"), effects_result()
    view.take_lent([(ABLATION, effects)])
    view.show_busy(True)
    values = {"previous": np.eye(3, 4), "induction": np.eye(3, 4)}
    for model, known in ((None, False), (drawn.model(fingerprint="ff"), False), (effects.model, 1)):
        if model is not None:
            view.learn_model(model)
        view.show_partial(values)
        told = view.read_out()
        assert told["because"].endswith("is not known yet.") != known
        assert ("Effect on my prompts" in told["offered"]) == known
    view.show_result(corpus_result())
    assert view.read_out()["whose"] == f"Effect from {ABLATION}"


def test_a_run_that_came_to_nothing_gives_the_old_picture_back(view):
    view.show_busy(True)
    view.show_partial({"previous": np.ones((3, 4))})
    assert view.read_out()["up"] == "Previous token"
    view.show_busy(False)
    told = view.read_out()
    assert (told["up"], len(told["top"]["cards"])) == ("Induction", 10)


def test_a_stopped_result_shows_what_it_has(make_view):
    view = make_view("corpus")
    whole = corpus_result()
    known = ("previous", "first", "windows", "tokens_read", "corpus", "ids", "files")
    data = {name: whole.data[name] for name in known}
    notice = Notice(PARTIAL, "2 of 3 windows are missing.")
    view.show_result(drawn.result_of("corpus", data, prompts=(), warnings=(notice,)))
    told = view.read_out()
    assert told["state"] == "result"
    assert told["chips"] == [PARTIAL]
    assert told["top"]["rule"] == "No such places are in this result."
    assert told["attended"] == []


@pytest.mark.parametrize(
    "data",
    [
        {"previous": np.ones(3)},
        {"top": np.zeros((1, 1, 1))},
        {"token_ids": ("x",)},
        {"decile_edges": np.zeros((3, 4, 2))},
        {"window_start": ()},
        {"attended_weight": np.zeros((3, 4, 2))},
        {"tokens_read": None},
    ],
)
def test_a_result_of_the_wrong_form_is_refused_in_a_sentence(make_view, data, selection):
    view = make_view("corpus")
    view.show_result(corpus_result(data=data))
    told = view.read_out()
    assert told["state"] == "failure"
    assert told["failure"].startswith("This result is incomplete and cannot be drawn")
    selection.select_head(1, 1)


def test_texts_of_a_file_are_shown_to_the_letter(make_view):
    view = make_view("corpus")
    hostile = "<img src='file:///x'>"
    words = tuple(hostile for _word in corpus_result().data["token_texts"])
    data = {"corpus": hostile, "files": (hostile, hostile), "token_texts": words}
    view.show_result(corpus_result(data=data))
    told = view.read_out()
    assert hostile in told["told"]
    assert hostile.replace(" ", "␠") in told["top"]["cards"][0][0]
    assert told["top"]["cards"][0][1].startswith(hostile)
    cards = in_sight(view, PlaceCard)
    assert all(
        part.textFormat() == Qt.TextFormat.PlainText for c in cards for part in (c.says, c.where)
    )


def test_axes_and_picture_are_remembered(view, make_view, heard):
    told = heard(view.choices_changed)
    choose(find(view, QComboBox, "Across"), "Entropy")
    press(view, "Map")
    choices = told[-1][0]
    assert choices == {"look": "map", "across": "entropy", "up": "induction"}
    other = make_view("corpus")
    other.take_choices({**choices, "up": "gone"})
    other.show_result(corpus_result())
    read = other.read_out()
    assert (read["look"], read["across"], read["up"]) == ("map", "Entropy", "Induction")
    other.take_choices({"look": "nothing"})
    assert other.read_out()["look"] == "map"


def test_the_measure_that_goes_up_is_explained_first(view, heard):
    assert view.whats()[0] == "induction"
    choose(find(view, QComboBox, "Up"), "Entropy")
    assert view.whats()[0] == "entropy"
    asked = heard(view.explanation_wanted)
    press(view, "What is this measure?")
    assert asked[0][0].name == "Entropy on text"


def test_the_ways_stand_whatever_is_shown(view):
    for name in ("Effect on my prompts", "Attention on my prompts"):
        assert find(view, QPushButton, name).toolTip()
    assert view.borrows == ("part_effects",)


def test_an_ablation_leads_from_a_head_to_what_it_does_on_text(make_view, selection, heads_opened):
    view = make_view("ablate")
    view.show_result(effects_result())
    asked = heads_opened(view)
    selection.select_head(2, 0)
    press(view, "On text")
    assert asked == [("head_on_text", 2, 0)]
    view.show_result(drawn.ablate_result(component="mlp"))
    assert not in_sight(view, QPushButton, "On text")


def test_detectors_and_attention_lead_there_too(make_view, selection, heads_opened):
    for name, result, head in (
        ("detect", detect_result(), (5, 3)),
        ("attention", drawn.attention_result(), (5, 2)),
    ):
        view = make_view(name)
        view.show_result(result)
        asked = heads_opened(view)
        selection.select_head(*head)
        press(view, "On text")
        assert asked == [("head_on_text", *head)]


def test_an_ablation_answers_with_the_effect_of_a_head(make_view, selection, heard):
    assert serving("head_effect") == ("ablate",)
    view = make_view("ablate")
    view.show_result(effects_result())
    runs = heard(view.run_requested)
    view.answer(Intent("head_effect", {"layer": 2, "head": 0}))
    assert view.read_out()["selected"] == (2, 0)
    assert runs == []
    view.show_result(drawn.ablate_result(component="mlp"))
    said = heard(view.message_requested)
    view.set_params(ANALYSES["ablate"].params(component="mlp"))
    view.answer(Intent("head_effect", {"layer": 2, "head": 1}))
    # As the other way round: the settings stand ready, and nothing long begins without a word.
    assert runs == []
    assert view.params().component == "head"
    assert said == [("L2H1 is selected: run the ablation of heads, and its effect is shown here.",)]
    assert ANALYSES["ablate"].params().component == "head"
