"""The one selection that every picture shares: prompt, head, position, pair, and picked parts.

The views never speak to each other; each one listens to this and writes to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from desktop_app.contract.grammar import Part


class Selection(QObject):
    """What is selected, and signals that say when it changed.

    Setting what is already set emits nothing, so views may answer a signal by setting again.

    Attributes:
        prompt: Index of the prompt in the result and in the prompt table.
        layer: The model's number of the selected layer, or None.
        head: The model's number of the selected query head, or None.
        position: Selected token position, or None.
        pair: Selected (query, key) positions, or None.
        picked: The set of heads, and MLPs, that stands beside the one selected head, by layer.
    """

    prompt_changed = Signal(int)
    head_changed = Signal(object)
    position_changed = Signal(object)
    pair_changed = Signal(object)
    picked_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.prompt: int = 0
        self.layer: int | None = None
        self.head: int | None = None
        self.position: int | None = None
        self.pair: tuple[int, int] | None = None
        self.picked: tuple[Part, ...] = ()

    def select_prompt(self, index: int) -> None:
        """Select a prompt; positions belong to a prompt, so they are let go."""
        if index == self.prompt:
            return
        # While these are told, the pictures still show the old prompt, and so does `prompt`.
        self.select_pair(None, None)
        self.select_position(None)
        self.prompt = index
        self.prompt_changed.emit(index)

    def select_head(self, layer: int | None, head: int | None) -> None:
        """Select a head by the model's own numbers; None as head selects a whole layer."""
        if (layer, head) == (self.layer, self.head):
            return
        self.layer, self.head = layer, head
        self.head_changed.emit((layer, head))

    def keep_within(self, layers: int, heads: int) -> None:
        """Let go of heads that a model of so many layers and heads does not have."""
        self.pick(p for p in self.picked if p[0] < layers and (p[1] is None or p[1] < heads))
        if (self.layer or 0) >= layers or (self.head or 0) >= heads:
            self.select_head(None, None)

    def pick(self, parts: Iterable[Part]) -> None:
        """Let the picked set be these heads and MLPs (which have no head)."""
        found = tuple(sorted(set(parts), key=_by_layer))
        if found != self.picked:
            self.picked = found
            self.picked_changed.emit(found)

    def toggle_picked(self, parts: Iterable[Part]) -> None:
        """Add these to the picked set; where all of them are in it, take them out."""
        given, now = set(parts), set(self.picked)
        self.pick(now - given if given <= now else now | given)

    def pick_rows(self, chosen: Iterable[Part], let_go: Iterable[Part]) -> None:
        """Add what is selected in a list with Ctrl or Shift; what is taken out there goes."""
        self.pick((set(self.picked) - set(let_go)) | set(chosen))

    def keep_before(self, length: int) -> None:
        """Let go of positions that a prompt of so many tokens does not have."""
        if self.pair is not None and max(self.pair) >= length:
            self.select_pair(None, None)
        if self.position is not None and self.position >= length:
            self.select_position(None)

    def select_position(self, position: int | None) -> None:
        """Select a token position of the selected prompt."""
        if position == self.position:
            return
        self.position = position
        self.position_changed.emit(position)

    def select_pair(self, query: int | None, key: int | None) -> None:
        """Select a (query, key) pair of positions, or none."""
        pair = None if query is None or key is None else (query, key)
        if pair == self.pair:
            return
        self.pair = pair
        self.pair_changed.emit(pair)


def _by_layer(part: Part) -> tuple[int, bool, int]:
    """Order parts by layer, heads before the MLP."""
    layer, head = part
    return layer, head is None, head or 0
