"""The left side of the patching view: what is shown, on which prompt, at which position; maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop_app.analyses.patch.picture import QUANTITIES, directions, is_ragged, shape_of
from desktop_app.views.frame import panel
from desktop_app.views.prompt_chooser import PromptChooser
from desktop_app.widgets.basics.estimate_badge import EstimateBadge
from desktop_app.widgets.basics.flow_layout import FlowLayout
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.matrix.heatmap import Heatmap
from desktop_app.widgets.tokens.cells import cells, token_strip

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.widgets.basics.selection import Selection


class PositionChooser:
    """Heads at one position, or each where it does most: a choice, and the tokens to choose from.

    Args:
        selection: Its position is the one shown; none means each head's strongest.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._read = 0
        self.strip = token_strip("Position of the maps", wrapping=False)
        self.kind = SegmentedControl([("strongest", "Strongest position"), ("one", "One position")])
        self.kind.setToolTip("Show each head where it does most, or all at one position")
        self.strip.token_clicked.connect(selection.select_position)
        self.kind.changed.connect(self._on_kind_changed)

    def set_shown(self, shown: bool) -> None:
        """Offer the choice, or not."""
        self.strip.setVisible(shown)
        self.kind.setVisible(shown)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Show the tokens of a prompt above those of its twin."""
        record = result.prompts[prompt]
        self._read = record.read_position
        self.strip.set_tokens(cells(record.tokens))
        twin = record.corrupt_tokens
        self.strip.set_compare(None if twin is None else cells(twin))
        self.strip.set_read_position(record.read_position)
        self.show_position(self._selection.position)

    def show_position(self, position: int | None) -> None:
        """Mark a position, or none."""
        self.strip.set_selected(position)
        self.kind.set_value("strongest" if position is None else "one")

    def _on_kind_changed(self, kind: str) -> None:
        self._selection.select_position(None if kind == "strongest" else self._read)


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
        self.maps = Heatmap()
        frame, column = panel()
        choices = QWidget()
        row = FlowLayout(choices, 8)
        row.addWidget(self.quantity)
        row.addWidget(self.scope)
        row.addWidget(self.positions.kind)
        row.addWidget(self.badge)
        column.addWidget(choices)
        column.addWidget(self.chooser)
        column.addWidget(self.positions.strip)
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
        self.positions.set_shown(shape_of(result.params).stacked)

    def hide_choices(self) -> None:
        """Leave the maps alone while they fill in."""
        self.chooser.setVisible(False)
        self.positions.set_shown(False)

    def _on_changed(self) -> None:
        self.choice_changed.emit()
