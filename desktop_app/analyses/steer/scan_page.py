"""The page of a scan: what steering each prompt position alone does, and where it lives later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.steer import scan_picture as data_of
from desktop_app.analyses.steer.acts import acts_of
from desktop_app.analyses.steer.offer import Offer
from desktop_app.analyses.steer.page import SteerPage
from desktop_app.pictures.token_text import display_text
from desktop_app.support.guard import override
from desktop_app.views.frame import label, panel
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.tables.ranking import RankingList
from desktop_app.widgets.tokens.token_strip import cells, token_strip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.analyses.steer.scan_picture import Scan
    from desktop_app.analyses.steer.spec import SteerParams
    from desktop_app.contract.result import Result

_OFFER = (
    "One run tries the interventions at each position of the prompt alone, all else as in the "
    "settings: does it change what is said?"
)
_NOTHING = "A scan moves an intervention over the prompt: add one under Interventions first."
_BAD = "A setting needs attention: open the settings above."
_CHOOSE = "Choose a position, by click or arrow keys, for what is said when it is steered."
_NOT_HERE = "Positions of this prompt were not scanned."


class ScanPage(SteerPage):
    """The prompt's tokens in the colour of what steering them changes; a list beneath."""

    name = "scan"
    title = "Positions"

    def __init__(self) -> None:
        super().__init__()
        self._result: Result | None = None
        self._prompt = 0
        self._scan: Scan | None = None
        self._position: int | None = None
        self.offer = Offer(_OFFER, "Scan positions")
        self._headline = label("", "muted", wrap=True)
        self.strip = token_strip("Prompt positions by what steering them changes")
        self._plain, self._said = label("", "mono", wrap=True), label("", "mono", wrap=True)
        self._sentence, self._lives = label("", "", wrap=True), label("", "muted", wrap=True)
        self.list = RankingList("Positions and what steering them changes", sortable=True)
        self.list.setMinimumHeight(130)
        self._drawn = QWidget()
        told = (self._sentence, self._plain, self._said, self._lives)
        column_in(
            self._drawn,
            panel(self._headline, self.strip, *told),
            (panel((self.list, 1)), 1),
            spacing=8,
        )
        column_in(self, panel(self.offer), (self._drawn, 1), (None, 0))
        self.offer.wanted.connect(self._on_wanted)
        self.strip.token_clicked.connect(self._on_position)
        self.list.row_selected.connect(self._on_position)
        self.forget()

    @override
    def take_params(self, params: SteerParams | None) -> None:
        why = _BAD if params is None else "" if acts_of(params) else _NOTHING
        self.offer.allow(why)

    @override
    def show_result(self, result: Result, prompt: int) -> None:
        same = self._result is result and self._prompt == prompt
        self._result, self._prompt = result, prompt
        scan = data_of.scan_of(result, prompt)
        if not same:
            self._position = None if scan is None else data_of.strongest(scan)
        self._show(scan)
        if self._scan is None and data_of.has_scan(result.data):
            self.offer.say(_NOT_HERE)
        else:
            self.offer.say(_OFFER)

    @override
    def show_so_far(self, data: Mapping[str, Any], prompt: int) -> None:
        self._result = None
        self._show(None)
        self.offer.say(data_of.partial_words(data) if data_of.has_scan(data) else _OFFER)

    @override
    def forget(self) -> None:
        self._result = None
        self._show(None)

    @override
    def figure(self) -> QWidget | None:
        return None if self._scan is None else self._drawn

    @override
    def read(self) -> dict[str, Any]:
        there = self._scan is not None
        return {
            "scan": self._headline.text() if there else "",
            "scan_tokens": self.strip.texts() if there else (),
            "scan_position": self._position if there else None,
            "scan_sentence": self._sentence.text() if there else "",
            "scan_said": (self._plain.text(), self._said.text()) if there else ("", ""),
            "scan_lives": self._lives.text() if there else "",
            "scan_rows": self.list.texts() if there else [],
            "scan_offer": self.offer.read(),
        }

    @override
    def run_changes(self) -> dict[str, object]:
        return {"scan": True} if self.offer.button.isEnabled() else {}

    def _show(self, scan: Scan | None) -> None:
        self._scan = scan
        self._drawn.setVisible(scan is not None)
        if scan is None or self._result is None:
            return
        record = self._result.prompts[self._prompt]
        self._headline.setText(data_of.headline(scan))
        self.strip.set_tokens(cells(record.tokens))
        self.strip.set_read_position(record.read_position)
        known = np.where(np.isfinite(scan.difference), scan.difference, 0.0)
        top = float(known.max()) or 1.0
        self.strip.set_values(
            scan.difference, (0.0, top), diverging=False, value_name="largest change of a logit"
        )
        self.list.set_ranking(data_of.scan_ranking(scan))
        self._show_position()

    def _show_position(self) -> None:
        scan, position, result = self._scan, self._position, self._result
        if scan is None or result is None:
            return
        self.strip.set_selected(position)
        self.list.select_key(position)
        told = position is not None
        for part in (self._plain, self._said):
            part.setVisible(told)
        self._lives.setVisible(told)
        if position is None:
            self._sentence.setText(_CHOOSE)
            return
        self._sentence.setText(data_of.position_sentence(scan, position))
        self._plain.setText(f"untouched  {display_text(scan.plain)}" if scan.plain else "")
        self._plain.setVisible(bool(scan.plain))
        self._said.setText(f"steered    {display_text(scan.said[position])}")
        lines = result.data.get("timeline")
        rows = lines[self._prompt] if lines is not None and self._prompt < len(lines) else ()
        lives = data_of.lives(rows, position, len(scan.texts))
        self._lives.setText(f"In the run itself: {lives}" if lives else "")
        self._lives.setVisible(bool(lives))

    def _on_position(self, position: object) -> None:
        if isinstance(position, int) and position != self._position:
            self._position = position
            self._show_position()

    def _on_wanted(self) -> None:
        if changes := self.run_changes():
            self.run_wanted.emit(changes)
