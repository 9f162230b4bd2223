"""The toy's autoencoder that ships: whole, small, of the lines that it says, and of use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from desktop_app.analyses.train_sae.spec import TrainSaeParams
from desktop_app.methods.autoencoders import inputs, open_autoencoder, spliced
from desktop_app.methods.text_windows import TextWindows
from desktop_app.support.paths import resource
from tests.models import named

FOLDER = resource("saes", "toy")
PACKAGING = Path(__file__).parents[3] / "packaging"
MOST_BYTES = 700_000


@pytest.fixture(scope="module")
def making():
    """Return the script that makes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACKAGING))
        import train_toy_sae  # type: ignore[import-not-found]

        yield train_toy_sae
    for name in ("train_toy_sae", "toy_data", "toy_tokenizer"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def shipped():
    return open_autoencoder(named("toy"), "toy")


def windows_of(making, folder, seed, lines, tokens=10**6):
    text = folder / making.NAME
    text.write_text(making.make_text(seed, lines), "utf-8")
    return TextWindows(named("toy"), TrainSaeParams(), str(text), 128, tokens, "--text")


def test_it_is_small_and_holds_nothing_else():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sizes.keys() == {"cfg.json", "sae_weights.safetensors"}
    assert sum(sizes.values()) <= MOST_BYTES


def test_it_says_what_it_is(shipped, making):
    head = shipped.head
    assert (head.reads.name, head.d_in, head.d_sae, head.k) == (
        "blocks.2.hook_resid_pre",
        128,
        512,
        16,
    )
    said = json.loads((FOLDER / "cfg.json").read_text("utf-8"))["metadata"]
    assert said["fingerprint"] == named("toy").info.fingerprint
    assert said["dataset_path"] == making.NAME
    torch.testing.assert_close(shipped.W_dec.norm(dim=-1), torch.ones(512), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_it_is_made_of_the_lines_that_its_script_makes(making, tmp_path):
    windows = windows_of(making, tmp_path, 0, making.LINES, making.SETTINGS["tokens"])
    read = sum(len(window.ids) - 1 for window in windows)
    said = json.loads((FOLDER / "cfg.json").read_text("utf-8"))["metadata"]
    assert windows.sha256() == said["corpus_sha256"]
    assert said["tokens_held_out"] < said["training_tokens"] < read


def test_it_explains_lines_that_it_has_never_seen(shipped, making, tmp_path):
    model = named("toy")
    ids = model.ids([window.ids for window in windows_of(making, tmp_path, 1, 300)])
    x, _wanted = inputs(model, shipped, ids)
    x = x[:, 1:].flatten(0, 1)  # the BOS apart, as in training
    features = shipped.encode(x)
    missing = (x - shipped.decode(features, x)).square().sum()
    assert 1 - float(missing / (x - x.mean(0)).square().sum()) > 0.9
    assert float((features > 0).sum(-1).float().mean()) == pytest.approx(16, abs=0.1)
    assert float((features > 0).any(0).float().mean()) > 0.8


def test_with_it_in_place_the_toy_goes_on_counting(shipped):
    model = named("toy")
    for text, told in (("1 2 3 4 5", " 6"), ("Monday, Tuesday, Wednesday,", " Thursday")):
        logits = spliced(model, shipped, model.ids([model.tokenizer.encode(text).ids]))
        (wanted,) = model.tokenizer.encode(told, "no").ids
        assert int(logits[0, -1].argmax()) == wanted
