"""The tokens themselves, coloured by where one looks and by who looks at one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.attention.picture import looked_at_by, looks_at, strongest
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import TokenList
    from desktop_app.pictures.stretch import Stretch

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
        self._from = _Strip("Where the position looks")
        self._to = _Strip("Who looks at the position")
        both = row_of((self._from, 1), (self._to, 1), spacing=8)
        both.setContentsMargins(0, 0, 0, 0)
        self.setLayout(both)
        self._from.strip.token_clicked.connect(self.query_clicked)
        self._to.strip.token_clicked.connect(self.key_clicked)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        # Leave the strongest ones to the colours where room is scarce.
        super().resizeEvent(event)
        for shown in (self._from, self._to):
            shown.best.setVisible(self.width() >= _ROOMY)

    def set_tokens(self, tokens: TokenList) -> None:
        """Show the tokens of a prompt on both strips."""
        if tokens == self._tokens:
            return
        self._tokens = tokens
        for shown in (self._from, self._to):
            shown.strip.set_tokens(cells(tokens))

    def read(self) -> dict[str, Any]:
        """Return of which tokens the strips speak, and the strongest on either."""
        return {
            "looks_at": self._from.title.full_text(),
            "looked_at_by": self._to.title.full_text(),
            "strongest": (self._from.best.full_text(), self._to.best.full_text()),
        }

    def show_pair(self, picture: HeadPicture, stretch: Stretch, query: int, key: int) -> None:
        """Colour the upper strip by the query's row and the lower one by the key's column."""
        if self._tokens is None:
            return
        for shown, position, said, values in (
            (self._from, query, "looks at", looks_at(picture.values, query)),
            (self._to, key, "is looked at by", looked_at_by(picture.values, key)),
        ):
            shown.strip.set_values(
                values,
                limits=picture.limits,
                diverging=picture.diverging,
                value_name=picture.name,
                stretch=stretch,
            )
            shown.strip.set_selected(position)
            token = display_text(self._tokens.texts[position])
            shown.title.set_full_text(f"“{token}” ({position}) {said}")
            shown.best.set_full_text(strongest(values, self._tokens.texts))


class _Strip(QWidget):
    """A strip in its panel, under its title and the strongest tokens."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.strip = token_strip(name)
        self.strip.set_most_lines(_LINES)
        self.title, self.best = ElidedLabel("", "heading"), ElidedLabel("", "small")
        top = row_of((self.title, 2), (self.best, 3))
        column_in(self, panel(top, self.strip, margins=10, spacing=4))
