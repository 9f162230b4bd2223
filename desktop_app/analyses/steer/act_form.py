"""The form of one intervention, and the ways to give it a vector."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QPushButton, QWidget

from desktop_app.analyses.steer import acts as data_of
from desktop_app.analyses.steer import vectors
from desktop_app.analyses.steer.feature_dialog import FeatureDialog
from desktop_app.pictures.words import clipped, plural
from desktop_app.support.errors import LensbenchError
from desktop_app.text.prompts import read_rows
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_in
from desktop_app.widgets.basics.menus import new_menu
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_on_button, plain_tip
from desktop_app.widgets.forms.params_form import ParamsForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtWidgets import QMenu

    from desktop_app.analyses.steer.vectors import Known
    from desktop_app.contract.result import ModelInfo
    from desktop_app.contract.steering import Intervention, Op

_SETS = {"from_texts": "From", "to_texts": "To"}
_NO_LABELS = "Give prompts of the table a label each, then a label's prompts are one click away"
_NO_VECTORS = (
    "Make one from two sets of texts and save it, or take a probe's direction: it is found here "
    "from then on"
)
_FILES = "Prompts (*.txt *.csv *.jsonl);;All files (*)"
_LONG = 40
_HELP_LINES = 3  # the form is narrow


class ActForm(QWidget):
    """What an intervention does, where, when, and with which vector.

    Signals:
        edited: The intervention that the form describes now.
        save_wanted: Its vector is to be saved.
        submitted: Enter was pressed in a field.
        said: A sentence for the status bar.
    """

    edited = Signal(object)
    save_wanted = Signal()
    submitted = Signal()
    said = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._act: Intervention | None = None
        self._model: ModelInfo | None = None
        self._elsewhere = False
        self._labelled: Mapping[str, tuple[str, ...]] = {}
        self.form: ParamsForm | None = None
        self.op = QComboBox()
        self.op.setAccessibleName("What is done")
        for op, title in data_of.OPS.items():
            self.op.addItem(title, op)
            place, role = self.op.count() - 1, Qt.ItemDataRole.ToolTipRole
            self.op.setItemData(place, plain_tip(data_of.OP_TIPS[op]), role)
        self._tip = label("", "small", wrap=True)
        self._room = QWidget()
        self._place = column_in(self._room, spacing=0)
        self._tools = self._build_tools()
        self._trouble = label("", "bad", wrap=True)
        column_in(
            self,
            row_in(None, self.op, None),
            self._tip,
            self._room,
            self._tools,
            self._trouble,
            None,
            spacing=8,
        )
        self.op.activated.connect(self._on_op)

    def _build_tools(self) -> QWidget:
        tools = QWidget()
        row = FlowLayout(tools, 4)
        made = {
            "texts": ("Two sets of texts", "Make the vector from texts instead of a file"),
            "known": ("Vectors…", "Vectors that were saved here, of this model"),
            "feature": ("Feature…", "A feature of a sparse autoencoder, by its folder and number"),
            "from_texts": ("From…", "Take the texts of From from the prompt table or a file"),
            "to_texts": ("To…", "Take the texts of To from the prompt table or a file"),
            "swap": ("Swap", "Exchange From and To: the vector turns round"),
            "save": ("Save vector…", "Save the vector of the result on screen as a file"),
        }
        self.tools: dict[str, QPushButton] = {}
        for name, (text, tip) in made.items():
            button = QPushButton(text)
            button.setToolTip(plain_tip(tip))
            button.setAccessibleName(tip)
            set_role(button, "quiet")
            row.addWidget(button)
            self.tools[name] = button
        self.tools["texts"].clicked.connect(partial(self._turn_into, "difference"))
        self.tools["known"].clicked.connect(self._on_known)
        self.tools["feature"].clicked.connect(self._on_feature)
        self.tools["from_texts"].clicked.connect(self._on_from)
        self.tools["to_texts"].clicked.connect(self._on_to)
        self.tools["swap"].clicked.connect(self._on_swap)
        self.tools["save"].clicked.connect(self.save_wanted)
        return tools

    # What it is told.

    def show_act(self, act: Intervention | None, model: ModelInfo | None) -> None:
        """Show an intervention; what is being typed into it stays where it says the same."""
        self._model = model
        before, self._act = self._act, act
        for part in (self.op, self._tip, self._room, self._tools):
            part.setVisible(act is not None)
        self._trouble.setVisible(False)
        if act is None:
            return
        kind = data_of.FORMS[act.op]
        if self.form is None or self.form.model_class is not kind or before is None:
            self._make_form(act.op)
        self.op.setCurrentIndex(self.op.findData(act.op))
        self._tip.setText(data_of.OP_TIPS[act.op])
        wanted = data_of.form_of(act)
        if self.form is not None and self.form.try_value() != wanted:
            self.form.set_value(wanted)
        self._show_tools(act)
        self._show_trouble()

    def take_labelled(self, labelled: Mapping[str, tuple[str, ...]]) -> None:
        """Take note of the prompt table's texts by their label."""
        self._labelled = labelled

    def trouble(self) -> str:
        """Return what is wrong with what the form says; empty where nothing is."""
        if self._act is None:
            return ""
        if self.form is not None and self.form.try_value() is None:
            return "A field of the intervention needs attention."
        missing = data_of.trouble(self._act, self._model)
        return missing or vectors.misfit(self._act, self._model, elsewhere=self._elsewhere)

    def let_elsewhere(self, elsewhere: bool) -> None:
        """Say whether vectors may act at another place than they were made at."""
        if elsewhere != self._elsewhere:
            self._elsewhere = elsewhere
            self._show_trouble()

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "act_op": self.op.currentText() if self._act is not None else "",
            "act_trouble": "" if self._trouble.isHidden() else self._trouble.text(),
            "act_tools": [name for name, b in self.tools.items() if not b.isHidden()],
        }

    # Within.

    def _make_form(self, op: Op) -> None:
        if self.form is not None:
            self._place.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self.form = ParamsForm(data_of.FORMS[op], help_lines=_HELP_LINES)
        self.form.setAccessibleName("Settings of the intervention")
        self.form.changed.connect(self._on_changed)
        self.form.submitted.connect(self.submitted)
        self._place.addWidget(self.form)

    def _show_tools(self, act: Intervention) -> None:
        filed = act.op in {"add", "set", "project_out"}
        sets = act.op == "difference"
        shown = {
            "texts": act.op == "add",
            "known": filed,
            "feature": filed,
            "from_texts": sets,
            "to_texts": sets,
            "swap": sets,
            "save": sets,
        }
        for name, button in self.tools.items():
            button.setVisible(shown[name])
        self._tools.setVisible(any(shown.values()))

    def _show_trouble(self) -> None:
        wrong = self.trouble()
        self._trouble.setText(wrong)
        self._trouble.setVisible(bool(wrong))

    def _on_changed(self) -> None:
        act, form = self._act, self.form
        value = None if form is None else form.try_value()
        if act is None or value is None:
            self._show_trouble()
            return
        self._give(data_of.act_of(act.op, value, act))

    def _give(self, act: Intervention) -> None:
        self._act = act
        self._show_trouble()
        self.edited.emit(act)

    def _on_op(self, _index: int) -> None:
        self._turn_into(self.op.currentData())

    def _turn_into(self, op: Op, *_clicked: object) -> None:
        if self._act is not None and op != self._act.op:
            act = data_of.with_op(self._act, op)
            self.show_act(act, self._model)
            self.edited.emit(act)

    def _fill(self, field: str, value: object) -> None:
        """Give the intervention another value of a field, and show it."""
        if self._act is not None:
            act = self._act.model_copy(update={field: value})
            self.show_act(act, self._model)
            self.edited.emit(act)

    # The vector.

    def _on_known(self) -> None:
        menu = new_menu(self)
        menu.setToolTipsVisible(True)
        found = vectors.kept(self._model)
        for one in found:
            entry = menu.addAction(plain_on_button(one.title))
            entry.setToolTip(plain_tip(one.tip))
            entry.triggered.connect(partial(self._take, one))
        if not found:
            entry = menu.addAction("No vector of this model was saved yet")
            entry.setEnabled(False)
            entry.setToolTip(plain_tip(_NO_VECTORS))
        self._open(menu, "known")

    def _take(self, one: Known, *_clicked: object) -> None:
        """Take a vector, and act where it was made."""
        if self._act is not None:
            act = self._act.model_copy(update={"file": one.file, **one.place})
            self.show_act(act, self._model)
            self.edited.emit(act)

    def _on_feature(self) -> None:
        dialog = FeatureDialog(self)
        dialog.chosen.connect(partial(self._fill, "file"))
        dialog.open()

    def _on_from(self) -> None:
        self._offer_texts("from_texts")

    def _on_to(self) -> None:
        self._offer_texts("to_texts")

    def _on_swap(self) -> None:
        act = self._act
        if act is not None:
            turned = {"from_texts": act.to_texts, "to_texts": act.from_texts}
            self.show_act(act.model_copy(update=turned), self._model)
            if self._act is not None:
                self.edited.emit(self._act)

    def _offer_texts(self, field: str) -> None:
        """Offer the table's labels, all of its prompts, and a file for a set of texts."""
        menu = new_menu(self)
        menu.setToolTipsVisible(True)
        for name, texts in self._labelled.items():
            title = f"label “{clipped(name, _LONG)}”" if name else "prompts without a label"
            entry = menu.addAction(plain_on_button(f"{title}: {plural(len(texts), 'prompt')}"))
            entry.triggered.connect(partial(self._fill, field, tuple(texts)))
        if not any(self._labelled):
            entry = menu.addAction("The table has no labels")
            entry.setEnabled(False)
            entry.setToolTip(plain_tip(_NO_LABELS))
        menu.addSeparator()
        menu.addAction("Prompts of a file…").triggered.connect(partial(self._ask_texts, field))
        self._open(menu, field)

    def _ask_texts(self, field: str, *_clicked: object) -> None:
        title = f"Texts of {_SETS[field]}"
        name = QFileDialog.getOpenFileName(self, title, "", _FILES)[0]
        if not name:
            return
        try:
            rows = read_rows(Path(name))
        except LensbenchError as error:
            self.said.emit(str(error))
            return
        self._fill(field, tuple(row.text for row in rows))
        self.said.emit(f"{plural(len(rows), 'text')} in {_SETS[field]}.")

    def _open(self, menu: QMenu, name: str) -> None:
        button = self.tools[name]
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))
