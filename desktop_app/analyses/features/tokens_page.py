"""The page of a prompt's tokens: tinted by a feature, and what is active at each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtWidgets import QWidget

from desktop_app.analyses.features import charts
from desktop_app.analyses.features.found import NONE
from desktop_app.analyses.features.page import FeaturesPage
from desktop_app.analyses.features.picture import prompt_sentence
from desktop_app.analyses.features.strips import Ramp, Strip, shows, upward
from desktop_app.analyses.features.words import amount, name_of, token_words
from desktop_app.pictures.words import number, plural
from desktop_app.support.guard import override
from desktop_app.views.frame import ElidedLabel, panel
from desktop_app.views.reflow import Reflow
from desktop_app.widgets.basics.layouts import column_in, row_of
from desktop_app.widgets.basics.segmented import SegmentedControl
from desktop_app.widgets.tables.ranking import RankingList

if TYPE_CHECKING:
    from desktop_app.analyses.features.found import Found

ACTIVATION, ACTIVE, ERROR = "activation", "l0_token", "error_token"
_NAMES = {ACTIVATION: "Activation", ACTIVE: "Active features", ERROR: "Error"}
_TIPS = {
    ACTIVATION: "The chosen feature's activation at each token",
    ACTIVE: "How many features are active at each token",
    ERROR: "‖x − x̂‖ ÷ ‖x‖ at each token: 0 where the features tell the whole activation",
}
_LISTED = 3
_NOT_STRONGEST = "white: not the strongest there"
_LINES = 5


class TokensPage(FeaturesPage):
    """A prompt's strip, the features of one token, and all prompts."""

    name, title = "prompt", "Tokens"

    def __init__(self) -> None:
        super().__init__()
        self._found: Found | None = None
        self._feature, self._prompt, self._position = NONE, 0, 0
        self.tint = SegmentedControl(list(_NAMES.items()))
        for key, tip in _TIPS.items():
            self.tint.set_option_enabled(key, True, tip)
        self.ramp = Ramp()
        self._head = ElidedLabel("", "heading")
        self._said = ElidedLabel("", "small")
        self.strip = Strip("Tokens of the prompt, tinted")
        self.strip.set_most_lines(_LINES)
        self._token = ElidedLabel("", "heading")
        self.list = RankingList("Features of the selected token, the strongest first")
        self.list.set_empty_text("No feature is active here")
        self.prompts = RankingList("Prompts", sortable=True)
        column_in(self, self._build_strip(), (self._build_below(), 1))
        self.tint.changed.connect(self._on_tint)
        self.strip.token_clicked.connect(self._on_token)
        self.list.row_selected.connect(self.feature_chosen)
        self.list.row_activated.connect(self.feature_opened)
        self.prompts.row_selected.connect(self.prompt_chosen)

    def _build_strip(self) -> QWidget:
        self._figure = QWidget()
        head = row_of((self._head, 1), self.ramp)
        column_in(self._figure, head, self.strip, self._said, spacing=6)
        return panel(row_of(self.tint, None), self._figure, spacing=6)

    def _build_below(self) -> QWidget:
        left = panel(self._token, (self.list, 1), spacing=4)
        right = panel(ElidedLabel("Prompts", "heading"), (self.prompts, 1), spacing=4)
        self._prompts_panel = right
        left.setMinimumWidth(220)
        right.setMinimumWidth(290)
        return Reflow((left, 4, 300, 170), (right, 5, 400, 150))

    @override
    def draw(self, found: Found, feature: int, prompt: int) -> None:
        other = found is not self._found or prompt != self._prompt
        self._found, self._feature, self._prompt = found, feature, prompt
        if prompt >= found.prompts:
            return
        if other:
            self._position = self._peak()
        self._draw_strip()
        self._draw_token()
        self.prompts.set_ranking(charts.prompts(found, feature))
        self.prompts.select_key(prompt)

    @override
    def mark_position(self, position: int | None) -> None:
        found = self._found
        if found is None or position is None or self._prompt >= found.prompts:
            return
        if position < len(found.tokens(self._prompt)):
            self._position = position
            self.strip.set_selected(position)
            self._draw_token()

    @override
    def figure(self) -> QWidget:
        return self._figure

    @override
    def read(self) -> dict[str, Any]:
        return {
            "tint": self.tint.value(),
            "head": self._head.full_text(),
            "said": self._said.full_text(),
            "ramp": self.ramp.ends(),
            "selected": self._token.full_text(),
            "position": self.strip.selected(),
            "listed": self.list.texts(),
            "prompts": self.prompts.texts(),
        }

    # Drawing.

    def _peak(self) -> int:
        """Return the token at which the feature is strongest, a BOS only alone, else the last."""
        values, found = self._activation().copy(), self._found
        lead = 0 if found is None else found.lead(self._prompt)
        if (values[lead:] > 0).any():
            values[:lead] = np.nan
        known = np.flatnonzero(np.isfinite(values))
        return int(known[values[known].argmax()]) if known.size else len(values) - 1

    def _activation(self) -> np.ndarray:
        found = self._found
        if found is None:
            return np.empty(0)
        if self._feature == NONE:
            return np.full(len(found.tokens(self._prompt)), np.nan)
        return found.on_prompt(self._prompt, self._feature)

    def _draw_strip(self) -> None:
        found, tint = self._found, str(self.tint.value())
        if found is None:
            return
        values = self._activation() if tint == ACTIVATION else found.per_token(tint, self._prompt)
        limits = upward(values)
        self.strip.show_tokens(found.tokens(self._prompt), values, limits, self._told)
        self.strip.set_selected(self._position)
        self.ramp.set_scale(limits if shows(values) else None)
        self._head.set_full_text(self._heading(tint))
        self._said.set_full_text(prompt_sentence(found, self._prompt))

    def _heading(self, tint: str) -> str:
        if tint != ACTIVATION or self._found is None:
            return _TIPS[tint].partition(":")[0]
        if self._feature == NONE:
            return "No feature is active in this prompt"
        if np.isnan(self._activation()).any():
            most = np.asarray(self._found.data["top"][self._prompt]).shape[-1]
            told = f"white: not among the {most} strongest there" if most > 1 else _NOT_STRONGEST
            return f"{name_of(self._feature)} · {told} (look closer for all)"
        return f"{name_of(self._feature)} at each token"

    def _told(self, position: int) -> str:
        """Say the numbers of a token: activation, active features, error, the strongest."""
        found = self._found
        if found is None:
            return ""
        lines = []
        value = float(self._activation()[position])
        if self._feature != NONE:
            known = amount(value) if np.isfinite(value) else "below those listed, or 0"
            lines.append(f"{name_of(self._feature)}: {known}")
        active, error = (found.per_token(name, self._prompt) for name in (ACTIVE, ERROR))
        if active is not None:
            lines.append(f"{plural(int(active[position]), 'active feature')}")
        if error is not None:
            lines.append(f"error {number(float(error[position]))}")
        rows = found.listed(self._prompt, position)[:_LISTED]
        if rows:
            told = ", ".join(f"{feature} ({amount(value)})" for feature, value in rows)
            lines.append(f"strongest: {told}")
        return "\n".join(lines)

    def _draw_token(self) -> None:
        found, at = self._found, self._position
        if found is None:
            return
        token = token_words(found.tokens(self._prompt)[at])
        active = found.per_token(ACTIVE, self._prompt)
        told = f" · {int(active[at]):,} active" if active is not None else ""
        self._token.set_full_text(f"{token} at position {at}{told}")
        self.list.set_ranking(charts.token_features(found, self._prompt, at))
        self.list.select_key(self._feature)

    # Answering.

    def _on_tint(self, _tint: object) -> None:
        self._draw_strip()
        self.choice_made.emit({"tint": str(self.tint.value())})

    @override
    def take_choices(self, choices: dict[str, str]) -> None:
        """Take over by what tokens were tinted."""
        if choices.get("tint") in _NAMES:
            self.tint.set_value(choices["tint"])

    def _on_token(self, position: int) -> None:
        self._position = position
        self._draw_token()
        self.position_chosen.emit(position)
