"""Autoencoders are sae-lens' own: what it saves is read here, and the same activations come of it.

sae-lens lives in an environment of its own, since it pins an earlier TransformerLens:

    python3.11 -m venv FOLDER
    FOLDER/bin/pip install sae-lens==6.54.12
    LENSBENCH_TEST_SAELENS=FOLDER/bin/python python -m pytest -m saelens

Without the variable these tests are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_app.methods.autoencoders import inputs, open_autoencoder, spliced
from desktop_app.support.autoencoder_files import folder_of
from tests.children import ask_child
from tests.engine.zoo import save_tiny
from tests.models import named, tiny
from tests.saes import HOOK, drawn, save_drawn, save_folder, settings

VARIABLE = "LENSBENCH_TEST_SAELENS"
CHILD = Path(__file__).with_name("saelens_child.py")
WIDTH, FEATURES = 32, 40
SCALINGS = ("none", "layer_norm", "constant_norm_rescale")
TRANSCODERS = (
    "transcoder",
    "skip_transcoder",
    "jumprelu_transcoder",
    "jumprelu_skip_transcoder",
)
TRAINED = ("standard", "gated", "jumprelu", "topk", "batchtopk", "matryoshka_batchtopk")
TOLERANCE = 1e-5

pytestmark = [
    pytest.mark.saelens,
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get(VARIABLE),
        reason=f"{VARIABLE} names no Python of an environment with sae-lens",
    ),
]


def done(jobs):
    """Let sae-lens do jobs, all in one process."""
    said = ask_child(VARIABLE, CHILD, jobs, WANDB_MODE="offline")
    assert said["version"].startswith("6.")


def apart(ours, theirs):
    """Return the largest difference, as a share of the largest number where that exceeds 1."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    return np.abs(ours - theirs).max() / max(1.0, np.abs(theirs).max())


def compared(folder, x, theirs):
    """Return the largest differences of activations, and of what is made of them."""
    autoencoder = open_autoencoder(tiny("gpt2"), str(folder))
    rows = torch.from_numpy(x).reshape(len(x), -1)
    features = autoencoder.encode(rows)
    # None is active on one side alone, but what is hardly so.
    active = features.numpy() > 0
    uneven = active != (theirs["features"] > 0)
    assert np.abs(np.where(uneven, features.numpy() + theirs["features"], 0)).max() < TOLERANCE
    assert 0 < active.mean() < 1
    found = autoencoder.decode(features, rows)
    return (
        apart(features, theirs["features"]),
        apart(found, theirs["output"].reshape(len(x), -1)),
    )


def some_inputs(*shape):
    random = np.random.default_rng(3)
    return (2 * random.standard_normal((60, *(shape or (WIDTH,)))) + 0.5).astype(np.float32)


def made_by_saelens(folder, architecture, seed, **others):
    """Return the job that has sae-lens save an autoencoder."""
    training, inference = others.pop("training", False), others.pop("inference", True)
    said = {"d_in": WIDTH, "d_sae": FEATURES}
    said["metadata"] = {"hook_name": HOOK, "model_name": "gpt2"}
    if "transcoder" in architecture:
        said |= {"d_out": WIDTH, "apply_b_dec_to_input": False}
        said["metadata"] = {
            "hook_name": "blocks.1.ln2.hook_normalized",
            "hook_name_out": "blocks.1.hook_mlp_out",
        }
    if "topk" in architecture:
        said["k"] = 6
    if "matryoshka" in architecture:
        said["matryoshka_widths"] = [10, FEATURES]
    factor = others.pop("factor", None)
    return {
        "do": "make",
        "architecture": architecture,
        "training": training,
        "inference": inference,
        "factor": factor,
        "seed": seed,
        "folder": str(folder),
        "settings": said | others,
    }


def told(jobs, names, x, tmp_path, factors=None):
    """Make autoencoders, run them by sae-lens, and return the differences by name."""
    np.save(tmp_path / "x.npy", x)
    runs = [
        {
            "do": "run",
            "folder": str(tmp_path / name),
            "x": str(tmp_path / "x.npy"),
            "out": str(tmp_path / f"{name}.npz"),
            "factor": (factors or {}).get(name),
        }
        for name in names
    ]
    done([*jobs, *runs])
    found = {}
    for name in names:
        with np.load(tmp_path / f"{name}.npz") as theirs:
            found[name] = compared(tmp_path / name, x, theirs)
    return found


def assert_same(found):
    print({name: tuple(f"{value:.1e}" for value in both) for name, both in found.items()})  # noqa: T201
    assert max(max(both) for both in found.values()) < TOLERANCE


def test_every_kind_that_it_saves(tmp_path):
    jobs, names = [], []
    for number, kind in enumerate(("standard", "gated", "jumprelu", "topk", *TRANSCODERS)):
        for scaling in SCALINGS:
            for first in (True, False) if "transcoder" not in kind else (False,):
                names.append(f"{kind}-{scaling}-{first}")
                own = {"normalize_activations": scaling, "apply_b_dec_to_input": first}
                jobs.append(made_by_saelens(tmp_path / names[-1], kind, number, **own))
    names.append("topk-rescaled")
    own = {"rescale_acts_by_decoder_norm": True}
    jobs.append(made_by_saelens(tmp_path / names[-1], "topk", 9, **own))
    assert_same(told(jobs, names, some_inputs(), tmp_path))


def test_every_kind_that_it_trains(tmp_path):
    jobs, names = [], []
    for kind in TRAINED:
        for factor in (None, 0.4):
            for rescaled in (False, True) if "topk" in kind else (False,):
                names.append(f"{kind}-{factor}-{rescaled}")
                own = {"rescale_acts_by_decoder_norm": True} if rescaled else {}
                jobs.append(
                    made_by_saelens(
                        tmp_path / names[-1], kind, 3, training=True, factor=factor, **own
                    )
                )
    assert_same(told(jobs, names, some_inputs(), tmp_path))


@pytest.mark.parametrize("rescaled", [False, True])
def test_what_is_left_of_a_training_that_was_stopped(rescaled, tmp_path):
    """A checkpoint, not yet made a jumprelu, is what it will be saved as."""
    own = {"training": True, "rescale_acts_by_decoder_norm": rescaled}
    finished = made_by_saelens(tmp_path / "batchtopk", "batchtopk", 5, **own)
    stopped = made_by_saelens(tmp_path / "stopped", "batchtopk", 5, inference=False, **own)
    x = some_inputs()
    assert_same(told([finished, stopped], ["batchtopk"], x, tmp_path))
    with np.load(tmp_path / "batchtopk.npz") as theirs:
        assert_same({"stopped": compared(tmp_path / "stopped", x, theirs)})


def test_the_average_length_of_inputs(tmp_path):
    names, factors = [], {}
    for kind in ("standard", "gated", "jumprelu", "topk"):
        names.append(kind)
        factors[kind] = 0.3
        own = {"normalize_activations": "expected_average_only_in", "norm_scaling_factor": 0.3}
        save_drawn(tmp_path / kind, kind, WIDTH, **own)
    assert_same(told([], names, some_inputs(), tmp_path, factors))


def test_settings_before_version_6(tmp_path):
    flat = {"d_in": WIDTH, "d_sae": FEATURES, "dtype": "float32"}
    topk = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 6}, "hook_name": HOOK}
    cases = {
        "three": {**flat, "hook_point": HOOK, "hook_point_layer": 1, "activation_fn": "relu"},
        "five": {**flat, "architecture": "standard", "hook_name": HOOK, "hook_layer": 1},
        "topk": {**flat, "architecture": "standard", "hook_layer": 1, **topk},
        "scaled": {**flat, "hook_name": HOOK, "normalize_activations": "layer_norm"},
        "outside": {**flat, "hook_name": HOOK, "apply_b_dec_to_input": False},
        "jumprelu": {**flat, "architecture": "jumprelu", "hook_name": HOOK},
    }
    for name, said in cases.items():
        kind = "jumprelu" if name == "jumprelu" else "standard"
        save_folder(tmp_path / name, said, drawn(kind, WIDTH))
    assert_same(told([], list(cases), some_inputs(), tmp_path))


def test_heads_side_by_side(tmp_path):
    names = []
    for kind in ("standard", "jumprelu"):
        names.append(kind)
        said = {"hook_name": "blocks.1.attn.hook_z"}
        save_drawn(tmp_path / kind, kind, WIDTH, reshape_activations="hook_z", metadata=said)
    assert_same(told([], names, some_inputs(4, 8), tmp_path))


def test_the_error_term(tmp_path):
    """With it, what goes on is the input, up to the rounding of x̂ + (x − x̂), there and here."""
    x = some_inputs()
    told([made_by_saelens(tmp_path / "sae", "standard", 1)], ["sae"], x, tmp_path)
    autoencoder = open_autoencoder(tiny("gpt2"), str(tmp_path / "sae"))
    rows = torch.from_numpy(x)
    made = autoencoder.decode(autoencoder.encode(rows), rows)
    with np.load(tmp_path / "sae.npz") as theirs:
        assert apart(made + (rows - made), theirs["spliced"]) < TOLERANCE
        assert apart(x, theirs["spliced"]) < TOLERANCE
        assert apart(x, theirs["output"]) > 0.1


def test_activations_and_logits_of_a_whole_model(tmp_path):
    """From the same weights and token ids: what is read, encoded, decoded and put back."""
    model = tiny("gpt2")
    ids = torch.randint(3, model.info.d_vocab, (2, 9), generator=torch.Generator().manual_seed(1))
    places = {
        "standard": "hook_resid_pre",
        "topk": "hook_resid_post",
        "gated": "hook_mlp_out",
        "jumprelu": "attn.hook_z",
        "transcoder": "ln2.hook_normalized",
        "jumprelu_transcoder": "mlp.hook_in",
    }
    for kind, site in places.items():
        said = {"hook_name": f"blocks.1.{site}"}
        shaped = {"reshape_activations": "hook_z"} if site == "attn.hook_z" else {}
        save_drawn(tmp_path / kind, kind, WIDTH, metadata=said, **shaped)
    folder = save_tiny("gpt2", tmp_path / "model")
    folders = [str(tmp_path / kind) for kind in places]
    job = {"do": "model", "model": str(folder), "ids": ids.tolist(), "folders": folders}
    done([{**job, "out": str(tmp_path / "out.npz")}])
    found = {}
    with np.load(tmp_path / "out.npz") as theirs:
        found["bare"] = (apart(model.run(ids), theirs["bare"]),)
        for number, kind in enumerate(places):
            autoencoder = open_autoencoder(model, folders[number])
            x, _given = inputs(model, autoencoder, ids)
            without, with_error = (
                apart(spliced(model, autoencoder, ids, error=error), theirs[f"{number}-{error}"])
                for error in (False, True)
            )
            features = apart(autoencoder.encode(x), theirs[f"{number}-features"])
            found[kind] = features, without, with_error
            assert apart(theirs["bare"], theirs[f"{number}-False"]) > 1e-3
    assert_same(found)


@pytest.mark.parametrize(("architecture", "norm"), [("gpt2", "LN"), ("llama", "RMS")])
def test_the_place_behind_a_norm_is_the_one_that_it_trains_on(architecture, norm, tmp_path):
    model = tiny(architecture)
    ids = torch.randint(3, model.info.d_vocab, (2, 9), generator=torch.Generator().manual_seed(1))
    seen = {}
    for site in ("hook_resid_mid", "ln2.hook_normalized"):
        weights = drawn("standard", WIDTH)
        said = settings("standard", weights, metadata={"hook_name": f"blocks.1.{site}"})
        folder = save_folder(tmp_path / site, said, weights)
        seen[site] = inputs(model, open_autoencoder(model, str(folder)), ids)[0].numpy()
    np.save(tmp_path / "x.npy", seen["hook_resid_mid"])
    job = {"do": "norm", "norm": norm, "eps": model.bridge.cfg.eps}
    done([{**job, "x": str(tmp_path / "x.npy"), "out": str(tmp_path / "out.npz")}])
    with np.load(tmp_path / "out.npz") as theirs:
        assert apart(seen["ln2.hook_normalized"], theirs["normalized"]) < TOLERANCE


@pytest.mark.skipif(not folder_of("toy").is_dir(), reason="none comes with this copy")
def test_the_small_one_that_comes_along(tmp_path):
    folder = folder_of("toy")
    with np.load(_ran(folder, tmp_path)) as theirs:
        autoencoder = open_autoencoder(named("toy"), "toy")
        x = torch.from_numpy(np.load(tmp_path / "x.npy"))
        assert apart(autoencoder.encode(x), theirs["features"]) < TOLERANCE
        made = autoencoder.decode(autoencoder.encode(x), x)
        assert apart(made, theirs["output"]) < TOLERANCE


def _ran(folder, tmp_path):
    width = json.loads((folder / "cfg.json").read_text())["d_in"]
    np.save(tmp_path / "x.npy", some_inputs(width))
    job = {"do": "run", "folder": str(folder), "factor": None}
    done([{**job, "x": str(tmp_path / "x.npy"), "out": str(tmp_path / "out.npz")}])
    return tmp_path / "out.npz"
