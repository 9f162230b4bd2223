"""Interventions that leave no finite number: nothing fails, and nothing is claimed of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import save_file

from desktop_app.analyses.steer.spec import SteerParams
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from tests.analyses.steer.asked import steer
from tests.engine.zoo import save_tiny
from tests.models import tiny

TOO_MUCH = 3e38


@pytest.fixture
def vector(tmp_path):
    """Return the file of a vector of tens."""
    path = tmp_path / "tens.safetensors"
    save_file({"vector": np.full(32, 10.0, dtype=np.float32)}, path)
    return str(path)


def told(result):
    return [w.message for w in result.warnings if w.code == "not_finite"]


@pytest.mark.parametrize("control", ["yes", "no"])
def test_texts_that_break_at_once_are_told_so(control, vector):
    settings = {"layer": 1, "add": [vector], "coef": [TOO_MUCH], "control": control}
    found = steer(tiny("llama"), ["abcdef"], max_new_tokens=3, **settings)
    steered = found.data["steered"][0]
    assert steered["ids"] == steered["plain_logprobs"] == []
    assert np.isnan(found.data["steered_loss"][0])
    assert len(told(found)) == (2 if control == "yes" else 1)
    assert all("at step 0" in one and "first in layer 1" in one for one in told(found))


def test_factors_whose_product_no_number_holds_break_the_text():
    twice = {"also": [{"op": "scale", "factor": TOO_MUCH}], "scale": TOO_MUCH}
    found = steer(tiny("llama"), ["abcdef"], layer=1, max_new_tokens=3, control="no", **twice)
    assert found.data["steered"][0]["ids"] == []
    assert len(told(found)) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 1e39},
        {"scale": float("nan")},
        {"coef": [1e39]},
        {"sweep_coefs": [1, -1e39]},
        {"also": [{"op": "scale", "factor": 1e39}]},
    ],
)
def test_a_strength_beyond_all_numbers_is_refused(settings):
    with pytest.raises(ValidationError):
        SteerParams.model_validate(settings)


@pytest.mark.parametrize("control", ["yes", "no"])
def test_a_sweep_that_breaks_names_the_layer(control, vector):
    settings = {"layer": 1, "add": [vector], "sweep_coefs": [0.1, TOO_MUCH], "control": control}
    found = steer(tiny("llama"), ["abcdef", "bcd"], max_new_tokens=2, **settings)
    (message,) = told(found)
    assert message.startswith("1 cell of the sweep")
    assert "first in layer 1 (steered at layer 1, times" in message


def test_a_scan_that_breaks_names_the_layer(vector):
    settings = {"layer": 1, "add": [vector], "coef": [TOO_MUCH], "position": "0", "scan": True}
    found = steer(tiny("llama"), ["abcd"], max_new_tokens=2, control="no", **settings)
    (message,) = [one for one in told(found) if "scan" in one]
    assert "first in layer 1 (at position " in message


@pytest.fixture(scope="module")
def bare_norms(tmp_path_factory):
    """Return a model whose norms divide 0 by 0: a zeroed stream has no finite numbers behind it."""
    folder = save_tiny("gpt2", tmp_path_factory.mktemp("bare"))
    config = Path(folder) / "config.json"
    changed = {**json.loads(config.read_text("utf-8")), "layer_norm_epsilon": 0.0}
    config.write_text(json.dumps(changed), "utf-8")
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter())


def findings(result):
    return {one["name"]: one for one in result.data["findings"]}


@pytest.mark.parametrize("texts", [["abcd"], ["abcd", "bcd"]])
def test_experiments_without_finite_numbers_hold_nothing_and_claim_nothing(bare_norms, texts):
    found = steer(bare_norms, texts, preset="equivalence", max_new_tokens=3)
    for name, one in findings(found).items():
        if name == "out_of_range":  # where nothing is zeroed before its position is in the cache
            assert one["holds"] is True
            continue
        assert one["holds"] is None
        last = name == "which_position"  # zeroed behind the last block, where a norm follows
        where = "though every layer's output is finite" if last else "first in layer 1"
        layer = 2 if last else 0
        assert f"The run that is zeroed at layer {layer}, position" in one["words"]
        assert f"no finite numbers at step 0, {where}: there is nothing" in one["words"]
    (message,) = told(found)
    assert message.startswith("4 experiments of 5 could not be tried")
    assert "Choose another layer or site." in message
    assert "model's files" not in message


def test_experiments_that_break_at_a_later_step_are_told_so(monkeypatch):
    model = tiny("llama")
    plain = findings(steer(model, ["abcd"], preset="equivalence", max_new_tokens=6))
    second = plain["persistence"]["numbers"]["ids_by_steps"][1]
    weight = model.bridge.original_model.get_input_embeddings().weight
    kept = weight[second].clone()
    with torch.no_grad():
        weight[second] = np.inf
    try:
        found = findings(steer(model, ["abcd"], preset="equivalence", max_new_tokens=6))
    finally:
        with torch.no_grad():
            weight[second] = kept
    assert found["persistence"]["holds"] is None
    assert "no finite numbers at step 2" in found["persistence"]["words"]
    assert len(found["persistence"]["numbers"]["ids_by_steps"]) == 2
