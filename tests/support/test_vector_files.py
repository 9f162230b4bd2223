"""Files of vectors: read to the letter, bounded, held to model and place; nothing believed."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from desktop_app.support import vector_files
from desktop_app.support.errors import BadInputError
from desktop_app.support.paths import HOME_VARIABLE

VALUES = np.array([1.0, -2.5, 3e-9, 4e9], dtype=np.float32)


@dataclass(frozen=True)
class Whose:
    name: str = "tiny"
    fingerprint: str = "abc"
    weights: str = "raw"
    layernorm: str = "keep"


MODEL = Whose()


def write(path, head, body=b""):
    stored = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(stored)) + stored + body)
    return str(path)


def tensor(*shape, kind="F32", start=0, size=None):
    length = 4 * int(np.prod(shape)) if size is None else size
    return {"dtype": kind, "shape": list(shape), "data_offsets": [start, start + length]}


def made(path, model=MODEL, place=(3, "resid_post")):
    vector_files.write(path, VALUES, model, place, "by hand")
    return vector_files.read_head(str(path))


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "v.safetensors"
    facts = vector_files.write(path, VALUES, MODEL, (3, "resid_post"), "by hand")
    head = vector_files.read_head(str(path))
    assert np.array_equal(vector_files.read_values(head), VALUES)
    assert (head.layer, head.site, head.width, head.unnamed) == (3, "resid_post", 4, ())
    assert dict(head.facts) == facts
    assert head.told == f"--add “{path}”"
    with safe_open(path, framework="np") as file:  # as anybody reads it
        assert list(file.keys()) == ["vector"]
        assert file.metadata() == facts
        found = file.get_tensor("vector")
    assert found.dtype == np.float32
    assert np.array_equal(found, VALUES)
    assert {k: facts[k] for k in ("format", "fingerprint", "model", "layer", "site", "made")} == {
        "format": "lensbench-vector-1",
        "fingerprint": "abc",
        "model": "tiny",
        "layer": "3",
        "site": "resid_post",
        "made": "by hand",
    }
    assert facts["created"].endswith("+00:00")


def test_a_misfit_is_refused_by_name(tmp_path):
    head = made(tmp_path / "v.safetensors")
    place = 3, "resid_post"
    assert vector_files.misfit(head, MODEL, place) == ""
    assert vector_files.misfit(head, MODEL, None) == ""
    other = replace(MODEL, name="large", fingerprint="xyz")
    for given in (place, None):
        for elsewhere in (False, True):
            told = vector_files.misfit(head, other, given, elsewhere=elsewhere)
            assert "a vector of tiny" in told
            assert "fingerprint" in told
    layer = vector_files.misfit(head, MODEL, (5, "resid_post"))
    assert "made at layer 3 and would act at layer 5" in layer
    site = vector_files.misfit(head, MODEL, (3, "mlp_out"))
    assert "--site resid_post" in site
    assert "--elsewhere" in layer
    assert "--elsewhere" in site
    assert vector_files.misfit(head, MODEL, (5, "mlp_out"), elsewhere=True) == ""
    changed = replace(MODEL, layernorm="eps")
    assert "--layernorm keep" in vector_files.misfit(head, changed, place)
    assert vector_files.misfit(head, changed, place, elsewhere=True) == ""


def test_the_state_of_the_model_is_kept(tmp_path):
    model = replace(MODEL, weights="processed", layernorm="identity")
    head = made(tmp_path / "v.safetensors", model)
    assert (head.fact("weights"), head.fact("layernorm")) == ("processed", "identity")
    assert vector_files.misfit(head, model, (3, "resid_post")) == ""
    assert "--weights processed" in vector_files.misfit(head, MODEL, (3, "resid_post"))


@pytest.mark.parametrize("kind", ["F64", "F32", "F16", "BF16"])
def test_every_format_of_numbers(tmp_path, kind):
    body = {
        "F64": VALUES.astype("<f8").tobytes(),
        "F32": VALUES.tobytes(),
        "F16": np.array([1, -2.5, 0, 4], "<f2").tobytes(),
        "BF16": np.array([0x3F80, 0xC020, 0x0000, 0x4080], "<u2").tobytes(),
    }[kind]
    name = write(tmp_path / "v.safetensors", {"d": tensor(1, 4, kind=kind, size=len(body))}, body)
    head = vector_files.read_head(name)
    expected = VALUES if kind in {"F64", "F32"} else np.float32([1, -2.5, 0, 4])
    assert np.array_equal(vector_files.read_values(head), expected)
    assert head.unnamed == ("the fingerprint of its model", "its layer", "its site")
    assert (head.layer, head.site) == (None, "")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ({}, "holds 0 tensors"),
        ({"a": tensor(4), "b": tensor(4, start=16)}, "holds 2 tensors (“a”, “b” …)"),
        ({"a": tensor(2, 2)}, "a vector has one axis"),
        ({"a": tensor(0)}, "a vector has one axis"),
        ({"a": tensor()}, "a vector has one axis"),
        ({"a": tensor(4, kind="I32")}, "format I32"),
        ({"a": {"dtype": ["F32"], "shape": [4], "data_offsets": [0, 16]}}, "format"),
        ({"a": tensor(4, size=12)}, "damaged"),
        ({"a": tensor(-4)}, "damaged"),
        ({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, "damaged"),
        ({"a": {"dtype": "F32", "shape": "4", "data_offsets": [0, 16]}}, "damaged"),
        ({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0]}}, "damaged"),
        ({"a": tensor(2_000_000)}, "damaged"),
        ({"a": tensor(*[1] * 8, 4)}, "damaged"),
        ({"a": None}, "damaged"),
        ([1], "damaged"),
        ("text", "damaged"),
        ({str(n): 0 for n in range(20_001)}, "damaged"),
        ({"__metadata__": {"layer": "x" * 90}, "a": tensor(4)}, "names the layer"),
        ({"__metadata__": {"layer": "-1"}, "a": tensor(4)}, "names the layer"),
    ],
)
def test_heads_that_are_none(tmp_path, head, says):
    with pytest.raises(BadInputError) as caught:
        vector_files.read_head(write(tmp_path / "v.safetensors", head))
    assert says in str(caught.value)
    assert len(str(caught.value)) < 500 + len(str(tmp_path))


def test_numbers_that_are_none(tmp_path):
    path = tmp_path / "v.safetensors"
    head = vector_files.read_head(write(path, {"a": tensor(4)}, VALUES.tobytes()[:-1]))
    with pytest.raises(BadInputError, match="damaged"):
        vector_files.read_values(head)
    for bad in (np.nan, np.inf):
        values = VALUES.copy()
        values[1] = bad
        save_file({"a": values}, path)
        with pytest.raises(BadInputError, match="not finite"):
            vector_files.read_values(vector_files.read_head(str(path)))
        with pytest.raises(BadInputError, match="not all finite"):
            vector_files.write(path, values, MODEL, (3, "resid_post"), "")
    large = np.array([1e300, 0, 0, 0])
    save_file({"a": large}, path)
    with pytest.raises(BadInputError, match="not finite"):
        vector_files.read_values(vector_files.read_head(str(path)))


@pytest.mark.parametrize("name", ["", " "])
def test_no_name(name):
    with pytest.raises(BadInputError, match="--set-to names no file"):
        vector_files.read_head(name, "--set-to")


@pytest.mark.parametrize("name", ["v.pt", "v.npz", "v.bin", "v", "v.safetensors.zip"])
def test_other_endings(tmp_path, name):
    with pytest.raises(BadInputError):
        vector_files.read_head(str(tmp_path / name))


def test_what_is_not_there(tmp_path):
    for name in ("x" * 5_000 + ".safetensors", "x" * 5_000 + ":1", "x" * 5_000):
        with pytest.raises(BadInputError):
            vector_files.read_head(name)
        with pytest.raises(BadInputError):
            vector_files.check_target(name)
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    with pytest.raises(BadInputError, match="is a folder"):
        vector_files.read_head(str(folder))
    with pytest.raises(BadInputError):
        vector_files.check_target(str(folder))
    for name in ("none.safetensors", "none:3", "n\0.safetensors", "n\ud800.safetensors"):
        for read in (vector_files.read_head, vector_files.check_target):
            if name.isprintable() and read is vector_files.check_target:
                continue
            with pytest.raises(BadInputError) as caught:
                read(f"{tmp_path}/{name}")
            str(caught.value).encode()
    (tmp_path / "short.safetensors").write_bytes(b"ab")
    (tmp_path / "long.safetensors").write_bytes(struct.pack("<Q", 2**60) + b"{}")
    (tmp_path / "text.safetensors").write_bytes(struct.pack("<Q", 2) + b"\xff\xfe")
    for name in ("short", "long", "text"):
        with pytest.raises(BadInputError, match="damaged"):
            vector_files.read_head(str(tmp_path / f"{name}.safetensors"))


def autoencoder(folder, decoder, settings=None):
    folder.mkdir()
    others = {"W_enc": np.zeros((4, 3), np.float32), "b_dec": np.zeros(4, np.float32)}
    save_file({"W_dec": decoder, **others}, folder / "sae_weights.safetensors")
    said = {"d_in": 4, "hook_name": "blocks.8.hook_resid_pre", "model_name": "gpt2-small"}
    (folder / "cfg.json").write_text(json.dumps(said if settings is None else settings))
    return folder


DECODER = np.arange(12, dtype=np.float32).reshape(3, 4)


def test_features(tmp_path):
    folder = autoencoder(tmp_path / "sae", DECODER)
    for row in range(3):
        head = vector_files.read_head(f"{folder}:{row}")
        assert np.array_equal(vector_files.read_values(head), DECODER[row])
        assert (head.feature, head.layer, head.site) == (row, 8, "resid_pre")
        assert head.unnamed == ("the fingerprint of its model",)
        assert head.fact("model") == "gpt2-small"
        assert f"feature {row}" in head.fact("made")
    half = autoencoder(tmp_path / "half", DECODER.astype(np.float16))
    assert np.array_equal(vector_files.read_values(vector_files.read_head(f"{half}:2")), DECODER[2])


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"metadata": {"hook_name": "blocks.2.attn.hook_z"}}, (2, "head_z")),
        ({"hook_point": "blocks.0.hook_mlp_out"}, (0, "mlp_out")),
        ({"hook_name": "blocks.1.hook_mlp_in"}, (1, "blocks.1.hook_mlp_in")),
        ({"hook_name": "hook_embed"}, (None, "hook_embed")),
        ({"metadata": [], "hook_name": None}, (None, "")),
        ({}, (None, "")),
    ],
)
def test_places_of_features(tmp_path, settings, place):
    folder = autoencoder(tmp_path / "sae", DECODER, settings)
    head = vector_files.read_head(f"{folder}:1")
    assert (head.layer, head.site) == place
    if place[1].startswith("blocks"):
        told = vector_files.misfit(head, MODEL, (1, "mlp_out"))
        assert "give --elsewhere" in told


def test_features_that_are_none(tmp_path):
    folder = autoencoder(tmp_path / "sae", DECODER)
    for name, says in (
        (f"{folder}", "is a folder: name one feature"),
        (f"{folder}:3", "no feature 3; the autoencoder has 3"),
        (f"{folder}:-1", "must end in .safetensors"),
        (f"{tmp_path}/other:1", "no folder"),
        (f"{tmp_path}:1", "no sae_weights.safetensors"),
    ):
        with pytest.raises(BadInputError) as caught:
            vector_files.read_head(name)
        assert says in str(caught.value)
    (folder / "cfg.json").write_text("[1]")
    with pytest.raises(BadInputError, match=r"cfg\.json is damaged"):
        vector_files.read_head(f"{folder}:1")
    (folder / "cfg.json").unlink()
    with pytest.raises(BadInputError, match=r"no cfg\.json"):
        vector_files.read_head(f"{folder}:1")
    save_file({"decoder": DECODER}, folder / "sae_weights.safetensors")
    with pytest.raises(BadInputError, match="W_dec"):
        vector_files.read_head(f"{folder}:1")
    flat = autoencoder(tmp_path / "flat", DECODER[0])
    with pytest.raises(BadInputError, match=r"\[feature, width\]"):
        vector_files.read_head(f"{flat}:1")


def test_the_only_file_of_a_folder_is_its_decoder(tmp_path):
    folder = autoencoder(tmp_path / "sae", DECODER)
    (folder / "sae_weights.safetensors").rename(folder / "model.safetensors")
    values = vector_files.read_values(vector_files.read_head(f"{folder}:1"))
    assert np.array_equal(values, DECODER[1])


def test_targets(tmp_path):
    own = tmp_path / "v.safetensors"
    assert vector_files.check_target(str(own)) == own
    made(own)
    assert vector_files.check_target(str(own)) == own  # an older vector may be replaced
    foreign = tmp_path / "weights.safetensors"
    save_file({"a": VALUES, "b": VALUES}, foreign)
    single = tmp_path / "single.safetensors"
    save_file({"a": VALUES}, single)
    for path, says in (
        (foreign, "would be lost"),
        (single, "would be lost"),
        (tmp_path / "v.pt", "must end in .safetensors"),
        (tmp_path / "none" / "v.safetensors", "folder does not exist"),
    ):
        with pytest.raises(BadInputError, match=says):
            vector_files.check_target(str(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "single.safetensors",
        "v.safetensors",
        "weights.safetensors",
    ]


def test_the_folder_of_vectors(tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    assert vector_files.kept("abc") == ()
    folder = vector_files.folder()
    folder.mkdir(parents=True)
    made(folder / "a.safetensors")
    made(folder / "b.safetensors", replace(MODEL, fingerprint="xyz"))
    (folder / "c.safetensors").write_bytes(b"damaged")
    save_file({"a": VALUES}, folder / "d.safetensors")
    assert [head.path.name for head in vector_files.kept("abc")] == ["a.safetensors"]
    assert [head.path.name for head in vector_files.kept("abc-pack")] == ["a.safetensors"]
