"""How heads are looked at: scales, toggles, text, arcs, two heads; through a user's own events."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QCheckBox, QComboBox, QPushButton, QToolButton

from desktop_app.contract.result import TokenList
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.matrix.arc_view import ArcView
from desktop_app.widgets.matrix.color_bar import ColorBar
from desktop_app.widgets.matrix.head_grid import HeadGrid
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_text import TokenText
from desktop_app.window.exports.pictures import save_picture
from tests.finding import find, in_sight
from tests.patience import turn_the_loop
from tests.samples import drawn

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LEFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def view(make_view, selection):
    view = make_view("attention", 1500, 900)
    view.show_result(drawn.attention_result())
    selection.select_head(4, 1)
    turn_the_loop()
    return view


def click(qtbot, root, name, kind=QPushButton):
    """Click the control of that name, which is in sight."""
    (found,) = in_sight(root, kind, name)
    assert found.isEnabled()
    at = found.rect().center()
    if kind is QCheckBox:
        at.setX(8)
    qtbot.mouseClick(found, LEFT, pos=at)
    turn_the_loop()


def thumbnails(view):
    grid = find(view, HeadGrid)
    return grid.viewport().grab().toImage()


def bar(view):
    return in_sight(view, ColorBar)[0].read_out()


def listed(view):
    return [part.texts() for part in in_sight(view, RankingList)]


# The colour scale.


def test_small_weights_show_on_a_scale_that_is_named_and_true(view, qtbot, heard):
    told, before = heard(view.choices_changed), thumbnails(view)
    numbers = listed(view)
    said = find(view, PatternView).pair_text(6, 2)
    click(qtbot, view, "Log")
    assert view.read_out()["scale"] == "log"
    assert bar(view)["name"] == "log"
    assert bar(view)["ticks"] == ["≤ 0.0001", "0.001", "0.01", "0.1", "1"]
    assert thumbnails(view) != before
    after = thumbnails(view)
    click(qtbot, view, "Percentile")
    assert bar(view)["name"] == "percentile"
    assert thumbnails(view) not in (before, after)
    assert told[-1][0]["scale"] == "percentile"
    # Only colours have changed.
    assert listed(view) == numbers
    assert find(view, PatternView).pair_text(6, 2) == said
    np.testing.assert_array_equal(
        view.read_out()["pattern"], view.current_result.data["pattern"][0][0, 1]
    )


def test_a_small_weight_has_a_colour_of_its_own_on_the_log_scale(make_view, selection, qtbot):
    view = make_view("attention", 1500, 900)
    patterns = tuple(np.array(p) for p in drawn.attention_result().data["pattern"])
    patterns[0][0, 1, 7] = [0.004, 0.002, 0, 0, 0, 0, 0, 0.994]
    view.show_result(drawn.attention_result(data={"pattern": patterns}))
    selection.select_head(4, 1)
    canvas = find(view, PatternView).canvas

    def ink(key):
        rect = canvas.frame.cell_rect(7, key)
        return canvas.grab().toImage().pixelColor((rect.topLeft() + QPointF(4, 4)).toPoint())

    far = [abs(ink(0).lightness() - ink(2).lightness())]
    click(qtbot, view, "Log")
    far.append(abs(ink(0).lightness() - ink(2).lightness()))
    assert far[0] < 5
    assert far[1] > 20


def test_scores_have_no_logarithm(make_view, qtbot):
    view = make_view("attention", 1500, 900)
    patterns = drawn.attention_result().data["pattern"]
    scores = tuple(np.tril(p * 4 - 2) for p in patterns)
    view.show_result(drawn.attention_result(data={"scores": scores}))
    click(qtbot, view, "Log")
    click(qtbot, view, "Scores")
    assert not find(view, QPushButton, "Log").isEnabled()
    assert view.read_out()["scale"] == "linear"
    click(qtbot, view, "Pattern")
    assert view.read_out()["scale"] == "log"


def test_what_was_chosen_is_taken_over(make_view):
    view = make_view("attention")
    view.take_choices({"scale": "log", "mode": "text", "gone": "x"})
    view.show_result(drawn.attention_result())
    assert (view.read_out()["scale"], view.read_out()["mode"]) == ("log", "text")
    view.take_choices({"scale": "no such"})
    assert view.read_out()["scale"] == "log"


# The pair of toggles.


def weighted_result():
    """Return a result whose run has weighted, and its plain patterns and norms."""
    plain = drawn.attention_result().data["pattern"]
    norms = tuple(
        1 + np.arange(p.shape[-1], dtype=np.float32) * np.ones(p.shape[:3]) for p in plain
    )
    products = [p * n[..., None, :] for p, n in zip(plain, norms, strict=True)]
    weighted = tuple((p / p.max(axis=(-1, -2), keepdims=True)).astype(np.float32) for p in products)
    data = {"pattern": weighted, "thumbnail": weighted, "value_norm": norms}
    result = drawn.attention_result(data=data, params={"value_weighted": True})
    return result, plain[0][0, 1], norms[0][0, 1]


def test_both_toggles_are_boxes_and_change_thumbnails_too(view, qtbot, heard):
    asked, before = heard(view.run_requested), thumbnails(view)
    click(qtbot, view, "Without first", QCheckBox)
    assert find(view, QCheckBox, "Without first").isChecked()
    assert thumbnails(view) != before
    assert asked == []
    click(qtbot, view, "Value-weighted", QCheckBox)  # these values are not known yet
    assert asked[0][0].value_weighted


def test_weighting_is_taken_back_and_combined_at_once(make_view, selection, qtbot, heard):
    view = make_view("attention", 1500, 900)
    result, plain, norm = weighted_result()
    view.show_result(result)
    selection.select_head(4, 1)
    asked, before = heard(view.run_requested), thumbnails(view)
    assert find(view, QCheckBox, "Value-weighted").isChecked()
    click(qtbot, view, "Value-weighted", QCheckBox)
    np.testing.assert_allclose(view.read_out()["pattern"], plain, atol=1e-6)
    assert thumbnails(view) != before
    click(qtbot, view, "Value-weighted", QCheckBox)
    click(qtbot, view, "Without first", QCheckBox)
    rest = plain[1:, 1:] / plain[1:, 1:].sum(-1, keepdims=True) * norm[1:]
    np.testing.assert_allclose(view.read_out()["pattern"][1:, 1:], rest / rest.max(), atol=1e-6)
    assert asked == []


def test_the_keyboard_toggles(view, qtbot):
    box = find(view, QCheckBox, "Without first")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert np.isnan(view.read_out()["pattern"][:, 0]).all()


# Two heads.


def compare(qtbot, view, row, column):
    grid = find(view, HeadGrid)
    at = grid.head_center(row, column)
    qtbot.mouseClick(grid.viewport(), LEFT, CTRL, pos=at)
    turn_the_loop()


def test_ctrl_and_click_put_a_head_beside_on_one_scale(view, qtbot, selection):
    click(qtbot, view, "Percentile")
    compare(qtbot, view, 1, 3)
    second = view.read_out()["second"]
    assert second["head"].startswith("L5H3")
    assert view.read_out()["head"].startswith("L4H1")
    assert (selection.layer, selection.head) == (4, 1)
    first, other = (part.read_out() for part in in_sight(view, ColorBar))
    assert first["ticks"] == other["ticks"]
    patterns = in_sight(view, PatternView)
    canvas = patterns[0].canvas
    qtbot.mouseClick(canvas, LEFT, pos=canvas.cell_center(6, 2).toPoint())
    assert [part.selected() for part in patterns] == [(6, 2), (6, 2)]
    qtbot.mouseMove(canvas, canvas.cell_center(5, 3).toPoint())
    assert patterns[1].canvas.hover == (5, 3)
    said = [part.pair_text(5, 3) for part in patterns]
    assert said[0] != said[1]  # each has its own weight at that pair
    qtbot.keyClick(canvas, Qt.Key.Key_Plus)
    assert patterns[0].canvas.frame.seen == patterns[1].canvas.frame.seen
    compare(qtbot, view, 1, 3)
    assert view.read_out()["second"] is None


def test_a_head_is_compared_by_keyboard(view, qtbot):
    button = find(view, QToolButton, "Compare with another head")
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)
    # The head that was shown before is the likely one.
    assert view.read_out()["second"]["head"].startswith("L5H2")
    box = find(view, QComboBox, "Head that is compared")
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert view.read_out()["second"]["head"].startswith("L5H3")
    click(qtbot, view, "Compare no more", QToolButton)
    assert view.read_out()["second"] is None
    assert not button.isChecked()


def test_a_compared_head_that_the_next_result_lacks_goes(view, qtbot):
    compare(qtbot, view, 1, 3)
    whole = drawn.attention_result().data
    some = {name: tuple(p[:1] for p in whole[name]) for name in ("pattern", "thumbnail")}
    some |= {"entropy": whole["entropy"][:1], "layers": np.array([4])}
    view.show_result(drawn.attention_result(data=some))
    assert view.read_out()["second"] is None


# Who looks where, in lists.


@pytest.mark.parametrize("size", [(340, 420), (715, 624), (1100, 760), (1900, 900)])
def test_the_lists_are_there_at_every_size(make_view, qtbot, selection, size):
    view = make_view("attention", *size)
    view.show_result(drawn.attention_result())
    selection.select_head(4, 1)
    selection.select_pair(7, 2)
    turn_the_loop()
    lists = in_sight(view, RankingList)
    assert [part.accessibleName() for part in lists] == ["Looks at", "Looked at by"]
    weights = view.read_out()["pattern"][7]
    rows = lists[0].ranking.rows
    assert [row.key for row in rows] == list(np.argsort(-weights, kind="stable"))
    for part in lists:
        assert part.height() >= 2 * 20
        # Bars go where there is no room; what they say in numbers stays.
        assert {"token", "weight"} <= set(part.shown_columns())
        assert part.horizontalScrollBar().maximum() == 0
    # Choosing one by keyboard selects the pair.
    lists[0].setFocus()
    lists[0].select_key(rows[0].key)
    qtbot.keyClick(lists[0], Qt.Key.Key_Down)
    assert selection.pair == (7, rows[1].key)


# Text.


def lines_result():
    texts = ["a", " b", "\n", "c", " d", "\n", "e", " f"]
    found = TokenList(tuple(range(8)), tuple(t.replace(" ", "Ġ") for t in texts), tuple(texts))
    made = drawn.prompt("1 2 3 4 ")
    prompts = (type(made)(**{**vars(made), "tokens": found, "corrupt_tokens": None}),)
    held = drawn.attention_result().data
    some = {name: held[name][:1] for name in ("pattern", "thumbnail")}
    return drawn.attention_result(prompts=prompts, data=some | {"entropy": np.ones((2, 4, 1))})


def test_text_is_coloured_from_the_chosen_token_and_to_it(make_view, qtbot, selection):
    view = make_view("attention", 1500, 900)
    view.show_result(lines_result())
    selection.select_head(4, 1)
    click(qtbot, view, "Text")
    text = find(view, TokenText)
    assert text.lines() == [range(3), range(3, 6), range(6, 8)]
    qtbot.mouseClick(text.viewport(), LEFT, pos=text.box_center(4))
    assert selection.pair[0] == 4
    assert text.selected() == 4
    pattern = view.read_out()["pattern"]
    assert f"{pattern[4, 0]:.4g}" in text.tip(0)
    qtbot.keyClick(text, Qt.Key.Key_Down)
    assert selection.pair[0] == 7
    qtbot.keyClick(text, Qt.Key.Key_Up)
    qtbot.keyClick(text, Qt.Key.Key_Left)
    qtbot.keyClick(text, Qt.Key.Key_Left)
    assert text.selected() == 2
    before = text.viewport().grab().toImage()
    click(qtbot, view, "Who looks at it")
    assert f"{pattern[6, 2]:.4g}" in text.tip(6)
    assert text.viewport().grab().toImage() != before


# Arcs.


def test_arcs_join_tokens_and_those_of_one_stand_out(view, qtbot, selection):
    click(qtbot, view, "Arcs")
    arcs = find(view, ArcView)
    pattern = view.read_out()["pattern"]
    every = arcs.read_out()["all"]
    assert len({query for query, _key, _weight in every}) == 8
    assert max(sum(q == query for q, _k, _w in every) for query in range(8)) <= 3
    qtbot.mouseMove(arcs, arcs.token_center(5).toPoint())
    spoken = arcs.read_out()["spoken"]
    assert all(5 in (query, key) for query, key, _weight in spoken)
    assert {w for _q, _k, w in spoken} <= {float(v) for v in (*pattern[5], *pattern[:, 5])}
    qtbot.mouseClick(arcs, LEFT, pos=arcs.token_center(6).toPoint())
    assert selection.pair[0] == 6
    qtbot.keyClick(arcs, Qt.Key.Key_Left)
    assert selection.pair[0] == 5
    click(qtbot, view, "1")
    assert len(arcs.read_out()["all"]) == 8
    for _ in range(3):
        qtbot.keyClick(arcs, Qt.Key.Key_Plus)
    assert arcs.frame.is_zoomed()
    qtbot.keyClick(arcs, Qt.Key.Key_Right)
    assert arcs.frame.plot.contains(arcs.token_center(6))
    qtbot.keyClick(arcs, Qt.Key.Key_0)
    assert not arcs.frame.is_zoomed()


def test_hundreds_of_tokens_stay_legible(make_view, qtbot, selection):
    view, length = make_view("attention", 1500, 900), 333
    pattern = drawn.causal(length, 1, 2)
    view.show_result(
        drawn.attention_result(
            prompts=(drawn.prompt("1 " * (length // 2) + "1"),),
            data={
                "pattern": (pattern,),
                "thumbnail": (np.zeros((1, 2, 32, 32), np.float32),),
                "entropy": np.ones((1, 2, 1)),
                "layers": np.array([0]),
                "head_indices": np.array([0, 1]),
                "kv_head": np.array([0, 0]),
            },
        )
    )
    before = thumbnails(view)
    click(qtbot, view, "Without first", QCheckBox)
    assert thumbnails(view) != before
    click(qtbot, view, "Arcs")
    assert len(find(view, ArcView).read_out()["all"]) <= 999
    click(qtbot, view, "Text")
    assert len(find(view, TokenText).lines()) > 5
    assert find(view, TokenText).verticalScrollBar().maximum() >= 0


# Out of the window.


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["Matrix", "Text", "Arcs"])
def test_the_export_is_what_is_on_screen(view, qtbot, qapp, tmp_path, mode, theme):
    apply_theme(qapp, theme)
    click(qtbot, view, mode)
    compare(qtbot, view, 1, 3)
    for ending in ("png", "svg"):
        save_picture(view.picture_widget(), tmp_path / f"p.{ending}", scale=1, title="t")
    root = ET.parse(tmp_path / "p.svg").getroot()  # noqa: S314 - our own
    texts = " ".join("".join(e.itertext()) for e in root.iter(f"{SVG}text"))
    assert "L4H1" in texts
    assert "L5H3" in texts
    if mode == "Arcs":
        assert len(list(root.iter(f"{SVG}path"))) > 20
    image = QImage(str(tmp_path / "p.png"))
    assert image.width() > 500
    assert (image.pixelColor(2, 2).lightness() > 128) == (theme == "light")


# What a file may hold.


def test_norms_of_another_shape_are_refused_in_a_sentence(make_view, qtbot):
    result, _plain, _norm = weighted_result()
    view = make_view("attention", 1500, 900)
    odd = {**result.data, "value_norm": (np.ones((2, 4, 3), np.float32),) * 2}
    view.show_result(drawn.attention_result(data=odd, params={"value_weighted": True}))
    click(qtbot, view, "Value-weighted", QCheckBox)
    assert view.read_out()["state"] == "failure"
    assert view.read_out()["failure"]
