"""What the results say of the selected head and token, of those that are of the window now."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_app.contract.registry import ANALYSES, hook, serving
from desktop_app.pictures.explained import explain
from desktop_app.pictures.facts import Fact, Place
from desktop_app.pictures.origin import SAME, Difference, model_difference
from desktop_app.pictures.token_text import display_text
from desktop_app.support.errors import MISFITS
from desktop_app.window.runs.showing import Asked

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from desktop_app.contract.params import PromptRow
    from desktop_app.contract.result import ModelInfo, Result, TokenList

# Of prompts with more tokens the small picture shows nothing that could be recognised.
_LONGEST_SMALL_PATTERN = 48


class Known:
    """Asks the analyses for facts, of results that are of the window now: model, settings, prompts.

    Attributes:
        tokens: The live tokens of the prompt table.
        table: The prompts that stand in the table; None where there is no table to compare with.
        model: The model that is open; without one, what the newest result was made with counts.
    """

    def __init__(self, source: Callable[[str], Difference] = lambda _name: SAME) -> None:
        self.tokens: Result | None = None
        self.table: tuple[PromptRow, ...] | None = None
        self.model: ModelInfo | None = None
        self._source = source
        self._newest: ModelInfo | None = None
        self._results: dict[str, tuple[Result, Asked]] = {}

    def add(self, result: Result) -> None:
        """Take a result into account; the newest of each analysis counts."""
        self._results[result.analysis] = result, Asked.of(result)
        self._newest = result.model

    def forget(self) -> None:
        """Let go of all results."""
        self._results.clear()
        self.tokens = self._newest = None

    def of_head(self, place: Place) -> list[Fact]:
        """Return what is known of the selected head or layer, or what would tell."""
        facts: list[Fact] = []
        others: dict[str, list[str]] = {}
        for name in serving("head_facts"):
            found = self.here(name, place.prompt)
            if found is not None:
                result, number = found
                tell = hook(name, "picture", "head_facts")
                facts += _told(tell, result, replace(place, prompt=number))
            elif name in self._results:
                others.setdefault(self._made(name), []).append(ANALYSES[name].title)
        if others:
            told = (f"{', '.join(them)}: made {how}. Run again." for how, them in others.items())
            return [*facts, *(Fact(line, "") for line in told)]
        *most, last = (ANALYSES[name].title for name in serving("head_facts"))
        return facts or [Fact(f"Run {', '.join(most)} or {last} to fill this.", "")]

    def of_token(self, place: Place) -> list[Fact]:
        """Return the selected token's id and pieces, and what the results know of it."""
        if place.position is None:
            return []
        found = [(name, self.here(name, place.prompt)) for name in ANALYSES]
        told = [(*there, hook(name, "picture", "token_facts")) for name, there in found if there]
        live = self._live(place.prompt)
        if live is not None:
            told.insert(0, (*live, None))
        told = [
            (result, number, tell) for result, number, tell in told if number < len(result.prompts)
        ]
        first = next((result.prompts[number].tokens for result, number, _ in told), None)
        if first is None or place.position >= len(first):
            return []
        source, number, _tell = next(there for there in told if there[1] < len(there[0].prompts))
        own = replace(place, prompt=number)
        facts = [_explained(f, source, own) for f in _token_lines(first, place.position)]
        for result, number, tell in told:
            # Made under other settings, a prompt may have other tokens.
            if tell is not None and result.prompts[number].tokens.ids == first.ids:
                facts += _told(tell, result, replace(place, prompt=number))
        return facts

    def of_cell(self, place: Place) -> list[Fact]:
        """Return what the stream of the selected layer says at the selected token.

        Asked of every analysis whose picture tells facts of a layer and a position
        (`cell_facts`); of one whose result is of another model, other settings or other prompts,
        how that was made instead.
        """
        if place.layer is None or place.position is None:
            return []
        facts: list[Fact] = []
        for name in self._results:
            tell = hook(name, "picture", "cell_facts")
            found = self.here(name, place.prompt) if tell is not None else None
            if found is not None:
                result, number = found
                if self._has_other_tokens(result, place.prompt, number):
                    continue  # made before the prompt was cut otherwise
                facts += _told(tell, result, replace(place, prompt=number))
            elif tell is not None:
                made = f"{ANALYSES[name].title}: made {self._made(name)}. Run again."
                facts.append(Fact(made, ""))
        return facts

    def small_pattern(self, place: Place) -> tuple[np.ndarray, list[str]] | None:
        """Return the selected head's pattern and its tokens, where it is at hand and small."""
        for name in serving("open_attention"):
            found = self.here(name, place.prompt)
            draw = hook(name, "picture", "small_pattern")
            if found is None or draw is None:
                continue
            result, number = found
            drawn: tuple[np.ndarray, list[str]] | None = None
            with suppress(*MISFITS):
                drawn = draw(result, replace(place, prompt=number))
            if drawn is not None and len(drawn[1]) <= _LONGEST_SMALL_PATTERN:
                return drawn
        return None

    def here(self, name: str, number: int) -> tuple[Result, int] | None:
        """Return an analysis' result and where it speaks of the table's prompt of that number.

        None where there is no result, or where it was made with another model, with other settings
        or for other prompts.
        """
        if name not in self._results or self._is_strange(name):
            return None
        result, asked = self._results[name]
        if asked.rows is None or self.table is None:
            return result, number
        analysis = ANALYSES[name]
        if not any("prompt" in field.axes for field in analysis.fields):
            return (result, number) if asked.is_of_table(self.table) else None
        if number >= len(self.table):
            return None
        row = self.table[number]
        place = asked.place_of(row, number, whole=analysis.needs_answers)
        return None if place is None else (result, place)

    def origin(self) -> str:
        """Return the model that made what is told, where none is open to which it could belong."""
        return "" if self.model is not None or self._newest is None else self._newest.name

    def _difference(self, name: str) -> Difference:
        made = self._results[name][0].model
        model = model_difference(made, self.model or self._newest)
        return replace(self._source(name), model=model)

    def _is_strange(self, name: str) -> bool:
        found = self._difference(name)
        return bool(found.model or found.settings)

    def _made(self, name: str) -> str:
        """Return what is another of a result that is not told, in words."""
        found = self._difference(name)
        return replace(found, prompts=not (found.model or found.settings)).words()

    def _has_other_tokens(self, result: Result, number: int, place: int) -> bool:
        """Return whether a result's prompt has other tokens than the table's has now."""
        live = self._live(number)
        if live is None or live[1] >= len(live[0].prompts) or place >= len(result.prompts):
            return False
        now = live[0].prompts[live[1]].tokens.ids
        return bool(now != result.prompts[place].tokens.ids)

    def _live(self, number: int) -> tuple[Result, int] | None:
        """Return the live tokens and where they hold the table's prompt of that number."""
        if self.tokens is None or self.table is None:
            return None if self.tokens is None else (self.tokens, number)
        if number >= len(self.table):
            return None
        place = Asked.of(self.tokens).place_of(self.table[number], number, whole=False)
        return None if place is None else (self.tokens, place)


def _told(tell: Callable[..., list[Fact]], result: Result, place: Place) -> list[Fact]:
    """Return what a result says of a place; nothing where a file's result lacks what is asked."""
    try:
        facts = tell(result, place)
    except MISFITS:
        return []
    return [_explained(fact, result, place) for fact in facts]


def _explained(fact: Fact, result: Result, place: Place) -> Fact:
    return replace(fact, explained=explain(result, fact.what, place)) if fact.what else fact


def _token_lines(tokens: TokenList, position: int) -> list[Fact]:
    return [
        Fact("Text", display_text(tokens.texts[position]), "Decoded alone"),
        Fact("Piece", tokens.pieces[position], "The vocabulary's own string", "piece"),
        Fact("Id", str(tokens.ids[position]), "Its number in the vocabulary", "id"),
        Fact(
            "Position", f"{position} of {len(tokens)}", "Counted from 0, BOS included", "position"
        ),
    ]
