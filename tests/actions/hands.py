"""What a hand does to a window, through real events: clicks, keys, wheels, drops and pauses.

Every choice is a whole number, taken modulo what there is to choose from: so that a sequence can be
made up without knowing the window, and made again.
"""

from __future__ import annotations

import gc
import itertools
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QComboBox,
    QDialog,
    QMenu,
    QPushButton,
    QWidget,
)

from desktop_app.widgets.basics.theme import apply_theme
from tests.patience import turn_the_loop, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CLOSE_POPUP_MS = 15
SIZES = ((960, 620), (1024, 700), (1440, 900), (1280, 800), (2560, 1440), (1024, 1300))
NO_KEYS = Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
KEYS = (
    *((key, NO_KEYS) for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up)),
    *((key, NO_KEYS) for key in (Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End)),
    *((key, NO_KEYS) for key in (Qt.Key.Key_Tab, Qt.Key.Key_Return, Qt.Key.Key_Escape)),
    *((key, NO_KEYS) for key in (Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace)),
    *((key, NO_KEYS) for key in (Qt.Key.Key_F1, Qt.Key.Key_F5, Qt.Key.Key_F6, Qt.Key.Key_F11)),
    *((key, NO_KEYS) for key in (Qt.Key.Key_PageDown, Qt.Key.Key_Menu, Qt.Key.Key_Plus)),
    *(
        (key, CTRL)
        for key in (Qt.Key.Key_Z, Qt.Key.Key_Y, Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_X)
    ),
    *((key, CTRL) for key in (Qt.Key.Key_A, Qt.Key.Key_K, Qt.Key.Key_R, Qt.Key.Key_Period)),
    *((key, CTRL) for key in (Qt.Key.Key_Plus, Qt.Key.Key_Minus, Qt.Key.Key_0, Qt.Key.Key_D)),
    *((Qt.Key(Qt.Key.Key_1 + place), CTRL) for place in range(9)),
    *((key, SHIFT) for key in (Qt.Key.Key_Tab, Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_F10)),
    (Qt.Key.Key_Z, CTRL | SHIFT),
)
TEXTS = (
    "1 2 3 4 ",
    " 5",
    "The cat sat on the mat",
    "ends in two  ",
    "\u202eright to left",
    "naïve “quotes” 🦉",
    "a" * 400,
    "18.6",
    "|",
    "",
    "clean:resid_post:1.3>1.3",
)
PASTED = (
    "prompt,corrupt,answer,wrong\n1 2 3 4,7 9 6 1, 5, 4\n2 3 4 5,7 9 6 1, 6, 5\n",
    "1 2 3 4\t7 9 6 1\t 5\t 4",
    '"two\nlines";"other\nlines";" x";" y"',
    "\n".join(f"{n} {n + 1} {n + 2}" for n in range(40)),
    "\x00\x1b[31m",
    "word " * 3_000,
)
_PAINTED = ("desktop_app.widgets.", "desktop_app.analyses.", "desktop_app.views.")
# What ends the program, and what a machine without a network cannot do.
LEFT_OUT = ("Quit", "Fetch", "Install")


class Hands:
    """Works on a window; every method takes whole numbers.

    Attributes:
        done: What was done, in words, the last of it kept.
    """

    def __init__(self, window, folder: Path) -> None:
        self.window, self.folder = window, folder
        self.done: list[str] = []
        self._names = itertools.count()
        self._is_there = True
        self._look_again()
        self._answer = 0

    def stop(self) -> None:
        """Answer nothing any more."""
        self._is_there = False

    def note(self, *words: object) -> None:
        """Keep what is about to be done."""
        self.done = [*self.done[-199:], " ".join(map(str, words))]

    def click(self, which: int, *, ctrl: bool = False, double: bool = False) -> None:
        """Click a button that is in sight."""
        buttons = [b for b in self._in_sight(QAbstractButton) if b.isEnabled() and _safe(b)]
        if not buttons:
            return
        button = buttons[which % len(buttons)]
        self.note("click", button.accessibleName() or button.text() or type(button).__name__)
        self._mouse(button, button.rect().center(), CTRL if ctrl else NO_KEYS, double=double)

    def point(self, which: int, where: tuple[int, int], held: int, *, double: bool = False) -> None:
        """Click anywhere in anything that is in sight."""
        widget = self._any(which)
        at = self._place(widget, where)
        keys = (NO_KEYS, CTRL, SHIFT)[held % 3]
        self.note("point", _words(widget), at.toTuple(), held % 3, double)
        self._mouse(widget, at, keys, double=double)

    def drag(self, which: int, start: tuple[int, int], end: tuple[int, int], held: int) -> None:
        """Press in a widget, move and let go."""
        widget = self._any(which)
        keys = (NO_KEYS, CTRL, SHIFT)[held % 3]
        self.note("drag", _words(widget), start, end, held % 3)
        QTest.mousePress(widget, LEFT, keys, self._place(widget, start))
        if _there(widget):
            QTest.mouseMove(widget, self._place(widget, end))
        if _there(widget):
            QTest.mouseRelease(widget, LEFT, keys, self._place(widget, end))

    def menu(self, which: int, where: tuple[int, int], answer: int) -> None:
        """Ask for the context menu of something, and take an entry of it."""
        widget = self._any(which)
        self._answer = answer
        self.note("menu", _words(widget), answer)
        at = self._place(widget, where)
        QTest.mouseClick(widget, Qt.MouseButton.RightButton, NO_KEYS, at)
        turn_the_loop(2)
        self._answer_popup()

    def key(self, which: int) -> None:
        """Press a key where the focus is."""
        key, held = KEYS[which % len(KEYS)]
        target = QApplication.focusWidget() or self.window
        self.note("key", held.name, key.name, _words(target))
        QTest.keyClick(target, key, held)

    def type(self, which: int) -> None:
        """Type a text where the focus is."""
        target = QApplication.focusWidget() or self.window
        text = TEXTS[which % len(TEXTS)]
        self.note("type", text[:20], _words(target))
        for letter in text[:60]:
            if letter.isascii():
                QTest.keyClick(target, letter)

    def paste(self, which: int) -> None:
        """Put something on the clipboard and paste it where the focus is."""
        QApplication.clipboard().setText(PASTED[which % len(PASTED)])
        target = QApplication.focusWidget() or self.window
        self.note("paste", which % len(PASTED), _words(target))
        QTest.keyClick(target, Qt.Key.Key_V, CTRL)

    def act(self, which: int, answer: int) -> None:
        """Do what a menu of the window offers."""
        offered = [a for _menu, a in self.window.actions_by_name.all() if _may(a)]
        action = offered[which % len(offered)]
        self._answer = answer
        self.note("act", action.text())
        action.trigger()

    def choose(self, which: int, what: int) -> None:
        """Choose an entry of a box that is in sight."""
        boxes = [box for box in self._in_sight(QComboBox) if box.isEnabled() and box.count()]
        if boxes:
            box = boxes[which % len(boxes)]
            self.note("choose", box.accessibleName(), what % box.count())
            box.setFocus()
            for _ in range(what % box.count() + 1):
                QTest.keyClick(box, Qt.Key.Key_Down if what % 2 else Qt.Key.Key_Up)

    def open(self, which: int) -> None:
        """Open a tab of the rail."""
        names = list(self.window.views)
        self.note("open", names[which % len(names)])
        self.window.views.open(names[which % len(names)])

    def run(self, which: int) -> None:
        """Open a tab and run its analysis."""
        self.open(which)
        self.note("run")
        self.window.actions_by_name["run"].trigger()

    def run_shown(self, ticks: int) -> None:
        """Run what is shown by its own button, twice, maybe over other rows the second time."""
        for again in range(2):
            view = self.window.views.shown()
            buttons = view.findChildren(QPushButton)
            button = next((b for b in buttons if b.text() == "Run" and b.isVisible()), None)
            if button is None or not button.isEnabled():
                return
            self.note("run what is shown", view.analysis.name, again)
            self._mouse(button, button.rect().center(), NO_KEYS, double=False)
            self.rest()
            gc.collect()
            if ticks % 3 == again:
                self.tick(ticks)

    def tick(self, which: int) -> None:
        """Take a row of the prompt table in or out of the next run."""
        table = self.window.prompts.table
        places = [i for i in range(table.model().rowCount()) if not table.isRowHidden(i)]
        if not places:
            return
        box = table.model().columnCount() - 1  # the last of the model, the first to be seen
        index = table.model().index(places[which % len(places)], box)
        self.note("tick", index.row())
        at = table.visualRect(index).center()
        QTest.mouseClick(table.viewport(), LEFT, NO_KEYS, at)

    def wheel(self, which: int, where: tuple[int, int], turns: int, *, ctrl: bool) -> None:
        """Turn the wheel over something."""
        widget = self._any(which)
        at = QPointF(self._place(widget, where))
        self.note("wheel", _words(widget), turns, ctrl)
        event = QWheelEvent(
            at,
            widget.mapToGlobal(at),
            QPoint(),
            QPoint(0, 120 * turns),
            NO_BUTTON,
            CTRL if ctrl else NO_KEYS,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(widget, event)

    def drop(self, which: int) -> None:
        """Drop a file onto the window: prompts, a session, a picture, one that is not there."""
        names = ("prompts.csv", "broken.csv", "good.lens", "noise.lens", "picture.png", "none.csv")
        path = self.folder / names[which % len(names)]
        self.note("drop", path.name)
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        at, copy = QPoint(300, 300), Qt.DropAction.CopyAction
        entered = QDragEnterEvent(at, copy, data, LEFT, NO_KEYS)
        QApplication.sendEvent(self.window, entered)
        if entered.isAccepted():
            dropped = QDropEvent(QPointF(at), copy, data, LEFT, NO_KEYS)
            QApplication.sendEvent(self.window, dropped)

    def resize(self, which: int) -> None:
        """Give the window another size."""
        self.note("resize", SIZES[which % len(SIZES)])
        self.window.resize(*SIZES[which % len(SIZES)])

    def theme(self, which: int) -> None:
        """Change between light and dark."""
        self.note("theme", which % 2)
        apply_theme(QApplication.instance(), ("light", "dark")[which % 2])

    def pause(self, turns: int) -> None:
        """Let the window work a little."""
        self.note("pause", turns)
        turn_the_loop(1 + turns % 40)

    def rest(self) -> None:
        """Let the window finish all that it has begun."""
        self.note("rest")
        self.window.prompts.flush()
        wait_for(lambda: not self.window.runner.is_busy())
        self.window.session.wait()
        turn_the_loop(5)

    def next_file(self, ending: str) -> Path:
        """Return a file that is not there yet."""
        return self.folder / f"made_{next(self._names)}{ending}"

    # What comes up by itself.

    def _look_again(self) -> None:
        # A timer anew each time: one does not come again within what it has begun itself, such as
        # a dialog that an entry of a menu opens.
        if self._is_there:
            QTimer.singleShot(CLOSE_POPUP_MS, self._look)

    def _look(self) -> None:
        self._look_again()
        self._answer_popup()

    def _answer_popup(self) -> None:
        """Answer a menu or a dialog that is up: with an entry, a key, or by closing it."""
        self._answer = (self._answer * 7 + 3) % 1_009
        popup, modal = QApplication.activePopupWidget(), QApplication.activeModalWidget()
        if isinstance(popup, QMenu):
            self._take_entry(popup)
        elif popup is not None:
            popup.close()
        elif isinstance(modal, QDialog):
            self.note("answer", modal.windowTitle(), self._answer)
            found = modal.findChildren(QAbstractButton)
            buttons = [b for b in found if b.isVisible() and b.isEnabled() and _safe(b)]
            if buttons and self._answer % 3:
                buttons[self._answer % len(buttons)].click()
            if self._answer % 2 and _there(modal):
                modal.reject()

    def _take_entry(self, menu: QMenu) -> None:
        offered = [a for a in menu.actions() if _may(a) and not a.isSeparator() and not a.menu()]
        entry = offered[self._answer % len(offered)] if offered and self._answer % 4 else None
        menu.close()
        if entry is not None:
            self.note("entry", entry.text())
            entry.trigger()

    def _in_sight(self, kind: type) -> list:
        """Return the widgets of a kind that can be seen, of the window that is in front."""
        top = QApplication.activeModalWidget() or self.window
        found = [top, *top.findChildren(kind)] if kind is QWidget else top.findChildren(kind)
        return [w for w in found if w.isVisible() and not w.visibleRegion().isEmpty()]

    def _any(self, which: int) -> QWidget:
        """Return anything in sight, every other time one of the pictures of our own."""
        widgets = self._in_sight(QWidget)
        painted = [w for w in widgets if type(w).__module__.startswith(_PAINTED) and _takes_keys(w)]
        among = painted if painted and which % 2 else widgets
        return among[which // 2 % len(among)]

    @staticmethod
    def _place(widget: QWidget, where: tuple[int, int]) -> QPoint:
        width, height = max(1, widget.width()), max(1, widget.height())
        return QPoint(where[0] * width // 101, where[1] * height // 101)

    @staticmethod
    def _mouse(widget: QWidget, at: QPoint, keys: Qt.KeyboardModifier, *, double: bool) -> None:
        target = widget
        if isinstance(widget, QAbstractScrollArea):
            target = widget.viewport()
        QTest.mouseMove(target, at)
        if _there(target):
            QTest.mouseClick(target, LEFT, keys, at)
        if double and _there(target):
            QTest.mouseDClick(target, LEFT, keys, at)


def _takes_keys(widget: QWidget) -> bool:
    return widget.focusPolicy() != Qt.FocusPolicy.NoFocus


def _there(widget: QWidget) -> bool:
    """Return whether a widget still lives and can be seen."""
    try:
        return widget.isVisible()
    except RuntimeError:
        return False


def _safe(button: QAbstractButton) -> bool:
    return not any(word in button.text() + button.accessibleName() for word in LEFT_OUT)


def _may(action: QAction) -> bool:
    return action.isEnabled() and not any(word in action.text() for word in LEFT_OUT)


def _words(widget: QWidget) -> str:
    return f"{type(widget).__name__} “{widget.accessibleName()[:40]}”"
