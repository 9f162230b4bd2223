"""Sequences: what they show and ask, and that neither twin nor reference goes on by a rule."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from pydantic import ValidationError

from desktop_app.text.made import forms
from desktop_app.text.made.families import find_family
from desktop_app.text.made.making import make
from desktop_app.text.prompts import read_prompts

MONTHS = [
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
]


def numbers_of(text):
    return [int(digits) for digits in re.findall(r"\d+", text)]


def test_the_default_numbers_are_the_worked_example_s_five_prompts(resource_rows):
    made = make("numbers", forms.NumbersForm())
    expected = [(row.text, row.answer, row.wrong) for row in resource_rows]
    assert [(row.text, row.answer, row.wrong) for row in made.prompts] == expected


@pytest.fixture
def resource_rows():
    from desktop_app.support.paths import resource

    return read_prompts(resource("prompts", "number_sequences.csv"))


@pytest.mark.parametrize("twin", ["random", "shuffled"])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_a_twin_neither_holds_nor_leads_to_the_answer(step, twin):
    start = 1 if step > 0 else 9
    form = forms.NumbersForm(start=start, step=step, count=3, length=4, twin=twin, references=60)
    found = 0
    for seed in range(12):
        made = make("numbers", form.model_copy(update={"seed": seed}))
        for row in made.prompts:
            shown, members, answer = numbers_of(row.text), numbers_of(row.corrupt), int(*row.answer)
            assert [b - a for a, b in pairwise(shown)] == [step] * 3
            assert answer == shown[-1] + step
            assert answer not in members
            assert members[-1] + step != answer
            check_unruled(members, step)
            if twin == "shuffled":
                assert sorted(members) == sorted(shown)
            found += 1
        for row in made.reference:
            check_unruled(numbers_of(row.text), step)
    assert found >= 12


@pytest.mark.parametrize("step", [2, 3, -2])
def test_a_twin_of_intervals_leads_to_the_answer_neither_by_its_step_nor_by_counting(step):
    form = forms.IntervalsForm(start=0 if step > 0 else 9, step=step, count=3, references=5)
    found = 0
    for seed in range(40):
        for row in make("intervals", form.model_copy(update={"seed": seed})).prompts:
            members, answer = numbers_of(row.corrupt), int(*row.answer)
            assert answer not in {*members, members[-1] + step, members[-1] + 1}
            check_unruled(members, step)
            found += 1
    assert found >= 40


def check_unruled(members, step):
    pairs = list(pairwise(members))
    assert all(a + step != b for a, b in pairs)
    assert len({b - a for a, b in pairs}) > 1
    assert len(set(members)) == len(members)


def test_members_of_a_twin_have_as_many_digits_as_those_they_stand_for():
    made = make("numbers", forms.NumbersForm(start=8, fix=True, count=1, references=20))
    row = made.prompts[0]
    assert row.text == "8 9 10 11 1"
    assert (row.answer, row.wrong) == (("2",), ("1",))
    for text in (row.corrupt, *(one.text for one in made.reference)):
        assert [len(word) for word in text.split()] == [1, 1, 2, 2, 1]


def test_the_sentences_are_the_source_s_and_the_twin_keeps_their_words():
    made = make("numbers", forms.NumbersForm(template="items", count=2))
    assert [row.group for row in made.prompts] == ["done", "done", "lost", "lost", "names", "names"]
    verbs = {"done": "done", "lost": "lost", "names": "born"}
    for row in made.prompts:
        said = rf"(\w+) was {verbs[row.group]} in (\d)\. " * 4
        clean, twin = (
            re.fullmatch(rf"{said}(\w+) was \w+ in ", t) for t in (row.text, row.corrupt)
        )
        assert clean.groups()[::2] == twin.groups()[::2]
        assert len(set(clean.groups()[::2])) == 5
    groups = [row.group for row in made.reference]
    assert {groups.count(group) for group in verbs} <= {33, 34}


def test_members_of_lists_are_shown_as_their_form_says():
    first = {name: make(name, find_family(name).form()).prompts[0] for name in FIRST}
    assert {name: (row.text, *row.answer, *row.wrong) for name, row in first.items()} == FIRST


FIRST = {
    "words": ("one, two, three,", " four", " three"),
    "letters": ("A, B, C, D, E,", " F", " E"),
    "intervals": ("0 2 4 ", "6", "5"),
    "fibonacci": ("0 1 1 2 3 ", "5", "4"),
}


def test_days_are_spoken_of_as_days_are():
    row = make("days", forms.DaysForm()).prompts[0]
    assert re.fullmatch(
        r"\w+ was lost on Monday\. \w+ was lost on Tuesday\. \w+ was lost on Wednesday\. "
        r"\w+ was lost on",
        row.text,
    )
    assert (row.answer, row.wrong) == ((" Thursday",), (" Wednesday",))


def test_a_new_line_leaves_no_space_to_move():
    row = make("months", forms.MonthsForm(template="bare", count=1)).prompts[0]
    assert row.text == "January\nFebruary\nMarch\nApril\n"
    assert (row.answer, row.wrong) == (("May",), ("April",))


def test_months_end_with_december_or_go_round():
    form = forms.MonthsForm(start="October", count=4, length=2)
    ended = make("months", form)
    assert [row.answer for row in ended.prompts] == [(" December",)]
    assert [(one.reason, one.count) for one in ended.dropped] == [
        ("the sequence runs past December", 3)
    ]
    round_ = make("months", form.model_copy(update={"wrap": True}))
    assert [*(row.answer[0].strip() for row in round_.prompts)] == [MONTHS[11], *MONTHS[:3]]


def test_counting_down_slides_down():
    made = make("words", forms.WordsForm(start="twelve", step=-1, count=2))
    assert [row.text for row in made.prompts] == ["twelve, eleven, ten,", "eleven, ten, nine,"]
    assert [row.answer for row in made.prompts] == [(" nine",), (" eight",)]


def test_intervals_are_asked_against_the_next_number_and_fibonacci_against_a_constant_step():
    intervals = {row.text: row for row in make("intervals", forms.IntervalsForm()).prompts}
    row = intervals["2 4 6 "]
    assert (row.answer, row.wrong) == (("8",), ("7",))
    made = make("fibonacci", forms.FibonacciForm())
    row = {row.text: row for row in made.prompts}["1 1 2 3 5 "]
    assert (row.answer, row.wrong) == (("8",), ("7",))
    for seed in range(20):
        for row in make("fibonacci", forms.FibonacciForm(seed=seed)).prompts:
            members, answer = numbers_of(row.corrupt), int(*row.answer)
            assert answer not in {*members, members[-1] + members[-2]}
            assert answer != 2 * members[-1] - members[-2]
            triples = zip(members, members[1:], members[2:], strict=False)
            assert all(a + b != c for a, b, c in triples)


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        (forms.NumbersForm, {"step": 0}),
        (forms.NumbersForm, {"step": 13}),
        (forms.NumbersForm, {"length": 1}),
        (forms.NumbersForm, {"start": 10**9}),
        (forms.NumbersForm, {"start": -1}),
        (forms.NumbersForm, {"count": 10**6}),
        (forms.NumbersForm, {"count": 0}),
        (forms.NumbersForm, {"references": 10**6}),
        (forms.IntervalsForm, {"step": 1}),
        (forms.MonthsForm, {"start": "Januar"}),
        (forms.RepeatsForm, {"length": 4, "shown": 4}),
        (forms.RepeatsForm, {"length": 10**6}),
        (forms.NumbersForm, {"stop": 9}),
    ],
)
def test_silly_settings_are_refused(form, settings):
    with pytest.raises(ValidationError):
        form(**settings)


def test_a_sequence_that_holds_every_member_has_no_twin_and_says_so():
    made = make("months", forms.MonthsForm(template="bare", length=12, wrap=True, count=1))
    assert made.prompts == ()
    assert made.dropped[0].reason == "no corrupt twin keeps the answer back"
