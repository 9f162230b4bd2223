"""What every family gives, whatever the tokenizer: twins, lengths, single tokens, references."""

from __future__ import annotations

import re

import pytest

from desktop_app.contract.report import Reporter
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.text.encoding import Encoding
from desktop_app.text.made import forms
from desktop_app.text.made.families import FAMILIES, find_family
from desktop_app.text.made.making import NOT_DONE, make

NAMES = [family.name for family in FAMILIES]


class Pieces:
    """A tokenizer made by hand: every match of a pattern is a token, behind a BOS if any."""

    def __init__(self, pattern, bos=()):
        self._pattern, self._bos, self._ids = re.compile(pattern), bos, {}

    def encode_plain(self, text):
        spans = [match.span() for match in self._pattern.finditer(text)]
        pieces = tuple(text[a:b] for a, b in spans)
        assert "".join(pieces) == text
        ids = tuple(self._ids.setdefault(piece, len(self._ids)) for piece in pieces)
        return Encoding(ids, pieces, pieces, tuple(spans), (False,) * len(spans))

    def encode(self, text):
        plain, bos = self.encode_plain(text), self._bos
        return Encoding(
            (*(-1 for _ in bos), *plain.ids),
            (*bos, *plain.pieces),
            (*bos, *plain.texts),
            (*((0, 0) for _ in bos), *plain.offsets),
            (*(True for _ in bos), *plain.special),
        )


TOKENIZERS = {
    "words with their space, digits alone": lambda: Pieces(r" ?[^\W\d]+|\d|\s|[^\w\s]"),
    "words and numbers with their space": lambda: Pieces(r" ?\w+|\s|[^\w\s]", bos=("<s>",)),
    "numbers in pairs of digits": lambda: Pieces(r" ?[^\W\d]+| ?\d\d?|\s|[^\w\s]"),
    "no spaces in words": lambda: Pieces(r"\w+|\s|[^\w\s]"),
    "long words in halves": lambda: Pieces(r" ?[^\W\d]{1,5}|\d|\s|[^\w\s]"),
}


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_can_be_compared_and_patched(name, tokenizer):
    encoder = TOKENIZERS[tokenizer]()
    made = make(name, find_family(name).form(), encoder)
    assert len(made.prompts) + sum(one.count for one in made.dropped) == made.tried
    assert made.measured
    assert len({row.text for row in made.prompts}) == len(made.prompts)
    for row, length in zip(made.prompts, made.lengths, strict=True):
        own = encoder.encode(row.text).ids
        assert len(own) == length == len(encoder.encode(row.corrupt))
        assert row.corrupt != row.text
        assert row.answer
        assert row.wrong
        firsts = {}
        for text in (*row.answer, *row.wrong):
            both = encoder.encode(row.text + text).ids
            assert both[:length] == own
            assert len(both) == length + 1  # one token, behind the very tokens of the prompt
            firsts[text] = both[length]
        assert len(set(firsts.values())) == len(firsts)
        words = re.findall(r"\w+", row.corrupt)
        assert not {answer.strip() for answer in row.answer} & set(words)


@pytest.mark.parametrize("name", NAMES)
def test_each_family_gives_prompts_where_words_and_digits_are_tokens(name):
    made = make(name, find_family(name).form())
    assert made.prompts
    assert made.reference
    assert not made.measured
    assert "its own tokenizer counts" in made.sentences()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_reference_prompts_have_the_prompts_templates_and_lengths(name):
    encoder = Pieces(r" ?[^\W\d]{1,7}|\d|\s|[^\w\s]")
    made = make(name, find_family(name).form(), encoder)
    lengths = dict(zip((row.group for row in made.prompts), made.lengths, strict=True))
    assert len(set(lengths.items())) == len({row.group for row in made.prompts})
    for row in made.reference:
        assert len(encoder.encode(row.text)) == lengths[row.group]
        assert not row.answer
    assert len({row.text for row in made.reference}) == len(made.reference)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in {"template", "fibonacci"}])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_the_size_of_the_reference_set_does_not_go_with_the_number_of_prompts(name, count):
    form = find_family(name).form(count=count, references=40)
    assert len(make(name, form).reference) == 40


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_prompts_and_another_one_others(name):
    form = find_family(name).form
    one, again, other = (make(name, form(seed=seed)) for seed in (3, 3, 4))
    assert one == again
    assert [row.corrupt for row in one.prompts] != [row.corrupt for row in other.prompts]


def test_the_space_stands_where_it_leaves_the_answer_one_token():
    digits_alone = Pieces(r" ?[^\W\d]+|\d|\s|[^\w\s]")
    with_space = Pieces(r" ?\w+|\s|[^\w\s]")
    form = forms.NumbersForm(count=1)
    alone, spaced = (make("numbers", form, e).prompts[0] for e in (digits_alone, with_space))
    assert (alone.text, alone.answer, alone.wrong) == ("1 2 3 4 ", ("5",), ("4",))
    assert alone.corrupt.endswith(" ")
    assert (spaced.text, spaced.answer, spaced.wrong) == ("1 2 3 4", (" 5",), (" 4",))
    assert not spaced.corrupt.endswith(" ")
    asked = make("numbers", forms.NumbersForm(count=1, space="prompt"), with_space)
    assert asked.prompts == ()
    assert asked.dropped[0].reason == "the answer changes the prompt's own tokens"


def test_what_fails_a_check_is_dropped_and_counted_with_the_reason():
    made = make("numbers", forms.NumbersForm(count=12))
    assert [row.text for row in made.prompts] == [
        f"{a} {a + 1} {a + 2} {a + 3} " for a in range(1, 6)
    ]
    told = {one.reason: one.count for one in made.dropped}
    assert told == {
        "the answer or the wrong one is more than one token": 1,  # 6 7 8 9 → 10, not 9
        "answer and wrong begin with the same token (Fix moves it to the prompt)": 6,
    }
    assert made.sentences()[0] == "5 of 12 prompts made, 100 for reference."
    assert made.sentences()[1].startswith("Dropped 6: answer and wrong begin")


def test_an_example_of_what_was_dropped_is_short_and_on_one_line():
    made = make("numbers", forms.NumbersForm(template="lost", start=10, count=1))
    told = made.sentences()[1]
    assert told.endswith("was lost in”).")
    assert "“…" in told
    assert len(told) < 170
    bare = make("months", forms.MonthsForm(template="bare", start="October", count=1))
    assert bare.sentences()[1] == (
        "Dropped 1: the sequence runs past December (“October November December”)."
    )


def test_fix_moves_what_answer_and_wrong_share_to_the_end_of_prompt_twin_and_reference():
    made = make("numbers", forms.NumbersForm(start=10, count=2, fix=True, references=5))
    first, second = made.prompts
    assert (first.text, first.answer, first.wrong) == ("10 11 12 13 1", ("4",), ("3",))
    assert (second.text, second.answer, second.wrong) == ("11 12 13 14 1", ("5",), ("4",))
    assert first.group == "bare begun"
    assert all(re.fullmatch(r"(\d\d ){4}1", row.corrupt) for row in made.prompts)
    assert all(re.fullmatch(r"(\d\d ){4}1", row.text) for row in made.reference)


def test_a_template_keeps_its_commonest_length_unless_all_are_asked_for():
    encoder = Pieces(r"\w{1,4}| |[^\w\s]|\n")
    asked = {"template": "bare", "between": "space"}
    same = make("months", forms.MonthsForm(**asked, length=2, count=9), encoder)
    assert len(set(same.lengths)) == 1
    assert "another token length than most of its template" in {d.reason for d in same.dropped}
    every = make("months", forms.MonthsForm(**asked, length=2, count=9, lengths="any"), encoder)
    assert len(set(every.lengths)) > 1
    assert len(every.prompts) > len(same.prompts)
    counted = {len(encoder.encode(row.text)) for row in every.reference}
    assert counted == set(every.lengths)


def test_without_a_reference_set_none_is_made():
    assert make("ioi", forms.IoiForm(references=0)).reference == ()


def test_narrowing_keeps_what_is_done_and_counts_the_rest():
    made = make("ioi", forms.IoiForm(count=8, references=16))
    kept = made.narrowed([True, False, True, *[False] * 5])
    assert kept.prompts == (made.prompts[0], made.prompts[2])
    assert kept.lengths == (made.lengths[0], made.lengths[2])
    assert {row.group for row in kept.reference} == {row.group for row in kept.prompts}
    assert (kept.dropped[-1].reason, kept.dropped[-1].count) == (NOT_DONE, 6)
    assert made.narrowed([True] * 8) == made
    assert made.narrowed([]).prompts == ()


def test_a_stranger_and_anothers_form_are_refused():
    with pytest.raises(BadInputError, match="no family of prompts “primes”: choose among numbers"):
        make("primes", forms.NumbersForm())
    with pytest.raises(BadInputError, match="fill in its own"):
        make("numbers", forms.MonthsForm())


def test_making_can_be_cancelled():
    class Stop(Reporter):
        def step(self, fraction, note=""):
            if fraction > 0.2:
                raise Cancelled

    with pytest.raises(Cancelled):
        make("repeats", forms.RepeatsForm(), None, Stop())


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_title_a_sentence_and_a_default_that_holds(name):
    form = find_family(name).form
    assert form() == form.model_validate(form().model_dump())
    for field in form.stored_fields().values():
        assert field.title
        assert field.description.endswith(".")
        assert not field.is_required()
    assert find_family(name).summary.endswith(".")
    assert "→" in find_family(name).example
