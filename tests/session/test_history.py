"""What is noted about results, and what was deleted."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from desktop_app.session import store
from desktop_app.session.store import Session
from desktop_app.support.errors import BadInputError
from tests.samples import stored


@pytest.fixture
def three(session):
    for make in (stored.rank_result, stored.ablate_result, stored.attention_result):
        session.add(make())
    return session


def test_notes_star_and_tags_stay_with_the_result(three, path):
    three.annotate(2, "# Why\n\nheads 3 and *5* \ud800")
    three.set_star(2, star=True)
    three.set_tags(2, ["  induction ", "", "paper", "induction"])
    with Session.open(path) as again:
        first, second, _ = again.rows()
        assert (second.notes, second.star) == ("# Why\n\nheads 3 and *5* ?", True)
        assert second.tags == ("induction", "paper")
        assert (first.notes, first.star, first.tags) == ("", False, ())
        stored.assert_same_result(stored.ablate_result(), again.load(2))
    three.set_star(2, star=False)
    assert not three.rows()[1].star


def test_a_deleted_result_leaves_the_history_and_comes_back(three):
    three.set_star(1, star=True)
    three.delete(1)
    assert [row.id for row in three.rows()] == [2, 3]
    assert [row.id for row in three.deleted_rows()] == [1]
    three.restore(1)
    assert [row.id for row in three.rows()] == [1, 2, 3]
    assert three.rows()[0].star
    stored.assert_same_result(stored.rank_result(), three.load(1))


def test_an_emptied_bin_is_empty_for_good_and_its_numbers_are_not_used_again(three, path):
    secret = stored.rank_result()
    three.rename(3, "do not show this to anyone")
    three.delete(3)
    assert three.empty_bin() == 1
    assert three.empty_bin() == 0
    assert three.deleted_rows() == ()
    with pytest.raises(BadInputError, match="no result 3"):
        three.restore(3)
    assert three.query("SELECT count(*) FROM arrays WHERE result = 3") == [(0,)]
    assert b"do not show this" not in path.read_bytes()
    assert three.add(secret) == 4


@pytest.mark.parametrize("number", [0, 9, -1, 2**70])
def test_what_does_not_exist_is_named(three, number):
    for change in (
        lambda: three.annotate(number, "x"),
        lambda: three.set_star(number, star=True),
        lambda: three.set_tags(number, ["x"]),
        lambda: three.delete(number),
        lambda: three.rename(number, "x"),
    ):
        with pytest.raises(BadInputError, match=f"no result {number}"):
            change()


def test_too_many_tags_are_refused(three):
    with pytest.raises(BadInputError, match="51 tags"):
        three.set_tags(1, [str(i) for i in range(store.MAX_TAGS + 1)])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE results SET title = x'00' WHERE id = 2",
        "UPDATE results SET notes = x'00' WHERE id = 2",
        "UPDATE results SET deleted = x'00' WHERE id = 2",
        "UPDATE results SET model = CAST(x'ff00ff' AS TEXT) WHERE id = 2",
    ],
)
def test_a_spoilt_line_is_told_of_and_the_others_stay(three, path, statement):
    assert three.missing() is None
    three.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with Session.open(path) as session:
        assert [row.id for row in session.rows()] == [1, 3]
        assert "One result of this session cannot be read" in session.missing()
        stored.assert_same_result(stored.attention_result(), session.load(3))


@pytest.mark.parametrize("tags", ["'x'", "'{}'", "'[1, \"a\"]'", "x'00'", "'[['", "7"])
def test_strange_tags_cost_nothing_but_themselves(three, path, tags):
    three.query(f"UPDATE results SET tags = {tags} WHERE id = 1")  # noqa: S608
    assert three.rows()[0].tags == (("a",) if "a" in tags else ())
