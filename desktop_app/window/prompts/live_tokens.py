"""The tokens of one prompt of the table as it is typed: strips, counts and what is odd about it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop_app.pictures.words import notice_words, plural, without_flags
from desktop_app.text.warnings import among_notices
from desktop_app.views.frame import by_code, label, severity
from desktop_app.widgets.basics.chip import ChipRow, ChipSpec
from desktop_app.widgets.basics.layouts import filled
from desktop_app.widgets.tokens.token_paint import TokenCell
from desktop_app.widgets.tokens.token_strip import MOST_TOKENS, TokenStrip

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from desktop_app.contract.result import Notice, PromptRecord, Result, TokenList

_WAITING = "Tokens appear here as you type."


class LiveTokens(QWidget):
    """Strips and chips of one prompt of the table.

    Signals:
        fix_requested: A Notice whose repair should be applied.
        tokens_shown: The tokens of the table changed (a Result or None).
    """

    fix_requested = Signal(object)
    tokens_shown = Signal(object)

    def __init__(
        self, numbers: Callable[[], Mapping[int, int]], parent: QWidget | None = None
    ) -> None:
        """Make it for a table whose rows have those numbers in a run, the ticked ones alone."""
        super().__init__(parent)
        self._numbers = numbers
        self.strip, self.corrupt_strip = TokenStrip(), TokenStrip()
        self.chips = ChipRow(explains=True)
        self._title = label("Tokens", "heading")
        self._facts = label("", "small")
        self._corrupt_title = label("Corrupt twin", "heading")
        self._corrupt_facts = label("", "small")
        self._message = label(_WAITING, wrap=True)
        self._result: Result | None = None
        self._places: list[int] = []
        self._row = 0
        self._notices: dict[str, list[Notice]] = {}
        self._build()
        self.chips.fix_clicked.connect(self._on_fix_clicked)
        self._show()

    def show_tokens(self, result: Result, places: Sequence[int]) -> None:
        """Take over the tokens of prompts that stand in these rows of the table."""
        self._take(result, places, _WAITING)

    def show_row(self, row: int) -> None:
        """Show the tokens of another row of the table."""
        if row != self._row:
            self._row = row
            self._show()

    def show_waiting(self) -> None:
        """Say that the strip is older than what is typed, until the compute thread is free."""
        self._facts.setText("waits for the running job")

    def show_message(self, message: str) -> None:
        """Say why there are no tokens."""
        self._take(None, (), message)

    def _take(self, result: Result | None, places: Sequence[int], message: str) -> None:
        self._result, self._places = result, list(places)
        self._message.setText(message)
        self._show()
        self.tokens_shown.emit(result)

    def _build(self) -> None:
        self.strip.setAccessibleName("Tokens of the prompt")
        self.corrupt_strip.setAccessibleName("Tokens of the corrupt twin")
        above = filled(QHBoxLayout(), self._title, None, self._facts)
        between = filled(QHBoxLayout(), self._corrupt_title, None, self._corrupt_facts)
        parts = (above, self._message, self.strip, self.chips, between, self.corrupt_strip, None)
        filled(QVBoxLayout(self), *parts, spacing=6)

    def _show(self) -> None:
        result, number = self._result, self._number()
        self._message.setVisible(number is None)
        self.strip.setVisible(number is not None)
        if result is None or number is None:
            self._facts.setText("")
            self._show_corrupt(None)
            self._show_chips(())
            return
        record = result.prompts[number]
        special = result.data["special"][number] if "special" in result.data else ()
        self.strip.set_tokens(_cells(record.tokens, special))
        self.strip.set_read_position(record.read_position)
        count, cut = plural(len(record.tokens), "token"), len(record.tokens) > MOST_TOKENS
        shown = f", the first {MOST_TOKENS:,} shown" if cut else ""
        self._facts.setText(f"{count}{shown} · read at {record.read_position}")
        self._show_corrupt(record, special)
        self._show_chips(self._notices_of(result, number))

    def _notices_of(self, result: Result, number: int) -> list[Notice]:
        """Return what is odd about one prompt, and about all that a run would take.

        Tokenized is what is not ticked too, which is no matter to a run, and has no number there.
        """
        numbers, ids = self._numbers(), [record.tokens.ids for record in result.prompts]
        of_all = {notice.message for notice in among_notices(ids)}
        own = [n for n in result.warnings if n.prompt == number and n.message not in of_all]
        run_number = numbers.get(self._row)
        told = [replace(n, message=_renamed(n.message, number, run_number)) for n in own]
        if run_number is None:
            return told
        told += [n for n in result.warnings if n.prompt is None]
        taken = [n for n, place in enumerate(self._places[: len(ids)]) if place in numbers]
        among = among_notices([ids[n] for n in taken])
        return told + [n for n in among if n.prompt is not None and taken[n.prompt] == number]

    def _number(self) -> int | None:
        """Return which prompt of the result stands in the row that is shown."""
        number = self._places.index(self._row) if self._row in self._places else None
        if self._result is None or number is None or number >= len(self._result.prompts):
            return None
        return number

    def length(self) -> int | None:
        """Return how many tokens the row that is shown has, None where that is not known."""
        number = self._number()
        if self._result is None or number is None:
            return None
        return len(self._result.prompts[number].tokens)

    def _show_corrupt(self, record: PromptRecord | None, special: Sequence[bool] = ()) -> None:
        tokens = record.corrupt_tokens if record is not None else None
        for widget in (self._corrupt_title, self._corrupt_facts, self.corrupt_strip):
            widget.setVisible(tokens is not None)
        if record is None or tokens is None:
            return
        leading = [s for s in special if s]  # the same special tokens stand before the twin
        self.corrupt_strip.set_tokens(_cells(tokens, leading))
        clean = len(record.tokens)
        same = "same length" if len(tokens) == clean else f"the prompt has {clean}"
        self._corrupt_facts.setText(f"{plural(len(tokens), 'token')} · {same}")

    def _show_chips(self, notices: Sequence[Notice]) -> None:
        self._notices = by_code(tuple(notices))
        chips = [
            ChipSpec(
                code=code,
                text=notice_words(code),
                severity=severity(code),
                tooltip="\n".join(dict.fromkeys(without_flags(n.message) for n in group)),
                fix_label="Fix" if any(n.fix is not None for n in group) else "",
            )
            for code, group in self._notices.items()
        ]
        self.chips.set_chips(chips)
        self.chips.setVisible(bool(chips))

    def _on_fix_clicked(self, code: str) -> None:
        for notice in self._notices.get(code, ()):
            if notice.fix is not None:
                self.fix_requested.emit(notice)
                return

    def result(self) -> Result | None:
        """Return the tokens on screen."""
        return self._result


def _renamed(message: str, number: int, run_number: int | None) -> str:
    """Return a sentence on a prompt under the number that a run gives it, or under none."""

    def name(found: re.Match[str]) -> str:
        capital = found[1] == "P"
        if run_number is None:
            return "This prompt" if capital else "this prompt"
        return f"{found[1]}rompt {run_number}"

    return re.sub(rf"\b([Pp])rompt {number + 1}\b", name, message)


def _cells(tokens: TokenList, special: Sequence[bool]) -> list[TokenCell]:
    most = min(len(tokens), MOST_TOKENS)  # a strip shows no more
    marks = [*map(bool, special[:most]), *([False] * most)][:most]
    columns = (column[:most] for column in (tokens.ids, tokens.pieces, tokens.texts))
    return [TokenCell(*part) for part in zip(*columns, marks, strict=True)]
