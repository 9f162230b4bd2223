"""What is kept of a text: what cannot be so is not believed, and old files make room."""

from __future__ import annotations

import os

import numpy as np
import pytest

from desktop_app.analyses.features import kept
from desktop_app.analyses.features.kept import Shelf
from desktop_app.analyses.features.tally import ALL, NONE, Active, Tally
from desktop_app.support.array_files import write_arrays
from desktop_app.support.paths import HOME_VARIABLE

SHAPE = (5, 4, 1)  # features, tokens of a window, of which one begins it
NO_WORDS = np.zeros((5, 0), np.int32)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return tmp_path / "data" / kept.FOLDER


def active(*rows, spoilt=()):
    places, features, values = zip(*rows, strict=True) if rows else ((), (), ())
    whole, single = np.int32, np.float32
    arrays = np.array(places, whole), np.array(features, whole), np.array(values, single)
    return Active(*arrays, np.array(spoilt, whole))


def tally_of(windows=3):
    tally = Tally(*SHAPE[:2])
    for n in range(windows):
        ids = np.array([[0, n, n + 1, 7]], np.int32)
        rows = [(4 * n + 1, 2, 0.5 + n), (4 * n + 1, 4, 1.0), (4 * n + 3, 2, 0.25)]
        tally.add(ids, active(*rows, spoilt=(4 * n + 2,)))
    return tally


def another():
    """Return what is known of a window of another text."""
    tally = Tally(*SHAPE[:2])
    tally.add(np.array([[0, 9, 9, 9]], np.int32), active((1, 2, 0.5)))
    return tally


def state(tally):
    found = tally.found()
    return [
        *(tally.ids(), found.place, found.feature, found.value, found.spoilt),
        *(tally.active, tally.largest, tally.total),
        *(tally.windows, tally.of, tally.entries, tally.spoilt()),
    ]


def assert_same(one, other):
    for mine, its in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_it_comes_back_whole_and_cut():
    Shelf(["a"], SHAPE).keep(tally_of(), NO_WORDS)
    words = np.arange(10, dtype=np.int32).reshape(5, 2)
    assert Shelf(["b"], SHAPE).recall(2, 9) is None
    shelf = Shelf(["a"], SHAPE)
    tally, table = shelf.recall(2, 9)
    assert_same(tally, tally_of())
    assert table.shape == (5, 0)
    shelf.keep(tally, words)
    tally, table = Shelf(["a"], SHAPE).recall(-1, 2)
    assert_same(tally, tally_of(2))
    np.testing.assert_array_equal(table, words)


def test_less_does_not_replace_more_but_where_it_is_of_no_use():
    Shelf(["a"], SHAPE).keep(tally_of(3), NO_WORDS)
    shelf = Shelf(["a"], SHAPE)
    shelf.recall(2, 1)
    shelf.keep(tally_of(1), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 3
    shelf.release()
    shelf.keep(another(), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 1
    shelf.keep(Tally(*SHAPE[:2]), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 1


def test_what_another_run_kept_meanwhile_is_not_replaced_by_less():
    one, other = Shelf(["a"], SHAPE), Shelf(["a"], SHAPE)
    assert one.recall(2, 9) is other.recall(2, 9) is None
    one.keep(tally_of(3), NO_WORDS)
    other.keep(tally_of(1), NO_WORDS)
    other.keep(tally_of(2), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 3
    other.keep(tally_of(4), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 4


def test_but_by_what_is_of_another_text_and_by_what_is_read_anew():
    one, other, anew = (Shelf(["a"], SHAPE) for _ in range(3))
    other.recall(2, 9)
    one.keep(tally_of(3), NO_WORDS)
    other.keep(another(), NO_WORDS)
    assert_same(Shelf(["a"], SHAPE).recall(2, 9)[0], another())
    one.keep(tally_of(4), NO_WORDS)
    anew.disregard(2)
    anew.keep(tally_of(1), NO_WORDS)
    assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 1


@pytest.mark.parametrize("of", [2, NONE])
def test_one_feature_alone_lies_beside_all_of_them(of):
    shelf, whole = Shelf(["a"], SHAPE), tally_of(2)
    shelf.keep(whole, NO_WORDS)
    narrow = tally_of(3)
    narrow.narrow(of)
    shelf.keep(narrow, NO_WORDS)
    feature = 2 if of == 2 else -1
    found, _table = Shelf(["a"], SHAPE).recall(feature, 9)
    assert_same(found, narrow)
    assert found.active.tolist() == tally_of(3).active.tolist()
    # What cannot be cut gives way to what can; another feature has the others to go on from.
    assert_same(Shelf(["a"], SHAPE).recall(feature, 2)[0], whole)
    assert_same(Shelf(["a"], SHAPE).recall(3, 9)[0], whole)
    assert Shelf(["a"], SHAPE).recall(feature, 1)[0].of == ALL


SPOILS = {
    "about": [5, 4, 1, 3],
    "ids": np.full((3, 4), -1, np.int32),
    "place": np.array([1, 1, 3, 5, 5, 7, 9, 9, 12], np.int32),
    "feature": np.array([2, 4, 2, 2, 4, 2, 2, 5, 2], np.int32),
    "value": np.array([1, 1, 1, 1, 1, 1, 1, np.nan, 1], np.float32),
    "spoilt": np.array([2, 6, 99], np.int32),
    "active": np.array([0, 0, -1, 0, 0], np.int64),
    "largest": np.full(5, np.inf, np.float32),
    "total": np.full(5, np.nan),
    "write_top": np.full((5, 1), -3, np.int32),
}


def stored(home):
    (path,) = home.glob("*.npz")
    with np.load(path) as found:
        return path, dict(found)


@pytest.mark.parametrize("name", SPOILS)
def test_what_cannot_be_is_not_believed(name, home):
    Shelf(["a"], SHAPE).keep(tally_of(), NO_WORDS)
    path, arrays = stored(home)
    arrays[name] = np.asarray(SPOILS[name], arrays[name].dtype)
    write_arrays(path, arrays)
    assert Shelf(["a"], SHAPE).recall(2, 9) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("place", lambda a: a[::-1]),
        ("place", lambda a: a[:-1]),
        ("place", lambda a: a - 1),  # at what windows begin with
        ("place", lambda a: a.reshape(-1, 1)),
        ("value", lambda a: a * 0),
        ("ids", lambda a: a[:, :3]),
        ("ids", lambda a: a.ravel()),
        ("ids", lambda a: a[:1]),
        ("active", lambda a: a[:2]),
        ("write_top", lambda a: a[:2]),
        ("about", lambda a: a[:2]),
    ],
)
def test_nor_are_shapes_that_do_not_fit(name, change, home):
    Shelf(["a"], SHAPE).keep(tally_of(), NO_WORDS)
    path, arrays = stored(home)
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    write_arrays(path, arrays)
    assert Shelf(["a"], SHAPE).recall(2, 9) is None


def test_damaged_files_are_replaced(home):
    Shelf(["a"], SHAPE).keep(tally_of(), NO_WORDS)
    path, _arrays = stored(home)
    for spoilt in (b"", b"nothing", path.read_bytes()[:500]):
        path.write_bytes(spoilt)
        shelf = Shelf(["a"], SHAPE)
        assert shelf.recall(2, 9) is None
        shelf.keep(tally_of(1), NO_WORDS)
        assert Shelf(["a"], SHAPE).recall(2, 9)[0].windows == 1


def test_the_oldest_make_room(home, monkeypatch):
    for number in range(6):
        Shelf([number], SHAPE).keep(tally_of(), NO_WORDS)
        for path in home.glob("*.npz"):  # each one an hour later than the one before
            told = path.stat()
            os.utime(path, (told.st_atime, told.st_mtime - 3600))
    size = next(home.glob("*.npz")).stat().st_size
    monkeypatch.setattr(kept, "MOST_BYTES", 4 * size)
    Shelf([0], SHAPE).recall(2, 9)  # used again, it is the newest
    Shelf([6], SHAPE).keep(tally_of(), NO_WORDS)
    there = [Shelf([n], SHAPE).recall(2, 9) is not None for n in range(7)]
    assert there == [True, False, False, False, True, True, True]


def test_what_is_larger_than_all_may_be_is_not_kept(home, monkeypatch):
    monkeypatch.setattr(kept, "MOST_BYTES", 100)
    Shelf(["a"], SHAPE).keep(tally_of(), NO_WORDS)
    assert not home.exists()
