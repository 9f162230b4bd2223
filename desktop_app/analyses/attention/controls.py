"""Around a head's picture: which one is drawn, and the tokens that it joins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop_app.analyses.attention.picture import (
    ARRAYS,
    can_drop_first,
    looked_at_by,
    looks_at,
    strongest,
)
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import FlowLayout, column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QResizeEvent

    from desktop_app.analyses.attention.picture import HeadPicture
    from desktop_app.contract.result import Result, TokenList


class AttentionControls(QWidget):
    """Arrays to switch between, the first position's column, and what another run would add.

    Signals:
        view_changed: Another array, or the first position's column, was chosen.
        run_wanted: The setting that a new run should have, and its value.
    """

    view_changed = Signal()
    run_wanted = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._arrays = SegmentedControl([(key, label) for key, label, _needs, _tip in ARRAYS])
        self._first = _checkable(
            "Without first",
            "Drop the first position's column, where many "
            "heads rest, and renormalise the rows (at once)",
        )
        self._weighted = _checkable(
            "Value-weighted", "Weigh each source by the norm of v·W_O (runs again)"
        )
        self._more = QToolButton()
        self._more.setText("Add")
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setToolTip("Pictures that another run would add")
        self._more.setAccessibleName("Add pictures by another run")
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self._more)
        self._more.setMenu(self._menu)
        bind_icon(self._more, "add")
        row = FlowLayout(self, 6)
        for widget in (self._arrays, self._first, self._weighted, self._more):
            row.addWidget(widget)
        self._arrays.changed.connect(self._on_array_changed)
        self._first.toggled.connect(self.view_changed)
        self._weighted.clicked.connect(self._on_weighted_clicked)
        self._menu.triggered.connect(self._on_triggered)

    def key(self) -> str:
        """Return the field of the result that is drawn."""
        return str(self._arrays.value())

    def no_first(self) -> bool:
        """Return whether the first position's column is dropped."""
        return self._first.isChecked()

    def set_result(self, result: Result) -> None:
        """Offer what this result holds, and what a new run would add."""
        self._menu.clear()
        self._arrays.setVisible(sum(key in result.data for key, *_words in ARRAYS) > 1)
        for key, name, needs, tip in ARRAYS:
            present = key in result.data
            self._arrays.set_option_shown(key, present)
            if not present and key == self.key():
                self._arrays.set_value("pattern")
            if present or not needs or key == "corrupt_pattern":
                continue
            action = self._menu.addAction(f"{name} …")
            action.setToolTip(plain_tip(tip))
            action.setData(needs)
            action.setEnabled(_possible(result, key))
        self._more.setVisible(not self._menu.isEmpty())
        dropped = bool(result.params.get("no_first"))
        if dropped:
            self._first.setChecked(True)
        self._first.setEnabled(not dropped and can_drop_first(self.key()))
        self._weighted.setChecked(bool(result.params.get("value_weighted")))

    def _on_array_changed(self, _value: object) -> None:
        self._first.setEnabled(can_drop_first(self.key()))
        self.view_changed.emit()

    def _on_weighted_clicked(self, checked: bool) -> None:
        self.run_wanted.emit("value_weighted", checked)

    def _on_triggered(self, action: QAction) -> None:
        self.run_wanted.emit(str(action.data()), True)


def _possible(result: Result, key: str) -> bool:
    if key == "difference":
        return all(p.corrupt_tokens is not None for p in result.prompts)
    if key == "mean":
        return len(result.prompts) > 1 and len({len(p.tokens) for p in result.prompts}) == 1
    return True


def _checkable(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setCheckable(True)
    button.setToolTip(plain_tip(tip))
    button.setAccessibleName(text)
    return button


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

    def show_pair(self, picture: HeadPicture, query: int, key: int) -> None:
        """Colour the upper strip by the query's row and the lower one by the key's column."""
        if self._tokens is None:
            return
        for shown, position, said, values in (
            (self._from, query, "looks at", looks_at(picture.values, query)),
            (self._to, key, "is looked at by", looked_at_by(picture.values, key)),
        ):
            shown.strip.set_values(
                values, limits=picture.limits, diverging=picture.diverging, value_name=picture.name
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
