from __future__ import annotations

import math

import numpy as np
import pytest

from desktop_app.pictures.ranking import Bar, Column, Ranking, Row, ranked

HEADS = Ranking(
    (
        Column("head", "name"),
        Column("effect bar", "bar", signed=True),
        Column("effect", "number", signed=True),
        Column("kept", "percent", priority=1),
    ),
    (
        Row((23, 3), ("L23H3", Bar(-4.91, dots=(-6.0, 2.0)), -4.91, 12.0)),
        Row((1, 0), ("L1H0", Bar(0.5), 0.5, math.nan)),
        Row((2, 0), ("L2H0", math.nan, math.nan, None)),
    ),
)


def test_a_row_is_told_in_words():
    assert HEADS.told(0) == "1. L23H3, effect −4.91, kept 12.0 %"
    assert HEADS.told(2) == "3. L2H0, effect –"


def test_cells_are_written_by_kind():
    assert Column("n", "number").text(-3) == "−3"
    assert Column("n", "number").text(np.float32(0.125)) == "0.12"
    assert Column("n", "number").text(None) == ""
    assert Column("n", "percent").text(12) == "12.0 %"
    assert Column("n", "mono").text(-3) == "-3"
    assert Column("n", "bar", format="{:+.1f}".format).text(Bar(2.0)) == "+2.0"


def test_lines_leave_the_bars_to_their_numbers():
    assert list(HEADS.lines([1])) == ["head\teffect\tkept", "L1H0\t+0.50\t–"]
    tabbed = ranked([Column("token", "token")], [["a\tb\nc"]])
    assert list(tabbed.lines([0])) == ["token", "a b c"]
    formula = ranked([Column("token", "mono")], [["=cmd|x!A0"]])
    assert list(formula.lines([0])) == ["token", "'=cmd|x!A0"]


def test_limits_hold_bars_dots_and_zero():
    low, high = HEADS.limits(1)
    assert (low, high) == (-6.0, 2.0)
    one_way = ranked([Column("x", "bar", signed=True)], [[3.0]])
    assert one_way.limits(0) == (pytest.approx(-0.12), 3.0)
    assert ranked([Column("x", "bar")], [[3.0], [1.0]]).limits(0) == (0.0, 3.0)
    assert ranked([Column("x", "bar")], [[math.nan]]).limits(0) == (0.0, 1.0)
    assert ranked([Column("x", "bar", limits=(0, 9))], [[3.0]]).limits(0) == (0, 9)


def test_order_goes_by_value_and_puts_what_is_missing_last():
    assert HEADS.order(1) == [0, 1, 2]
    assert HEADS.order(1, descending=True) == [1, 0, 2]
    assert HEADS.order(3, descending=True) == [0, 1, 2]
    assert HEADS.order(0) == [1, 0, 2]


def test_rows_and_keys_must_fit():
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        ranked([Column("a"), Column("b")], [["x"]])
    with pytest.raises(ValueError, match="shorter"):
        ranked([Column("a")], [["x"]], keys=[1, 2])


def test_keys_find_their_rows():
    assert HEADS.row_of((1, 0)) == 1
    assert HEADS.row_of("nothing") is None
    assert ranked([Column("a")], [["x"], ["y"]]).row_of(1) == 1
