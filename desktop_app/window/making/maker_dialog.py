"""Making prompts of a family: its form, what comes of it, and whether the model does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from desktop_app.pictures.ranking import Ranking
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label
from desktop_app.widgets.basics.chip import ChipRow
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import column_in, filled
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.basics.tab_order import in_reading_order, step
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.forms.params_form import FormScroll, ParamsForm
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.window.making.maker_gate import GateBar
from desktop_app.window.making.maker_pair import PairPane
from desktop_app.window.making.maker_words import gate_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel
    from PySide6.QtGui import QHideEvent

    from desktop_app.window.making.maker_rows import Shown

PROMPTS, DROPPED, REFERENCE = "prompts", "dropped", "reference"
"""The pages of the dialog."""
_SIZE = QSize(940, 690)
_DEBOUNCE_MS = 150
_EMPTY = {
    PROMPTS: "No prompt is left: see “Left out” for why.",
    DROPPED: "Nothing was left out.",
    REFERENCE: "This family has no reference set.",
}
_TITLES = {PROMPTS: "Prompts", DROPPED: "Left out", REFERENCE: "Reference set"}
_NAMES = {
    PROMPTS: "Prompts of the family",
    DROPPED: "Prompts that were left out, and why",
    REFERENCE: "Reference prompts of the family",
}


class MakerDialog(QDialog):
    """A window beside the main one; nothing in it blocks.

    Attributes:
        gate: Whether the model does the prompts, and whether others are kept.
        banner: What was done, or what went wrong.

    Signals:
        family_chosen: The name of another family.
        form_changed: A pause after its form was changed.
        put_wanted: The prompts are to `replace` those of the table, or to `append`.
        save_wanted: The prompts are to be written to a file.
        reference_wanted: The reference set is wanted, by the analysis of that name; empty: by all.

        help_wanted: What families and reference sets are is asked.
        closed: It is no longer to be seen.
    """

    family_chosen = Signal(str)
    form_changed = Signal()
    put_wanted = Signal(str)
    save_wanted = Signal()
    reference_wanted = Signal(str)
    help_wanted = Signal()
    closed = Signal()

    def __init__(self, families: Mapping[str, tuple[str, str]], parent: QWidget) -> None:
        """Make it for families by name, each with its title and a sentence."""
        super().__init__(parent)
        self.setWindowTitle("Make prompts")
        self.resize(_SIZE.boundedTo(self.screen().availableSize() - QSize(24, 56)))
        self._families = dict(families)
        self.family = QComboBox()
        self._about = ElidedLabel("", "muted")
        self._form: ParamsForm | None = None
        self._room = QWidget()
        self._room_column = column_in(self._room)
        self.tables = {name: RankingList(told) for name, told in _NAMES.items()}
        self.pages = Pages(*((name, title, self.tables[name]) for name, title in _TITLES.items()))
        self._pair = PairPane()
        self._shown: Shown | None = None
        self._sum = ElidedLabel("", "small")
        self._chips = ChipRow(lines=2, explains=True)
        self.gate = GateBar()
        self.banner = Banner()
        self._replace, self._append = QPushButton("Replace table"), QPushButton("Append to table")
        self._save, self._close = QPushButton("Save…"), QPushButton("Close")
        self._use = QPushButton("Use as reference")
        self._menu = QMenu(self._use)
        self._delay = QTimer(self, singleShot=True, interval=_DEBOUNCE_MS)
        self._build()
        self._connect()
        self.show_nothing("")

    # What the desk tells.

    def show_family(self, name: str, value: BaseModel) -> None:
        """Show the form of a family, filled."""
        with QSignalBlocker(self.family):
            self.family.setCurrentIndex(self.family.findData(name))
        self._about.set_full_text(self._families[name][1])
        if self._form is None or type(value) is not self._form.model_class:
            self._set_form(ParamsForm(type(value)))
        if self._form is not None:
            self._form.set_value(value)

    def form(self) -> ParamsForm:
        """Return the form that is shown.

        Raises:
            RuntimeError: No family was shown yet.
        """
        if self._form is None:
            raise RuntimeError("no family is shown")
        return self._form

    def show_prompts(self, shown: Shown, model: str) -> None:
        """Show prompts with all that is known of them; the name of the open model, if any."""
        self.tables[PROMPTS].set_ranking(shown.table())
        self.tables[DROPPED].set_ranking(shown.left_out())
        if self._shown is None or self._shown.made is not shown.made:  # there may be thousands
            self.tables[REFERENCE].set_ranking(shown.references())
        self.tables[PROMPTS].set_empty_text(shown.empty() or _EMPTY[PROMPTS])
        chips = shown.chips()
        self._chips.set_chips(chips)
        self._chips.setVisible(bool(chips))
        self._sum.set_full_text(shown.sentence())
        self._shown = shown
        self._name_pages(shown.counts())
        self._show_pair()
        told = gate_words(shown, model)
        self.gate.say(told.sentence, told.severity, told.rule)
        self.gate.let_try(told.why_not)
        self.gate.let_keep(allowed=shown.is_tried)
        self._offer(prompts=len(shown.places), reference=len(shown.made.reference))

    def show_nothing(self, why: str) -> None:
        """Show that there are no prompts, and why."""
        for table in self.tables.values():
            table.set_ranking(Ranking(()))
        self.tables[PROMPTS].set_empty_text(why)
        self._chips.set_chips(())
        self._chips.hide()
        self._sum.set_full_text("")
        self._shown = None
        self._name_pages((0, 0, 0))
        self._show_pair()
        self.gate.say("", "info", "")
        self.gate.let_try(why)
        self.gate.let_keep(allowed=False)
        self._offer(prompts=0, reference=0)

    def say(self, words: str) -> None:
        """Say something in the place of the sum."""
        self._sum.set_full_text(words)

    def _name_pages(self, counts: Sequence[int]) -> None:
        """Write on each page's button how much is on it."""
        for (page, title), count in zip(_TITLES.items(), counts, strict=True):
            self.pages.choice.set_option_label(page, f"{title} {count:,}" if count else title)

    @Slot()
    def _show_pair(self, _key: object = None) -> None:
        """Show the chosen prompt and its twin whole, else the first."""
        shown, table = self._shown, self.tables[PROMPTS]
        place = table.selected_key() if shown is not None else None
        if place is None and shown is not None and shown.places:
            place = shown.places[0]
        if shown is None or place is None or self.pages.page() != PROMPTS:
            self._pair.show_texts("", "")
        else:
            self._pair.show_texts(*shown.texts(int(place)))

    def _offer(self, *, prompts: int, reference: int) -> None:
        """Let be done what can be done with so many prompts and reference prompts."""
        for button in (self._replace, self._append, self._save):
            button.setEnabled(prompts > 0)
        self._use.setEnabled(reference > 0)

    def offer_references(self, takers: Sequence[tuple[str, str]]) -> None:
        """Name the analyses that take reference prompts: name and title of each."""
        self._menu.clear()
        for name, title in (("", "All that take reference prompts"), *takers):
            self._menu.addAction(title).setData(name)
        self._menu.insertSeparator(self._menu.actions()[1])

    def flush(self) -> None:
        """Do not wait for the next change of the form any longer."""
        if self._delay.isActive():
            self._delay.stop()
            self.form_changed.emit()

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data."""
        return {
            "family": self.family.currentData(),
            "page": self.pages.page(),
            "sum": self._sum.full_text(),
            "said": "" if self.banner.isHidden() else self.banner.text(),
            "chips": [chip.text() for chip in self._chips.chips()],
            **{name: table.texts() for name, table in self.tables.items()},
            "pair": self._pair.texts(),
            **self.gate.read_out(),
        }

    # Qt.

    @override
    def focusNextPrevChild(self, forward: bool) -> bool:
        # The form is made later than what stands below it.
        return step(in_reading_order(self), forward=forward)

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self._delay.stop()
        super().hideEvent(event)
        self.closed.emit()

    # Within.

    def _build(self) -> None:
        for name, (title, _sentence) in self._families.items():
            self.family.addItem(title, name)
        self.family.setAccessibleName("Family")
        self.family.setMinimumWidth(210)
        for name, table in self.tables.items():
            table.set_empty_text(_EMPTY[name])
        self.pages.beside.addWidget(self._sum, 1)
        self._sum.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._chips.hide()
        set_role(self._replace, "primary")
        self._use.setMenu(self._menu)
        bind_icon(self._save, "save")
        tips = {
            self._replace: "Put these prompts in the place of the table's; this can be undone",
            self._append: "Put these prompts below the table's; this can be undone",
            self._save: "Write these prompts to a .csv or .jsonl file",
            self._use: "Put the reference set where an analysis takes reference prompts",
        }
        for button, tip in tips.items():
            button.setToolTip(plain_tip(tip))
        for button in (*tips, self._close):
            button.setAutoDefault(False)  # Enter in a number would press one
        about = icon_button("help", "What families and reference sets are")
        about.clicked.connect(self.help_wanted)
        head = (label("Family"), self.family, (self._about, 1), about)
        line = filled(QHBoxLayout(), *head, spacing=10)
        puts = (self._close, self._append, self._replace)
        below = filled(QHBoxLayout(), self._save, self._use, None, *puts, spacing=8)
        filled(
            QVBoxLayout(self),
            *(
                line,
                self._room,
                (self.pages, 1),
                self._pair,
                self._chips,
                self.gate,
                self.banner,
                below,
            ),
            margins=(16, 14, 16, 14),
            spacing=10,
        )

    def _connect(self) -> None:
        self.family.activated.connect(self._on_family_activated)
        self._delay.timeout.connect(self.form_changed)
        self._replace.clicked.connect(self._on_replace)
        self._append.clicked.connect(self._on_append)
        self._save.clicked.connect(self._on_save)
        self._close.clicked.connect(self.reject)
        self._menu.triggered.connect(self._on_menu)
        self.pages.changed.connect(self._show_pair)
        self.tables[PROMPTS].row_selected.connect(self._show_pair)

    def _set_form(self, form: ParamsForm) -> None:
        while (item := self._room_column.takeAt(0)) is not None:
            old = item.widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        self._form = form
        box = FormScroll(form)
        self._room_column.addWidget(box)
        box.watch(self)
        form.changed.connect(self._delay.start)
        form.changed.connect(self.banner.dismiss)
        form.submitted.connect(self.flush)

    @Slot(int)
    def _on_family_activated(self, _place: int) -> None:
        self.flush()
        self.family_chosen.emit(str(self.family.currentData()))

    @Slot()
    def _on_replace(self) -> None:
        self.flush()
        self.put_wanted.emit("replace")

    @Slot()
    def _on_append(self) -> None:
        self.flush()
        self.put_wanted.emit("append")

    @Slot()
    def _on_save(self) -> None:
        self.flush()
        self.save_wanted.emit()

    def _on_menu(self, action: Any) -> None:
        self.flush()
        self.reference_wanted.emit(str(action.data()))
