"""No view, panel, form or dialog of the real window overlaps or cuts anything, at any size."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.forms.params_form import FormScroll, ParamsForm
from tests.finding import press
from tests.patience import turn_the_loop
from tests.window.filled import GONE, beside, dialogs, resize
from tests.window.walking import faults

pytestmark = [
    pytest.mark.gui,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("This plugin does not support"),
]
SIZES = ((960, 620), (1024, 700), (1440, 900), (2560, 1440))
VIEWS = (*ANALYSES, GONE)


@pytest.fixture(autouse=True)
def no_leaks():
    """One window lives through this module, on purpose."""


def found(parts):
    """Return the faults of each named part; looked at when it is in sight."""
    return [f"{name}: {fault}" for name, widget in parts for fault in faults(widget)]


def views(window):
    """Show every view in turn, and the pages that one has."""
    for name in VIEWS:
        window.views.open(name)
        turn_the_loop()
        yield name, window.views[name]
    heads = window.views["detect"]
    window.views.open("detect")
    for page in ("heads", "card"):
        heads.pages.turn_to(page)
        turn_the_loop()
        yield f"detect, {page}", heads
    features = window.views["features"]
    window.views.open("features")
    for page in ("Tokens", "All features", "One feature", "Tests on the prompt"):
        press(features, page)
        turn_the_loop()
        yield f"features, {page}", features


def forms(window):
    """Open every settings form with all its options."""
    for name in ANALYSES:
        window.views.open(name)
        view = window.views[name]
        press(view, f"Settings of {view.analysis.title}")
        view.findChild(ParamsForm).set_folded(False)
        turn_the_loop()
        yield f"settings of {name}", view
        assert view.findChild(FormScroll).height() >= 80, name
        view.findChild(ParamsForm).set_folded(True)
        press(view, f"Settings of {view.analysis.title}")


def panels(window):
    """Bring every panel forward."""
    window.views.open("ablate")
    for name in ("prompts", "results", "inspector", "help", "log"):
        window.docks[name].show()
        window.docks[name].raise_()
        turn_the_loop()
        yield f"panel {name}", window
    for name in ("help", "log"):
        window.docks[name].hide()


def none_is_cut(*walks):
    """Assert that several walks find nothing, or tell all that they find."""
    told = sorted({fault for walk in walks for fault in found(walk)})
    assert not told, "\n".join(["", *told])


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_nothing_is_cut_in_any_view(filled, size):
    resize(filled, size)
    none_is_cut(views(filled))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda s: f"{s[0]}x{s[1]}")
def test_nothing_is_cut_between_panels_at_both_sides(filled, size):
    resize(filled, size)
    beside(filled)
    none_is_cut(views(filled))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_no_settings_form_cuts_its_fields(filled, size):
    resize(filled, size)
    none_is_cut(forms(filled))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_no_panel_cuts_anything(filled, size):
    resize(filled, size)
    none_is_cut(panels(filled))


def test_no_dialog_cuts_anything(filled):
    resize(filled, (1024, 700))
    none_is_cut(dialogs(filled))


def test_the_dark_theme_takes_no_more_room(filled):
    apply_theme(QApplication.instance(), "dark")
    try:
        resize(filled, (1024, 700))
        none_is_cut(views(filled), panels(filled))
    finally:
        apply_theme(QApplication.instance(), "light")


def test_panels_put_back_at_another_size_leave_no_tab_behind(filled):
    """A narrow window puts two panels behind each other; a wide one has no tabs for them."""
    resize(filled, (1024, 700))
    resize(filled, (1440, 900))
    filled.views.open("ablate")
    turn_the_loop()
    assert [fault for fault in faults(filled) if "QTabBar" in fault] == []
