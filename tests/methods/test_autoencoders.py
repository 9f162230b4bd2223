"""Autoencoders: every kind against plain formulas in numpy, and spliced into real models."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save_file as save_tensors

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.methods.autoencoders import inputs, open_autoencoder, spliced
from desktop_app.support.errors import BadInputError
from tests.engine.zoo import save_tiny
from tests.models import named, tiny
from tests.saes import (
    drawn,
    plain_decode,
    plain_encode,
    save_drawn,
    save_folder,
    settings,
)

pytestmark = pytest.mark.model

WIDTH = 32
KINDS = ("standard", "gated", "jumprelu", "topk")
TRANSCODERS = (
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
)
SCALINGS = ("none", "constant_norm_rescale", "layer_norm", "expected_average_only_in")
SITES = (
    "hook_resid_pre",
    "hook_resid_mid",
    "hook_resid_post",
    "hook_attn_out",
    "hook_mlp_out",
    "attn.hook_z",
    "mlp.hook_in",
    "mlp.hook_out",
    "ln2.hook_normalized",
)


def some_ids(model, rows=2, length=7):
    generator = torch.Generator().manual_seed(1)
    return torch.randint(3, model.info.d_vocab, (rows, length), generator=generator)


def some_inputs(width=WIDTH, rows=50):
    random = np.random.default_rng(3)
    return (2 * random.standard_normal((rows, width)) + 0.5).astype(np.float32)


def hooked(name):
    return {"metadata": {"hook_name": f"blocks.1.{name}"}}


def assert_plain(autoencoder, said, weights, x):
    """Hold activations, and what is made of them, to the formulas in numpy."""
    expected = plain_encode(x, said, weights)
    features = autoencoder.encode(torch.from_numpy(x))
    assert np.abs(features.numpy() - expected).max() < 1e-5 * max(1, np.abs(expected).max())
    assert 0 < (expected > 0).mean() < 1
    again = plain_decode(expected, x, said, weights)
    found = autoencoder.decode(features, torch.from_numpy(x)).numpy()
    assert np.abs(found - again).max() < 2e-5 * max(1, np.abs(again).max())
    one = autoencoder.activation(torch.from_numpy(x), 7)
    assert torch.allclose(one, features[:, 7], atol=1e-5)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_its_formula(kind, first, scaling, tmp_path):
    folder, said, weights = save_drawn(
        tmp_path / "sae",
        kind,
        WIDTH,
        apply_b_dec_to_input=first,
        normalize_activations=scaling,
        norm_scaling_factor=0.37,
    )
    assert_plain(open_autoencoder(tiny("gpt2"), str(folder)), said, weights, some_inputs())


@pytest.mark.parametrize("scaling", ["none", "layer_norm"])
@pytest.mark.parametrize("kind", TRANSCODERS)
def test_every_transcoder_is_its_formula(kind, scaling, tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", kind, WIDTH, normalize_activations=scaling)
    assert_plain(open_autoencoder(tiny("gpt2"), str(folder)), said, weights, some_inputs())


def test_the_orthonormal_autoencoder_exactly(tmp_path):
    # Hadamard's rows of ±1/4: their products are exact.
    signs = np.array([[(-1) ** bin(i & j).count("1") for j in range(16)] for i in range(16)])
    rows = np.kron(np.eye(2), signs / 4).astype(np.float32)[:8]
    bias = np.full(WIDTH, 0.5, np.float32)
    weights = {"W_enc": rows.T.copy(), "W_dec": rows, "b_dec": bias}
    weights["b_enc"] = np.zeros(8, np.float32)
    folder = save_folder(tmp_path / "sae", settings("standard", weights), weights)
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    x = torch.from_numpy(3 * rows[1] + 2 * rows[5] + bias)[None]
    features = autoencoder.encode(x)
    assert features[0].tolist() == [0, 3, 0, 0, 0, 2, 0, 0]
    assert torch.equal(autoencoder.decode(features, x), x)
    assert torch.equal(autoencoder.W_dec.norm(dim=1), torch.ones(8))
    # What the bias in front does is seen where it is left out.
    save_folder(folder, settings("standard", weights, apply_b_dec_to_input=False), weights)
    other = open_autoencoder(tiny("gpt2"), str(folder))
    assert other.encode(x)[0].tolist() == [2, 3, 0, 0, 0, 2, 0, 0]


@pytest.mark.parametrize("kind", ["topk", "batchtopk"])
@pytest.mark.parametrize("factor", [None, 0.37])
def test_norms_of_decoder_rows_choose_where_they_did_in_training(kind, factor, tmp_path):
    weights = drawn("standard", WIDTH)
    if kind == "batchtopk":
        weights["topk_threshold"] = np.array(0.8, np.float32)
    scaling = {"normalize_activations": "expected_average_only_in", "norm_scaling_factor": factor}
    said = settings(kind, weights, rescale_acts_by_decoder_norm=True, **(scaling if factor else {}))
    folder = save_folder(tmp_path / "sae", said, weights)
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    assert_plain(autoencoder, said, weights, some_inputs())
    untold = {**said, "rescale_acts_by_decoder_norm": False}
    chosen = plain_encode(some_inputs(), untold, weights) > 0
    assert (chosen != (plain_encode(some_inputs(), said, weights) > 0)).any()


def test_a_threshold_may_be_stored_as_its_logarithm(tmp_path):
    weights = drawn("jumprelu", WIDTH)
    said = settings("jumprelu", weights)
    stored = {key: value for key, value in weights.items() if key != "threshold"}
    stored["log_threshold"] = np.log(weights["threshold"])
    folder = save_folder(tmp_path / "sae", said, stored)
    assert_plain(open_autoencoder(tiny("gpt2"), str(folder)), said, weights, some_inputs())


@pytest.mark.parametrize("key", ["scaling_factor", "finetuning_scaling_factor"])
def test_factors_of_a_finetuning(key, tmp_path):
    weights = drawn("standard", WIDTH)
    factors = np.linspace(0.5, 2, 40, dtype=np.float32)
    said = settings("standard", weights, finetuning_scaling_factor=True)
    folder = save_folder(tmp_path / "sae", said, {**weights, key: factors})
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    assert_plain(autoencoder, said, {**weights, "scaling_factor": factors}, some_inputs())
    # Factors of 1 were left in many folders, and say nothing.
    said = settings("standard", weights, finetuning_scaling_factor=False)
    save_folder(folder, said, {**weights, key: np.ones(40, np.float32)})
    assert_plain(open_autoencoder(tiny("gpt2"), str(folder)), said, weights, some_inputs())
    save_folder(folder, said, {**weights, key: factors})
    with pytest.raises(BadInputError, match=f"holds a “{key}” that is not 1"):
        open_autoencoder(tiny("gpt2"), str(folder))


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_weights_in_other_formats(dtype, tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    kind = getattr(torch, dtype)
    stored = {key: torch.from_numpy(value).to(kind) for key, value in weights.items()}
    save_tensors(stored, folder / "sae_weights.safetensors")
    rounded = {key: value.float().numpy() for key, value in stored.items()}
    assert (rounded["W_enc"] != weights["W_enc"]).any() == (dtype != "float64")
    assert_plain(open_autoencoder(tiny("gpt2"), str(folder)), said, rounded, some_inputs())


@pytest.mark.parametrize(
    ("kind", "key", "value", "others"),
    [
        ("standard", "W_dec", 3e38, {"norm_scaling_factor": 1e-9}),
        ("jumprelu", "log_threshold", 200.0, {}),
        ("gated", "r_mag", 200.0, {}),
        ("standard", "scaling_factor", 3e38, {"finetuning_scaling_factor": True}),
        ("topk", "W_dec", 3e38, {"rescale_acts_by_decoder_norm": True}),
    ],
)
def test_what_is_no_number_once_it_is_folded_is_refused(kind, key, value, others, tmp_path):
    weights = drawn(kind, WIDTH)
    if "norm_scaling_factor" in others:
        others = {**others, "normalize_activations": "expected_average_only_in"}
    if key == "log_threshold":
        del weights["threshold"]
    shape = weights.get(key, weights["b_enc"] if "b_enc" in weights else weights["r_mag"]).shape
    weights[key] = np.full(shape, value, np.float32)
    weights["W_dec"] *= 10 if key == "scaling_factor" else 1
    folder = save_folder(tmp_path / "sae", settings(kind, weights, **others), weights)
    with pytest.raises(BadInputError, match="is not finite once"):
        open_autoencoder(tiny("gpt2"), str(folder))


def test_many_inputs_are_read_as_few_are(tmp_path):
    folder, _said, _weights = save_drawn(tmp_path / "sae", "jumprelu", WIDTH)
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    x = torch.from_numpy(some_inputs(rows=9_000)).view(9, 1_000, WIDTH)
    found = autoencoder.encode(x)
    assert found.shape == (9, 1_000, 40)
    again = torch.cat([autoencoder.encode(row) for row in x])
    assert torch.allclose(found.view(-1, 40), again, atol=1e-5)
    assert autoencoder.encode(x[:, :0]).shape == (9, 0, 40)


def test_an_input_of_zeros_has_no_length_to_be_scaled_to(tmp_path):
    folder, _said, weights = save_drawn(
        tmp_path / "sae", "standard", WIDTH, normalize_activations="constant_norm_rescale"
    )
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    zero = torch.zeros(1, WIDTH)
    features = autoencoder.encode(zero)
    expected = np.maximum(weights["b_enc"] - weights["b_dec"] @ weights["W_enc"], 0)
    assert np.allclose(features.numpy(), expected, atol=1e-5)
    assert torch.equal(autoencoder.decode(features, zero), zero)


# Spliced into models


def expected_rows(model, ids, name, head=None):
    """Return what TransformerLens shows at a hook, heads side by side."""
    with torch.no_grad():
        _logits, cache = model.bridge.run_with_cache(ids)
    seen = cache[name]
    return seen[:, :, head] if head is not None else seen.reshape(*ids.shape, -1)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("site", SITES)
def test_what_is_read_is_what_stands_there(site, architecture, tmp_path):
    model = tiny(architecture)
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", WIDTH, **hooked(site))
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    x, given = inputs(model, autoencoder, ids)
    assert x is given
    assert torch.equal(x, expected_rows(model, ids, f"blocks.1.{site}"))
    assert model.hooks_left() == 0


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "gemma2"])
def test_before_and_behind_the_weight_of_the_norm(architecture, tmp_path):
    """As in TransformerLens before version 4: `hook_normalized` comes before the norm's weight."""
    model = tiny(architecture)
    ids, found = some_ids(model), {}
    for site in ("hook_mlp_in", "ln2.hook_normalized", "mlp.hook_in"):
        folder, _said, _weights = save_drawn(tmp_path / site, "standard", WIDTH, **hooked(site))
        autoencoder = open_autoencoder(model, str(folder))
        found[site] = inputs(model, autoencoder, ids)[0].double().numpy()
    stream = expected_rows(model, ids, "blocks.1.hook_resid_mid").double().numpy()
    assert np.array_equal(found["hook_mlp_in"], stream)
    norm = model.bridge.blocks[1].ln2
    weight = norm.weight.detach().double().numpy() + (architecture == "gemma2")
    bias = 0.0
    if architecture == "gpt2":
        stream = stream - stream.mean(-1, keepdims=True)
        bias = norm.original_component.bias.detach().double().numpy()
    normed = stream / np.sqrt((stream**2).mean(-1, keepdims=True) + model.bridge.cfg.eps)
    assert np.abs(found["ln2.hook_normalized"] - normed).max() < 1e-5
    assert np.abs(found["mlp.hook_in"] - normed * weight - bias).max() < 1e-5


def plainly_spliced(model, ids, name, new):
    """Return the logits of a run in which a hook gives something else: the loop of notebooks."""
    with torch.no_grad():
        return model.bridge.run_with_hooks(
            ids, fwd_hooks=[(name, lambda x, hook: new.reshape(x.shape).to(x.dtype))]
        )


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "opt", "gptj", "gemma2"])
@pytest.mark.parametrize("kind", ["standard", "topk"])
def test_spliced_with_its_error_nothing_changes(kind, architecture, tmp_path):
    model = tiny(architecture)
    folder, said, weights = save_drawn(tmp_path / "sae", kind, WIDTH)
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    untouched = model.run(ids)
    with_error = spliced(model, autoencoder, ids, error=True)
    assert (with_error - untouched).abs().max() < 1e-5
    x = expected_rows(model, ids, "blocks.1.hook_resid_post").reshape(-1, WIDTH).numpy()
    made = plain_decode(plain_encode(x, said, weights), x, said, weights)
    new = torch.from_numpy(made).float()
    expected = plainly_spliced(model, ids, "blocks.1.hook_resid_post", new)
    without = spliced(model, autoencoder, ids)
    assert (without - expected).abs().max() < 1e-4
    assert (without - untouched).abs().max() > 0.01
    assert model.hooks_left() == 0


@pytest.mark.parametrize("site", SITES)
def test_every_place_can_be_spliced(site, tmp_path):
    model = tiny("gpt2")
    folder, _said, _weights = save_drawn(tmp_path / "sae", "gated", WIDTH, **hooked(site))
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    untouched = model.run(ids)
    assert (spliced(model, autoencoder, ids, error=True) - untouched).abs().max() < 1e-5
    x, _given = inputs(model, autoencoder, ids)
    made = autoencoder.decode(autoencoder.encode(x), x)
    expected = plainly_spliced(model, ids, f"blocks.1.{site}", made)
    assert (spliced(model, autoencoder, ids) - expected).abs().max() < 1e-5
    assert (expected - untouched).abs().max() > 1e-3


def test_it_is_spliced_bit_by_bit_where_sums_are_exact(tmp_path):
    """An x̂ of whole numbers: x̂ + (x − x̂) is x itself where x is stored coarsely enough."""
    rows = np.eye(WIDTH, dtype=np.float32)
    weights = {"W_enc": rows, "W_dec": rows, "b_dec": np.zeros(WIDTH, np.float32)}
    weights["b_enc"] = np.zeros(WIDTH, np.float32)
    model = tiny("gpt2")
    autoencoder = open_autoencoder(
        model, str(save_folder(tmp_path / "sae", settings("standard", weights), weights))
    )
    ids = some_ids(model)
    assert torch.equal(spliced(model, autoencoder, ids, error=True), model.run(ids))


def test_a_change_is_made_of_the_features(tmp_path):
    model = tiny("gpt2")
    folder, _said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    x, _given = inputs(model, autoencoder, ids)
    features = autoencoder.encode(x)
    chosen = int(features.sum((0, 1)).argmax())

    def without(found):
        assert found.shape == (*ids.shape, 40)
        kept = found.clone()
        kept[..., chosen] = 0
        return kept

    # With its error, x loses exactly the feature's activation times its row.
    row = torch.from_numpy(weights["W_dec"][chosen])
    new = x - features[..., chosen, None] * row
    expected = plainly_spliced(model, ids, "blocks.1.hook_resid_post", new)
    found = spliced(model, autoencoder, ids, without, error=True)
    assert (found - expected).abs().max() < 1e-5
    assert (found - model.run(ids)).abs().max() > 1e-3


@pytest.mark.parametrize("site", ["hook_mlp_in", "ln2.hook_normalized", "mlp.hook_in"])
@pytest.mark.parametrize("kind", TRANSCODERS)
def test_transcoders_read_at_one_place_and_write_at_another(kind, site, tmp_path):
    model = tiny("gpt2")
    folder, said, weights = save_drawn(
        tmp_path / "sae", kind, WIDTH, metadata={"hook_name": f"blocks.1.{site}"}
    )
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    x, given = inputs(model, autoencoder, ids)
    assert torch.equal(given, expected_rows(model, ids, "blocks.1.hook_mlp_out"))
    assert not torch.allclose(x, given)
    rows = x.reshape(-1, WIDTH).numpy()
    made = plain_decode(plain_encode(rows, said, weights), rows, said, weights)
    expected = plainly_spliced(model, ids, "blocks.1.hook_mlp_out", torch.from_numpy(made).float())
    assert (spliced(model, autoencoder, ids) - expected).abs().max() < 1e-4
    assert (spliced(model, autoencoder, ids, error=True) - model.run(ids)).abs().max() < 1e-5
    assert (expected - model.run(ids)).abs().max() > 1e-3


def test_a_transcoder_from_one_layer_to_a_later_one(tmp_path):
    model = tiny("gpt2")
    places = {"hook_name": "blocks.0.hook_resid_pre", "hook_name_out": "blocks.2.hook_resid_post"}
    folder, _said, _weights = save_drawn(tmp_path / "sae", "transcoder", WIDTH, metadata=places)
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    x, given = inputs(model, autoencoder, ids)
    assert torch.equal(x, expected_rows(model, ids, "blocks.0.hook_resid_pre"))
    assert torch.equal(given, expected_rows(model, ids, "blocks.2.hook_resid_post"))
    places = {"hook_name": "blocks.2.hook_resid_pre", "hook_name_out": "blocks.1.hook_mlp_out"}
    save_drawn(folder, "transcoder", WIDTH, metadata=places)
    with pytest.raises(BadInputError, match="comes behind"):
        open_autoencoder(model, str(folder))


def test_one_head_alone(tmp_path):
    model = tiny("gpt2")
    said = {"hook_name": "blocks.1.attn.hook_z", "hook_head_index": 2}
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", 8, metadata=said)
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    x, _given = inputs(model, autoencoder, ids)
    z = expected_rows(model, ids, "blocks.1.attn.hook_z")
    assert torch.equal(x, z[..., 16:24])
    new = z.clone()
    new[..., 16:24] = autoencoder.decode(autoencoder.encode(x), x)
    expected = plainly_spliced(model, ids, "blocks.1.attn.hook_z", new)
    assert (spliced(model, autoencoder, ids) - expected).abs().max() < 1e-6
    assert (spliced(model, autoencoder, ids, error=True) - model.run(ids)).abs().max() < 1e-5


def test_what_comes_before_is_read_in_the_same_run(tmp_path):
    model = tiny("gpt2")
    ids = some_ids(model)
    for kind in ("standard", "transcoder"):
        folder, _said, _weights = save_drawn(tmp_path / kind, kind, WIDTH)
        autoencoder = open_autoencoder(model, str(folder))
        plain, _given = inputs(model, autoencoder, ids)
        other, _given = inputs(
            model, autoencoder, ids, [("blocks.0.hook_in", lambda x, hook: torch.zeros_like(x))]
        )
        assert (plain - other).abs().max() > 1e-3


# What does not fit


def refused(folder, model=None):
    with pytest.raises(BadInputError) as error:
        open_autoencoder(model or tiny("gpt2"), str(folder))
    said = str(error.value)
    assert str(folder) in said or said.startswith("gptj cannot be measured")
    assert said.endswith(".")
    return said


@pytest.mark.parametrize(
    ("architecture", "width", "metadata", "said"),
    [
        ("standard", 48, {}, "reads 48 numbers"),
        ("standard", WIDTH, {"hook_name": "blocks.3.hook_resid_pre"}, "has the layers 0 to 2"),
        ("standard", 8, {"hook_name": "blocks.1.attn.hook_z"}, "does not say which"),
        (
            "standard",
            8,
            {"hook_name": "blocks.1.attn.hook_z", "hook_head_index": 4},
            "has the heads 0 to 3",
        ),
        (
            "standard",
            WIDTH,
            {"hook_name": "blocks.1.attn.hook_z", "hook_head_index": 0},
            "has 8 at blocks.1.attn.hook_z",
        ),
    ],
)
def test_what_does_not_fit_the_model(architecture, width, metadata, said, tmp_path):
    folder, _said, _weights = save_drawn(tmp_path / "sae", architecture, width, metadata=metadata)
    assert said in refused(folder)


def test_a_transcoder_that_gives_another_width(tmp_path):
    folder, _said, _weights = save_drawn(tmp_path / "sae", "transcoder", WIDTH, d_out=24)
    assert "gives 24 numbers, and" in refused(folder)


@pytest.mark.parametrize(
    ("architecture", "site", "said"),
    [
        ("gptj", "ln2.hook_normalized", "has no such place"),
        ("gptj", "hook_resid_mid", "cannot be measured at resid_mid"),
        ("opt", "mlp.hook_in", "never shows"),
    ],
)
def test_hooks_that_a_model_lacks(architecture, site, said, tmp_path):
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", WIDTH, **hooked(site))
    assert said in refused(folder, tiny(architecture))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("key", ["W_enc", "b_dec", "threshold"])
def test_weights_that_are_not_finite(key, bad, tmp_path):
    folder, said, weights = save_drawn(tmp_path / "sae", "jumprelu", WIDTH)
    weights[key].flat[3] = bad
    save_folder(folder, said, weights)
    assert f"“{key}” holds numbers that are not finite" in refused(folder)


def test_one_that_memory_does_not_hold(tmp_path, monkeypatch):
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    monkeypatch.setattr("desktop_app.methods.autoencoder_fit.free_bytes", lambda _device: 1_000)
    assert "needs 0.0 GB of memory" in refused(folder)


def test_its_own_model_is_told_by_the_fingerprint(tmp_path):
    model = tiny("gpt2")
    own = {"fingerprint": model.info.fingerprint, "model_name": "any name"}
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", WIDTH, metadata=own)
    assert not open_autoencoder(model, str(folder)).notices
    assert "its fingerprint differs" in refused(folder, tiny("llama"))
    save_drawn(folder, "standard", WIDTH, metadata={**own, "weights": "processed"})
    assert "was trained with --weights processed" in refused(folder)
    save_drawn(folder, "standard", WIDTH, metadata={**own, "layernorm": "linear"})
    assert "load it with --layernorm linear" in refused(folder)


def test_another_name_is_said_and_not_refused(tmp_path):
    model = tiny("gpt2")
    for name, codes in {
        "": [],
        "gpt2": [],
        "openai-community/gpt2-small": ["sae_of_other_model"],
        "gemma-2-2b": ["sae_of_other_model"],
    }.items():
        folder, _said, _weights = save_drawn(
            tmp_path / "sae", "standard", WIDTH, metadata={"model_name": name}
        )
        found = open_autoencoder(model, str(folder)).notices
        expected = codes if name != "openai-community/gpt2-small" else []
        assert [notice.code for notice in found] == expected
    processed = {"model_from_pretrained_kwargs": {"center_writing_weights": True, "fold_ln": None}}
    folder, _said, _weights = save_drawn(tmp_path / "sae", "standard", WIDTH, metadata=processed)
    (notice,) = open_autoencoder(model, str(folder)).notices
    assert notice.code == "sae_of_processed_weights"
    assert "center_writing_weights" in notice.message
    assert "fold_ln" not in notice.message


def test_a_place_that_a_model_only_shows_is_not_spliced(tmp_path):
    """The model's own answer stands for whatever is put in; to read there is still possible."""
    model = dataclasses.replace(tiny("gpt2"))
    folder, _said, _weights = save_drawn(
        tmp_path / "sae", "standard", WIDTH, **hooked("mlp.hook_in")
    )
    autoencoder = open_autoencoder(model, str(folder))
    ids = some_ids(model)
    assert inputs(model, autoencoder, ids)[0].shape == (*ids.shape, WIDTH)
    whole = model.run
    model.run = lambda ids, hooks=(), **rest: whole(ids, **rest)
    with pytest.raises(BadInputError, match=r"only shows blocks\.1\.mlp\.hook_in"):
        spliced(model, autoencoder, ids)


def test_nothing_of_a_file_is_kept_open_or_changed(tmp_path):
    folder, _said, weights = save_drawn(tmp_path / "sae", "standard", WIDTH)
    before = (folder / "sae_weights.safetensors").read_bytes()
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    autoencoder.W_enc.mul_(2)
    assert (folder / "sae_weights.safetensors").read_bytes() == before
    assert np.array_equal(load_file(folder / "sae_weights.safetensors")["W_enc"], weights["W_enc"])


@pytest.mark.pack
def test_a_pack_goes_by_its_title_too(tmp_path):
    model = named("smollm2")
    for name, codes in {
        "HuggingFaceTB/SmolLM2-135M-Instruct": [],
        "smollm2": [],
        "HuggingFaceTB/SmolLM2-135M": ["sae_of_other_model"],
    }.items():
        folder, _said, _weights = save_drawn(
            tmp_path / "sae", "standard", 576, metadata={"model_name": name}
        )
        found = open_autoencoder(model, str(folder)).notices
        assert [notice.code for notice in found] == codes


def test_in_half_precision_the_error_puts_back_every_bit(tmp_path):
    folder = save_tiny("llama", tmp_path / "model")
    model = load(ModelSpec(str(folder), device="cpu", dtype="bfloat16"), SilentReporter())
    for kind in ("standard", "transcoder"):
        saved, _said, _weights = save_drawn(tmp_path / kind, kind, WIDTH)
        autoencoder = open_autoencoder(model, str(saved))
        ids = some_ids(model)
        assert inputs(model, autoencoder, ids)[0].dtype is torch.float32
        assert torch.equal(spliced(model, autoencoder, ids, error=True), model.run(ids))
        assert not torch.equal(spliced(model, autoencoder, ids), model.run(ids))
