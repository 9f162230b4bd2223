"""Features over a text: what a plain loop finds, and the same however the reading is divided."""

from __future__ import annotations

import json
import os
import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from desktop_app.analyses.features import over_text as module
from desktop_app.analyses.features import spec
from desktop_app.analyses.features.over_text import memory_needed, over_text
from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.result import PARTIAL
from desktop_app.engine.model import Storage
from desktop_app.methods.autoencoders import open_autoencoder
from desktop_app.support import files
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.paths import HOME_VARIABLE
from tests.models import named, tiny

WORDS = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. "
FEATURES, LENGTH = 48, 16
SMALL = {"window": LENGTH, "tokens": 400, "feature": 7, "examples": 3, "intervals": 5, "top": 4}


def save_autoencoder(folder, width, *, kind="standard", seed=0):
    """Write a random autoencoder of block 1's input."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randn(FEATURES, width, generator=draw)
    tensors = {
        "W_enc": rows.T.contiguous() / width**0.5,
        "W_dec": rows / rows.norm(dim=-1, keepdim=True),
        "b_enc": torch.randn(FEATURES, generator=draw) / 4 - 0.5,
        "b_dec": torch.randn(width, generator=draw) / 8,
    }
    settings = {
        "architecture": kind,
        "d_in": width,
        "d_sae": FEATURES,
        "hook_name": "blocks.1.hook_resid_pre",
        "apply_b_dec_to_input": True,
        **({"k": 6} if kind == "topk" else {}),
    }
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(settings), "utf-8")
    return str(folder)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Let every test begin with nothing kept."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    return tmp_path / "home" / "data" / "activations"


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "my text.txt"
    path.write_text(" ".join(f"{WORDS}{n} {n * 7 % 31}" for n in range(60)), "utf-8")
    return path


@pytest.fixture
def toy(tmp_path):
    """Return the toy with a random autoencoder."""
    model = named("toy")
    folder = save_autoencoder(tmp_path / "sae", model.info.d_model)
    return model, open_autoencoder(model, folder)


class Counts(SilentReporter):
    """Counts steps, and cancels at one of them."""

    def __init__(self, at=10**9, *, keeps=True):
        self.at, self.keeps_partial = at, keeps
        self.notes, self.fractions, self.parts = [], [], []

    def step(self, fraction, note=""):
        self.notes.append(note)
        self.fractions.append(fraction)
        if len(self.notes) >= self.at:
            raise Cancelled

    def partial(self, data):
        self.parts.append(data)


def params_of(text, **settings):
    return FeaturesParams(sae="x", corpus=str(text), **{**SMALL, **settings})


def read(of, text, report=None, **settings):
    return over_text(*of, params_of(text, **settings), report or SilentReporter())


def passes(model, work):
    before = model.forward_passes
    found = work()
    return model.forward_passes - before, found


def assert_same(one, other):
    """Hold two readings equal to the bit."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(np.asarray(value), np.asarray(other[name]), err_msg=name)


def plain_activations(model, autoencoder, ids):
    """Return what numpy makes of the stream, window by window `[W, S, F]`, float64."""
    found = []
    weights = {n: t.double().numpy() for n, t in autoencoder.weights.items()}
    for row in ids:
        with torch.no_grad():
            _logits, cache = model.bridge.run_with_cache(torch.tensor(row[None].astype(np.int64)))
        x = cache["blocks.1.hook_in"][0].double().numpy()
        found.append(np.maximum(0, (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]))
    return np.array(found)


def dense(data):
    """Return the kept activations `[W, S, F]`."""
    windows, length = data["ids"].shape
    found = np.zeros((windows * length, len(data["density"])), np.float32)
    owner = np.repeat(np.arange(found.shape[1]), np.diff(data["feature_start"]))
    found[data["entry_place"], owner] = data["entry_value"]
    return found.reshape(windows, length, -1)


@pytest.mark.parametrize("bos", ["yes", "no"])
def test_it_is_what_a_plain_loop_finds(toy, text, bos):
    model, autoencoder = toy
    data, notices = read(toy, text, bos=bos)
    whole = model.tokenizer.encode(text.read_text("utf-8"), "no").ids
    lead = [model.tokenizer.bos_id] if bos == "yes" else []
    size = LENGTH - len(lead)
    windows = -(-400 // size)
    own = np.array([[*lead, *whole[n * size : (n + 1) * size]] for n in range(windows)])
    np.testing.assert_array_equal(data["ids"], own)
    expected = plain_activations(model, autoencoder, own)
    expected[:, : len(lead)] = 0  # what a window begins with is none of the text
    np.testing.assert_allclose(dense(data), expected, atol=1e-5)
    tokens = windows * size
    assert (data["windows"], data["tokens_read"], data["corpus"]) == (windows, tokens, text.name)
    flat = expected.reshape(-1, FEATURES)
    count = (flat > 0).sum(0)
    np.testing.assert_allclose(data["density"], count / tokens)
    np.testing.assert_allclose(data["largest"], flat.max(0), atol=1e-5)
    mean = np.where(count, flat.sum(0) / np.maximum(count, 1), np.nan)
    np.testing.assert_allclose(data["mean_active"], mean, atol=1e-5)
    assert np.isnan(data["mean_active"]).any() == bool((count == 0).any())
    assert data["entries_of"] == "all"
    assert not notices


def test_places_of_a_feature_come_in_the_order_of_the_text(toy, text):
    data, _notices = read(toy, text)
    start = data["feature_start"]
    assert start[0] == 0
    assert start[-1] == len(data["entry_place"]) == len(data["entry_value"]) > 0
    for first, last in pairwise(start):
        assert (np.diff(data["entry_place"][first:last]) > 0).all()
    assert data["entry_place"].dtype == np.int32
    assert data["entry_value"].dtype == np.float32


def test_examples_and_intervals(toy, text):
    data, _notices = read(toy, text)
    own = dense(data)[..., 7].astype(np.float64)
    active = own[own > 0]
    edges = np.linspace(0, active.max(), 6)
    np.testing.assert_allclose(data["interval_edges"], edges)
    np.testing.assert_array_equal(data["interval_count"], np.histogram(active, edges)[0])
    assert data["interval_count"].sum() == len(active) == (own > 0).sum()
    top, intervals = data["examples"]["top"], data["examples"]["intervals"]
    assert [row["activation"] for row in top] == sorted(active, reverse=True)[:3]
    assert len(intervals) == 5
    for number, rows in enumerate(intervals):
        assert len(rows) == min(3, data["interval_count"][number])
        assert len({(row["window"], row["position"]) for row in rows}) == len(rows)
        for row in rows:
            assert row["activation"] == own[row["window"], row["position"]]
            assert edges[number] <= row["activation"] <= edges[number + 1]
    many = read(toy, text, examples=100)[0]["examples"]
    assert max(active) == many["top"][0]["activation"]
    assert many["top"][0] in many["intervals"][-1]
    drawn = {(r["window"], r["position"]) for rows in many["intervals"] for r in rows}
    assert drawn == set(zip(*map(list, np.nonzero(own)), strict=True))


def test_the_seed_draws_them(toy, text):
    one, again = (read(toy, text, fresh=True)[0]["examples"] for _ in "12")
    assert one == again
    other = read(toy, text, seed=1)[0]["examples"]
    assert other["top"] == one["top"]
    assert other["intervals"] != one["intervals"]


def test_the_rule_is_said(toy, text):
    rule = read(toy, text, bos="yes")[0]["rule"]
    assert "5 equal ones" in rule
    assert "seed 0" in rule
    assert "1 token that each window begins with" in rule
    assert "begins with" not in read(toy, text, bos="no")[0]["rule"]


def test_a_feature_that_is_never_active(toy, text):
    model, autoencoder = toy
    autoencoder.weights["b_enc"][7] = -1e4
    data, _notices = read(toy, text)
    assert data["density"][7] == data["largest"][7] == data["interval_count"].sum() == 0
    assert np.isnan(data["mean_active"][7])
    assert data["examples"] == {"top": [], "intervals": [[]] * 5}
    assert "no token" in data["rule"]
    assert model.hooks_left() == 0


def test_without_a_feature_there_are_no_examples(toy, text):
    data, _notices = read(toy, text, feature=-1)
    assert not {"examples", "interval_edges", "interval_count", "rule"} & data.keys()
    assert data["feature_start"].shape == (FEATURES + 1,)


def test_words_of_all_ids(toy, text):
    model = toy[0]
    data, _notices = read(toy, text)
    told = dict(zip(data["token_ids"].tolist(), data["token_texts"], strict=True))
    pieces = dict(zip(data["token_ids"].tolist(), data["token_pieces"], strict=True))
    held = {int(i) for name in ("ids", "write_top") for i in data[name].flat}
    assert held == told.keys()
    assert {i: (pieces[i], told[i]) for i in held} == {i: model.tokenizer.describe(i) for i in held}


def test_a_folder_names_its_files(toy, tmp_path, text):
    folder = tmp_path / "texts"
    (folder / "below").mkdir(parents=True)
    for name in ("b.txt", "a.md", "below/c.txt"):
        (folder / name).write_text(text.read_text("utf-8")[:400], "utf-8")
    data, notices = read(toy, folder, tokens=4000)
    assert data["files"] == ["a.md", "b.txt", "below/c.txt"]
    assert set(data["window_file"]) == {0, 1, 2}
    assert len(data["window_file"]) == len(data["window_start"]) == data["windows"]
    first = int(data["window_start"][1])
    one = toy[0].tokenizer.encode(text.read_text("utf-8")[:400], "no")
    assert first == one.offsets[LENGTH - len([i for i in data["ids"][0] if i == 0])][0]
    assert [n.code for n in notices] == ["text_short"]
    assert read(toy, folder, tokens=15)[0]["files"] == ["a.md"]


@pytest.mark.parametrize("kind", ["standard", "topk"])
def test_how_many_windows_share_a_pass_changes_nothing(tmp_path, text, kind, monkeypatch):
    model = named("toy")
    folder = save_autoencoder(tmp_path / kind, model.info.d_model, kind=kind)
    of = model, open_autoencoder(model, folder)
    found = []
    for count in (1, 2, 7, 64):
        monkeypatch.setattr(module, "texts_per_pass", lambda *_, count=count: count)
        found.append(read(of, text, fresh=True)[0])
    if kind == "topk":
        assert (dense(found[0])[:, 1:] > 0).sum(-1).max() <= 6
    for other in found[1:]:
        np.testing.assert_array_equal(found[0]["feature_start"], other["feature_start"])
        np.testing.assert_array_equal(found[0]["entry_place"], other["entry_place"])
        np.testing.assert_allclose(found[0]["entry_value"], other["entry_value"], atol=1e-6)
        np.testing.assert_array_equal(found[0]["density"], other["density"])


def test_progress_and_what_is_known_so_far(toy, text):
    report = Counts()
    data, _notices = read(toy, text, report)
    assert report.fractions == sorted(report.fractions)
    assert report.notes[0] == f"window 1 of {data['windows']}, features"
    for part in report.parts:
        assert {"density", "largest", "mean_active", "windows"} <= part.keys()
    np.testing.assert_array_equal(report.parts[-1]["density"], data["density"])
    assert report.parts[-1]["windows"] == data["windows"]


@pytest.fixture
def few_at_once(monkeypatch):
    """Let four windows share a pass."""
    monkeypatch.setattr(module, "texts_per_pass", lambda *_: 4)


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("at", [2, 3, 6])
def test_stopped_and_gone_on_with_is_one_run(toy, text, at, monkeypatch, tmp_path):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "whole"))
    whole, _notices = read(toy, text)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "stopped"))
    part, notices = read(toy, text, Counts(at))
    assert [n.code for n in notices] == [PARTIAL]
    assert f"window {4 * (at - 1) + 1} of {whole['windows']}" in notices[0].message
    assert part["windows"] == 4 * (at - 1) == len(part["window_file"])
    assert part["tokens_read"] < whole["tokens_read"]
    np.testing.assert_array_equal(dense(part), dense(whole)[: part["windows"]])
    report = Counts()
    before = toy[0].forward_passes
    again, notices = read(toy, text, report)
    assert_same(again, whole)
    assert not notices
    assert sum("known" in note for note in report.notes) == at - 1
    assert toy[0].forward_passes - before < whole["windows"]
    # And stopped while that is compared, what it had then is there.
    early, notices = read(toy, text, Counts(2))
    assert early["windows"] == 4
    np.testing.assert_array_equal(dense(early), dense(whole)[:4])
    assert_same(read(toy, text)[0], whole)


@pytest.mark.usefixtures("few_at_once")
def test_it_can_be_stopped_inside_a_pass(toy, text):
    class Impatient(Counts):
        def check(self):
            if len(self.notes) > 2:
                raise Cancelled

    whole, _notices = read(toy, text, fresh=True)
    part, notices = read(toy, text, Impatient(), fresh=True)
    assert [n.code for n in notices] == [PARTIAL]
    assert part["windows"] == 8
    assert toy[0].hooks_left() == 0
    assert_same(read(toy, text)[0], whole)


@pytest.mark.usefixtures("few_at_once")
def test_nobody_wants_a_part_and_it_is_kept_all_the_same(toy, text, home):
    with pytest.raises(Cancelled):
        read(toy, text, Counts(1))
    assert not home.exists()
    with pytest.raises(Cancelled):
        read(toy, text, Counts(4, keeps=False))
    assert len(list(home.iterdir())) == 1
    report = Counts()
    read(toy, text, report)
    assert sum("known" in note for note in report.notes) == 3


@pytest.mark.usefixtures("few_at_once")
def test_another_feature_of_a_text_that_was_read_costs_no_pass(toy, text):
    model = toy[0]
    whole, _notices = read(toy, text, feature=9, fresh=True)
    read(toy, text, feature=7)
    count, again = passes(model, lambda: read(toy, text, feature=9)[0])
    assert count == 0
    assert_same(again, whole)


@pytest.mark.usefixtures("few_at_once")
def test_more_tokens_and_fewer(toy, text, home):
    model = toy[0]
    long = read(toy, text, tokens=700)[0]
    short = read(toy, text, tokens=200, fresh=True)[0]
    first, _short = passes(model, lambda: read(toy, text, tokens=200)[0])
    second, longer = passes(model, lambda: read(toy, text, tokens=700)[0])
    assert first == 0
    assert 0 < second < -(-long["windows"] // 4)
    assert_same(longer, long)
    count, again = passes(model, lambda: read(toy, text, tokens=200)[0])
    assert count == 0
    assert_same(again, short)
    # The longer one is still there.
    assert passes(model, lambda: read(toy, text, tokens=700)[0])[0] == 0
    assert len(list(home.iterdir())) == 1


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("after", [1, 3])
def test_a_crash_in_the_middle(toy, text, after, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "KEEP_AFTER_S", 0.0)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "whole"))
    whole, _notices = read(toy, text)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "crashed"))
    model, count = toy[0], 0
    seen = type(model).seen

    def crash(self, *given):
        nonlocal count
        count += 1
        if count > after:
            raise OverflowError("the end")
        return seen(self, *given)

    monkeypatch.setattr(type(model), "seen", crash)
    with pytest.raises(OverflowError):
        read(toy, text)
    monkeypatch.setattr(type(model), "seen", seen)
    report = Counts()
    assert_same(read(toy, text, report)[0], whole)
    assert any("known" in note for note in report.notes)


@pytest.mark.usefixtures("few_at_once")
def test_killed_while_it_reads(toy, text, monkeypatch, home):
    """What was kept on the way serves, though nothing could be kept at the end."""
    whole, _notices = read(toy, text, fresh=True)
    for path in home.iterdir():
        path.unlink()
    monkeypatch.setattr(module, "KEEP_AFTER_S", 0.0)
    monkeypatch.setattr(module, "WRITING_SHARE", 1e9)
    kept = {}

    class Watches(Counts):
        def step(self, fraction, note=""):
            super().step(fraction, note)
            kept[len(self.notes)] = {p.name: p.read_bytes() for p in home.glob("*.npz")}

    read(toy, text, Watches())
    assert len({len(b"".join(files.values())) for files in kept.values()}) > 3
    for at in (3, 5):
        for path in home.iterdir():
            path.unlink()
        for name, held in kept[at].items():
            (home / name).write_bytes(held)
        report = Counts()
        assert_same(read(toy, text, report)[0], whole)
        assert sum("known" in note for note in report.notes) == at - 1


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("where", ["begin", "middle", "behind", "shorter", "longer"])
def test_a_changed_text_is_noticed(toy, text, where, tmp_path, monkeypatch):
    words = text.read_text("utf-8")
    read(toy, text, tokens=10_000)
    at = {"begin": 3, "middle": len(words) // 2, "behind": len(words) - 60}.get(where)
    changed = words[:1500] if where == "shorter" else words + words
    if at is not None:
        changed = words[:at] + "cat " + words[at:]
    text.write_text(changed, "utf-8")
    count, (again, notices) = passes(toy[0], lambda: read(toy, text, tokens=10_000))
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "other"))
    whole, _notices = read(toy, text, tokens=10_000)
    assert_same(again, whole)
    told = [n for n in notices if n.code == "text_changed"]
    assert bool(told) == (where != "longer")
    groups = -(-whole["windows"] // 4)
    assert count == groups if where == "begin" else count < groups
    if where == "begin":
        assert "as a whole" in told[0].message
    if where == "shorter":
        still = f"its first {whole['windows']} windows still"
        assert "shorter" in told[0].message
        assert still in told[0].message
        assert "anew" not in told[0].message


class Spell:
    """Makes a folder where it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (os.environ["SPELL"],)


@pytest.mark.usefixtures("few_at_once")
@pytest.mark.parametrize("spoilt", ["cut", "bit", "nothing", "pickle", "folder"])
def test_a_damaged_store_is_as_none(toy, text, spoilt, home, tmp_path, monkeypatch):
    cast = tmp_path / "cast"
    monkeypatch.setenv("SPELL", str(cast))
    whole, _notices = read(toy, text)
    (path,) = home.glob("*.npz")
    good = bytearray(path.read_bytes())
    at = good.index(whole["ids"].tobytes()[:40])
    if spoilt == "folder":
        path.unlink()
        path.mkdir()
    elif spoilt == "pickle":
        np.savez(path, ids=np.array([Spell(), 1], dtype=object), place=whole["entry_place"])
    else:
        good[at] ^= spoilt == "bit"
        path.write_bytes({"cut": good[: len(good) // 2], "bit": good, "nothing": b""}[spoilt])
    count, (again, notices) = passes(toy[0], lambda: read(toy, text))
    assert count == -(-whole["windows"] // 4)
    assert_same(again, whole)
    assert not notices
    assert not cast.exists()
    if spoilt != "folder":
        assert passes(toy[0], lambda: read(toy, text))[0] == 0


def test_read_anew(toy, text):
    read(toy, text)
    report = Counts()
    count, _found = passes(toy[0], lambda: read(toy, text, report, fresh=True))
    assert count > 0
    assert not any("known" in note for note in report.notes)


@pytest.mark.usefixtures("few_at_once")
def test_what_it_depends_on_is_heeded(toy, text, tmp_path):
    model, autoencoder = toy
    read(toy, text)

    def is_new(of, **settings):
        return passes(of[0], lambda: read(of, settings.pop("text", text), **settings))[0] > 0

    assert not is_new(toy)
    assert not is_new(toy, seed=3, examples=1, intervals=2, feature=1, top=1)
    assert is_new(toy, bos="no" if toy[0].tokenizer.adds_bos else "yes")
    assert is_new(toy, window=12)
    other = tmp_path / "other.txt"
    other.write_text(text.read_text("utf-8"), "utf-8")
    assert is_new(toy, text=other)
    folder = save_autoencoder(tmp_path / "seed", model.info.d_model, seed=1)
    assert is_new((model, open_autoencoder(model, folder)))
    autoencoder.weights["b_enc"][0] += 0.25
    assert is_new(toy)


@pytest.mark.usefixtures("few_at_once")
def test_too_many_activations(toy, text, monkeypatch, home):
    whole, _notices = read(toy, text, fresh=True)
    for path in home.iterdir():
        path.unlink()
    monkeypatch.setattr(spec, "MOST_ENTRIES", 150)
    data, notices = read(toy, text)
    assert [n.code for n in notices] == ["entries_left_out"]
    assert "feature 7 alone" in notices[0].message
    assert data["entries_of"] == "chosen"
    for name in ("density", "largest", "mean_active", "examples", "interval_count", "ids", "rule"):
        np.testing.assert_array_equal(data[name], whole[name])
    first, last = whole["feature_start"][7:9]
    np.testing.assert_array_equal(data["feature_start"], [0, last - first])
    np.testing.assert_array_equal(data["entry_place"], whole["entry_place"][first:last])
    np.testing.assert_array_equal(data["entry_value"], whole["entry_value"][first:last])
    count, (again, _notices) = passes(toy[0], lambda: read(toy, text))
    assert count == 0
    assert_same(again, data)
    # Of another feature nothing is known but what was kept before there were too many.
    count, (other, _notices) = passes(toy[0], lambda: read(toy, text, feature=9))
    assert count == -(-whole["windows"] // 4) - 1
    first, last = whole["feature_start"][9:11]
    np.testing.assert_array_equal(other["entry_value"], whole["entry_value"][first:last])
    none, notices = read(toy, text, feature=-1)
    assert (none["entries_of"], len(none["entry_value"])) == ("none", 0)
    assert "none is kept" in notices[0].message
    np.testing.assert_array_equal(none["feature_start"], [0])
    np.testing.assert_array_equal(none["density"], whole["density"])


@pytest.mark.usefixtures("few_at_once")
def test_too_many_stopped_and_changed(toy, text, monkeypatch):
    monkeypatch.setattr(spec, "MOST_ENTRIES", 150)
    whole, _notices = read(toy, text, fresh=True)
    _part, notices = read(toy, text, Counts(5), fresh=True)
    assert [n.code for n in notices] == [PARTIAL, "entries_left_out"]
    report = Counts()
    assert_same(read(toy, text, report)[0], whole)
    assert sum("known" in note for note in report.notes) == 4
    # While it is compared with what is known, nothing of it can be told from the rest.
    with pytest.raises(Cancelled):
        read(toy, text, Counts(2))
    assert_same(read(toy, text, tokens=200)[0], read(toy, text, tokens=200, fresh=True)[0])
    read(toy, text, fresh=True)
    text.write_text("cat " + text.read_text("utf-8"), "utf-8")
    again, notices = read(toy, text)
    assert [n.code for n in notices] == ["text_changed", "entries_left_out"]
    assert_same(again, read(toy, text, fresh=True)[0])


def test_a_result_that_must_be_small_keeps_fewer(toy, text, monkeypatch):
    each = 3 * 8 + 8 + 4 * params_of(text).top  # numbers of a feature, where it begins, its tokens
    monkeypatch.setattr(toy[0], "storage", Storage(limit_bytes=4 * 400 + each * FEATURES + 8 * 60))
    data, notices = read(toy, text)
    assert data["entries_of"] == "chosen"
    assert "more than 60 activations" in notices[0].message


def peak_bytes(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("few_at_once")
def test_memory_stays_flat_where_not_all_is_kept(toy, text, monkeypatch):
    text.write_text(text.read_text("utf-8") * 2, "utf-8")
    read(toy, text, tokens=100)

    def grown(most):
        monkeypatch.setattr(spec, "MOST_ENTRIES", most)
        once, often = (
            peak_bytes(lambda n=n: read(toy, text, tokens=n, feature=-1, fresh=True))
            for n in (200, 1700)
        )
        return often - once

    assert grown(300) < grown(10**6) / 2


def test_memory_is_told(toy, text, monkeypatch):
    needed = [memory_needed(*toy, params_of(text, tokens=n)) for n in (10_000, 5_000_000)]
    assert needed[1] - needed[0] < 45 * spec.MOST_ENTRIES + 4 * 5_000_000 + 200_000_000
    asked = []
    monkeypatch.setattr(SilentReporter, "needs", lambda _self, count: asked.append(count))
    read(toy, text)
    assert len(asked) == 1


def test_tokens_that_are_not_finite_count_nowhere(toy, text):
    model, autoencoder = toy
    whole, _notices = read(toy, text)
    encode = type(autoencoder).encode

    class Spoilt(type(autoencoder)):
        def encode(self, x):
            found = encode(self, x)
            found[2, 5] = float("nan")
            found[4, 6] = float("inf")
            return found

    of = model, Spoilt(autoencoder.head, autoencoder.weights)
    data, notices = read(of, text, fresh=True)
    assert [n.code for n in notices] == ["tokens_left_out"]
    assert f"{2 * data['windows']} tokens" in notices[0].message
    kept = dense(whole)
    lead = LENGTH - data["tokens_read"] // data["windows"]
    kept[:, [lead + 2, lead + 4]] = 0
    np.testing.assert_array_equal(dense(data), kept)
    counted = data["tokens_read"] - 2 * data["windows"]
    np.testing.assert_allclose(data["density"], (kept > 0).sum((0, 1)) / counted)
    assert all(np.isfinite(data[n]).all() for n in ("density", "largest", "entry_value"))
    _again, notices = read(of, text)
    assert [n.code for n in notices] == ["tokens_left_out"]


@pytest.mark.parametrize("architecture", ["llama", "gemma2", "gptj"])
def test_other_architectures(architecture, tmp_path, text):
    model = tiny(architecture)
    folder = save_autoencoder(tmp_path / "sae", model.info.d_model)
    of = model, open_autoencoder(model, folder)
    data, _notices = read(of, text, tokens=60)
    expected = plain_activations(*of, data["ids"])
    expected[:, : LENGTH - data["tokens_read"] // data["windows"]] = 0
    np.testing.assert_allclose(dense(data), expected, atol=1e-5)


def test_texts_that_cannot_be_read(toy, tmp_path):
    short, latin = tmp_path / "short.txt", tmp_path / "latin.txt"
    short.write_text("1 2", "utf-8")
    latin.write_bytes(b"one\ntwo \xff three\n" * 40)
    for path, settings, told in (
        (tmp_path / "none.txt", {}, "no such file"),
        (short, {}, "longer text"),
        (latin, {}, "UTF-8"),
        (short, {"window": 8000}, "or less"),
    ):
        with pytest.raises(BadInputError, match=told) as caught:
            read(toy, path, **settings)
        assert "\n" not in str(caught.value)


def test_where_nothing_can_be_kept_it_is_read_all_the_same(toy, text, tmp_path, monkeypatch):
    whole, _notices = read(toy, text)
    blocked = tmp_path / "blocked"
    blocked.write_text("a file", "utf-8")
    monkeypatch.setenv(HOME_VARIABLE, str(blocked))
    assert_same(read(toy, text)[0], whole)

    def full(*_given, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "full"))
    monkeypatch.setattr(files.os, "fsync", full)
    assert_same(read(toy, text)[0], whole)
    assert not list((tmp_path / "full" / "data" / "activations").glob("*"))
