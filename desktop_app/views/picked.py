"""The picked heads under a picture: which they are, and what can be done with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.contract.registry import serving
from desktop_app.pictures.words import part_name, plural
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.icons import bind_icon, icon_button
from desktop_app.widgets.basics.layouts import row_in
from desktop_app.widgets.basics.theme import set_role

if TYPE_CHECKING:
    from desktop_app.contract.grammar import Part
    from desktop_app.widgets.basics.selection import Selection

_NAMED = 3
FOOT = 28
"""The height of the line that it stands in: kept while nothing is picked, so that no picture moves
under the pointer."""


class PickedBar(QWidget):
    """One line: the picked set in words, what can be done with all of it, a button that drops it.

    Signals:
        wanted: The picked parts are to be removed together.
        lens_wanted: A run without them is to be read, layer by layer.
        keep_wanted: They are to be kept as a circuit, and all others replaced.
        pin_wanted: They are to be put on the circuit board.
    """

    wanted = Signal()
    lens_wanted = Signal()
    keep_wanted = Signal()
    pin_wanted = Signal()

    def __init__(self, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = selection
        self._words = ElidedLabel("", "small")
        self.button = QPushButton("Ablate together")
        self.button.setToolTip("Remove all of them at once, in By hand, where each can be put back")
        set_role(self.button, "quiet")
        bind_icon(self.button, "remove")
        self.lens = QPushButton("Lens without")
        self.lens.setToolTip("Read every layer of a run that lacks these heads and MLPs")
        set_role(self.lens, "quiet")
        self.keep = icon_button("circuit", "Keep as a circuit: all other heads are replaced")
        self.pin = icon_button("pin", "Pin on the board: these heads among the model's edges")
        self.drop = icon_button("close", "Let the picked heads go", "text_muted")
        buttons = self.lens, self.button, self.keep, self.pin, self.drop
        row_in(self, (self._words, 1), *buttons, spacing=6)
        # Shown before it has its place, it would be a window of its own.
        self.lens.setVisible(bool(serving("lens_without")))
        self.keep.setVisible(bool(serving("keep_parts")))
        self.pin.setVisible(bool(serving("pin_parts")))
        self.setAccessibleName("Picked heads")
        self.button.clicked.connect(self.wanted)
        self.lens.clicked.connect(self.lens_wanted)
        self.keep.clicked.connect(self.keep_wanted)
        self.pin.clicked.connect(self.pin_wanted)
        self.drop.clicked.connect(self._on_drop)
        selection.picked_changed.connect(self.show_picked)
        self.show_picked(selection.picked)

    def words(self) -> str:
        """Return what is said of the set."""
        return self._words.full_text()

    def show_picked(self, picked: tuple[Part, ...]) -> None:
        """Name the picked parts."""
        self._words.set_full_text(picked_words(picked))
        self.setVisible(bool(picked))

    def _on_drop(self) -> None:
        self._selection.pick(())


def picked_words(picked: tuple[Part, ...]) -> str:
    """Name a set in a line: `3 picked: L5H3, L6H1, L7 MLP`."""
    names = [part_name(layer, head, "mlp") for layer, head in picked]
    more = f" and {plural(len(names) - _NAMED, 'more')}".removesuffix("s")
    told = ", ".join(names[:_NAMED]) + (more if len(names) > _NAMED else "")
    return f"{len(names):,} picked: {told}" if names else ""
