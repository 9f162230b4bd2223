"""What the numbers of tokens are, with those of the selected one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.pictures.facts import Explained
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from desktop_app.contract.result import Result
    from desktop_app.pictures.facts import Place

WHATS = ("id", "piece", "position")
_KEYS = {"ids": "id", "pieces": "piece", "at": "position", "texts": "piece", "text": "piece"}
_WORDS = {
    "id": ("Id", "the token's number in the vocabulary", "It is all that the model is given."),
    "piece": (
        "Piece",
        "the vocabulary's own string of the token",
        "Ġ or ▁ at its beginning stands for a space.",
    ),
    "position": (
        "Position",
        "tokens before it, counted from 0",
        "A BOS counts where there is one; negative positions count from the end.",
    ),
}


def explain(result: Result, what: str, place: Place) -> Explained | None:
    """Return what a token's number is."""
    what = _KEYS.get(what, what)
    if what not in _WORDS or not result.prompts:
        return None
    name, formula, sign = _WORDS[what]
    tokens = result.prompts[min(place.prompt, len(result.prompts) - 1)].tokens
    at, working = place.position, ""
    if at is not None and at < len(tokens):
        own = {"id": str(tokens.ids[at]), "piece": tokens.pieces[at], "position": str(at)}
        working = f"{own[what]}   (“{display_text(tokens.texts[at])}”)"
    return Explained(name, formula, working, sign, "tokens", "Reading the strip")
