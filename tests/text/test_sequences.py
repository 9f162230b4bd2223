from __future__ import annotations

import pytest

from desktop_app.support.errors import BadInputError
from desktop_app.text.sequences import sliding_sequences


def test_windows_slide_from_first_to_last():
    rows = sliding_sequences(1, 9)
    assert [row.text for row in rows] == [f"{i} {i + 1} {i + 2} {i + 3} " for i in range(1, 6)]
    assert [row.answer for row in rows] == [("5",), ("6",), ("7",), ("8",), ("9",)]
    assert [row.wrong for row in rows] == [("4",), ("5",), ("6",), ("7",), ("8",)]


@pytest.mark.parametrize("length", [3, 4, 6])
def test_twins_hold_the_same_numbers_without_the_sequence(length):
    for seed in range(20):
        for row in sliding_sequences(1, 30, length, seed=seed):
            assert row.corrupt is not None
            items, twin = row.text.split(), row.corrupt.split()
            assert sorted(items) == sorted(twin)
            assert abs(int(twin[-1]) - int(twin[-2])) != 1


def test_a_seed_repeats_its_table():
    assert sliding_sequences(1, 30, seed=3) == sliding_sequences(1, 30, seed=3)
    assert sliding_sequences(1, 30, seed=3) != sliding_sequences(1, 30, seed=4)


def test_templates_keep_their_other_braces():
    (row,) = sliding_sequences(1, 5, template="{x} Count: {items}, ")
    assert row.text == "{x} Count: 1 2 3 4, "
    assert row.corrupt is not None
    assert row.corrupt.startswith("{x} Count: ")


@pytest.mark.parametrize(
    ("first", "last", "length", "template"),
    [
        (1, 4, 4, "{items}"),
        (9, 1, 4, "{items}"),
        (0, 10**9, 4, "{items}"),
        (1, 9, 2, "{items}"),
        (1, 9, 4, "none"),
        (1, 9, 4, "{items}{items}"),
    ],
)
def test_what_cannot_be_made_is_refused(first, last, length, template):
    with pytest.raises(BadInputError):
        sliding_sequences(first, last, length, template)
