"""Both grids with what others know of their cells: colours, texts, and whose they are."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.analyses.hand_patch.picture import asked_moves, asked_texts, run_of
from desktop_app.contract.registry import hook
from desktop_app.pictures.boards import RUNS, Cells
from desktop_app.pictures.words import number
from desktop_app.support.errors import MISFITS
from desktop_app.views.boards import BarredBoard
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.basics.segmented import Toggle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.moves import RunName
    from desktop_app.contract.result import Result
    from desktop_app.pictures.moves import AskedMoves, MoveMap, StreamTexts

_COLOURS, _TEXTS = "move_map", "stream_texts"
BORROWED = (_COLOURS, _TEXTS)
"""What other analyses' pictures offer: the cells of a pair, `pictures.moves`."""


class ColouredBoard(QWidget):
    """The grids, coloured by the newest map there is of this pair, metric, site and model.

    What a reading of the very streams says stands in their cells, where the switch is on.

    Attributes:
        board: The grids.
        known: What is known of putting the other run's activations into the changed run.
        texts: The switch of the texts; hidden where there are none.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._barred = BarredBoard()
        self.board = self._barred.board
        self.known: MoveMap | None = None
        self.texts = Toggle("Top tokens")
        self.texts.setChecked(True)
        self.texts.setToolTip("Write into each cell what its stream would say next, read by a lens")
        self.texts.hide()
        self._lent: Sequence[tuple[str, Result]] = ()
        self._asked: tuple[Result | None, str] = (None, "")
        column_in(self, (self._barred, 1))
        self.texts.toggled.connect(self._on_texts_switched)

    def take(self, lent: Sequence[tuple[str, Result]]) -> None:
        """Take note of the results that there are, by what they are called, the newest first."""
        self._lent = tuple(lent)

    def show_known(self, result: Result | None, site: str) -> None:
        """Show what is known of a result's runs at a site: colours of the changed one, texts."""
        self._asked = result, site
        found: MoveMap | None
        texts: StreamTexts | None
        moves = None if result is None else asked_moves(result, site)
        streams = None if result is None else asked_texts(result, site)
        found, source = self._borrow(_COLOURS, moves)
        texts, reading = self._borrow(_TEXTS, streams)
        self.known = found
        self.texts.setVisible(texts is not None)
        said = [] if found is None else [f"Colours: {source} · {found.words}"]
        if texts is not None and self.texts.isChecked():
            said.append(f"Texts: {reading} · {texts.words}")
        cells = {
            run: self._cells(run, found if self._is_changed(result, run) else None, texts)
            for run in RUNS
        }
        self._barred.show_cells({run: own for run, own in cells.items() if own}, "  ".join(said))

    def read(self) -> dict[str, Any]:
        """Return what is said of the colours, and what is written into the cells."""
        shown = [] if self.texts.isHidden() or not self.texts.isChecked() else list(RUNS)
        panes = self.board.panes
        written = {run: pane.cells.texts for run in shown if (pane := panes[run]).cells}
        return {**self._barred.read(), "texts": written}

    def _is_changed(self, result: Result | None, run: RunName) -> bool:
        return result is not None and run_of(result) == run

    def _cells(
        self, run: RunName, known: MoveMap | None, texts: StreamTexts | None
    ) -> Cells | None:
        written = None if texts is None or not self.texts.isChecked() else texts.texts.get(run)
        if known is None and written is None:
            return None

        def tip(layer: int, position: int) -> str:
            told = self._place(run, layer, position)
            if written is not None and written[layer][position]:
                told += f"\nsays next: {written[layer][position]}"
            if known is not None:
                value = float(known.values[layer, position])
                words = "not computed" if math.isnan(value) else number(value, sign=True)
                told += f"\n{known.name} by the other run's: {words}"
            return told

        if known is None:
            return Cells(texts=written, tip=tip)
        return Cells(known.values, known.limits, diverging=True, texts=written, tip=tip)

    def _place(self, run: RunName, layer: int, position: int) -> str:
        board = self.board.board
        token = "" if board is None else board.tokens[run][position]
        return f"{run}, layer {layer}, position {position}: {token}"

    def _borrow(self, name: str, asked: AskedMoves | None) -> tuple[Any, str]:
        """Return what the newest result that offers it knows, and what that result is called."""
        for words, other in self._lent if asked is not None else ():
            tell = hook(other.analysis, "picture", name)
            known: Any = None
            with suppress(*MISFITS):  # a file's result may hold anything
                known = None if tell is None else tell(other, asked)
            if known is not None:
                return known, words
        return None, ""

    def _on_texts_switched(self, _on: bool) -> None:
        self.show_known(*self._asked)
