"""Settings out of all proportion to the weights, and Stop: nothing large is built, soon an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading, offloading
from desktop_app.engine.checkpoints import proportions
from desktop_app.support.errors import Cancelled, ModelLoadError
from tests.engine.folders import change_weights, folder_of, load, set_config
from tests.engine.gguf_files import write_gguf
from tests.patience import CHILD_S


@pytest.mark.parametrize(
    ("architecture", "settings", "words"),
    [
        ("gpt2", {"n_layer": 20_000}, "n_layer 20,000 and its files hold 3 layers"),
        ("gpt2", {"n_layer": -1}, "n_layer -1 and its files hold 3 layers"),
        ("gpt2", {"n_layer": 0}, "n_layer 0 and its files hold 3 layers"),
        ("gpt2", {"n_layer": 1e9}, "n_layer “1000000000.0”"),
        ("llama", {"num_hidden_layers": 10**30}, "its files hold 3 layers"),
        ("llama", {"num_hidden_layers": "3; drop"}, "num_hidden_layers “3; drop”"),
        ("llama", {"num_hidden_layers": [3]}, "num_hidden_layers"),
        ("llama", {"vocab_size": 10**9}, "far more than its files hold"),
        ("llama", {"hidden_size": 10**6}, "far more than its files hold"),
        ("llama", {"intermediate_size": 10**9}, "far more than its files hold"),
        ("gpt2", {"n_positions": 10**6}, "far more than its files hold"),
        ("mixtral", {"num_local_experts": 10**7}, "far more than its files hold"),
    ],
)
def test_absurd_settings_are_refused_before_anything_is_built(
    tmp_path, architecture, settings, words
):
    folder = set_config(folder_of(tmp_path, architecture), **settings)
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "settings"),
    [
        ("llama", {"num_labels": 10**8}),
        ("llama", {"num_labels": float("inf")}),
        ("gpt_neo", {"attention_types": [[["global"], 10**8]]}),
    ],
)
def test_lists_that_the_library_would_write_out_are_refused(tmp_path, architecture, settings):
    folder = set_config(folder_of(tmp_path, architecture), **settings)
    with pytest.raises(ModelLoadError, match=f"config.json says {next(iter(settings))} "):
        load(folder)
    with pytest.raises(ModelLoadError, match="no model has so many"):
        loading.load_tokenizer(ModelSpec(str(folder)))


@pytest.mark.parametrize("offload", ["disk", "auto"])
def test_absurd_settings_are_refused_for_offloaded_layers_too(tmp_path, offload):
    folder = set_config(folder_of(tmp_path), vocab_size=10**9)
    with pytest.raises(ModelLoadError, match="far more than its files hold"):
        load(folder, offload=offload)


@pytest.mark.parametrize("count", [10**6, 0])
def test_absurd_block_counts_of_gguf_files_are_refused(tmp_path, count):
    path = write_gguf(tmp_path / "x.gguf", block_count=count)
    with pytest.raises(ModelLoadError, match=f"llama.block_count {count:,} and its files hold 2"):
        load(path)


def test_a_gguf_file_that_does_not_count_its_layers_is_refused(tmp_path):
    """transformers would take a number of its own."""
    path = write_gguf(tmp_path / "x.gguf")
    path.write_bytes(path.read_bytes().replace(b"llama.block_count", b"llama.clock_count"))
    with pytest.raises(ModelLoadError, match="does not say how many layers it has"):
        load(path)


ODD = [None, -1, 0, 2**40, 1e30, "x", [], {}, [[1]], True, "\0"]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("key", ["model_type", "architectures", "hidden_size", "hidden_act"])
def test_settings_of_any_kind_end_in_a_sentence(tmp_path, key, value):
    folder = folder_of(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, key: value}))
    said = ""
    try:
        load(folder)
    except ModelLoadError as error:  # some of them are what the library takes for its own
        said = str(error)
    assert "\n" not in said


def test_a_pickle_is_counted_too(tmp_path):
    folder = set_config(folder_of(tmp_path), vocab_size=10**7)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match="far more than its files hold"):
        load(folder)


def test_a_long_context_is_not_absurd(tmp_path):
    folder = set_config(folder_of(tmp_path), max_position_embeddings=10**7)
    assert load(folder).info.n_ctx == 10**7


def test_layers_are_counted_and_their_experts_are_not():
    names = [f"model.layers.{i}.mlp.experts.{j}.up.weight" for i in range(3) for j in range(50)]
    assert proportions.layers_stored(dict.fromkeys([*names, "model.norm.weight"])) == 3


class Stopping(SilentReporter):
    """Asked to stop once a sentence has been said, at the n-th question after that."""

    def __init__(self, after, questions):
        self.after, self.left, self.heard, self.asked = after, questions, False, 0

    def step(self, fraction, note=""):
        self.heard = self.heard or self.after in note
        self.check()

    def check(self):
        self.asked += self.heard
        if self.heard and self.asked > self.left:
            raise Cancelled


@pytest.mark.parametrize(
    ("after", "questions"),
    [
        ("Reading the weights", 1),
        ("Reading the weights", 20),  # while it is built
        ("Weights: 5 of", 1),
        ("Measuring plain", 5),  # within a pass
        ("Attaching", 5),
        ("Comparing", 5),
    ],
)
@pytest.mark.parametrize("source", ["folder", "gguf", "offload"])
def test_loading_stops_wherever_it_is(tmp_path, source, after, questions):
    model = write_gguf(tmp_path / "x.gguf") if source == "gguf" else folder_of(tmp_path)
    offload = "disk" if source == "offload" else "none"
    spec = ModelSpec(str(model), device="cpu", offload=offload)
    with pytest.raises(Cancelled):
        loading.load(spec, Stopping(after, questions))


def test_no_hook_stays_when_loading_ends(tmp_path):
    from torch.nn.modules import module

    def hooks():
        return [
            len(found)
            for name, found in vars(module).items()
            if name.startswith("_global_") and hasattr(found, "keys")
        ]

    before = hooks()
    load(folder_of(tmp_path))
    with pytest.raises(Cancelled):
        loading.load(ModelSpec(str(tmp_path / "llama"), device="cpu"), Stopping("Attaching", 2))
    assert hooks() == before


def leftovers():
    return set(Path(tempfile.gettempdir()).glob(f"{offloading.PREFIX}*"))


@pytest.fixture
def own_temporary_folder(tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def missing_weight(tmp):
    return change_weights(
        folder_of(tmp), lambda w: {k: v for k, v in w.items() if "layers.1.mlp.up" not in k}
    )


def unread_weight(tmp):
    return change_weights(folder_of(tmp), lambda w: {**w, "model.extra.weight": torch.ones(2)})


@pytest.mark.parametrize("offload", ["disk", "auto"])
@pytest.mark.parametrize("make", [missing_weight, unread_weight])
def test_a_failed_offload_leaves_nothing_on_the_disk(tmp_path, own_temporary_folder, make, offload):
    with pytest.raises(ModelLoadError):
        load(make(tmp_path), offload=offload)
    assert not leftovers()


@pytest.mark.parametrize("after", ["Weights: 5 of", "Measuring plain", "Attaching", "Comparing"])
def test_a_stopped_offload_leaves_nothing_on_the_disk(tmp_path, own_temporary_folder, after):
    spec = ModelSpec(str(folder_of(tmp_path)), device="cpu", offload="disk")
    with pytest.raises(Cancelled):
        loading.load(spec, Stopping(after, 1))
    assert not leftovers()


def test_what_a_killed_process_left_goes_with_the_next_load(tmp_path, own_temporary_folder):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(CHILD_S)
    orphan = own_temporary_folder / f"{offloading.PREFIX}{ended.pid}-x"
    alive = own_temporary_folder / f"{offloading.PREFIX}{os.getpid()}-x"
    for folder in (orphan, alive):
        folder.mkdir()
        (folder / "weights.dat").write_bytes(b"x")
    load(folder_of(tmp_path))
    assert not orphan.exists()
    assert alive.exists()


def test_a_gguf_file_cannot_be_kept_on_the_disk(tmp_path):
    path = write_gguf(tmp_path / "x.gguf")
    with pytest.raises(ModelLoadError, match=r"--offload disk.*GGUF file"):
        load(path, offload="disk")
