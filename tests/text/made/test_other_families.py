"""Indirect objects, years, repeated words, and templates of one's own."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from desktop_app.support.errors import BadInputError
from desktop_app.text.made import forms
from desktop_app.text.made.making import make
from tests.text.made.test_making import Pieces


def capitals(text):
    found = re.findall(r"\b[A-Z][a-z]+", text)
    return found[1:] if found[0] in {"Then", "When", "After", "While"} else found


def test_two_are_named_one_gives_and_the_other_is_the_answer():
    made = make("ioi", forms.IoiForm())
    assert len({row.group for row in made.prompts}) == 8
    for row in made.prompts:
        one, two, giver = capitals(row.text)
        order = row.group.split()[1]
        assert giver == (two if order == "ABBA" else one)
        assert row.wrong == (f" {giver}",)
        assert row.answer == (f" {one if order == 'ABBA' else two}",)
        others = capitals(row.corrupt)
        assert len(set(others)) == 3
        assert not {one, two} & set(others)
    assert all(len(set(capitals(row.text))) == 3 for row in made.reference)


def test_a_swapped_twin_has_the_other_giver_and_nothing_else():
    for row in make("ioi", forms.IoiForm(twin="swapped", order="ABBA")).prompts:
        one, two, _giver = capitals(row.text)
        assert capitals(row.corrupt) == [one, two, one]
        differing = zip(row.text.split(), row.corrupt.split(), strict=True)
        assert sum(a != b for a, b in differing) == 1


def test_years_after_the_first_are_answers_digit_by_digit():
    for row in make("greater-than", forms.GreaterThanForm()).prompts:
        first, second = re.findall(r"\d+", row.text)
        assert first[:3] == second
        digit = int(first[3])
        assert row.answer == tuple(str(d) for d in range(digit + 1, 10))
        assert row.wrong == tuple(str(d) for d in range(digit + 1))
        assert row.corrupt == row.text.replace(first, f"{second}0")


def test_two_digits_are_asked_where_the_tokenizer_reads_two_as_one():
    pairs = Pieces(r" ?[^\W\d]+| ?\d\d|\d|\s|[^\w\s]")
    made = make("greater-than", forms.GreaterThanForm(count=4), pairs)
    assert len(made.prompts) == 4
    for row in made.prompts:
        first, second = re.findall(r"\d+", row.text)
        assert first[:2] == second
        assert row.answer == tuple(f"{n:02d}" for n in range(int(first[2:]) + 1, 100))
        assert row.corrupt == row.text.replace(first, f"{second}01")
    assert make("greater-than", forms.GreaterThanForm(seed=1), pairs).dropped == ()


def test_years_that_are_one_token_with_their_century_are_left_out_of_the_answers():
    joined = Pieces(r" ?[^\W\d]+| ?1\d(?:76|33)(?!\d)| ?\d\d|\d|\s|[^\w\s]")
    made = make("greater-than", forms.GreaterThanForm(count=20), joined)
    assert made.prompts
    for row in made.prompts:
        assert not {"76", "33"} & {*row.answer, *row.wrong}
        assert len(row.answer) + len(row.wrong) == 98


def test_words_come_again_and_the_next_is_asked_for():
    for row in make("repeats", forms.RepeatsForm(length=7, shown=3)).prompts:
        words, twin = row.text.split(), row.corrupt.split()
        assert words[:3] == words[7:] == twin[7:]
        assert row.answer == (f" {words[3]}",)
        assert row.wrong[0].strip() in {*words[:7]} - {words[3], words[9]}
        assert not set(twin[:7]) & set(words)
    reference = make("repeats", forms.RepeatsForm(length=7, shown=3)).reference
    assert all(len(set(row.text.split())) == 10 for row in reference)


def own(**settings):
    return make("template", forms.TemplateForm(**settings))


def test_a_template_of_one_s_own_goes_with_its_values_row_by_row():
    made = own(
        template="{animal} says", slots="animal=dog|cat|cow; noise=woof|meow|moo", answer=" {noise}"
    )
    assert [row.text for row in made.prompts] == ["dog says", "cat says", "cow says"]
    assert [row.answer for row in made.prompts] == [(" woof",), (" meow",), (" moo",)]
    noises = {"dog says": " woof", "cat says": " meow", "cow says": " moo"}
    for row in made.prompts:
        assert row.wrong == (noises[row.corrupt],)
        assert row.wrong != row.answer


def test_values_of_others_are_in_twins_and_reference_alone():
    made = own(
        template="{animal} says",
        slots="animal=dog|cat; noise=woof|meow",
        others="animal=pig|hen|fox",
        answer=" {noise}",
        references=50,
    )
    assert {row.corrupt for row in made.prompts} <= {"pig says", "hen says", "fox says"}
    assert {row.text for row in made.reference} == {"pig says", "hen says", "fox says"}
    assert [row.wrong for row in made.prompts] == [(" meow",), (" woof",)]
    assert made.sentences()[1] == "For reference there are 3 different of 50."


def test_all_combinations_and_several_templates_are_groups_of_their_own():
    made = own(
        template="{a} and {b} and|first {a} then {b} then",
        slots="a=tea|milk; b=rice|corn|wheat",
        answer=" {a}",
        wrong=" {b}",
        vary="all",
    )
    assert len(made.prompts) == 12
    assert {row.group for row in made.prompts} == {"template 1", "template 2"}
    assert made.prompts[0].text == "tea and rice and"
    assert (made.prompts[0].answer, made.prompts[0].wrong) == ((" tea",), (" rice",))
    assert {row.text for row in made.reference if row.group == "template 1"} == {
        f"{a} and {b} and" for a in ("tea", "milk") for b in ("rice", "corn", "wheat")
    }


def test_what_the_default_template_asks_has_no_answer_in_its_reference():
    made = make("template", forms.TemplateForm())
    answered = {row.text for row in made.prompts}
    assert not answered & {row.text for row in made.reference}
    assert not answered & {row.corrupt for row in made.prompts}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"template": "no slot"}, "--template has no slot"),
        ({"template": " | "}, "--template is empty"),
        ({"template": "{a", "slots": "a=1|2"}, "brace without its other half"),
        ({"template": "{b}", "slots": "a=1|2"}, "add b=first|second to --slots"),
        ({"answer": " {town}"}, "--answer has a slot {town} without values"),
        ({"wrong": "{"}, "--wrong has a brace"),
        ({"slots": "country"}, "no list of values"),
        ({"slots": "=a|b"}, "no list of values"),
        ({"slots": " ; "}, "--slots is empty"),
        ({"slots": "country=A; country=B"}, "names “country” twice"),
        ({"slots": "country=A|B; city=P"}, "as many values each (country 2, city 1)"),
        ({"slots": "country=A|B; city=P|Q; x=1|2"}, "“x”, which stands nowhere"),
        (
            {"template": "{country}" * 300, "slots": "country=" + "x" * 900, "answer": "a"},
            "longer than 20,000",
        ),
        ({"slots": "country=" + "x" * 1001}, "a value longer than 1,000 letters"),
        ({"slots": "country=" + "|".join(map(str, range(2001)))}, "more than 2,000 values"),
        ({"others": "town=A"}, "--others names “town”"),
    ],
)
def test_a_template_that_cannot_be_filled_is_refused_in_one_sentence(settings, told):
    with pytest.raises(BadInputError) as caught:
        own(**settings)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_answers_stand_between_bars():
    made = own(
        template="{a} is",
        slots="a=ice|fire; b=cold|hot; c=wet|dry",
        answer=" {b}| {c}",
        references=0,
    )
    assert made.prompts[0].answer == (" cold", " wet")
    assert made.prompts[0].wrong == (" hot", " dry")


def test_half_a_character_is_refused():
    with pytest.raises(ValidationError, match="half a character"):
        forms.TemplateForm(template="{country}\ud800")


def test_prompts_that_all_have_one_answer_have_no_twin():
    made = own(template="{a} is", slots="a=ice|snow", answer=" cold")
    assert made.prompts == ()
    assert made.dropped[0].reason == "no corrupt twin keeps the answer back"
