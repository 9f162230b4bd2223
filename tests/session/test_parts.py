from __future__ import annotations

import numpy as np
import pytest

from desktop_app.session.parts import ArraySpec, LazyArray

SHAPE = (3, 4, 5, 6)
WHOLE = np.arange(360, dtype=np.float32).reshape(SHAPE)


@pytest.fixture(params=[0, 1, 2, 3, 4])
def lazy(request):
    lead = request.param
    pieces = WHOLE.reshape(-1, *SHAPE[lead:]) if lead else WHOLE[None]
    array = LazyArray(ArraySpec("a", "<f4", SHAPE, lead), lambda n: pieces[n])
    assert array.ndim == 4
    return array


@pytest.mark.parametrize(
    "key",
    [
        (1, 2),
        (-1, -4),
        2,
        (0, 0, 4, 5),
        (1, 2, slice(None), 3),
        (slice(1, None), 2),
        (slice(None, None, -1), slice(0, 4, 2), 1),
        (slice(3, 3),),
        Ellipsis,
        (..., 2),
        (1, ..., 3),
        (1, 2, 3, 4, ...),
        (),
        (None, 1),
        ([0, 2], 1),
        (np.int64(1), np.array([0, 1])),
        WHOLE > 100,
    ],
    ids=repr,
)
def test_indexing_equals_numpys(lazy, key):
    got = lazy[key]
    np.testing.assert_array_equal(got, WHOLE[key])
    assert np.shape(got) == np.shape(WHOLE[key])
    assert isinstance(got, np.float32) or not got.flags.writeable


@pytest.mark.parametrize("key", [3, -4, (0, 4), (0, 0, 0, 0, 0), (..., ...), (0, 0, 0, 0, 0, ...)])
def test_what_does_not_exist_is_an_index_error(lazy, key):
    with pytest.raises(IndexError):
        lazy[key]


def test_only_the_parts_touched_are_read():
    read = []
    pieces = WHOLE.reshape(12, 5, 6)
    array = LazyArray(ArraySpec("a", "<f4", SHAPE, 2), lambda n: read.append(n) or pieces[n])
    array[2, 1, 4]
    assert read == [9]
    array[0:2, 3]
    assert read == [9, 3, 7]


def test_it_stands_in_for_an_array(lazy):
    np.testing.assert_array_equal(np.asarray(lazy), WHOLE)
    assert np.asarray(lazy, np.float64).dtype == np.float64
    assert len(lazy) == 3
    assert lazy.size == 360
    assert lazy.nbytes == WHOLE.nbytes
    assert [part.shape for part in lazy] == [(4, 5, 6)] * 3
    with pytest.raises(ValueError, match="without reading"):
        np.asarray(lazy, copy=False)
