"""Whether a result speaks of the prompts that stand in the table now. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import reads_prompts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.result import PromptRecord, Result


@dataclass(frozen=True)
class Asked:
    """What a result was asked about.

    Attributes:
        rows: The prompt rows as they stood in the table; None where it made its own sequences.
    """

    rows: tuple[PromptRow, ...] | None

    @classmethod
    def of(cls, result: Result) -> Asked:
        """Read it off a result, which may come from an older version."""
        return cls(_asked_rows(result) if reads_prompts(result) else None)

    def is_of_table(self, table: Sequence[PromptRow]) -> bool:
        """Return whether it was made from exactly these prompts, or from none at all."""
        return self.rows is None or self.rows == tuple(table)

    def place_of(self, row: PromptRow, number: int, *, whole: bool) -> int | None:
        """Return where the result speaks of a prompt of the table, or None where it does not.

        Args:
            row: The prompt as it stands in the table now.
            number: Its number there; the same place is preferred where a prompt comes twice.
            whole: Whether corrupt twin and answers count beside the text.
        """
        places = [
            place
            for place, asked in enumerate(self.rows or ())
            if (asked == row if whole else asked.text == row.text)
        ]
        return number if number in places else next(iter(places), None)


def _asked_rows(result: Result) -> tuple[PromptRow, ...]:
    given = result.params.get("prompts")
    if isinstance(given, (list, tuple)) and len(given) == len(result.prompts):
        try:
            # As given: a chat template's expansion is not what the table holds.
            return tuple(PromptRow.model_validate(row) for row in given)
        except ValidationError:
            pass
    return tuple(_row(record) for record in result.prompts)


def _row(record: PromptRecord) -> PromptRow:
    return PromptRow(
        text=record.text,
        corrupt=record.corrupt_text,
        answer=tuple(answer.text for answer in record.answers),
        wrong=tuple(answer.text for answer in record.wrongs),
    )
