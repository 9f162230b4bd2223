"""Reference prompts of forms: the set of the table's family in one click, or a file's prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QObject

from desktop_app.contract.registry import ANALYSES
from desktop_app.pictures.words import plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_rows
from desktop_app.views.base import AnalysisView
from desktop_app.widgets.forms.form_editors import PROMPT_FILES
from desktop_app.widgets.forms.params_form import GROUPS
from desktop_app.widgets.forms.text_sources import FAMILY
from desktop_app.window.frame import dialogs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.params import PromptRow
    from desktop_app.text.made.families import PromptFamily
    from desktop_app.text.made.forms import Form
    from desktop_app.text.made.making import Made
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.prompts.prompt_rows import TypedRow
    from desktop_app.window.runs.conductor import Bos, Conductor
    from desktop_app.window.settings import Memory

_MOST_TEXTS = 500
_OTHERS = (
    "The table holds no prompts of {}, which were made last: make prompts of its family (Make "
    "prompts…), and their reference set is one click away."
)
_EMPTY = "The family {} was made without a reference set: make it with one (Make prompts…)."


def takers() -> tuple[tuple[str, str], ...]:
    """Return name and title of the analyses that take reference prompts."""
    return tuple((name, a.title) for name, a in ANALYSES.items() if _fields(name))


def _fields(analysis: str) -> tuple[str, ...]:
    """Return the settings of an analysis that hold prompts."""
    own = ANALYSES[analysis].params.own_fields()
    extras = {name: field.json_schema_extra or {} for name, field in own.items()}
    return tuple(name for name, extra in extras.items() if extra.get("cli") in PROMPT_FILES)


def families() -> dict[str, PromptFamily]:
    """Return the families of prompts by name."""
    from desktop_app.text.made.families import FAMILIES  # noqa: PLC0415 - with the first one

    return {family.name: family for family in FAMILIES}


class ReferenceDesk(QObject):
    """Knows of which family the table's prompts are, and fills forms with its reference set."""

    def __init__(
        self, hall: Hall, memory: Memory, panel: PromptPanel, conductor: Conductor
    ) -> None:
        super().__init__(hall)
        self._hall = hall
        self._memory = memory
        self._panel = panel
        self._conductor = conductor
        self._made: Made | None = None
        self._made_by: object = None
        self._waiting: tuple[AnalysisView, str] | None = None
        self._offered = ("", "")
        hall.views.built.connect(self._on_view_built)
        panel.prompts_changed.connect(self._offer)
        panel.prompts_changed.connect(self._tell_labels)
        conductor.made_arrived.connect(self._on_made)
        conductor.made_failed.connect(self._on_made_failed)

    # The family of the table.

    def reader(self) -> object:
        """Return what tells how texts become tokens now."""
        ready, shared = self._conductor.model, self._panel.shared_settings()
        return (ready.info.fingerprint if ready is not None else "", shared["bos"])

    def asked(self) -> tuple[str, Form | None]:
        """Return family and form of the prompts that were put into the table last."""
        note: dict[str, Any] = self._memory.settings.made
        family = families().get(str(note.get("family", ""))) if note else None
        if family is None:
            return "", None
        try:
            return family.name, family.form.model_validate(note.get("form", {}))
        except ValidationError:
            return family.name, None

    def put(self, made: Made) -> None:
        """Take note of prompts that go into the table."""
        self._made, self._made_by = made, self.reader()
        note = {
            "family": made.family,
            "form": made.form.model_dump(mode="json"),
            "texts": [row.text for row in made.prompts[:_MOST_TEXTS]],
        }
        self._memory.change(made=note)

    def _offer(self) -> None:
        """Offer the set where the table still holds prompts of its family."""
        note = self._memory.settings.made
        title = self._title(str(note.get("family", ""))) if note else ""
        texts = set(note.get("texts", ())) if note else set()
        now = "", ""
        if title and any(row.prompt in texts for row in self._panel.rows()):
            now = title, f"Put the reference set of the table's family here: {title}"
        elif title:
            now = "", _OTHERS.format(title)
        if now != self._offered:
            self._offered = now
            for view in self._hall.views.standing():
                view.offer_family(*now)

    def _title(self, name: str) -> str:
        family = families().get(name)
        return "" if family is None else family.title

    def _tell_labels(self) -> None:
        """Tell all views which texts of the table have which label."""
        labelled = labelled_texts(self._panel.rows())
        for view in self._hall.views.standing():
            view.take_labelled(labelled)

    # Into forms.

    def use(self, analysis: str, made: Made) -> str:
        """Put a reference set where an analysis takes one, or all do; say so in a sentence."""
        for name, _title in takers():
            if analysis in {"", name}:
                view = self._hall.views[name]
                for field in view.borrowing():
                    _fill(view, field, made.reference)
        if analysis:
            self._hall.views.open(analysis)
            view = self._hall.views[analysis]
            for field in view.borrowing()[:1]:
                view.show_setting(field)
        where = ANALYSES[analysis].title if analysis else "all analyses that take them"
        count = plural(len(made.reference), "reference prompt")
        return f"{count} of {self._title(made.family)} stand in {where}."

    def _on_view_built(self, view: AnalysisView) -> None:
        view.take_labelled(labelled_texts(self._panel.rows()))
        if view.borrowing():
            view.texts_wanted.connect(self._on_texts_wanted)
            view.offer_family(*self._offered)

    def _on_texts_wanted(self, field: str, source: str) -> None:
        view = self.sender()
        if not isinstance(view, AnalysisView):
            return
        if source == FAMILY:
            self._fill_with_family(view, field)
        else:
            self._fill_with_file(view, field)

    def _fill_with_family(self, view: AnalysisView, field: str) -> None:
        if self._made is not None and self._made_by == self.reader():
            self._fill(view, field, self._made.reference)
            return
        name, form = self.asked()
        if form is not None:
            self._waiting = view, field
            self._conductor.make_prompts(name, form, self.bos(), of_table=True)
            self._hall.say("The reference set is being made.", "info")

    def bos(self) -> Bos:
        """Return the setting of the beginning-of-sequence token."""
        chosen: Bos = self._panel.shared_settings()["bos"]
        return chosen

    def _fill_with_file(self, view: AnalysisView, field: str) -> None:
        path = dialogs.ask_open(self._hall.window, "Reference prompts", dialogs.TEXT_FILTER)
        if path is None:
            return
        try:
            rows = read_rows(path)
        except LensbenchError as error:
            self._hall.show_problem(str(error))
            return
        self._fill(view, field, rows)

    def _fill(self, view: AnalysisView, field: str, rows: Sequence[PromptRow]) -> None:
        if not rows:
            self._hall.say(_EMPTY.format(self._offered[0]), "warn")
            return
        _fill(view, field, rows)
        count = plural(len(rows), "reference prompt")
        self._hall.say(f"{count} in {view.analysis.title}.", "good")

    def _on_made(self, made: Made, of_table: bool) -> None:
        if not of_table:
            return
        self._made, self._made_by = made, self.reader()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._fill(*waiting, made.reference)

    def _on_made_failed(self, message: str, of_table: bool) -> None:
        if of_table and self._waiting is not None:
            self._waiting = None
            self._hall.show_problem(message)


def labelled_texts(rows: Sequence[TypedRow]) -> dict[str, tuple[str, ...]]:
    """Return the texts of the table by their label, in order; those without one under ""."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.prompt:
            found.setdefault(row.label, []).append(row.prompt)
    return {label: tuple(texts) for label, texts in found.items()}


def _fill(view: AnalysisView, field: str, rows: Sequence[PromptRow]) -> None:
    """Fill a setting with prompts, and with their groups the one beside it where there is one."""
    view.fill_texts(field, [row.text for row in rows])
    groups = [row.group for row in rows]
    if field + GROUPS in view.analysis.params.own_fields():
        view.fill_texts(field + GROUPS, groups if len(set(groups)) > 1 and all(groups) else ())
