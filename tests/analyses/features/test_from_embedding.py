"""Whether the embedding tells a feature: by a token alone, and by a linear read over a text."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.features import from_embedding as module
from desktop_app.analyses.features import run as features
from desktop_app.analyses.features.from_embedding import (
    FEWEST_TOKENS,
    Places,
    linear_read,
    places_of,
)
from desktop_app.analyses.features.of_feature import ChosenFeature
from desktop_app.analyses.features.readable import compared, sentence, verdict_of
from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.registry import reads_prompts
from desktop_app.contract.report import Reporter, SilentReporter
from desktop_app.contract.result import PARTIAL
from desktop_app.engine.weights import raw_embeddings as raw
from desktop_app.pictures.words import percent
from desktop_app.support.errors import Cancelled
from tests.analyses.features.folders import LETTERS, bag, bag_sae, drawn, save_sae, weight_of
from tests.models import named

ROWS = (PromptRow(text="A C B"), PromptRow(text="C"))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "letters.txt"
    random = np.random.default_rng(2)
    path.write_text(" ".join(random.choice(list(LETTERS), 500)), "utf-8")
    return str(path)


def look(text, report=None, **settings):
    usual = {"sae": bag_sae(), "window": 11, "tokens": 400, "corpus": text, "fresh": True}
    params = FeaturesParams(**{**usual, **settings})
    return features.run(bag(), params, report or SilentReporter())


def test_over_a_text_all_kinds_of_token_are_read_by_themselves(text):
    result = look(text, feature=1, prompts=ROWS)
    found = result.data["from_embedding"]
    assert found["over"] == "text"
    assert found["tokens"] == result.data["tokens_read"] == 400
    ids = result.data["ids"][:, 1:]
    letter = 2 + LETTERS.index("C")
    assert found["active"] == (ids == letter).sum()
    assert (found["verdict"], found["loudest_alone"]["text"]) == ("embedding", "C")
    assert found["largest_alone"] == pytest.approx(1.0, abs=1e-4)
    assert found["linear_r2"] == pytest.approx(1.0, abs=1e-3)
    assert found["linear_tokens"] == 80
    assert "tells 100.0 % of its variance over 80 held-out tokens" in sentence(found)
    assert look(text, feature=1, tokens=10).data["from_embedding"]["linear_r2"] is None
    assert len(result.prompts) == 2
    np.testing.assert_allclose(result.data["activation"][0], [0, 0, 1, 0], atol=1e-5)
    assert reads_prompts(result)


def test_what_a_bag_holds_no_token_tells_alone(text):
    result = look(text, feature=0)
    assert not result.prompts
    assert not reads_prompts(result)
    found = result.data["from_embedding"]
    ids = result.data["ids"]
    weights = np.array([0, 0, *map(weight_of, LETTERS)])[ids]
    context, alone = weights.cumsum(-1)[:, 1:].ravel(), weights[:, 1:].ravel()
    assert found["kept"] == pytest.approx(alone.mean() / context.mean(), rel=1e-3)
    assert found["r2"] == pytest.approx(np.corrcoef(context, alone)[0, 1] ** 2, rel=1e-2)
    assert found["linear_r2"] < 0.3
    assert found["verdict"] == "partly"


def test_a_linear_read_finds_what_is_linear_and_nothing_in_noise():
    model = named("toy")
    random = np.random.default_rng(5)
    ids = random.integers(5, 900, (120, 40))
    table = model.bridge.original_model.get_input_embeddings().weight.detach().numpy()
    along = table @ random.standard_normal(table.shape[1])
    linear = linear_read(model, Places(ids, along[ids].astype(np.float32)), SilentReporter())
    assert linear["linear_r2"] > 0.99
    assert linear["linear_tokens"] == 24 * 40
    noise = random.random(ids.shape).astype(np.float32)
    assert abs(linear_read(model, Places(ids, noise), SilentReporter())["linear_r2"]) < 0.1


def test_it_is_the_ridge_regression_that_is_chosen_on_windows_of_its_own():
    """Fitted on three of five windows, chosen on the fourth, judged on the fifth."""
    model = named("toy")
    random = np.random.default_rng(6)
    ids = random.integers(5, 400, (30, 16))
    table = model.bridge.original_model.get_input_embeddings().weight.detach().double().numpy()
    along = np.maximum(table @ random.standard_normal(table.shape[1]), 0)
    f = along[ids] + 0.3 * random.random(ids.shape)
    turn = np.arange(30) % 5
    fitted = np.isin(turn, (0, 1, 2))
    x, y = table[ids[fitted].ravel()], f[fitted].ravel()
    middle, level = x.mean(0), y.mean()
    square = (x - middle).T @ (x - middle)
    scale = np.trace(square) / len(square)
    best, kept = np.inf, None
    for held in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        ridge = square + held * scale * np.eye(len(square))
        weights = np.linalg.solve(ridge, (x - middle).T @ (y - level))
        told = (table - middle) @ weights + level
        missed = np.square(f[turn == 3] - told[ids[turn == 3]]).sum()
        if missed < best:
            best, kept = missed, told
    tested = f[turn == 4]
    whole = np.square(tested - tested.mean()).sum()
    expected = 1 - np.square(tested - kept[ids[turn == 4]]).sum() / whole
    found = linear_read(model, Places(ids, f.astype(np.float32)), SilentReporter())
    assert found["linear_r2"] == pytest.approx(expected, abs=1e-4)


def test_of_very_many_different_tokens_the_most_telling_ones_are_read(monkeypatch):
    """Those at which the feature is active come first, then the most frequent ones."""
    model = named("toy")
    random = np.random.default_rng(7)
    ids = random.integers(5, 300, (100, 40))
    ids[:, ::4] = random.integers(5, 25, (100, 10))  # these are frequent
    f = np.where(ids >= 290, 1.0 + ids % 3, 0.0)
    monkeypatch.setattr(module, "_MOST_TYPES", 30)
    seen = []
    monkeypatch.setattr(module, "raw_embeddings", lambda m, i: seen.append(i) or raw(m, i))
    found = linear_read(model, Places(ids, f.astype(np.float32)), SilentReporter())
    assert set(seen[0].tolist()) == {*range(290, 300), *range(5, 25)}
    tested = ids[np.arange(100) % 5 == 4]
    assert found["linear_tokens"] == np.isin(tested, seen[0].numpy()).sum()
    assert found["linear_r2"] > 0.9


def test_it_can_be_cancelled_in_between():
    ids = np.random.default_rng(7).integers(5, 900, (20, 40))
    with pytest.raises(Cancelled):
        linear_read(named("toy"), Places(ids, (ids % 7).astype(np.float32)), Refuses())


@pytest.mark.parametrize(
    ("shape", "value", "said"),
    [
        ((4, 10), 1.0, f"at least {FEWEST_TOKENS} tokens"),
        ((2, 400), 1.0, "5 windows"),
        ((40, 10), 0.0, "active in too few windows"),
    ],
)
def test_where_it_cannot_be_told_the_reason_is(shape, value, said):
    ids = np.full(shape, 7)
    found = linear_read(
        named("toy"), Places(ids, np.full(shape, value, np.float32)), SilentReporter()
    )
    assert found["linear_r2"] is None
    assert said in found["linear_reason"]


def test_activations_are_found_again_among_those_that_were_kept():
    ids = np.arange(6).reshape(2, 3)
    data = {
        "ids": ids, "entry_place": np.array([1, 5, 2]),
        "entry_value": np.array([3.0, 4.0, 5.0], np.float32),
    }  # fmt: skip
    every = {**data, "feature_start": np.array([0, 2, 2, 3]), "entries_of": "all"}
    assert places_of(every, 0, 1).activation.tolist() == [[3, 0], [0, 4]]
    assert places_of(every, 2, 0).activation.tolist() == [[0, 0, 5], [0, 0, 0]]
    assert places_of(every, 0, 1).ids.tolist() == [[1, 2], [4, 5]]
    chosen = {**data, "feature_start": np.array([0, 3]), "entries_of": "chosen"}
    assert places_of(chosen, 2, 1).activation.tolist() == [[3, 5], [0, 4]]
    assert places_of({**chosen, "entries_of": "none"}, 2, 1) is None


@pytest.mark.parametrize(
    ("alone", "verdict"), [(1.0, "embedding"), (0.3, "partly"), (0.05, "context")]
)
def test_the_verdict_is_what_is_kept_without_context(alone, verdict):
    context = np.array([0.0, 2.0, 4.0])
    found = compared(context, alone * context + np.array([0.01, 0, 0]))
    assert (found["kept"], found["verdict"]) == (pytest.approx(alone), verdict)
    assert (found["largest_alone"], found["alone_only"]) == (pytest.approx(4 * alone), 1)
    assert f"{percent(100 * alone)} of its activation" in sentence({**found, "lead": ""})


def test_what_is_large_alone_everywhere_is_not_readable_from_the_embedding():
    """Of the toy model's own features most of those that kept half and more were of this kind."""
    context = np.zeros(40)
    context[::8] = [1.0, 2.0, 1.5, 1.0, 2.0]
    found = compared(context, np.where(np.arange(40) % 2, 4.0, 5.0))
    assert found["kept"] > 3
    assert found["r2"] < 0.5
    assert found["verdict"] == "partly"
    told = sentence({**found, "lead": ""})
    assert "the feature is 3.3 times as large as in context (mean over the 5 tokens" in told
    assert "also active at 35 tokens at which it is silent in context" in told
    assert "keeps" not in told
    assert "can be read" not in told


@pytest.mark.parametrize(
    ("kept", "r2", "linear", "verdict"),
    [
        (0.05, 0.9, 0.83, "partly"),
        (0.05, 0.0, 0.05, "context"),
        (0.05, None, -0.5, "context"),
        (0.05, 0.0, None, "context"),
        (0.3, 0.9, None, "partly"),
        (0.6, 0.7, 0.0, "embedding"),
        (2.1, 0.001, 0.0008, "partly"),
        (3.4, 0.0, None, "partly"),
        (0.6, 0.0, 0.8, "embedding"),
        (0.6, None, None, "partly"),
        (None, 0.9, 0.9, None),
    ],
)
def test_all_tests_have_a_say_and_nothing_said_contradicts_another(kept, r2, linear, verdict):
    assert verdict_of(kept, r2, linear) == verdict
    told = sentence({"kept": kept, "linear_r2": linear, "verdict": verdict, "active": 3})
    assert ("needs the context" in told) == (verdict == "context")
    assert "cannot be read" not in told


def test_what_a_linear_read_tells_is_part_of_the_verdict(text, monkeypatch):
    """A feature that no token keeps by itself, and whose variance the embedding still tells."""
    monkeypatch.setattr(ChosenFeature, "each_alone", lambda *_: np.zeros(len(_[1]), np.float32))
    found = look(text, feature=1).data["from_embedding"]
    assert (found["kept"], found["verdict"]) == (0, "partly")
    assert found["linear_r2"] > 0.9


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"kept": "all"},
        {"kept": 1.0, "verdict": []},
        {"kept": float("nan"), "verdict": "partly"},
    ],
)
def test_of_what_says_nothing_nothing_is_said(told):
    assert (
        sentence(told) == "The feature is active at none of these tokens, so this cannot be told."
    )


def test_damaged_counts_do_no_harm():
    told = {"kept": 1, "verdict": "embedding", "active": "x", "linear_r2": [], "lead": 3}
    assert "“3” alone before each token the feature keeps 100.0 % of" in sentence(told)
    one = {**told, "active": 1, "linear_r2": -0.5, "linear_tokens": 1}
    assert "over the 1 token at" in sentence(one)
    assert "tells 0.0 % of its variance over 1 held-out token." in sentence(one)


class Refuses(Reporter):
    """Cancels wherever it is asked."""

    def check(self):
        raise Cancelled


class Stops(Reporter):
    """Cancels at a step of its own, and wants what there is."""

    keeps_partial = True

    def __init__(self, step):
        self._left, self.partials = step, []

    def step(self, fraction, note=""):
        assert 0 <= fraction <= 1
        self._left -= 1
        if self._left <= 0:
            raise Cancelled

    def partial(self, data):
        self.partials.append(data)


def test_stopped_in_the_text_the_prompts_stay(text):
    seen, step = set(), 0
    while True:
        step += 1
        report = Stops(step)
        try:
            result = look(text, report, feature=0, prompts=ROWS)
        except Cancelled:
            continue
        told = [n.message for n in result.warnings if n.code == PARTIAL]
        if not told:
            break
        assert len(told) == 1
        seen.add(told[0].partition("before ")[2].split(" ")[0])
    assert {"prompt", "the"} <= seen
    assert all("loss" in data for data in report.partials)
    assert "density" in report.partials[-1]


@pytest.mark.pack
@pytest.mark.usefixtures("smollm2_folder")
def test_deleting_and_zeroing_a_token_are_not_the_same(tmp_path):
    model = named("smollm2")
    sae = save_sae(tmp_path / "s", drawn(model.info.d_model, 64), "blocks.6.hook_resid_pre")
    row = PromptRow(text="The cat sat on the mat")
    found = {}
    for ablate in ("delete", "zero"):
        params = FeaturesParams(prompts=(row,), sae=sae, feature=5, ablate=ablate, position="-1")
        found[ablate] = features.run(model, params, SilentReporter()).data["ablated_text"][0]
    assert np.isfinite(found["delete"][:-1]).all()
    assert np.abs(found["delete"] - found["zero"])[:-1].max() > 1e-3
    assert np.isfinite(found["zero"][:-1]).all()
