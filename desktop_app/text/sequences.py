"""Generated prompt tables: number sequences that slide over a range."""

from __future__ import annotations

import random

from desktop_app.contract.params import MAX_PROMPTS, PromptRow
from desktop_app.support.errors import BadInputError

PLACE = "{items}"
DEFAULT_TEMPLATE = "{items} "
MIN_LENGTH = 3


def sliding_sequences(
    first: int, last: int, length: int = 4, template: str = DEFAULT_TEMPLATE, seed: int = 0
) -> tuple[PromptRow, ...]:
    """Return one prompt per window of consecutive numbers, each with its corrupt twin.

    From 1 to 9: "1 2 3 4 " with answer 5 and wrong 4, up to "5 6 7 8 " with 9 and 8. The twin holds
    the same numbers in an order whose last two are not neighbours, in the same template.

    Args:
        first: First number of the first window.
        last: Answer of the last window.
        length: Numbers in a prompt, 3 or more.
        template: Text in which `{items}` stands for the numbers; other braces stay as they are.
        seed: Of the random orders.

    Raises:
        BadInputError: The range is too short or too long, or the template has no place for it.
    """
    if length < MIN_LENGTH:
        raise BadInputError(f"A sequence of {length} is too short: take {MIN_LENGTH} or more.")
    if template.count(PLACE) != 1:
        raise BadInputError(f"The template “{template}” must hold {PLACE} exactly once.")
    count = last - first - length + 1
    if not 1 <= count <= MAX_PROMPTS:
        raise BadInputError(
            f"From {first} to {last} there are {max(count, 0):,} sequences of {length} with their "
            f"answer: choose a range that gives 1 to {MAX_PROMPTS:,}."
        )
    # A seeded order that anyone can repeat, not a secret.
    orders = random.Random(seed)  # noqa: S311 - shuffled prompts, no secrets
    rows = []
    for start in range(first, first + count):
        items = list(range(start, start + length))
        rows.append(
            PromptRow(
                text=_fill(template, items),
                corrupt=_fill(template, _shuffled(items, orders)),
                answer=(str(start + length),),
                wrong=(str(start + length - 1),),
            )
        )
    return tuple(rows)


def _shuffled(items: list[int], orders: random.Random) -> list[int]:
    """Return the items in an order whose last two are not neighbours."""
    while True:
        order = orders.sample(items, len(items))
        if abs(order[-1] - order[-2]) != 1:
            return order


def _fill(template: str, items: list[int]) -> str:
    return template.replace(PLACE, " ".join(str(item) for item in items))
