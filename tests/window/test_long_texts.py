"""Texts of 300,000 characters in a session: every widget shows what can be read, none is cut."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QPlainTextEdit,
    QTableView,
    QTabWidget,
    QTextEdit,
    QWidget,
)

from desktop_app.contract.params import PromptRow
from desktop_app.contract.result import Notice
from desktop_app.pictures.token_text import display_text, token_label
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from desktop_app.widgets.basics.long_text import MOST_IN_NOTES, NotesEdit, shown_notes
from desktop_app.window.sessions.history_desk import ResultDialog
from tests.samples import drawn, patching
from tests.samples.heads import detect_result
from tests.window.fakes import FakeService, settle

pytestmark = [pytest.mark.gui, pytest.mark.qt_log_ignore("This plugin does not support")]
LENGTH = 300_000
KINDS = {"one word": "x" * LENGTH, "many words": "word " * (LENGTH // 5)}
# Nothing but an editor lays out more; an editor takes a hundred thousand in short lines.
MOST = 4_100
ROLES = (
    Qt.ItemDataRole.DisplayRole,
    Qt.ItemDataRole.ToolTipRole,
    Qt.ItemDataRole.AccessibleTextRole,
)
MAKERS = (
    drawn.tokens_result,
    drawn.rank_result,
    drawn.ablate_result,
    drawn.attention_result,
    patching.patch_result,
    patching.hand_result,
    lambda: detect_result(card=True),
)
CHOICES = {"component", "metric", "positions", "on", "site", "by", "direction", "run"}


class Service(FakeService):
    """Reads no more tokens than a model does."""

    def _run(self, request):
        if request.analysis != "tokens" and any(len(r.text) > 999 for r in request.params.prompts):
            raise BadInputError("The prompt has more tokens than the model reads: shorten it.")
        return super()._run(request)


def swollen(result, text):
    """Return a result whose every text is that one."""

    def grown(values):
        return tuple(text if place == 1 else value for place, value in enumerate(values))

    records = []
    for record in result.prompts:
        tokens = record.tokens
        tokens = dataclasses.replace(tokens, pieces=grown(tokens.pieces), texts=grown(tokens.texts))
        answers = tuple(dataclasses.replace(a, text=text) for a in record.answers)
        records.append(dataclasses.replace(record, text=text, tokens=tokens, answers=answers))
    data = {name: text if isinstance(v, str) else v for name, v in result.data.items()}
    if "summary" in data:
        data["summary"] = (text,)
    return dataclasses.replace(
        result,
        prompts=tuple(records),
        data=data,
        model=dataclasses.replace(
            result.model, name=text, device=text, dtype=text, fingerprint=text
        ),
        params={
            name: text if isinstance(v, str) and name not in CHOICES else v
            for name, v in result.params.items()
        },
        warnings=(Notice("trailing_space", text, None, 0), Notice(text, text)),
        provenance={"bos": text, "weights": text, "created": text},
    )


def session_of(path, text):
    """Write a session in which every text is that one."""
    with Session.create(path) as session:
        for make in MAKERS:
            number = session.add(swollen(make(), text), title=text)
            session.annotate(number, text)
            session.set_tags(number, (text,))
        session.notes = text
        row = PromptRow(text=text, corrupt=text, answer=(text,), wrong=("4",))
        session.set_prompts([row], {})
    return path


def texts_of(widget):
    """Yield what a widget lays out or says, by what it is."""
    for name in ("toolTip", "accessibleName", "accessibleDescription", "windowTitle"):
        yield name, getattr(widget, name)()
    if isinstance(widget, (QPlainTextEdit, QTextEdit)):
        yield "longest line", max(widget.toPlainText().split("\n"), key=len)
    elif not isinstance(widget, (QComboBox, QAbstractItemView)):
        text = getattr(widget, "text", None)
        found = text() if callable(text) else ""
        yield "text", found if isinstance(found, str) else ""
    if isinstance(widget, (QComboBox, QAbstractItemView)) and widget.model() is not None:
        model = widget.model()
        for row in range(min(model.rowCount(), 20)):
            for column in range(model.columnCount() if isinstance(widget, QTableView) else 1):
                for role in ROLES:
                    yield role.name, str(model.index(row, column).data(role) or "")


def too_long():
    """Return what lays out more than can be read, in all widgets there are."""
    found = {}
    for widget in QApplication.allWidgets():
        for name, text in texts_of(widget):
            most = 5_100 if name == "longest line" else MOST
            if len(text) > most:
                found[type(widget).__name__, name] = len(text)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_widget_lays_out_more_than_can_be_read(qtbot, open_window, tmp_path, kind):
    text = KINDS[kind]
    window = open_window(Service())
    assert window.session.open(session_of(tmp_path / "long.lens", text))
    settle(qtbot, window)
    for name in list(window.views):
        window.views.open(name)
        QApplication.processEvents()
    window.selection.select_head(5, 3)
    window.selection.select_position(1)
    first = window.session.rows()[0]
    window.results.asked.emit("details", first.id)
    (dialog,) = window.findChildren(ResultDialog)
    pages = dialog.findChild(QTabWidget)
    for page in range(pages.count()):
        pages.setCurrentIndex(page)
    QApplication.processEvents()
    assert too_long() == {}
    assert len(dialog.notes.toPlainText()) <= MOST_IN_NOTES
    # What is not shown is kept: nothing was changed, and nothing is cut off.
    dialog.star.setChecked(True)
    dialog.accept()
    window.inspector.notes.textChanged.emit()
    window.inspector.flush_notes()
    settle(qtbot, window)
    row = window.session.row(first.id)
    assert (row.title, row.notes, row.tags, row.star) == (text, first.notes, first.tags, True)
    assert row.notes == text
    assert window.session.notes() == text
    table = window.prompts.table
    assert not table.edit(table.model().index(0, 0), table.EditTrigger.AllEditTriggers, None)
    assert window.prompts.rows()[0].prompt == text


def test_a_long_text_is_pasted_as_far_as_it_is_laid_out(qtbot):
    notes = NotesEdit()
    qtbot.addWidget(notes)
    QApplication.clipboard().setText("y" * LENGTH)
    notes.paste()
    assert 0 < len(notes.toPlainText()) <= MOST_IN_NOTES
    assert not notes.isReadOnly()
    notes.set_text("short")
    assert notes.text() == "short"
    many = "line\n" * 1_000
    notes.set_text(many)
    assert (notes.text(), notes.isReadOnly()) == (many, False)
    assert shown_notes(many) == many


def test_a_text_that_nobody_could_read_at_once_is_shown_by_its_ends():
    shown = display_text("a" * LENGTH + "z")
    assert len(shown) < 500
    assert shown.startswith("a")
    assert shown.endswith("z")
    assert len(token_label("Ġ" + "b" * LENGTH, "c" * LENGTH)) <= 80
    assert display_text("a b") == "a␠b"


def test_half_characters_are_found_in_long_rows_at_once():
    from desktop_app.window.prompts.prompt_rows import TypedRow, problem

    assert problem(TypedRow("x" * LENGTH, "", "5", "4")) is None
    assert "half a character" in problem(TypedRow("x" * LENGTH + "\ud83d", "", "5", "4"))


def test_of_very_many_tokens_the_first_are_laid_out(qtbot):
    from desktop_app.widgets.tokens.token_paint import TokenCell
    from desktop_app.widgets.tokens.token_strip import MOST_TOKENS, TokenStrip

    strip = TokenStrip()
    qtbot.addWidget(strip)
    strip.set_tokens([TokenCell(7, "x", "x")] * LENGTH)
    assert len(strip.texts()) == MOST_TOKENS
    strip.set_read_position(LENGTH - 1)
    strip.set_selected(LENGTH - 1)
    assert isinstance(strip.grab().size().width(), int)
    assert isinstance(strip, QWidget)
