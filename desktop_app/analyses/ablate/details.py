"""What one removed part does: a sentence, and a table with one row per prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from desktop_app.analyses.ablate.picture import component, prompt_effects
from desktop_app.analyses.ablate.words import part_sentence
from desktop_app.pictures.words import WITHHELD, number, part_name, percent
from desktop_app.views.frame import label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.tables.tables import Column, DataTable

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.contract.result import Result


# Tables longer than this are not filled while the pointer only passes.
_MOST_ROWS = 50
_METRIC_COLUMN = 1
_ROOMY = 380


def _signed(value: object) -> str:
    return number(float(value), 2, sign=True) if isinstance(value, float) else str(value)


def _change(base: float, ablated: float) -> str:
    return f"{number(base, 2)} → {number(ablated, 2)}"


def _share(value: object) -> str:
    return percent(float(value)) if isinstance(value, float) else WITHHELD


class PartDetails(QWidget):
    """Details of the part under the pointer, or of the selected one.

    Signals:
        attention_clicked: Show where this head looks.
        prompt_clicked: The index of a prompt whose row was clicked.
    """

    attention_clicked = Signal()
    prompt_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place: tuple[int, int] | None = None
        self._title = label("", "heading")
        self._sentence = label("", "muted", wrap=True)
        self._button = QPushButton("Attention")
        self._button.setToolTip("Show where this head looks (double-click in the picture)")
        set_role(self._button, "quiet")
        bind_icon(self._button, "attention")
        self._table = DataTable()
        self._table.setAccessibleName("Effect per prompt")
        self._table.set_columns(
            [
                Column("prompt", width="stretch", mono=True),
                Column("metric", align="right", mono=True, width=118, tooltip="base → without it"),
                Column("effect", align="right", format=_signed, mono=True, width=60),
                Column("kept", align="right", format=_share, mono=True, width=66),
            ]
        )
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self._button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._sentence)
        column.addWidget(self._table, 1)
        column.addStretch()
        self._button.clicked.connect(self.attention_clicked)
        self._table.row_clicked.connect(self._on_row_clicked)
        self.show_nothing()

    def place(self) -> tuple[int, int] | None:
        """Return row and column of the part shown, or None."""
        return self._place

    def show_nothing(self) -> None:
        """Say how a part is chosen."""
        self._place = None
        self._title.setText("No part selected")
        self._sentence.setText("Point at a cell for its numbers; click to keep them here.")
        self._button.setVisible(False)
        self._table.setVisible(False)

    def show_part(
        self, result: Result, place: tuple[int, int], prompt: int, *, passing: bool = False
    ) -> None:
        """Show the part at (row, column) of the picture.

        Args:
            result: The sweep.
            place: Row and column of the part.
            prompt: The selected prompt, whose row is marked.
            passing: Whether the pointer only passes over the part: long tables are then left out.
        """
        self._place = place
        row, column = place
        kind = component(result)
        layer = int(result.data["layers"][row])
        self._title.setText(part_name(layer, column if kind == "head" else None, kind))
        self._sentence.setText(part_sentence(result, row, column))
        self._button.setVisible(kind == "head")
        if passing and len(result.prompts) > _MOST_ROWS:
            self._table.setVisible(False)
            return
        self._table.setVisible(True)
        effects = prompt_effects(result, row, column)
        self._table.set_rows(
            [
                (f"{e.prompt + 1} · {e.text}", _change(e.base, e.ablated), e.effect, e.percent)
                for e in effects
            ],
            [e.prompt for e in effects],
        )
        self._table.select_key(prompt)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out what the other columns imply where room is scarce."""
        super().resizeEvent(event)
        self._table.setColumnHidden(_METRIC_COLUMN, self.width() < _ROOMY)

    def _on_row_clicked(self, key: object) -> None:
        if isinstance(key, int):
            self.prompt_clicked.emit(key)
