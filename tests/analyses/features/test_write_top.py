"""The tokens that all features write, beside the list of each one and beside numpy."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from desktop_app.analyses.features import write_top as module
from desktop_app.analyses.features.token_lists import lists_of
from desktop_app.analyses.features.write_top import write_top
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.result import Notice
from desktop_app.methods.autoencoders import open_autoencoder
from desktop_app.support.errors import BadInputError
from tests.models import named, tiny

FEATURES = 11


def autoencoder_of(model, folder, hook="blocks.1.hook_resid_post", width=None):
    width = width or model.info.d_model
    draw = torch.Generator().manual_seed(3)
    tensors = {
        "W_enc": torch.randn(width, FEATURES, generator=draw),
        "W_dec": torch.randn(FEATURES, width, generator=draw),
        "b_enc": torch.zeros(FEATURES),
        "b_dec": torch.zeros(width),
    }
    save_file(tensors, folder / "sae_weights.safetensors")
    settings = {"architecture": "standard", "d_in": width, "d_sae": FEATURES, "hook_name": hook}
    (folder / "cfg.json").write_text(json.dumps(settings), "utf-8")
    return open_autoencoder(model, str(folder))


@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_it_is_each_features_own_list(tmp_path, at_once, monkeypatch):
    model = named("toy")
    autoencoder = autoencoder_of(model, tmp_path)
    monkeypatch.setattr(module, "MOST_BYTES", 4 * model.info.d_vocab * at_once)
    found = write_top(model, autoencoder, 6, SilentReporter())
    assert found.shape == (FEATURES, 6)
    assert found.dtype == np.int32
    for feature in range(FEATURES):
        lists, _notices = lists_of(model, autoencoder, feature, 6)
        assert [row["id"] for row in lists["write"]["top"]] == found[feature].tolist()


def test_it_is_the_row_through_the_norm_and_the_unembedding(tmp_path):
    model = named("toy")
    autoencoder = autoencoder_of(model, tmp_path)
    hf = model.bridge.original_model
    norm = hf.transformer.ln_f.weight.detach().double().numpy()
    table = hf.get_output_embeddings().weight.detach().double().numpy()
    rows = autoencoder.W_dec.double().numpy()
    values = ((rows - rows.mean(-1, keepdims=True)) * norm) @ table.T
    expected = np.argsort(-values, axis=-1)[:, :5]
    np.testing.assert_array_equal(write_top(model, autoencoder, 5, SilentReporter()), expected)


def test_heads_write_through_their_output(tmp_path):
    model = tiny("llama")
    heads = model.info.n_heads * model.info.d_head
    autoencoder = autoencoder_of(model, tmp_path, "blocks.0.attn.hook_z", heads)
    found = write_top(model, autoencoder, 3, SilentReporter())
    lists, _notices = lists_of(model, autoencoder, 4, 3)
    assert [row["id"] for row in lists["write"]["top"]] == found[4].tolist()


def test_what_cannot_be_read_as_tokens_is_said(tmp_path, monkeypatch):
    model = named("toy")
    autoencoder = autoencoder_of(model, tmp_path)

    def refuse(_model):
        raise BadInputError("It is of another width.")

    monkeypatch.setattr(module, "require_read", refuse)
    found = write_top(model, autoencoder, 5, SilentReporter())
    assert isinstance(found, Notice)
    assert found.code == "not_unembedded"
