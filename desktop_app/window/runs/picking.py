"""The picked heads from anywhere: named in a list, removed together, let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from desktop_app.contract.grammar import parse_parts, written_parts
from desktop_app.contract.spec import Intent
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import filled
from desktop_app.window.frame.actions import ActionSpec

if TYPE_CHECKING:
    from desktop_app.contract.grammar import Part
    from desktop_app.window.frame.hall import Hall

_HOW = "Heads as 5.3 or L5H3 and whole MLPs as m4, with commas or blanks between."


class PickDialog(QDialog):
    """Asks for a list of heads and MLPs; nothing behind it is blocked.

    Signals:
        chosen: The parts that were named.
    """

    chosen = Signal(object)

    def __init__(self, picked: tuple[Part, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Pick heads by name")
        self.line = QLineEdit(written_parts(picked).replace(",", ", "))
        self.line.setPlaceholderText("5.3, 6.1, m4")
        self.line.setAccessibleName("Heads and MLPs to pick")
        self._said = label(_HOW, wrap=True)
        choices = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(choices.Ok | choices.Cancel)
        buttons.accepted.connect(self._on_accepted)
        buttons.rejected.connect(self.reject)
        parts = (self.line, self._said, buttons)
        filled(QVBoxLayout(self), *parts, margins=(20, 18, 20, 16), spacing=12)
        self.setMinimumWidth(400)
        self.line.selectAll()

    def said(self) -> str:
        """Return what is said beneath the line."""
        return self._said.text()

    def _on_accepted(self) -> None:
        try:
            parts = parse_parts(self.line.text())
        except ValueError as error:
            self._said.setText(f"{error}.")
            self.line.setFocus()
            return
        self.chosen.emit(parts)
        self.accept()


class PickDesk(QObject):
    """Offers what can be done with the picked set in every view.

    Signals:
        some_picked: Whether anything is picked.
    """

    some_picked = Signal(bool)

    def __init__(self, hall: Hall) -> None:
        super().__init__(hall)
        self._hall = hall
        self._selection = hall.selection
        hall.selection.picked_changed.connect(self._on_picked)

    def action_specs(self) -> list[ActionSpec]:
        """Return what the menu offers."""
        some = self.some_picked
        named = "Type the heads and MLPs that belong to the set"
        together = "Remove all picked heads and MLPs at once, in By hand"
        return [
            ActionSpec(
                *("pick_heads", "Pick heads by name…", "&Run", 50, self.ask, "Ctrl+Shift+H"),
                *("heads", named, True),
            ),
            ActionSpec(
                *("ablate_picked", "Ablate picked heads together", "&Run", 51, self.ablate),
                *("Ctrl+Shift+A", "remove", together),
                follows=some,
            ),
            ActionSpec(
                *("keep_picked", "Keep picked heads as a circuit", "&Run", 51, self.keep),
                *("", "circuit", "Replace all other heads, in Circuit, and see what is left"),
                follows=some,
            ),
            ActionSpec(
                *("pin_picked", "Pin picked heads on the board", "&Run", 51, self.pin),
                *("", "pin", "Show them among the model's edges, with their strongest ones"),
                follows=some,
            ),
            ActionSpec(
                *("drop_picked", "Let picked heads go", "&Run", 52, self.let_go),
                follows=some,
            ),
        ]

    def ask(self) -> PickDialog:
        """Ask for a list of heads, beginning with those that are picked."""
        dialog = PickDialog(self._selection.picked, self._hall.window)
        dialog.chosen.connect(self._selection.pick)
        dialog.show()
        return dialog

    def ablate(self) -> None:
        """Remove the set together, where that is shown."""
        parts = written_parts(self._selection.picked)
        self._hall.answer(Intent("ablate_together", {"parts": parts}))

    def keep(self) -> None:
        """Keep the set as a circuit, where that is shown."""
        parts = written_parts(self._selection.picked)
        self._hall.answer(Intent("keep_parts", {"parts": parts}))

    def pin(self) -> None:
        """Put the set on the circuit board."""
        parts = written_parts(self._selection.picked)
        self._hall.answer(Intent("pin_parts", {"parts": parts}))

    def let_go(self) -> None:
        """Pick nothing."""
        self._selection.pick(())

    def _on_picked(self, picked: tuple[Part, ...]) -> None:
        self.some_picked.emit(bool(picked))
