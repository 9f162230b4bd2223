"""What a family of prompts is asked with: one form each, for the window and the command line."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationInfo, field_validator, model_validator

from desktop_app.contract.params import Frozen, Readable, setting

MAX_MADE = 2_000
MAX_REFERENCE = 5_000
_LAST_NUMBER = 9_999

Template = Literal["bare", "done", "lost", "names", "items"]
Between = Literal["space", "comma", "line"]
TwinKind = Literal["random", "shuffled"]
_FirstLetters = Literal["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M"]
_LastLetters = Literal["N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z"]
_TEMPLATES = {
    "bare": "bare",
    "done": "X was done in",
    "lost": "X was lost in",
    "names": "a person was born in",
    "items": "all three sentences",
}


def _count(default: int, what: str) -> Any:
    return setting(default, "Prompts", what, ge=1, le=MAX_MADE)


def _starts(default: int) -> Any:
    return _count(
        default,
        "How many prompts are tried per template, each beginning one member later.",
    )


def _length(default: int) -> Any:
    return setting(
        default,
        "Length",
        "How many members a prompt shows before the one that is asked for.",
        ge=2,
        le=12,
    )


def _template(default: Template) -> Any:
    return setting(
        default,
        "Template",
        "What stands around the members: nothing (bare), or a sentence for each; items takes all "
        "three kinds of sentences, each a group of its own.",
        labels=_TEMPLATES,
    )


def _between(default: Between) -> Any:
    return setting(
        default,
        "Between",
        "What parts the members of a bare prompt: a space, a comma, or a new line.",
        labels={"line": "new line"},
    )


class Form(Frozen):
    """What every family asks; each adds its own."""

    count: int = _count(24, "How many prompts are tried.")
    references: int = setting(
        100,
        "Reference",
        "How many prompts the reference set for means has, whatever the number of prompts.",
        ge=0,
        le=MAX_REFERENCE,
    )
    seed: int = setting(
        0,
        "Seed",
        "What draws the random members and words; the same seed gives the same prompts.",
        ge=0,
        le=2**31 - 1,
        advanced=True,
    )
    lengths: Literal["same", "any"] = setting(
        "same",
        "Lengths",
        "Whether a template keeps only the prompts of its commonest token length, so that means "
        "go position by position.",
        labels={"same": "one per template"},
        advanced=True,
    )
    space: Literal["auto", "prompt", "answer"] = setting(
        "auto",
        "Space",
        "Where the space before the answer stands: at the prompt's end or in the answer; auto "
        "takes what leaves the answer one token.",
        labels={"prompt": "in the prompt", "answer": "in the answer"},
        advanced=True,
    )

    fix: bool = setting(
        False,
        "Fix",
        "Where answer and wrong begin with the same token, move that to the prompt's end instead "
        "of leaving the prompt out; such prompts are a group of their own.",
        advanced=True,
    )

    @classmethod
    def stored_fields(cls) -> dict[str, Any]:
        """Return the fields by the keys under which options have them."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}


class SequenceForm(Form):
    """What every family of sequences asks."""

    length: int = _length(4)
    step: int = setting(
        1,
        "Step",
        "How far each member is from the one before; negative counts down.",
        ge=-12,
        le=12,
    )
    template: Template = _template("bare")
    between: Between = _between("space")
    twin: TwinKind = setting(
        "random",
        "Twin",
        "What the corrupt twin shows: random members, or the prompt's own in another order.",
        labels={"random": "random members", "shuffled": "same, shuffled"},
        advanced=True,
    )

    @field_validator("step")
    @classmethod
    def _refuse_standing_still(cls, step: int) -> int:
        if step == 0:
            raise ValueError("0 would repeat one member; write 1, or -1 to count down")
        return step


class NumbersForm(SequenceForm):
    """Numbers in digits."""

    count: int = _starts(5)
    start: int = setting(
        1, "Start", "The number with which the first prompt begins.", ge=0, le=_LAST_NUMBER
    )


class IntervalsForm(SequenceForm):
    """Numbers more than one apart."""

    count: int = _starts(8)
    start: int = setting(
        0, "Start", "The number with which the first prompt begins.", ge=0, le=_LAST_NUMBER
    )
    length: int = _length(3)
    step: int = setting(
        2,
        "Step",
        "How far each number is from the one before; the wrong answer is the next number.",
        ge=-12,
        le=12,
    )

    @field_validator("step")
    @classmethod
    def _refuse_one(cls, step: int) -> int:
        if step == 1:
            raise ValueError("1 is the family of numbers; write 2 or more, or count down")
        return step


class WordsForm(SequenceForm):
    """Numbers in words."""

    count: int = _starts(8)
    start: Literal[
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ] = setting("one", "Start", "The word with which the first prompt begins.")
    length: int = _length(3)
    between: Between = _between("comma")


class MonthsForm(SequenceForm):
    """Months."""

    count: int = _starts(8)
    start: Literal[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ] = setting("January", "Start", "The month with which the first prompt begins.")
    template: Template = _template("lost")
    between: Between = _between("line")
    wrap: bool = setting(False, "Go round", "Go on with January after December.")


class DaysForm(SequenceForm):
    """Days of the week."""

    count: int = _starts(4)
    start: Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] = (
        setting("Monday", "Start", "The day with which the first prompt begins.")
    )
    length: int = _length(3)
    template: Template = _template("lost")
    between: Between = _between("line")
    wrap: bool = setting(False, "Go round", "Go on with Monday after Sunday.")


class LettersForm(SequenceForm):
    """Capital letters."""

    count: int = _starts(8)
    length: int = _length(5)
    start: Literal[_FirstLetters, _LastLetters] = setting(
        "A", "Start", "The letter with which the first prompt begins."
    )
    between: Between = _between("comma")


class FibonacciForm(Form):
    """Each number the sum of the two before."""

    count: int = _count(24, "How many pairs of first numbers are tried, the smallest first.")
    length: int = setting(
        5,
        "Length",
        "How many numbers a prompt shows before the one that is asked for.",
        ge=3,
        le=12,
    )
    between: Between = _between("space")


class IoiForm(Form):
    """Indirect objects."""

    order: Literal["both", "ABBA", "BABA"] = setting(
        "both",
        "Order",
        "Whether the giver is named second (ABBA) or first (BABA); each is a group of its own.",
    )
    twin: Literal["others", "swapped"] = setting(
        "others",
        "Twin",
        "What the corrupt twin changes: three other names, or the giver alone, so that the wrong "
        "name becomes right.",
        labels={"others": "other names", "swapped": "other giver"},
    )


class GreaterThanForm(Form):
    """A year after another."""

    digits: Literal["auto", "one", "two"] = setting(
        "auto",
        "Digits",
        "How many digits of the second year are left to the model; auto takes two where the "
        "tokenizer reads two digits as one token.",
    )


class RepeatsForm(Form):
    """Words that come again."""

    length: int = setting(
        10, "Length", "How many words are said before they come again.", ge=3, le=80
    )
    shown: int = setting(
        5, "Shown", "How many of them have come again before the one that is asked for.", ge=1
    )

    @field_validator("shown")
    @classmethod
    def _refuse_all_shown(cls, shown: int, info: ValidationInfo) -> int:
        length = info.data.get("length", shown + 1)
        if shown >= length:
            raise ValueError(
                f"{shown} words shown again of {length} leave none to ask for; show fewer"
            )
        return shown


class TemplateForm(Form):
    """The user's own template."""

    template: Readable = setting(
        "The capital of {country} is",
        "Template",
        "The prompt with its slots in braces; | between several templates.",
        min_length=1,
        max_length=4_000,
        wide=True,
    )
    slots: Readable = setting(
        "country=France|Germany|Italy|Japan|Egypt|Greece|Austria|Portugal|Norway|Ireland; "
        "city=Paris|Berlin|Rome|Tokyo|Cairo|Athens|Vienna|Lisbon|Oslo|Dublin",
        "Slots",
        "What goes into each slot: name=first|second|…; a semicolon before the next slot.",
        min_length=1,
        max_length=200_000,
        wide=True,
    )
    answer: Readable = setting(
        " {city}",
        "Answer",
        "The answer, with its leading space, which may hold slots; | between several.",
        min_length=1,
        max_length=2_000,
    )
    wrong: Readable = setting(
        "",
        "Wrong",
        "What it is compared with, which may hold slots; empty: the answer of the twin.",
        placeholder="the twin's answer",
        max_length=2_000,
    )
    others: Readable = setting(
        "country=Canada|Turkey|Kenya|Peru|Chile|Finland|Denmark|India|China|Brazil|Mexico|Cuba",
        "Others",
        "Values that only twins and reference prompts take, so that none leads to an answer; "
        "empty: the slots' own.",
        placeholder="the slots' own",
        max_length=200_000,
    )
    vary: Literal["together", "all"] = setting(
        "together",
        "Vary",
        "Whether the slots change together, the first value with the first, or all are combined.",
        labels={"all": "all combinations"},
    )

    @model_validator(mode="before")
    @classmethod
    def _own_slots_alone(cls, given: Any) -> Any:
        """Where slots are given and others are not, there are no others."""
        if isinstance(given, dict) and "slots" in given and "others" not in given:
            return {**given, "others": ""}
        return given
