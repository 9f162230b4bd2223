"""The circuit card: two heads, what joins them, where they look, and what ablation proves."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QWidget

from desktop_app.analyses.detect.card_words import (
    backup_sentence,
    card_headline,
    card_summary,
    draws,
)
from desktop_app.analyses.detect.picture import runs, stripe_cells
from desktop_app.pictures.noise import noise_mark, noise_of
from desktop_app.pictures.ranking import Column, Ranking, Row
from desktop_app.pictures.words import number, part_name
from desktop_app.views.frame import label, panel, scrolled
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.icons import bind_icon
from desktop_app.widgets.basics.layouts import PageStack, column_in, row_of
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.matrix.pattern_view import PatternView
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result

Head = tuple[int, int]
# Longer names would be cut in the table; the tooltip of the row has them all.
_NAMED = 2
# With more tokens, words on the axes take more room than the pattern.
_WORDS_MOST = 20
_COLUMNS = (
    Column("ablated", width="stretch"),
    Column("heads", width=104),
    Column("loss", "number", format=partial(number, sign=True), bar=True, width=66),
    Column("±", "number", format=number, width=60),
)


def card_pair(card: Mapping[str, Any]) -> tuple[Head, Head]:
    """Return the previous-token head and the induction head, (layer, head) each."""
    early, late = card["previous"], card["induction"]
    return (int(early["layer"]), int(early["head"])), (int(late["layer"]), int(late["head"]))


def ablations(card: Mapping[str, Any]) -> Ranking:
    """Return what was ablated, by how much the loss rises, ± error; controls summed up last."""
    rows: list[Row] = []
    for row in card["ablation"]:
        error = math.nan if row.get("sem") is None else float(row["sem"])
        named = [part_name(int(layer), int(head)) for layer, head in row["heads"]]
        few = len(named) <= _NAMED
        heads = ", ".join(named) if few else f"{len(named)} heads"
        tip = "" if few else f"{row['title']}: {', '.join(named)}"
        rows.append(Row(len(rows), (str(row["title"]), heads, float(row["rise"]), error), tip))
    random = draws(card)
    if random is not None:
        told = f"{random.count} draws"
        for what, rise in (("mean", random.mean), ("5 %", random.low), ("95 %", random.high)):
            rows.append(Row(len(rows), (f"random heads, {what}", told, rise, math.nan)))
    return Ranking(_COLUMNS, tuple(rows))


def loss_sentence(card: Mapping[str, Any]) -> str:
    """Say what the table's numbers are."""
    said = (
        f"Rise of the second half's loss, {number(float(card['loss']))} nats untouched, when heads "
        f"are replaced by their mean; {int(card['sequences'])} sequences"
    )
    return " · ".join(filter(None, (said, noise_mark(noise_of(card)))))


class CircuitCard(QWidget):
    """The card, or the offer to make one.

    Signals:
        attention_wanted: (layer, head) whose button was clicked.
    """

    attention_wanted = Signal(int, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pair: tuple[Head, Head] | None = None
        self.empty = EmptyState(
            "circuit",
            "No circuit card in this result",
            "A card names the previous-token head and the induction head that reads it, and "
            "proves the pair by ablation.",
            "Find the induction circuit",
        )
        self._title = label("", "title")
        self.headline = label("", "heading", wrap=True)
        self.heads = (QPushButton(""), QPushButton(""))
        for button in self.heads:
            button.setToolTip("Open this head in Attention")
            bind_icon(button, "eye")
            button.clicked.connect(self._on_head_clicked)
        self.sentences = label("", "body", wrap=True)
        self.sentences.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._loss = label("", "small", wrap=True)
        self.table = RankingList("Rise of the second half's loss under ablation", sortable=True)
        self.previous, self.induction = PatternView(), PatternView()
        for pattern in (self.previous, self.induction):
            pattern.set_side_visible(False)
            pattern.set_bar_visible(False)
            pattern.setToolTip("Attention from 0, no colour, to 1, the darkest or lightest")
            pattern.setMinimumSize(200, 170)
        self._stack = PageStack(self.empty, self._build())
        column_in(self, self._stack)

    def _build(self) -> QWidget:
        heads = row_of(self._title, None, *self.heads)
        told = QWidget()
        words = column_in(told, self.headline, self.sentences, self._loss, self.table, None)
        words.setContentsMargins(0, 0, 6, 0)
        # Words bend, and a splitter does not ask how high that makes them.
        left = panel(heads, (scrolled(told, "What the circuit card says"), 1))
        left.setMinimumWidth(320)
        right = panel((self.previous, 1), (self.induction, 1))
        return Reflow((left, 3, 580, 260), (right, 2, 360, 380))

    def show_nothing(self) -> None:
        """Show no card, but the offer."""
        self.pair = None
        self._stack.setCurrentIndex(0)

    def show_result(self, result: Result) -> None:
        """Show the card of a result, or the offer."""
        card = result.data.get("card")
        self.pair = None if card is None else card_pair(card)
        self._stack.setCurrentIndex(0 if card is None else 1)
        if card is None or self.pair is None:
            return
        early, late = (part_name(*head) for head in self.pair)
        self._title.setText(f"{early} → {late}")
        self.headline.setText(card_headline(card))
        for button, name in zip(self.heads, (early, late), strict=True):
            button.setText(name)
        told = (*card_summary(card)[:2], backup_sentence(card))
        self.sentences.setText("\n\n".join(filter(None, told)))
        self._loss.setText(loss_sentence(card))
        self.table.set_ranking(ablations(card))
        self.table.setFixedHeight(self.table.full_height())
        for shown, field, score, title in (
            (self.previous, "card_previous_pattern", "previous_token", f"{early} looks one back"),
            (self.induction, "card_induction_pattern", "induction", f"{late} looks behind"),
        ):
            pattern = np.asarray(result.data[field], dtype=np.float32)
            shown.show_pattern(pattern, _axis_texts(result, len(pattern)), title=title)
            shown.canvas.set_stripe(runs(stripe_cells(result, score)))

    def _on_head_clicked(self) -> None:
        if self.pair is not None:
            self.attention_wanted.emit(*self.pair[self.sender() is self.heads[1]])


def _axis_texts(result: Result, count: int) -> list[str]:
    texts = list(result.prompts[0].tokens.texts) if result.prompts else []
    fit = len(texts) == count <= _WORDS_MOST
    return texts if fit else [str(n) for n in range(count)]
