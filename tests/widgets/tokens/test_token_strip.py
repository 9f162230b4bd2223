from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor

from desktop_app.widgets.basics.colormaps import diverging_map, lookup
from desktop_app.widgets.basics.theme import apply_theme, theme_hub
from desktop_app.widgets.tokens import token_paint
from desktop_app.widgets.tokens.token_paint import TokenCell, TokenLayout
from desktop_app.widgets.tokens.token_strip import TokenStrip


def cells(*texts):
    return [TokenCell(100 + i, text.replace(" ", "Ġ"), text) for i, text in enumerate(texts)]


@pytest.fixture
def strip(shown):
    strip = TokenStrip()
    strip.set_tokens([TokenCell(0, "<s>", "<s>", True), *cells("1", " ", "2", " ")])
    return shown(strip, 400, 60)


def background(strip, position, row=0):
    box = strip.box(position, row)
    return strip.viewport().grab().toImage().pixelColor(box.left() + 5, box.top() + 5)


def test_mouse_and_keys_give_positions(strip, qtbot):
    with qtbot.waitSignal(strip.token_hovered) as told:
        qtbot.mouseMove(strip.viewport(), strip.box_center(3))
    assert told.args == [3]
    with qtbot.waitSignal(strip.token_clicked) as told:
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, pos=strip.box_center(1))
    assert told.args == [1]
    seen = []
    strip.token_clicked.connect(seen.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home):
        qtbot.keyClick(strip, key)
    assert seen == [2, 4, 4, 0]


def test_setting_the_selection_is_silent(strip, qtbot):
    with qtbot.assertNotEmitted(strip.token_clicked):
        strip.set_selected(2)
    assert strip.selected() == 2
    strip.set_selected(None)
    assert strip.selected() is None


def test_special_tokens_look_different(strip):
    theme = theme_hub().current
    assert background(strip, 0) == theme.color("token_special")
    assert background(strip, 1) == theme.color("token")


def test_values_colour_the_boxes(strip):
    strip.set_values(np.array([np.nan, -2.0, 0.0, 2.0, 1.0]), value_name="logprob")
    table = lookup(diverging_map(), 257)
    assert background(strip, 0) == theme_hub().current.color("token_special")
    assert background(strip, 1) == QColor(*map(int, table[0, :3]))
    assert background(strip, 3) == QColor(*map(int, table[256, :3]))
    assert "logprob -2" in strip.tip(1)
    strip.set_values(None)
    assert background(strip, 1) == theme_hub().current.color("token")


def test_a_second_row_tints_what_parts(strip, shown):
    other = [TokenCell(0, "<s>", "<s>", True), *cells("1", " ")]
    other += [TokenCell(999, "7", "7"), TokenCell(103, "Ġ", " "), TokenCell(5, "x", "x")]
    strip.set_compare(other)
    shown(strip, 400, 90)
    theme = theme_hub().current
    assert background(strip, 3) == theme.color("token_differs")
    assert background(strip, 3, 1) == theme.color("token_differs")
    assert background(strip, 5, 1) == theme.color("token_differs")
    assert background(strip, 4, 1) == theme.color("token")
    assert "second: id 999" in strip.tip(3)


def test_tip_says_all_that_is_known(strip):
    strip.set_read_position(-1)
    assert strip.tip(4) == "position 4 of 5 · read here\nid 103 · piece 'Ġ' · text ' '"
    assert strip.tip(0).endswith("· special")


def test_arrow_stands_under_the_read_position(strip, shown):
    shown(strip, 400, 60)
    strip.set_read_position(3)
    box = strip.box(3)
    image = strip.viewport().grab().toImage()
    spot = image.pixelColor(box.center().x(), box.bottom() + 8)
    assert spot == theme_hub().current.color("accent")


def test_narrow_strips_grow_in_height(shown):
    strip = TokenStrip()
    strip.set_tokens(cells(*["word"] * 20))
    assert strip.heightForWidth(200) > strip.heightForWidth(900)
    strip.set_wrapping(False)
    shown(strip, 300, 60)
    assert strip.horizontalScrollBar().maximum() > 0
    strip.set_selected(19)
    assert strip.viewport().rect().contains(strip.box_center(19))


def test_empty_strip_is_quiet(strip, qtbot):
    strip.clear()
    strip.grab()
    with qtbot.assertNotEmitted(strip.token_clicked):
        qtbot.keyClick(strip, Qt.Key.Key_Right)


def test_layout_wraps_and_finds_positions_again():
    layout = TokenLayout([40] * 10, 150, 1, None)
    assert [(line.start, line.stop) for line in layout.lines] == [(0, 3), (3, 6), (6, 9), (9, 10)]
    for position in range(10):
        center = layout.box(position).center()
        assert layout.position_at(center.x(), center.y()) == position
        assert layout.box(position).right() <= 150
    assert layout.position_at(500, 5) == -1
    assert TokenLayout([900], 100, 1, None).lines[0].stop == 1  # too wide, yet shown


def test_theme_switch_repaints(strip, qapp):
    apply_theme(qapp, "dark")
    assert background(strip, 1) == theme_hub().current.color("token")


@pytest.mark.parametrize("wrapping", [True, False])
def test_eight_thousand_tokens_paint_only_what_is_seen(shown, wrapping, monkeypatch):
    painted = []
    paint = token_paint.paint_box
    monkeypatch.setattr(
        token_paint, "paint_box", lambda *given: painted.append(given[3]) or paint(*given)
    )
    strip = TokenStrip()
    strip.set_wrapping(wrapping)
    strip.set_tokens(cells(*[f" w{i % 500}" for i in range(8192)]))
    shown(strip, 900, 260)
    painted.clear()
    for step in range(10):
        strip.verticalScrollBar().setValue(step * 300)
        strip.horizontalScrollBar().setValue(step * 300)
        strip.viewport().grab()
    assert 100 < len(painted) < 10 * 300  # 900 × 260 hold no more than 300 of these boxes
    strip.set_selected(8191)
    assert strip.viewport().rect().contains(strip.box_center(8191))
