"""The inspector: what is known of the selected head and token, and the session's notes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.registry import ANALYSES, hook, serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.facts import Fact, Place
from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.pictures.token_text import display_text
from desktop_app.pictures.words import part_name
from desktop_app.support.guard import override
from desktop_app.views.frame import label, scrolled
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.window.runs.showing import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QWheelEvent

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import Result, TokenList
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.showing import Showing
    from desktop_app.window.sessions.session_desk import SessionDesk

# Of prompts with more tokens the small picture shows nothing that could be recognised.
_LONGEST_SMALL_PATTERN = 48
_LARGEST = 240
_NOTES_DELAY_MS = 800
_VALUE_HEIGHT = 19  # room for accents above capitals, as in “Ġ”


class Known:
    """Asks the analyses for facts, of results that speak of the table's selected prompt only.

    Attributes:
        tokens: The live tokens of the prompt table.
        table: The prompts that stand in the table.
    """

    def __init__(self) -> None:
        self.tokens: Result | None = None
        self.table: tuple[PromptRow, ...] = ()
        self._results: dict[str, tuple[Result, Asked]] = {}

    def add(self, result: Result) -> None:
        """Take a result into account; the newest of each analysis counts."""
        self._results[result.analysis] = result, Asked.of(result)

    def forget(self) -> None:
        """Let go of all results."""
        self._results.clear()
        self.tokens = None

    def of_head(self, place: Place) -> list[Fact]:
        """Return what is known of the selected head or layer, or what would tell."""
        facts: list[Fact] = []
        others: list[str] = []
        for name in serving("head_facts"):
            found = self.here(name, place.prompt)
            if found is not None:
                result, number = found
                tell = hook(name, "picture", "head_facts")
                facts += tell(result, replace(place, prompt=number))
            elif name in self._results:
                others.append(ANALYSES[name].title)
        if others:
            told = f"{', '.join(others)}: made for other prompts. Run again."
            return [*facts, Fact(told, "")]
        *most, last = (ANALYSES[name].title for name in serving("head_facts"))
        return facts or [Fact(f"Run {', '.join(most)} or {last} to fill this.", "")]

    def of_token(self, place: Place) -> list[Fact]:
        """Return the selected token's id and pieces, and what the results know of it."""
        if place.position is None:
            return []
        found = [(name, self.here(name, place.prompt)) for name in ANALYSES]
        told = [(*there, hook(name, "picture", "token_facts")) for name, there in found if there]
        if self.tokens is not None:
            told.insert(0, (self.tokens, place.prompt, None))
        told = [
            (result, number, tell) for result, number, tell in told if number < len(result.prompts)
        ]
        first = next((result.prompts[number].tokens for result, number, _ in told), None)
        if first is None or place.position >= len(first):
            return []
        facts = _token_lines(first, place.position)
        for result, number, tell in told:
            # Made under other settings, a prompt may have other tokens.
            if tell is not None and result.prompts[number].tokens.ids == first.ids:
                facts += tell(result, replace(place, prompt=number))
        return facts

    def small_pattern(self, place: Place) -> tuple[np.ndarray, list[str]] | None:
        """Return the selected head's pattern and its tokens, where it is at hand and small."""
        for name in serving("open_attention"):
            found = self.here(name, place.prompt)
            draw = hook(name, "picture", "small_pattern")
            if found is None or draw is None:
                continue
            result, number = found
            drawn: tuple[np.ndarray, list[str]] | None = draw(result, replace(place, prompt=number))
            if drawn is not None and len(drawn[1]) <= _LONGEST_SMALL_PATTERN:
                return drawn
        return None

    def here(self, name: str, number: int) -> tuple[Result, int] | None:
        """Return an analysis' result and where it speaks of the table's prompt of that number.

        None where there is no result, or where it speaks of other prompts.
        """
        if name not in self._results:
            return None
        result, asked = self._results[name]
        if asked.rows is None or not self.table:
            return result, number
        analysis = ANALYSES[name]
        if not any("prompt" in field.axes for field in analysis.fields):
            return (result, number) if asked.is_of_table(self.table) else None
        if number >= len(self.table):
            return None
        row = self.table[number]
        place = asked.place_of(row, number, whole=analysis.needs_answers)
        return None if place is None else (result, place)


def _token_lines(tokens: TokenList, position: int) -> list[Fact]:
    return [
        Fact("Text", display_text(tokens.texts[position]), "Decoded alone"),
        Fact("Piece", tokens.pieces[position], "The vocabulary's own string"),
        Fact("Id", str(tokens.ids[position])),
        Fact("Position", f"{position} of {len(tokens)}", "Counted from 0, BOS included"),
    ]


class SmallPattern(MatrixCanvas):
    """Rows are queries, columns are keys, dark is 1.

    Signals:
        pair_selected: (query, key) of a chosen cell.
    """

    pair_selected = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.square, self.missing = True, "panel"
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_pattern(self, pattern: np.ndarray, texts: Sequence[str]) -> None:
        """Show a pattern [S, S] with its tokens."""
        future = np.triu(np.ones(pattern.shape, dtype=bool), 1)
        values = np.where(future, np.nan, pattern)

        def tip(query: int, key: int) -> str:
            if key > query:
                return ""
            return f"{texts[query]} ({query}) → {texts[key]} ({key}): {pattern[query, key]:.4f}"

        labels = Axis("", [text[:2] for text in texts], tokens=False)
        self.show_matrix(Matrix(values, labels, labels, diverging=False, scale=(0.0, 1.0), tip=tip))

    @override
    def heightForWidth(self, width: int) -> int:
        return min(width, _LARGEST)

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, 200)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, 120)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the inspector scrolls

    @override
    def _choose(self, cell: tuple[int, int]) -> None:
        if cell[1] <= cell[0]:
            super()._choose(cell)
            self.pair_selected.emit(*cell)


class Inspector(QWidget):
    """Listens to the selection, to the results on screen and to the prompt table."""

    def __init__(
        self,
        hall: Hall,
        session: SessionDesk,
        prompts: PromptPanel,
        showing: Showing,
    ) -> None:
        super().__init__()
        self._hall = hall
        self._session = session
        self._prompts = prompts
        self._selection = hall.selection
        self.known = Known()
        self._head_title = label("Head", "heading")
        self._head_facts = _Facts()
        hint = "Choose a head in any picture to see what is known of it."
        self._head_hint = label(hint, wrap=True)
        self.pattern = SmallPattern()
        self.open_button = QPushButton("Open attention")
        self._token_title = label("Token", "heading")
        self._token_facts = _Facts()
        self._token_hint = label("Choose a token in any strip.", wrap=True)
        self.notes = QPlainTextEdit()
        self._notes_timer = QTimer(self, singleShot=True, interval=_NOTES_DELAY_MS)
        self._build()
        self._connect()
        session.opened.connect(self._on_session_opened)
        showing.result_shown.connect(self._on_result_shown)
        prompts.live.tokens_shown.connect(self._on_tokens_shown)
        prompts.prompts_changed.connect(self._on_prompts_changed)
        self.refresh()

    def flush_notes(self) -> None:
        """Do not wait for the next keystroke any longer."""
        if self._notes_timer.isActive():
            self._notes_timer.stop()
            self._on_notes_timeout()

    def refresh(self) -> None:
        """Show everything anew."""
        self._refresh_head()
        self._refresh_token()

    def _build(self) -> None:
        self.pattern.setAccessibleName("Small attention pattern of the selected head")
        set_role(self.open_button, "quiet")
        self.open_button.setToolTip("Show this head large where its attention is drawn")
        self.notes.setPlaceholderText("Notes, kept with the session")
        self.notes.setAccessibleName("Notes")
        self.notes.setTabChangesFocus(True)
        self.notes.setMinimumHeight(64)
        inside = QWidget()
        filled(
            QVBoxLayout(inside),
            *(self._head_title, self._head_hint, self._head_facts, self.pattern),
            filled(QHBoxLayout(), self.open_button, None),
            *(8, self._token_title, self._token_hint, self._token_facts),
            *(8, label("Notes", "heading"), (self.notes, 1)),
            margins=(12, 8, 12, 8),
            spacing=6,
        )
        filled(QVBoxLayout(self), scrolled(inside))
        self.setMinimumWidth(220)

    def _connect(self) -> None:
        self._selection.head_changed.connect(self._refresh_head)
        self._selection.position_changed.connect(self.refresh)  # patching has a value per position
        self._selection.prompt_changed.connect(self.refresh)
        self._selection.pair_changed.connect(self.pattern.set_selected)
        self.pattern.pair_selected.connect(self._selection.select_pair)
        self.open_button.clicked.connect(self._on_open_clicked)
        self.notes.textChanged.connect(self._notes_timer.start)
        self._notes_timer.timeout.connect(self._on_notes_timeout)

    def _refresh_head(self) -> None:
        place = self._place()
        self._head_hint.setVisible(place.layer is None)
        self.open_button.setVisible(place.head is not None and bool(serving("open_attention")))
        title, drawn = "Head" if place.layer is None else f"Layer {place.layer}", None
        if place.layer is not None and place.head is not None:
            title = part_name(place.layer, place.head)
            drawn = self.known.small_pattern(place)
        self._head_title.setText(title)
        self._head_facts.set_facts([] if place.layer is None else self.known.of_head(place))
        self.pattern.setVisible(drawn is not None)
        if drawn is not None:
            self.pattern.show_pattern(*drawn)
            self.pattern.set_selected(self._selection.pair)

    def _refresh_token(self) -> None:
        place = self._place()
        self._token_hint.setVisible(place.position is None)
        self._token_facts.set_facts(self.known.of_token(place))

    def _place(self) -> Place:
        chosen = self._selection
        return Place(chosen.prompt, chosen.layer, chosen.head, chosen.position)

    def _on_session_opened(self) -> None:
        self.known.forget()
        self.notes.blockSignals(True)
        self.notes.setPlainText(self._session.notes())
        self.notes.blockSignals(False)
        self.refresh()

    def _on_result_shown(self, result: Result) -> None:
        self.known.add(result)
        self.refresh()
        best = hook(result.analysis, "picture", "best_head")
        if self._selection.layer is None and best is not None:
            # One head for all views, before the first click: the one that matters most.
            self._selection.select_head(*(best(result) or (None, None)))

    def _on_tokens_shown(self, result: Result | None) -> None:
        self.known.tokens = result
        self._refresh_token()

    def _on_prompts_changed(self) -> None:
        self.known.table = tuple(self._prompts.prompts()[0])
        self.refresh()

    def _on_open_clicked(self) -> None:
        chosen = {"layer": self._selection.layer, "head": self._selection.head}
        self._hall.answer(Intent("open_attention", chosen))

    def _on_notes_timeout(self) -> None:
        self._session.set_notes(self.notes.toPlainText())


class _Facts(QWidget):
    """Lines of names and values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)

    def set_facts(self, facts: Sequence[Fact]) -> None:
        """Show these lines in place of the old ones."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for row, fact in enumerate(facts):
            name = label(fact.name, wrap=True)
            self._grid.addWidget(name, row, 0, 1, 1 if fact.value else 2)
            if fact.value:
                value = label(fact.value, "mono")
                value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                value.setToolTip(plain_tip(fact.tip))
                value.setMinimumHeight(_VALUE_HEIGHT)
                self._grid.addWidget(value, row, 1)
                value.show()
            name.setToolTip(plain_tip(fact.tip))
            name.show()  # now: a layout shows what it is given at its next turn only
        self.setVisible(bool(facts))
