"""The inspector: what is known of the selected head and token, and the session's notes."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from desktop_app.contract.registry import hook, serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.facts import Place
from desktop_app.pictures.matrix import Axis, Matrix
from desktop_app.pictures.origin import has_part, model_difference
from desktop_app.pictures.words import clipped, number, part_name
from desktop_app.support.errors import MISFITS
from desktop_app.support.guard import override
from desktop_app.views.frame import label, scrolled
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.basics.long_text import NotesEdit
from desktop_app.widgets.basics.theme import set_role
from desktop_app.widgets.matrix.matrix_canvas import MatrixCanvas
from desktop_app.window.inspector.known import Known
from desktop_app.window.inspector.lines import FactLines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QWheelEvent

    from desktop_app.contract.result import Result
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.runs.showing import Showing
    from desktop_app.window.sessions.session_desk import SessionDesk

_LARGEST = 240
_NOTES_DELAY_MS = 800
_LONGEST_VALUE = 200


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
            weight = number(pattern[query, key], 4)
            return f"{texts[query]} ({query}) → {texts[key]} ({key}): {weight}"

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
        self._showing = showing
        self.known = Known(showing.difference)
        self.known.table = ()
        self._head_title = label("Head", "heading")
        self._origin = label("", "small", wrap=True)
        self._head_facts = FactLines()
        hint = "Choose a head in any picture to see what is known of it."
        self._head_hint = label(hint, wrap=True)
        self.pattern = SmallPattern()
        self.open_button = QPushButton("Open attention")
        self._cell_title = label("", "heading")
        self._cell_facts = FactLines()
        self._token_title = label("Token", "heading")
        self._token_facts = FactLines()
        self._token_hint = label("Choose a token in any strip.", wrap=True)
        self.notes = NotesEdit()
        self._notes_timer = QTimer(self, singleShot=True, interval=_NOTES_DELAY_MS)
        self._build()
        self._connect()
        session.opened.connect(self._on_session_opened)
        showing.result_shown.connect(self._on_result_shown)
        prompts.live.tokens_shown.connect(self._on_tokens_shown)
        prompts.prompts_changed.connect(self._on_prompts_changed)
        showing.source_changed.connect(self._on_source_changed)
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

    def read_out(self) -> dict[str, Any]:
        """Return what is on screen as plain data, for tests and whatever reads along.

        Returns:
            `head`, `cell` and `token`: the title of each part, and its lines of names and values.
        """
        parts = {
            "head": (self._head_title, self._head_facts),
            "cell": (self._cell_title, self._cell_facts),
            "token": (self._token_title, self._token_facts),
        }
        return {
            name: {"title": "" if title.isHidden() else title.text(), "facts": facts.told()}
            for name, (title, facts) in parts.items()
        }

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
            *(self._head_title, self._head_hint, self._origin, self._head_facts, self.pattern),
            filled(QHBoxLayout(), self.open_button, None),
            *(8, self._cell_title, self._cell_facts),
            *(8, self._token_title, self._token_hint, self._token_facts),
            *(8, label("Notes", "heading"), (self.notes, 1)),
            margins=(12, 8, 12, 8),
            spacing=6,
        )
        filled(QVBoxLayout(self), scrolled(inside))
        # With the bar that a long head has.
        self.setMinimumWidth(226)

    def _connect(self) -> None:
        self._selection.head_changed.connect(self._refresh_head)
        self._selection.position_changed.connect(self.refresh)  # patching has a value per position
        self._selection.prompt_changed.connect(self.refresh)
        self._selection.pair_changed.connect(self.pattern.set_selected)
        self.pattern.pair_selected.connect(self._selection.select_pair)
        self._head_facts.asked.connect(self._hall.explain)
        self._cell_facts.asked.connect(self._hall.explain)
        self._token_facts.asked.connect(self._hall.explain)
        self.open_button.clicked.connect(self._on_open_clicked)
        self.notes.textChanged.connect(self._notes_timer.start)
        self.notes.shortened.connect(self._on_notes_cut)
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
        self._origin.setText("" if place.layer is None else self._origin_words(place))
        self._origin.setVisible(bool(self._origin.text()))
        self.pattern.setVisible(drawn is not None)
        if drawn is not None:
            self.pattern.show_pattern(*drawn)
            self.pattern.set_selected(self._selection.pair)
        self._refresh_cell(place)

    def _origin_words(self, place: Place) -> str:
        """Return whose numbers these are where that is not the model that is open."""
        model, made = self._showing.model, self.known.origin()
        if made:
            return f"Of {clipped(made, _LONGEST_VALUE)}, as kept in the session: no model is open."
        strange = model is not None and not has_part(model, place.layer, place.head)
        return f"{model.name} has no such part." if model is not None and strange else ""

    def _refresh_cell(self, place: Place) -> None:
        """Show what is known of the selected layer at the selected token, where anything is."""
        facts = self.known.of_cell(place)
        self._cell_title.setText(f"Layer {place.layer}, token {place.position}")
        self._cell_title.setVisible(bool(facts))
        self._cell_facts.set_facts(facts)

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
        self.notes.set_text(self._session.notes())
        self.notes.blockSignals(False)
        self.refresh()

    def _on_result_shown(self, result: Result) -> None:
        self.known.add(result)
        self.refresh()
        best = hook(result.analysis, "picture", "best_head")
        own = not model_difference(result.model, self._showing.model)
        if self._selection.layer is None and own and best is not None:
            # One head for all views, before the first click: the one that matters most.
            with suppress(*MISFITS):  # of a file's result that its view refuses, too
                self._selection.select_head(*(best(result) or (None, None)))

    def _on_tokens_shown(self, result: Result | None) -> None:
        self.known.tokens = result
        self._refresh_token()

    def _on_prompts_changed(self) -> None:
        self.known.table = tuple(self._prompts.prompts()[0])
        self.refresh()

    def _on_source_changed(self) -> None:
        self.known.model = self._showing.model
        self.refresh()

    def _on_open_clicked(self) -> None:
        chosen = {"layer": self._selection.layer, "head": self._selection.head}
        self._hall.answer(Intent("open_attention", chosen))

    def _on_notes_cut(self, told: str) -> None:
        self._hall.show(told, "warn")

    def _on_notes_timeout(self) -> None:
        self._session.set_notes(self.notes.text())
