"""Repeated tokens: random words that come again, so that the next one is the one after the last.

In the twin and in reference prompts no word comes twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.text.made.draft import Dice, Draft, Twin, single_tokens
from desktop_app.text.made.words import made_words

if TYPE_CHECKING:
    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.forms import RepeatsForm


def drafts(form: RepeatsForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of random words."""
    words = single_tokens(made_words()["words"], encoder, form.length + form.shown + 1)
    dice = Dice(form.seed, "repeats")
    return [_draft(form, words, dice) for _ in range(form.count)]


def _draft(form: RepeatsForm, words: tuple[str, ...], dice: Dice) -> Draft:
    said = dice.sample(words, form.length)
    again, answer = said[: form.shown], said[form.shown]
    wrong = dice.pick([word for word in said if word not in {answer, again[-1]}])
    fresh = [word for word in words if word not in said]

    def draw_twin(dice: Dice) -> Twin:
        return Twin(" ".join((*dice.sample(fresh, form.length), *again)))

    def draw_mould(dice: Dice) -> Twin:
        return Twin(" ".join(dice.sample(words, form.length + form.shown)))

    return Draft(
        group="repeats",
        text=" ".join((*said, *again)),
        answer=(f" {answer}",),
        wrong=(f" {wrong}",),
        twin=draw_twin,
        mould=draw_mould,
    )
