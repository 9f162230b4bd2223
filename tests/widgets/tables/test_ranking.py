from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QGuiApplication

from desktop_app.pictures.ranking import Bar, Column, Ranking, Row, ranked
from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.tables.ranking import RankingList

COLUMNS = (
    Column("rank", "mono", "#", align="right", width=34, muted=True),
    Column("token", "token", width=92),
    Column("share", "bar", "probability", limits=(0.0, 1.0)),
    Column("mark", "mark", "", width=60, priority=1),
    Column("prob", "number", width=64, tooltip="Of this token"),
)
RANKING = Ranking(
    COLUMNS,
    (
        Row(10, (0, "␠2", Bar(0.6, tick=0.3), "answer", 0.6), "the answer", "good"),
        Row(11, (1, "<b>", 0.3, "wrong", 0.3), emphasis="bad"),
        Row(12, (2, "␠7", 0.1, "", math.nan)),
    ),
)


@pytest.fixture
def ranking(shown):
    made = RankingList("Next tokens", sortable=True)
    made.set_ranking(RANKING)
    return shown(made, 420, 240)


def spot(view, row, column=1):
    return view.visualRect(view.model().index(row, column)).center()


def column(view, index):
    return [row[index] for row in view.texts()]


def test_cells_are_written_by_their_columns(ranking):
    assert ranking.texts()[0] == ("0", "␠2", "0.60", "answer", "0.60")
    assert column(ranking, 4) == ["0.60", "0.30", "–"]
    index = ranking.model().index(0, 4)
    alignment = Qt.AlignmentFlag(index.data(Qt.ItemDataRole.TextAlignmentRole))
    assert alignment & Qt.AlignmentFlag.AlignRight
    heading = ranking.model().headerData
    assert heading(0, Qt.Orientation.Horizontal) == "#"
    assert heading(4, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "Of this token"


def test_signals_carry_the_rows_key(ranking, qtbot):
    with qtbot.waitSignals([ranking.row_clicked, ranking.row_selected]) as told:
        qtbot.mouseClick(ranking.viewport(), Qt.MouseButton.LeftButton, pos=spot(ranking, 1))
    assert all(one.args == [11] for one in told.all_signals_and_args)
    with qtbot.waitSignal(ranking.row_activated) as told:
        qtbot.keyClick(ranking, Qt.Key.Key_Return)
    assert told.args == [11]
    qtbot.mouseClick(ranking.viewport(), Qt.MouseButton.LeftButton, pos=spot(ranking, 2))
    with qtbot.waitSignal(ranking.row_activated) as told:
        qtbot.mouseDClick(ranking.viewport(), Qt.MouseButton.LeftButton, pos=spot(ranking, 2))
    assert told.args == [12]


@pytest.mark.parametrize(
    ("key", "arrived"),
    [
        (Qt.Key.Key_Down, 12),
        (Qt.Key.Key_Up, 10),
        (Qt.Key.Key_Home, 10),
        (Qt.Key.Key_End, 12),
        (Qt.Key.Key_PageDown, 12),
    ],
)
def test_keys_move_the_selection(ranking, qtbot, key, arrived):
    ranking.select_key(11)
    with qtbot.waitSignal(ranking.row_selected) as told:
        qtbot.keyClick(ranking, key)
    assert told.args == [arrived]
    assert ranking.selected_key() == arrived


def test_hovering_tells_the_row(ranking, qtbot):
    with qtbot.waitSignal(ranking.row_hovered) as told:
        qtbot.mouseMove(ranking.viewport(), spot(ranking, 1))
    assert told.args == [11]
    with qtbot.waitSignal(ranking.row_hovered) as told:
        qtbot.mouseMove(ranking.viewport(), QPoint(20, 220))
    assert told.args == [None]


def test_selecting_a_key_is_silent(ranking, qtbot):
    with qtbot.assertNotEmitted(ranking.row_selected):
        ranking.select_key(12)
    assert ranking.selected_key() == 12
    ranking.select_key("nothing")
    assert ranking.selected_key() is None


def test_sorting_stays_with_new_rows_and_can_be_undone(ranking):
    ranking.select_key(10)
    ranking.sortByColumn(4, Qt.SortOrder.AscendingOrder)
    assert column(ranking, 1) == ["<b>", "␠2", "␠7"]
    assert ranking.selected_key() == 10
    ranking.set_ranking(Ranking(COLUMNS, RANKING.rows[:2]))
    assert column(ranking, 1) == ["<b>", "␠2"]
    assert ranking.selected_key() == 10
    ranking.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
    assert column(ranking, 1) == ["␠2", "<b>"]


def test_copy_gives_headings_and_tabs(ranking, qtbot):
    ranking.select_key(11)
    qtbot.keyClick(ranking, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "#\ttoken\t\tprob\n1\t<b>\twrong\t0.30"
    assert ranking.copy_table().count("\n") == 3
    ranking.clearSelection()
    assert ranking.copy_selection() == ""


def test_a_screen_reader_hears_the_row(ranking):
    table = QAccessible.queryAccessibleInterface(ranking)
    assert table.text(QAccessible.Text.Name) == "Next tokens"
    role = Qt.ItemDataRole.AccessibleTextRole
    said = "1. rank 0, ␠2, answer, prob 0.60"
    assert {ranking.model().index(0, column).data(role) for column in range(5)} == {said}


def test_tips_are_the_rows_own_and_plain(ranking):
    tips = [ranking.model().index(row, 0).data(Qt.ItemDataRole.ToolTipRole) for row in range(2)]
    assert tips[0] == "the answer"
    assert "&lt;b&gt;" in tips[1]


def test_columns_go_where_room_is_scarce(ranking):
    assert "mark" in ranking.shown_columns()
    ranking.resize(250, 240)
    assert ranking.shown_columns() == ("rank", "token", "share", "prob")
    ranking.resize(420, 240)
    assert "mark" in ranking.shown_columns()


def test_rows_grow_to_fill_the_room(ranking):
    ranking.set_fitting(24, 60)
    assert ranking.rowHeight(0) == 60
    ranking.resize(420, 30)
    assert ranking.rowHeight(0) == 24


def test_every_kind_is_painted_in_both_themes(ranking, qapp):
    light = ranking.grab().toImage()
    columns = (
        Column("name", "name"),
        Column("effect", "bar", signed=True),
        Column("score", "number", bar=True, width=90),
        Column("note"),
    )
    dotted = Bar(-0.4, dots=(-0.5, 0.2), chosen=1)
    rows = (
        Row(0, ("L1H2", dotted, 0.9, "")),
        Row(1, ("L0H2", Bar(0.2, error=0.1), -0.4, "seen"), emphasis="bad"),
    )
    ranking.set_ranking(Ranking(columns, rows))
    other = ranking.grab().toImage()
    ranking.set_ranking(RANKING)
    assert ranking.grab().toImage() == light != other
    apply_theme(qapp, "dark")
    assert ranking.grab().toImage() != light


def test_an_empty_list_says_so(ranking):
    ranking.set_ranking(Ranking(COLUMNS))
    ranking.set_empty_text("Run the ranking.")
    said = ranking.grab().toImage()
    ranking.set_empty_text("")
    assert ranking.grab().toImage() != said


def test_tens_of_thousands_of_rows_are_not_measured_one_by_one(ranking, monkeypatch):
    asked = []
    many = ranked(
        [Column("n", "mono"), Column("x", "text", format=lambda v: asked.append(v) or "x")],
        ((i, i) for i in range(30_000)),
    )
    ranking.set_ranking(many)
    ranking.grab()
    assert len(asked) < 2_000
    ranking.select_key(29_999)
    assert ranking.selected_key() == 29_999
