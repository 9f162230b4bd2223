"""Sequences: members of an ordered family, bare or each in a sentence of its own.

A twin and a reference prompt hold members drawn at random that can stand in the same places, and no
rule goes through them: no member follows its neighbour, and no step is the same all along. A twin
moreover neither holds the answer nor ends where the answer would come next.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from typing_extensions import override

from desktop_app.text.families import load_families
from desktop_app.text.made.draft import Dice, Draft, Twin, single_tokens
from desktop_app.text.made.words import made_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made import forms

_SENTENCES = {"done": "was done", "lost": "was lost", "names": "was born"}
_BETWEEN = {"space": (" ", ""), "comma": (", ", ","), "line": ("\n", "\n")}


@dataclass(frozen=True)
class _Rule:
    """How members go on, as numbers: their own, or their places in the family.

    Attributes:
        step: How far the next is from the one before.
        named: Writes a member.
        alike: Members that can stand in the place of one: of as many digits, or all.
        inside: Returns a member's place in the family, or None beyond its ends.
        end: What lies at the end, in words.
        when: What stands before a member in a sentence.
        plain_next: Whether the wrong answer is the next member, rather than the last one shown.
    """

    step: int
    named: Callable[[int], str]
    alike: Callable[[int], Sequence[int]]
    inside: Callable[[int], int | None]
    end: str
    when: str = "in"
    plain_next: bool = False

    def following(self, members: Sequence[int]) -> set[int | None]:
        """Return what would come next; where counting on is the wrong answer, that as well."""
        steps = (self.step, 1) if self.plain_next else (self.step,)
        return {self.inside(members[-1] + step) for step in steps}

    def is_ruled(self, members: Sequence[int]) -> bool:
        """Return whether a rule goes through members that should have none."""
        pairs = list(pairwise(members))
        if any(self.inside(one + self.step) == other for one, other in pairs):
            return True
        return len(members) > 2 and len({other - one for one, other in pairs}) == 1


@dataclass(frozen=True)
class _Sum(_Rule):
    """How Fibonacci's go on."""

    @override
    def following(self, members: Sequence[int]) -> set[int | None]:
        one, two = members[-2:]
        return {one + two, 2 * two - one}

    @override
    def is_ruled(self, members: Sequence[int]) -> bool:
        triples = zip(members, members[1:], members[2:], strict=False)
        sums = any(one + two == three for one, two, three in triples)
        return sums or len({b - a for a, b in pairwise(members)}) == 1


@dataclass(frozen=True)
class _Setting:
    """What stands around the members: nothing, or a sentence for each.

    Attributes:
        group: The template's name.
        between: What parts bare members, and what follows the last of them.
        verb: What a sentence says; empty where the members are bare.
        things: What sentences speak of.
    """

    group: str
    between: tuple[str, str]
    verb: str = ""
    things: tuple[str, ...] = ()

    @property
    def space(self) -> str:
        """What stands before the answer."""
        return "" if self.between[1].endswith("\n") else " "

    def written(self, members: Sequence[str], things: Sequence[str]) -> str:
        """Return the prompt, up to the space before its answer."""
        if not self.verb:
            return self.between[0].join(members) + self.between[1]
        said = [f"{t} {self.verb} {m}." for t, m in zip(things, members, strict=False)]
        return " ".join((*said, f"{things[len(members)]} {self.verb}"))


def numbers(form: forms.NumbersForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of numbers, each the next."""
    return _drafts(form, encoder, form.start, _number_rule(form))


def intervals(form: forms.IntervalsForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of numbers some way apart; the wrong answer is the next number."""
    rule = _number_rule(form, plain_next=True)
    return _drafts(form, encoder, form.start, rule)


def words(form: forms.WordsForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of number words."""
    return _listed(form, encoder, "number_words", form.start, wrap=False)


def months(form: forms.MonthsForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of months."""
    return _listed(form, encoder, "months", form.start, wrap=form.wrap)


def days(form: forms.DaysForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of days."""
    return _listed(form, encoder, "days", form.start, wrap=form.wrap, when="on")


def letters(form: forms.LettersForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of letters."""
    return _listed(form, encoder, "letters", form.start, wrap=False)


def fibonacci(form: forms.FibonacciForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of numbers that are each the sum of the two before."""
    del encoder
    rule = _Sum(0, str, _of_as_many_digits, _not_negative, "0")
    pairs = sorted(
        ((one, two) for one in range(100) for two in range(1, 100)),
        key=lambda pair: (sum(pair), -pair[0]),
    )
    around = _Setting("bare", _BETWEEN[form.between])
    drafts = []
    for pair in pairs[: form.count]:
        members = list(pair)
        while len(members) <= form.length:
            members.append(members[-2] + members[-1])
        *shown, answer = members
        wrong = 2 * shown[-1] - shown[-2]
        drafts.append(_draft(rule, around, shown, (answer, wrong), "random", Dice(form.seed, "")))
    return drafts


def _number_rule(form: forms.SequenceForm, *, plain_next: bool = False) -> _Rule:
    return _Rule(form.step, str, _of_as_many_digits, _not_negative, "0", plain_next=plain_next)


def _not_negative(number: int) -> int | None:
    return number if number >= 0 else None


def _of_as_many_digits(number: int) -> Sequence[int]:
    digits = len(str(number))
    return range(0 if digits == 1 else 10 ** (digits - 1), 10**digits)


def _listed(
    form: forms.SequenceForm,
    encoder: Encoder,
    family: str,
    start: str,
    *,
    wrap: bool,
    when: str = "in",
) -> list[Draft]:
    members = next(f.members for f in load_families() if f.name == family)
    count = len(members)

    def inside(place: int) -> int | None:
        if wrap:
            return place % count
        return place if 0 <= place < count else None

    end = members[-1] if form.step > 0 else members[0]
    rule = _Rule(form.step, members.__getitem__, lambda _place: range(count), inside, end, when)
    return _drafts(form, encoder, members.index(start), rule)


def _drafts(form: forms.SequenceForm, encoder: Encoder, start: int, rule: _Rule) -> list[Draft]:
    """Return one prompt a start and template, sliding the way that the members go."""
    drafts = []
    for around in _settings(form, encoder, rule.when):
        dice = Dice(form.seed, f"things {around.group}")
        onward = 1 if form.step > 0 else -1
        for first in range(start, start + onward * form.count, onward):
            places = [first + form.step * k for k in range(form.length + 1)]
            members = [rule.inside(place) for place in places]
            inside = [member for member in members if member is not None]
            if len(inside) < len(members):
                known = " ".join(rule.named(member) for member in inside)
                problem = f"the sequence runs past {rule.end}"
                drafts.append(Draft(around.group, known, (), problem=problem))
                continue
            *shown, answer = inside
            wrong = rule.inside(shown[-1] + 1) if rule.plain_next else shown[-1]
            asked = (answer, shown[-1] if wrong is None else wrong)
            drafts.append(_draft(rule, around, shown, asked, form.twin, dice))
    return drafts


def _settings(form: forms.SequenceForm, encoder: Encoder, when: str) -> list[_Setting]:
    if form.template == "bare":
        return [_Setting("bare", _BETWEEN[form.between])]
    found = []
    for name in _SENTENCES if form.template == "items" else (form.template,):
        known = made_words()["names" if name == "names" else "things"]
        things = single_tokens(known, encoder, form.length + 1)
        found.append(_Setting(name, ("", ""), f"{_SENTENCES[name]} {when}", things))
    return found


def _draft(
    rule: _Rule,
    around: _Setting,
    shown: list[int],
    asked: tuple[int, int],
    twin: forms.TwinKind,
    dice: Dice,
) -> Draft:
    answer, wrong = asked
    things = dice.sample(around.things, len(shown) + 1) if around.things else []

    def written(members: Sequence[int], things: Sequence[str]) -> str:
        return around.written([rule.named(member) for member in members], things)

    def draw_twin(dice: Dice) -> Twin | None:
        members = dice.shuffled(shown) if twin == "shuffled" else _drawn(rule, shown, dice)
        leads = answer in members or answer in rule.following(members) or rule.is_ruled(members)
        return None if leads else Twin(written(members, things))

    def draw_mould(dice: Dice) -> Twin | None:
        members = _drawn(rule, shown, dice)
        if rule.is_ruled(members):
            return None
        return Twin(written(members, dice.sample(around.things, len(shown) + 1) if things else []))

    return Draft(
        group=around.group,
        text=written(shown, things),
        answer=(around.space + rule.named(answer),),
        wrong=(around.space + rule.named(wrong),),
        twin=draw_twin,
        mould=draw_mould,
    )


def _drawn(rule: _Rule, shown: Sequence[int], dice: Dice) -> list[int]:
    """Return random members that can stand where these stand, each once where there are enough."""
    drawn: list[int] = []
    for member in shown:
        choices = rule.alike(member)
        chosen = dice.pick(choices)
        while chosen in drawn and len(choices) > len(drawn):
            chosen = dice.pick(choices)
        drawn.append(chosen)
    return drawn
