"""One result of the history: its title, star, tags and notes, and the settings that made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.result import plain
from desktop_app.window.sessions.results_rows import kind, moment

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow


class ResultDialog(QDialog):
    """Shows and edits what is noted about a result; it does not block the window.

    Signals:
        renamed: (id, title), where it was changed.
        star_requested: (id, whether it is to be marked), where it was changed.
        noted: (id, notes, tags), where either was changed.
    """

    renamed = Signal(int, str)
    star_requested = Signal(int, bool)
    noted = Signal(int, str, object)

    def __init__(self, row: SessionRow, result: Result | None, parent: QWidget) -> None:
        super().__init__(parent)
        self._row = row
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{kind(row)} · {moment(row.created)}")
        self.title = QLineEdit(row.title)
        self.tags = QLineEdit(", ".join(row.tags))
        self.tags.setPlaceholderText("induction, paper")
        self.star = QCheckBox("Starred")
        self.star.setChecked(row.star)
        self.notes = QPlainTextEdit(row.notes)
        self.notes.setPlaceholderText("What was seen here, and what it means. Markdown.")
        self.preview = _browser()
        self.settings = _browser()
        self.settings.setPlainText(settings_text(result) if result else "It cannot be read.")
        for widget, name in (
            (self.title, "Title"),
            (self.tags, "Tags"),
            (self.notes, "Notes"),
            (self.settings, "Settings that made this result"),
        ):
            widget.setAccessibleName(name)
        self._lay_out()
        self.resize(520, 460)

    def accept(self) -> None:
        """Tell what was changed, and close."""
        row, title = self._row, self.title.text().strip()
        if title and title != row.title:
            self.renamed.emit(row.id, title)
        if self.star.isChecked() != row.star:
            self.star_requested.emit(row.id, self.star.isChecked())
        notes = self.notes.toPlainText()
        tags = tuple(t.strip().removeprefix("#") for t in self.tags.text().split(",") if t.strip())
        if (notes, tags) != (row.notes, row.tags):
            self.noted.emit(row.id, notes, tags)
        super().accept()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Title", self.title)
        form.addRow("Tags", self.tags)
        form.addRow("", self.star)
        pages = QTabWidget()
        pages.addTab(self.notes, "Notes")
        pages.addTab(self.preview, "Preview")
        pages.addTab(self.settings, "Settings")
        pages.currentChanged.connect(self._on_page_changed)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(pages, 1)
        column.addWidget(buttons)

    def _on_page_changed(self) -> None:
        self.preview.document().setMarkdown(
            self.notes.toPlainText(), self.preview.document().MarkdownFeature.MarkdownNoHTML
        )


def settings_text(result: Result) -> str:
    """Return in lines what made a result: model, settings, versions, prompts."""
    params = dict(result.params)
    prompts = params.pop("prompts", None) or [record.text for record in result.prompts]
    model = result.model
    lines = [f"model: {model.name} ({model.device}, {model.dtype}, {model.fingerprint})"]
    lines += [f"{name}: {_short(value)}" for name, value in params.items()]
    lines += [f"{name}: {_short(value)}" for name, value in result.provenance.items()]
    lines.append(f"seconds: {result.timing.seconds:.3g}")
    lines += [f"prompt {i}: {_short(prompt)}" for i, prompt in enumerate(prompts)]
    return "\n".join(lines)


def _short(value: object) -> str:
    text = json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:399]}…"


def _browser() -> QTextBrowser:
    """Return a text for reading; nothing in it is ever loaded or followed."""
    browser = _Browser()
    browser.setOpenLinks(False)
    return browser


class _Browser(QTextBrowser):
    """Loads no picture: notes may come from somebody else."""

    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        """Give nothing."""
