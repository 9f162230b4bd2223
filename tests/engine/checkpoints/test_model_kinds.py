"""What is no causal language model is refused by what it is, in one sentence."""

from __future__ import annotations

import json
import os

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import catalogue, causality
from desktop_app.engine.checkpoints import model_kinds
from desktop_app.engine.devices import list_devices
from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import change_weights, folder_of, load, set_config
from tests.engine.gguf_files import write_gguf
from tests.engine.zoo import ARCHITECTURES, SETTINGS, tiny_model, tiny_tokenizer

ENCODER = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
T5 = {"vocab_size": 300, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
BART = {
    "vocab_size": 300,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 64,
}
GPT2 = SETTINGS["gpt2"]
REAL = {
    "BERT": (AutoModelForMaskedLM, "bert", ENCODER, "an encoder \\(BertForMaskedLM\\)"),
    "RoBERTa": (AutoModelForMaskedLM, "roberta", ENCODER, "an encoder \\(RobertaForMaskedLM\\)"),
    "T5": (AutoModelForSeq2SeqLM, "t5", T5, "an encoder-decoder \\(T5ForConditionalGeneration\\)"),
    "BART": (AutoModelForSeq2SeqLM, "bart", BART, "an encoder-decoder \\(Bart"),
    "a classifier": (AutoModelForSequenceClassification, "gpt2", GPT2, "a classifier \\(GPT2For"),
    "a bare base": (AutoModel, "gpt2", GPT2, "a bare base \\(GPT2Model\\)"),
    "a bare Llama": (AutoModel, "llama", SETTINGS["llama"], "a bare base \\(LlamaModel\\)"),
}


@pytest.mark.parametrize("kind", REAL)
def test_other_kinds_that_transformers_would_load_are_named(tmp_path, kind):
    auto, model_type, settings, words = REAL[kind]
    model = auto.from_config(AutoConfig.for_model(model_type, **settings))
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


EYES = {"vision_config": {"a": 1}}
LAYERS = {"layer_types": ["mamba", "attention"]}
DESCRIBED = {
    "LLaVA": ("llava", "LlavaForConditionalGeneration", EYES, "images"),
    "Qwen-VL": ("qwen", "QWenLMHeadModel", {"visual": {"layers": 48}}, "images"),
    "Qwen2-VL": ("qwen2_vl", "Qwen2VLForConditionalGeneration", EYES, "images"),
    "Qwen2-Audio": ("qwen2_audio", "Qwen2AudioForConditionalGeneration",
                    {"audio_config": {"a": 1}}, "images or sounds"),
    "Gemma 3 with eyes": ("gemma3", "Gemma3ForConditionalGeneration", EYES, "images"),
    "Fuyu": ("fuyu", "FuyuForCausalLM", {}, "images"),
    "Mamba": ("mamba", "MambaForCausalLM", {}, "recurrent or state-space"),
    "RWKV": ("rwkv", "RwkvForCausalLM", {}, "recurrent or state-space"),
    "Qwen3-Next": ("qwen3_next", "Qwen3NextForCausalLM", {}, "a hybrid"),
    "LFM2": ("lfm2", "Lfm2ForCausalLM", {}, "a hybrid"),
    "Jamba": ("jamba", "JambaForCausalLM", {}, "a hybrid"),
    "an unheard-of hybrid": ("new", "NewForCausalLM", LAYERS, "a hybrid"),
    "an unheard-of recurrence": ("new", "NewForCausalLM", {"layer_types": ["conv"]}, "recurrent"),
    "a diffusion part": ("", "", {"_class_name": "UNet", "_diffusers_version": "0"}, "diffusion"),
    "a diffusion language model": ("llada", "LLaDAModelLM", {}, "diffusion"),
    "Whisper": ("whisper", "WhisperForConditionalGeneration", {}, "speech"),
    "speech recognition": ("wav2vec2", "Wav2Vec2ForCTC", {}, "speech"),
    "a reward model": ("llama", "LlamaForRewardModel", {}, "a classifier"),
    "an encoder by its type alone": ("distilbert", "", {}, "an encoder"),
    "an encoder's language head": ("bert", "BertLMHeadModel", {}, "an encoder"),
    "a pair by its settings": ("new", "", {"is_encoder_decoder": True}, "an encoder-decoder"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DESCRIBED)
def test_other_kinds_are_known_by_their_description(tmp_path, kind):
    model_type, name, more, words = DESCRIBED[kind]
    config = {"model_type": model_type, "architectures": [name] if name else None, **more}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({"x.weight": torch.zeros(2, 2)}, tmp_path / "model.safetensors")
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match=f"it is .*{words}") as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "words"),
    [
        ("bert", "an encoder"),
        ("t5", "an encoder-decoder"),
        ("mamba", "recurrent or state-space"),
        ("lfm2", "a hybrid"),
        ("qwen2vl", "images"),
        ("llada", "diffusion"),
    ],
)
def test_gguf_files_of_other_kinds_are_named(tmp_path, architecture, words):
    path = write_gguf(tmp_path / "x.gguf", architecture=architecture)
    with pytest.raises(ModelLoadError, match=f"it is .*{words}"):
        load(path)


def test_a_gguf_adapter_is_named(tmp_path):
    path = write_gguf(tmp_path / "x.gguf", say=lambda w: w.add_type("adapter"))
    with pytest.raises(ModelLoadError, match="an adapter"):
        load(path)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_causal_models_are_of_no_other_kind(architecture):
    config = json.loads(tiny_model(architecture).config.to_json_string(use_diff=False))
    assert model_kinds.other_kind(config) is None


SOUND = [
    ("BloomModel", "bloom"),
    ("GPT2DoubleHeadsModel", "gpt2"),
    ("OpenAIGPTLMHeadModel", "openai-gpt"),
    ("ModernBertDecoderForCausalLM", "modernbert-decoder"),
    ("GraniteMoeHybridForCausalLM", "granitemoehybrid"),
]


@pytest.mark.parametrize(("name", "model_type"), SOUND)
def test_names_of_sound_models_are_not_mistaken(name, model_type):
    assert model_kinds.other_kind({"architectures": [name], "model_type": model_type}) is None


def test_a_model_that_looks_ahead_is_found_out_by_trying():
    model = tiny_model("llama")
    ids = torch.tensor([[1, 20, 30, 40, 50, 60]])

    def logprobs(ids):
        with torch.no_grad():
            return model(ids).logits.log_softmax(-1)[0]

    def ahead(ids):
        """Each position also sees the sum of what comes behind it."""
        own = logprobs(ids)
        return own + 0.01 * own.flip(0).cumsum(0).flip(0)

    plain = logprobs(ids)
    causality.refuse_two_way("it", logprobs, ids, plain, torch.float32)
    with pytest.raises(ModelLoadError, match=r"it is no causal language model"):
        causality.refuse_two_way("it", ahead, ids, ahead(ids), torch.float32)


def test_a_causal_class_set_up_to_look_both_ways_is_found_out(tmp_path):
    """Embedding models are published so: by its name it is a language model like any other."""
    folder = set_config(folder_of(tmp_path, "gemma3_text"), use_bidirectional_attention=True)
    with pytest.raises(ModelLoadError, match=r"it is no causal language model"):
        load(folder)


def test_an_architecture_without_hooks_is_named(tmp_path):
    folder = folder_of(tmp_path, "gpt2")
    config = AutoConfig.for_model("persimmon", **ENCODER)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    with pytest.raises(ModelLoadError, match=r"no hooks for its architecture.*Persimmon"):
        load(folder)


def test_a_variant_without_hooks_is_named(tmp_path):
    """StarCoder's kind with a key of its own for every head."""
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("gpt_bigcode", **{**SETTINGS["gpt_bigcode"], "multi_query": False})
    )
    model.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match="no hooks for this variant of its architecture"):
        load(tmp_path)


def test_a_kind_that_transformers_does_not_know_is_named(tmp_path):
    folder = set_config(
        folder_of(tmp_path), model_type="unheard_of", architectures=["NewForCausalLM"]
    )
    with pytest.raises(ModelLoadError, match="transformers does not know its kind") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_weights_of_other_shapes_than_the_settings_say(tmp_path):
    folder = set_config(folder_of(tmp_path), intermediate_size=40)
    with pytest.raises(ModelLoadError, match="other shapes than its settings give them"):
        load(folder)


def test_settings_that_contradict_one_another(tmp_path):
    folder = set_config(folder_of(tmp_path), num_attention_heads=5)
    with pytest.raises(ModelLoadError, match=r"contradict one another \(.*hidden size \(32\)"):
        load(folder)


def test_experts_of_which_a_part_is_missing(tmp_path):
    def drop(weights):
        lost = next(name for name in weights if "experts.1." in name)
        return {name: w for name, w in weights.items() if name != lost}

    folder = change_weights(folder_of(tmp_path, "mixtral"), drop)
    with pytest.raises(ModelLoadError, match="belong together its files hold a part"):
        load(folder)


def hub_entry(cache, name, folder=None):
    """Put a folder into a Hub cache, the way the library does."""
    repo = cache / f"models--{name.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text("abc")
    (repo / "snapshots").mkdir()
    snapshot = repo / "snapshots" / "abc"
    if folder is None:
        snapshot.mkdir()
    else:
        folder.rename(snapshot)
    return snapshot


def test_one_bad_entry_of_the_hub_cache_costs_no_other(tmp_path, monkeypatch):
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    hub_entry(cache, "good/model", folder_of(tmp_path / "a"))
    (hub_entry(cache, "bad/settings") / "config.json").write_text("[" * 200_000)
    (hub_entry(cache, "bad/header", folder_of(tmp_path / "b")) / "model.safetensors").write_bytes(
        b"\2\0\0\0\0\0\0\0[]"
    )
    (hub_entry(cache, "bad/layers", folder_of(tmp_path / "c")) / "config.json").write_text(
        '{"architectures": 7, "model_type": [], "layer_types": 3}'
    )
    hub_entry(cache, "bad/empty")
    if hasattr(os, "mkfifo"):
        hub_entry(cache, "bad/pipe")
        (cache / "models--bad--pipe" / "refs" / "main").unlink()
        os.mkfifo(cache / "models--bad--pipe" / "refs" / "main")
    (cache / "models--bad--file").write_text("no folder")
    (cache / "models--").mkdir()
    (cache / "models--a--..--b").mkdir()
    set_config(
        hub_entry(cache, "other/kind", folder_of(tmp_path / "d")), architectures=["LlamaModel"]
    )

    def broken(config):
        if config.get("architectures") == 7:
            raise RecursionError
        return model_kinds.other_kind(config)

    monkeypatch.setattr(catalogue, "other_kind", broken)
    names = [row.name for row in catalogue.list_models()]
    assert [name for name in names if "/" in name] == ["good/model"]


def test_a_cached_repository_without_settings_is_named_for_what_it_holds(tmp_path, monkeypatch):
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    write_gguf(hub_entry(cache, "some/gguf") / "tiny.gguf")
    with pytest.raises(ModelLoadError, match=r"open tiny\.gguf itself"):
        catalogue.locate(ModelSpec("some/gguf"))
    with pytest.raises(ModelLoadError, match="not in the local Hub cache"):
        catalogue.locate(ModelSpec("some/other"))


def test_what_a_model_needs_is_not_told_of_another_kind(tmp_path):
    folder = set_config(folder_of(tmp_path), architectures=["LlamaForSequenceClassification"])
    with pytest.raises(ModelLoadError, match="it is a classifier"):
        catalogue.estimate(ModelSpec(str(folder)), list_devices())
