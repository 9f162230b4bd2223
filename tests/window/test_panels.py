"""The log, the help and the small pattern."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox

from desktop_app.contract.registry import ANALYSES
from desktop_app.support.logs import LogBook
from desktop_app.support.paths import resource
from desktop_app.window.frame.found import match_score
from desktop_app.window.frame.help_pages import read_page, titles
from desktop_app.window.frame.help_panel import HelpPanel
from desktop_app.window.frame.panels import LogPanel
from desktop_app.window.inspector.inspector import SmallPattern
from tests.finding import find, press

PICTURE = re.compile(r"!\[[^]]*\]\(([^)]*)\)")
# A row of a table, or the rule under its heads, that is read as it was written; words may have a
# stroke: |x|, KL(p ‖ q), " param| arg".
TABLE_MARKS = re.compile(r"^\s*\|.*\|\s*$|\|\s*:?-{3,}", re.MULTILINE)
pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]


def rows(table):
    model = table.model()
    return [
        [str(model.index(r, c).data()) for c in range(model.columnCount())]
        for r in range(model.rowCount())
    ]


@pytest.fixture
def log(qtbot):
    book = LogBook()
    panel = LogPanel(book)
    qtbot.addWidget(panel)
    yield book, panel
    panel.stop()


def test_a_flood_is_one_line_with_a_count(qtbot, log):
    book, panel = log
    panel.show()
    counted = []
    panel.warnings_counted.connect(counted.append)
    for _ in range(4_812):
        book.note(logging.WARNING, "transformers", "Keyword arguments not recognized.")
    book.note(logging.INFO, "lensbench", "quiet")
    panel.refresh()
    shown = rows(panel.table)
    assert len(shown) == 1
    assert shown[0][1:] == [
        "×4,812",
        "warning",
        "transformers",
        "Keyword arguments not recognized.",
    ]
    assert counted == [1]
    press(panel, "All")
    assert len(rows(panel.table)) == 2


def test_what_came_while_hidden_is_there_when_shown(qtbot, log):
    book, panel = log
    book.note(logging.WARNING, "a", "b")
    panel.refresh()
    assert rows(panel.table) == []
    panel.show()
    assert len(rows(panel.table)) == 1


@pytest.mark.parametrize("page", ["start", *ANALYSES])
def test_every_tab_has_a_help_page(qtbot, page):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.show_page(page)
    text = panel.browser.toPlainText()
    assert len(text) > 600
    assert "**" not in text
    assert not TABLE_MARKS.search(text)
    assert panel.page() == page


@pytest.mark.parametrize("page", list(titles()))
def test_every_link_of_a_page_leads_to_a_page(qtbot, page):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    text = re.sub(PICTURE, "", read_page(page))
    for link in re.findall(r"\]\(([^)]*)\)", text):
        panel.browser.anchorClicked.emit(QUrl(link))
        assert panel.page() == link.removesuffix(".md")
        assert "There is no help page" not in panel.browser.toPlainText()


@pytest.mark.parametrize("page", list(titles()))
def test_every_picture_of_a_page_is_there(page):
    for picture in re.findall(PICTURE, read_page(page)):
        assert not QImage(str(resource("help", picture))).isNull(), picture


def test_the_page_on_the_session_file_is_listed(qtbot):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.show_page("session_file")
    assert "application_id" in panel.browser.toPlainText()
    assert find(panel, QComboBox, "Help page").currentData() == "session_file"


def test_the_glossary_keeps_words_apart_and_is_in_the_menu(window):
    window.actions_by_name["help_glossary"].trigger()
    assert window.help.page() == "glossary"
    said = [line for line in read_page("glossary").splitlines() if line.startswith("- **")]
    words = [line.split("**")[1] for line in said]
    assert words[:4] == ["Neuron", "Feature", "Activation", "Direction"]
    assert len(set(words)) == len(words) > 30


def test_links_lead_to_other_pages_and_nowhere_else(qtbot):
    panel = HelpPanel()
    qtbot.addWidget(panel)
    panel.browser.anchorClicked.emit(QUrl("ablate"))
    assert panel.page() == "ablate"
    panel.browser.anchorClicked.emit(QUrl("https://example.org/"))
    assert panel.page() == "ablate"
    assert "no help page" in read_page("../settings")


def test_the_small_pattern_selects_what_is_clicked(qtbot):
    widget = SmallPattern()
    qtbot.addWidget(widget)
    widget.resize(219, 219)
    widget.show_pattern(np.tril(np.ones((4, 4))), ["a", "b", "c", "d"])
    widget.show()
    heard = []
    widget.pair_selected.connect(lambda q, k: heard.append((q, k)))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(18 + 75, 18 + 125))
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(18 + 175, 18 + 25))  # future
    assert heard == [(2, 1)]
    dark = widget.grab().toImage().pixelColor(18 + 75, 18 + 125)
    light = widget.grab().toImage().pixelColor(18 + 175, 18 + 25)
    assert dark.lightness() < light.lightness()


@pytest.mark.parametrize(
    ("query", "text", "score"),
    [
        ("abl", "Ablation", 0),
        ("session open", "Open session…", 1),
        ("pict", "Copy picture", 1),
        ("ession", "Open session…", 2),
        ("opn", "Open session…", 3),
        ("xyz", "Open session…", None),
        ("", "anything", 100),
    ],
)
def test_search_scores(query, text, score):
    assert match_score(query, text) == score
