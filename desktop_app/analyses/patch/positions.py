"""Heads by position: which position the maps show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.tokens.token_strip import cells, token_strip

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
