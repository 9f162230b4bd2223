"""Prompts of a family: made on the compute thread, tried, and put where they are wanted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import write_prompts
from desktop_app.window.frame import dialogs
from desktop_app.window.frame.actions import in_menu
from desktop_app.window.making.maker_rows import Seen, Shown, seen_of
from desktop_app.window.making.reference_desk import families, takers
from desktop_app.window.prompts.prompt_rows import typed
from desktop_app.window.runs.showing import asked_rows
from desktop_app.window.runs.tasks_known import shared_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.contract.result import Result
    from desktop_app.jobs.events import JobProgress
    from desktop_app.text.made.forms import Form
    from desktop_app.text.made.making import Made
    from desktop_app.window.frame.actions import ActionSpec
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.making.maker_dialog import MakerDialog
    from desktop_app.window.making.reference_desk import ReferenceDesk
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.conductor import Conductor
    from desktop_app.window.runs.gate_desk import GateDesk
    from desktop_app.window.runs.tasks_known import Key

MOST_SEEN = 20_000
_HELP = "start", "Prompts of a family"
_WAITS = "Waits for the running job…"


class MakerDesk(QObject):
    """Opens the dialog, and carries its wishes out.

    Attributes:
        dialog: The dialog; None before it was opened.
    """

    def __init__(
        self,
        hall: Hall,
        panel: PromptPanel,
        conductor: Conductor,
        gate: GateDesk,
        references: ReferenceDesk,
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._panel = panel
        self._conductor = conductor
        self._gate = gate
        self._references = references
        self.dialog: MakerDialog | None = None
        self._forms: dict[str, Form] = {}
        self._name = ""
        self._made: Made | None = None
        self._asked: tuple[object, ...] = ()
        self._made_of: tuple[object, ...] = ()
        self._then: Callable[[], None] | None = None
        self._seen: dict[Key, Seen] = {}
        conductor.made_arrived.connect(self._on_made)
        conductor.made_failed.connect(self._on_made_failed)
        conductor.gate_arrived.connect(self._on_tried)
        conductor.gate_failed.connect(self._on_not_tried)
        conductor.job_moved.connect(self._on_job_moved)
        conductor.model_ready.connect(self._renew)
        panel.prompts_changed.connect(self._renew)
        gate.learned.connect(self._show)

    def action_specs(self) -> list[ActionSpec]:
        """Return what opens the dialog."""
        tip = "Numbers, months, indirect objects …: clean prompts, corrupt twins, a reference set"
        row = ("make_prompts", "Make prompts…", 48, self.open_dialog, "Ctrl+Shift+M", "sequence")
        return in_menu("&Prompts", (*row, tip, True))

    def open_dialog(self) -> MakerDialog:
        """Show the dialog, as it was left."""
        if self.dialog is None:
            self.dialog = self._make_dialog()
        self.dialog.offer_references(takers())
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self._ask()
        return self.dialog

    def close(self) -> None:
        """Close the dialog: it would outlive the window."""
        if self.dialog is not None:
            self.dialog.close()

    def choose(self, name: str, form: Form | None = None) -> None:
        """Show another family, with a form or as it was left."""
        found = families()[name]
        self._name = name
        self._forms[name] = form or self._forms.get(name) or found.form()
        if self.dialog is not None:
            self.dialog.show_family(name, self._forms[name])
        self._ask()

    # The dialog.

    def _make_dialog(self) -> MakerDialog:
        from desktop_app.window.making.maker_dialog import (  # noqa: PLC0415 - when first opened
            MakerDialog,
        )

        told = {n: (f.title, f"{f.summary} {f.example}") for n, f in families().items()}
        dialog = MakerDialog(told, self._hall.window)
        dialog.family_chosen.connect(self.choose)
        dialog.form_changed.connect(self._on_form_changed)
        dialog.put_wanted.connect(self._put)
        dialog.save_wanted.connect(self._save)
        dialog.reference_wanted.connect(self._use_reference)
        dialog.help_wanted.connect(partial(self._hall.heading_wanted.emit, *_HELP))
        dialog.closed.connect(self._on_closed)
        dialog.gate.wanted.connect(self._try)
        dialog.gate.cancelled.connect(self._stop_trying)
        dialog.gate.keep_changed.connect(self._show)
        name, form = self._references.asked()
        self._name = name or next(iter(told))
        self._forms[self._name] = form or families()[self._name].form()
        dialog.show_family(self._name, self._forms[self._name])
        return dialog

    def _on_closed(self) -> None:
        """Take back what waits, and stop a trial: nobody looks for them any more."""
        self._then = None
        self._stop_trying()

    def _on_form_changed(self) -> None:
        if self.dialog is None:
            return
        value = self.dialog.form().try_value()
        if value is None:
            self._forget("A setting needs attention.")
        else:
            self._forms[self._name] = value
            self._ask()

    def _ask(self) -> None:
        """Ask for the prompts of the form, unless these are shown."""
        if self.dialog is None or self.dialog.isHidden() or not self._name:
            return
        wanted = (self._name, self._forms[self._name], self._references.reader())
        if wanted == self._asked:
            if self._made_of == wanted:
                self._show()
            return
        self._stop_trying()
        self._asked, self._then = wanted, None
        self._conductor.make_prompts(self._name, self._forms[self._name], self._references.bos())
        if self._conductor.is_busy():
            self.dialog.say(_WAITS)

    def _renew(self, _what: object = None) -> None:
        """Make them anew where another model, or another setting, reads them otherwise."""
        self._ask()

    def _on_made(self, made: Made, of_table: bool) -> None:
        name = self._name if self._asked else ""  # none where the form holds no good value now
        if not of_table and made.family == name and made.form == self._forms.get(name):
            self._made, self._made_of = made, self._asked
            self._show()
            then, self._then = self._then, None
            if then is not None:
                then()

    def _on_made_failed(self, message: str, of_table: bool) -> None:
        if not of_table:
            self._forget(message)

    def _forget(self, why: str) -> None:
        self._made, self._asked, self._then = None, (), None
        self._stop_trying()
        if self.dialog is not None:
            self.dialog.show_nothing(why)

    def _shown(self) -> Shown | None:
        """Return the prompts with all that is known of them."""
        made, dialog = self._made, self.dialog
        if made is None or dialog is None:
            return None
        shared, rows = self._gate.shared(), made.prompts
        if shared is None:
            return Shown(made, (None,) * len(rows), (None,) * len(rows))
        seen = tuple(self._seen.get(shared.key(row)) for row in rows)
        done = self._gate.kept.verdicts(shared, rows)
        return Shown(made, done, seen, dialog.gate.keeps())

    def _show(self, _what: object = None) -> None:
        shown = self._shown()
        if self.dialog is not None and shown is not None:
            ready = self._conductor.model
            self.dialog.show_prompts(shown, "" if ready is None else ready.info.label)

    # Whether the model does it.

    def _try(self) -> None:
        """Rank them; the job bar and the dialog say how far it is."""
        made = self._made
        if self.dialog is None or made is None or not made.prompts:
            return
        self.dialog.gate.show_trying(True)
        self._conductor.gate(
            made.prompts, self._references.bos(), chat=self._panel.shared_settings()["chat"]
        )

    def _stop_trying(self) -> None:
        self._conductor.stop_kind("gate")
        if self.dialog is not None:
            self.dialog.gate.show_trying(False)

    def _on_tried(self, result: Result) -> None:
        if len(self._seen) > MOST_SEEN:
            self._seen.clear()
        shared = shared_of(result)
        for row, seen in zip(asked_rows(result), seen_of(result), strict=True):
            self._seen[shared.key(row)] = seen
        self._on_not_tried("")

    def _on_not_tried(self, message: str) -> None:
        if self.dialog is not None:
            self.dialog.gate.show_trying(False)
            self._show()
            if message:
                self.dialog.banner.show_message(message, "bad")

    def _on_job_moved(self, event: JobProgress) -> None:
        if self.dialog is not None and self._conductor.is_trying():
            self.dialog.gate.show_progress(event)

    # Where they are wanted.

    def _waits(self, then: Callable[[], None]) -> bool:
        """Return whether the form's prompts are not made yet; then it is done as they come."""
        if self._made_of == self._asked:
            return False
        self._then = then
        return True

    def _put(self, how: str) -> None:
        """Put what is kept into the table, as one step."""
        if self._waits(partial(self._put, how)):
            return
        shown = self._shown()
        if shown is None or self.dialog is None or not shown.prompts:
            return
        title, rows = families()[shown.made.family].title, shown.prompts
        had = any(not row.is_empty for row in self._panel.rows())
        words = f"{plural(len(rows), 'prompt')} of {title}"
        self._references.put(shown.made)
        self.dialog.hide()
        if how == "append":
            self._panel.table.add_rows([typed(row) for row in rows], f"appending {words}")
        else:
            self._panel.set_prompts(rows, f"making {words}")
        self._panel.flush()
        self._panel.table.setFocus()
        place = "stand below the others" if how == "append" and had else "stand in the table"
        self._hall.show(f"{words} {place}.", "info", self._panel.undo.offer())

    def _save(self) -> None:
        """Write what is kept to a file."""
        if self._waits(self._save):
            return
        shown = self._shown()
        if shown is None or self.dialog is None:
            return
        name = f"{shown.made.family}.csv"
        path = dialogs.ask_save(self.dialog, "Save prompts", name, dialogs.PROMPT_FILTER)
        if path is not None:
            try:
                write_prompts(path, shown.prompts)
            except LensbenchError as error:
                self.dialog.banner.show_message(str(error), "bad")
            else:
                self.dialog.banner.show_message(f"Saved {path.name}.", "good")

    def _use_reference(self, analysis: str) -> None:
        if self._waits(partial(self._use_reference, analysis)):
            return
        shown = self._shown()
        if shown is not None and self.dialog is not None:
            said = self._references.use(analysis, shown.made)
            self.dialog.banner.show_message(said, "good")
