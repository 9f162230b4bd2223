"""Scripts of features compute the numbers of their results, for every kind of autoencoder."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from desktop_app.analyses.features import run as features
from desktop_app.analyses.features.spec import FeaturesParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import export_scripts, exports
from desktop_app.support.errors import BadInputError
from tests.analyses.features.folders import drawn, save_sae
from tests.models import named, tiny
from tests.session.alone import require_clean, run_alone

FOLDER = tempfile.TemporaryDirectory(prefix="saes-")
PRE, OUT, Z = "blocks.1.hook_resid_pre", "blocks.1.hook_mlp_out", "blocks.1.attn.hook_z"
# Of each: the model, where it reads, its settings, tensors beside the usual ones, and the run's.
KINDS = {
    "standard": ("toy", PRE, {}, (), {"top": 6}),
    "plain": ("toy", PRE, {"apply_b_dec_to_input": False}, (), {"feature": -1}),
    "topk": (
        "toy",
        OUT,
        {"architecture": "topk", "k": 9, "rescale_acts_by_decoder_norm": True},
        (),
        {"ablate": "zero", "bos": "no"},
    ),
    "jumprelu": (
        "gemma2",
        PRE,
        {"architecture": "jumprelu", "normalize_activations": "constant_norm_rescale"},
        ("threshold",),
        {},
    ),
    "gated": (
        "gpt2",
        PRE,
        {"architecture": "gated", "normalize_activations": "layer_norm"},
        ("b_gate", "b_mag", "r_mag"),
        {"position": "-1"},
    ),
    "finetuned": (
        "toy",
        PRE,
        {
            "finetuning_scaling_factor": True,
            "normalize_activations": "expected_average_only_in",
            "norm_scaling_factor": 0.5,
        },
        ("finetuning_scaling_factor",),
        {},
    ),
    "batchtopk": (
        "toy",
        PRE,
        {"architecture": "batchtopk", "rescale_acts_by_decoder_norm": True},
        ("topk_threshold",),
        {},
    ),
    "z": ("llama", Z, {}, (), {"ablate": "zero"}),
    "head": ("gpt2", Z, {"hook_head_index": 2}, (), {}),
    "transcoder": (
        "gpt2",
        PRE,
        {"architecture": "skip_transcoder", "hook_name_out": OUT, "d_out": 32},
        ("W_skip",),
        {"position": "3"},
    ),
    "eps": ("gpt2:eps", PRE, {}, (), {"top": 4}),
    "identity": ("gpt2:identity", PRE, {}, (), {"top": 4}),
}
TEXTS = {"toy": ("1 2 3 4 5", "Monday Tuesday")}


@cache
def result_of(key):
    name, hook, settings, more, own = KINDS[key]
    model = named("toy") if name == "toy" else _tiny(*name.split(":"))
    wide = model.info.d_model
    if hook == Z:
        wide = model.info.d_head * (1 if "hook_head_index" in settings else model.info.n_heads)
    tensors = drawn(wide, 40, seed=len(key))
    draw = torch.Generator().manual_seed(1)
    for tensor in more:
        shape = {"W_skip": (wide, wide), "topk_threshold": ()}.get(tensor, (40,))
        tensors[tensor] = 0.2 * torch.rand(shape, generator=draw)
    sae = save_sae(Path(FOLDER.name) / key, tensors, hook, **settings)
    rows = tuple(PromptRow(text=text) for text in TEXTS.get(name, ("ab cd f", "g h")))
    params = FeaturesParams(prompts=rows, sae=sae, **{"feature": _loudest(model, sae, rows), **own})
    return features.run(model, params, SilentReporter())


def _tiny(architecture, layernorm=""):
    model = tiny(architecture)
    if not layernorm:
        return model
    return load(ModelSpec(model.info.source, device="cpu", layernorm=layernorm), SilentReporter())


def _loudest(model, sae, rows):
    params = FeaturesParams(prompts=rows, sae=sae)
    data = features.run(model, params, SilentReporter()).data
    values = np.concatenate([row[1:].ravel() for row in data["top_activation"]])
    return int(np.concatenate([row[1:].ravel() for row in data["top"]])[values.argmax()])


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """Return a folder with the .npz of each script, all run by one bare interpreter."""
    folder, calls = tmp_path_factory.mktemp("scripts"), []
    for key in KINDS:
        result = result_of(key)
        script = folder / f"{key}.py"
        script.write_text(export_scripts.to_script(result), "utf-8")
        calls.append((str(script), [result.model.source, str(folder / f"{key}.npz")]))
    assert "splits it differently" not in run_alone(folder, calls)
    return folder


def same(got, expected):
    if isinstance(expected, dict):
        return got.keys() == expected.keys() and all(same(got[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        return len(got) == len(expected) and all(map(same, got, expected))
    return (
        got == pytest.approx(expected, abs=1e-4) if isinstance(expected, float) else got == expected
    )


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("key", KINDS)
def test_the_script_gives_the_numbers_of_the_result(numbers, tmp_path, key):
    exports.export(result_of(key), tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz") as own, np.load(numbers / f"{key}.npz") as found:
        assert set(own.files) <= set(found.files)
        for name in set(own.files) - {"document"}:
            np.testing.assert_allclose(found[name], own[name], atol=1e-4, rtol=1e-4, err_msg=name)
        told = json.loads(found["document"].item())["result"]
        whole = json.loads(own["document"].item())["result"]
    assert set(told) == (set() if key == "plain" else {"write", "read"})
    for name, lists in told.items():
        assert same(lists, whole[name]), name


@pytest.mark.model
def test_scripts_are_formatted_and_clean(tmp_path):
    for key in KINDS:
        (tmp_path / f"{key}.py").write_text(export_scripts.to_script(result_of(key)), "utf-8")
    require_clean(tmp_path)


def test_the_folder_is_the_one_that_was_named():
    whole = result_of("standard")
    for named_so, told in (("~/saes/one", 'SAE = "~/saes/one"'), ("toy", "saes/toy")):
        params = {**whole.params, "sae": named_so}
        assert told in export_scripts.to_script(replace(whole, params=params))


def test_a_script_beside_a_text_says_that_it_leaves_that_out():
    whole = result_of("standard")
    for corpus in ("", "own"):
        text = export_scripts.to_script(replace(whole, params={**whole.params, "corpus": corpus}))
        words = text.split('"""')[1]
        assert ("over the text is not computed here" in words) is bool(corpus)
        assert "read and write, on prompts.\n" in words


def test_a_script_that_does_not_find_the_autoencoder_says_so(tmp_path):
    whole = result_of("standard")
    text = export_scripts.to_script(replace(whole, params={**whole.params, "sae": str(tmp_path)}))
    (cell,) = [part for part in text.split("# %% ") if part.startswith("The autoencoder")]
    with pytest.raises(SystemExit, match=r"holds no \.safetensors file: .* change SAE"):
        exec(cell.partition("\n")[2], {"Path": Path})  # noqa: S102 - it is what was just written


def test_what_a_script_cannot_compute_is_refused():
    whole = result_of("standard")
    with pytest.raises(BadInputError, match="of a text alone"):
        export_scripts.to_script(replace(whole, prompts=()))
    for name, value in (
        ("architecture", "other"),
        ("hook", "blocks.1.x; import os"),
        ("scaling", "log"),
    ):
        card = {**whole.data["card"], name: value}
        with pytest.raises(BadInputError, match="No script can be written"):
            export_scripts.to_script(replace(whole, data={**whole.data, "card": card}))
