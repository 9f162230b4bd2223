"""The worked example that a first start shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.contract.params import PromptRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.contract.requests import ModelRow

PACK = "smollm2"
TOY = "toy"


def choose_model(rows: Sequence[ModelRow]) -> str:
    """Return the model of a first start: the pack where it is installed, else the bundled toy."""
    installed = {row.name for row in rows if row.installed}
    return PACK if PACK in installed else TOY


def worked_example(model: str) -> tuple[PromptRow, ...]:
    """Return the prompt table of a first start.

    The pack splits digits from spaces, so that its prompt must end in the space that the answer
    would otherwise begin with; the toy has whole tokens such as “ 5”.
    """
    if model == TOY:
        return (PromptRow(text="1 2 3 4", corrupt="7 9 6 1", answer=(" 5",), wrong=(" 4",)),)
    return (PromptRow(text="1 2 3 4 ", corrupt="7 9 6 1 ", answer=("5",), wrong=("4",)),)
