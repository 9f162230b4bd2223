"""Greater than: the end of a span of years comes after its beginning.

After Hanna et al., arXiv 2305.00586: the second year's last two digits are left to the model, all
above the first's are answers. Where the tokenizer reads each digit alone, the last digit is left.
The twin's first year ends in 01, or in 0: nothing is too small for its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from desktop_app.text.made.draft import Dice, Draft, Twin
from desktop_app.text.made.words import made_words

if TYPE_CHECKING:
    from desktop_app.text.encoding import Encoder
    from desktop_app.text.made.forms import GreaterThanForm

_CENTURIES = tuple(range(11, 18))


def drafts(form: GreaterThanForm, encoder: Encoder) -> list[Draft]:
    """Make prompts of random spans and years."""
    two = form.digits == "two" or (form.digits == "auto" and _reads_two(encoder))
    dice = Dice(form.seed, "years")
    return [_draft(dice, two=two) for _ in range(form.count)]


def _reads_two(encoder: Encoder) -> bool:
    """Return whether most pairs of digits are one token behind a century."""
    pairs = ("05", "24", "38", "51", "67", "83", "94")
    century = encoder.encode("to the year 17").ids
    found = [encoder.encode(f"to the year 17{pair}").ids for pair in pairs]
    single = [ids[:-1] == century for ids in found]
    return sum(single) > len(single) / 2


def _draft(dice: Dice, *, two: bool) -> Draft:
    span, early = dice.pick(made_words()["spans"]), str(dice.pick(_CENTURIES))
    if not two:
        early += str(dice.pick(range(10)))
    ends = [f"{n:02d}" if two else str(n) for n in range(100 if two else 10)]
    # The century itself stands in every twin: it may not be among the answers.
    place = dice.pick(range(int(early) if two else 2, len(ends) - 2))

    def written(span: str, end: str) -> str:
        return f"The {span} lasted from the year {early}{end} to the year {early}"

    def draw_mould(dice: Dice) -> Twin:
        return Twin(written(dice.pick(made_words()["spans"]), dice.pick(ends)))

    return Draft(
        group="two digits" if two else "one digit",
        text=written(span, ends[place]),
        answer=tuple(ends[place + 1 :]),
        wrong=tuple(ends[: place + 1]),
        twin=lambda _dice: Twin(written(span, ends[1] if two else ends[0])),
        mould=draw_mould,
        thinned=True,
    )
