"""The families of prompts there are, in the order of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from desktop_app.support.errors import BadInputError
from desktop_app.text.encoding import Encoder
from desktop_app.text.made import forms, ioi, repeats, sequences, slots, years
from desktop_app.text.made.draft import Draft

Drafts = Callable[[Any, Encoder], Sequence[Draft]]


@dataclass(frozen=True)
class PromptFamily:
    """A family of prompts.

    Attributes:
        name: As it is chosen on the command line.
        title: As it is shown.
        summary: What it asks of a model, in one sentence.
        example: A prompt of it, its answer behind an arrow.
        form: The class of its form; `form()` holds the defaults.
        drafts: What makes prompts of a form, for a tokenizer.
    """

    name: str
    title: str
    summary: str
    example: str
    form: type[forms.Form]
    drafts: Drafts


FAMILIES: tuple[PromptFamily, ...] = (
    PromptFamily(
        "numbers",
        "Numbers",
        "Numbers in digits, each the next.",
        "1 2 3 4 → 5",
        forms.NumbersForm,
        sequences.numbers,
    ),
    PromptFamily(
        "words",
        "Number words",
        "Numbers in words, each the next.",
        "one, two, three, → four",
        forms.WordsForm,
        sequences.words,
    ),
    PromptFamily(
        "months",
        "Months",
        "Months, each the next.",
        "Hat was lost in January. … Sun was lost in → May",
        forms.MonthsForm,
        sequences.months,
    ),
    PromptFamily(
        "days",
        "Days",
        "Days of the week, each the next.",
        "Hat was lost on Monday. … Sun was lost on → Thursday",
        forms.DaysForm,
        sequences.days,
    ),
    PromptFamily(
        "letters",
        "Letters",
        "Capital letters, each the next.",
        "A, B, C, D, E, → F",
        forms.LettersForm,
        sequences.letters,
    ),
    PromptFamily(
        "intervals",
        "Intervals",
        "Numbers some way apart, against the next number.",
        "2 4 6 → 8, not 7",
        forms.IntervalsForm,
        sequences.intervals,
    ),
    PromptFamily(
        "fibonacci",
        "Fibonacci",
        "Numbers, each the sum of the two before, against a constant step.",
        "1 1 2 3 5 → 8, not 7",
        forms.FibonacciForm,
        sequences.fibonacci,
    ),
    PromptFamily(
        "ioi",
        "Indirect objects",
        "Who is given something: two people are named and one gives.",
        "… Mary and John …, John gave a book to → Mary",
        forms.IoiForm,
        ioi.drafts,
    ),
    PromptFamily(
        "greater-than",
        "Greater than",
        "The end of a span of years, which is after its beginning.",
        "… from the year 1732 to the year 173 → 3…9, not 0…2",
        forms.GreaterThanForm,
        years.drafts,
    ),
    PromptFamily(
        "repeats",
        "Repeated tokens",
        "Random words that come again in the same order.",
        "cup road fish … cup road → fish",
        forms.RepeatsForm,
        repeats.drafts,
    ),
    PromptFamily(
        "template",
        "Own template",
        "A text of your own with slots, and what goes into them.",
        "The capital of {country} is → {city}",
        forms.TemplateForm,
        slots.drafts,
    ),
)


def find_family(name: str) -> PromptFamily:
    """Return the family of that name.

    Raises:
        BadInputError: There is none.
    """
    for family in FAMILIES:
        if family.name == name:
            return family
    names = ", ".join(family.name for family in FAMILIES)
    raise BadInputError(f"There is no family of prompts “{name}”: choose among {names}.")
