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
from tests.samples.real import real_result

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


def test_a_form_that_opened_itself_folds_with_the_result_of_its_run_and_keeps_the_keyboard(
    make_view, heard
):
    view = make_view("features")
    asked = heard(view.run_requested)
    result = real_result("features")
    assert view.read_out()["form"], "nothing can run before it is filled in"
    view.show_result(result)
    assert view.read_out()["form"], "a result of the history moves nothing"
    view.request_run()
    assert not asked
    view.run_with(sae=str(result.params["sae"]))
    ((params,),) = asked
    view.show_busy(busy=True)
    find(view, ParamsForm).editor("sae").setFocus()
    view.set_params(params.model_copy(update={"feature": 3}))
    view.show_result(result)
    assert view.read_out()["form"], "it is being filled in for the next run"
    view.request_run()
    view.show_result(result)
    assert not view.read_out()["form"]
    toggle = find(view, QToolButton, "Settings of Features")
    assert view.focusWidget() is toggle
    QTest.mouseClick(toggle, Qt.MouseButton.LeftButton)
    view.request_run()
    view.show_result(result)
    assert view.read_out()["form"], "who opens it, folds it"
