from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from desktop_app.widgets.basics.theme import apply_theme
from desktop_app.widgets.tables.tables import Column, DataTable

ROWS = [("L1 H2", -3.2, "␠2"), ("L10 H0", 0.5, None), ("L2 H7", float("nan"), "a\tb")]


@pytest.fixture
def table(shown):
    table = DataTable()
    table.set_columns(
        [
            Column("head", mono=True, width=90),
            Column("effect", align="right", bar=True, format="{:+.1f}".format),
            Column("token", width="stretch", tooltip="What is read"),
        ]
    )
    table.set_rows(ROWS, keys=["a", "b", "c"])
    return shown(table, 400, 240)


def spot(table, row, column=0):
    return table.visualRect(table.model().index(row, column)).center()


def column(table, index):
    model = table.model()
    return [model.index(row, index).data() for row in range(model.rowCount())]


def test_cells_are_written_by_their_columns(table):
    assert column(table, 1) == ["-3.2", "+0.5", "+nan"]
    assert column(table, 2) == ["␠2", "", "a\tb"]
    index = table.model().index(0, 1)
    alignment = Qt.AlignmentFlag(index.data(Qt.ItemDataRole.TextAlignmentRole))
    assert alignment & Qt.AlignmentFlag.AlignRight
    header = table.model().headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert header == "What is read"


def test_clicks_carry_the_rows_key(table, qtbot):
    with qtbot.waitSignals([table.row_clicked, table.row_selected]) as told:
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot(table, 1))
    assert all(one.args == ["b"] for one in told.all_signals_and_args)
    with qtbot.waitSignal(table.row_activated) as told:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert told.args == ["b"]
    with qtbot.waitSignal(table.row_selected) as told:
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert told.args == ["c"]


def test_sorting_goes_by_value_and_puts_what_is_missing_last(table):
    table.select_key("a")
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    assert column(table, 0) == ["L10 H0", "L1 H2", "L2 H7"]
    table.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert column(table, 0) == ["L1 H2", "L10 H0", "L2 H7"]
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert column(table, 0)[-1] == "L10 H0"
    assert table.selected_key() == "a"


def test_new_rows_keep_sorting_and_selection(table):
    table.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    table.select_key("b")
    table.set_rows([("x", 1.0, ""), ("y", 2.0, "")], keys=["b", "d"])
    assert column(table, 0) == ["y", "x"]
    assert table.selected_key() == "b"


def test_selecting_a_key_is_silent(table, qtbot):
    with qtbot.assertNotEmitted(table.row_selected):
        table.select_key("c")
    assert table.selected_key() == "c"
    table.select_key("nothing")
    assert table.selected_key() is None


def test_copy_gives_headings_and_tabs(table, qtbot):
    table.selectAll()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().split("\n")
    assert lines[0] == "head\teffect\ttoken"
    assert lines[1] == "L1 H2\t-3.2\t␠2"
    assert lines[3] == "L2 H7\t+nan\ta b"
    table.clearSelection()
    assert table.copy_selection() == ""


def test_bar_is_a_share_of_the_largest(table):
    model = table.model()
    assert model.share(0, 1) == -1.0
    assert model.share(1, 1) == pytest.approx(0.5 / 3.2)
    assert model.share(2, 1) == 0.0


def test_rows_must_fit(table):
    with pytest.raises(ValueError, match="1 values for 3 columns"):
        table.set_rows([("x",)])
    with pytest.raises(ValueError, match="shorter"):
        table.set_rows(ROWS, keys=[1, 2])


def test_empty_table_says_so_in_both_themes(table, qapp):
    full = table.grab().toImage()
    table.clear_rows()
    table.set_empty_text("Add a prompt to begin.")
    empty = table.grab().toImage()
    table.set_empty_text("")
    assert table.grab().toImage() != empty != full
    apply_theme(qapp, "dark")
    assert table.grab().toImage() != full
