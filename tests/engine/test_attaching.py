"""TransformerLens is attached to the model as it was built, or not at all."""

from __future__ import annotations

import json

import pytest

from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine import loading
from desktop_app.support.errors import ModelLoadError
from tests.engine.zoo import save_tiny

pytestmark = pytest.mark.model


@pytest.mark.parametrize("depth", [2, 1_000_000_000])
def test_a_second_number_of_layers_is_refused(tmp_path, depth):
    """The model has three; two would be swept in silence, and a billion end the process."""
    folder = save_tiny("llama", tmp_path / "llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_layer": depth}))
    with pytest.raises(ModelLoadError, match=f"num_hidden_layers 3 and n_layer {depth}"):
        loading.load(ModelSpec(str(folder), device="cpu"), SilentReporter())
    (folder / "config.json").write_text(json.dumps({**config, "n_layer": 3}))
    assert loading.load(ModelSpec(str(folder), device="cpu"), SilentReporter()).info.n_layers == 3
