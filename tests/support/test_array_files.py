"""Arrays in a file: what was written comes back, and nothing else is believed."""

from __future__ import annotations

import io
import os
import pickle
import stat
import sys
import zipfile

import numpy as np
import pytest

from desktop_app.support.array_files import DamagedArraysError, read_arrays, write_arrays
from desktop_app.support.errors import BadInputError

WANTED = {"ids": "<i4", "value": "<f4"}
ARRAYS = {"ids": np.arange(6, dtype=np.int32).reshape(2, 3), "value": np.zeros(0, np.float32)}
MOST = 100_000


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "kept.npz"
    write_arrays(path, ARRAYS)
    return path


def read(path, wanted=WANTED, most=MOST):
    return read_arrays(path, wanted, most)


def npy(array, **options):
    told = io.BytesIO()
    np.save(told, array, **options)
    return told.getvalue()


def put(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, stored in members.items():
            archive.writestr(name, stored)


def test_what_was_written_comes_back(path):
    found = read(path)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    with np.load(path, allow_pickle=False) as kept:  # a file of numpy's like any other
        np.testing.assert_array_equal(kept["ids"], ARRAYS["ids"])
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_file_and_no_place(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.npz")
    with pytest.raises(BadInputError):
        write_arrays(tmp_path / "none" / "kept.npz", ARRAYS)
    assert not list(tmp_path.iterdir())


class Spell:
    """Runs something where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["SPELL"],)


def test_a_pickle_is_refused_and_nothing_is_run(tmp_path, monkeypatch):
    cast = tmp_path / "cast"
    monkeypatch.setenv("SPELL", str(cast))
    path = tmp_path / "kept.npz"
    hidden = np.array([Spell(), 1], dtype=object)
    for stored in (npy(hidden, allow_pickle=True), pickle.dumps(Spell())):
        put(path, {"ids.npy": stored, "value.npy": npy(ARRAYS["value"])})
        with pytest.raises(DamagedArraysError):
            read(path)
    path.write_bytes(pickle.dumps(Spell()))
    with pytest.raises(DamagedArraysError):
        read(path)
    assert not cast.exists()


def test_a_small_file_cannot_become_a_large_one(tmp_path):
    path = tmp_path / "kept.npz"
    packed = {"ids.npy": npy(np.zeros(10_000_000, np.int32)), "value.npy": npy(ARRAYS["value"])}
    put(path, packed, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < MOST
    with pytest.raises(DamagedArraysError):
        read(path)
    packed["ids.npy"] = npy(ARRAYS["ids"])
    put(path, packed, zipfile.ZIP_DEFLATED)
    with pytest.raises(DamagedArraysError, match="packed"):
        read(path)
    claims = npy(ARRAYS["ids"]).replace(b"(2, 3)", b"(9**9,)"[:6])
    put(path, {"ids.npy": claims, "value.npy": npy(ARRAYS["value"])})
    with pytest.raises(DamagedArraysError):
        read(path)
    more = npy(ARRAYS["ids"]).replace(b"(2, 3), }", b"(2000000000,), }")
    put(path, {"ids.npy": more, "value.npy": npy(ARRAYS["value"])})
    with pytest.raises(DamagedArraysError):
        read(path)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"ids.npy": npy(ARRAYS["ids"])},
        {"ids.npy": npy(ARRAYS["ids"]), "../value.npy": npy(ARRAYS["value"])},
        {"ids.npy": npy(ARRAYS["ids"].astype(np.int64)), "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": npy(np.asfortranarray(ARRAYS["ids"])), "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": npy(ARRAYS["ids"].astype(">i4")), "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": npy(ARRAYS["ids"])[:-1], "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": npy(ARRAYS["ids"]) + b"0", "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": b"", "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": b"\x93NUMPY\x01\x00", "value.npy": npy(ARRAYS["value"])},
        {"ids.npy": b"\x93NUMPY\x07\x00" + bytes(80), "value.npy": npy(ARRAYS["value"])},
        {name + ".npy": npy(array) for name, array in {**ARRAYS, "more": ARRAYS["ids"]}.items()},
    ],
)
def test_other_contents_are_refused(tmp_path, members):
    path = tmp_path / "kept.npz"
    put(path, members)
    with pytest.raises(DamagedArraysError):
        read(path)


def test_every_changed_byte_of_the_numbers_is_seen(path):
    whole = path.read_bytes()
    begin = whole.index(ARRAYS["ids"].tobytes())
    for at in range(begin, begin + ARRAYS["ids"].nbytes):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DamagedArraysError):
            read(path)


def test_any_other_change_does_no_harm(path):
    """Whatever is spoilt, the arrays are right or the file is refused."""
    whole = path.read_bytes()
    draw = np.random.default_rng(0)
    spoilt = [whole[:n] for n in range(0, len(whole), 61)]
    for _ in range(200):
        changed = bytearray(whole)
        for at in draw.integers(0, len(whole), 3):
            changed[at] = draw.integers(0, 256)
        spoilt.append(bytes(changed))
    for stored in spoilt:
        path.write_bytes(stored)
        try:
            found = read(path)
        except DamagedArraysError:
            continue
        np.testing.assert_array_equal(found["ids"].ravel(), ARRAYS["ids"].ravel())
        assert not found["value"].size


def test_what_is_too_large_or_no_file_is_not_read(path, tmp_path):
    with pytest.raises(DamagedArraysError, match="too large"):
        read(path, most=100)
    with pytest.raises(DamagedArraysError):
        read(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DamagedArraysError):
            read(tmp_path / "pipe")
