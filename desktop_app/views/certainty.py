"""The choice of a level of q above which cells step back, and the time to compute q in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QWidget

from desktop_app.pictures.certainty import (
    FEW,
    LEVELS,
    OF_THE_MEAN,
    level_tip,
    level_words,
    tables_of,
)
from desktop_app.pictures.statistics import LEAST
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import row_in
from desktop_app.widgets.basics.words import plain_tip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.certainty import Cells

# So many seconds between two events: nobody feels them.
_SLICE = 0.006
_GAP = 6


class CertaintyChoice(QWidget):
    """A box of levels, and in words how many cells stand out.

    Signals:
        changed: Another level was chosen, or q has become known.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offered = self._room = True
        self._cells: tuple[Cells, ...] = ()
        self._all: tuple[Cells, ...] = ()
        self._box = QComboBox()
        self._box.setAccessibleName("Dim cells by q")
        self._box.addItem("All")
        self._box.addItems([f"Dim q > {level:g}" for level in LEVELS])
        self._words = ElidedLabel("", "small")
        self._timer = QTimer(self, interval=0)
        row_in(self, self._box, (self._words, 1), spacing=_GAP)
        self._box.activated.connect(self._on_chosen)
        self._timer.timeout.connect(self._on_time)

    def level(self) -> float | None:
        """Return the level above which cells step back; None: none do."""
        place = self._box.currentIndex()
        return LEVELS[place - 1] if place > 0 and self._cells else None

    def offer(self, cells: Sequence[Cells], listed: Sequence[Cells] = (), *, why: str = "") -> None:
        """Offer levels for these cells; where there are none, say why, or nothing.

        What is `listed` beside them is computed as well.
        """
        self._cells, self._all = tuple(cells), (*cells, *listed)
        self._box.setEnabled(bool(cells))
        self._box.setToolTip(plain_tip(level_tip(cells[0].prompts) if cells else why))
        self._offered = bool(cells or why)
        self.setVisible(self._offered and self._room)
        self._timer.stop()
        if not self._work():
            self._timer.start()
        self._say(why)

    def give_room(self, there: bool) -> None:
        """Say whether there is room for it; with nothing on offer it stays away."""
        self._room = there
        self.setVisible(self._offered and there)

    def read_out(self) -> dict[str, object]:
        """Return what is offered and what is said."""
        return {
            "level": self.level(),
            "enabled": self._box.isEnabled(),
            "words": self._words.full_text(),
            "tip": self._box.toolTip(),
            "computing": self._timer.isActive(),
        }

    @override
    def sizeHint(self) -> QSize:
        """Ask for room for all words; where there is less, they are cut."""
        words = self._words.full_text()
        room = self._words.fontMetrics().horizontalAdvance(words) + 4 if words else 0
        hint = self._box.sizeHint()
        return QSize(hint.width() + (_GAP + room if room else 0), hint.height())

    def _say(self, why: str = "") -> None:
        level = self.level()
        words = why if not self._cells else "" if level is None else level_words(self._cells, level)
        self._words.set_full_text(words)
        self._words.setVisible(bool(words))
        self.updateGeometry()

    def _work(self) -> bool:
        """Compute for some milliseconds; return whether all is known."""
        end = time.perf_counter() + _SLICE
        for one in (evidence for cells in self._all for evidence in cells.evidence):
            while not one.step():
                if time.perf_counter() > end:
                    return False
        return True

    @Slot()
    def _on_time(self) -> None:
        if self._work():
            self._timer.stop()
            self.changed.emit()

    @Slot()
    def _on_chosen(self) -> None:
        self.changed.emit()


def why_not(result: Result, prompt: int | None) -> str:
    """Say why a picture has no intervals; nothing where its analysis never has any."""
    tables = tables_of(result)
    if not tables:
        return ""
    if len(result.prompts) < LEAST:
        return FEW
    return OF_THE_MEAN if prompt is not None else ""
