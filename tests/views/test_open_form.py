"""An open form is whole the first time it opens; where there is no room it scrolls."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractScrollArea, QScrollArea, QToolButton, QWidget

from desktop_app.contract.registry import BUILT_IN
from desktop_app.views.frame import SettingsFold
from desktop_app.widgets.forms.params_form import ParamsForm
from tests.finding import find, in_sight
from tests.patience import turn_the_loop
from tests.samples import drawn, lensed, patching, steered

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

# The view's room in windows of 1024 × 700, 1440 × 900 and 2560 × 1440.
SIZES = [(652, 576), (746, 776), (1900, 1316)]
DRAWN = {
    "rank": drawn.rank_result,
    "ablate": drawn.ablate_result,
    "attention": drawn.attention_result,
    "patch": patching.patch_result,
    "hand_patch": patching.hand_result,
    "lens": lensed.lens_result,
    "steer": steered.steer_result,
}


def opened(view):
    """Open the settings and all of their options by the mouse; return the form and its scroller."""
    fold = find(view, SettingsFold)
    toggle = find(fold, QToolButton, f"Settings of {view.analysis.title}")
    if not fold.is_open():  # as it is from the start where nothing can run before it is filled in
        QTest.mouseClick(toggle, Qt.MouseButton.LeftButton)
    turn_the_loop()
    form = find(fold, ParamsForm)
    for more in in_sight(fold, QToolButton, "More options"):
        QTest.mouseClick(more, Qt.MouseButton.LeftButton)
    turn_the_loop()
    return form, find(fold, QScrollArea)


def hidden_below(form, area):
    """Return how many pixels of a form stand below what its scroller shows and can show."""
    return form.height() - area.viewport().height() - area.verticalScrollBar().maximum()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_all_options_are_in_sight_at_the_first_opening(make_view, name, size):
    view = make_view(name, *size)
    if name in DRAWN:
        view.show_result(DRAWN[name]())
    form, area = opened(view)
    assert form.height() >= form.heightForWidth(form.width())
    assert form.height() <= area.viewport().height(), "not whole"
    for field in in_sight(form, QToolButton, "Fewer options") or [form]:
        place = QRect(field.mapTo(view, QPoint()), field.size())
        assert view.rect().contains(place)


@pytest.mark.parametrize("name", BUILT_IN)
def test_where_there_is_no_room_the_form_scrolls(make_view, name):
    view = make_view(name, 640, 330)
    form, area = opened(view)
    assert area.viewport().height() >= 60
    assert hidden_below(form, area) <= 0
    bar = area.verticalScrollBar()
    bar.setValue(bar.maximum())
    turn_the_loop()
    last = max(in_sight(form, QWidget), key=lambda part: part.mapTo(form, QPoint()).y())
    assert view.rect().contains(QRect(last.mapTo(view, QPoint()), last.size()))


@pytest.mark.parametrize("name", list(DRAWN))
def test_the_picture_scrolls_where_the_form_takes_its_room(make_view, name):
    view = make_view(name, 652, 480)
    view.show_result(DRAWN[name]())
    opened(view)
    content = view.picture_widget()
    room = content
    while not isinstance(room, QAbstractScrollArea):
        room = room.parentWidget()
    assert content.height() >= content.minimumSizeHint().height()
    below = content.height() - room.viewport().height() - room.verticalScrollBar().maximum()
    assert below <= 0
