"""Errors in what Qt calls are told, and Qt gets a sound answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QAbstractTableModel, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QApplication, QLabel, QLayout, QWidget

from desktop_app.support import guard
from desktop_app.support.guard import guard_package, override, raising

REPOSITORY = Path(__file__).parents[2]
FAULTS = ("zero", "index", "value", "key", "raised")


@pytest.fixture
def told(monkeypatch):
    """Return what the excepthook is told, as (kind, words)."""
    heard = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, e, trace: heard.append((kind, str(e))))
    guard.forget()
    return heard


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_in_a_handler_does_not_end_the_process(fault):
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.guard_child", fault],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")
    assert lines[-2] == "ok"
    assert 1 <= sum(line.startswith("told ") for line in lines) <= 3  # a kind of handler each


class Counting(QWidget):
    """A widget that fails whenever it is painted."""

    painted = 0

    @override
    def paintEvent(self, event):
        painter = QPainter(self)
        self.painted += 1
        painter.drawText([].pop(), 0, "")


def test_an_error_is_told_once_and_painting_goes_on(qapp, told):
    widget = Counting()
    for _ in range(5):
        widget.grab()
    assert widget.painted == 5
    assert told == [(IndexError, "pop from empty list")]


def test_the_painter_of_a_failed_frame_is_let_go(qapp, told, qtlog):
    class Careless(QWidget):
        @override
        def paintEvent(self, event):
            painter = QPainter(self)
            painter.drawText(1 // 0, 0, "")

    outer = Careless()
    inner = QLabel("x", outer)
    outer.resize(50, 50)
    assert not outer.grab().isNull()
    assert inner is not None
    assert told[0][0] is ZeroDivisionError
    assert [record.message for record in qtlog.records] == []


def test_questions_are_answered_as_the_base_class_does(qapp, told):
    class Sized(QLabel):
        @override
        def sizeHint(self):
            raise RuntimeError("no size")

        @override
        def eventFilter(self, watched, event):
            raise RuntimeError("no filter")

    class Table(QAbstractTableModel):
        @override
        def rowCount(self, parent=None):
            raise RuntimeError("no rows")

        @override
        def columnCount(self, parent=None):
            return 2

        @override
        def data(self, index, role=Qt.ItemDataRole.DisplayRole):
            return [][role]

        @override
        def flags(self, index):
            raise RuntimeError("no flags")

    class Row(QLayout):
        @override
        def sizeHint(self):
            raise RuntimeError("no hint")

        @override
        def count(self):
            raise RuntimeError("no count")

        @override
        def itemAt(self, index):
            raise RuntimeError("no item")

    label = Sized("some words")
    assert label.sizeHint() == QLabel("some words").sizeHint()
    assert label.eventFilter(QObject(), QEvent(QEvent.Type.User)) is False
    table = Table()
    assert (table.rowCount(), table.data(table.index(0, 0))) == (0, None)
    assert table.flags(table.index(5, 5)) == QAbstractTableModel.flags(table, table.index(5, 5))
    row = Row()
    assert (row.sizeHint(), row.count(), row.itemAt(0)) == (QSize(), 0, None)
    assert len(told) == 8


def test_methods_that_qt_does_not_call_raise_as_ever(qapp):
    class Named(QWidget):
        @override
        def draw_result(self, result):
            raise ValueError(result)

    with pytest.raises(ValueError, match="mine"):
        Named().draw_result("mine")


def test_whoever_draws_to_a_file_hears_of_what_is_missing(qapp, told):
    widget = Counting()
    with pytest.raises(IndexError), raising():
        widget.grab()
    with raising():
        QWidget().grab()
    assert told == []


def test_strangers_classes_are_guarded_where_they_are(qapp, told, monkeypatch):
    module = type(sys)("stranger.widgets")

    class Foreign(QWidget):
        def resizeEvent(self, event):  # noqa: N802
            1 // 0  # noqa: B018

        def count(self):
            return 1 // 0  # a name of Qt's that QWidget does not have

    Foreign.__module__ = "stranger.widgets"
    module.Foreign = Foreign
    module.QWidget = QWidget  # imported there, and not the stranger's
    monkeypatch.setitem(sys.modules, "stranger.widgets", module)
    before = vars(QWidget)["resizeEvent"]
    widget = Foreign()  # made before: Qt looks methods up anew
    guard_package("stranger")
    guard_package("stranger")
    assert vars(QWidget)["resizeEvent"] is before
    widget.show()
    widget.resize(40, 40)
    widget.close()
    assert told == [(ZeroDivisionError, told[0][1])]
    with pytest.raises(ZeroDivisionError):
        widget.count()


def test_pyqtgraph_is_guarded(qapp, told):
    from desktop_app.widgets.plots import canvas

    item = canvas.pg.InfiniteLine()
    assert canvas.pg.AxisItem.paint.is_guarded
    assert item.boundingRect.__func__.is_guarded


def test_an_interrupt_is_not_swallowed(qapp):
    class Stopped(QWidget):
        @override
        def sizeHint(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Stopped().sizeHint()


def test_what_hears_of_errors_may_fail_itself(qapp, monkeypatch, capsys):
    def broken(*_told):
        raise RuntimeError("the hook")

    monkeypatch.setattr(sys, "excepthook", broken)
    guard.forget()
    widget = Counting()
    image = QImage(10, 10, QImage.Format.Format_ARGB32)
    widget.render(image)
    assert widget.painted == 1
    QApplication.processEvents()
