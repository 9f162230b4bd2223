"""Vectors of files, held to a model and a place in it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from desktop_app.methods.vectors import Vector, Where, open_vector, save_vector, shape_at
from desktop_app.support.errors import BadInputError
from tests.models import tiny

pytestmark = pytest.mark.model

VALUES = torch.arange(32, dtype=torch.float32) / 7


def saved(folder, *, layer=1, site="resid_post", architecture="llama", values=VALUES):
    path = folder / f"{architecture}-{layer}-{site}.safetensors"
    vector = Vector(values, layer, site, tuple(values.shape), "by hand")
    facts = save_vector(path, tiny(architecture), vector)
    assert facts["fingerprint"] == tiny(architecture).info.fingerprint
    return str(path)


def test_a_file_says_where(tmp_path):
    found = open_vector(tiny("llama"), saved(tmp_path), Where())
    assert torch.equal(found.values, VALUES)
    assert (found.layer, found.site, found.shape) == (1, "resid_post", (32,))
    assert (found.made, found.notices) == ("by hand", ())


def test_the_place_may_be_named(tmp_path):
    model, file = tiny("llama"), saved(tmp_path, layer=2)
    for layer in (2, -1):
        assert open_vector(model, file, Where(layer, "resid_post")).layer == 2


@pytest.mark.parametrize(
    ("where", "says"),
    [
        (Where(2, "resid_post"), "made at layer 1 and would act at layer 2"),
        (Where(-1, "resid_post"), "would act at layer 2"),
        (Where(1, "mlp_out"), "made at resid_post and would act at mlp_out"),
        (Where(None, "resid_pre"), "--site resid_post"),
        (Where(3, "resid_post"), "--layer 3 does not exist"),
        (Where(1, "head_z", elsewhere=True), ""),
    ],
)
def test_a_misfit_is_refused(tmp_path, where, says):
    model, file = tiny("llama"), saved(tmp_path)
    if not says:  # as wide as the stream, so it fits
        assert open_vector(model, file, where).shape == (4, 8)
        return
    with pytest.raises(BadInputError) as caught:
        open_vector(model, file, where, "--project-out")
    assert says in str(caught.value)


def test_elsewhere_is_told(tmp_path):
    where = Where(2, "resid_pre", elsewhere=True)
    found = open_vector(tiny("llama"), saved(tmp_path), where)
    assert (found.layer, found.site) == (2, "resid_pre")
    assert [notice.code for notice in found.notices] == ["vector_elsewhere"]
    assert "layer 1 and site resid_post" in found.notices[0].message


def test_another_models_vector_is_refused_even_elsewhere(tmp_path):
    file = saved(tmp_path, architecture="gpt2")
    for where in (Where(), Where(1, "resid_post", elsewhere=True)):
        with pytest.raises(BadInputError, match="fingerprint"):
            open_vector(tiny("llama"), file, where)


def test_a_file_beyond_the_model(tmp_path):
    file = saved(tmp_path, layer=7)
    with pytest.raises(BadInputError, match="layer 7 does not exist"):
        open_vector(tiny("llama"), file, Where())


def test_widths(tmp_path):
    model = tiny("llama")
    short = saved(tmp_path, values=VALUES[:31])
    with pytest.raises(BadInputError, match=r"has 31 numbers, and resid_post of .* has 32"):
        open_vector(model, short, Where())
    wide = tiny("qwen3")  # heads × width is no d_model there
    assert shape_at(wide, 0, "resid_mid") == (wide.info.d_model,)
    for name in ("llama", "qwen3", "gpt2", "gpt_neox"):
        heads, width = shape_at(tiny(name), 0, "head_z")
        ids = torch.ones(1, 3, dtype=torch.long)
        seen = tiny(name).seen(ids, "blocks.0.attn.hook_z")
        assert seen.shape == (1, 3, heads, width)


def test_a_bare_file_is_taken_on_trust(tmp_path):
    file = tmp_path / "bare.safetensors"
    save_file({"direction": VALUES.numpy()}, file)
    found = open_vector(tiny("llama"), str(file), Where(2, "mlp_out"))
    assert torch.equal(found.values, VALUES)
    assert [notice.code for notice in found.notices] == ["vector_unnamed"]
    assert "fingerprint of its model nor its layer nor its site" in found.notices[0].message
    with pytest.raises(BadInputError, match="does not say at which layer"):
        open_vector(tiny("llama"), str(file), Where())


def test_nothing_is_told(tmp_path):
    found = open_vector(tiny("llama"), saved(tmp_path, values=torch.zeros(32)), Where())
    assert [notice.code for notice in found.notices] == ["vector_zero"]


def test_a_feature_is_a_vector(tmp_path):
    folder = tmp_path / "sae"
    folder.mkdir()
    decoder = np.random.default_rng(0).normal(size=(5, 32)).astype(np.float32)
    save_file({"W_dec": decoder}, folder / "sae_weights.safetensors")
    settings = {"hook_name": "blocks.1.hook_resid_post", "normalize_activations": "layer_norm"}
    (folder / "cfg.json").write_text(json.dumps(settings))
    found = open_vector(tiny("llama"), f"{folder}:3", Where())
    assert np.array_equal(found.values.numpy(), decoder[3])
    assert (found.layer, found.site) == (1, "resid_post")
    assert [notice.code for notice in found.notices] == ["vector_unnamed", "vector_scaled"]
    with pytest.raises(BadInputError, match="made at layer 1 and would act at layer 0"):
        open_vector(tiny("llama"), f"{folder}:3", Where(0, "resid_post"))
    settings = {"hook_name": "blocks.1.hook_mlp_in"}
    (folder / "cfg.json").write_text(json.dumps(settings))
    with pytest.raises(BadInputError, match="no site here"):
        open_vector(tiny("llama"), f"{folder}:3", Where())
