"""What an inspector says of a head or a token: lines of a name, a value and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """One line: what it is, its value, and what it means."""

    name: str
    value: str
    tip: str = ""


@dataclass(frozen=True)
class Place:
    """What is selected, as far as anything is.

    Attributes:
        prompt: The number of the prompt in the result that is asked.
        layer: The model's number of the layer.
        head: The model's number of the head; None for a whole layer.
        position: The token.
    """

    prompt: int = 0
    layer: int | None = None
    head: int | None = None
    position: int | None = None
