"""The user's own template: a text with slots in braces, and what goes into them.

The twin is the prompt with other values: those that only twins and reference prompts take, or those
of another prompt. Unless it is said, the wrong answer is that of another prompt. Reference prompts
draw every slot for itself, so that what belongs together is torn apart.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from desktop_app.support.errors import BadInputError
from desktop_app.text.made.draft import Dice, Draft, Twin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.forms import TemplateForm

_SLOT = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"\w[\w -]{0,39}\Z")
_MOST_VALUES = 2_000
_MOST_LETTERS = 1_000  # of one value
_MOST_CHARACTERS = 20_000  # of a prompt


@dataclass(frozen=True)
class _Template:
    """A template with everything that can be filled in."""

    text: str
    answer: str
    wrong: str
    values: Mapping[str, Sequence[str]]
    others: Mapping[str, Sequence[str]]
    group: str

    def drawn(self, row: Mapping[str, str], dice: Dice) -> str:
        """Return the text with values that belong to no prompt, where a slot has such."""
        return fill(self.text, {**row, **{n: dice.pick(v) for n, v in self.others.items()}})


def drafts(form: TemplateForm, encoder: Encoder) -> list[Draft]:
    """Make the prompts of every template, row by row.

    Raises:
        BadInputError: A slot has no values, or values no slot; a brace stands alone.
    """
    del encoder
    values = parse_slots(form.slots)
    templates = [text for text in form.template.split("|") if text.strip()]
    if not templates:
        raise BadInputError("--template is empty: write a prompt with a slot, such as {city}.")
    for text in templates:
        _check(text, "--template", values)
        if not slot_names(text):
            raise BadInputError(
                "--template has no slot: write one in braces, such as {city}, or every prompt is "
                "the same."
            )
    _check(form.answer, "--answer", values)
    _check(form.wrong, "--wrong", values)
    used = slot_names("".join((*templates, form.answer, form.wrong)))
    unused = next((name for name in values if name not in used), None)
    if unused is not None:
        raise BadInputError(f"--slots names “{unused}”, which stands nowhere: write {{{unused}}}.")
    others = _others(form, values)
    rows = _rows(values, form)
    found = []
    for number, text in enumerate(templates, 1):
        group = "template" if len(templates) == 1 else f"template {number}"
        template = _Template(text, form.answer, form.wrong, values, others, group)
        found += [_draft(template, row, rows) for row in rows]
    return found


def parse_slots(text: str, option: str = "--slots") -> dict[str, tuple[str, ...]]:
    """Return the values of each slot of `name=first|second; other=…`; blanks around are dropped.

    Raises:
        BadInputError: A part of it is no such list.
    """
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.split(";")):
        name, sign, listed = part.partition("=")
        name = name.strip()
        values = tuple(value for piece in listed.split("|") if (value := piece.strip()))
        if not sign or not _NAME.match(name) or not values:
            raise BadInputError(
                f"{option} “{part.strip()[:40]}” is no list of values: write name=first|second."
            )
        if name in found:
            raise BadInputError(f"{option} names “{name}” twice: put all its values in one list.")
        if max(map(len, values)) > _MOST_LETTERS:
            raise BadInputError(
                f"{option} gives “{name}” a value longer than {_MOST_LETTERS:,} letters."
            )
        if len(values) > _MOST_VALUES:
            raise BadInputError(f"{option} gives “{name}” more than {_MOST_VALUES:,} values.")
        found[name] = values
    if not found:
        raise BadInputError(f"{option} is empty: write name=first|second.")
    return found


def _others(form: TemplateForm, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return what only twins and reference prompts take."""
    others = parse_slots(form.others, "--others") if form.others.strip() else {}
    unknown = next((name for name in others if name not in values), None)
    if unknown is not None:
        raise BadInputError(
            f"--others names “{unknown}”, which is no slot: name one of --slots, or empty it."
        )
    return others


def slot_names(text: str) -> set[str]:
    """Return the names of the slots of a text."""
    return {name.strip() for name in _SLOT.findall(text)}


def _check(text: str, option: str, values: Mapping[str, Sequence[str]]) -> None:
    if re.search(r"[{}]", _SLOT.sub("", text)):
        raise BadInputError(f"{option} has a brace without its other half: close each slot.")
    unknown = next((name for name in sorted(slot_names(text)) if name not in values), None)
    if unknown is not None:
        raise BadInputError(
            f"{option} has a slot {{{unknown}}} without values: add {unknown}=first|second to "
            "--slots."
        )


def _rows(values: Mapping[str, Sequence[str]], form: TemplateForm) -> list[dict[str, str]]:
    """Return what goes into the slots, prompt by prompt, as many as are asked for."""
    if form.vary == "all":
        combined = itertools.islice(itertools.product(*values.values()), form.count)
        return [dict(zip(values, row, strict=True)) for row in combined]
    counts = {name: len(listed) for name, listed in values.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInputError(
            f"--slots that change together need as many values each ({told}): add the missing "
            "ones, or choose --vary all."
        )
    together = zip(*values.values(), strict=True)
    return [dict(zip(values, row, strict=True)) for row in itertools.islice(together, form.count)]


def _draft(template: _Template, row: dict[str, str], rows: Sequence[dict[str, str]]) -> Draft:
    answer, wrong = _several(template.answer, row), _several(template.wrong, row)
    others = [other for other in rows if not {*_several(template.answer, other)} & {*answer}]

    def draw_twin(dice: Dice) -> Twin | None:
        if not others and not (wrong and template.others):
            return None
        other = dice.pick(others) if others else row
        text = template.drawn(row if template.others else other, dice)
        return Twin(text, _several(template.answer, other))

    def draw_mould(dice: Dice) -> Twin:
        drawn = {name: dice.pick(listed) for name, listed in template.values.items()}
        return Twin(template.drawn(drawn, dice))

    return Draft(
        group=template.group,
        text=fill(template.text, row),
        answer=answer,
        wrong=wrong,
        twin=draw_twin,
        mould=draw_mould,
    )


def _several(text: str, row: Mapping[str, str]) -> tuple[str, ...]:
    """Return the answers of `one|other`, filled in."""
    return tuple(fill(part, row) for part in text.split("|") if part)


def fill(text: str, row: Mapping[str, str]) -> str:
    """Return a text with its slots filled in.

    Raises:
        BadInputError: It is far too long.
    """
    filled = _SLOT.sub(lambda match: row[match[1].strip()], text)
    if len(filled) > _MOST_CHARACTERS:
        raise BadInputError(
            f"--template with its values is longer than {_MOST_CHARACTERS:,} characters: shorten "
            "it, or give whole prompts in a file."
        )
    return filled
