"""What is said of prompts that were tried, or not yet: without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.pictures.gate import NOTHING, RULE
from desktop_app.pictures.words import plural

if TYPE_CHECKING:
    from desktop_app.window.making.maker_rows import Shown

NO_MODEL = "No model is open: choose one at the top left of the window."
_NOTHING = "There is no prompt to try."


@dataclass(frozen=True)
class GateWords:
    """What is said of it.

    Attributes:
        sentence: What the model does; empty where nobody tried.
        severity: How good that is.
        rule: When a prompt counts as done.
        why_not: Why the prompts cannot be tried; empty where they can.
    """

    sentence: str = ""
    severity: str = "info"
    rule: str = ""
    why_not: str = ""


def gate_words(shown: Shown, model: str) -> GateWords:
    """Say of how many prompts the model does the task."""
    if not shown.made.prompts:
        return GateWords(why_not=_NOTHING)
    if not model:
        return GateWords(why_not=NO_MODEL)
    known = [verdict for verdict in shown.done if verdict is not None]
    if not known:
        return GateWords()
    done, count, every = sum(known), len(known), len(shown.done)
    if count < every:
        words = f"Tried {count:,} of {every:,}: {model} does {done:,} of them."
        return GateWords(words, "info", RULE)
    if not done:
        words = f"{NOTHING} {model} does 0 of {plural(every, 'prompt')}."
        return GateWords(words, "bad", RULE)
    words = f"{model} does {done:,} of {plural(every, 'prompt')}."
    return GateWords(words, "good" if done == every else "warn", RULE)
