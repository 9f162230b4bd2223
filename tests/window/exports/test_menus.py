"""Every picture's menu: copying it as picture and as Python, and what its numbers are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QTimer
from PySide6.QtGui import QContextMenuEvent, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QScrollBar,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES, described
from desktop_app.pictures.boards import Cell
from desktop_app.session.export_scripts import to_script
from desktop_app.widgets.basics.explained_card import ExplainedCard, WhatButton
from desktop_app.widgets.board.board import HandBoard
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tables.ranking import RankingList
from tests.finding import find, in_sight
from tests.samples.real import real_result
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def right_click(widget, spot=None):
    """Ask for a menu as the platform does after a right click, and return it."""
    spot = spot or widget.rect().center()
    event = QContextMenuEvent(
        QContextMenuEvent.Reason.Mouse,
        spot,
        widget.mapToGlobal(spot),
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu), f"no menu on {widget}"
    return menu


def texts(menu):
    return [action.text() for action in menu.actions() if not action.isSeparator()]


def take(qtbot, menu, name):
    """Choose an entry as a keyboard does."""
    menu.setActiveAction(next(action for action in menu.actions() if action.text() == name))
    qtbot.keyClick(menu, Qt.Key.Key_Return)


def key(qtbot, widget, pressed, held=Qt.KeyboardModifier.NoModifier):
    """Press a key in a window that has the keyboard, as a user's has."""
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow)
    qtbot.keyClick(widget, pressed, held)


def shown_card():
    card = QApplication.activePopupWidget()
    assert isinstance(card, ExplainedCard)
    return card


@pytest.mark.parametrize("name", ["tokens", "rank", "ablate", "attention"])
def test_a_right_click_anywhere_in_a_view_offers_all_of_it(qtbot, window, name):
    window.views.open(name)
    settle(qtbot, window)
    menu = right_click(window.views[name].picture_widget(), QPoint(20, 20))
    assert {"Copy picture", "Copy as Python", "Save picture as…", "Export data…"} <= set(
        texts(menu)
    )
    assert any(text.startswith("What is “") for text in texts(menu))
    menu.close()


@pytest.mark.parametrize("name", list(ANALYSES))
def test_every_part_of_every_picture_has_the_menu(qtbot, window, name):
    shown = real_result(name)
    window.showing.show(shown)
    window.views.open(name)
    settle(qtbot, window)
    picture = window.views[name].picture_widget()
    parts = [p for p in in_sight(picture, QWidget) if p.isEnabled() and p.width() > 20]
    assert parts or picture.isVisible()
    for part in (picture, *parts):
        if isinstance(
            part, (QAbstractScrollArea, QAbstractSpinBox, QComboBox, QLineEdit, QScrollBar)
        ):
            continue  # viewports are asked themselves; the others are controls
        if isinstance(part.parentWidget(), (QComboBox, QAbstractSpinBox, QScrollBar)):
            continue
        if isinstance(part, QLabel) and part.textInteractionFlags():
            continue  # the text that is marked there is copied
        menu = right_click(part)
        assert "Copy as Python" in texts(menu), part
        menu.close()
    assert "transformer_lens" in to_script(shown)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("lens", ["Ranking at this position", "Attribution of this place", "By hand from here"]),
        ("hand_patch", []),
    ],
)
def test_a_grid_offers_what_its_cell_can_do_before_what_the_picture_can(qtbot, window, name, own):
    window.showing.show(real_result(name))
    window.views.open(name)
    settle(qtbot, window)
    board = in_sight(window.views[name], HandBoard)[0]
    common = texts(window.pictures.menu())
    at = board.cell_center(Cell("clean", 1, 2)).toPoint()
    menu = right_click(board, at)
    assert texts(menu) == [*own, *common]
    menu.close()
    corner = QPoint(1, board.height() - 2)
    assert board.cell_at(corner.toPointF()) is None
    menu = right_click(board, corner)
    assert texts(menu) == common
    take(qtbot, menu, "Copy picture")
    assert not QGuiApplication.clipboard().image().isNull()
    board.setFocus()
    key(qtbot, board, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert "Copy as Python" in texts(QApplication.activePopupWidget())
    QApplication.activePopupWidget().close()


def test_results_of_analyses_that_are_not_here_have_the_menu(qtbot, window):
    ours = real_result("ablate")
    strange = replace(ours, analysis="stranger", fields=described(ours).fields)
    window.views.lodge(strange)
    window.showing.show(strange)
    window.views.open("stranger")
    settle(qtbot, window)
    menu = right_click(window.views["stranger"].picture_widget())
    assert {"Copy picture", "Copy as Python"} <= set(texts(menu))
    assert any(text.startswith("What is “") for text in texts(menu))
    take(qtbot, menu, "Copy as Python")
    assert "not installed" in window.banner.text()


def test_python_and_picture_are_copied_from_the_menu(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    picture = window.views["ablate"].picture_widget()
    take(qtbot, right_click(picture), "Copy as Python")
    script = QGuiApplication.clipboard().text()
    assert "transformer_lens" in script
    assert "desktop_app" not in script
    take(qtbot, right_click(picture), "Copy picture")
    assert not QGuiApplication.clipboard().image().isNull()


def test_the_menus_of_tables_have_it_too(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    table = in_sight(window.views["ablate"], RankingList)[0]
    menu = right_click(table.viewport())
    assert {"Copy rows", "Copy table", "Copy as Python", "Copy picture"} <= set(texts(menu))
    menu.close()


@pytest.mark.parametrize("name", ["tokens", "rank", "ablate", "attention"])
def test_the_keys_open_the_menu(qtbot, window, name):
    window.views.open(name)
    settle(qtbot, window)
    window.setFocus()
    key(qtbot, window, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "Copy as Python" in texts(menu)
    qtbot.keyClick(menu, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None


def test_the_menu_key_asks_the_table_that_has_the_focus(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    table = in_sight(window.views["ablate"], RankingList)[0]
    table.setFocus()
    key(qtbot, table, Qt.Key.Key_Menu)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert {"Copy rows", "Copy as Python"} <= set(texts(menu))
    menu.close()


def test_a_view_without_result_has_no_script(qtbot, window):
    window.views["rank"].clear()
    window.views.open("rank")
    QGuiApplication.clipboard().setText("before")
    qtbot.keyClick(
        window,
        Qt.Key.Key_P,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert QGuiApplication.clipboard().text() == "before"


def test_comparisons_copy_either_script(qtbot, window):
    window.views.open("ablate")
    window.runs.run_current()
    settle(qtbot, window)
    newest = max(row.id for row in window.session.rows() if row.analysis == "ablate")
    window.results.select(newest)
    window.comparisons.compare_marked()
    dialog = window.comparisons.dialog
    menu = right_click(dialog.view.picture_widget(), QPoint(5, 5))
    assert {"Copy picture", "Copy first as Python", "Copy second as Python"} <= set(texts(menu))
    take(qtbot, menu, "Copy second as Python")
    assert "transformer_lens" in QGuiApplication.clipboard().text()
    key(qtbot, dialog, Qt.Key.Key_F10, Qt.KeyboardModifier.ShiftModifier)
    assert isinstance(QApplication.activePopupWidget(), QMenu)
    QApplication.activePopupWidget().close()
    dialog.close()


# What a number is.


def test_the_effect_is_taken_apart_in_the_users_own_numbers(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    window.selection.select_head(3, 2)
    take(
        qtbot, right_click(window.views["ablate"].picture_widget()), "What is “Effect of removal”?"
    )
    card = shown_card()
    assert "effect = ablated − base" in card.told.formula
    assert "1.000 − 5.000 = −4.000" in card.told.working
    assert "L3H2" in card.told.working
    qtbot.keyClick(card, Qt.Key.Key_Escape)
    assert QApplication.activePopupWidget() is None


def test_the_card_leads_to_the_heading_of_the_help(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    key(qtbot, window, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    card = shown_card()
    qtbot.keyClick(find(card, QPushButton, "More in the help"), Qt.Key.Key_Space)
    assert window.help.page() == "ablate"
    assert window.help.seen_heading() == "Formula and sign"


def test_a_column_is_asked_at_its_heading(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    table = in_sight(window.views["ablate"], RankingList)[0]
    kept = [c.key for c in table.ranking.columns].index("kept")
    heads = table.horizontalHeader()
    spot = QPoint(heads.sectionViewportPosition(kept) + 4, 8)
    menu = right_click(heads.viewport(), spot)
    asked = [text for text in texts(menu) if text.startswith("What is")]
    assert asked[0] == "What is “Kept without it”?"
    menu.close()


def test_the_inspectors_numbers_ask_by_mark_by_key_and_by_right_click(qtbot, window):
    window.views.open("ablate")
    window.selection.select_head(3, 2)
    settle(qtbot, window)
    marks = in_sight(window.inspector, WhatButton)
    assert marks
    qtbot.keyClick(marks[0], Qt.Key.Key_F1)
    assert "= −4.000" in shown_card().told.working
    shown_card().close()
    qtbot.mouseClick(marks[0], Qt.MouseButton.LeftButton)
    shown_card().close()
    window.inspector.setFocus()
    QTimer.singleShot(0, QApplication.processEvents)


def test_details_have_their_mark(qtbot, window):
    window.views.open("ablate")
    window.selection.select_head(3, 2)
    settle(qtbot, window)
    mark = in_sight(window.views["ablate"], WhatButton)[0]
    mark.setFocus()
    qtbot.keyClick(mark, Qt.Key.Key_Space)
    assert "1.000 − 5.000 = −4.000" in shown_card().told.working
    shown_card().close()


def test_the_help_key_in_a_picture_opens_its_number(qtbot, window):
    window.views.open("ablate")
    settle(qtbot, window)
    heat = in_sight(window.views["ablate"], Heatmap)[0]
    heat.setFocus()
    inside = QApplication.focusWidget()
    if inside is None or not heat.isAncestorOf(inside):
        inside = in_sight(window.views["ablate"], RankingList)[0]
        inside.setFocus()
    key(qtbot, inside, Qt.Key.Key_F1)
    assert window.help.page() == "ablate"
    assert window.help.seen_heading() == "Formula and sign"


def test_nothing_is_left_open(qtbot, window):
    window.views.open("rank")
    settle(qtbot, window)
    menu = right_click(window.views["rank"].picture_widget(), QPoint(10, 10))
    menu.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert QApplication.activePopupWidget() is None
