from __future__ import annotations

import gc
import os
import time

import numpy as np
import pytest

from desktop_app.contract.params import PromptRow
from desktop_app.pictures.naming import result_name
from desktop_app.session.parts import LazyArray
from desktop_app.session.store import Session, SessionRow
from desktop_app.support.errors import BadInputError
from tests.samples import drawn, patching, stored
from tests.samples.heads import detect_result


@pytest.mark.parametrize("name", stored.ALL)
def test_every_analysis_comes_back_bit_for_bit(session, path, name):
    result = stored.ALL[name]()
    number = session.add(result)
    stored.assert_same_result(result, session.load(number))
    with Session.open(path) as again:
        stored.assert_same_result(result, again.load(number))


@pytest.mark.parametrize("dtype", ["?", "b", "<i2", "<i8", "u1", "<u8", "<f2", "<f4", "<f8"])
def test_every_dtype_comes_back(session, dtype):
    data = {
        "zero": np.zeros((0, 3), dtype),
        "scalar": np.ones((), dtype),
        "wide": np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype)),
        "strided": np.arange(10).astype(dtype)[::3],
    }
    loaded = session.load(session.add(drawn.result_of("ablate", data))).data
    for name, array in data.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


def test_big_endian_arrays_keep_their_values(session):
    data = {"base": np.array([1.5, -2.0], ">f8")}
    loaded = session.load(session.add(drawn.result_of("ablate", data))).data["base"]
    np.testing.assert_array_equal(loaded, [1.5, -2.0])
    assert loaded.dtype.str == "<f8"


def test_nan_payloads_and_negative_zero_survive(session):
    bits = np.array([0x7FF8000000000001, 0xFFF0000000000000, 0x8000000000000000], np.uint64)
    data = {"bits": bits.view(np.float64)}
    loaded = session.load(session.add(drawn.result_of("ablate", data))).data["bits"]
    np.testing.assert_array_equal(loaded.view(np.uint64), bits)


def test_objects_are_refused_and_nothing_is_added(session):
    for value in (np.array([{}], object), np.array(["text"]), b"bytes", {1, 2}):
        with pytest.raises(TypeError, match="base"):
            session.add(drawn.result_of("ablate", {"base": value}))
    assert session.rows() == ()


def test_numpy_numbers_in_prompts_and_params_become_plain(session):
    record = stored.PromptRecord("a", stored.TokenList((np.int64(3),), ("a",), ("a",)), 0)
    result = drawn.result_of("ablate", {}, prompts=(record,), params={"top": np.int64(4)})
    loaded = session.load(session.add(result))
    assert type(loaded.prompts[0].tokens.ids[0]) is int
    assert type(loaded.params["top"]) is int


def test_a_memory_map_is_stored_and_read_one_head_at_a_time(session, tmp_path, monkeypatch):
    pattern = stored.patterns(160, 3)
    mapped = np.memmap(tmp_path / "pattern.bin", np.float32, "w+", shape=pattern.shape)
    mapped[:] = pattern
    number = session.add(stored.attention_result((mapped,)))
    lazy = session.load(number).data["pattern"][0]
    assert isinstance(lazy, LazyArray)
    assert (lazy.shape, lazy.dtype, lazy.nbytes) == (pattern.shape, np.float32, pattern.nbytes)
    queries = []
    original = Session.query
    monkeypatch.setattr(
        Session, "query", lambda self, *args: queries.append(args) or original(self, *args)
    )
    head = lazy[1, 2]
    np.testing.assert_array_equal(head, pattern[1, 2])
    assert len(queries) == 1
    assert not head.flags.writeable
    count = session.query("SELECT count(*) FROM arrays WHERE name = 'pattern.0'")
    assert count == [(6,)]


def test_loading_reads_no_head_at_all(session, monkeypatch):
    number = session.add(stored.attention_result())
    parts = []
    original = Session._read_part
    monkeypatch.setattr(
        Session,
        "_read_part",
        lambda self, i, spec, n: parts.append(spec.name) or original(self, i, spec, n),
    )
    session.load(number)
    assert "pattern.0" not in parts
    assert "entropy" in parts


def test_half_empty_patterns_take_less_room_than_their_bytes(path):
    pattern = np.tril(stored.patterns(256, 4))
    with Session.create(path) as session:
        session.add(stored.attention_result((pattern,)))
    assert path.stat().st_size < 0.75 * pattern.nbytes


def test_history_counts_from_one_and_names_things(session):
    assert session.add(stored.ablate_result()) == 1
    assert session.add(stored.rank_result(), "my \ud800 title") == 2
    first, second = session.rows()
    when = "2026-11-21T10:00:00+00:00"
    assert first == SessionRow(
        1, "ablate", "Ablation · mean · 2 reference prompts · 2 prompts", when, "toy ␠"
    )
    assert (second.id, second.title) == (2, "my ? title")
    session.rename(1, "renamed")
    assert session.rows()[0].title == "renamed"


@pytest.mark.parametrize("number", [0, -1, 2, 2**63, 10**30])
def test_an_unknown_result_is_refused(session, number):
    session.add(stored.ablate_result())
    with pytest.raises(BadInputError, match="no result"):
        session.load(number)


def test_prompts_settings_title_and_notes_are_remembered(session, path):
    rows = (
        PromptRow(text="1 2 ", corrupt="2 1 ", answer=("3", "|"), wrong="4|5"),
        PromptRow(text=""),
    )
    assert session.prompts() == ((), {})
    session.set_prompts(rows, {"bos": "auto", "chat": False})
    session.title, session.notes = "Sequences", "a\nb \ud800"
    with Session.open(path) as again:
        assert again.prompts() == (rows, {"bos": "auto", "chat": False})
        assert (again.title, again.notes) == ("Sequences", "a\nb \ud800")
        assert again.created.startswith("20")


def test_a_temporary_session_goes_away_and_a_saved_one_stays(tmp_path):
    with Session.create() as session:
        gone = session.path
        assert session.is_temporary
    assert not gone.exists()
    session = Session.create()
    session.add(stored.attention_result())
    lazy = session.load(1).data["pattern"][0]
    old, target = session.path, tmp_path / "kept.lens"
    target.write_bytes(b"an older file")
    session.save_as(target)
    assert not old.exists()
    assert (session.path, session.is_temporary) == (target, False)
    np.testing.assert_array_equal(lazy[0, 0], stored.patterns(160, 1)[0, 0])
    assert session.add(stored.rank_result()) == 2
    session.save_as(target)
    session.close()
    assert target.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.lens"]
    with pytest.raises(BadInputError, match="closed"):
        lazy[0, 0]


def test_a_copy_is_complete_and_leaves_the_session_where_it_is(session, path, tmp_path):
    session.add(stored.tokens_result())
    stale = tmp_path / "copy.lens-journal"
    stale.write_bytes(b"left by a killed program")
    session.save_copy(tmp_path / "copy.lens")
    assert session.path == path
    assert not stale.exists()
    with Session.open(tmp_path / "copy.lens") as copy:
        stored.assert_same_result(stored.tokens_result(), copy.load(1))


def test_copying_to_nowhere_says_so(session, tmp_path):
    with pytest.raises(BadInputError, match="folder does not exist"):
        session.save_as(tmp_path / "missing" / "copy.lens")
    session.add(stored.rank_result())


def test_creating_never_overwrites(path):
    path.write_bytes(b"something")
    with pytest.raises(BadInputError, match="exists already"):
        Session.create(path)
    assert path.read_bytes() == b"something"
    with pytest.raises(BadInputError, match="folder does not exist"):
        Session.create(path.parent / "missing" / "x.lens")


def test_open_or_create_does_what_it_says(path):
    with Session.open_or_create(path) as session:
        session.add(stored.rank_result())
    with Session.open_or_create(path) as session:
        assert len(session.rows()) == 1


def test_results_move_between_sessions_without_being_read_whole(session, tmp_path):
    session.add(stored.attention_result())
    with Session.create(tmp_path / "other.lens") as other:
        other.add(session.load(1))
        stored.assert_same_result(stored.attention_result(), other.load(1))
    assert session.add(session.load(1)) == 2
    stored.assert_same_result(stored.attention_result(), session.load(2))


def test_a_file_that_may_not_be_written_opens_read_only(session, path, monkeypatch, tmp_path):
    session.add(stored.rank_result())
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Session.open(path) as again:
        assert "reading only" in again.notice
        stored.assert_same_result(stored.rank_result(), again.load(1))
        with pytest.raises(BadInputError, match="cannot be changed"):
            again.add(stored.rank_result())
        monkeypatch.undo()
        again.save_as(tmp_path / "mine.lens")
        assert again.notice is None
        assert again.add(stored.rank_result()) == 2


@pytest.mark.benchmark
def test_fifty_results_open_fast(path):
    with Session.create(path) as session:
        for _ in range(50):
            session.add(stored.ablate_result())
    gc.collect()
    start = time.perf_counter()
    with Session.open(path) as session:
        rows = session.rows()
        session.load(rows[-1].id)
    assert len(rows) == 50
    assert time.perf_counter() - start < 0.5


def test_a_title_says_what_a_result_was_about():
    random = {"batch": 30, "seq_len": 50, "seed": 0, "prompts": []}
    second = patching.hand_result(prompts=(patching.PAIR, patching.OTHER), pair=1)
    titles = {
        "Ranking · 2 prompts": drawn.rank_result(),
        "Heads · 30 × 50 random tokens, seed 0": detect_result(params=random),
        "By hand · the corrupt run as it is · “1 2 4 3 ”": second,
        "Composition · L4H0, L5H3": drawn.result_of(
            "compose", {}, prompts=(), params={"full_circuit": "4.0,5.3"}
        ),
        "Composition": drawn.result_of("compose", {}, prompts=(), params={}),
    }
    for title, result in titles.items():
        assert result_name(result) == title
