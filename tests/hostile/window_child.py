"""Opens spoilt sessions in a window and looks at everything: `window_child.py FOLDER FIRST LAST`.

`FOLDER/good.lens` is the sound one. Every tab is visited and hovered over, every result of the
history shown, details and comparison opened; no error may come up that was not meant to be told.
The pointer goes to other points of a widget in each case, and in four cases to all of a grid.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from pathlib import Path

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QHelpEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QApplication, QWidget

from desktop_app import app
from desktop_app.session.store import Session
from desktop_app.support.logs import LogBook
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.window.frame import dialogs
from desktop_app.window.main_window import MainWindow
from tests.hostile.child import Teller, limit_memory
from tests.hostile.sessions import spoil
from tests.patience import turn_the_loop, wait_for
from tests.window.fakes import FakeService

GRID = (0.02, 0.3, 0.6, 0.98)
SMALL = 60  # of a widget that is looked at in its middle alone
PAINTED = "desktop_app.widgets."
KEYS = (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_Home)
NO_KEYS = Qt.KeyboardModifier.NoModifier
NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
MOST_ROWS = 24


class Ears(logging.Handler):
    """Hears of every error that nobody meant to tell."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []
        logging.getLogger().addHandler(self)
        sys.excepthook = self._on_error
        threading.excepthook = lambda a: self._on_error(a.exc_type, a.exc_value, a.exc_traceback)
        sys.unraisablehook = lambda a: self._on_error(a.exc_type, a.exc_value, a.exc_traceback)
        qInstallMessageHandler(self._on_message)

    def emit(self, record):
        """Keep an error of the log."""
        error = (record.exc_info or (None, None, None))[1]
        if error is not None:
            self._on_error(type(error), error, error.__traceback__)
        else:
            self.heard.append(record.getMessage()[-600:])

    def _on_error(self, kind, error, trace):
        frames = traceback.extract_tb(trace)[-3:]
        places = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))
        self.heard.append(f"{kind.__name__}: {str(error)[:200]} at {places}")

    def _on_message(self, kind, _context, message):
        if kind in {QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg}:
            self.heard.append(f"Qt: {message[:300]}")

    def take(self):
        """Return what was heard, each once."""
        heard, self.heard = list(dict.fromkeys(self.heard)), []
        return heard


class Visitor:
    """Goes through a window as a curious user would."""

    def __init__(self, folder, teller) -> None:
        self.teller, self.ears, self.number = teller, Ears(), 0
        config = folder / "config"
        config.mkdir(exist_ok=True)
        settings = {"started_before": True, "model": "toy", "theme": "light"}
        (config / "settings.json").write_text(json.dumps(settings))
        dialogs.ask_save_before_closing = lambda _parent: "discard"
        dialogs.ask_save = dialogs.ask_open = lambda *_given: None
        dialogs.ask_delete = lambda *_given: False
        dialogs.ask_text = lambda *_given: ""
        apply_theme(app.make_application(), "light")
        self.window = MainWindow(FakeService, config, LogBook())
        self.window.resize(1280, 800)
        self.window.panels.place()
        self.window.show()
        started = []
        self.window.started.connect(lambda: started.append(True))
        self.window.start()
        wait_for(lambda: started)

    def visit(self, case, path, number):
        """Open a session and look at all of it; return the analyses that show a result."""
        window, step, self.number = self.window, self.teller.step, number
        with step(case, "open"):
            is_open = window.session.open(path)
            self._settle()
        case.facts.append("opened" if is_open else "refused")
        shown = {}
        for name in list(window.views):
            with step(case, f"tab {name}"):
                window.views.open(name)
                self._settle()
                hover(window.views[name], number)
            result = window.views[name].current_result
            if result is not None:
                shown[name] = result
        with step(case, "panels"):
            for panel in (window.results, window.inspector, window.prompts, window.top_bar):
                hover(panel, number)
        self._history(case)
        with step(case, "grab"):
            window.resize(1279 if window.width() == 1280 else 1280, 800)
            self._settle()
            window.grab()
        case.problems += [("wrong", problem) for problem in self.ears.take()]
        return shown if is_open else {}

    def _history(self, case):
        """Show every result, look at its details, and compare it with another of its kind."""
        window = self.window
        with self.teller.step(case, "history"):
            for row in window.session.rows()[:MOST_ROWS]:
                window.results.select(row.id)
                window.results.asked.emit("show", row.id)
                turn_the_loop(3)
        for row in window.session.rows()[: MOST_ROWS // 4]:
            with self.teller.step(case, "details"):
                window.results.asked.emit("details", row.id)
                self._look_and_close()
            with self.teller.step(case, "comparison"):
                window.results.select(row.id)
                window.comparisons.compare_marked()
                self._look_and_close()

    def _look_and_close(self):
        turn_the_loop(3)
        for other in QApplication.topLevelWidgets():
            if other is not self.window and other.isVisible() and other.isWindow():
                hover(other, self.number)
                other.close()
        turn_the_loop(3)

    def _settle(self):
        self.window.prompts.flush()
        wait_for(lambda: not self.window.runner.is_busy())
        self.window.session.wait()
        turn_the_loop(5)

    def leave(self):
        """Close the session, so that the next case has nothing of it."""
        self.window.session.has_unsaved = False
        self.window.session.start_new()
        self._settle()
        self.ears.take()


def hover(root, number):
    """Move the pointer over whatever is in sight, ask for tooltips, click and type in pictures."""
    for widget in [root, *root.findChildren(QWidget)]:
        if not widget.isVisible() or (widget.isWindow() and widget is not root):
            continue
        is_picture = _is_picture(widget)
        for point in _points(widget, number):
            _point_at(widget, point)
            if is_picture:
                _click(widget, point)
        if is_picture and not isinstance(widget, QAbstractScrollArea):
            for key in KEYS:
                _send(
                    _target(widget),
                    QKeyEvent(QEvent.Type.KeyPress, key, NO_KEYS),
                )
    turn_the_loop(2)


def _is_picture(widget):
    return (
        type(_target(widget)).__module__.startswith(PAINTED)
        and not isinstance(_target(widget), QAbstractItemView)
        and _target(widget).focusPolicy() != Qt.FocusPolicy.NoFocus
    )


def _target(widget):
    """Return the widget, or what it is the viewport of."""
    above = widget.parentWidget()
    is_viewport = isinstance(above, QAbstractScrollArea) and above.viewport() is widget
    return above if is_viewport else widget


def _points(widget, number):
    """Return one point in each column and each row of a grid, others in the next case."""
    if widget.width() < SMALL or widget.height() < SMALL:
        return [QPoint(widget.width() // 2, widget.height() // 2)]
    down = (GRID[(place + number) % len(GRID)] for place in range(len(GRID)))
    pairs = zip(GRID, down, strict=True)
    return [QPoint(int(widget.width() * x), int(widget.height() * y)) for x, y in pairs]


def _send(widget, event):
    QApplication.sendEvent(widget, event)


def _mouse(widget, kind, point, button):
    held = button if kind == QEvent.Type.MouseButtonPress else NO_BUTTON
    there = QPointF(widget.mapToGlobal(point))
    _send(widget, QMouseEvent(kind, QPointF(point), there, button, held, NO_KEYS))


def _point_at(widget, point):
    _mouse(widget, QEvent.Type.MouseMove, point, NO_BUTTON)
    _send(widget, QHelpEvent(QEvent.Type.ToolTip, point, widget.mapToGlobal(point)))


def _click(widget, point):
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
        _mouse(widget, kind, point, LEFT)


def main(folder, first, last):
    """Spoil and look."""
    teller = Teller()
    visitor = Visitor(folder, teller)
    good, target = folder / "good.lens", folder / "seen.lens"
    with Session.open(good) as session:
        newest = {row.analysis: row.id for row in session.rows()}
    with teller.sound() as case:
        sound = visitor.visit(case, good, 0)
    assert set(sound) == set(newest), sound
    visitor.leave()
    limit_memory()
    for number in range(first, last):
        for path in folder.glob("seen.lens*"):
            path.unlink()
        spoilt = spoil(good, target, number)
        with teller.case(number, spoilt.what) as case:
            shown = visitor.visit(case, target, number)
            whole = {n for n, id_ in newest.items() if id_ not in (spoilt.touched or ())}
            if spoilt.touched is not None and not whole <= set(shown):
                case.lost(f"no result is shown of {sorted(whole - set(shown))}")
        visitor.leave()
    visitor.window.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
