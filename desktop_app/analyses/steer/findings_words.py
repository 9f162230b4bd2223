"""What the numbers behind the five experiments are called. No Qt."""

from __future__ import annotations

from typing import Any

from desktop_app.analyses.steer.words import when_words
from desktop_app.pictures.words import clipped

_NAMES = {
    "early_layer": "Early layer",
    "positions_tried": "Positions tried",
    "largest_difference_earlier": "Largest change by earlier positions (logits)",
    "difference_last": "Largest change by the last position (logits)",
    "same_tokens_last": "Last position leaves the text as it is",
    "constant_step": "Step at which all logits are equal",
    "early_positions_that_change_the_text": "Positions that change the text at the early layer",
    "read_later": "Read by later steps",
    "later_difference": "Largest change of later steps (logits)",
    "max_logit_difference": "Largest difference (logits)",
    "tolerance": "Counts as equal up to (logits)",
    "ids_by_steps": "Token ids by steps",
    "ids_in_one_pass": "Token ids in one pass",
    "identical": "Equal bit for bit",
    "every_step_says_the_same": "Same text when zeroed at every step",
    "difference_when_asked_later": "Largest change when asked for later (logits)",
    "different": "Another text than plain",
    "difference": "Difference (logits)",
    "cache": "With cache",
    "ids": "Token ids",
    "shape": "Shape of the hooked tensor",
    "from": "First position",
    "to": "Last position",
    "prompts": "Prompt by prompt",
}
_SCHEDULES = ("prompt", "every")
_UNTOUCHED = "none (plain)"


def name_words(name: str) -> str:
    """Write a name of the data as words; one that is not known with spaces in it."""
    words = name.replace("_", " ").strip()
    return _NAMES.get(name) or clipped(words[:1].upper() + words[1:], 80)


def is_told(name: str, value: Any) -> bool:
    """Return whether a number says anything: a step that there is not does not."""
    return not (name == "constant_step" and value is None)


def value_words(name: str, value: Any) -> str:
    """Return a value whose name says what it is, in words; empty: it is written as any other."""
    if name == "when" and value in _SCHEDULES:
        return when_words(value)
    if name == "position" and value == "none":
        return _UNTOUCHED
    if name == "shape" and isinstance(value, (list, tuple)):
        return " × ".join(str(size) for size in value)
    return ""
