"""Finds by words whatever the window has: each kind of thing is asked in its turn."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from desktop_app.contract.registry import ANALYSES, serving
from desktop_app.contract.spec import Intent
from desktop_app.pictures.facts import Place
from desktop_app.pictures.words import clipped, part_name, shorten
from desktop_app.widgets.basics.icons import icon_of
from desktop_app.window.frame.found import LETTERS, Found, excerpt, match_score, words_score
from desktop_app.window.frame.help_pages import passages
from desktop_app.window.prompts.prompt_model import visible
from desktop_app.window.sessions.entries import kind, matches, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PySide6.QtGui import QAction

    from desktop_app.contract.result import ModelInfo
    from desktop_app.contract.spec import Analysis
    from desktop_app.window.exports.picture_desk import PictureDesk
    from desktop_app.window.frame.actions import ActionBook
    from desktop_app.window.frame.hall import Hall
    from desktop_app.window.frame.help_pages import Passage
    from desktop_app.window.frame.panels import Panels
    from desktop_app.window.frame.search_box import SearchBox
    from desktop_app.window.inspector.inspector import Inspector
    from desktop_app.window.prompts.prompt_panel import PromptPanel
    from desktop_app.window.sessions.results_panel import ResultsPanel
    from desktop_app.window.sessions.session_desk import SessionDesk

# `18.6`, `L18H6`, `18 6`, `layer 18 head 6`; and a layer alone.
_HEAD = re.compile(
    r"\s*(?:l|layer)?\s*(\d{1,4})\s*(?:[.,:·/]|\s|h|head)\s*(?:h|head)?\s*(\d{1,4})\s*",
    re.IGNORECASE,
)
_LAYER = re.compile(r"\s*(?:l|layer)\s*(\d{1,4})\s*", re.IGNORECASE)
# What of a kind is listed at most, and how far a kind stands behind an action of the same words.
_MOST, _MOST_BENEATH = 8, 2
_KNOWN_AS, _SETTING, _HEADING, _RESULT = 0.1, 0.6, 1.3, 1.5
_PROMPT, _SUMMARY, _TEXT = 1.6, 2.5, 4.0
_MENU = 4
_LETTERS_AT_LEAST = 3
_LONGEST = 70
_TOLD = 3


class SearchDesk(QObject):
    """Answers the search of the top bar."""

    def __init__(
        self,
        hall: Hall,
        box: SearchBox,
        rooms: tuple[PromptPanel, ResultsPanel, Inspector, Panels, PictureDesk],
        session: SessionDesk,
    ) -> None:
        super().__init__(hall)
        self._hall, self._session = hall, session
        self._prompts, self._results, self._inspector, self._panels, self._pictures = rooms
        self._book: ActionBook | None = None
        self._passages: list[Passage] | None = None
        box.finder = self.find

    def take(self, book: ActionBook) -> None:
        """Find all actions, too."""
        self._book = book

    def renew(self) -> None:
        """Look through the help anew: it has pages that it had not."""
        self._passages = None

    def find(self, query: str) -> list[Found]:
        """Return what answers to a query, best first; all actions where it is empty."""
        if not query.strip():
            return list(self._actions(query))
        found = [
            *self._heads(query),
            *self._actions(query),
            *self._exports(query),
            *self._settings(query),
            *self._help(query),
            *self._listed_results(query),
            *self._listed_prompts(query),
        ]
        return sorted(found, key=lambda one: one.score)

    # Each kind.

    def _actions(self, query: str) -> Iterator[Found]:
        for marked, action in self._book.all() if self._book is not None else ():
            name, menu = action.text().replace("&", ""), marked.replace("&", "")
            key = action.objectName()  # an action may have the name of an analysis
            analysis = ANALYSES.get(key.removeprefix("tab_")) if key.startswith("tab_") else None
            score: float | None = match_score(query, name)
            if score == LETTERS and len(query.strip()) < _LETTERS_AT_LEAST:
                score = None
            if score in {None, LETTERS} and analysis is not None:
                told = words_score(query, analysis.known_as)
                score = score if told is None else _KNOWN_AS + told
            if score is None and analysis is not None:
                told = words_score(query, f"{analysis.summary} {analysis.noun}")
                score = None if told is None else _SUMMARY + told
            if score is None:
                told = words_score(query, f"{menu} {name} {action.statusTip()}")
                score = None if told is None else _MENU + told
            if score is not None:
                yield self._action(action, name, menu, analysis, score)

    def _action(
        self, action: QAction, name: str, menu: str, analysis: Analysis | None, score: float
    ) -> Found:
        key = action.objectName()
        own = analysis is not None and key.startswith("tab_")
        sign = icon_of(analysis.name) if own and analysis is not None else _icon_of(action)
        return Found(
            name,
            "Analysis" if own else "Export" if key in self._pictures.keys else f"{menu} menu",
            action.trigger if action.isEnabled() else None,
            score + (0 if action.isEnabled() else 0.5),
            analysis.summary if own and analysis is not None else "",
            sign,
            action.shortcut().toString(),
        )

    def _exports(self, query: str) -> Iterator[Found]:
        for name, others, choose in self._pictures.ways_out():
            scores = [words_score(query, name), words_score(query, others)]
            best = min((s for s in scores if s is not None), default=None)
            if best is not None:
                yield Found(name, "Export", choose, best + 0.2, icon="export")

    def _settings(self, query: str) -> Iterator[Found]:
        for name, analysis in ANALYSES.items():
            for key, field in analysis.params.own_fields().items():
                title = str(field.title or key)
                extra = field.json_schema_extra or {}
                score = words_score(query, f"{title} {analysis.title}")
                if score is None or (isinstance(extra, dict) and extra.get("hidden")):
                    continue
                of = f"Setting · {analysis.title}"
                show = partial(self._show_setting, name, key)
                told = str(field.description or "")
                yield Found(title, of, show, score + _SETTING, told, "sliders")

    def _help(self, query: str) -> Iterator[Found]:
        if self._passages is None:
            self._passages = passages()
        texts: dict[tuple[str, str], int] = {}
        for passage in self._passages:
            own = passage.heading != passage.title
            of = f"Help · {passage.title}" if own else "Help"
            show = partial(self._panels.show_help, passage.page, passage.heading, passage.text)
            if not passage.text:
                score = words_score(query, f"{passage.heading} {passage.title if own else 'help'}")
                if score is not None:
                    yield Found(passage.heading, of, show, score + _HEADING, icon="help")
            elif (score := words_score(query, passage.text)) is not None:
                place = passage.page, passage.heading
                texts[place] = texts.get(place, 0) + 1
                if texts[place] > _MOST_BENEATH or sum(texts.values()) > _MOST:
                    continue
                told = excerpt(passage.text, query)
                yield Found(passage.heading, of, show, score + _TEXT, told, "help")

    def _listed_results(self, query: str) -> Iterator[Found]:
        rows = [row for row in reversed(self._session.rows()) if matches(row, query)]
        for place, row in enumerate(rows[:_MOST]):
            title, facts = words(row)
            score = words_score(query, f"{kind(row)} {row.title}")
            show = partial(self._results.asked.emit, "show", row.id)
            weight = _RESULT + (2 if score is None else score) + place / 100
            yield Found(clipped(title, _LONGEST), "Result", show, weight, facts, "history")

    def _listed_prompts(self, query: str) -> Iterator[Found]:
        needle, listed = query.casefold(), 0
        for place, row in enumerate(self._prompts.rows()):
            texts = (row.prompt, row.corrupt, row.answer, row.wrong)
            where = next((i for i, text in enumerate(texts) if needle in text.casefold()), None)
            if where is None and needle.strip() and needle.strip() in row.prompt.casefold():
                where = 0
            if where is None:
                continue
            listed += 1
            if listed > _MOST:
                return
            others = [text for text in texts[1:] if text]
            yield Found(
                shorten(visible(row.prompt), _LONGEST),
                self._prompts.table.prompts.called(place).capitalize(),
                partial(self._show_prompt, place),
                _PROMPT + (0 if where == 0 else 1) + place / 10_000,
                clipped(" · ".join(visible(text) for text in others), _LONGEST),
                "table",
            )

    def _heads(self, query: str) -> Iterator[Found]:
        model = self._model()
        if match := _HEAD.fullmatch(query):
            yield from self._head(model, int(match[1]), int(match[2]))
        elif match := _LAYER.fullmatch(query):
            layer = int(match[1])
            if model is not None and layer < model.n_layers:
                choose = partial(self._select, layer, None)
                yield Found(f"Layer {layer}", "Layer", choose, -1, "select it", "heads")

    def _head(self, model: ModelInfo | None, layer: int, head: int) -> Iterator[Found]:
        name = part_name(layer, head)
        if model is None:
            yield Found(name, "Head", None, -1, "no model is open that could have it", "heads")
        elif layer >= model.n_layers or head >= model.n_heads:
            told = (
                f"is not there: {model.name} has layers 0 to {model.n_layers - 1}, heads 0 to "
                f"{model.n_heads - 1}"
            )
            yield Found(name, "Head", None, -1, told, "heads")
        else:
            select = partial(self._select, layer, head)
            yield Found(name, "Head", select, -1, self._known(layer, head), "heads")
            if serving("open_attention"):
                yield Found(
                    f"Attention of {name}",
                    "Head",
                    partial(self._open_attention, layer, head),
                    -0.9,
                    "where it looks, large",
                    "eye",
                )

    # What choosing does.

    def _select(self, layer: int, head: int | None) -> None:
        self._hall.selection.select_head(layer, head)
        dock = self._panels.docks["inspector"]
        dock.show()
        dock.raise_()
        name = f"Layer {layer}" if head is None else part_name(layer, head)
        self._hall.say(f"{name}: {self._known(layer, head)}")

    def _open_attention(self, layer: int, head: int) -> None:
        self._hall.answer(Intent("open_attention", {"layer": layer, "head": head}))

    def _show_prompt(self, row: int) -> None:
        dock = self._panels.docks["prompts"]
        dock.show()
        dock.raise_()
        self._prompts.table.select_row(row)
        self._prompts.table.setFocus()

    def _show_setting(self, name: str, key: str) -> None:
        self._hall.views.open(name)
        self._hall.views[name].show_setting(key)

    # What is known.

    def _model(self) -> ModelInfo | None:
        """Return the model whose heads can be selected: the open one, else that of a result."""
        if self._inspector.known.model is not None:
            return self._inspector.known.model
        results = (view.current_result for view in self._hall.views.standing())
        return next((result.model for result in results if result is not None), None)

    def _known(self, layer: int, head: int | None) -> str:
        chosen = self._hall.selection
        facts = self._inspector.known.of_head(Place(chosen.prompt, layer, head, chosen.position))
        told = [f"{fact.name} {fact.value}".strip() for fact in facts[:_TOLD]]
        return " · ".join(told)


def _icon_of(action: QAction) -> str:
    """Return the name of an action's icon; its key, where it has one under that name."""
    return str(action.property("icon_name") or "")
