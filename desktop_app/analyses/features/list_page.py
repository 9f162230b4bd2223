"""The page of all features: a table that is searched and, over a text, ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.found import NONE
from desktop_app.analyses.features.page import FeaturesPage
from desktop_app.analyses.features.picture import corpus_sentence
from desktop_app.pictures.words import plural
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.widgets.basics.icons import icon
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.features.found import Found

_PAUSE_MS = 150
_NO_CORPUS = "Name a corpus in the settings to see how often features are active, and on what"
_NO_LISTS = "Nothing is known of all features here. " + _NO_CORPUS + "."
_NOTHING = "No feature's token or number is like that"


class ListPage(FeaturesPage):
    """Features with what they write, and over a text how often and strongly they are active."""

    name, title = "all", "All features"

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._feature = NONE
        self.search = QLineEdit()
        self.search.setPlaceholderText("Number or token")
        self.search.setToolTip("A feature's number, or a token that it writes or is strongest on")
        self.search.setAccessibleName("Search features")
        self.search.setClearButtonEnabled(True)
        self.search.addAction(
            icon("search", "text_muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.order = QComboBox()
        self.order.setAccessibleName("Order of the features")
        for key, title in charts.ORDERS.items():
            self.order.addItem(title, key)
        self._said = ElidedLabel("", "small")
        self.table = RankingList("All features")
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(_PAUSE_MS)
        line = row_of((self.search, 1), self.order)
        column_in(self, (panel(line, self._said, (self.table, 1)), 1))
        self._wait.timeout.connect(self._draw)
        self.search.textChanged.connect(self._on_search)
        self.order.activated.connect(self._on_order)
        self.table.row_selected.connect(self.feature_chosen)
        self.table.row_activated.connect(self.feature_opened)

    @override
    def draw(self, found: Found, feature: int, prompt: int) -> None:
        before, self._found, self._feature = self._found, found, feature
        if found is not before:
            self._draw()
            if before is None or not before.grows:
                self.table.scrollToTop()  # where it begins, whatever is chosen
        else:
            self.table.select_key(feature)

    @override
    def figure(self) -> QWidget:
        return self.table

    @override
    def read(self) -> dict[str, Any]:
        return {
            "search": self.search.text(),
            "order": self.order.currentData(),
            "said": self._said.full_text(),
            "features": self.table.texts(),
            "selected": self.table.selected_key(),
        }

    @override
    def take_choices(self, choices: dict[str, str]) -> None:
        at = self.order.findData(choices.get("order", ""))
        if at >= 0:
            self.order.setCurrentIndex(at)

    def _draw(self) -> None:
        found = self._found
        if found is None:
            return
        query, known = self.search.text(), found.lists_all
        features = charts.matching(found, query) if known else np.empty(0, dtype=np.int64)
        ranking = charts.all_features(found, features, str(self.order.currentData()))
        self.search.setEnabled(known)
        self.order.setVisible(found.has_corpus)  # without a text there is but one, by number
        self.table.set_empty_text(_NOTHING if known else _NO_LISTS)
        self.table.set_ranking(ranking)
        self.table.select_key(self._feature)
        self._said.set_full_text(self._sentence(found, query, len(features), len(ranking.rows)))

    def _sentence(self, found: Found, query: str, count: int, listed: int) -> str:
        """Say what is listed, and what is not for want of a text."""
        if not found.lists_all:
            return ""
        told = [corpus_sentence(found) or plural(found.count, "feature")]
        if query.strip():
            told = [f"{plural(count, 'feature')} found"]
        if count > listed:
            told.append(f"the first {listed:,} are listed")
        if not found.has_corpus:
            told.append(_NO_CORPUS)
        return " · ".join(told)

    def _on_search(self, _text: str) -> None:
        self._wait.start()

    def _on_order(self, _index: int) -> None:
        self._draw()
        self.table.scrollToTop()
        self.choice_made.emit({"order": str(self.order.currentData())})
