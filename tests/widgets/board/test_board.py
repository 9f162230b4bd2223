"""The board alone: what hand and keys do on its two grids, and when it is painted."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolTip

from desktop_app.pictures.boards import Board, Cell, differing
from desktop_app.widgets.board.board import HandBoard
from tests.gestures import click_and_drag
from tests.patience import turn_the_loop

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
LEFT = Qt.MouseButton.LeftButton
LAYERS = 6


def board_of(clean="1 2 3 4 ", corrupt="1 2 6 4 "):
    """Return grids of six layers that nothing was put into."""
    return Board(
        layers=LAYERS,
        tokens={"clean": tuple(clean), "corrupt": tuple(corrupt)},
        differs=differing([ord(sign) for sign in clean], [ord(sign) for sign in corrupt]),
        read=len(clean) - 1,
        run="corrupt",
        moves=(),
        reach=np.zeros((LAYERS, len(clean)), dtype=bool),
    )


@pytest.fixture
def board(shown):
    board = HandBoard()
    board.show_board(board_of())
    return shown(board, 800, 420)


def middle(board, *place):
    return board.cell_center(Cell(*place)).toPoint()


def told(signal):
    """Return a list that fills with what a signal says."""
    found = []
    signal.connect(lambda *said: found.append(said))
    return found


def test_a_drag_right_after_a_click_is_a_drag(board):
    moves, activated = told(board.move_made), told(board.cell_activated)
    click_and_drag(board, LEFT, middle(board, "clean", 1, 4), middle(board, "corrupt", 2, 5))
    assert moves == [(Cell("clean", 1, 4), Cell("corrupt", 2, 5))]
    assert activated == []
    assert board.held is None


def test_where_a_double_click_leads_elsewhere_nothing_stays_held(board):
    board.enter_takes = False
    moves, activated = told(board.move_made), told(board.cell_activated)
    click_and_drag(board, LEFT, middle(board, "clean", 1, 4), middle(board, "corrupt", 2, 5))
    assert activated == [(Cell("clean", 1, 4),)]
    assert moves == []
    assert board.held is None


def test_two_quick_clicks_choose_a_cell_and_put_nothing_anywhere(board):
    moves, clicked = told(board.move_made), told(board.cell_clicked)
    at = middle(board, "clean", 1, 4)
    click_and_drag(board, LEFT, at, at)
    assert clicked == [(1, 4), (1, 4)]
    assert moves == []


def test_the_small_map_is_dragged_right_after_a_click_too(board, qtbot):
    frame, zooming = board.frames["clean"], board.panes["clean"].zooming
    frame.zoom(1.6, QPointF(middle(board, "clean", 0, 0)))
    whole = zooming.map_rect()
    assert not whole.isEmpty()
    start = (whole.topLeft() + QPointF(6, 6)).toPoint()
    click_and_drag(board, LEFT, start, (whole.bottomRight() - QPointF(6, 6)).toPoint())
    assert frame.seen.right() == frame.cols
    assert frame.seen.bottom() == frame.rows


class Counting(HandBoard):
    """A board that counts how often it is painted."""

    painted = 0

    def paintEvent(self, event):  # noqa: N802 - Qt's name
        self.painted += 1
        super().paintEvent(event)


def test_moving_within_a_cell_paints_nothing_and_a_drag_follows_the_pointer(shown):
    board = Counting()
    board.show_board(board_of())
    shown(board, 800, 420)
    turn_the_loop()
    at = middle(board, "clean", 2, 3)

    def paints(*steps):
        before = board.painted
        for step in steps:
            QTest.mouseMove(board, at + step)
            turn_the_loop()
        return board.painted - before

    near = [QPoint(step, 0) for step in (1, 2, 3, 2)]
    assert paints(QPoint(0, 0)) == 1  # onto the cell
    assert paints(*near) == 0
    QTest.mousePress(board, LEFT, pos=at)
    turn_the_loop()
    assert paints(*near) == 0  # a press that has not gone far is no drag yet
    assert paints(*(QPoint(0, step) for step in (12, 16, 20))) == 3
    assert board.pointer == QPointF(at + QPoint(0, 20))
    QTest.mouseRelease(board, LEFT, pos=at)
    turn_the_loop()
    assert paints(*near) == 0


def test_pointing_at_the_small_map_says_how_to_move(board):
    board.frames["clean"].zoom(1.6, QPointF(middle(board, "clean", 0, 0)))
    at = board.panes["clean"].zooming.map_rect().center().toPoint()
    board.event(QHelpEvent(QHelpEvent.Type.ToolTip, at, board.mapToGlobal(at)))
    assert "drag the frame to move" in QToolTip.text()
    assert "Space + drag" in QToolTip.text()
    QToolTip.hideText()


def test_end_goes_to_the_end_of_a_grid_that_is_longer_than_the_other(board, qtbot):
    """Only a foreign file can hold such a pair; its cells are within reach all the same."""
    board.show_board(board_of(clean="1 2 ", corrupt="1 2 3 4 5 6 7 8 "))
    board.set_selected(0, 0, "corrupt")
    qtbot.keyClick(board, Qt.Key.Key_End)
    assert board.cursor_cell == Cell("corrupt", 0, 15)
    qtbot.keyClick(board, Qt.Key.Key_Home)
    assert board.cursor_cell == Cell("corrupt", 0, 0)
    qtbot.keyClick(board, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert board.cursor_cell == Cell("corrupt", LAYERS - 1, 15)
