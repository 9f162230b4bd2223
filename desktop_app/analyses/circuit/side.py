"""What stands over the map of a circuit, and the pages beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.circuit import picture, tables
from desktop_app.analyses.circuit.known import KnownPage
from desktop_app.analyses.circuit.pages import ChecksPage, PartsPage, TextsPage
from desktop_app.analyses.circuit.pruning_page import PruningPage
from desktop_app.pictures.words import percent, plural
from desktop_app.views.frame import ElidedLabel, scrolled
from desktop_app.widgets.basics.explained_card import WhatButton
from desktop_app.widgets.basics.layouts import column_in, row_in
from desktop_app.widgets.basics.messages import Banner
from desktop_app.widgets.basics.segmented import Pages
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result

PAGES = (
    ("parts", "Parts"),
    ("prompts", "Prompts"),
    ("pruning", "Pruning"),
    ("text", "Text"),
    ("checks", "Checks"),
    ("known", "Known"),
)
_BESIDE = 4


class CircuitHeader(QWidget):
    """What the circuit keeps, beside the whole, the empty and random ones; what is replaced."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._gate = Banner()
        self._lines = ElidedLabel("", "heading"), ElidedLabel("", "muted"), ElidedLabel("", "small")
        self.what = WhatButton("this number")
        top = row_in(None, (self._lines[0], 1), self.what)
        column_in(self, self._gate, top, *self._lines[1:], spacing=3)

    def show_result(self, result: Result) -> None:
        """Say it of a result."""
        self._say(picture.headline(result), picture.beside(result), picture.how(result))
        if told := picture.gate(result):
            self._gate.show_message(told, "warn", dismissible=False)
        else:
            self._gate.dismiss()

    def show_asked(self, size: str) -> None:
        """Say which circuit is being scored."""
        self._say(f"Scoring {size} …", self._lines[1].full_text(), self._lines[2].full_text())

    def show_so_far(self, data: Mapping[str, Any]) -> None:
        """Say how far a pruning is."""
        kept, total = len(data.get("kept", ())), int(data.get("total") or 0)
        of = f"{kept:,} of {plural(total, 'part')}" if total else plural(kept, "part")
        share = percent(float(data.get("percent_of_means", float("nan"))))
        self._say(
            f"Pruning: {of} left, {share} kept", "Parts leave for good as little is lost.", ""
        )
        self._gate.dismiss()

    def read(self) -> dict[str, str]:
        """Return what is said."""
        gate = "" if self._gate.isHidden() else self._gate.text()
        names = "headline", "beside", "how"
        lines = zip(names, self._lines, strict=True)
        return {"gate": gate, **{name: line.full_text() for name, line in lines}}

    def _say(self, *told: str) -> None:
        for line, text in zip(self._lines, told, strict=True):
            line.set_full_text(text)
            line.setVisible(bool(text))


class CircuitSide(QWidget):
    """The pages; each says for itself what it wants computed.

    Signals:
        wanted: `minus`, `prune`, `prune_mlps`, `go_on`, `generate` or `check`.
        part_chosen, part_activated: A part.
        prompt_chosen: The number of a prompt.
        page_turned: The name of the page that the user turned to.
    """

    wanted = Signal(str)
    part_chosen = Signal(object)
    part_activated = Signal(object)
    prompt_chosen = Signal(object)
    page_turned = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.parts, self.pruning, self.texts = PartsPage(), PruningPage(), TextsPage()
        self.checks, self.known = ChecksPage(), KnownPage()
        self.prompts = RankingList("Prompts of the circuit")
        # A page that bends its lines would give all others its height: each has its own room.
        own = self.parts, self.prompts, self.pruning, self.texts, self.checks, self.known
        rooms = [page if page is self.prompts else scrolled(page) for page in own]
        named = zip(PAGES, rooms, strict=True)
        self.pages = Pages(*((name, title, page) for (name, title), page in named))
        self.pages.choice.setAccessibleName("Pages of the circuit")
        column_in(self, self.pages)
        self.setMinimumWidth(self.pages.choice.sizeHint().width() + _BESIDE)
        for page in (self.parts, self.pruning, self.texts, self.checks):
            page.wanted.connect(self.wanted)
        for chooser in (self.parts, self.pruning, self.checks, self.known):
            chooser.part_chosen.connect(self.part_chosen)
        self.parts.part_activated.connect(self.part_activated)
        self.prompts.row_selected.connect(self.prompt_chosen)
        self.pages.changed.connect(self.page_turned)

    def show_result(self, result: Result, prompt: int) -> None:
        """Fill all pages."""
        self.known.show_result(result)
        self.parts.show_result(result, self.known.role_of, prompt)
        self.prompts.set_ranking(tables.prompt_rows(result))
        self.pruning.show_result(result)
        self.checks.show_result(result)
        self.show_prompt(result, prompt)

    def show_prompt(self, result: Result, prompt: int) -> None:
        """Fill what is of one prompt."""
        self.prompts.select_key(prompt)
        self.texts.show_prompt(result, prompt)

    def show_so_far(self, data: Mapping[str, Any], limit: float) -> None:
        """Show a pruning that goes on."""
        self.parts.show_so_far(data)
        self.pruning.show_so_far(data, limit)

    def turn_to(self, page: str) -> None:
        """Turn to a page, where there is one of that name."""
        if page in dict(PAGES):
            self.pages.turn_to(page)

    def read(self) -> dict[str, Any]:
        """Return what is shown on all pages."""
        own = self.parts, self.pruning, self.texts, self.checks, self.known
        found: dict[str, Any] = {"page": self.pages.page(), "prompts": self.prompts.texts()}
        for page in own:
            found |= page.read()
        return found
