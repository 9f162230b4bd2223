"""The attribution view, used as a person does: by mouse, keys and what stands on the buttons."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QGraphicsView, QPushButton

from desktop_app.analyses.attribute.run import run
from desktop_app.analyses.attribute.spec import AttributeParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import Reporter
from desktop_app.contract.result import Notice
from desktop_app.contract.spec import Intent
from desktop_app.pictures.origin import Difference
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.plots.plot import Plot
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import TokenStrip
from desktop_app.window.comparison.view import ComparisonView
from desktop_app.window.exports.pictures import save_picture
from tests.finding import find, in_sight, press, said
from tests.models import tiny
from tests.samples import drawn
from tests.samples.attributed import attribute_result, even_prompts
from tests.view_fixtures import themed
from tests.views.reading import ranking

__all__ = ["themed"]

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints|raise")]
LEFT, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
BARS, SUM = "What each part adds, over the layers", "The sum of the parts, over the layers"


@pytest.fixture
def view(make_view):
    made = make_view("attribute")
    made.show_result(attribute_result())
    return made


def viewport(plot):
    return find(plot, QGraphicsView).viewport()


def click_bar(view, index, name=BARS):
    plot = find(view, Plot, name)
    QApplication.processEvents()
    QTest.mouseClick(viewport(plot), LEFT, pos=plot.point(index).toPoint())


def look(view, name):
    press(view, name)
    QApplication.processEvents()


def test_the_empty_view_says_what_is_split(make_view, heard):
    view = make_view("attribute")
    assert view.read_out()["state"] == "empty"
    assert any("answer − wrong" in words for words in said(view))
    asked = heard(view.run_requested)
    for button in in_sight(view, QPushButton, "Run attribution"):
        button.click()
    assert [params.token for (params,) in asked] == ["", ""]


def test_bars_sum_map_and_list_agree(view):
    out = view.read_out()
    assert out["look"] == "bars"
    assert out["bars"]["L1 attention"] == pytest.approx(3.15625)
    assert sum(out["bars"].values()) == pytest.approx(3.0625)
    assert out["sum"][-1] == pytest.approx(3.0625)
    assert out["maps"][0].values[1, 2] == 3.75
    assert out["keys"][0] == (1, 2)
    assert out["base"].startswith("Logit difference “5” − “4”: +3.062")
    assert out["legend"] == ["attention", "MLP", "raises", "lowers"]


def test_a_bar_selects_its_strongest_head_or_its_mlp(view, selection):
    click_bar(view, 3)
    assert (selection.layer, selection.head) == (1, 2)
    assert view.read_out()["details"]["title"] == "L1H2"
    assert view.read_out()["marked"] == "L1 attention"
    click_bar(view, 2)
    assert (selection.layer, selection.head) == (0, None)
    assert view.read_out()["details"]["title"] == "L0 MLP"
    assert not view.read_out()["details"]["opens"]
    assert view.read_out()["marked"] == "L0 MLP"
    click_bar(view, 0)  # embeddings are no part that is selected
    assert (selection.layer, selection.head) == (0, None)


def test_a_head_that_is_selected_stays_so_when_its_bar_is_clicked(view, selection):
    selection.select_head(1, 0)
    click_bar(view, 3)
    assert (selection.layer, selection.head) == (1, 0)


def test_bars_are_read_and_chosen_by_keys(view, selection, qtbot):
    plot = find(view, Plot, BARS)
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    assert plot.accessibleDescription().startswith("embeddings +0.125")
    for _time in range(4):
        qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot.accessibleDescription().startswith("L1 MLP +0.500")
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert (selection.layer, selection.head) == (1, None)


def test_the_sum_is_marked_with_the_models_number(view, selection):
    look(view, "Sum")
    plot = find(view, Plot, SUM)
    assert plot.isVisible()
    assert not find(view, Plot, BARS).isVisible()
    assert plot.picture().marks[-1].text == "the whole +3.06"
    click_bar(view, 4, SUM)
    assert (selection.layer, selection.head) == (1, None)


def test_a_head_is_picked_and_opened_from_the_map(view, selection, heads_opened):
    asked = heads_opened(view)
    look(view, "Heads")
    canvas = find(view, Heatmap).canvas
    place = canvas.cell_center(1, 2).toPoint()
    QTest.mouseClick(canvas, LEFT, pos=place)
    assert (selection.layer, selection.head) == (1, 2)
    QTest.mouseClick(canvas, LEFT, SHIFT, pos=canvas.cell_center(0, 1).toPoint())
    assert selection.picked == ((0, 1),)
    assert view.read_out()["marked"] == "L1 attention"
    QTest.mouseDClick(canvas, LEFT, pos=place)
    assert asked == [("open_attention", 1, 2)]


def test_an_mlp_in_the_list_is_no_cell_of_the_map(view, selection, heads_opened):
    asked = heads_opened(view)
    look(view, "Heads")
    selection.pick([(0, None), (1, 2)])
    selection.select_head(0, None)
    assert view.read_out()["selected"] is None
    assert view.read_out()["chosen"] == (0, 3)
    assert find(view, Heatmap).picked() == {(1, 2)}
    marked = [key for key in view.read_out()["keys"] if key in {(0, 3), (1, 2)}]
    assert sorted(marked) == [(0, 3), (1, 2)]
    ranking(view).row_activated.emit((0, 3))
    assert asked == []


def test_the_list_is_ordered_by_what_raises_and_lowers(view):
    assert [row[0] for row in view.read_out()["ranking"][:2]] == ["L1H2", "L0 MLP"]
    press(view, "Lowers")
    assert view.read_out()["ranking"][0][0] == "L0 MLP"
    assert view.read_out()["title"] == "What lowers it most"
    press(view, "Raises")
    assert [row[0] for row in view.read_out()["ranking"][:2]] == ["L1H2", "L1 MLP"]


def test_mean_and_single_prompts_are_told_apart(view, selection):
    press(view, "This prompt")
    selection.select_prompt(1)
    out = view.read_out()
    assert out["bars"]["L1 attention"] == pytest.approx(3.78125)
    assert out["title"] == "Largest first, prompt 2"
    assert out["base"].startswith("Logit difference “5” − “4”: +3.750 ·")
    assert "±" not in out["base"]
    assert "mean of" not in out["what"]


def test_one_prompt_has_no_error_and_no_choice_of_prompts(make_view):
    view = make_view("attribute")
    view.show_result(attribute_result(count=1))
    look(view, "Heads")
    (button,) = in_sight(view, QPushButton, "± error")
    assert not button.isEnabled()
    assert not {"scope", "prompt"} & view.read_out()["offered"].keys()


def test_the_error_is_offered_where_a_map_shows_it(view):
    assert in_sight(view, QPushButton, "± error") == []
    look(view, "Heads")
    press(view, "± error")
    assert view.read_out()["maps"][0].values[1, 2] == pytest.approx(0.75)
    look(view, "Bars")
    assert in_sight(view, QPushButton, "± error") == []


def test_all_pictures_stand_at_once_where_there_is_room(make_view, heard):
    view = make_view("attribute", 1400, 800)
    view.show_result(attribute_result())
    QApplication.processEvents()
    assert view.read_out()["look"] == "all"
    for shown in (find(view, Plot, BARS), find(view, Plot, SUM), find(view, Heatmap)):
        assert shown.isVisible()
    view.resize(800, 600)
    QApplication.processEvents()
    assert view.read_out()["look"] == "bars"
    (button,) = in_sight(view, QPushButton, "All")
    assert not button.isEnabled()
    assert "F11" in button.toolTip()
    view.resize(1400, 800)
    QApplication.processEvents()
    assert view.read_out()["look"] == "all"  # what was wanted comes back
    told = heard(view.choices_changed)
    look(view, "Sum")
    assert told == [({"look": "curve"},)]


def test_the_picture_of_the_last_start_is_taken_over(make_view):
    view = make_view("attribute")
    view.take_choices({"look": "curve"})
    view.show_result(attribute_result())
    assert view.read_out()["look"] == "curve"
    view.take_choices({"look": "of an older version"})
    assert view.read_out()["look"] == "curve"


# On demand.


def test_sources_are_asked_for_by_a_button_that_says_what_they_take(view, selection, heard):
    asked = heard(view.run_requested)
    selection.select_head(1, 2)
    before = view.read_out()["sources"]
    assert before["said"] == "One more run: this one took 400 ms."
    assert before["offered"]
    press(view, "Split by source")
    ((params,),) = asked
    assert params.by_source
    assert params.neurons == 0


def test_sources_keep_what_made_the_result_and_not_what_was_typed_since(view, heard):
    asked = heard(view.run_requested)
    view.show_result(attribute_result(neurons=3, params={"token": " 5", "position": 2}))
    view.set_params(view.params().model_copy(update={"token": "x"}))
    press(view, "Split by source")
    ((params,),) = asked
    assert (params.token, params.position, params.neurons) == (" 5", 2, 3)


def test_the_selected_heads_sources_are_drawn_on_the_tokens(view, selection):
    view.show_result(attribute_result(by_source=True))
    selection.select_head(1, 2)
    told = view.read_out()["sources"]
    assert told["texts"] == ("1", " ", "2", " ", "3", " ", "4", " ")
    assert told["title"] == "What L1H2 adds from each token of prompt 1"
    assert told["said"] == "They sum to +3.000: the head's number, exactly."
    assert not told["offered"]
    strip = find(view, TokenStrip, "What the head adds from each token")
    assert strip.tip(0).endswith("adds from here, L1H2 2.25")
    QTest.mouseClick(strip.viewport(), LEFT, pos=strip.box_center(4))
    assert selection.position == 4
    selection.select_prompt(1)
    assert view.read_out()["sources"]["said"].startswith("They sum to +4.500")
    selection.select_head(0, None)
    assert view.read_out()["sources"]["texts"] == ()
    assert "select a head" in view.read_out()["sources"]["title"]


def test_neurons_are_asked_for_and_a_click_selects_their_layer(view, selection, heard):
    asked = heard(view.run_requested)
    look(view, "Neurons")
    assert "this one took 400 ms" in view.read_out()["neurons"]["said"]
    press(view, "List 50 neurons")
    assert asked[0][0].neurons == 50
    view.show_result(attribute_result(neurons=4))
    out = view.read_out()
    assert out["look"] == "neurons"
    assert out["neurons"]["rows"][1][:2] == ("L1", "8")
    table = find(view, RankingList, "Neurons by what they add")
    place = table.visualRect(table.model().index(1, 0)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    assert (selection.layer, selection.head) == (1, None)


def test_where_nothing_can_be_computed_nothing_is_offered(make_view, heard):
    view = make_view("attribute")
    view.forbid_running("No torch here.")
    view.show_result(attribute_result())
    (button,) = in_sight(view, QPushButton, "Split by source")
    assert not button.isEnabled()
    assert button.toolTip() == "No torch here."
    look(view, "Neurons")
    assert in_sight(view, QPushButton, "List 50 neurons") == []
    asked, told = heard(view.run_requested), heard(view.message_requested)
    view.answer(Intent("attribution", {"prompt": 0, "layer": None, "position": 1}))
    assert (asked, told) == ([], [("No torch here.",)])


# Asked from elsewhere.


def test_a_place_of_another_picture_is_split(view, selection, heard):
    asked = heard(view.run_requested)
    view.answer(Intent("attribution", {"prompt": 1, "layer": 1, "position": 3}))
    ((params,),) = asked
    assert (params.layer, params.position) == (1, 3)
    assert (selection.prompt, selection.position) == (1, 3)
    made = {"layer": 1, "position": 3}
    view.show_result(attribute_result(params=made, data={"read_position": np.array([3, 3])}))
    out = view.read_out()
    assert out["offered"]["scope"] == "prompt"
    assert out["what"].startswith("Read after “␠”, position 3, as the lens reads it before block 1")


def test_the_last_token_of_prompts_of_several_lengths_is_the_last_of_each(view, heard):
    asked = heard(view.run_requested)
    view.answer(Intent("attribution", {"prompt": 1, "layer": 1, "position": 5}))
    view.answer(Intent("attribution", {"prompt": 0, "layer": 1, "position": 5}))
    assert [params.position for (params,) in asked] == [-1, 5]
    view.mark_source(Difference(prompts=True))  # the table's own lengths are not known
    view.answer(Intent("attribution", {"prompt": 1, "layer": 1, "position": 5}))
    assert asked[-1][0].position == 5


@pytest.mark.parametrize("position", [-1, 7])
def test_what_is_on_screen_already_is_not_run_again(view, selection, heard, position):
    asked = heard(view.run_requested)
    view.answer(Intent("attribution", {"prompt": 0, "layer": 2, "position": position}))
    assert asked == []
    assert view.read_out()["offered"]["scope"] == "prompt"
    assert view.read_out()["base"].startswith("Logit difference “5” − “4”: +2.375")
    assert selection.position == (position if position >= 0 else None)
    view.mark_source(Difference(model="another model, toy"))
    view.answer(Intent("attribution", {"prompt": 0, "layer": 2, "position": position}))
    assert len(asked) == 1


def test_other_intents_select_what_they_speak_of(view, selection):
    view.answer(Intent("head_facts", {"layer": 1, "head": 0}))
    assert (selection.layer, selection.head) == (1, 0)


# Beside an ablation.


def zero_ablation(result, **changes):
    effect = np.full((2, 3, 2), -1.5)
    data = {"effect": effect, "layers": np.arange(2), "mode": "zero"}
    made = drawn.ablate_result(data=data, model=result.model, **changes)
    return "Ablation, 12:00", made


def test_an_ablation_of_the_same_prompts_stands_beside_it(view, selection):
    result = view.current_result
    selection.select_head(1, 2)
    assert "Removing it" not in view.read_out()["details"]["sentence"]
    view.take_lent([zero_ablation(result)])
    told = view.read_out()["details"]["sentence"]
    assert told.endswith("Removing it: −1.500 in all (zero ablation), −3.750 directly.")
    mean = drawn.ablate_result(
        data={"effect": np.full((2, 3, 2), 0.5), "layers": np.arange(2), "mode": "mean"},
        model=result.model,
    )
    view.take_lent([("newer", mean), zero_ablation(result)])
    told = view.read_out()["details"]["sentence"]
    assert told.endswith("Removing it: +0.500 in all (mean ablation).")


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {"component": "head", "metric": "prob", "positions": "all"}},
        {"params": {"component": "head", "metric": "logit_diff", "positions": "last"}},
        {"params": {"component": "mlp", "metric": "logit_diff", "positions": "all"}},
        {"prompts": even_prompts(2)},
        {"model": drawn.model(fingerprint="another")},
        {"data": {"layers": "of a stranger"}},
    ],
)
def test_an_ablation_of_other_things_does_not(view, selection, changes):
    result = view.current_result
    name, whole = zero_ablation(result)
    made = replace(whole, **{k: v for k, v in changes.items() if k != "data"})
    made = replace(made, data={**made.data, **changes.get("data", {})})
    selection.select_head(1, 2)
    view.take_lent([(name, made)])
    assert "Removing it" not in view.read_out()["details"]["sentence"]


@pytest.mark.parametrize("given", [{"params": {"token": "5"}}, {"params": {"layer": 1}}])
def test_an_ablation_watches_no_other_number(view, selection, given):
    view.show_result(attribute_result(**given))
    selection.select_head(0, 1)
    view.take_lent([zero_ablation(view.current_result)])
    assert "Removing it" not in view.read_out()["details"]["sentence"]


# Every state.


def test_what_a_run_says_stands_as_chips(view):
    notices = (Notice("task_not_done", "Prompt 2 fails."), Notice("sum_differs", "Off by 0.1."))
    view.show_result(attribute_result(warnings=notices))
    assert view.read_out()["chips"] == ["task_not_done", "sum_differs"]


def test_another_model_is_said_in_a_chip(view):
    view.mark_source(Difference(model="another model, toy"))
    assert "other_model" in view.read_out()["chips"]


def test_a_run_that_fills_in_is_drawn_and_given_back(view):
    data = dict(attribute_result().data)
    view.show_busy(True)
    view.show_partial({"embed": data["embed"]})
    assert view.read_out()["veiled"]
    head = data["head"].copy()
    head[..., 1] = np.nan
    view.show_partial({**data, "head": head})
    assert view.read_out()["title"] == "Largest so far"
    assert view.read_out()["maps"][0].values[1, 2] == 3.0
    view.show_busy(False)
    assert view.read_out()["maps"][0].values[1, 2] == 3.75


def test_prompts_fill_in_while_they_are_split(view):
    """What the run itself hands over, of one prompt after another."""
    seen = []

    class Watching(Reporter):
        def partial(self, data):
            view.show_partial(data)
            seen.append((view.read_out(), data))

    rows = [PromptRow(text=text, answer="x", wrong="q") for text in ("the cat", "abc", "ab cd")]
    view.show_busy(True)
    result = run(tiny("gpt2"), AttributeParams(prompts=rows, by_source=True), Watching())
    assert [data["head"].shape[-1] for _out, data in seen] == [1, 2]
    for out, data in seen:
        assert out["base"].startswith("Splitting: prompts fill in as they are done")
        assert out["title"] == "Largest so far"
        np.testing.assert_allclose(out["maps"][0].values, data["head_mean"])
        assert out["bars"]["embeddings"] == pytest.approx(data["embed_mean"])
        assert out["sum"][-1] == pytest.approx(data["base_mean"], abs=1e-5)
    view.show_busy(False)
    view.show_result(result)
    assert view.read_out()["base"].startswith("Logit difference")
    np.testing.assert_allclose(view.read_out()["maps"][0].values, result.data["head_mean"])


@pytest.mark.parametrize("name", ["head", "cumulative", "read_position", "sum_error"])
def test_a_files_result_that_lacks_a_field_is_refused_in_a_sentence(view, name):
    data = {key: v for key, v in attribute_result().data.items() if key != name}
    view.show_result(drawn.result_of("attribute", data))
    assert view.read_out()["state"] == "failure"
    assert "Traceback" not in view.read_out()["failure"]
    view.show_result(attribute_result())
    assert view.read_out()["state"] == "result"


@pytest.mark.parametrize("shape", [(2, 3), (12, 12), (80, 64)])
@pytest.mark.parametrize("size", [(560, 420), (1500, 900)])
def test_models_of_all_sizes_are_drawn_in_both_themes(make_view, shape, size):
    view = make_view("attribute", *size)
    view.show_result(attribute_result(shape=shape, by_source=True, neurons=3))
    for theme in ("dark", "light"):
        apply_theme(QApplication.instance(), theme)
        for name in ("Bars", "Heads", "Sum", "Neurons"):
            look(view, name)
            assert not view.grab().isNull()


def test_a_run_read_before_the_first_block_has_embeddings_alone(view):
    view.show_result(attribute_result(params={"layer": 0}))
    out = view.read_out()
    assert np.isnan(out["bars"]["L0 attention"])
    assert out["bars"]["embeddings"] == 0.125
    assert out["ranking"] == []
    for name in ("Heads", "Sum", "Bars"):
        look(view, name)
        view.grab()


@pytest.mark.parametrize("name", ["Bars", "Heads", "Sum", "Neurons"])
def test_each_picture_is_exported(view, tmp_path, name):
    view.show_result(attribute_result(neurons=4))
    look(view, name)
    for ending in ("png", "svg"):
        path = tmp_path / f"picture.{ending}"
        save_picture(view.picture_widget(), path, scale=1.0)
        assert path.stat().st_size > 500


def test_all_pictures_are_exported_at_once(make_view, tmp_path):
    view = make_view("attribute", 1400, 800)
    view.show_result(attribute_result())
    QApplication.processEvents()
    save_picture(view.picture_widget(), tmp_path / "all.svg", scale=1.0)
    text = (tmp_path / "all.svg").read_text(encoding="utf-8")
    assert {"adds, in logits", "sum, in logits", "Head"} <= {
        part.split("<")[0].strip() for part in text.split(">")
    }


def test_two_results_are_compared_by_their_heads(qtbot, themed):
    left = attribute_result()
    changed = left.data["head_mean"].copy()
    changed[1, 2] -= 1.0
    right = replace(left, data={**left.data, "head_mean": changed})
    shown = ComparisonView()
    qtbot.addWidget(shown)
    shown.show_pair(left, right, ("raw", "processed"))
    assert shown.read_out()["field"] == "head mean"
    assert shown.read_out()["map"][1, 2] == pytest.approx(-1.0)
    assert len(shown.read_out()["scatter"].x) == 6


def test_a_number_is_taken_apart_where_one_asks(view, selection, heard):
    told = heard(view.explanation_wanted)
    selection.select_head(1, 2)
    press(view, "?")
    explained = told[0][0]
    assert explained.name == "Direct contribution of a head"
    assert "L1H2 +3.750" in explained.working


def test_the_pointer_over_a_bar_tells_it(view, qtbot):
    plot = find(view, Plot, BARS)
    QApplication.processEvents()
    place = plot.point(3).toPoint()
    qtbot.mouseMove(viewport(plot), QPoint(place.x(), place.y() + 4))
    assert plot.accessibleDescription().startswith("L1 attention +3.156 ± 0.625")


def test_a_session_without_torch_draws_it():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from PySide6.QtWidgets import QApplication; app = QApplication([])\n"
        "from desktop_app.views.making import create_view\n"
        "from desktop_app.widgets.basics.selection import Selection\n"
        "from tests.samples.attributed import attribute_result\n"
        "view = create_view('attribute', Selection()); view.show_result(attribute_result())\n"
        "print(view.read_out()['state'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "result", done.stderr
