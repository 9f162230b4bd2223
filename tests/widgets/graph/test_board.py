from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop_app.contract.edges import Graph
from desktop_app.pictures.graph import Drawn, draw_graph, strongest
from desktop_app.pictures.graph_nodes import NodeTable
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.graph.board import GraphBoard
from desktop_app.widgets.graph.geometry import labelled, nearest_curve

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]
GRAPH = Graph(4, 5, 5)
TABLE = NodeTable(GRAPH)
LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
SHIFT = Qt.KeyboardModifier.ShiftModifier


def picture(count=24, inside=None, graph=GRAPH):
    values = np.random.default_rng(3).normal(size=len(graph))
    values[0] = -5.0
    exact = np.ones(len(graph), dtype=bool)
    exact[::3] = False
    sure = np.linspace(0, 1, len(graph))
    known = Drawn(values, exact, inside, sure)
    return draw_graph(NodeTable(graph), known, strongest(values, count))


@pytest.fixture
def board(qtbot):
    board = GraphBoard()
    qtbot.addWidget(board)
    board.resize(640, 520)
    board.show()
    qtbot.waitExposed(board)
    board.set_words(lambda edge: f"edge {edge}", lambda node: f"node {node.key}")
    board.show_picture(picture(), (("low", "lowers"), ("high", "raises")))
    return board


def click(board, point, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.mouseClick(board, LEFT, modifier, point.toPoint())


def number_of(board, key):
    return next(node.number for node in board.picture().nodes if node.key == key)


def unnamed(board):
    """Return a node whose name has no room yet."""
    told = board.read_out()
    return next(key for key in told["nodes"] if key not in told["named"])


def lonely_edge(board):
    """Return an edge and a point on it where nothing else lies nearer, off every name."""
    shown = board.picture()
    for edge in shown.edges.tolist():
        for share in (0.5, 0.35, 0.65, 0.2, 0.8):
            point = board.edge_point(edge, share)
            away = [
                board.edge_point(e, s) - point
                for e in shown.edges.tolist()
                if e != edge
                for s in np.linspace(0, 1, 20)
            ]
            nodes = [board.node_point(n.number) - point for n in shown.nodes]
            apart = min(abs(d.x()) + abs(d.y()) for d in away)
            boxed = any(abs(d.x()) < 40 and abs(d.y()) < 14 for d in nodes)
            if apart > 14 and not boxed:
                return edge, point
    raise AssertionError("no edge stands alone")


def test_a_click_on_an_edge_chooses_it_and_tells_it(board, heard):
    chosen, told = heard(board.edge_chosen), heard(board.told)
    edge, point = lonely_edge(board)
    QTest.mouseMove(board, point.toPoint())
    click(board, point)
    assert chosen == [(edge,)]
    assert board.chosen() == (None, edge)
    assert told[-1] == (f"edge {edge}",)
    assert board.accessibleDescription() == f"edge {edge}"


def test_a_click_on_a_node_chooses_it_and_on_nothing_lets_it_go(board, heard):
    chosen = heard(board.node_chosen)
    number = number_of(board, "embed")
    click(board, board.node_point(number))
    assert board.chosen() == (number, None)
    click(board, QPointF(board.width() - 3, 3))
    assert chosen == [(number,), (None,)]
    assert board.chosen() == (None, None)


def test_a_double_click_and_enter_open_a_node(board, heard):
    opened = heard(board.node_activated)
    number = board.picture().nodes[int(board.picture().weights.argmax())].number
    QTest.mouseDClick(
        board, LEFT, Qt.KeyboardModifier.NoModifier, board.node_point(number).toPoint()
    )
    board.choose(number)
    QTest.keyClick(board, Qt.Key.Key_Return)
    assert opened == [(number,), (number,)]


def test_the_small_map_covers_what_is_beneath_and_only_the_left_button_opens(
    board, heard, monkeypatch
):
    opened, told = heard(board.node_activated), heard(board.told)
    point, none = board.node_point(number_of(board, "embed")), Qt.KeyboardModifier.NoModifier
    QTest.mouseDClick(board, RIGHT, none, point.toPoint())
    assert opened == []
    QTest.mouseMove(board, QPoint(1, 1))
    told.clear()
    covered = QRectF(point.x() - 20, point.y() - 20, 40, 40)
    monkeypatch.setattr(board.zooming, "map_rect", lambda: covered)
    QTest.mouseMove(board, point.toPoint())
    QTest.mouseDClick(board, LEFT, none, point.toPoint())
    assert opened == []
    assert not any("embed" in words[0] for words in told)


def test_shift_and_a_click_pick_a_node(board, heard):
    picked, chosen = heard(board.node_picked), heard(board.node_chosen)
    number = number_of(board, "embed")
    click(board, board.node_point(number), SHIFT)
    assert (picked, chosen) == ([(number,)], [])


def test_delete_asks_for_the_edge_or_for_all_edges_of_the_node(board, heard):
    toggled = heard(board.toggled)
    edge = int(board.picture().edges[2])
    board.choose(None, edge)
    QTest.keyClick(board, Qt.Key.Key_Delete)
    number = number_of(board, "embed")
    board.choose(number)
    QTest.keyClick(board, Qt.Key.Key_Backspace)
    board.choose()
    QTest.keyClick(board, Qt.Key.Key_Delete)
    assert toggled[0][0].tolist() == [edge]
    place = board.picture().place_of(number)
    assert toggled[1][0].tolist() == board.picture().edges[board.picture().edges_of(place)].tolist()
    assert len(toggled) == 2


def test_arrows_reach_every_row_and_pages_every_edge(board):
    board.setFocus()
    QTest.keyClick(board, Qt.Key.Key_Down)
    seen = set()
    for _ in range(40):
        QTest.keyClick(board, Qt.Key.Key_Down)
        seen.add(board.chosen()[0])
    low = board.chosen()[0]
    for _ in range(40):
        QTest.keyClick(board, Qt.Key.Key_Up)
        seen.add(board.chosen()[0])
    assert board.node_point(board.chosen()[0]).y() < board.node_point(low).y()
    assert len(seen) > 4
    board.choose()
    edges = []
    for _ in range(len(board.picture().edges) + 2):
        QTest.keyClick(board, Qt.Key.Key_PageDown)
        edges.append(board.chosen()[1])
    assert edges[: len(board.picture().edges)] == board.picture().edges.tolist()
    QTest.keyClick(board, Qt.Key.Key_PageUp)
    assert board.chosen()[1] == board.picture().edges[-2]


def test_the_wheel_with_ctrl_zooms_dragging_moves_and_0_shows_all(board):
    middle = QPointF(board.rect().center())
    before = board.node_point(number_of(board, "embed"))
    turn = QWheelEvent(
        middle,
        QPointF(board.mapToGlobal(middle.toPoint())),
        QPoint(),
        QPoint(0, 600),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(board, turn)
    assert board.read_out()["zoomed"]
    zoomed = board.node_point(number_of(board, "embed"))
    QTest.mousePress(board, LEFT, pos=middle.toPoint())
    for step in (10, 40, 80):
        QTest.mouseMove(board, middle.toPoint() + QPoint(0, step))
    QTest.mouseRelease(board, LEFT, pos=middle.toPoint() + QPoint(0, 80))
    assert board.node_point(number_of(board, "embed")).y() > zoomed.y()
    assert board.chosen() == (None, None)  # a drag is no click
    QTest.keyClick(board, Qt.Key.Key_0)
    assert board.node_point(number_of(board, "embed")) == before


def test_a_node_is_brought_into_the_middle_with_its_name(board):
    board.show_picture(picture(300, graph=Graph(30, 9, 3)))
    key = unnamed(board)
    number = number_of(board, key)
    assert board.centre_on(number)
    assert board.read_out()["zoomed"]
    assert key in board.read_out()["named"]
    assert board.chosen()[0] == number
    assert not board.centre_on(10**6)


def test_names_never_overlap_and_the_strongest_is_named(board):
    for count, size in ((24, (640, 520)), (120, (420, 300)), (300, (900, 700))):
        board.resize(*size)
        board.show_picture(picture(count, graph=Graph(30, 9, 3)))
        nodes = {node.key: node for node in board.picture().nodes}
        named = [board.node_point(nodes[key].number) for key in board.read_out()["named"]]
        assert named
        for i, one in enumerate(named):
            for other in named[:i]:
                assert abs(one.y() - other.y()) >= 20 or abs(one.x() - other.x()) >= 34
        assert "embed" in board.read_out()["named"]


def test_another_picture_keeps_what_is_chosen_and_what_is_in_sight(board):
    big = Graph(30, 9, 3)
    board.show_picture(picture(300, graph=big))
    number = number_of(board, unnamed(board))
    board.centre_on(number)
    board.show_picture(picture(400, graph=big))
    assert board.chosen()[0] == number
    assert board.read_out()["zoomed"]
    inside = board.rect().contains(board.node_point(number).toPoint())
    assert inside


def test_it_is_drawn_in_both_themes_and_into_a_vector_picture(board, qapp):
    light = board.grab().toImage()
    apply_theme(qapp, "dark")
    assert board.grab().toImage() != light
    inside = np.zeros(len(GRAPH), dtype=bool)
    inside[board.picture().edges[:5]] = True
    board.show_picture(picture(24, inside), (("outside", "outside"), ("dashed", "unsure")))
    board.choose(None, int(board.picture().edges[0]))
    image = QImage(board.size() * 2, QImage.Format.Format_ARGB32)
    image.setDevicePixelRatio(2.0)
    image.fill(0)
    painter = QPainter(image)
    board.render(painter, QPoint())
    painter.end()
    assert image != QImage(board.size() * 2, QImage.Format.Format_ARGB32)


def test_an_empty_board_answers_all(board):
    board.show_picture(picture(0))
    for key in (
        Qt.Key.Key_Down,
        Qt.Key.Key_PageDown,
        Qt.Key.Key_Delete,
        Qt.Key.Key_Return,
        Qt.Key.Key_Insert,
        Qt.Key.Key_Plus,
    ):
        QTest.keyClick(board, key)
    QTest.mouseMove(board, QPoint(50, 50))
    click(board, QPointF(60, 60))
    board.grab()
    assert board.chosen() == (None, None)


def test_insert_asks_for_more_edges_of_a_node(board, heard):
    wanted = heard(board.expand_asked)
    board.choose(number_of(board, "embed"))
    QTest.keyClick(board, Qt.Key.Key_Insert)
    assert wanted == [(number_of(board, "embed"),)]


def test_the_nearest_curve_is_found_and_one_too_far_is_not():
    lines = np.array([[[0.0, 0.0], [10.0, 0.0]], [[0.0, 5.0], [10.0, 5.0]]])
    assert nearest_curve(lines, 5, 4, 3) == 1
    assert nearest_curve(lines, 5, 1, 3) == 0
    assert nearest_curve(lines, 5, 30, 3) is None
    assert nearest_curve(lines[:0], 5, 1, 3) is None


def test_the_foremost_are_named_first():
    points = np.array([[0.0, 0.0], [5.0, 5.0], [100.0, 0.0]])
    assert labelled(points, np.full(3, 40.0), np.array([1, 0, 2]), 20) == [1, 2]
