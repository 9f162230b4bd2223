"""Checks of a prompt on its way: its answers are one token each behind it, and differ there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from desktop_app.contract.params import PromptRow
from desktop_app.support.errors import BadInputError, FixableError
from desktop_app.text.answers import resolve_row
from desktop_app.text.made.draft import with_beginning

if TYPE_CHECKING:
    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.draft import Draft

SEVERAL_TOKENS = "the answer or the wrong one is more than one token"
SAME_START = "answer and wrong begin with the same token (Fix moves it to the prompt)"
CHANGES_PROMPT = "the answer changes the prompt's own tokens"
SAME_TEXT = "the answer and the wrong one are the same"


class Checker:
    """Checks drafts by a tokenizer."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def length(self, text: str) -> int:
        """Return how many tokens a prompt has."""
        return len(self._encoder.encode(text))

    def thinned(self, draft: Draft) -> Draft:
        """Return a draft of many answers without those that are not one token."""
        if not draft.thinned:
            return draft

        def single(texts: tuple[str, ...]) -> tuple[str, ...]:
            found = tuple(t for t in texts if not self.problem(replace(draft, answer=(t,)), ()))
            return found or texts

        return replace(draft, answer=single(draft.answer), wrong=single(draft.wrong))

    def begun(self, draft: Draft) -> Draft:
        """Return a draft with what answer and wrong share at its end."""
        if not draft.wrong:
            return draft
        try:
            resolve_row(row_of(draft, draft.wrong), 0, self._encoder, apply_fix=False)
        except FixableError as error:
            return draft if error.fix is None else with_beginning(draft, str(error.fix["prompt"]))
        except BadInputError:
            pass
        return draft

    def problem(self, draft: Draft, wrong: tuple[str, ...]) -> str:
        """Return why answers cannot be compared behind their prompt; empty where they can."""
        try:
            resolved = resolve_row(row_of(draft, wrong), 0, self._encoder, apply_fix=False)
        except FixableError:
            return SAME_START
        except BadInputError:
            return SAME_TEXT
        if any(notice.code == "answer_retokenised" for notice in resolved.notices):
            return CHANGES_PROMPT
        records = (*resolved.answers, *resolved.wrongs)
        return SEVERAL_TOKENS if any(len(record.tokens) > 1 for record in records) else ""


def holds(text: str, answer: str) -> bool:
    """Return whether an answer stands in a text as a word of its own."""
    word = answer.strip()
    return bool(word) and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def row_of(draft: Draft, wrong: tuple[str, ...]) -> PromptRow:
    """Return a draft as a row without its twin."""
    return PromptRow(text=draft.text, answer=draft.answer, wrong=wrong, group=draft.group)
