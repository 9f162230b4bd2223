"""The page of tests on a prompt: its text without each token, the prompt without the feature."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.found import NONE
from desktop_app.analyses.features.page import FeaturesPage
from desktop_app.analyses.features.picture import (
    ablated_changes,
    ablated_sentence,
    ablated_title,
    direction_sentence,
    next_changes,
    peak_of,
)
from desktop_app.analyses.features.readable import RULE, sentence
from desktop_app.analyses.features.strips import Ramp, Strip, both_ways, shows
from desktop_app.analyses.features.words import amount, name_of
from desktop_app.pictures.words import number
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, label, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.messages import EmptyState
from desktop_app.widgets.basics.words import plain_tip
from desktop_app.widgets.plots.legend import Legend
from desktop_app.widgets.plots.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Callable

    from desktop_app.analyses.features.found import Found

_LINES = 4
_OTHER = (
    "Not made for {}",
    "The text without each token, the prompt without the feature, and whether a token alone tells "
    "it: these need a run for the feature.",
    "Look closer",
)
_NO_PROMPTS = (
    "No prompts in this run",
    "These tests are made on the prompts of the table: run again with some there.",
    "",
)


class TestsPage(FeaturesPage):
    """What the chosen feature hangs on, what it does, and whether one token alone tells it."""

    __test__ = False  # for pytest, which would take it for tests of its own

    name, title = "tests", "Tests on the prompt"

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._prompt, self._missing = 0, ""
        self._none = EmptyState("search", *_NO_PROMPTS)
        self._taken = _Part("Ablated text")
        self._without = _Part("Direction ablated")
        self._alone = ElidedLabel("Is it readable from the embedding?", "heading")
        self._alone_said = label("", "body", wrap=True)
        self._alone_said.setToolTip(plain_tip(RULE))
        self.legend, self.plot = Legend(), Plot()
        self.plot.setAccessibleName("Activation of each token alone and in its context")
        self.plot.setMinimumHeight(170)
        strips = Reflow((self._taken, 1, 150, 120), (self._without, 1, 150, 120), upright=True)
        right = panel(self._alone, self._alone_said, self.legend, (self.plot, 1), spacing=4)
        right.setMinimumWidth(260)
        strips.setMinimumWidth(320)
        self._shown = Reflow((strips, 3, 480, 260), (right, 2, 300, 260))
        column_in(self, (self._none, 1), (self._shown, 1))
        self._none.action_clicked.connect(self.look_wanted)
        for part in (self._taken, self._without):
            part.strip.token_clicked.connect(self.position_chosen)
        self.plot.point_clicked.connect(self._on_point)

    @override
    def draw(self, found: Found, feature: int, prompt: int) -> None:
        self._found, self._prompt = found, prompt
        known = feature not in {NONE} and feature == found.chosen and prompt < found.prompts
        self._shown.setVisible(known)
        self._none.setVisible(not known)
        title, *rest = _OTHER if found.prompts else _NO_PROMPTS
        self._missing = "" if known else title.format(name_of(feature).lower())
        self._none.set_content("search", self._missing, *rest)
        if known:
            self._draw_taken()
            self._draw_without()
            self._draw_alone()

    @override
    def mark_position(self, position: int | None) -> None:
        for part in (self._taken, self._without):
            part.strip.set_selected(position)

    @override
    def figure(self) -> QWidget:
        return self._shown

    @override
    def read(self) -> dict[str, Any]:
        return {
            "none": self._missing,
            "taken": self._taken.read(),
            "without": self._without.read(),
            "alone": self._alone_said.text(),
            "scatter": self.plot.picture(),
            "legend": self.legend.texts(),
        }

    def _draw_taken(self) -> None:
        found, prompt = self._found, self._prompt
        if found is None:
            return
        change, at = found.per_token("ablated_text", prompt), peak_of(found, prompt)
        known = change is not None and at != NONE
        self._taken.setVisible(known)
        if change is None or not known:
            return
        activation = found.per_token("activation", prompt)
        base = float("nan") if activation is None else float(activation[at])
        told = partial(_taken_words, base, change, at)
        said = ablated_sentence(found, prompt)
        own = ablated_changes(found, prompt)
        tints = change if own is None else own
        self._taken.show_values(found, prompt, tints, told, ablated_title(found, prompt), said)
        self._taken.strip.set_read_position(at)

    def _draw_without(self) -> None:
        found, prompt = self._found, self._prompt
        if found is None:
            return
        change = next_changes(found, prompt)
        self._without.setVisible(change is not None)
        if change is None:
            return
        told = partial(_without_words, change)
        what = "Change of each token's log-probability without the feature"
        said = direction_sentence(found, prompt)
        self._without.show_values(found, prompt, change, told, what, said)

    def _draw_alone(self) -> None:
        found = self._found
        if found is None:
            return
        picture = charts.embedding(found, self._prompt)
        some = shows(picture.x) or shows(picture.y)
        self.plot.setVisible(some)
        self.legend.setVisible(some)
        told = found.data.get("from_embedding")
        self._alone_said.setText(sentence(told) if isinstance(told, dict) else "")
        if some:
            self.legend.show_keys(picture.entries())
            self.plot.show_picture(picture)

    def _on_point(self, _point: int) -> None:
        """Do nothing but mark it: the tip says which token it is."""


def _taken_words(base: float, change: np.ndarray, at: int, token: int) -> str:
    value = float(change[token])
    if np.isfinite(value):
        return f"{amount(base)} → {amount(base + value)} without it ({amount(value, sign=True)})"
    return "the feature is read here" if token == at else "not taken away"


def _without_words(change: np.ndarray, token: int) -> str:
    value = float(change[token])
    if np.isfinite(value):
        return f"{number(value, sign=True)} nats without the feature"
    return "no token stands before it"


class _Part(QWidget):
    """A strip with what its tints mean above, and what it shows beneath."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._title, self._what = ElidedLabel(name, "heading"), label("", "small", wrap=True)
        self._said = label("", "body", wrap=True)
        self.ramp, self.strip = Ramp(), Strip(name)
        self.strip.set_most_lines(_LINES)
        head = row_of((self._title, 1), self.ramp)
        card = panel(head, self._what, self.strip, self._said, None, spacing=6)
        column_in(self, (card, 1))

    def show_values(
        self,
        found: Found,
        prompt: int,
        change: np.ndarray,
        told: Callable[[int], str],
        what: str,
        said: str,
    ) -> None:
        """Show a change per token; what falls has the warm colour."""
        limits = both_ways(change)
        tokens = found.tokens(prompt)
        self.strip.show_tokens(tokens, change, limits, told, diverging=True)
        self.ramp.set_scale(limits if shows(change) else None, diverging=True)
        self._what.setText(what)
        self._said.setText(said)

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        return {
            "title": self._title.full_text(),
            "what": self._what.text(),
            "said": self._said.text(),
            "ramp": self.ramp.ends(),
            "texts": self.strip.texts(),
        }
