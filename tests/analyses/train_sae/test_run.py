"""A training from end to end: what is read, what is held out, the folder, stopping, refusals."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from desktop_app.analyses.train_sae import run as train_sae
from desktop_app.analyses.train_sae.spec import ANALYSIS, TrainSaeParams
from desktop_app.analyses.train_sae.training import measured_at_once
from desktop_app.contract.report import EstimatingReporter, SilentReporter
from desktop_app.engine.model import site_hook
from desktop_app.methods.autoencoders import inputs, open_autoencoder
from desktop_app.pictures.words import settings_sentence
from desktop_app.support import autoencoder_folder
from desktop_app.support.errors import BadInputError, Cancelled
from desktop_app.support.paths import HOME_VARIABLE, resource
from tests.models import named, tiny

WORDS = "Monday Tuesday 1 2 3 4 5 6 7 8 9 one two three, and the cat sat. "
SMALL = {"tokens": 900, "window": 16, "features": 30, "steps": 10, "batch": 32, "layer": 1}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "my text.txt"
    path.write_text(WORDS * 70, "utf-8")
    return str(path)


@pytest.fixture
def train(text, tmp_path):
    """Return a function that trains one of the toy, in few steps, to a folder."""

    def go(model=None, report=None, **settings):
        given = {"text": text, "out_sae": str(tmp_path / "trained"), **SMALL, **settings}
        return train_sae.run(
            model or named("toy"), TrainSaeParams(**given), report or SilentReporter()
        )

    return go


class Stops(SilentReporter):
    """Keeps what it is told, and stops at a share of the work."""

    def __init__(self, at, *, keeps=True):
        self.keeps_partial, self._at, self.told, self.shown = keeps, at, [], []

    def step(self, fraction, note=""):
        self.told.append((fraction, note))
        if fraction >= self._at:
            raise Cancelled

    def partial(self, data):
        self.shown.append({name: np.array(value) for name, value in data.items()})


def windows_of(model, text, size):
    """Return the windows of a text by the tokenizer alone, each with its BOS."""
    ids = model.tokenizer.encode(Path(text).read_text("utf-8"), "no").ids
    lead = model.tokenizer.encode("a", "auto").ids[:-1]
    own = size - len(lead)
    return [[*lead, *ids[n : n + own]] for n in range(0, len(ids) - own + 1, own)]


@pytest.mark.parametrize(("kind", "site"), [("standard", "resid_pre"), ("topk", "mlp_out")])
def test_the_folder_holds_what_the_result_says(train, text, tmp_path, kind, site):
    """Numbers of the tokens held out, by numpy from the files, on activations read one by one."""
    model = named("toy")
    result = train(kind=kind, site=site, k=5)
    w = {
        name: v.double().numpy()
        for name, v in load_file(tmp_path / "trained/sae_weights.safetensors").items()
    }
    windows = windows_of(model, text, 16)[: result.data["windows"]]
    seen = [model.seen(model.ids([ids]), site_hook(1, site))[0, 1:] for ids in windows]
    x = torch.cat([one for n, one in enumerate(seen) if n % 10 == 9]).double().numpy()
    scores = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    f = np.maximum(scores, 0)
    if kind == "topk":
        f *= scores >= np.sort(scores, axis=1)[:, -5, None]
    error = x - (f @ w["W_dec"] + w["b_dec"])
    explained = 1 - (error**2).sum() / ((x - x.mean(0)) ** 2).sum()
    assert result.data["variance_explained"] == pytest.approx(explained, abs=1e-5)
    assert result.data["l0_end"] == pytest.approx((f > 0).sum(1).mean(), abs=1e-5)
    assert result.data["mse"] == pytest.approx((error**2).mean(), rel=1e-5)
    assert result.data["tokens_held_out"] == len(x)
    assert result.data["tokens_trained"] == sum(len(one) for one in seen) - len(x)
    assert result.data["tokens_read"] == sum(len(ids) - len(result.data["lead"]) for ids in windows)
    assert {len(result.data[name]) for name in ("loss", "l0", "dead")} == {10}
    assert model.hooks_left() == 0


@pytest.mark.parametrize("kind", ["standard", "topk"])
def test_what_is_written_is_read_again_and_does_the_same(train, tmp_path, kind):
    model = named("toy")
    result = train(kind=kind, k=5, steps=60)
    own = open_autoencoder(model, str(tmp_path / "trained"))
    assert (own.head.architecture, own.head.d_in, own.head.d_sae) == (kind, 128, 30)
    assert (own.head.reads.layer, own.head.reads.site) == (1, "resid_pre")
    x, wanted = inputs(model, own, model.ids([model.tokenizer.encode(WORDS).ids]))
    back = own.decode(own.encode(x), x)
    error = (wanted - back)[:, 1:].square().sum() / (wanted - wanted.mean(1)).square().sum()
    assert float(error) < 1
    assert result.data["variance_explained"] > 0.2
    assert result.data["hook"] == own.head.reads.name == "blocks.1.hook_resid_pre"


def test_settings_are_those_of_the_layout(train, tmp_path):
    result = train(kind="topk", k=5)
    said = json.loads((tmp_path / "trained/cfg.json").read_text("utf-8"))
    own = said.pop("metadata")
    assert said == {
        "architecture": "topk",
        "d_in": 128,
        "d_sae": 30,
        "k": 5,
        "rescale_acts_by_decoder_norm": False,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
    }
    model = named("toy").info
    told = {
        "model_name": "toy",
        "hook_name": "blocks.1.hook_resid_pre",
        "context_size": 16,
        "prepend_bos": True,
        "fingerprint": model.fingerprint,
        "weights": "raw",
        "layernorm": "keep",
        "dataset_path": "my text.txt",
        "training_tokens": result.data["tokens_trained"],
        "steps": 10,
        "seed": 0,
    }
    assert told.items() <= own.items()
    assert own["sae_lens_version"].startswith("6.")
    shipped = json.loads(resource("saes", "toy", "cfg.json").read_text("utf-8"))
    assert shipped.keys() - {"metadata"} == said.keys()
    assert shipped["metadata"].keys() == own.keys()


def test_the_folder_says_the_numbers_of_the_result(train, tmp_path):
    """Features that no token held out activates are not all dead: there are few such tokens."""
    data = train(steps=30, kind="topk", k=2).data
    said = json.loads((tmp_path / "trained/cfg.json").read_text("utf-8"))["metadata"]
    for told, name in (("dead", "dead_end"), ("l0", "l0_end"), ("variance_explained",) * 2):
        assert said[told] == pytest.approx(data[name], abs=6e-3)
    assert 0 < said["dead"] < 1


def test_a_seed_gives_the_same_numbers_to_the_bit_and_another_others(train, tmp_path):
    first, again = train(), train(out_sae=str(tmp_path / "again"))
    other = train(seed=1, out_sae=str(tmp_path / "other"))
    np.testing.assert_array_equal(first.data["loss"], again.data["loss"])
    one, two = (load_file(tmp_path / n / "sae_weights.safetensors") for n in ("trained", "again"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not np.array_equal(first.data["loss"], other.data["loss"])


def test_how_many_windows_share_a_pass_changes_nothing(train, tmp_path, monkeypatch):
    whole, model = train(), named("toy")
    monkeypatch.setattr(model, "reads_together", False)
    alone = train(out_sae=str(tmp_path / "alone"))
    np.testing.assert_allclose(alone.data["loss"], whole.data["loss"], rtol=1e-5)
    assert alone.timing.forward_passes > whole.timing.forward_passes


@pytest.mark.parametrize("architecture", ["llama", "opt", "gptj"])
def test_models_of_other_kinds_and_without_a_bos(train, architecture):
    """Without a BOS the first token is left out, as unlike the others as a BOS would be."""
    model = tiny(architecture)
    result = train(model, site="mlp_out", tokens=100, features=9)
    lead = len(result.data["lead"])
    each = 16 - max(1, lead)
    total = result.data["tokens_trained"] + result.data["tokens_held_out"]
    assert total == each * result.data["windows"]
    assert np.isfinite(result.data["loss"]).all()


def test_it_is_shown_as_it_learns(train):
    report = Stops(2.0)
    result = train(steps=20, report=report)
    assert [len(data["loss"]) for data in report.shown] == [5, 10, 15, 20]
    for data in report.shown:
        assert data.keys() == {"loss", "l0", "dead"}
        np.testing.assert_array_equal(data["loss"], result.data["loss"][: len(data["loss"])])
    shares = [fraction for fraction, _note in report.told]
    assert all(one <= two for one, two in pairwise(shares))
    assert report.told[0][1].startswith("reading, ")
    notes = [note for _share, note in report.told]
    assert "step 20 of 20" in notes
    count = result.data["tokens_held_out"]
    assert notes.index(f"measuring, 0 of {count} tokens") == notes.index("step 20 of 20") + 1
    assert f"measuring, 0 of {result.data['tokens_trained']} tokens" in notes


def test_stopped_what_there_is_is_written(train, tmp_path):
    result = train(steps=40, report=Stops(0.8))
    done = len(result.data["loss"])
    assert 0 < done < 40
    assert f"step {done + 1} of 40" in result.partial
    assert (tmp_path / "trained/cfg.json").is_file()
    said = json.loads((tmp_path / "trained/cfg.json").read_text("utf-8"))
    assert said["metadata"]["steps"] == done
    assert open_autoencoder(named("toy"), str(tmp_path / "trained")).head.d_sae == 30


def test_measuring_is_stopped_too_and_then_a_part_is_enough(train, tmp_path, monkeypatch):
    """What was trained is written; numbers are of the first tokens, and the result says so."""
    monkeypatch.setattr(train_sae, "MEASURED_STOPPED", 40)
    result = train(report=Stops(0.95))
    assert len(result.data["loss"]) == SMALL["steps"]
    assert "Stopped before it was measured on all tokens" in result.partial
    assert "on the first 40 tokens" in result.partial
    assert result.data["tokens_held_out"] == 40
    again = train(steps=40, report=Stops(0.8))
    assert "on the first 40 tokens" in again.partial
    said = json.loads((tmp_path / "trained/cfg.json").read_text("utf-8"))["metadata"]
    assert said["tokens_held_out"] == again.data["tokens_held_out"] == 40
    assert said["training_tokens"] == again.data["tokens_trained"] > 40


def test_stopped_behind_its_last_step_no_further_one_is_named(train):
    class Late(Stops):
        def partial(self, data):
            if len(data["loss"]) == SMALL["steps"]:
                raise Cancelled

    assert "step" not in train(report=Late(0.95)).partial


def test_measuring_takes_no_more_memory_than_was_told(train):
    """Small batches, many features: a pass of measuring holds few tokens of these."""
    listener = EstimatingReporter()
    needed = listener.listen(lambda: train(report=listener, features=16_384, batch=8))
    fewer = listener.listen(lambda: train(report=listener, features=4_096, batch=8))
    rows = [measured_at_once(features) for features in (4_096, 16_384, 131_072)]
    assert rows == [4_096, 1_024, 128]
    assert needed > fewer > 4_096 * rows[0] * 4 * 4  # four tables of float32


@pytest.mark.parametrize(("at", "keeps"), [(0.1, True), (0.3, True), (0.8, False), (0.95, False)])
def test_stopped_before_there_is_anything_or_where_nobody_wants_it_nothing_is(
    train, tmp_path, at, keeps
):
    with pytest.raises(Cancelled):
        train(report=Stops(at, keeps=keeps))
    assert not (tmp_path / "trained").exists()
    assert named("toy").hooks_left() == 0


def test_a_pass_is_stopped_at_a_layer(train):
    class Asked(SilentReporter):
        checks = 0

        def check(self):
            self.checks += 1
            if self.checks == 2:  # of the layers up to the one that is read
                raise Cancelled

    model = named("toy")
    before = model.forward_passes
    with pytest.raises(Cancelled):
        train(report=Asked())
    assert model.forward_passes == before + 1
    assert model.hooks_left() == 0


def test_what_it_takes_is_said_before_anything_is_read(train):
    listener, model = EstimatingReporter(), named("toy")
    before = model.forward_passes
    needed = listener.listen(lambda: train(report=listener, features=1_000))
    more = listener.listen(lambda: train(report=listener, features=50_000))
    assert model.forward_passes == before
    # Weights, gradients and two moments, encoder and decoder, float32.
    assert more - needed > 49_000 * 128 * 2 * 4 * 4


def test_a_folder_is_named_by_what_it_is_and_an_earlier_one_stays(train, tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    folder = autoencoder_folder.folder()
    before = set(folder.iterdir()) if folder.is_dir() else set()
    first, second = train(out_sae=""), train(out_sae="", seed=1)
    names = [result.data["file"] for result in (first, second)]
    assert open_autoencoder(named("toy"), names[1]).head.folder.name == names[1]
    assert names[0] != names[1]
    assert all("1-resid_pre" in name for name in names)
    assert {p.name for p in set(folder.iterdir()) - before} == set(names)


def test_an_earlier_one_of_the_same_place_is_written_over(train, tmp_path):
    train()
    train(features=12, kind="topk", k=3)
    assert open_autoencoder(named("toy"), str(tmp_path / "trained")).head.d_sae == 12
    assert sorted(p.name for p in (tmp_path / "trained").iterdir()) == [
        "cfg.json",
        "sae_weights.safetensors",
    ]


def _other_place(folder):
    said = json.loads((folder / "cfg.json").read_text("utf-8"))
    said["metadata"]["hook_name"] = "blocks.2.hook_resid_pre"
    (folder / "cfg.json").write_text(json.dumps(said), "utf-8")


def _others_contents(folder):
    (folder / "notes.txt").write_text("mine", "utf-8")


def _strangers(folder):
    (folder / "cfg.json").write_text('{"d_in": 128}', "utf-8")


def _damaged(folder):
    (folder / "cfg.json").write_bytes(b"\xff[" * 40)


@pytest.mark.parametrize("spoil", [_other_place, _others_contents, _strangers, _damaged])
def test_a_folder_with_other_contents_is_never_written_over(train, tmp_path, spoil):
    train()
    folder = tmp_path / "trained"
    spoil(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(BadInputError, match="is there already"):
        train(steps=11)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_of_that_name_stays(train, tmp_path):
    (tmp_path / "trained").write_text("mine", "utf-8")
    with pytest.raises(BadInputError, match="no folder"):
        train()
    assert (tmp_path / "trained").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layer": 3}, "--layer 3"),
        ({"kind": "topk", "k": 31}, "--k 31"),
        ({"window": 300}, "--window 300"),
        ({"window": 3, "bos": "yes"}, None),
        ({"text": "no.txt"}, "no.txt"),
        ({"tokens": 16, "window": 256}, "single window"),
        ({"out_sae": "/nowhere/at/all"}, "/nowhere/at/all"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(train, settings, told):
    if told is None:
        assert train(**settings).data["windows"] > 2
        return
    with pytest.raises(BadInputError) as caught:
        train(**settings)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_activations_than_there_is_memory_for_are_refused(train, monkeypatch):
    monkeypatch.setattr(named("toy"), "budget_bytes", 200 * 128 * 4)
    with pytest.raises(BadInputError, match="choose --tokens 200 or less"):
        train()
    assert train(tokens=100).data["windows"] > 2


def test_activations_that_are_not_finite_are_refused(train, monkeypatch):
    model = named("toy")
    monkeypatch.setattr(
        model, "seen", lambda ids, *_where: torch.full((*ids.shape, 128), float("inf"))
    )
    with pytest.raises(BadInputError, match="not finite at resid_pre of layer 1"):
        train()


def test_weights_that_are_not_finite_are_not_written(train, tmp_path, monkeypatch):
    spoilt = {"W_enc": torch.full((2, 2), torch.nan)}
    monkeypatch.setattr(train_sae.Trainer, "weights", lambda _one: spoilt)
    with pytest.raises(BadInputError, match="smaller --lr"):
        train()
    assert not (tmp_path / "trained").exists()


def test_where_most_features_are_dead_the_result_says_so(train):
    result = train(features=600, kind="topk", k=1, steps=3)
    (notice,) = [n for n in result.warnings if n.code == "features_dead"]
    dead = round(result.data["dead_end"] * 600)
    assert f"{dead:,} of 600 features" in notice.message
    assert result.data["dead_end"] > 0.5


def test_without_a_layer_the_middle_one_is_taken(train):
    model = named("toy")
    result = train(layer=None)
    assert result.data["hook"] == f"blocks.{model.info.n_layers // 2}.hook_resid_pre"
    assert model.info.n_layers == 3
    assert not [n for n in result.warnings if n.code == "embeddings_alone"]
    assert TrainSaeParams(layer=-1).layer_in(5) == -1
    assert "middle layer" in settings_sentence(TrainSaeParams())


@pytest.mark.parametrize("layer", [0, -3])
def test_before_layer_0_there_are_embeddings_alone_and_it_is_said(train, tmp_path, layer):
    (notice,) = [n for n in train(layer=layer).warnings if n.code == "embeddings_alone"]
    assert "tells tokens" in notice.message
    later = train(layer=layer, site="resid_mid", out_sae=str(tmp_path / "later"))
    assert not [n for n in later.warnings if n.code == "embeddings_alone"]


def test_a_short_text_is_told(train):
    assert [n.code for n in train(tokens=100_000).warnings] == ["text_short"]


def test_the_result_knows_what_it_was_asked():
    assert ANALYSIS.params().idle() == {"k"}
    assert ANALYSIS.params(kind="topk").idle() == {"l1"}
    assert not ANALYSIS.params().reads_prompts()
