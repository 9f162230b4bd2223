"""What all views share: states, run, fixes, themes."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QWidget

from desktop_app.analyses.ablate.spec import AblateParams
from desktop_app.contract.registry import ANALYSES, BUILT_IN
from desktop_app.contract.result import Notice
from desktop_app.support import installed
from desktop_app.support.errors import BadInputError
from desktop_app.views.frame import Heading, SettingsFold, Veil
from desktop_app.views.making import create_view
from desktop_app.widgets.basics.selection import Selection
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.forms.params_form import FormScroll, ParamsForm
from tests.finding import find, press
from tests.patience import turn_the_loop
from tests.samples import drawn, lensed, patching
from tests.samples.real import real_result

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]

RESULTS = {
    "tokens": drawn.tokens_result,
    "rank": drawn.rank_result,
    "ablate": drawn.ablate_result,
    "attention": drawn.attention_result,
    "patch": patching.patch_result,
    "hand_patch": patching.hand_result,
    "lens": lensed.lens_result,
}
NAMES = list(RESULTS)
# What these show of several prompts, or of the first, is the same whichever is selected.
STEADY = {"ablate", "patch", "hand_patch", "lens"}


def pixels(widget):
    image = widget.grab().toImage()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1).copy()


def content(view):
    """Return what the veil of a running job covers: all that a view draws."""
    return find(view, Veil).parentWidget()


@pytest.mark.parametrize("name", ["features", "train_sae"])
def test_buttons_that_lead_to_a_run_are_off_with_the_reason_where_nothing_can_run(
    make_view, monkeypatch, name
):
    titles = {"features": ("Look closer", "Steer along it"), "train_sae": ("Open its features",)}

    def buttons():
        view = make_view(name)
        view.show_result(real_result(name))
        return [find(view, QAbstractButton, title) for title in titles[name]]

    assert any(button.isEnabled() for button in buttons())
    monkeypatch.setattr(installed, "COMPUTE", ("no_such_library",))
    for button in buttons():
        assert not button.isEnabled()
        assert "cannot run models, as it lacks no_such_library" in button.toolTip()


def test_views_stand_in_the_order_of_the_analyses():
    assert list(ANALYSES)[: len(BUILT_IN)] == list(BUILT_IN)
    with pytest.raises(BadInputError, match="no analysis"):
        create_view("weather", Selection())


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_view_says_what_to_do(make_view, name):
    view = make_view(name)
    assert view.current_result is None
    assert not view.read_out()["drawn"]
    assert view.accessibleName()


@pytest.mark.parametrize("name", NAMES)
def test_a_result_is_drawn_with_its_small_print(make_view, name):
    view = make_view(name)
    result = RESULTS[name]()
    view.show_result(result)
    assert view.current_result is result
    assert view.read_out()["drawn"]
    assert "smollm2 · cpu · float32" in view.read_out()["small_print"]
    assert not view.picture().isNull()


@pytest.mark.parametrize("name", NAMES)
def test_busy_dims_the_old_picture_and_keeps_it(make_view, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    view.show_busy(True)
    assert view.is_busy()
    assert view.read_out()["veiled"]
    assert view.read_out()["drawn"]
    assert not find(view, Heading).run_button.isEnabled()
    view.show_busy(False)
    assert not view.read_out()["veiled"]
    assert find(view, Heading).run_button.isEnabled()


@pytest.mark.parametrize("name", NAMES)
def test_busy_without_a_picture_stays_empty(make_view, name):
    view = make_view(name)
    view.show_busy(True)
    assert not view.read_out()["veiled"]
    assert not view.read_out()["drawn"]


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_keeps_the_old_picture(make_view, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    view.show_busy(True)
    view.show_failure("Prompt 1 is empty: type something.", None, None)
    assert view.read_out()["failure"]
    assert not view.is_busy()
    assert view.current_result is not None
    view.show_result(RESULTS[name]())
    assert not view.read_out()["failure"]


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_with_a_fix_offers_it(make_view, heard, name):
    view = make_view(name)
    asked = heard(view.fix_requested)
    fix = {"index": 1, "prompt": "1 2 3 4 ", "answer": ["5"], "wrong": ["4"]}
    view.show_failure("Both answers start with ␠.", "answer_shared_prefix", fix)
    press(view, "Fix the prompt")
    assert asked == [
        (Notice("answer_shared_prefix", "Both answers start with ␠.", fix, 1),),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_run_gives_the_settings_of_the_form(make_view, heard, qtbot, name):
    view = make_view(name)
    asked = heard(view.run_requested)
    qtbot.mouseClick(find(view, Heading).run_button, Qt.MouseButton.LeftButton)
    assert len(asked) == 1
    assert asked[0][0] == ANALYSES[name].params()


def test_settings_go_in_and_come_out(make_view):
    view = make_view("ablate")
    wanted = AblateParams(mode="zero", layers="1:2")
    view.set_params(wanted)
    assert view.params() == wanted
    assert view.read_out()["settings"] == (
        "heads · zero · logit difference · all positions · layer 1"
    )


def test_settings_unfold_by_their_sentence(make_view, qtbot):
    view = make_view("ablate")
    assert not view.read_out()["form"]
    qtbot.mouseClick(find(view, SettingsFold).sentence, Qt.MouseButton.LeftButton)
    assert view.read_out()["form"]


def test_chips_gather_notices_by_code_and_fix_each_prompt(make_view, heard):
    view = make_view("rank")
    asked = heard(view.fix_requested)
    fixes = [Notice("trailing_space", f"Prompt {i}", {"index": i}, i) for i in range(3)]
    view.show_result(drawn.rank_result(warnings=(*fixes, Notice("bos_added", "A BOS."))))
    assert view.read_out()["chips"] == ["trailing_space", "bos_added"]
    press(view, "Fix all 3: trailing space ×3")
    assert [told[0].prompt for told in asked] == [0, 1, 2]


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_follows_the_selection(make_view, selection, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    before = pixels(content(view))
    selection.select_prompt(1)
    assert not np.array_equal(before, pixels(content(view))) or name in STEADY


@pytest.mark.parametrize("name", NAMES)
def test_a_selected_prompt_that_the_result_lacks_becomes_the_first(make_view, selection, name):
    selection.select_prompt(7)
    view = make_view(name)
    view.show_result(RESULTS[name]())
    assert selection.prompt == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_beyond_the_result_is_ignored(make_view, selection, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    selection.select_prompt(9)
    assert view.current_result is not None


@pytest.mark.parametrize("name", NAMES)
def test_both_themes_draw_differently(make_view, themed, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    light = pixels(view)
    apply_theme(themed, "dark")
    dark = pixels(view)
    assert light.mean() > 180
    assert dark.mean() < 110


@pytest.mark.parametrize("name", NAMES)
def test_every_control_has_a_name(make_view, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    nameless = [
        button
        for button in view.findChildren(QAbstractButton)
        if button.isVisible()
        and not (button.accessibleName() or button.text())
        and button.metaObject().className() != "QTableCornerButton"
    ]
    assert nameless == []


@pytest.mark.parametrize("name", NAMES)
def test_a_narrow_view_fits(make_view, name):
    view = make_view(name, 700, 560)
    view.show_result(RESULTS[name]())
    assert view.minimumSizeHint().width() <= 700
    assert view.minimumSizeHint().height() <= 560
    room = content(view)
    for child in room.findChildren(QWidget):
        if child.isVisible() and child.parent() is room:
            assert child.geometry().right() <= room.width()


@pytest.mark.parametrize("name", NAMES)
def test_clear_forgets(make_view, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    view.clear()
    assert view.current_result is None
    assert not view.read_out()["drawn"]


@pytest.mark.parametrize("name", NAMES)
def test_a_view_is_freed(themed, name):
    selection = Selection()
    view = create_view(name, selection)
    view.show_result(RESULTS[name]())
    gone = weakref.ref(view)
    view.deleteLater()
    themed.sendPostedEvents(None, 52)  # QEvent.DeferredDelete
    del view
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("name", ["ablate", "hand_patch"])
def test_the_open_form_leaves_the_picture_its_room(qtbot, make_view, name):
    view = make_view(name)
    view.show_result(RESULTS[name]())
    press(view, f"Settings of {view.analysis.title}")
    find(view, ParamsForm).set_folded(False)
    holder = QWidget()  # a child may be smaller than it would like, as in the window
    qtbot.addWidget(holder)
    view.setParent(holder)
    view.setGeometry(0, 0, 715, 624)
    holder.resize(715, 624)
    holder.show()
    turn_the_loop()
    assert find(view, FormScroll).height() <= 0.56 * 624
    picture = view.picture_widget()
    assert (picture.canvas if name == "ablate" else picture).height() > 180
    view.setParent(None)


def test_a_form_is_no_higher_than_its_fields(qtbot, make_view):
    view = make_view("ablate", 1400, 1200)
    view.show_result(RESULTS["ablate"]())
    press(view, f"Settings of {view.analysis.title}")
    turn_the_loop()
    form = find(view, ParamsForm)
    assert form.heightForWidth(form.width()) <= find(view, FormScroll).height() < 180
    form.set_folded(False)
    turn_the_loop()
    assert form.heightForWidth(form.width()) <= find(view, FormScroll).height()
