"""Heads over text against plain loops over TransformerLens' cache, whatever shares a pass."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from desktop_app.analyses.corpus import reading
from desktop_app.analyses.corpus import run as corpus
from desktop_app.analyses.corpus.attended import Attended
from desktop_app.analyses.corpus.best_places import BestRows
from desktop_app.analyses.corpus.spec import ANALYSIS, CorpusParams
from desktop_app.analyses.corpus.sums import MEASURES
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.engine.model import LoadedModel
from desktop_app.methods.text_windows import TextWindows
from desktop_app.support.errors import BadInputError, Cancelled, MemoryExhaustedError
from tests.analyses.corpus import plain_corpus
from tests.engine.zoo import save_tiny
from tests.models import named, tiny

WINDOW, COUNT = 14, 20
ROUNDED = 1e-5  # a single weight, which a pass rounds otherwise when other windows share it


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "some text.txt"
    path.write_text(plain_corpus.some_text(400), "utf-8")
    return path


def run(model, text, report=None, **settings):
    given = {"window": WINDOW, "tokens": COUNT * (WINDOW - 1), **settings}
    return corpus.run(model, CorpusParams(text=str(text), **given), report or SilentReporter())


def model_of(architecture):
    return named("toy") if architecture == "toy" else tiny(architecture)


@cache
def plain(text, architecture="toy"):
    """Return the windows of a text and their patterns, one by one."""
    model = model_of(architecture)
    windows = plain_corpus.cut(model, text.read_text("utf-8"), WINDOW)[:COUNT]
    return windows, [plain_corpus.patterns(model, ids) for ids in windows]


def codes(result):
    return [notice.code for notice in result.warnings]


@pytest.mark.model
@pytest.mark.parametrize(
    "architecture",
    ["toy", "gpt2", "llama", "mistral", "gemma2", "gpt_oss", "bloom", "mixtral", "opt", "falcon"],
)
def test_the_measures_equal_a_plain_loop_over_twenty_windows(architecture, text):
    model = model_of(architecture)
    result = run(model, text)
    windows, every = plain(text, architecture)
    assert len(windows) == COUNT
    np.testing.assert_array_equal(result.data["ids"], windows)
    found, counts = plain_corpus.measures(windows, every)
    assert result.data["n"] == counts
    assert counts["previous"] == COUNT * (WINDOW - 1)
    assert 0 < counts["duplicate"] < counts["previous"]
    for name in MEASURES:
        np.testing.assert_allclose(result.data[name], found[name], atol=1e-5, err_msg=name)
    if architecture == "gpt_oss":  # what the sinks take is missing from every row
        assert max(float(x.sum(-1).max()) for x in every) < 0.99
    assert model.hooks_left() == 0
    assert not {"not_finite", "no_repeats"} & set(codes(result))


@pytest.mark.pack
@pytest.mark.slow
def test_the_heads_of_the_pack_equal_the_plain_loop_on_the_own_corpus(smollm2_folder):
    """Twenty windows of the corpus that comes with Lensbench; four heads of every fifth layer."""
    model = named("smollm2")
    params = CorpusParams(window=20, tokens=400)
    result = corpus.run(model, params, SilentReporter())
    windows = result.data["ids"].tolist()
    assert len(windows) == COUNT
    every = [plain_corpus.patterns(model, ids) for ids in windows]
    some = [(layer, head) for layer in range(0, 30, 5) for head in (0, 2, 5, 8)]
    found, counts = plain_corpus.measures(windows, every, some)
    assert result.data["n"] == counts
    for name in MEASURES:
        for place in some:
            assert result.data[name][place] == pytest.approx(found[name][place], abs=1e-5), name


@pytest.mark.model
def test_the_best_places_are_those_of_a_search_of_every_pair(text):
    model = named("toy")
    result = run(model, text)
    _windows, every = plain(text)
    for layer, head in np.ndindex(result.data["previous"].shape):
        expected = plain_corpus.all_places(every, layer, head)
        top, rows = result.data["top"][layer, head], result.data["top_row"][layer, head]
        weights = [weight for weight, *_place in expected[:10]]
        np.testing.assert_allclose(top[:, 3], weights, atol=ROUNDED)
        assert len({tuple(place) for place in top[:, :3]}) == 10
        for place, row in zip(top, rows, strict=True):
            window, q, k = place[:3].astype(int)
            assert 0 < k < q
            np.testing.assert_allclose(row, every[window][layer, head, q], atol=ROUNDED)
            assert place[3] == pytest.approx(every[window][layer, head, q, k], abs=ROUNDED)


@pytest.mark.model
def test_a_place_of_each_tenth_lies_in_it(text):
    model = named("toy")
    result = run(model, text)
    _windows, every = plain(text)
    for layer, head in np.ndindex(result.data["previous"].shape):
        most = plain_corpus.largest_weights(every, layer, head)
        edges = np.quantile(list(most.values()), np.linspace(0, 1, 11))
        np.testing.assert_allclose(result.data["decile_edges"][layer, head], edges, atol=ROUNDED)
        places = result.data["deciles"][layer, head]
        assert len({tuple(place) for place in places[:, :2]}) == 10
        for tenth, (place, row) in enumerate(
            zip(places, result.data["decile_row"][layer, head], strict=True)
        ):
            window, q, k = place[:3].astype(int)
            assert place[3] == pytest.approx(most[window, q], abs=ROUNDED)
            assert edges[tenth] - ROUNDED <= place[3] <= edges[tenth + 1] + ROUNDED
            np.testing.assert_allclose(row, every[window][layer, head, q], atol=ROUNDED)
            assert row[k] == place[3] == max(row[1:q])


@pytest.mark.model
def test_the_tokens_attended_to_are_those_of_a_plain_sum(text):
    model = named("toy")
    result = run(model, text)
    windows, every = plain(text)
    for layer, head in np.ndindex(result.data["previous"].shape):
        sums = plain_corpus.attended(windows, every, layer, head)
        ids, shares = (result.data[n][layer, head] for n in ("attended", "attended_weight"))
        whole = sum(sums.values())
        best = sorted(sums.values(), reverse=True)[:10]
        np.testing.assert_allclose(shares, np.array(best) / whole, atol=1e-6)
        np.testing.assert_allclose(shares, [sums[i] / whole for i in ids], atol=1e-6)


@pytest.mark.model
@pytest.mark.parametrize("architecture", ["toy", "gpt_oss", "gemma2"])
def test_what_shares_a_pass_changes_no_number(architecture, text, monkeypatch):
    model = model_of(architecture)
    alone = None
    for many in (1, 3, COUNT, 7):
        monkeypatch.setattr(reading, "windows_per_pass", lambda *_given, many=many: many)
        found = run(model, text).data
        alone = alone or found
        for name, value in found.items():
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                atol = 1e-6 if name in MEASURES else ROUNDED
                np.testing.assert_allclose(value, alone[name], atol=atol, err_msg=name)
                if name in {"top", "deciles"}:
                    np.testing.assert_array_equal(value[..., :3], alone[name][..., :3])
            elif isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, alone[name], err_msg=name)
            else:
                assert value == alone[name], name


@pytest.mark.model
def test_long_windows_are_reduced_block_by_block(text):
    """Wider than a block of queries, so that several are put together."""
    model = named("toy")
    path = text.with_name("long.txt")
    path.write_text(plain_corpus.some_text(900, seed=1), "utf-8")
    result = run(model, path, window=250, tokens=500)
    windows = plain_corpus.cut(model, path.read_text("utf-8"), 250)[: result.data["windows"]]
    every = [plain_corpus.patterns(model, ids) for ids in windows]
    found, counts = plain_corpus.measures(windows, every)
    assert result.data["n"] == counts
    for name in MEASURES:
        np.testing.assert_allclose(result.data[name], found[name], atol=1e-5, rtol=1e-6)
    assert run(model, text, window=256, tokens=10).data["windows"] == 1  # as long as it reads


@pytest.mark.model
def test_the_seed_draws_the_places_and_nothing_else(text):
    model = named("toy")
    first, again, other = (run(model, text, seed=seed).data for seed in (3, 3, 4))
    np.testing.assert_array_equal(first["deciles"], again["deciles"])
    assert not np.array_equal(first["deciles"], other["deciles"])
    np.testing.assert_array_equal(first["top"], other["top"])
    np.testing.assert_array_equal(first["decile_edges"], other["decile_edges"])


@pytest.mark.model
def test_windows_name_their_files_and_tokens(tmp_path):
    model = named("toy")
    texts = [plain_corpus.some_text(40, seed) for seed in (1, 2)]
    for name, content in zip(("b.md", "a.txt"), texts, strict=True):
        (tmp_path / name).write_text(content, "utf-8")
    (tmp_path / "c.txt").write_text("one two", "utf-8")
    result = run(model, tmp_path, tokens=10_000)
    data = result.data
    assert data["files"] == ("a.txt", "b.md", "c.txt")
    assert data["corpus"] == tmp_path.name
    assert set(data["window_file"]) == {0, 1}
    assert data["lead"].tolist() == [model.tokenizer.bos_id]
    for window, (file, start) in enumerate(
        zip(data["window_file"], data["window_start"], strict=True)
    ):
        own = model.tokenizer.decode(data["ids"][window][1:].tolist())
        content = texts[1 - file]
        assert content[start : start + len(own)].strip() == own.strip()
    assert sorted(set(data["ids"].ravel().tolist())) == data["token_ids"].tolist()
    for token, name, piece in zip(
        data["token_ids"], data["token_texts"], data["token_pieces"], strict=True
    ):
        assert model.tokenizer.describe(int(token)) == (piece, name)
    assert data["tokens_read"] == data["windows"] * (WINDOW - 1)
    assert {"text_short", "files_short"} <= set(codes(result))


@pytest.mark.model
def test_where_nothing_comes_twice_there_are_no_numbers_of_it(tmp_path):
    path = tmp_path / "once.txt"
    path.write_text("1 2 3 4 5 6 7 8 9", "utf-8")
    result = run(named("toy"), path, window=5, tokens=4)
    assert result.data["n"]["induction"] == 0
    assert np.isnan(result.data["induction"]).all()
    assert "no_repeats" in codes(result)
    assert "not_finite" not in codes(result)
    # Of one window of five tokens there are six pairs off position 0 and off the query.
    assert np.isnan(result.data["top"][..., 6:, :]).all()
    assert np.isfinite(result.data["top"][..., :3, :]).all()


@pytest.mark.model
def test_the_smallest_window_has_one_such_place(tmp_path):
    path = tmp_path / "once.txt"
    path.write_text("1 2 3 4", "utf-8")
    data = run(named("toy"), path, window=3, tokens=2).data
    np.testing.assert_array_equal(data["top"][..., 0, :3], np.full((3, 4, 3), [0.0, 2.0, 1.0]))
    assert np.isnan(data["top"][..., 1:, :]).all()


class Told(SilentReporter):
    """Hears what is said; cancels at a step."""

    def __init__(self, at=10**9, *, keeps=False):
        self.at, self.keeps_partial = at, keeps
        self.fractions, self.notes, self.partials = [], [], []

    def step(self, fraction, note=""):
        self.fractions.append(fraction)
        self.notes.append(note)
        if len(self.fractions) >= self.at:
            raise Cancelled

    def partial(self, data):
        self.partials.append({k: np.copy(v) if k != "n" else v for k, v in data.items()})


@pytest.mark.model
def test_a_stopped_run_is_that_of_its_windows(text, monkeypatch):
    model = named("toy")
    monkeypatch.setattr(reading, "windows_per_pass", lambda *_given: 4)
    layers = model.info.n_layers
    for at in (1, layers):
        with pytest.raises(Cancelled):
            run(model, text, Told(at, keeps=True))
    with pytest.raises(Cancelled):
        run(model, text, Told(layers + 2))
    report = Told(2 * layers + 2, keeps=True)
    result = run(model, text, report)
    assert "8 windows of at most 20" in result.partial
    assert "text_short" not in codes(result)
    whole = run(model, text, tokens=8 * (WINDOW - 1)).data
    for name in ("previous", "entropy", "top", "deciles", "attended", "ids"):
        np.testing.assert_array_equal(result.data[name], whole[name])
    assert result.data["windows"] == 8
    assert result.data["corpus_sha256"] == whole["corpus_sha256"]
    assert model.hooks_left() == 0


@pytest.mark.model
def test_progress_and_the_measures_so_far(text, monkeypatch):
    model = named("toy")
    monkeypatch.setattr(reading, "windows_per_pass", lambda *_given: 8)
    report = Told()
    before = model.forward_passes
    result = run(model, text, report)
    assert model.forward_passes - before == result.timing.forward_passes == 3
    assert report.fractions == sorted(report.fractions)
    assert report.fractions[-1] == 1.0
    assert report.notes[0] == "window 1 of at most 20"
    assert [some["n"]["previous"] for some in report.partials] == [8 * 13, 16 * 13, 20 * 13]
    np.testing.assert_array_equal(report.partials[-1]["first"], result.data["first"])
    listener = EstimatingReporter()
    assert listener.listen(lambda: run(model, text, listener)) > 0
    assert listener.stored_bytes > 0


@pytest.mark.model
def test_memory_that_runs_out_halves_the_windows_of_a_pass(text, monkeypatch):
    model, whole = named("toy"), run(named("toy"), text).data
    real, tried, most = LoadedModel.run, [], 3

    def tight(self, ids, *given, **options):
        tried.append(len(ids))
        if len(ids) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, ids, *given, **options)

    monkeypatch.setattr(LoadedModel, "run", tight)
    found = run(model, text).data
    assert tried[:4] == [20, 10, 5, 2]
    np.testing.assert_allclose(found["entropy"], whole["entropy"], atol=1e-6)
    np.testing.assert_array_equal(found["ids"], whole["ids"])
    most = 0
    with pytest.raises(MemoryExhaustedError, match="single window"):
        run(model, text)


@pytest.mark.model
def test_memory_that_ends_behind_a_pass_counts_no_window_twice(text, monkeypatch):
    model, whole = named("toy"), run(named("toy"), text).data
    real, calls = BestRows.come_home, []

    def tight(self):
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        real(self)

    monkeypatch.setattr(BestRows, "come_home", tight)
    found = run(model, text).data
    assert len(calls) > 2
    assert found["n"] == whole["n"]
    np.testing.assert_allclose(found["top"], whole["top"], atol=ROUNDED)
    np.testing.assert_allclose(found["previous"], whole["previous"], atol=1e-6)
    np.testing.assert_array_equal(found["ids"], whole["ids"])


@pytest.mark.model
def test_memory_that_ends_while_a_pass_is_added_counts_no_window_twice(text, monkeypatch):
    """Where there is no room yet the windows are read again, and never once a part is counted."""
    model, whole = named("toy"), run(named("toy"), text).data
    for name, ends in (("make_room", False), ("add", True)):
        real, calls = getattr(Attended, name), []

        def tight(self, *given, real=real, calls=calls):
            calls.append(1)
            if len(calls) == 1:
                raise MemoryError
            real(self, *given)

        monkeypatch.setattr(Attended, name, tight)
        if ends:
            with pytest.raises(MemoryExhaustedError, match="where their attention is added up"):
                run(model, text)
            assert len(calls) == 1
            continue
        found = run(model, text).data
        assert len(calls) > 2
        assert found["n"] == whole["n"]
        np.testing.assert_array_equal(found["ids"], whole["ids"])
        for key in ("top", "attended_weight"):
            np.testing.assert_allclose(found[key], whole[key], atol=ROUNDED)
    assert model.hooks_left() == 0


@pytest.mark.model
def test_a_text_is_known_by_what_every_reader_of_windows_says_of_it(text):
    model, params = named("toy"), CorpusParams(text=str(text))
    windows = TextWindows(model, params, str(text), WINDOW, COUNT * (WINDOW - 1), "--text")
    assert list(windows)
    found = run(model, text).data
    assert found["corpus_sha256"] == windows.sha256()
    assert found["tokens_read"] == windows.tokens


@pytest.mark.model
def test_rows_too_large_to_be_stored_are_left_out(text):
    model = load(ModelSpec("toy", device="cpu"), SilentReporter())
    whole = run(model, text)
    model.keep(1000, must_fit=False)
    result = run(model, text)
    assert "rows_not_stored" in codes(result)
    assert whole.data.keys() - result.data.keys() == {"top_row", "decile_row"}
    np.testing.assert_array_equal(result.data["top"], whole.data["top"])
    model.keep(1000, must_fit=True)
    with pytest.raises(BadInputError, match="shorter --window"):
        run(model, text)


@pytest.mark.model
def test_what_cannot_be_measured_is_refused(text, tmp_path):
    model = named("toy")
    for file, settings, told in (
        (text, {"window": 300}, "or less"),
        (tmp_path / "none.txt", {}, "no such file"),
    ):
        with pytest.raises(BadInputError, match=told) as caught:
            run(model, file, **settings)
        assert "\n" not in str(caught.value)
    blind = load(ModelSpec("toy", device="cpu"), SilentReporter())
    blind.unfit = {(1, "pattern"): "it is not shown"}
    with pytest.raises(BadInputError, match="cannot be measured at pattern"):
        run(blind, text)


@pytest.mark.model
def test_numbers_that_are_not_finite_are_said_with_their_layer(text, tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    model = load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    with torch.no_grad():
        model.bridge.original_model.model.layers[0].mlp.down_proj.weight.fill_(float("inf"))
    told = [n.message for n in run(model, text).warnings if n.code == "not_finite"]
    assert len(told) == 1
    assert "first in layer 0" in told[0]


@pytest.mark.model
def test_its_fields_are_declared(text):
    result = run(named("toy"), text)
    fields = ANALYSIS.describe(result.data, result.params)
    assert {spec.name for spec in fields} == result.data.keys()
    assert not CorpusParams().reads_prompts()
