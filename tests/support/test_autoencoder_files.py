"""What a folder says of an autoencoder: settings of all versions, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from desktop_app.support import autoencoder_folder
from desktop_app.support.autoencoder_files import folder_of, read_autoencoder
from desktop_app.support.errors import BadInputError
from desktop_app.support.feature_files import read_feature
from desktop_app.support.paths import HOME_VARIABLE
from desktop_app.support.tensor_heads import read_numbers
from desktop_app.support.vector_files import read_head, read_values
from tests.saes import drawn, save_drawn, save_folder, settings

WIDTH = 12
PLACE = "blocks.3.hook_resid_pre"


def read(folder):
    return read_autoencoder(str(folder))


def refused(folder):
    with pytest.raises(BadInputError) as error:
        read(folder)
    said = str(error.value)
    assert said.startswith("--sae “")
    assert said.endswith(".")
    assert "\n" not in said
    return said


def saved(folder, kind="standard", **others):
    return save_drawn(folder, kind, WIDTH, **others)[0]


# Settings of the versions, as they were written


VERSION_3 = {
    "hook_point": PLACE,
    "hook_point_layer": 3,
    "hook_point_head_index": None,
    "d_in": WIDTH,
    "d_sae": 40,
    "activation_fn": "relu",
    "model_name": "gpt2-small",
    "dataset_path": "Skylion007/openwebtext",
    "context_size": 128,
    "l1_coefficient": 8e-05,
    "total_training_tokens": 300000000,
}
VERSION_5 = {
    "architecture": "standard",
    "hook_name": PLACE,
    "hook_layer": 3,
    "hook_head_index": None,
    "d_in": WIDTH,
    "d_sae": 40,
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "normalize_activations": "none",
    "prepend_bos": True,
    "model_name": "gpt2-small",
    "dataset_path": "Skylion007/openwebtext",
    "context_size": 128,
    "sae_lens_training_version": "5.3.1",
}
VERSION_6 = {
    "architecture": "standard",
    "d_in": WIDTH,
    "d_sae": 40,
    "dtype": "float32",
    "apply_b_dec_to_input": True,
    "normalize_activations": "none",
    "reshape_activations": "none",
    "metadata": {
        "sae_lens_version": "6.54.12",
        "model_name": "gpt2-small",
        "hook_name": PLACE,
        "hook_head_index": None,
        "prepend_bos": True,
        "dataset_path": "Skylion007/openwebtext",
        "context_size": 128,
    },
}


@pytest.mark.parametrize("said", [VERSION_3, VERSION_5, VERSION_6])
def test_settings_of_every_version(said, tmp_path):
    head = read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH)))
    assert (head.architecture, head.d_in, head.d_sae, head.d_out) == ("standard", WIDTH, 40, WIDTH)
    assert (head.reads.name, head.reads.layer, head.reads.site) == (PLACE, 3, "resid_pre")
    assert head.writes == head.reads
    assert not head.is_transcoder
    assert (head.b_dec_first, head.scaling, head.k, head.head) == (True, "none", 0, None)
    expected = {"model": "gpt2-small", "data": "Skylion007/openwebtext", "context": "128"}
    assert expected.items() <= head.facts.items()
    assert head.facts.get("bos", "True") == "True"
    assert head.facts.get("l1") == ("8e-05" if said is VERSION_3 else None)
    assert head.activation == "ReLU"


def test_what_a_training_here_says_is_told(tmp_path):
    said = {"tokens_read": 5_000, "variance_explained": 0.94, "l0": 16.0}
    facts = read(saved(tmp_path / "sae", metadata=said)).facts
    expected = {"tokens": "5000", "variance_explained": "0.94", "l0": "16.0"}
    assert expected.items() <= facts.items()


def test_the_oldest_names_of_places(tmp_path):
    said = {**VERSION_3, "hook_point": "blocks.{layer}.hook_resid_pre"}
    assert read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH))).reads.name == PLACE


@pytest.mark.parametrize(
    "said",
    [
        {**VERSION_5, "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 7}},
        {**VERSION_6, "architecture": "topk", "k": 7, "rescale_acts_by_decoder_norm": False},
        {**VERSION_6, "architecture": "topk", "k": 7.0},
    ],
)
def test_topk_of_every_version(said, tmp_path):
    head = read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH)))
    assert (head.architecture, head.k, head.rescaled) == ("topk", 7, False)
    assert head.activation == "ReLU of the 7 largest of each token"


@pytest.mark.parametrize(
    ("kind", "architecture", "threshold"),
    [
        ("jumprelu", "jumprelu", "threshold"),
        ("batchtopk", "jumprelu", "threshold"),
        ("batchtopk", "jumprelu", "topk_threshold"),
        ("matryoshka_batchtopk", "jumprelu", "topk_threshold"),
    ],
)
def test_thresholds_by_their_names(kind, architecture, threshold, tmp_path):
    weights = drawn("standard", WIDTH)
    weights[threshold] = np.ones(40 if threshold == "threshold" else (), np.float32)
    said = settings(kind, weights, rescale_acts_by_decoder_norm=True, k=12.5)
    head = read(save_folder(tmp_path / "sae", said, weights))
    assert (head.architecture, head.keys[-1]) == (architecture, threshold)
    # SAELens knows such norms of topk and batchtopk ones alone.
    assert head.rescaled == (kind != "jumprelu")


@pytest.mark.parametrize(
    ("kind", "architecture", "skip"),
    [
        ("transcoder", "standard", False),
        ("skip_transcoder", "standard", True),
        ("jumprelu_transcoder", "jumprelu", False),
        ("jumprelu_skip_transcoder", "jumprelu", True),
    ],
)
def test_transcoders(kind, architecture, skip, tmp_path):
    head = read(saved(tmp_path / "sae", kind, d_out=20))
    assert (head.architecture, head.skip, head.is_transcoder) == (architecture, skip, True)
    assert (head.d_in, head.d_sae, head.d_out) == (WIDTH, 40, 20)
    assert (head.reads.site, head.writes.site) == ("mlp_normed", "mlp_out")
    assert head.reads.by_name
    assert not head.writes.by_name
    assert not head.b_dec_first


@pytest.mark.parametrize(
    ("given", "scaling"),
    [
        (None, "none"),
        (False, "none"),
        ("none", "none"),
        ("layer_norm", "layer_norm"),
        ("constant_norm_rescale", "constant_norm_rescale"),
    ],
)
def test_scalings(given, scaling, tmp_path):
    assert read(saved(tmp_path / "sae", normalize_activations=given)).scaling == scaling


@pytest.mark.parametrize("named", [True, "expected_average_only_in"])
def test_the_average_length_is_known_from_settings_or_a_file_beside(named, tmp_path):
    folder = saved(tmp_path / "sae", normalize_activations=named)
    assert "neither norm_scaling_factor in cfg.json nor activation_scaler.json" in refused(folder)
    beside = folder / "activation_scaler.json"
    beside.write_text(json.dumps({"scaling_factor": 0.25, "has_whitening": False}))
    assert (read(folder).scaling, read(folder).factor) == ("none", 0.25)
    saved(folder, normalize_activations=named, norm_scaling_factor=0.5)
    assert read(folder).factor == 0.5
    for bad in (0, -1, "0.5", None, float("inf"), float("nan"), 10**400, 1e-44, True):
        beside.write_text(json.dumps({"scaling_factor": bad}))
        saved(folder, normalize_activations=named)
        assert "by an average length" in refused(folder)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("standard", "norm_scaling_factor"),
        ("topk", "k"),
        ("standard", "d_sae"),
        ("standard", "hook_layer"),
        ("standard", "hook_head_index"),
    ],
)
def test_a_number_that_no_float_holds_is_refused(kind, name, tmp_path):
    scaled = {"normalize_activations": "expected_average_only_in"} if "norm" in name else {}
    place = {"hook_name": "blocks.{layer}.hook_resid_pre"}
    refused(saved(tmp_path / "sae", kind, metadata=place, **scaled, **{name: 10**400}))


@pytest.mark.parametrize("flat", [VERSION_5, VERSION_6])
def test_what_is_computed_by_is_never_taken_from_the_metadata(flat, tmp_path):
    """Any program may keep anything there, under the same names."""
    own = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 16}}
    own = own if flat is VERSION_5 else {"architecture": "topk", "k": 16}
    free = {
        "k": 3,
        "architecture": "gated",
        "activation_fn": "tanh",
        "activation_fn_kwargs": {"k": 4},
        "normalize_activations": "layer_norm",
        "norm_scaling_factor": 7,
        "apply_b_dec_to_input": False,
        "rescale_acts_by_decoder_norm": True,
        "finetuning_scaling_factor": True,
        "d_in": 1,
        "d_sae": 1,
        "d_out": 1,
    }
    said = {**flat, **own, "metadata": {**flat.get("metadata", {}), **free}}
    head = read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH)))
    assert (head.architecture, head.k, head.scaling, head.factor) == ("topk", 16, "none", 1.0)
    assert (head.b_dec_first, head.rescaled, head.finetuned) == (True, False, False)
    # Nor where nothing stands beside it: what SAELens does then is done.
    del said["apply_b_dec_to_input"], said["normalize_activations"]
    head = read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH)))
    assert (head.scaling, head.b_dec_first) == ("none", True)


def test_what_stands_flat_comes_before_the_metadata(tmp_path):
    nested = {"hook_name": "blocks.1.hook_mlp_out", "model_name": "other", "dataset_path": "it"}
    said = {**VERSION_3, "dataset_path": None, "metadata": nested}
    head = read(save_folder(tmp_path / "sae", said, drawn("standard", WIDTH)))
    assert (head.reads.name, head.facts["model"]) == (PLACE, "gpt2-small")
    assert head.facts["data"] == "it"


def test_numbers_of_another_format_are_named(tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    save_folder(folder, said, {**weights, "b_enc": np.zeros(40, np.int8)})
    assert "holds numbers of the format I8: tensors are read as F64," in refused(folder)


def test_one_head_of_z(tmp_path):
    place = {"hook_name": "blocks.3.attn.hook_z", "hook_head_index": 5}
    head = read(saved(tmp_path / "sae", metadata=place))
    assert (head.reads.site, head.head) == ("head_z", 5)
    saved(tmp_path / "sae", metadata={"hook_name": PLACE, "hook_head_index": 5})
    assert "where heads are not told apart" in refused(tmp_path / "sae")


# What is refused


@pytest.mark.parametrize(
    ("kind", "others", "said"),
    [
        ("standard", {"architecture": "temporal"}, "of the architecture “temporal”"),
        ("standard", {"architecture": "matching_pursuit"}, "name one of these: standard, gated"),
        ("standard", {"activation_fn": "tanh-relu"}, "with the activation “tanh-relu”"),
        ("transcoder", {"activation_fn_str": "topk"}, "transcoder with the activation “topk”"),
        ("transcoder", {"apply_b_dec_to_input": True}, "takes b_dec from its input"),
        ("standard", {"normalize_activations": "covariance_whitening"}, "“covariance_whitening”"),
        ("standard", {"normalize_activations": ["x"]}, "scales its input by"),
        ("topk", {"k": None}, "gives no k"),
        ("topk", {"k": 41}, "gives k = 41"),
        ("topk", {"k": 0}, "gives k = 0"),
        ("topk", {"k": -3}, "says k -3"),
        ("topk", {"k": 2.5}, "says k 2.5"),
        ("topk", {"k": "many"}, "says k many"),
        ("topk", {"k": True}, "says k True"),
        ("topk", {"k": float("nan")}, "says k nan"),
        ("standard", {"metadata": {"hook_name": "blocks.1.attn.hook_pattern"}}, "which is none of"),
        ("standard", {"metadata": {"hook_name": "hook_embed"}}, "reads at “hook_embed”"),
        ("standard", {"metadata": {"hook_name": None}}, "does not say where it reads (hook_name)"),
        ("transcoder", {"metadata": {"hook_name_out": None}}, "does not say where it writes"),
        ("standard", {"metadata": {"hook_name_out": PLACE}}, "is no transcoder"),
        ("standard", {"d_in": 13}, "says d_in 13, and its weights have 12"),
        ("standard", {"d_sae": 39}, "says d_sae 39, and its weights have 40"),
        ("transcoder", {"d_out": 13}, "says d_out 13, and its weights have 12"),
        ("standard", {"d_in": "x"}, "says d_in x"),
    ],
)
def test_settings_that_are_not_read(kind, others, said, tmp_path):
    folder, own, weights = save_drawn(tmp_path / "sae", kind, WIDTH)
    nested = {**own["metadata"], **others.get("metadata", {})}
    save_folder(folder, {**own, **others, "metadata": nested}, weights)
    assert said in refused(folder)


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("standard", "W_enc"),
        ("standard", "W_dec"),
        ("topk", "b_dec"),
        ("standard", "b_enc"),
        ("gated", "r_mag"),
        ("jumprelu", "threshold"),
        ("skip_transcoder", "W_skip"),
    ],
)
def test_weights_that_are_missing(kind, missing, tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", kind, WIDTH)
    del weights[missing]
    save_folder(folder, said, weights)
    assert f"holds no “{missing}”" in refused(folder)


def test_batchtopk_without_a_threshold_depends_on_its_batch(tmp_path):
    folder = saved(tmp_path / "sae", "batchtopk", k=5)
    assert "save_inference_model" in refused(folder)


@pytest.mark.parametrize(
    ("key", "shape"),
    [("b_enc", (39,)), ("b_dec", (13,)), ("W_dec", (40, 13)), ("W_dec", (40,)), ("W_enc", (0, 40))],
)
def test_weights_that_do_not_go_together(key, shape, tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    weights[key] = np.zeros(shape, np.float32)
    save_folder(folder, said, weights)
    found = refused(folder)
    assert f"“{key}”" in found or "belong to different autoencoders" in found


@pytest.mark.parametrize("name", ["sae_weights.pt", "sae.pkl", "model.bin", "weights.ckpt"])
def test_a_pickle_is_never_opened(name, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    folder = saved(tmp_path / "sae")
    (folder / "sae_weights.safetensors").unlink()
    (folder / name).write_bytes(pickle.dumps(Harmful()))
    said = refused(folder)
    assert f"{name} is a pickle, which may carry code" in said
    assert not (tmp_path / "harm").exists()
    # Renamed it is no safetensors file.
    (folder / name).rename(folder / "sae_weights.safetensors")
    assert "no safetensors file" in refused(folder)
    assert not (tmp_path / "harm").exists()


def test_one_that_was_trained_here_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    kept = autoencoder_folder.folder()
    (kept / "named").mkdir(parents=True)
    assert folder_of("named") == kept / "named"
    for other in ("", ".", "..", "./named", "named/", "x/../named", "missing", str(kept / "named")):
        assert folder_of(other) == Path(other)
    (tmp_path / "named").mkdir()
    assert folder_of("named") == Path("named")  # what a path leads to comes first


def test_what_is_no_folder_of_one(tmp_path):
    assert "there is no such folder" in refused(tmp_path / "none")
    assert "there is no such folder" in refused(tmp_path / "nul\0l")
    assert "there is no such folder" in refused(tmp_path / "half\udca5\ud800")
    file = tmp_path / "file.txt"
    file.write_text("x")
    assert "is no folder" in refused(file)
    assert "holds no cfg.json" in refused(tmp_path)
    (tmp_path / "cfg.json").write_text(json.dumps(VERSION_6))
    assert "holds no sae_weights.safetensors" in refused(tmp_path)
    for spoilt in ("", "{", "[1]", "null", "[" * 100_000, '{"x": "' + "y" * 2_000_000 + '"}'):
        (tmp_path / "cfg.json").write_text(spoilt)
        assert "cfg.json is damaged" in refused(tmp_path)
    (tmp_path / "cfg.json").write_bytes(b"\xff\xfe{}")
    assert "cfg.json is damaged" in refused(tmp_path)


def test_a_collection_is_told_to_be_one(tmp_path):
    saved(tmp_path / "all" / "layer 3")
    assert "its folder “layer 3” does: name one of these" in refused(tmp_path / "all")
    saved(tmp_path / "all" / "layer 1")
    assert "its folder “layer 1” and 1 more do:" in refused(tmp_path / "all")
    with pytest.raises(BadInputError, match="--sae names no folder"):
        read_autoencoder(" ")


def test_a_pipe_is_not_waited_for(tmp_path):
    folder = saved(tmp_path / "sae")
    (folder / "cfg.json").unlink()
    os.mkfifo(folder / "cfg.json")
    assert "cfg.json cannot be read" in refused(folder)


def test_weights_of_another_name(tmp_path):
    folder = saved(tmp_path / "sae")
    (folder / "sae_weights.safetensors").rename(folder / "model.safetensors")
    (folder / "sparsity.safetensors").write_bytes(b"")
    assert read(folder).tensors.path.name == "model.safetensors"
    (folder / "model.safetensors").rename(folder / "one.safetensors")
    save_file({"x": np.zeros(3)}, folder / "two.safetensors")
    assert "holds no sae_weights.safetensors" in refused(folder)


def test_long_texts_are_cut(tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    said["metadata"] |= {"model_name": "m" * 50_000, "dataset_path": {"a": 1}}
    save_folder(folder, said, weights)
    facts = read(folder).facts
    assert len(facts["model"]) == 2_000
    assert "data" not in facts
    said["architecture"] = "x\n" * 50_000
    save_folder(folder, said, weights)
    assert len(refused(folder)) < 1_000


def test_the_folder_of_the_small_one_that_comes_along(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_of("toy").parts[-3:] == ("resources", "saes", "toy")
    assert folder_of("~/sae") == tmp_path / "sae"


# Features as vectors


def test_the_row_of_a_transcoder_stands_where_it_writes(tmp_path):
    folder, _said, weights = save_drawn(tmp_path / "sae", "transcoder", WIDTH, d_out=20)
    path, entry, facts = read_feature(folder, 3, "--add")
    assert np.array_equal(read_numbers(path, "--add", entry), weights["W_dec"][3])
    assert (facts["layer"], facts["site"]) == ("1", "mlp_out")


def test_a_feature_of_the_small_one_is_a_vector_by_its_name():
    head = read_head("toy:3")
    assert head.feature == 3
    rows = load_file(folder_of("toy") / "sae_weights.safetensors")["W_dec"]
    assert np.array_equal(read_values(head), rows[3])
    with pytest.raises(BadInputError, match="there is no feature 512"):
        read_head("toy:512")


# Whatever stands there


def spoilt(throw, said, stored):
    """Return settings and a file with a few things put wrong."""
    junk = [
        None,
        True,
        -1,
        3.5,
        1e400,
        "",
        "topk",
        "a\nb" * 50,
        [],
        [1],
        {},
        10**30,
        PLACE,
        "\u202e",
    ]
    names = [*said, *said["metadata"], "hook_head_index", "k", "activation_fn", "hook_name_out"]
    names += ["activation_fn_kwargs", "hook_layer", "norm_scaling_factor", "dataset_path"]
    said = {**said, "metadata": dict(said["metadata"])}
    for _ in range(throw.choice([0, 1, 3])):
        where = throw.choice([said, said["metadata"]])
        where[throw.choice(names)] = throw.choice(junk)
        said["metadata"] = said["metadata"] if isinstance(said["metadata"], dict) else {}
    found = bytearray(stored)
    for _ in range(throw.choice([0, 0, 1, 8])):
        found[throw.randrange(700)] = throw.randrange(256)
    return said, bytes(found[: throw.choice([len(found), len(found), throw.randrange(len(found))])])


def test_whatever_stands_there_is_read_or_refused_in_a_sentence(tmp_path):
    throw = random.Random(14)  # noqa: S311 - no secret
    told, heads = [], []
    for kind in ("standard", "gated", "jumprelu", "topk", "jumprelu_skip_transcoder"):
        folder, said, _weights = save_drawn(tmp_path / kind, kind, WIDTH)
        whole = (folder / "sae_weights.safetensors").read_bytes()
        for _ in range(40):
            settings_, stored = spoilt(throw, said, whole)
            (folder / "cfg.json").write_text(json.dumps(settings_))
            (folder / "sae_weights.safetensors").write_bytes(stored)
            try:
                heads.append(read(folder))
            except BadInputError as error:
                told.append(str(error))
    assert min(len(told), len(heads)) > 25
    for sentence in told:
        assert sentence.startswith("--sae “")
        assert sentence.endswith(".")
        assert sentence.isprintable()
    for head in heads:
        assert all(value.isprintable() for value in head.facts.values())
        assert head.d_sae == 40
