"""Where things stand: the first window on small and large screens, and the table's widths."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QApplication, QWidget

from desktop_app.window.frame import layout
from desktop_app.window.prompts.prompt_rows import TypedRow

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


@pytest.mark.parametrize(
    ("screen", "size"),
    [
        ((1280, 800), (1280, 760)),
        ((1366, 768), (1280, 728)),
        ((1920, 1080), (1632, 918)),
        ((2560, 1440), (1760, 1100)),
    ],
)
def test_the_first_window_fits_with_its_frame(screen, size):
    assert layout.first_size(QSize(*screen)) == QSize(*size)


def test_a_window_beyond_its_screen_is_pulled_in(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    available = widget.screen().availableGeometry()
    widget.setGeometry(300, 400, available.width() + 50, available.height() + 50)
    widget.show()
    layout.fit_frame(widget)
    assert available.contains(widget.frameGeometry())


def test_beside_a_narrow_picture_stands_one_column_of_panels(open_window, service):
    window = open_window(service, size=(1024, 700))
    window.panels.place()
    docks = window.docks
    assert window.tabifiedDockWidgets(docks["results"]) == [docks["inspector"]]
    QApplication.processEvents()
    assert window.rail.is_folded()
    assert window.views.shown().width() > 650  # what a map with its list needs


def test_long_prompts_are_wrapped_and_short_ones_are_not(window):
    table = window.prompts.table
    table.prompts.set_rows(
        [TypedRow("When Mary and John went to the store, " * 4), TypedRow("1 2 ")]
    )
    assert table.rowHeight(0) >= 2 * table.rowHeight(1)
    assert "store" in table.prompts.index(0, 0).data(0)


def test_the_columns_fit_and_keep_the_widths_drawn_by_hand(window):
    table = window.prompts.table
    assert not table.horizontalScrollBar().isVisible()
    table.horizontalHeader().resizeSection(0, 150)
    table.prompts.replace_row(0, TypedRow("typed ", "7 9 6 1 ", "5", "4"))
    assert table.columnWidth(0) == 150
