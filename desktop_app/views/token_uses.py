"""What can be made of a next token in the prompt table, as entries of a picture's menu."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from desktop_app.contract.spec import Intent
from desktop_app.pictures.token_text import display_text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMenu

    from desktop_app.contract.result import Result
    from desktop_app.views.base import AnalysisView

_USES = (
    ("answer", "Use “{}” as answer"),
    ("wrong", "Use “{}” as wrong"),
    ("append", "Append “{}” to the prompt"),
)
_DAMAGED = "\N{REPLACEMENT CHARACTER}"


def add_token_uses(
    menu: QMenu, view: AnalysisView, result: Result, number: int, token: str
) -> None:
    """Offer to use a token of the prompt of that number; half a character is of no use."""
    menu.addSeparator()
    shown = display_text(token).replace("&", "&&")
    for use, words in _USES:
        told = {"use": use, "text": token, "prompt": _given(result, number), "number": number}
        entry = menu.addAction(words.format(shown))
        entry.triggered.connect(partial(view.intent_raised.emit, Intent("use_token", told)))
        entry.setEnabled(bool(token) and _DAMAGED not in token)


def _given(result: Result, number: int) -> str:
    """Return a prompt as it was given: a chat template's expansion is not what the table holds."""
    rows = result.params.get("prompts")
    row = rows[number] if isinstance(rows, (list, tuple)) and number < len(rows) else None
    text = row.get("text") if isinstance(row, dict) else None
    return text if isinstance(text, str) else result.prompts[number].text
