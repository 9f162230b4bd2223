"""A session whose every text looks like markup: the window shows it to the letter, and lives."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QAbstractItemView, QLabel, QListView, QTabWidget, QTextEdit, QWidget

from desktop_app.contract.result import Notice, TokenList
from desktop_app.session.store import Session
from desktop_app.window.sessions.history_desk import ResultDialog
from tests.finding import find
from tests.patience import turn_the_loop
from tests.samples import drawn, heads
from tests.window.fakes import settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]

EVIL = '<img src="file:///etc/passwd">&lt;b&gt;<b>x</b>'


def evil_tokens(tokens):
    return TokenList(tokens.ids, tuple(EVIL for _ in tokens.ids), tuple(EVIL for _ in tokens.ids))


def evil(result):
    """Return a result whose texts all look like markup."""
    prompts = tuple(
        dataclasses.replace(
            prompt,
            text=EVIL,
            tokens=evil_tokens(prompt.tokens),
            corrupt_text=EVIL,
            corrupt_tokens=evil_tokens(prompt.tokens),
            answers=tuple(
                dataclasses.replace(a, text=EVIL, tokens=evil_tokens(a.tokens))
                for a in prompt.answers
            ),
        )
        for prompt in result.prompts
    )
    names = ("name", "source", "fingerprint", "architecture", "device", "dtype")
    return dataclasses.replace(
        result,
        prompts=prompts,
        model=dataclasses.replace(result.model, **dict.fromkeys(names, EVIL)),
        warnings=(Notice("space_token", EVIL, {"index": 0, "prompt": EVIL}, 0, (0,)),),
        provenance={"bos": EVIL, "reference": EVIL},
    )


def tips_of(widget):
    """Give every tooltip of a widget: its own, and those of what its model holds."""
    yield widget.toolTip()
    yield from (action.toolTip() for action in widget.actions())
    if isinstance(widget, QAbstractItemView) and widget.model() is not None:
        model = widget.model()
        columns = 1 if isinstance(widget, QListView) else model.columnCount()
        for column in range(columns):
            yield (
                model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
                or ""
            )
            for row in range(model.rowCount()):
                yield model.index(row, column).data(Qt.ItemDataRole.ToolTipRole) or ""


def audit(window):
    """Return how many tooltips and labels quote the texts; none may be read as markup."""
    quoted = 0
    for widget in window.findChildren(QWidget):
        for tip in tips_of(widget):
            assert "<img" not in tip, (widget, tip)
            assert "<b>" not in tip, (widget, tip)
            quoted += "&lt;img" in tip
        if isinstance(widget, QLabel):
            is_ours = "<" not in widget.text() and "&lt" not in widget.text()  # a form's own
            is_plain = widget.textFormat() == Qt.TextFormat.PlainText
            assert is_plain or is_ours, (widget, widget.text())
            quoted += "<img" in widget.text()
        if isinstance(widget, QTextEdit):
            assert (
                "passwd" not in widget.document().toHtml().replace("&lt;", "").partition("<img")[2]
            ), widget
    return quoted


@pytest.fixture
def hostile_file(tmp_path):
    path = tmp_path / "hostile.lens"
    with Session.create(path) as session:
        for made in (
            drawn.tokens_result(),
            drawn.rank_result(),
            drawn.ablate_result(),
            drawn.attention_result(),
            heads.detect_result(card=True),
            drawn.result_of("far_sight", {"score": np.zeros((2, 2)), EVIL[1:4]: EVIL}),
        ):
            number = session.add(evil(made), title=f"{EVIL} title")
            session.annotate(number, f"{EVIL}\n![](file:///etc/passwd)")
            session.set_tags(number, [EVIL])
        session.notes = EVIL
        session.title = EVIL
    return path


def test_nothing_of_a_session_is_read_as_markup(qtbot, window, hostile_file):
    window.files.open_session(hostile_file)
    settle(qtbot, window)
    quoted = 0
    for name in window.views:
        window.views.open(name)
        turn_the_loop(3)
        quoted += audit(window)
    assert quoted > 10
    dialog = ResultDialog(window.session.rows()[0], window.session, window)
    find(dialog, QTabWidget).setCurrentIndex(1)
    audit(dialog)
    assert EVIL.partition("&")[0] in dialog.preview.toPlainText()  # letters, and no picture
    picture = dialog.preview.loadResource(2, QUrl("file:///etc/passwd"))
    assert picture is None
    dialog.close()


def test_a_result_without_layers_costs_a_sentence(qtbot, window, tmp_path):
    path = tmp_path / "none.lens"
    sound = drawn.attention_result()
    with Session.create(path) as session:
        session.add(drawn.rank_result())
        data = {**sound.data, "layers": np.zeros(0, np.int64)}
        session.add(dataclasses.replace(sound, data=data))
    window.files.open_session(path)
    settle(qtbot, window)
    window.views.open("attention")
    turn_the_loop()
    assert "names no layer" in window.banner.text()
    assert window.views["rank"].current_result is not None
    assert window.views["attention"].current_result is None
