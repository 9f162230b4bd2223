"""What is done with the results of the history, and what becomes of their session."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QTabWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.params import Params
from desktop_app.contract.result import plain
from desktop_app.pictures.words import clipped
from desktop_app.support.errors import first_line
from desktop_app.support.guard import override
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.long_text import NotesEdit, shown_notes
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import PlainLabel
from desktop_app.window.frame import dialogs
from desktop_app.window.sessions.deleting import DeleteStep
from desktop_app.window.sessions.entries import kind, moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.contract.result import Result
    from desktop_app.session.store import SessionRow
    from desktop_app.views.base import AnalysisView
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Task
    from desktop_app.window.runs.showing import Showing
    from desktop_app.window.sessions.file_desk import FileDesk
    from desktop_app.window.sessions.results_panel import ResultsPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

_log = logging.getLogger(__name__)


_TITLE = 200
_MOST_TRIES = 200
_SESSION = "session"  # what a banner is about that another session has nothing to do with


class ResultDialog(QDialog):
    """Shows and edits what a session notes about a result; it does not block the window."""

    def __init__(self, row: SessionRow, session: SessionDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self._row, self._session = row, session
        result = session.result(row.id)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"{kind(row)} · {moment(row.created)}")
        self._shown = clipped(row.title), clipped(", ".join(row.tags))
        self.title, self.tags = map(QLineEdit, self._shown)
        self.tags.setPlaceholderText("induction, paper")
        self.star = QCheckBox("Starred")
        self.star.setChecked(row.star)
        self.notes = NotesEdit(row.notes)
        self._told = PlainLabel()
        self._told.setWordWrap(True)
        self._told.setVisible(False)
        set_role(self._told, "problem")
        self.notes.shortened.connect(self._on_notes_cut)
        self.notes.setPlaceholderText("What was seen here, and what it means. Markdown.")
        self.preview, self.settings = _Browser(openLinks=False), _Browser(openLinks=False)
        self.settings.setPlainText(
            shown_notes(settings_text(result)) if result else "It cannot be read."
        )
        for widget, name in (
            (self.title, "Title"),
            (self.tags, "Tags"),
            (self.notes, "Notes"),
            (self.preview, "Notes as they read"),
            (self.settings, "Settings that made this result"),
        ):
            widget.setAccessibleName(name)
        self._lay_out()
        self.resize(520, 460)

    @override
    def accept(self) -> None:
        """Tell what was changed, and close."""
        row, title = self._row, self.title.text().strip()
        if title and self.title.text() != self._shown[0]:
            self._session.rename(row.id, title)
        if self.star.isChecked() != row.star:
            self._session.set_star(row.id, self.star.isChecked())
        notes, tags = self.notes.text(), row.tags
        if self.tags.text() != self._shown[1]:
            given = self.tags.text().split(",")
            tags = tuple(t.strip().removeprefix("#") for t in given if t.strip())
        if (notes, tags) != (row.notes, row.tags):
            self._session.annotate(row.id, notes, tags)
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
        pages.setAccessibleName("Parts of this result")
        pages.tabBar().setAccessibleName("Parts of this result")
        pages.currentChanged.connect(self._on_page_changed)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Save | choices.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        filled(QVBoxLayout(self), form, (pages, 1), self._told, buttons, margins=(11, 11, 11, 11))

    def _on_notes_cut(self, told: str) -> None:
        self._told.setText(told)
        self._told.setVisible(True)

    def _on_page_changed(self) -> None:
        page = self.preview.document()
        page.setMarkdown(shown_notes(self.notes.text()), page.MarkdownFeature.MarkdownNoHTML)


def settings_text(result: Result) -> str:
    """Return in lines what made a result: model, settings, versions, prompts."""
    params = dict(result.params)
    prompts = params.pop("prompts", None) or [record.text for record in result.prompts]
    model = result.model
    made = ", ".join(map(clipped, (model.device, model.dtype, model.fingerprint)))
    lines = [f"model: {clipped(model.label)} ({made})"]
    lines += [f"{name}: {_short(value)}" for name, value in params.items()]
    lines += [f"{name}: {_short(value)}" for name, value in result.provenance.items()]
    lines.append(f"seconds: {result.timing.seconds:.3g}")
    lines += [f"prompt {i}: {_short(prompt)}" for i, prompt in enumerate(prompts)]
    return "\n".join(lines)


def _short(value: object) -> str:
    text = json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:399]}…"


def _shared_settings(stored: Mapping[str, Any]) -> Params:
    """Return what a session's file holds of them; the usual ones where it holds none of use."""
    with suppress(ValidationError):
        return Params.model_validate({n: stored[n] for n in ("bos", "chat") if n in stored})
    return Params()


class _Browser(QTextBrowser):
    """Loads no picture: notes may come from somebody else."""

    @override
    def loadResource(self, _kind: int, _name: QUrl | str) -> None:
        pass


class HistoryDesk(QObject):
    """Shows, changes and deletes results, and tells of the session that holds them."""

    def __init__(
        self,
        hall: Hall,
        session: SessionDesk,
        results: ResultsPanel,
        files: FileDesk,
        prompts: PromptPanel,
        showing: Showing,
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._session = session
        self._files = files
        self._prompts = prompts
        self._showing = showing
        self._results = results
        session.rows_changed.connect(results.set_rows)
        session.row_added.connect(results.reveal)
        session.brought_back.connect(results.select)
        # What is highlighted follows what is on screen, whatever has changed either of them.
        for changed in (session.rows_changed, session.row_added):
            changed.connect(self._highlight)
        for changed in (hall.views.opened, showing.result_shown, showing.source_changed):
            changed.connect(self._highlight)
        session.opened.connect(self._on_opened)
        session.failed.connect(hall.show_problem)
        hall.views.built.connect(self._on_view_built)
        session.saved.connect(self._name_window)
        session.write_failed.connect(self._on_write_failed)
        session.deleted.connect(self._on_deleted)
        session.added_elsewhere.connect(self._on_added_elsewhere)
        results.asked.connect(self._on_asked)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._on_state_changed)

    # The history.

    def keep(self, result: Result, task: Task) -> None:
        """Write a finished result into the session; the worked example is no loss."""
        self._session.add(result, counts=not task.is_worked)

    def _on_asked(self, code: str, number: int) -> None:
        """Do what was chosen for a result of the history."""
        row = self._session.row(number)
        if row is None:
            return
        match code:
            case "show":
                self._show(number)
            case "reuse":
                self._reuse(number)
            case "star":
                self._session.set_star(number, not row.star)
            case "rename":
                title = dialogs.ask_text(
                    self._hall.window, "Rename result", "Title:", clipped(row.title)
                )
                if title and title != clipped(row.title):
                    self._session.rename(number, title)
            case "details":
                self._open_details(row)
            case "delete":
                self._delete(row)

    def _delete(self, row: SessionRow) -> None:
        """Delete what stands on the line of a result: of tries all of them, in one step."""
        numbers = self._results.tries_of(row.id)
        count = len(numbers)
        title = row.title if count == 1 else f"{kind(row)}: {count} tries"
        if dialogs.ask_delete(self._hall.window, clipped(title, _TITLE)):
            self._session.delete(*numbers)

    def _highlight(self, _what: object = None) -> None:
        """Highlight the result that is on screen, and only it."""
        result = self._showing.result_of(self._hall.views.current)
        self._results.show_shown(None if result is None else self._session.number_of(result))

    def _show(self, number: int) -> None:
        result = self._session.result(number)
        if result is not None and self._draw(result, self._tries_of(number)):
            self._hall.views.open(result.analysis)

    def _tries_of(self, number: int) -> tuple[Result, ...]:
        """Return all that was tried on the question of a result, where it is a try."""
        row = self._session.row(number)
        if row is None or not row.question:
            return ()
        rows = [r for r in self._session.rows() if r.question == row.question]
        return self._session.results([r.id for r in rows[-_MOST_TRIES:]])

    def _draw(self, result: Result, tries: Sequence[Result] = ()) -> bool:
        """Show a result in its place; return whether it could be drawn.

        A file may hold anything under the names of an analysis, and one such result must not keep
        the others from being shown.
        """
        try:
            self._showing.show(result, tries)
        except Exception as error:  # noqa: BLE001 - whatever a picture makes of it
            _log.exception("A result of “%s” cannot be drawn.", result.analysis)
            self._hall.show_problem(
                f"A result of “{result.analysis}” cannot be drawn ({first_line(error, 200)}): "
                "export it as .json to see what there is."
            )
            return False
        return True

    def _reuse(self, number: int) -> None:
        result = self._session.result(number)
        rows = result.params.get("prompts") if result is not None else None
        try:
            prompts = Params.model_validate({"prompts": rows or ()}).prompts
        except ValidationError:
            self._hall.show_problem("This result's prompts are damaged: type them anew.")
            return
        if prompts:
            self._prompts.set_prompts(prompts, "taking a result's prompts")

    def _open_details(self, row: SessionRow) -> None:
        ResultDialog(row, self._session, self._hall.window).show()

    def _on_view_built(self, view: AnalysisView) -> None:
        view.title_wanted.connect(self._on_title_wanted)

    def _on_title_wanted(self, result: Result, title: str) -> None:
        """Keep what a view shows under a name, with a star."""
        number = self._session.number_of(result)
        if number is None:
            self._hall.show_problem("That result is no longer in the history: run it again.")
            return
        self._session.rename(number, title)
        self._session.set_star(number, star=True)
        self._hall.say(f"Kept in the history as “{clipped(title, _TITLE)}”.", "good")

    def _on_deleted(self, numbers: tuple[int, ...], title: str) -> None:
        undo = self._prompts.undo
        undo.stack.push(DeleteStep(self._session, numbers, title))
        self._hall.show(f"Deleted “{clipped(title, _TITLE)}”.", "info", undo.offer(), _SESSION)

    # The session as a whole.

    def _on_opened(self) -> None:
        desk = self._session
        # What was deleted from another session cannot be brought back here.
        self._hall.withdraw("undo")
        self._hall.over(_SESSION)
        self._prompts.undo.forget(DeleteStep)
        self._showing.clear()
        rows, settings = desk.prompts()
        if rows:
            shared = _shared_settings(settings)
            self._prompts.set_kept(rows, settings.get("marks"), (shared.bos, shared.chat))
        self._name_window()
        notice = desk.session.notice or desk.session.missing()
        if notice:
            self._hall.show(notice, "warn", about=_SESSION)
        newest = {row.analysis: row.id for row in desk.rows()}
        for number in newest.values():
            result = desk.result(number)
            if result is not None:
                self._draw(result, self._tries_of(number))

    def _on_write_failed(self, problem: str) -> None:
        save, retry = ("Save as…", self._save_elsewhere), ("Try again", self._retry)
        offers = {"save_as": save, "retry_writing": retry}
        self._hall.show(problem, "bad", offers, _SESSION)

    def _save_elsewhere(self) -> None:
        if self._files.save_session_as():
            self._hall.withdraw("save_as")

    def _retry(self) -> None:
        self._hall.withdraw("retry_writing")
        self._session.retry()

    def _on_added_elsewhere(self, count: int) -> None:
        what = "1 result was" if count == 1 else f"{count} results were"
        self._hall.say(f"{what} added by another program", "info")

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        """Coming back to the window: others may have used the file meanwhile."""
        if state == Qt.ApplicationState.ApplicationActive and self._hall.window.isVisible():
            self._session.look_again()

    def _name_window(self) -> None:
        session = self._session.session
        title = "Lensbench" if session.is_temporary else f"{session.path.stem} – Lensbench"
        self._hall.window.setWindowTitle(title.replace("[*]", "[*][*]"))  # Qt's sign of changes
