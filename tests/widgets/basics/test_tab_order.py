"""In which order Tab goes, and that asking for it hurts nothing."""

from __future__ import annotations

import gc
from functools import partial

import pytest
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QComboBox,
    QGraphicsView,
    QPlainTextEdit,
    QScrollArea,
    QSpinBox,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from desktop_app.widgets.basics.tab_order import in_reading_order

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("propagateSizeHints")]


KINDS = (QTableWidget, QPlainTextEdit, QGraphicsView, QScrollArea, QSpinBox, QComboBox)


@pytest.fixture
def gone():
    """Return the names of the parts that have ended."""
    return []


@pytest.fixture
def host(qtbot, gone):
    """Return a widget with every kind of part that hands its keys on to what is around it."""
    made = QWidget()
    qtbot.addWidget(made)
    column = QVBoxLayout(made)
    for kind in KINDS:
        part = kind()
        part.destroyed.connect(partial(_note, gone, kind.__name__))
        column.addWidget(part)
        if isinstance(part, QAbstractScrollArea):
            part.viewport()  # as whoever listens to it does
    part.setEditable(True)
    made.resize(400, 800)
    made.show()
    qtbot.waitExposed(made)
    return made


def _note(gone, name, *_told):
    gone.append(name)


def test_what_is_inside_takes_no_keys_of_its_own(host):
    assert tuple(type(part) for part in in_reading_order(host)) == KINDS


def test_asking_for_the_order_leaves_everything_alive(host, gone):
    in_reading_order(host)
    gc.collect()
    gc.collect()
    assert gone == []
