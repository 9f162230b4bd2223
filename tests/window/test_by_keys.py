"""What a screen reader is told and the keyboard reaches, in the real window with all filled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollBar,
    QSlider,
    QTabBar,
    QTableView,
    QTextEdit,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.forms.params_form import ParamsForm
from tests.finding import press
from tests.patience import turn_the_loop
from tests.window.filled import GONE, dialogs, resize

pytestmark = [
    pytest.mark.gui,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("This plugin does not support"),
]
CONTROLS = (
    *(QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView),
    *(QPlainTextEdit, QTextEdit, QSlider, QTabBar),
)
VIEWS = (*ANALYSES, GONE)
MOST_STOPS = 200
MOST_CELLS = 40


@pytest.fixture(autouse=True)
def no_leaks():
    """One window lives through this module, on purpose."""


@pytest.fixture
def window(filled):
    resize(filled, (1440, 900))
    filled.activateWindow()
    turn_the_loop()
    return filled


def called(widget):
    """Return what a screen reader says of a widget, and where it stands."""
    told = QAccessible.queryAccessibleInterface(widget)
    name = "" if told is None else told.text(QAccessible.Text.Name).strip()
    way, above = [], widget
    while above is not None and len(way) < 4:
        way.append(type(above).__name__)
        above = above.parentWidget()
    return name, " < ".join(way)


def is_qts_own(widget):
    """Return whether a widget is a part of another that Qt makes, and is never met by itself."""
    above = widget.parentWidget()
    inner = isinstance(above, (QComboBox, QAbstractSpinBox, QLineEdit, QTabBar))
    popup = above is not None and above.metaObject().className().startswith("QComboBoxPrivate")
    shell = isinstance(widget, (QHeaderView, QScrollBar)) or widget.objectName().startswith("qt_")
    return inner or popup or shell


def can_be_met(widget):
    """Return whether a control can come to be seen: one without a word on it that is hidden not."""
    if isinstance(widget, QLabel):
        return bool(widget.text())
    text = widget.text() if isinstance(widget, QAbstractButton) else "-"
    emptied = isinstance(widget, QTabBar) and not widget.count()
    icon = isinstance(widget, QAbstractButton) and not widget.icon().isNull()
    return not emptied and (bool(text) or icon or not widget.isHidden())


def nameless(root):
    """Return the ways to all that takes keys or clicks and has no name, pages turned away too."""
    return sorted(
        {
            called(widget)[1]
            for widget in root.findChildren(QWidget)
            if (isinstance(widget, CONTROLS) or widget.focusPolicy() != Qt.FocusPolicy.NoFocus)
            and not is_qts_own(widget)
            and can_be_met(widget)
            and not called(widget)[0]
        }
    )


def fully_open(window):
    """Show all that the window has: every view, form and panel."""
    for name in VIEWS:
        window.views.open(name)
        view = window.views[name]
        if name in ANALYSES:
            press(view, f"Settings of {view.analysis.title}")
            view.findChild(ParamsForm).set_folded(False)
            turn_the_loop()
            press(view, f"Settings of {view.analysis.title}")
    for dock in window.docks.values():
        dock.show()
    turn_the_loop()


def stops(widget):
    """Return whether Tab can stop at a widget now."""
    tab = (widget.focusPolicy() & Qt.FocusPolicy.TabFocus) == Qt.FocusPolicy.TabFocus
    whole = isinstance(widget.parentWidget(), (QAbstractSpinBox, QComboBox))
    seen = widget.isVisible() and widget.isEnabled() and not whole
    return tab and seen and not is_qts_own(widget) and can_be_met(widget)


def walk_by_tab(start, key=Qt.Key.Key_Tab):
    """Press Tab until it comes round, and return where it stopped."""
    start.setFocus(Qt.FocusReason.TabFocusReason)
    seen = [QApplication.focusWidget()]
    while len(seen) < MOST_STOPS:
        for _cell in range(MOST_CELLS):  # a table has Tab go through its cells first
            QTest.keyClick(QApplication.focusWidget(), key)
            here = QApplication.focusWidget()
            if here is not seen[-1] or not isinstance(here, QTableView):
                break
        assert here is not seen[-1], f"Tab does not leave {called(here)}"
        if here is seen[0]:
            return seen
        assert here not in seen, f"Tab comes back to {called(here)} and never round"
        seen.append(here)
    raise AssertionError("Tab never comes round")


# Names.


def test_every_control_of_the_window_has_a_name(window):
    fully_open(window)
    assert nameless(window) == []


def test_every_control_of_every_dialog_has_a_name(window):
    found = {name: told for name, dialog in dialogs(window) if (told := nameless(dialog))}
    assert found == {}


def test_every_entry_of_every_menu_has_a_name_and_keys_of_its_own(window):
    for menu in [*window.menuBar().findChildren(QMenu), window.pictures.menu()]:
        texts = [a.text() for a in menu.actions() if not a.isSeparator()]
        assert all(text.strip() for text in texts), menu.title()
        marked = [t[t.index("&") + 1].lower() for t in texts if "&" in t.replace("&&", "")]
        assert len(set(marked)) == len(marked), menu.title()
    tops = [action.text() for action in window.menuBar().actions()]
    letters = [text[text.index("&") + 1].lower() for text in tops]
    assert len(set(letters)) == len(letters)


def test_no_two_actions_share_their_keys(window):
    taken = {}
    for _menu, action in window.actions_by_name.all():
        for keys in action.shortcuts():
            assert keys.toString() not in taken, (keys.toString(), action.text())
            taken[keys.toString()] = action.text()


def test_painted_pictures_say_in_words_what_is_chosen(window):
    window.selection.select_head(0, 3)
    for name in ("ablate", "patch", "compose"):
        window.views.open(name)
        turn_the_loop()
        canvas = window.views[name].picture_widget().canvas
        canvas.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(canvas, Qt.Key.Key_Down)
        QTest.keyClick(canvas, Qt.Key.Key_Right)
        assert any(letter.isdigit() for letter in canvas.accessibleDescription()), name


# The ring.


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_the_keyboard_can_be_seen(window, theme):
    apply_theme(QApplication.instance(), theme)
    unseen, looked_at = set(), set()
    for name in VIEWS:
        window.views.open(name)
        turn_the_loop()
        for widget in [w for w in window.findChildren(QWidget) if stops(w)]:
            if widget in looked_at:
                continue  # around the view: the very same in each
            window.centralWidget().setFocus()
            if (held := QApplication.focusWidget()) is not None:
                held.clearFocus()
            turn_the_loop(2)
            if not widget.isVisible() or widget.visibleRegion().isEmpty():
                continue  # scrolled away
            looked_at.add(widget)
            before = around(window, widget)
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            turn_the_loop(2)
            if QApplication.focusWidget() is widget and around(window, widget) == before:
                unseen.add(called(widget))
    apply_theme(QApplication.instance(), "light")
    assert unseen == set()


def around(window, widget):
    """Return how a widget and its edge look in its window."""
    corner = widget.mapTo(window, QPoint(0, 0))
    return window.grab(widget.rect().translated(corner).adjusted(-2, -2, 2, 2)).toImage()


def test_the_ring_is_in_no_picture_that_is_exported(window):
    window.views.open("ablate")
    turn_the_loop()
    shown = window.views["ablate"].picture_widget()
    window.prompts.table.setFocus(Qt.FocusReason.TabFocusReason)
    turn_the_loop()
    before = shown.grab().toImage()
    shown.canvas.setFocus(Qt.FocusReason.TabFocusReason)
    turn_the_loop()
    assert window.focus_ring.target() is shown.canvas
    assert shown.grab().toImage() == before


def test_a_pointer_needs_no_ring_and_a_key_brings_it(window):
    window.views.open("ablate")
    turn_the_loop()
    shown = window.views["ablate"].picture_widget()
    window.prompts.table.setFocus(Qt.FocusReason.TabFocusReason)
    assert window.focus_ring.target() is window.prompts.table
    QTest.mouseClick(shown.canvas, Qt.MouseButton.LeftButton, pos=shown.cell_center(1, 1).toPoint())
    assert window.focus_ring.target() is None
    QTest.keyClick(shown.canvas, Qt.Key.Key_Right)
    assert window.focus_ring.target() is shown.canvas


# The way.


@pytest.mark.parametrize("name", VIEWS)
def test_tab_goes_once_round_all_that_can_be_used_and_back(window, name):
    window.views.open(name)
    turn_the_loop()
    # From what is before the prompt table: Tab goes through its cells and so chooses a prompt, and
    # what can be done with the last one (go back, run again) is not what can be with the first.
    first = walk_by_tab(window.prompts.table)[-1]
    forward = walk_by_tab(first)
    missed = {called(w) for w in window.findChildren(QWidget) if stops(w)} - set(
        map(called, forward)
    )
    assert missed == set()
    back = walk_by_tab(first, Qt.Key.Key_Backtab)
    # By what they are called: lines of the inspector are made anew as rows are gone through.
    assert [called(w) for w in back[1:]] == [called(w) for w in reversed(forward[1:])]


def test_tab_goes_as_one_reads(window):
    window.views.open("ablate")
    turn_the_loop()
    order = walk_by_tab(window.prompts.table)
    places = {}
    for widget in order:
        for name, room in window.room_walk.rooms().items():
            if room.isAncestorOf(widget):
                places.setdefault(name, []).append(widget)
    # Every room is gone through in one go …
    rooms = [window.room_walk.rooms()[name] for name in places]
    told = [next((i for i, r in enumerate(rooms) if r.isAncestorOf(w)), -1) for w in order]
    turns = [one for one, other in zip(told, [None, *told], strict=False) if one != other]
    assert len([t for t in turns if t >= 0]) <= len(rooms) + 1  # the walk begins amid a room
    # … and what is wholly above and left of another comes before it.
    for found in places.values():
        corners = [(w.mapTo(window, w.rect().topLeft()), w.size()) for w in found]
        if found[0] is window.prompts.table:
            continue  # begun there
        for (one, _size), (other, size) in pairwise(corners):
            before = other.y() + size.height() <= one.y() and other.x() <= one.x()
            assert not before, (one, other)


def test_f6_goes_from_room_to_room_and_back_to_where_one_was(window):
    window.docks["help"].hide()
    window.docks["log"].hide()
    window.views.open("ablate")
    turn_the_loop()
    window.rail.list.setFocus(Qt.FocusReason.TabFocusReason)
    went = []
    for _ in range(5):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
        went.append(window.room_walk.room())
    assert went == ["prompts", "picture", "results", "inspector", "rail"]
    came = []
    for _ in range(5):
        keys = Qt.KeyboardModifier.ShiftModifier
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6, keys)
        came.append(window.room_walk.room())
    assert came == ["inspector", "results", "picture", "prompts", "rail"]
    notes = window.inspector.notes
    notes.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(notes, Qt.Key.Key_F6)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is notes


def test_f6_brings_a_panel_forward_and_passes_by_one_that_is_closed(window):
    resize(window, (1024, 700))
    window.views.open("ablate")
    turn_the_loop()
    window.docks["results"].raise_()
    window.room_walk.enter("results")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
    assert window.room_walk.room() == "inspector"
    assert not window.docks["inspector"].visibleRegion().isEmpty()
    window.docks["inspector"].hide()
    window.room_walk.enter("results")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
    assert window.room_walk.room() == "rail"


def test_no_dialog_holds_tab(window):
    for name, dialog in dialogs(window):
        assert isinstance(dialog, QDialog)
        dialog.activateWindow()
        turn_the_loop()
        first = next(w for w in dialog.findChildren(QWidget) if stops(w))
        first.setFocus(Qt.FocusReason.TabFocusReason)
        assert len(walk_by_tab(first)) > 1, name
