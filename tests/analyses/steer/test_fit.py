"""Nothing of the steering view's main pages is cut or squeezed, whatever stands in them."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.analyses.steer.made import made_params
from desktop_app.widgets.basics.theme import apply_theme
from tests.finding import press
from tests.patience import turn_the_loop
from tests.samples.drawn import result_of
from tests.samples.steered import plain_result, steer_result, strip
from tests.window.walking import faults

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

# The view's room in windows of 960 × 620, 1024 × 700 and 1440 × 900.
SIZES = [(588, 496), (652, 576), (1032, 776)]


def long_result():
    """Return a text that nobody would read at once, with tokens that are wide and odd."""
    texts = [" antidisestablishmentarianism", "\n\n", "日本", "\u200b", " x", "�"] * 60
    long = strip(range(360), texts, [-0.1 * (i % 120) for i in range(360)])
    return result_of("steer", {"plain": (long, long)}, params={"max_new_tokens": 360})


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_nothing_is_cut_on_either_page(make_view, size):
    view = make_view("steer", *size)
    for result in (steer_result(begin=["steered:0:10"]), plain_result(), long_result()):
        view.set_params(made_params(result.params))
        view.show_result(result)
        for page in ("Timeline", "Texts"):
            press(view, page)
            turn_the_loop()
            assert faults(view) == []
    press(view, "Text")
    turn_the_loop()
    assert faults(view) == []


def test_the_dark_theme_takes_no_more_room_and_recolours_texts(make_view):
    view = make_view("steer", 652, 576)
    view.show_result(steer_result())
    press(view, "Text")
    apply_theme(QApplication.instance(), "dark")
    turn_the_loop()
    assert faults(view) == []
    assert "Steered" in view.read_out()["reading"]
