"""The page of the interventions: which there are, in words, and the form of the chosen one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from desktop_app.analyses.steer import acts as data_of
from desktop_app.analyses.steer.act_form import ActForm
from desktop_app.analyses.steer.made import made_params
from desktop_app.analyses.steer.options import NAMES, SharedForm, shared_of
from desktop_app.analyses.steer.options import settings_of as shared_settings
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.analyses.steer.spec import MAX_INTERVENTIONS
from desktop_app.analyses.steer.vectors import misfit, proposed, save, vector_of
from desktop_app.support.errors import BadInputError
from desktop_app.support.guard import override
from desktop_app.views.frame import label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.menus import new_menu
from desktop_app.widgets.basics.tab_order import give_keys
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.forms.params_form import ParamsForm
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import ModelInfo, Result
    from desktop_app.contract.steering import Intervention, Op

_NONE = "Nothing is changed. Add an intervention."
_SEVERAL = (
    "At one place they act in the order zero, scale, set, add, project out, whatever their order "
    "here. The first is the one that a sweep and the strength vary."
)
_BAD = "A setting needs attention: open the settings above."
_ADD = "Add an intervention: choose what it does"
_FULL = f"There are {MAX_INTERVENTIONS} interventions, the most that one run takes."


class ActsPage(SteerPage):
    """A list of interventions and the form of the chosen one; what is edited goes to the settings.

    Only the settings hold what is run: the list shows what they say.

    Signals:
        texts_wanted: (name of a setting, its source): it is to be filled from elsewhere.
    """

    name = "acts"
    title = "Interventions"
    draws_alone = True

    texts_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._params: SteerParams | None = None
        self._acts: tuple[Intervention, ...] = ()
        self._chosen: int | None = None
        self._model: ModelInfo | None = None
        self._result: Result | None = None
        self._made: SteerParams | None = None
        self._gone: list[tuple[int, Intervention]] = []
        self._summary = label("", "", wrap=True)
        self.list = RankingList("Interventions")
        self.list.set_empty_text(_NONE)
        self.list.setMinimumHeight(110)
        self._order = label(_SEVERAL, "small", wrap=True)
        self.form = ActForm()
        self.form.setMinimumWidth(300)
        left = panel(self._build_buttons(), (self.list, 1), self._order)
        left.setMinimumWidth(300)
        right = panel(self.form)
        split = Reflow((left, 2, 380, 210), (right, 3, 520, 240))
        self.shared = ParamsForm(SharedForm)
        self.shared.setAccessibleName("Settings that all interventions share")
        column_in(self, panel(self._summary), (split, 1), panel(self.shared), spacing=8)
        self._connect()
        self._show()

    def _build_buttons(self) -> QWidget:
        self.add = QPushButton("Add")
        self.add.setToolTip(plain_tip(_ADD))
        bind_icon(self.add, "add")
        self.again = icon_button("copy", "Add another like the chosen one")
        self.remove = icon_button("remove", "Remove the chosen intervention")
        self.up = icon_button("chevron-up", "Move the chosen intervention up")
        self.down = icon_button("chevron-down", "Move the chosen intervention down")
        self.back = QPushButton("Bring back")
        bind_icon(self.back, "undo")
        holder = QWidget()
        row_in(
            holder,
            self.add,
            self.back,
            None,
            self.up,
            self.down,
            self.again,
            self.remove,
            spacing=2,
        )
        return holder

    def _connect(self) -> None:
        self.add.clicked.connect(self._on_add)
        self.again.clicked.connect(self._on_again)
        self.remove.clicked.connect(self._on_remove)
        self.back.clicked.connect(self._on_back)
        self.up.clicked.connect(partial(self._move, -1))
        self.down.clicked.connect(partial(self._move, 1))
        self.list.row_selected.connect(self._on_row)
        self.form.edited.connect(self._on_edited)
        self.form.said.connect(self.message)
        self.form.save_wanted.connect(self._on_save)
        self.shared.changed.connect(self._on_shared)
        self.form.submitted.connect(self._on_submitted)
        self.shared.submitted.connect(self._on_submitted)
        self.shared.texts_wanted.connect(self.texts_wanted)

    # What it is told.

    @override
    def take_params(self, params: SteerParams | None) -> None:
        self._params = params
        if params is None:
            self._show()
            return
        shared = shared_of(params)
        if self.shared.try_value() != shared:
            self.shared.set_value(shared)
        self.form.let_elsewhere(params.elsewhere)
        acts = data_of.acts_of(params)
        if acts != self._acts:
            self._acts, self._gone = acts, []
            last = len(acts) - 1
            self._chosen = None if last < 0 else min(self._chosen or 0, last)
        self._show()

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        self._result, self._model = result, result.model
        self._made = made_params(result.params)
        self._show()

    @override
    def forget(self) -> None:
        self._result = self._made = None
        self._show()

    @override
    def take_labelled(self, labelled: Mapping[str, tuple[str, ...]]) -> None:
        self.form.take_labelled(labelled)

    @override
    def shows_setting(self, name: str) -> bool:
        return name in NAMES

    @override
    def show_setting(self, name: str) -> None:
        give_keys(self.shared.editor(name), Qt.FocusReason.ShortcutFocusReason)

    @override
    def offer_family(self, title: str, tip: str) -> None:
        self.shared.offer_family(title, tip)

    @override
    def read(self) -> dict[str, Any]:
        return {
            "acts": self._summary.text(),
            "acts_rows": self.list.texts(),
            "acts_chosen": self._chosen,
            **self.form.read(),
        }

    @override
    def trouble(self) -> str:
        wrong = self.form.trouble()
        if wrong and self._chosen is not None:
            return f"Intervention {self._chosen + 1}: {_lower(wrong)}"
        misfits = self._misfits()
        for place, act in enumerate(self._acts):
            if missing := data_of.trouble(act) or misfits[place]:
                self._chosen = place
                self._show()
                return f"Intervention {place + 1}: {_lower(missing)}"
        return ""

    # Within.

    def _show(self) -> None:
        acts, chosen = self._acts, self._chosen
        bad = self._params is None
        self._summary.setText(_BAD if bad else data_of.summary(acts))
        self.list.set_ranking(data_of.acts_ranking(acts, self._model, self._misfits()))
        self.list.select_key(chosen)
        self._order.setVisible(len(acts) > 1)
        act = None if chosen is None or chosen >= len(acts) else acts[chosen]
        self.form.show_act(act, self._model)
        for button in (self.again, self.remove):
            button.setEnabled(act is not None and not bad)
        self.again.setEnabled(self.again.isEnabled() and len(acts) < MAX_INTERVENTIONS)
        self.add.setEnabled(not bad and len(acts) < MAX_INTERVENTIONS)
        full = len(acts) >= MAX_INTERVENTIONS
        self.back.setVisible(bool(self._gone))
        if self._gone:
            told = data_of.sentence(self._gone[-1][1])
            self.back.setToolTip(plain_tip(f"Bring back what was removed: {_lower(told)}"))
        self.back.setEnabled(not bad and not full)
        self.add.setToolTip(plain_tip(_FULL if full else _ADD))
        self.up.setEnabled(act is not None and not bad and bool(chosen))
        self.down.setEnabled(act is not None and not bad and chosen != len(acts) - 1)

    def _misfits(self) -> list[str]:
        """Return of each intervention why its vector cannot be taken."""
        elsewhere = self._params is not None and self._params.elsewhere
        return [misfit(act, self._model, elsewhere=elsewhere) for act in self._acts]

    def _give(self, acts: Sequence[Intervention], chosen: int | None) -> None:
        """Have the settings do these."""
        if self._params is None:
            return
        self._acts, self._chosen = tuple(acts), chosen
        changes = data_of.settings_of(self._acts, self._params)
        self._show()
        self.settings_wanted.emit(changes)

    def _on_add(self) -> None:
        menu = new_menu(self)
        menu.setToolTipsVisible(True)
        for op, title in data_of.OPS.items():
            entry = menu.addAction(title)
            entry.setToolTip(plain_tip(data_of.OP_TIPS[op]))
            entry.triggered.connect(partial(self._add, op))
        menu.popup(self.add.mapToGlobal(QPoint(0, self.add.height())))

    def _add(self, op: Op, *_clicked: object) -> None:
        new = data_of.new_act(op, self._acts, self._model)
        self._give((*self._acts, new), len(self._acts))

    def _on_again(self) -> None:
        if self._chosen is not None:
            at = self._chosen + 1
            acts = (*self._acts[:at], self._acts[self._chosen], *self._acts[at:])
            self._give(acts, at)

    def _on_remove(self) -> None:
        if self._chosen is not None:
            self._gone.append((self._chosen, self._acts[self._chosen]))
            acts = (*self._acts[: self._chosen], *self._acts[self._chosen + 1 :])
            self._give(acts, None if not acts else min(self._chosen, len(acts) - 1))

    def _on_back(self) -> None:
        """Bring back what was removed last, with all that was typed in it."""
        place, act = self._gone.pop()
        place = min(place, len(self._acts))
        self._give((*self._acts[:place], act, *self._acts[place:]), place)

    def _move(self, by: int, *_clicked: object) -> None:
        chosen = self._chosen
        if chosen is None or not 0 <= chosen + by < len(self._acts):
            return
        acts = list(self._acts)
        acts[chosen], acts[chosen + by] = acts[chosen + by], acts[chosen]
        self._give(acts, chosen + by)

    def _on_row(self, key: object) -> None:
        if isinstance(key, int) and key != self._chosen:
            self._chosen = key
            self._show()

    def _on_edited(self, act: Intervention) -> None:
        if self._chosen is not None:
            acts = list(self._acts)
            acts[self._chosen] = act
            self._give(acts, self._chosen)

    def _on_submitted(self) -> None:
        """Run, as Enter does in the settings."""
        self.run_wanted.emit({})

    def _on_shared(self) -> None:
        value = self.shared.try_value()
        if value is not None and self._params is not None:
            self.settings_wanted.emit(shared_settings(value))

    # Saving.

    def _on_save(self) -> None:
        """Save the vector of the chosen difference: that of the result, else that of a run."""
        act = None if self._chosen is None else self._acts[self._chosen]
        if act is None or self._model is None:
            self.message.emit("Run once: the vector is made of the model's activations.")
            return
        if wrong := data_of.trouble(act, self._model):
            self.message.emit(wrong)
            return
        name = QFileDialog.getSaveFileName(self, "Save the vector", str(proposed(self._model, act)))
        if not name[0]:
            return
        values = vector_of(self._result, self._made, act)
        if values is None or self._made is None:
            self._save_by_run(act, name[0])
            return
        try:
            path = save(name[0], values, self._model, act, self._made)
        except (BadInputError, OSError) as error:
            self.message.emit(str(error))
            return
        self.message.emit(f"The vector is saved in “{path.name}”.")

    def _save_by_run(self, act: Intervention, path: str) -> None:
        first = next((one for one in self._acts if one.op == "difference"), None)
        if act is not first:
            self.message.emit("Run these interventions once, then the vector can be saved.")
            return
        self.message.emit("The vector is made and saved with this run.")
        self.run_wanted.emit({"out_vector": path})


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
