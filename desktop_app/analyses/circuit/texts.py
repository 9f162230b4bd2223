"""Two continuations beside each other: the untouched model's, and the circuit's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from desktop_app.contract.result import TokenList
from desktop_app.pictures.token_text import display_text
from desktop_app.views.frame import label
from desktop_app.widgets.basics.layouts import column_in
from desktop_app.widgets.tokens.token_strip import cells, token_strip

_MAY_BREAK = "\u200b"

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.contract.result import Result


@dataclass(frozen=True)
class Texts:
    """What follows a prompt.

    Attributes:
        full: What the untouched model says.
        circuit: What the circuit says.
        rule: What is put in at positions beyond the reference.
    """

    full: TokenList
    circuit: TokenList
    rule: str = ""

    def sentence(self) -> str:
        """Say how far they go together."""
        pairs = zip(self.full.ids, self.circuit.ids, strict=False)
        apart = next((place for place, (a, b) in enumerate(pairs) if a != b), None)
        shorter = min(len(self.full), len(self.circuit))
        if apart is None and len(self.full) == len(self.circuit):
            return f"The same {len(self.full)} tokens."
        return f"They part at token {(shorter if apart is None else apart) + 1}."


def texts_of(result: Result, prompt: int) -> Texts | None:
    """Return both continuations of a prompt; None where none were made."""
    both = [result.data.get(name) or () for name in ("generated_full", "generated")]
    if not all(prompt < len(one) for one in both):
        return None
    full, circuit = (_tokens(one[prompt]) for one in both)
    return Texts(full, circuit, str(result.data.get("generation_rule") or ""))


def _tokens(given: Mapping[str, Any]) -> TokenList:
    ids, pieces, texts = (tuple(given[name]) for name in ("ids", "pieces", "texts"))
    return TokenList(tuple(map(int, ids)), tuple(map(str, pieces)), tuple(map(str, texts)))


class TextPair(QWidget):
    """Both continuations as tokens, those that part tinted, and as texts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = label("", "muted", wrap=True)
        self._strip = token_strip("Tokens of both continuations")
        self._full, self._circuit = (label("", "small", wrap=True) for _ in range(2))
        self._rule = label("", "small", wrap=True)
        parts = self._words, self._strip, self._full, self._circuit, self._rule
        column_in(self, *parts, spacing=8)

    def show_texts(self, texts: Texts) -> None:
        """Show two continuations."""
        self._words.setText(f"{texts.sentence()} Above the untouched model, below the circuit.")
        self._strip.set_tokens(cells(texts.full))
        self._strip.set_compare(cells(texts.circuit))
        self._full.setText(f"Untouched: {_shown(texts.full)}")
        self._circuit.setText(f"Circuit: {_shown(texts.circuit)}")
        self._rule.setText(texts.rule)
        self._rule.setVisible(bool(texts.rule))

    def read(self) -> dict[str, Any]:
        """Return what is shown."""
        shown = self._words, self._full, self._circuit, self._rule
        names = "words", "full", "circuit", "rule"
        pairs = zip(names, shown, strict=True)
        return {name: part.text().replace(_MAY_BREAK, "") for name, part in pairs}


def _shown(tokens: TokenList) -> str:
    # Spaces are drawn as signs: without a place to break, a line of tokens is one long word.
    return _MAY_BREAK.join(map(display_text, tokens.texts)) or "nothing"
