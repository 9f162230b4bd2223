"""What exchanging one cell does: a sentence, and a table with one row per prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.analyses.patch.parts import prompt_shares
from desktop_app.analyses.patch.picture import shape_of
from desktop_app.analyses.patch.words import part_sentence
from desktop_app.pictures.words import number
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.tables import Column, DataTable

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.patch.parts import PatchPart
    from desktop_app.contract.result import Result

# Tables longer than this are not filled while the pointer only passes.
_MOST_ROWS = 50
_METRICS = (1, 3)
_SHARES = (2, 4)
_ROOMY = 520


def _share(value: object) -> str:
    return number(float(value), 3) if isinstance(value, float) else str(value)


class PatchDetails(QWidget):
    """Details of the cell under the pointer, or of the selected one.

    Signals:
        attention_clicked: Show where this head looks.
        prompt_clicked: The index of a prompt whose row was clicked.
    """

    attention_clicked = Signal()
    prompt_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._part: PatchPart | None = None
        self.title = label("", "heading")
        self.sentence = label("", "muted", wrap=True)
        self._button = QPushButton("Attention")
        self._button.setToolTip("Show where this head looks (double-click in the picture)")
        set_role(self._button, "quiet")
        bind_icon(self._button, "attention")
        self.table = DataTable()
        self.table.setAccessibleName("Shares per prompt")
        into = "corrupt run: untouched → with the clean activation"
        out = "clean run: untouched → with the corrupt activation"
        self.table.set_columns(
            [
                Column("prompt", width="stretch", mono=True),
                Column("into corrupt", align="right", mono=True, width=118, tooltip=into),
                Column("restored", align="right", format=_share, mono=True, width=74),
                Column("into clean", align="right", mono=True, width=118, tooltip=out),
                Column("broken", align="right", format=_share, mono=True, width=74),
            ]
        )
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self._button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.sentence)
        column.addWidget(self.table, 1)
        column.addStretch()
        self._button.clicked.connect(self.attention_clicked)
        self.table.row_clicked.connect(self._on_row_clicked)
        self._there: tuple[str, ...] = ()
        self.show_nothing()

    def part(self) -> PatchPart | None:
        """Return the part shown, or None."""
        return self._part

    def show_nothing(self) -> None:
        """Say how a cell is chosen."""
        self._part = None
        self.title.setText("No cell selected")
        self.sentence.setText("Point at a cell for its numbers; click to keep them here.")
        self._button.setVisible(False)
        self.table.setVisible(False)

    def show_part(
        self, result: Result, part: PatchPart, prompt: int | None, chosen: int, *, passing: bool
    ) -> None:
        """Show a part.

        Args:
            result: The sweep.
            part: The cell.
            prompt: The prompt that the sentence speaks of, or None for the mean.
            chosen: The selected prompt, whose row is marked.
            passing: Whether the pointer only passes over it: long tables are then left out.
        """
        self._part = part
        self._there = tuple(name for name in ("restored", "broken") if name in result.data)
        self.title.setText(part.name)
        self.sentence.setText(part_sentence(result, part, prompt))
        self._button.setVisible(shape_of(result.params).heads)
        if passing and len(result.prompts) > _MOST_ROWS:
            self.table.setVisible(False)
            return
        self.table.setVisible(True)
        found = prompt_shares(result, part)
        self.table.set_rows(
            [
                (
                    f"{s.prompt + 1} · {s.text}",
                    f"{number(s.corrupt, 2)} → {number(s.denoised, 2)}",
                    s.restored,
                    f"{number(s.clean, 2)} → {number(s.noised, 2)}",
                    s.broken,
                )
                for s in found
            ],
            [s.prompt for s in found],
        )
        self.table.select_key(chosen)
        self._hide_columns()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what the other columns imply where room is scarce."""
        super().resizeEvent(event)
        self._hide_columns()

    def _hide_columns(self) -> None:
        for name, metric, share in zip(("restored", "broken"), _METRICS, _SHARES, strict=True):
            gone = name not in self._there
            self.table.setColumnHidden(metric, gone or self.width() < _ROOMY)
            self.table.setColumnHidden(share, gone)

    def _on_row_clicked(self, key: object) -> None:
        if isinstance(key, int):
            self.prompt_clicked.emit(key)
