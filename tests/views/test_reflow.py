"""Parts of a picture below each other have the height that they need at their width."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop_app.views.reflow import Reflow, Room
from desktop_app.widgets.basics.layouts import FlowLayout
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


class Bent(QWidget):
    """Entries in as many lines as they need, above something that wants its height."""

    def __init__(self, entries=6, below=80):
        super().__init__()
        self.below = QWidget()
        self.below.setMinimumSize(120, below)
        self.flow = FlowLayout(None, 8)
        column = QVBoxLayout(self)
        column.addLayout(self.flow)
        column.addWidget(self.below, 1)
        for _ in range(entries):
            self.add()

    def add(self):
        entry = QLabel("entry")
        entry.setFixedSize(100, 20)
        self.flow.addWidget(entry)

    def is_whole(self):
        needed = self.layout().totalMinimumHeightForWidth(self.width())
        return self.height() >= needed and self.rect().contains(self.below.geometry())


def in_a_room(qtbot, split, width, height):
    """Show parts as a view does."""
    content = QWidget()
    QVBoxLayout(content).addWidget(split)
    room = Room(content)
    host = QWidget()
    QVBoxLayout(host).addWidget(room)
    qtbot.addWidget(host)
    host.resize(width, height)
    host.show()
    turn_the_loop()
    return host


@pytest.mark.parametrize("size", [(180, 260), (300, 320), (420, 300), (900, 700)])
def test_no_part_below_another_is_cut(qtbot, size):
    parts = Bent(), Bent(9)
    in_a_room(qtbot, Reflow((parts[0], 3, 380, 60), (parts[1], 1, 240, 60), upright=True), *size)
    assert [part.is_whole() for part in parts] == [True, True]
    assert parts[0].y() < parts[1].y()


def test_a_line_more_takes_its_height(qtbot):
    parts = Bent(2), Bent(2)
    in_a_room(qtbot, Reflow((parts[0], 3, 380, 60), (parts[1], 1, 240, 60), upright=True), 300, 320)
    for _ in range(12):
        parts[1].add()
    turn_the_loop()
    assert [part.is_whole() for part in parts] == [True, True]


def test_parts_within_parts_are_whole_once_they_stand_below_each_other(qtbot):
    upper, left, right = Bent(), Bent(), Bent()
    lower = Reflow((left, 1, 300, 220), (right, 1, 300, 200))
    split = Reflow((upper, 3, 380, 60), (lower, 2, 240, 60), upright=True)
    host = in_a_room(qtbot, split, 900, 500)
    assert not lower.is_stacked()
    host.resize(240, 500)
    turn_the_loop()
    assert lower.is_stacked()
    assert left.height() >= 220
    assert right.height() >= 200
    assert all(part.is_whole() for part in (upper, left, right))


def test_dragging_takes_no_part_below_what_it_needs(qtbot):
    parts = Bent(), Bent()
    split = Reflow((parts[0], 1, 300, 60), (parts[1], 1, 300, 60), upright=True)
    in_a_room(qtbot, split, 300, 900)
    handle = split.handle(1)
    start = handle.rect().center()
    for way in (-800, 800):
        QTest.mousePress(handle, Qt.MouseButton.LeftButton, pos=start)
        QTest.mouseMove(handle, start + QPoint(0, way))
        QTest.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=start + QPoint(0, way))
        turn_the_loop()
        assert [part.is_whole() for part in parts] == [True, True]


def test_parts_may_stand_below_each_other_though_they_fit(qtbot):
    parts = Bent(), Bent()
    split = Reflow((parts[0], 1, 200, 60), (parts[1], 1, 200, 60))
    host = in_a_room(qtbot, split, 700, 500)
    assert not split.is_stacked()
    split.stand_beside_from(900)
    turn_the_loop()
    assert split.is_stacked()
    assert [part.is_whole() for part in parts] == [True, True]
    host.resize(1000, 500)
    turn_the_loop()
    assert not split.is_stacked()
