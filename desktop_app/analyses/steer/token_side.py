"""Beside the texts: one token, what else was likely there, and how to have the text go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPushButton, QWidget

from desktop_app.analyses.steer.strip_words import alternatives, token_facts, token_title
from desktop_app.pictures.ranking import Ranking
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.steer.said import Continuation

_NOTHING = "Choose a token: its alternatives stand here, and another one can be said in its place."
_MOST_TYPED = 10_000


class TokenSide(QWidget):
    """Facts, alternatives, a line for any other text.

    Signals:
        id_wanted: A token of the alternatives is to be said in place of the chosen one.
        text_wanted: A text likewise, to the letter.
        copy_wanted: The chosen continuation is to be copied.
    """

    id_wanted = Signal(int)
    text_wanted = Signal(str)
    copy_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._title = ElidedLabel("", "heading")
        self._facts = label("", "muted", wrap=True)
        self._facts.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.table = RankingList()
        self.table.setAccessibleName("Likeliest tokens at this step")
        self.table.setToolTip(plain_tip("Double click or Enter: say this token here and go on"))
        self.table.set_empty_text("No alternatives are known of this token.")
        self._room = QWidget()  # in place of the table
        self._line, self._say = QLineEdit(), QPushButton("Say it here")
        self._line.setPlaceholderText("any other text, to the letter")
        self._line.setMaxLength(_MOST_TYPED)
        self._line.setAccessibleName("Text to be said here")
        self._line.setToolTip(
            plain_tip(
                "What is said in place of the chosen token; a leading space counts. What follows "
                "is generated anew."
            )
        )
        self._say.setToolTip(plain_tip("Put the text here and generate what follows"))
        self._copy = QPushButton("Copy text")
        bind_icon(self._copy, "copy")
        self._copy.setToolTip(plain_tip("Copy this whole continuation"))
        typed = row_in(None, (self._line, 1), self._say, spacing=6)
        foot = row_in(None, self._copy, None)
        column_in(
            self, self._title, self._facts, (self.table, 1), (self._room, 1), typed, foot, spacing=6
        )
        self.table.row_activated.connect(self._on_activated)
        self._say.clicked.connect(self._on_said)
        self._line.returnPressed.connect(self._on_said)
        self._line.textChanged.connect(self._show_line)
        self._copy.clicked.connect(self.copy_wanted)
        self._there = False
        self.show_token(None, 0, None)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(260, super().minimumSizeHint().height())

    def show_token(self, one: Continuation | None, step: int, parting: int | None) -> None:
        """Show a token; None: none is chosen."""
        there = self._there = one is not None
        self._title.set_full_text(token_title(one, step) if one is not None else "No token chosen")
        facts = token_facts(one, step, parting) if one is not None else [_NOTHING]
        self._facts.setText("\n".join(facts))
        self.table.set_ranking(alternatives(one.tokens[step]) if one is not None else Ranking())
        self.table.setVisible(there)
        self._room.setVisible(not there)
        for part in (self._line, self._copy):
            part.setEnabled(there)
        self._show_line()

    def begin_typing(self) -> None:
        """Let the text be typed that is to be said."""
        self._line.setFocus(Qt.FocusReason.OtherFocusReason)
        self._line.selectAll()

    def read(self) -> dict[str, Any]:
        """Return what it says, as plain data."""
        return {
            "token": self._title.full_text(),
            "token_facts": self._facts.text().split("\n"),
            "alternatives": self.table.texts(),
            "typed": self._line.text(),
        }

    def _show_line(self) -> None:
        self._say.setEnabled(self._there and bool(self._line.text()))

    def _on_activated(self, key: object) -> None:
        if isinstance(key, int):
            self.id_wanted.emit(key)

    def _on_said(self) -> None:
        if self._line.text() and self._there:
            text = self._line.text()
            self._line.clear()
            self.text_wanted.emit(text)
