"""The left side of the patching view: what is shown, on which prompt, at which position; maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.views.cells import cells, token_strip
from desktop_app.views.frame import label, panel
from desktop_app.views.patch_data import QUANTITIES, directions, is_ragged, shape_of
from desktop_app.views.prompt_chooser import PromptChooser
from desktop_app.widgets.estimate_badge import EstimateBadge
from desktop_app.widgets.flow_layout import FlowLayout
from desktop_app.widgets.map_row import MapRow
from desktop_app.widgets.segmented import SegmentedControl
from desktop_app.widgets.theme import set_role

if TYPE_CHECKING:
    from desktop_app.analyses.result import Result
    from desktop_app.widgets.selection import Selection


class PositionChooser(QWidget):
    """The tokens of a pair; the maps show heads at the chosen one, or each where it does most."""

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self.strip = token_strip("Position of the maps", wrapping=False)
        self.strongest = QPushButton("Strongest")
        self.strongest.setCheckable(True)
        self.strongest.setToolTip("Show each head at the position where it does most")
        set_role(self.strongest, "quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(label("Position"))
        row.addWidget(self.strip, 1)
        row.addWidget(self.strongest)
        self.strip.token_clicked.connect(selection.select_position)
        self.strongest.clicked.connect(self._on_strongest)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show the tokens of a prompt above those of its twin."""
        record = result.prompts[prompt]
        self.strip.set_tokens(cells(record.tokens))
        twin = record.corrupt_tokens
        self.strip.set_compare(None if twin is None else cells(twin))
        self.strip.set_read_position(record.read_position)
        self.show_position(self._selection.position)

    def show_position(self, position: int | None) -> None:
        """Mark a position, or the button where there is none."""
        self.strip.set_selected(position)
        self.strongest.setChecked(position is None)

    def _on_strongest(self) -> None:
        self.strongest.setChecked(True)
        self._selection.select_position(None)


class PatchPicture(QWidget):
    """Choices above, maps below.

    Signals:
        choice_changed: Another quantity or another scope was chosen.
    """

    choice_changed = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.quantity = SegmentedControl(list(QUANTITIES))
        self.scope = SegmentedControl([("mean", "Mean of all"), ("prompt", "This prompt")])
        self.chooser = PromptChooser(selection)
        self.positions = PositionChooser(selection)
        self.badge = EstimateBadge()
        self.maps = MapRow()
        frame, column = panel()
        choices = QWidget()
        row = FlowLayout(choices, 8)
        row.addWidget(self.quantity)
        row.addWidget(self.scope)
        row.addWidget(self.badge)
        column.addWidget(choices)
        column.addWidget(self.chooser)
        column.addWidget(self.positions)
        column.addWidget(self.maps, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(frame)
        self.quantity.changed.connect(self._on_changed)
        self.scope.changed.connect(self._on_changed)

    def offer(self, result: Result) -> None:
        """Offer the choices that a result leaves."""
        several, ragged = len(result.prompts) > 1, is_ragged(result.data)
        self.scope.setVisible(several and not ragged)
        if not several:
            self.scope.set_value("mean")
        elif ragged:
            self.scope.set_value("prompt")
        both = len(directions(result.data)) == 2
        why = "" if both else "Needs both directions: set Direction to both and run again"
        self.quantity.set_option_enabled("asymmetry", both, why)
        if not both and self.quantity.value() == "asymmetry":
            self.quantity.set_value("share")
        self.chooser.set_result(result)
        self.positions.setVisible(shape_of(result.params).stacked)

    def hide_choices(self) -> None:
        """Leave the maps alone while they fill in."""
        self.chooser.setVisible(False)
        self.positions.setVisible(False)

    def _on_changed(self) -> None:
        self.choice_changed.emit()
