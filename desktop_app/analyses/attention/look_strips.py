"""Two token strips under a pattern: where a position looks, and who looks at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop_app.analyses.attention.picture import looked_at_by, looks_at, strongest
from desktop_app.pictures.token_text import display_text
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    import numpy as np
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QVBoxLayout

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import TokenList
    from desktop_app.widgets.tokens.token_strip import TokenStrip


# More would take the pattern's height.
_LINES = 2
# Both lines of words fit beside each other from this width on.
_ROOMY = 700


class LookStrips(QWidget):
    """The row of a query and the column of a key, drawn over the tokens themselves.

    Signals:
        query_clicked: A position of the upper strip, to be followed from there.
        key_clicked: A position of the lower strip.
    """

    query_clicked = Signal(int)
    key_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tokens: TokenList | None = None
        self._from, self._from_label, self._from_best = _strip("Where the position looks")
        self._to, self._to_label, self._to_best = _strip("Who looks at the position")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        for column, (strip, name, best) in enumerate(
            (
                (self._from, self._from_label, self._from_best),
                (self._to, self._to_label, self._to_best),
            )
        ):
            frame, inner = panel(margins=10, spacing=4)
            _fill(inner, strip, name, best)
            grid.addWidget(frame, 0, column)
            grid.setColumnStretch(column, 1)
        self._from.token_clicked.connect(self.query_clicked)
        self._to.token_clicked.connect(self.key_clicked)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave the strongest ones to the colours where room is scarce."""
        super().resizeEvent(event)
        for best in (self._from_best, self._to_best):
            best.setVisible(self.width() >= _ROOMY)

    def set_tokens(self, tokens: TokenList) -> None:
        """Show the tokens of a prompt on both strips."""
        if tokens == self._tokens:
            return
        self._tokens = tokens
        for strip in (self._from, self._to):
            strip.set_tokens(cells(tokens))

    def titles(self) -> tuple[str, str]:
        """Return of which tokens the strips speak."""
        return self._from_label.full_text(), self._to_label.full_text()

    def show_pair(self, picture: HeadPicture, query: int, key: int) -> None:
        """Colour the upper strip by the query's row and the lower one by the key's column."""
        if self._tokens is None:
            return
        texts = self._tokens.texts
        row, column = looks_at(picture.values, query), looked_at_by(picture.values, key)
        self._colour(self._from, row, query, picture)
        self._colour(self._to, column, key, picture)
        self._from_label.set_full_text(f"“{display_text(texts[query])}” ({query}) looks at")
        self._to_label.set_full_text(f"“{display_text(texts[key])}” ({key}) is looked at by")
        self._from_best.set_full_text(strongest(row, texts))
        self._to_best.set_full_text(strongest(column, texts))

    def _colour(
        self, strip: TokenStrip, values: np.ndarray, position: int, picture: HeadPicture
    ) -> None:
        strip.set_values(
            values, limits=picture.limits, diverging=picture.diverging, value_name=picture.name
        )
        strip.set_selected(position)


def _strip(name: str) -> tuple[TokenStrip, ElidedLabel, ElidedLabel]:
    strip = token_strip(name)
    strip.set_most_lines(_LINES)
    return strip, ElidedLabel("", "heading"), ElidedLabel("", "small")


def _fill(column: QVBoxLayout, strip: TokenStrip, name: ElidedLabel, best: ElidedLabel) -> None:
    line = QHBoxLayout()
    line.addWidget(name, 2)
    line.addWidget(best, 3)
    column.addLayout(line)
    column.addWidget(strip)
