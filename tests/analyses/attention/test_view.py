from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtWidgets import QToolButton

from desktop_app.analyses.attention.spec import AttentionParams
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tokens.token_strip import TokenStrip
from tests.finding import find, press
from tests.patience import turn_the_loop
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LOOKS, LOOKED_AT = "Where the position looks", "Who looks at the position"


@pytest.fixture
def view(make_view):
    view = make_view("attention")
    view.show_result(drawn.attention_result())
    return view


def test_a_focused_head_is_shown_first(view):
    assert view.read_out()["head"] == "L5H2 reads key-value head 1"


def test_a_head_selected_elsewhere_is_shown(view, selection):
    selection.select_head(4, 1)
    assert view.read_out()["head"] == "L4H1 reads key-value head 0"
    np.testing.assert_array_equal(
        view.read_out()["pattern"], view.current_result.data["pattern"][0][0, 1]
    )


def test_a_head_that_the_result_lacks_keeps_the_picture(view, selection):
    selection.select_head(0, 0)
    assert view.read_out()["head"] == "L5H2 reads key-value head 1"


def test_the_grid_selects_by_the_models_numbers(view, selection):
    find(view, HeadGrid).head_clicked.emit(1, 3)
    assert (selection.layer, selection.head) == (5, 3)


def test_a_pair_is_shared_and_told(view, selection):
    find(view, PatternView).pair_selected.emit(6, 6)
    assert selection.pair == (6, 6)
    assert view.read_out()["pair"] == (6, 6)
    assert view.read_out()["looked_at_by"] == "“4” (6) is looked at by"
    find(view, PatternView).pair_hovered.emit(6, 2)
    assert view.read_out()["looked_at_by"] == "“2” (2) is looked at by"
    find(view, PatternView).pair_hovered.emit(-1, -1)
    assert view.read_out()["looked_at_by"] == "“4” (6) is looked at by"
    find(view, PatternView).token_hovered.emit(3)
    assert view.read_out()["looks_at"] == "“␠” (3) looks at"


def test_strips_follow_query_and_key(view, selection):
    selection.select_pair(6, 2)
    assert view.read_out()["looks_at"] == "“4” (6) looks at"
    assert view.read_out()["looked_at_by"] == "“2” (2) is looked at by"
    find(view, TokenStrip, LOOKS).token_clicked.emit(1)
    assert selection.pair == (1, 1)
    find(view, TokenStrip, LOOKED_AT).token_clicked.emit(4)
    assert selection.pair == (4, 4)


def test_prompts_of_unequal_length(view, selection):
    assert view.read_out()["pattern"].shape == (8, 8)
    selection.select_pair(7, 7)
    selection.select_prompt(1)
    assert view.read_out()["pattern"].shape == (6, 6)


def test_without_the_first_position_needs_no_run(view, selection, heard):
    asked = heard(view.run_requested)
    selection.select_head(4, 0)
    press(view, "Without first")
    assert asked == []
    assert np.isnan(view.read_out()["pattern"][:, 0]).all()
    np.testing.assert_allclose(view.read_out()["pattern"][3, 1:4].sum(), 1, atol=1e-5)


def test_arrays_of_the_result_switch_at_once(view, heard):
    pattern = view.current_result.data["pattern"]
    extra = {"difference": tuple(p - 0.1 for p in pattern), "corrupt_pattern": pattern}
    view.show_result(drawn.attention_result(data=extra))
    asked = heard(view.run_requested)
    press(view, "Clean − corrupt")
    assert view.read_out()["diverging"]
    assert asked == []


def test_what_the_result_lacks_asks_for_a_run(view, heard):
    asked = heard(view.run_requested)
    add = find(view, QToolButton, "Add pictures by another run")
    offered = {a.data(): a for a in add.menu().actions()}
    assert set(offered) == {"scores", "difference", "mean"}
    assert offered["difference"].isEnabled()
    assert not offered["mean"].isEnabled()  # the prompts differ in length
    offered["difference"].trigger()
    press(view, "Value-weighted")
    assert [told[0] for told in asked] == [
        AttentionParams(difference=True),
        AttentionParams(difference=True, value_weighted=True),
    ]


def test_only_some_heads_of_some_layers(make_view, selection):
    view = make_view("attention")
    whole = drawn.attention_result().data
    view.show_result(
        drawn.attention_result(
            data={
                "pattern": tuple(p[:, 2:3] for p in whole["pattern"]),
                "thumbnail": tuple(p[:, 2:3] for p in whole["thumbnail"]),
                "entropy": whole["entropy"][:, 2:3],
                "head_indices": np.array([2]),
                "kv_head": np.array([1]),
            }
        )
    )
    find(view, HeadGrid).head_clicked.emit(0, 0)
    assert (selection.layer, selection.head) == (4, 2)


def test_two_thousand_tokens_from_disk(make_view, selection, tmp_path):
    length = 2048
    stored = np.lib.format.open_memmap(tmp_path / "p.npy", "w+", np.float32, (1, 2, length, length))
    stored[0, 0] = np.eye(length)
    stored[0, 1, :, 0] = 1
    text = "1 " * (length // 2)
    view = make_view("attention")
    view.show_result(
        drawn.attention_result(
            prompts=(drawn.prompt(text),),
            data={
                "pattern": (stored,),
                "thumbnail": (np.zeros((1, 2, 32, 32), np.float32),),
                "entropy": np.ones((1, 2, 1)),
                "layers": np.array([0]),
                "head_indices": np.array([0, 1]),
                "kv_head": np.array([0, 0]),
            },
        )
    )
    selection.select_head(0, 1)
    assert view.read_out()["pattern"][2047, 0] == 1
    selection.select_pair(2047, 0)
    assert view.read_out()["strongest"][0].startswith("“1” (0) 1.00")


def test_strips_stand_beneath_where_there_is_height_and_the_lists_are_not_beside(qtbot, make_view):
    view = make_view("attention", 715, 624)
    view.show_result(drawn.attention_result())
    qtbot.waitUntil(lambda: not view.read_out()["beneath"])
    view.resize(1000, 1500)
    qtbot.waitUntil(lambda: view.read_out()["beneath"] and not view.read_out()["beside"])
    view.resize(1900, 900)
    qtbot.waitUntil(lambda: view.read_out()["beside"] and not view.read_out()["beneath"])


def test_thumbnails_grow_with_the_room_there_is(qtbot, make_view):
    view = make_view("attention", 715, 624)
    view.show_result(drawn.attention_result())
    turn_the_loop()
    before = find(view, HeadGrid).pitch
    view.resize(1900, 1200)
    qtbot.waitUntil(lambda: find(view, HeadGrid).pitch > 1.4 * before)


def test_strips_wrap_rather_than_scroll_both_ways(qtbot, make_view):
    view = make_view("attention", 715, 624)
    view.show_result(drawn.attention_result())
    turn_the_loop()
    for strip in (find(view, TokenStrip, name) for name in (LOOKS, LOOKED_AT)):
        assert strip.horizontalScrollBar().maximum() == 0
        assert strip.heightForWidth(60) <= 2 * (28 + 8) + 8
        assert strip.height() >= strip.heightForWidth(strip.width())


@pytest.mark.parametrize("size", [(700, 620), (684, 560)])
def test_few_heads_stand_beside_the_large_one_in_a_window_of_usual_size(make_view, size):
    """The room that windows of 1280 × 800 and 1024 × 700 leave."""
    view = make_view("attention", *size)
    view.show_result(drawn.attention_result())
    turn_the_loop()
    grid, large = find(view, HeadGrid), find(view, PatternView)
    right_of_grid = grid.mapTo(view, grid.rect().topRight()).x()
    assert right_of_grid < large.mapTo(view, large.rect().topLeft()).x()
    assert view.picture_widget().height() >= view.picture_widget().minimumSizeHint().height()
