"""Folders and files that hold no whole model: each is named for what it is, with what helps."""

from __future__ import annotations

import json
import os
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import catalogue
from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import folder_of, load, set_config
from tests.engine.gguf_files import write_gguf
from tests.engine.zoo import tiny_model

HAS_PIPES = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
HAS_LINKS = pytest.mark.skipif(os.name == "nt", reason="links need a privilege here")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1000000\n"


def write_index(path, listed):
    path.write_text(json.dumps({"metadata": {}, "weight_map": listed}))


def split(folder, names=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")):
    """Write the weights in two parts with their index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(weights)
    listed = {}
    for part, name in enumerate(names):
        own = keys[part :: len(names)]
        save_file({k: weights[k] for k in own}, folder / name, metadata={"format": "pt"})
        listed |= dict.fromkeys(own, name)
    write_index(folder / "model.safetensors.index.json", listed)
    return folder


def pointer_weights(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").write_text(POINTER)
    return folder


def pointer_tokenizer(tmp):
    folder = folder_of(tmp)
    (folder / "tokenizer.json").write_text(POINTER)
    return folder


def pointer_gguf(tmp):
    (tmp / "x.gguf").write_text(POINTER)
    return tmp / "x.gguf"


def variant(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").rename(folder / "model.fp16.safetensors")
    return folder


def without_index(tmp):
    folder = split(folder_of(tmp))
    (folder / "model.safetensors.index.json").unlink()
    return folder


def lacking_a_part(tmp):
    folder = split(folder_of(tmp))
    (folder / "model-00002-of-00002.safetensors").unlink()
    return folder


def part_unnamed(tmp):
    folder = split(folder_of(tmp))
    save_file({"more": torch.zeros(2)}, folder / "model-00003-of-00002.safetensors")
    return folder


def without_tokenizer(tmp):
    folder = folder_of(tmp)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    return folder


def adapter_instead(tmp):
    (tmp / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    save_file({"lora_A": torch.zeros(2)}, tmp / "adapter_model.safetensors")
    return tmp


def adapter_beside(tmp):
    folder = folder_of(tmp)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    return folder


def adapter_of_another_name(tmp):
    folder = folder_of(tmp)
    save_file({"lora_A": torch.zeros(2)}, folder / "pytorch_lora_weights.safetensors")
    return folder


def dangling(name):
    def make(tmp):
        folder = folder_of(tmp)
        (folder / name).unlink()
        (folder / name).symlink_to(tmp / "nowhere")
        return folder

    return make


def pipe(name):
    def make(tmp):
        folder = folder_of(tmp)
        (folder / name).unlink()
        os.mkfifo(folder / name)
        return folder

    return make


def pipe_itself(tmp):
    os.mkfifo(tmp / "x.gguf")
    return tmp / "x.gguf"


def diffusion(tmp):
    (tmp / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    return tmp


def foreign(name):
    def make(tmp):
        folder = folder_of(tmp)
        (folder / "model.safetensors").rename(folder / name)
        return folder

    return make


def gguf_beside_config(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").unlink()
    write_gguf(folder / "tiny.gguf")
    return folder


def gguf_alone(tmp):
    write_gguf(tmp / "tiny.gguf")
    return tmp


def gguf_cut(tmp):
    path = write_gguf(tmp / "tiny.gguf")
    path.write_bytes(path.read_bytes()[:-100])
    return path


def gguf_part(tmp):
    return write_gguf(tmp / "x.gguf", say=lambda w: w.add_uint16("split.count", 3))


def gguf_part_by_name(tmp):
    return write_gguf(tmp / "x-00002-of-00003.gguf")


def gguf_without_vocabulary(tmp):
    def say(writer):
        writer.add_tokenizer_model("gpt2")

    return write_gguf(tmp / "tiny.gguf", tokenizer=False, say=say)


def gguf_without_tokenizer(tmp):
    return write_gguf(tmp / "x.gguf", tokenizer=False)


def weights_by_path(tmp):
    """An index that leads out of the folder, to another model's weights."""
    other = folder_of(tmp / "other")
    folder = folder_of(tmp / "own")
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    listed = dict.fromkeys(weights, f"../../other/{other.name}/model.safetensors")
    write_index(folder / "model.safetensors.index.json", listed)
    # A file of the same last name lies there too: what is fingerprinted is not what is read.
    return folder


def pickles_by_path(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").unlink()
    index = folder / "pytorch_model.bin.index.json"
    index.write_text('{"weight_map": {"a": "../x.bin"}}')
    return folder


def settings_by_path(tmp):
    return set_config(folder_of(tmp), transformers_weights="../x.safetensors")


def weights_without_names(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": 7}}')
    return folder


def packed_pickle(tmp):
    folder = folder_of(tmp)
    (folder / "model.safetensors").unlink()
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * 1_000_000)
    return folder


def held_twice(tmp):
    folder = split(folder_of(tmp))
    first, second = sorted(folder.glob("model-*.safetensors"))
    save_file({**load_file(second), **load_file(first)}, second, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (pointer_weights, "large-file storage.*git lfs pull"),
        (pointer_tokenizer, "large-file storage.*git lfs pull"),
        (pointer_gguf, "large-file storage.*git lfs pull"),
        (variant, "variant “fp16”.*name that file model.safetensors"),
        (without_index, "without their index: put model.safetensors.index.json"),
        (lacking_a_part, "lacks model-00002-of-00002.safetensors, which its index names"),
        (part_unnamed, "does not name model-00003-of-00002.safetensors"),
        (without_tokenizer, "no tokenizer: put the model's tokenizer.json"),
        (adapter_instead, "an adapter for “some/base”.*merge it"),
        (adapter_beside, "an adapter for “some/base”.*merge it"),
        (adapter_of_another_name, "an adapter whose weights would not be read"),
        pytest.param(dangling("model.safetensors"), "a link to a file", marks=HAS_LINKS),
        pytest.param(dangling("config.json"), "a link to a file", marks=HAS_LINKS),
        pytest.param(pipe("model.safetensors"), "a pipe or a device", marks=HAS_PIPES),
        pytest.param(pipe("config.json"), "a pipe or a device", marks=HAS_PIPES),
        pytest.param(pipe("tokenizer.json"), "a pipe or a device", marks=HAS_PIPES),
        pytest.param(pipe_itself, "a pipe or a device", marks=HAS_PIPES),
        (diffusion, "diffusion pipeline"),
        (foreign("tf_model.h5"), "TensorFlow weights"),
        (foreign("flax_model.msgpack"), "Flax weights"),
        (foreign("consolidated.safetensors"), "consolidated.safetensors and no model.safetensors"),
        (foreign("weights.pt"), "a PyTorch file of its own kind"),
        (gguf_beside_config, "open tiny.gguf itself"),
        (gguf_alone, "open tiny.gguf itself"),
        (gguf_cut, "cut off, [0-9]+ bytes are missing"),
        (gguf_part, "one of 3 parts.*llama-gguf-split --merge"),
        (gguf_part_by_name, "one of 3 parts"),
        (gguf_without_tokenizer, "no tokenizer"),
        (gguf_without_vocabulary, "no tokenizer"),
        (weights_by_path, "no plain file name"),
        (pickles_by_path, "no plain file name"),
        (settings_by_path, "no plain file name"),
        (weights_without_names, "no plain file name"),
        (packed_pickle, "a compressed pickle"),
        (held_twice, "which another file of the model holds too"),
        (lambda tmp: folder_of(tmp) / "model.safetensors", "one file and no model"),
    ],
)
def test_what_lies_there_is_named_with_the_step_that_helps(tmp_path, make, words):
    with pytest.raises(ModelLoadError, match=words) as caught:
        load(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_what_is_described_is_what_transformers_reads(tmp_path):
    """A whole file wins over an index beside it, and a variant's file is nobody's business."""
    folder = folder_of(tmp_path)
    whole = (folder / "model.safetensors").read_bytes()
    split(folder)
    (folder / "model.safetensors").write_bytes(whole)
    (folder / "model.fp16.safetensors").write_bytes(whole)
    checkpoint = catalogue.locate(ModelSpec(str(folder)))
    assert [path.name for path in checkpoint.files] == ["model.safetensors"]


def test_parts_with_their_index_load_as_the_whole(tmp_path):
    ids = torch.tensor([[1, 20, 30, 40]])
    whole = load(folder_of(tmp_path / "whole"))
    parts = load(split(folder_of(tmp_path / "parts")))
    assert torch.equal(whole.run(ids), parts.run(ids))


def test_a_pickle_in_parts_with_its_index_loads(tmp_path):
    folder = folder_of(tmp_path)
    (folder / "model.safetensors").unlink()
    weights = tiny_model("llama").state_dict()
    torch.save(weights, folder / "pytorch_model-00001-of-00001.bin")
    listed = dict.fromkeys(weights, "pytorch_model-00001-of-00001.bin")
    write_index(folder / "pytorch_model.bin.index.json", listed)
    assert load(folder).parity.ok
