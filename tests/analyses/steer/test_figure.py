"""What an export draws of steering: the texts whole, and none of the controls around them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QLineEdit, QScrollBar

from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.step_strips import StepStrips
from desktop_app.window.exports.pictures import picture_of
from tests.finding import press
from tests.samples.steered import steer_result, strip

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
LONG = 400


def long_result():
    """Return a result whose texts are far longer than what is in sight."""
    count = range(LONG)
    one = strip(list(count), [f" w{n}" for n in count], [-0.5] * LONG)
    other = strip([*range(LONG - 1), 9_999], [f" w{n}" for n in count], [-0.5] * LONG)
    result = steer_result(max_new_tokens=LONG)
    data = {"plain": (one, one), "steered": (other, other)}
    return replace(result, data=data)


@pytest.fixture
def view(make_view):
    """Return a view that shows long texts."""
    view = make_view("steer", 1100, 800)
    result = long_result()
    view.set_params(made_params(result.params))
    view.show_result(result)
    return view


def controls(figure):
    """Return what is there to be clicked or typed into."""
    kinds = (QAbstractButton, QAbstractSlider, QLineEdit)
    found = [part for kind in kinds for part in figure.findChildren(kind)]
    return [part for part in found if not isinstance(part, QScrollBar)]


def colours(image, area):
    """Return how many colours are drawn in a part of a picture."""
    points = (
        QPoint(x, y)
        for x in range(area.left(), area.right(), 3)
        for y in range(area.top(), area.bottom(), 3)
    )
    return len({image.pixel(point) for point in points})


def test_a_figure_holds_the_strips_to_their_last_token(view):
    figure = view.figure_widget()
    assert controls(figure) == []
    (shown,) = figure.findChildren(StepStrips)
    image = picture_of(figure, 1.0)
    last = shown.box("steered", LONG - 1)
    assert shown.rect().contains(last), "whole, though only a part of it is in sight"
    margin = (image.height() - figure.height()) // 2
    lowest = shown.pos() + QPoint(margin, margin)
    assert colours(image, last.translated(lowest)) > 3, "it is drawn"
    assert shown.chosen() is None, "what is chosen on screen is no matter of the figure"


def test_a_figure_of_the_reading_holds_the_whole_text(view):
    press(view, "Text")
    figure = view.figure_widget()
    assert controls(figure) == []
    image = picture_of(figure, 1.0)
    assert image.height() > view.height()
    foot = QRect(0, image.height() - 60, image.width() // 3, 40)
    assert colours(image, foot) > 1, "the last line is drawn"
    tokens = figure.height()
    press(view, "Tokens")
    assert view.figure_widget().height() != tokens, "again the strips"


@pytest.mark.parametrize("page", ["Interventions", "Timeline"])
def test_every_page_has_a_figure_without_controls(view, page):
    result = steer_result()
    view.set_params(made_params(result.params))
    view.show_result(result)
    press(view, page)
    figure = view.figure_widget()
    assert controls(figure) == []
    assert not picture_of(figure, 1.0).isNull()
