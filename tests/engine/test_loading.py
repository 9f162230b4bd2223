"""Loading: what cannot be loaded says so in one sentence; what can is measured."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ListModels, LoadModel, ModelSpec
from desktop_app.engine import catalogue, loading
from desktop_app.engine.devices import list_devices
from desktop_app.jobs.service import Service
from desktop_app.support.errors import BadInputError, Cancelled, ModelLoadError
from tests.engine.zoo import ARCHITECTURES, save_tiny, tiny_model, tiny_tokenizer
from tests.models import named, tiny


def load(model, **settings):
    return loading.load(ModelSpec(str(model), device="cpu", **settings), SilentReporter())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_parity_with_plain_hugging_face(architecture):
    parity = tiny(architecture).parity
    assert parity.max_logprob_difference < 1e-4
    assert parity.ok


def test_parity_of_the_toy():
    assert named("toy").parity.ok
    assert named("toy").info.n_layers == 3


@pytest.mark.pack
def test_the_pack_loads_with_parity(smollm2_folder):
    model = named("smollm2")
    assert model.parity.ok
    info = model.info
    assert (info.n_layers, info.n_heads, info.n_kv_heads) == (30, 9, 3)
    assert info.parameters == 134_515_008


def test_processed_weights_agree_in_log_probability(tmp_path):
    folder = save_tiny("gpt2", tmp_path / "gpt2")
    model = load(folder, weights="processed")
    assert model.info.weights == "processed"
    assert model.parity.max_logprob_difference < 1e-3


@pytest.mark.parametrize("offload", ["disk", "auto"])
def test_offloaded_layers_give_the_same_logits(tmp_path, offload):
    folder = save_tiny("llama", tmp_path / "llama")
    ids = torch.tensor([[1, 20, 30, 40]])
    whole, parts = load(folder), load(folder, offload=offload)
    torch.testing.assert_close(parts.run(ids), whole.run(ids), atol=1e-5, rtol=0)


def test_bfloat16_is_kept(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    assert load(folder, dtype="bfloat16").info.dtype == "bfloat16"


def bad_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    return tmp_path


def truncated(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-500])
    return folder


def header_cut(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    return folder


class Evil:
    def __reduce__(self):
        return (open, ("evil-was-here", "w"))


def evil_pickle(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    (folder / "model.safetensors").unlink()
    with (folder / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"x": Evil()}, file)
    return folder


def remote_code(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    config = json.loads((folder / "config.json").read_text())
    config["model_type"] = "unheard_of"
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModelForCausalLM": "code.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("open('evil-was-here', 'w')")
    return folder


def bad_gguf(tmp_path):
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 100)
    return path


def no_config(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    (folder / "config.json").write_text("{not json")
    return folder


def with_a_hole(tmp_path):
    folder = save_tiny("llama", tmp_path / "llama")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (with_a_hole, "lack the weights “model.layers.1.mlp.up_proj.weight”"),
        (bad_folder, "config.json"),
        (truncated, "cut off"),
        (header_cut, "cut off"),
        (evil_pickle, "cannot be loaded"),
        (remote_code, "cannot be loaded"),
        (bad_gguf, "GGUF"),
        (no_config, "cannot be read"),
        (lambda _tmp: "nobody/no-such-model", "offline"),
        (lambda tmp: tmp / "gone.gguf", "no file"),
        (lambda _tmp: "what is this?", "no model"),
    ],
)
def test_what_cannot_be_loaded_says_so(tmp_path, monkeypatch, make, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "evil-was-here").exists()


def test_a_weights_only_pickle_loads(tmp_path):
    folder = tmp_path / "llama"
    model = tiny_model("llama")
    tiny_tokenizer().save_pretrained(folder)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    assert load(folder).parity.ok


def test_too_large_is_refused_before_loading(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "free_bytes", lambda _device: 1000)
    with pytest.raises(ModelLoadError, match="--offload disk"):
        load(save_tiny("llama", tmp_path / "llama"))


def test_the_old_model_stays_when_the_new_one_fails_or_is_cancelled(tmp_path):
    service = Service()
    service.perform(LoadModel(ModelSpec("toy")), SilentReporter())
    old = service.model
    with pytest.raises(ModelLoadError):
        service.perform(LoadModel(ModelSpec(str(tmp_path))), SilentReporter())

    class Impatient(SilentReporter):
        def step(self, fraction, note=""):
            if fraction > 0.3:
                raise Cancelled

    with pytest.raises(Cancelled):
        service.perform(LoadModel(ModelSpec("toy")), Impatient())
    assert service.model is old


def test_progress_never_goes_back():
    seen = []

    class Watching(SilentReporter):
        def step(self, fraction, note=""):
            seen.append(fraction)

    loading.load(ModelSpec("toy"), Watching())
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 20


def test_unknown_device():
    with pytest.raises(BadInputError, match="--device cuda:7"):
        loading.load(ModelSpec("toy", device="cuda:7"), SilentReporter())


def test_estimate_before_loading():
    estimate = catalogue.estimate(ModelSpec("toy"), list_devices())
    assert estimate.parameters == pytest.approx(807_424, rel=0.01)
    assert estimate.bytes_needed["float32"] > estimate.bytes_needed["bfloat16"]
    assert estimate.fits["cpu"]["float32"]
    assert "M parameters" in estimate.sentence


def test_models_are_listed_without_torch_objects():
    rows = Service().perform(ListModels(), SilentReporter())
    assert {"toy", "smollm2"} <= {row.name for row in rows}


def test_fingerprint_tells_weights_apart(tmp_path):
    one = catalogue.locate(ModelSpec(str(save_tiny("llama", tmp_path / "a", seed=0))))
    two = catalogue.locate(ModelSpec(str(save_tiny("llama", tmp_path / "b", seed=1))))
    from desktop_app.engine.catalogue import fingerprint

    assert fingerprint(one) == fingerprint(one)
    assert fingerprint(one) != fingerprint(two)


def test_a_model_of_a_few_positions_loads(tmp_path):
    config = GPT2Config(
        vocab_size=300, n_embd=16, n_layer=1, n_head=2, n_positions=4, bos_token_id=1
    )
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    model = load(tmp_path)
    assert model.info.n_ctx == 4
    assert model.parity.ok
