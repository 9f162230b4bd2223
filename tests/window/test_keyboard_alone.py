"""A first piece of work without a pointer: ask, run, find the head, look, patch, save, export."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app.widgets.tables.ranking import RankingList
from tests.patience import turn_the_loop, wait_for
from tests.window.filled import close, idle, open_toy_window

pytestmark = [
    pytest.mark.gui,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.qt_log_ignore("This plugin does not support"),
]
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
POINTED = {
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonRelease,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.MouseMove,
    QEvent.Type.Wheel,
}
QUESTION = ("3 4 5 6", "8 2 9 1", " 7", " 6")
MOST_STEPS = 120


class PointerWatch(QObject):
    """Counts what a pointer does anywhere in the program."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def eventFilter(self, _watched, event):  # noqa: N802 - Qt's name
        if event.type() in POINTED:
            self.seen.append(event.type().name)
        return False


class WindowWatch(QObject):
    """Notes what is shown as a window of its own, if only for a moment: it takes the keyboard."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def eventFilter(self, watched, event):  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Show and watched.isWidgetType() and watched.isWindow():
            self.seen.append(type(watched).__name__)
        return False


class Hands:
    """Ten fingers: every key goes to whatever has the keyboard."""

    def __init__(self, window):
        self.window = window

    def here(self):
        """Return what has the keyboard."""
        found = QApplication.focusWidget()
        assert found is not None, "nothing has the keyboard"
        return found

    def press(self, key, modifiers=Qt.KeyboardModifier.NoModifier, times=1):
        """Press a key and let the window answer."""
        for _ in range(times):
            QTest.keyClick(self.here(), key, modifiers)
            turn_the_loop(3)

    def type(self, text):
        """Type a text letter by letter."""
        for letter in text:
            QTest.keyClicks(self.here(), letter)

    def to_room(self, name):
        """Press F6 until that room has the keyboard."""
        for _ in range(8):
            if self.window.room_walk.room() == name:
                return
            self.press(Qt.Key.Key_F6)
        raise AssertionError(f"F6 never comes to {name}")

    def tab_to(self, is_it, key=Qt.Key.Key_Tab):
        """Press Tab, or Shift+Tab, until what has the keyboard is what is looked for."""
        for _ in range(MOST_STEPS):
            if is_it(self.here()):
                return self.here()
            self.press(key)
        raise AssertionError("Tab never comes there")


@pytest.fixture(autouse=True)
def no_leaks():
    """The window is closed by its own fixture."""


@pytest.fixture
def window(toy_home, tmp_path):
    made = open_toy_window(tmp_path / "config")
    made.activateWindow()
    wait_for(lambda: QApplication.activeWindow() is made)
    made.prompts.table.setFocus()
    yield made
    close(made)


@pytest.fixture
def pointer(window):
    watch = PointerWatch()
    QApplication.instance().installEventFilter(watch)
    yield watch
    QApplication.instance().removeEventFilter(watch)


def shown(window):
    return window.views.current


def ask(hands):
    """Type a question with a twin, an answer and a wrong one; the worked example goes."""
    window = hands.window
    hands.to_room("prompts")
    hands.press(Qt.Key.Key_N, CTRL)
    for text in QUESTION:  # a new row is open for typing, and Tab goes on along it
        hands.type(text)
        hands.press(Qt.Key.Key_Tab)
    window.prompts.flush()
    idle(window)
    row = window.prompts.rows()[-1]
    assert (row.prompt, row.corrupt, row.answer, row.wrong) == QUESTION
    hands.tab_to(lambda w: w is window.prompts.table, Qt.Key.Key_Backtab)
    hands.press(Qt.Key.Key_Up, times=len(window.prompts.rows()))
    hands.press(Qt.Key.Key_Delete, CTRL | SHIFT)
    window.prompts.flush()
    idle(window)
    assert [r.prompt for r in window.prompts.rows()] == [QUESTION[0]]


def find_head(hands):
    """Run the ablation, take the first of its list, and open where it looks."""
    window, view = hands.window, hands.window.views["ablate"]
    hands.press(Qt.Key.Key_5, CTRL)
    assert shown(window) == "ablate"
    hands.press(Qt.Key.Key_R, CTRL)
    wait_for(lambda: len(view.current_result.prompts) == 1 and not window.runner.is_busy())
    assert [record.text for record in view.current_result.prompts] == [QUESTION[0]]
    hands.to_room("picture")
    listed = hands.tab_to(lambda w: isinstance(w, RankingList) and w.ranking.rows)
    hands.press(Qt.Key.Key_End)
    hands.press(Qt.Key.Key_Home)
    top = view.read_out()["chosen"]
    assert top == listed.ranking.rows[0].key
    assert (window.selection.layer, window.selection.head) == top
    hands.press(Qt.Key.Key_Return)
    idle(window)
    assert shown(window) == "attention"
    said = window.views["attention"].read_out()["head"].replace(" ", "")
    assert said.startswith(f"L{top[0]}H{top[1]}")


def test_a_first_piece_of_work_needs_no_pointer(window, pointer, answers, tmp_path):
    hands, file, script = Hands(window), tmp_path / "question.lens", tmp_path / "patching.py"
    ask(hands)
    find_head(hands)
    hands.press(Qt.Key.Key_6, CTRL)
    assert shown(window) == "patch"
    hands.press(Qt.Key.Key_R, CTRL)
    idle(window)
    assert window.views["patch"].current_result is not None
    answers["save"] = file
    hands.press(Qt.Key.Key_S, CTRL)
    wait_for(file.is_file)
    idle(window)
    answers["save"] = script
    hands.press(Qt.Key.Key_E, CTRL)
    wait_for(script.is_file)
    assert QUESTION[0] in script.read_text("utf-8")
    assert pointer.seen == []


def test_the_search_runs_what_is_typed(window, pointer):
    hands = Hands(window)
    hands.press(Qt.Key.Key_K, CTRL)
    hands.type("ablation")
    hands.press(Qt.Key.Key_Return)
    wait_for(lambda: shown(window) == "ablate")
    assert pointer.seen == []


def test_the_settings_open_close_and_run_by_keys(window, pointer):
    hands = Hands(window)
    hands.press(Qt.Key.Key_5, CTRL)
    hands.to_room("picture")
    view = window.views["ablate"]
    hands.tab_to(lambda w: w.accessibleName() == "Settings of Ablation")
    hands.press(Qt.Key.Key_Space)
    assert view.read_out()["form"]
    hands.press(Qt.Key.Key_Tab)
    assert view.isAncestorOf(hands.here())
    before = hands.here()
    hands.press(Qt.Key.Key_Down)
    hands.tab_to(lambda w: w is not before and w.accessibleName() == "More options")
    hands.press(Qt.Key.Key_Space)
    hands.tab_to(lambda w: w.accessibleName() == "Settings of Ablation")
    hands.press(Qt.Key.Key_Space)
    assert not view.read_out()["form"]
    assert pointer.seen == []


def test_views_open_without_a_window_of_their_own_and_leave_the_keyboard_where_it_is(window):
    """A label that was shown before it had its place took the keyboard from the window."""
    hands, watch = Hands(window), WindowWatch()
    QApplication.instance().installEventFilter(watch)
    try:
        for key in range(Qt.Key.Key_1, Qt.Key.Key_9 + 1):
            hands.press(Qt.Key(key), CTRL)
            idle(window)
            assert hands.here() is window.prompts.table, shown(window)
    finally:
        QApplication.instance().removeEventFilter(watch)
    assert watch.seen == []
