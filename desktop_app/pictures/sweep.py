"""What a sweep over cells shows, as data: sentences, maps, a ranking, one cell's prompts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from desktop_app.pictures.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from desktop_app.pictures.matrix import Matrix

LISTED = 200
"""Longer rankings help nobody; every cell stays reachable in the maps."""


@dataclass(frozen=True)
class Shown:
    """What of a sweep is looked at.

    Attributes:
        quantity: What the maps show.
        prompt: A prompt, or None for the mean of all.
        chosen: The selected prompt, which lists mark also where the mean is shown.
        position: The selected position where the selected prompt has it.
        order: What the ranking is sorted by.
    """

    quantity: str = ""
    prompt: int | None = None
    chosen: int = 0
    position: int | None = None
    order: str = ""


@dataclass(frozen=True)
class Choices:
    """What a result leaves to choose.

    Attributes:
        mean: Whether there is a mean over prompts.
        quantities: Whether there are several quantities.
        withheld: Quantities that it does not have, and why.
        orders: Whether the ranking can be sorted by other things.
    """

    mean: bool = True
    quantities: bool = True
    withheld: Mapping[str, str] = field(default_factory=dict)
    orders: bool = True


@dataclass(frozen=True)
class SweepPicture:
    """A sweep, or what is known of one so far.

    Attributes:
        base: The metric untouched, or how far the sweep is.
        what: What is done to each cell.
        gate: Why its numbers mean little; empty where they mean much.
        maps: Maps side by side on one scale.
        bars: In their place where a layer is one cell: one bar for each, in order.
        title: What the ranking shows.
        note: What sums it up.
        ranking: The cells, best first; keys are (row, column) of the maps.
    """

    base: str = ""
    what: str = ""
    gate: str = ""
    maps: tuple[Matrix, ...] = ()
    bars: Ranking | None = None
    title: str = ""
    note: str = ""
    ranking: Ranking = field(default_factory=Ranking)


@dataclass(frozen=True)
class Details:
    """One cell.

    Attributes:
        title: Its name.
        sentence: What it does.
        prompts: The same, prompt by prompt; keys are numbers of prompts.
    """

    title: str
    sentence: str
    prompts: Ranking
