"""Indirect objects: two people are named, one of them gives; the other is given to.

After Wang et al., arXiv 2211.00593: prompts of four templates in two orders of names; twins and
reference prompts name three different people (their ABC), so that nobody is the one to name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.text.made.draft import Dice, Draft, Twin, single_tokens
from desktop_app.text.made.words import made_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.forms import IoiForm

_TEMPLATES = {
    "then": "Then, {one} and {two} went to the {place}. {giver} gave a {object} to",
    "when": "When {one} and {two} went to the {place}, {giver} gave a {object} to",
    "after": "After {one} and {two} met at the {place}, {giver} gave a {object} to",
    "while": "While {one} and {two} were at the {place}, {giver} gave a {object} to",
}


def drafts(form: IoiForm, encoder: Encoder) -> list[Draft]:
    """Make prompts, each template and order in its turn."""
    lists = {"names": single_tokens(made_words()["names"], encoder, 6)}
    lists |= {name: made_words()[name] for name in ("places", "objects")}
    orders = ("ABBA", "BABA") if form.order == "both" else (form.order,)
    kinds = [(name, order) for order in orders for name in _TEMPLATES]
    dice = Dice(form.seed, "ioi")
    return [_draft(*kinds[n % len(kinds)], form, lists, dice) for n in range(form.count)]


def _draft(
    name: str, order: str, form: IoiForm, lists: dict[str, tuple[str, ...]], dice: Dice
) -> Draft:
    template = _TEMPLATES[name]
    given, giver = dice.sample(lists["names"], 2)
    place, thing = dice.pick(lists["places"]), dice.pick(lists["objects"])

    def written(names: Sequence[str], place: str, thing: str) -> str:
        *people, gives = names
        one, two = reversed(people) if order == "BABA" else people
        return template.format(one=one, two=two, giver=gives, place=place, object=thing)

    def others(dice: Dice) -> list[str]:
        return dice.sample([n for n in lists["names"] if n not in {given, giver}], 3)

    def draw_twin(dice: Dice) -> Twin:
        if form.twin == "swapped":
            return Twin(written((given, giver, given), place, thing))
        return Twin(written(others(dice), place, thing))

    def draw_mould(dice: Dice) -> Twin:
        names = dice.sample(lists["names"], 3)
        return Twin(written(names, dice.pick(lists["places"]), dice.pick(lists["objects"])))

    return Draft(
        group=f"{name} {order}",
        text=written((given, giver, giver), place, thing),
        answer=(f" {given}",),
        wrong=(f" {giver}",),
        twin=draw_twin,
        mould=draw_mould,
        strict=form.twin == "others",
    )
