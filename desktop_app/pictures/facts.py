"""What an inspector says of a head or a token: lines of a name, a value and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explained:
    """A number, taken apart.

    Attributes:
        name: What it is called.
        formula: How it is made, in words: `effect = ablated − base`.
        working: The same with the values on screen: `1.20 − 4.35 = −3.15`; empty where nothing is
            chosen that has one.
        sign: What its sign or its size says.
        page: The help page that tells more.
        heading: The heading there.
    """

    name: str
    formula: str
    working: str = ""
    sign: str = ""
    page: str = ""
    heading: str = ""

    def text(self) -> str:
        """Return all of it, a line each."""
        return "\n".join(filter(None, (self.name, self.formula, self.working, self.sign)))


@dataclass(frozen=True)
class Fact:
    """One line: what it is, its value, and what it means.

    Attributes:
        what: The key under which its slice explains it; empty: it explains itself.
        explained: Formula and values, which the inspector fills in.
    """

    name: str
    value: str
    tip: str = ""
    what: str = ""
    explained: Explained | None = None


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
