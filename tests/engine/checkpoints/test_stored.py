"""Headers that cannot be true: each ends in one sentence, and soon."""

from __future__ import annotations

import json
import struct

import gguf.constants
import pytest
import torch
from safetensors.torch import save_file

from desktop_app.engine.checkpoints import stored
from desktop_app.engine.checkpoints.stored import HeaderError, gguf_header, safetensors_header
from desktop_app.support.errors import ModelLoadError
from tests.engine.folders import folder_of, load
from tests.engine.gguf_files import LAYERS, MLP, WIDTH, write_gguf


def safetensors(path, header, data=b"\0" * 64):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(**changes):
    return {"a": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]} | changes}


SAFETENSORS = {
    "a list": [],
    "a number": 7,
    "nothing": b"",
    "no JSON": b"{not json",
    "not text": b"\xff\xfe{}",
    "a tensor that is a list": {"a": []},
    "a tensor that is null": {"a": None},
    "infinite": b'{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,64]}}',
    "not a number": b'{"a":{"dtype":"F32","shape":[NaN,4],"data_offsets":[0,64]}}',
    "negative": entry(shape=[-4, -4]),
    "a fraction": entry(shape=[4.0, 4]),
    "true": entry(shape=[True, 16]),
    "a text as shape": entry(shape="44"),
    "absurdly large": entry(shape=[2**70]),
    "another size": entry(shape=[4, 5]),
    "offsets the wrong way round": entry(data_offsets=[64, 0]),
    "one offset": entry(data_offsets=[64]),
    "beyond the end": entry(shape=[4, 400], data_offsets=[0, 6400]),
    "two in one place": entry() | {"b": entry()["a"]},
    "a gap": entry(shape=[8], data_offsets=[32, 64]),
    "more than it says": entry(shape=[8], data_offsets=[0, 32]),
    "a type that is a list": entry(dtype=["F32"]),
    "nested": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
}


@pytest.mark.parametrize("kind", SAFETENSORS)
def test_malformed_safetensors_are_refused_in_a_sentence(tmp_path, kind):
    folder = folder_of(tmp_path)
    safetensors(folder / "model.safetensors", SAFETENSORS[kind])
    with pytest.raises(ModelLoadError, match=r"model\.safetensors is damaged or cut off") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 7, 8])
def test_a_safetensors_file_of_a_few_bytes(tmp_path, size):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"\xff" * size)
    with pytest.raises(HeaderError):
        safetensors_header(path)


def test_a_sound_header_is_read_to_the_letter(tmp_path):
    weights = {
        "half": torch.zeros(2, 3, dtype=torch.bfloat16),
        "eight": torch.zeros(5, dtype=torch.float8_e4m3fn),
        "scalar": torch.tensor(1.0),
        "empty": torch.zeros(0, 7),
    }
    save_file(weights, tmp_path / "x.safetensors", metadata={"format": "pt"})
    found = safetensors_header(tmp_path / "x.safetensors")
    assert {k: (v.dtype, v.shape) for k, v in found.items()} == {
        "half": ("BF16", (2, 3)),
        "eight": ("F8_E4M3", (5,)),
        "scalar": ("F32", ()),
        "empty": ("F32", (0, 7)),
    }


CONFIGS = {
    "a list": "[]",
    "nested": "[" * 200_000 + "]" * 200_000,
    "nested objects": '{"a":' * 200_000 + "1" + "}" * 200_000,
    "a huge number": '{"n_layer": ' + "9" * 10_000 + "}",
    "cut off": '{"model_type": "llama"',
    "very long": '{"a": "' + "x" * 5_000_000 + '"}',
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_malformed_settings_are_refused_in_a_sentence(tmp_path, kind):
    folder = folder_of(tmp_path)
    (folder / "config.json").write_text(CONFIGS[kind])
    with pytest.raises(ModelLoadError, match=r"config\.json") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer_config.json",
        "generation_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    ],
)
@pytest.mark.parametrize("kind", ["a list", "nested"])
def test_malformed_settings_beside_them_are_named(tmp_path, name, kind):
    folder = folder_of(tmp_path)
    (folder / name).write_text(CONFIGS[kind])
    with pytest.raises(ModelLoadError, match=name):
        load(folder)


def gguf_bytes(*entries, tensors=0, count=None):
    """Return a GGUF file of metadata entries, each its key, its type and its bytes."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, tensors, len(entries) if count is None else count)]
    for key, kind, value in entries:
        parts += [struct.pack("<Q", len(key)), key.encode(), struct.pack("<I", kind), value]
    return b"".join(parts)


GGUF = {
    "nothing behind the magic": b"GGUF",
    "another version": b"GGUF" + struct.pack("<IQQ", 9, 0, 0),
    "more entries than bytes": gguf_bytes(count=900_000),
    "absurdly many entries": gguf_bytes(count=2**60),
    "absurdly many tensors": gguf_bytes(tensors=2**60),
    "an endless text": gguf_bytes(("a", 8, struct.pack("<Q", 2**62))),
    "an endless list": gguf_bytes(("a", 9, struct.pack("<IQ", 0, 2**62))),
    "an endless list of texts": gguf_bytes(("a", 9, struct.pack("<IQ", 8, 2**62))),
    "many long lists": gguf_bytes(
        *((str(i), 9, struct.pack("<IQ", 0, 900_000) + b"\0" * 900_000) for i in range(3))
    ),
    "a list of an unknown type": gguf_bytes(("a", 9, struct.pack("<IQ", 77, 1))),
    "lists of lists": gguf_bytes(
        ("a", 9, struct.pack("<IQ", 9, 1) * 100_000 + struct.pack("<IQ", 0, 0))
    ),
    "an unknown type": gguf_bytes(("a", 77, b"")),
    "an absurd alignment": gguf_bytes(("general.alignment", 4, struct.pack("<I", 0))),
    "an alignment that is a text": gguf_bytes(("general.alignment", 8, struct.pack("<Q", 0))),
    "a tensor of many dimensions": gguf_bytes(tensors=1)
    + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 4_000_000),
    "a tensor of any size": gguf_bytes(tensors=1)
    + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 2) + struct.pack("<QQIQ", 2**60, 2**60, 0, 0),
    "a tensor beyond the end": gguf_bytes(tensors=1)
    + struct.pack("<Q", 1) + b"a" + struct.pack("<I", 1) + struct.pack("<QIQ", 8, 0, 2**40),
}  # fmt: skip


@pytest.mark.parametrize("kind", GGUF)
def test_malformed_gguf_files_are_refused_in_a_sentence(tmp_path, kind):
    path = tmp_path / "x.gguf"
    path.write_bytes(GGUF[kind])
    with pytest.raises(ModelLoadError, match=r"x\.gguf is not a whole GGUF file") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_sound_gguf_header_is_read_to_the_letter(tmp_path):
    found = gguf_header(write_gguf(tmp_path / "x.gguf"))
    assert found.architecture == "llama"
    assert found.own("block_count") == LAYERS
    assert found.metadata["tokenizer.ggml.tokens"] is None
    assert found.tensors["blk.1.ffn_gate.weight"] == stored.Stored("ggml0", (MLP, WIDTH))


def test_block_sizes_are_the_librarys():
    library = {int(kind): sizes for kind, sizes in gguf.constants.GGML_QUANT_SIZES.items()}
    assert {kind: library[kind] for kind in stored.GGML_BLOCKS} == stored.GGML_BLOCKS
