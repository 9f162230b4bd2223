"""Both grids with what is known of their cells: the colours, their bar, and whose they are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.analyses.hand_patch.board import HandBoard
from desktop_app.analyses.hand_patch.picture import asked_moves
from desktop_app.contract.registry import hook
from desktop_app.support.errors import MISFITS
from desktop_app.views.frame import ElidedLabel
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.matrix.color_bar import ColorBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import Result
    from desktop_app.pictures.moves import MoveMap

BORROWED = "move_map"
"""What other analyses' pictures offer: the cells of a pair, `pictures.moves`."""


class ColouredBoard(QWidget):
    """The grids, coloured by the newest map there is of this pair, metric, site and model.

    Attributes:
        board: The grids.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.board = HandBoard()
        self._bar, self._legend = ColorBar(), ElidedLabel("", "small")
        self._lent: Sequence[tuple[str, Result]] = ()
        column_in(self, (row_of((self.board, 1), self._bar, spacing=2), 1), self._legend, spacing=4)
        self.show_known(None, "")

    def take(self, lent: Sequence[tuple[str, Result]]) -> None:
        """Take note of the results that there are, by what they are called, the newest first."""
        self._lent = tuple(lent)

    def show_known(self, result: Result | None, site: str) -> None:
        """Colour the changed run of a result by what is known of a site; else by nothing."""
        known, source = self._find(result, site)
        self.board.show_known(known)
        self._bar.setVisible(known is not None)
        if known is not None:
            self._bar.set_scale(known.limits, diverging=True)
            source = f"Colours: {source} · {known.words}"
        self._legend.set_full_text(source)
        self._legend.setVisible(bool(source))

    def read(self) -> dict[str, Any]:
        """Return what is said of the colours."""
        known = self.board.known
        return {
            "colours": self._legend.full_text(),
            "scale": None if known is None else self._bar.read_out()["limits"],
        }

    def _find(self, result: Result | None, site: str) -> tuple[MoveMap | None, str]:
        asked = None if result is None else asked_moves(result, site)
        for name, other in self._lent if asked is not None else ():
            known: MoveMap | None = None
            with suppress(*MISFITS):  # a file's result may hold anything
                known = hook(other.analysis, "picture", BORROWED)(other, asked)
            if known is not None:
                return known, name
        return None, ""
