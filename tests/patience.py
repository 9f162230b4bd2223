"""How long a test waits for what must come: a guard against hanging, never a measurement.

Tests state no times of their own: what is to happen is waited for, whatever else the machine does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

WAIT_MS = 120_000
CHILD_S = 900  # for a process of its own, which may import torch and load a model first


_BUTTONS = (
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.LeftButton,
)


def let_go_of_keys():
    """Tell Qt that no key and no button is held any more."""
    held = (QApplication.keyboardModifiers(), QApplication.mouseButtons())
    if held != (Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton):
        for button in _BUTTONS:
            QTest.mouseRelease(QWidget(), button)


class PatientBot(QtBot):
    """A `qtbot` whose every wait ends with what is waited for, also beside six busy loops.

    It keeps what it closes: pytest-qt knows widgets weakly and lets events happen when the test's
    function has returned, so that the collector took a view in the middle of its own painting.
    """

    def addWidget(self, widget, **rest):  # noqa: N802 - pytest-qt's names
        self.__dict__.setdefault("kept", []).append(widget)
        super().addWidget(widget, **rest)

    def mouseMove(self, widget, pos, *, buttons=Qt.MouseButton.NoButton):  # noqa: N802
        """Tell the widget alone: the screen's own pointer enters and leaves other windows too."""
        here = QPointF(pos)
        there, no_keys = QPointF(widget.mapToGlobal(here)), Qt.KeyboardModifier.NoModifier
        moved = QMouseEvent(
            QEvent.Type.MouseMove, here, there, Qt.MouseButton.NoButton, buttons, no_keys
        )
        QApplication.sendEvent(widget, moved)

    def waitSignal(self, signal_, *, timeout=WAIT_MS, **rest):  # noqa: N802 - pytest-qt's names
        return super().waitSignal(signal_, timeout=timeout, **rest)

    def waitSignals(self, signals, *, timeout=WAIT_MS, **rest):  # noqa: N802
        return super().waitSignals(signals, timeout=timeout, **rest)

    def waitUntil(self, callback, *, timeout=WAIT_MS):  # noqa: N802
        return super().waitUntil(callback, timeout=timeout)

    def waitExposed(self, widget, *, timeout=WAIT_MS):  # noqa: N802
        return super().waitExposed(widget, timeout=timeout)


def wait_for(condition, seconds=CHILD_S):
    """Let the window work until something is so, for what lives longer than one test's `qtbot`."""
    end = time.monotonic() + seconds
    while not condition():
        QApplication.processEvents()
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def turn_the_loop(turns=20):
    """Let what is posted for the next turns of the event loop happen: layouts settle in a few."""
    for _ in range(turns):
        QApplication.sendPostedEvents()
        QApplication.processEvents()


def end_session_of(process):
    """End a child that leads a session of its own, and whatever it has started there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(CHILD_S)
