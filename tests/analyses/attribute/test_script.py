"""Scripts of models with processed weights, and of half precision, run without Lensbench."""

from __future__ import annotations

import numpy as np
import pytest

from desktop_app.analyses.attribute.run import run
from desktop_app.analyses.attribute.spec import AttributeParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import export_scripts, exports
from tests.engine.zoo import save_tiny
from tests.session.alone import run_alone

ROWS = (PromptRow(text="ab cd f", answer="g", wrong="h"), PromptRow(text="x", answer="y"))
# Gated, not gated, with one matrix for gate and input, with experts; and one raw.
CASES = [
    *((name, "processed") for name in ("llama", "gemma2", "gpt2", "phi3", "qwen2_moe")),
    ("deepseek_v3", "processed"),
    ("glm4_moe", "processed"),
    ("gemma2", "raw"),
    ("glm4_moe", "raw"),
]
# Torch's LayerNorm, whose mean is rounded there.
HALF = [("phi", "bfloat16"), ("gpt_neox", "float16")]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return each result, with the neurons that write the most."""
    folder, found = tmp_path_factory.mktemp("models"), []
    for architecture, weights in CASES:
        place = folder / architecture
        if not place.exists():
            save_tiny(architecture, place)
        model = load(ModelSpec(str(place), device="cpu", weights=weights), SilentReporter())
        params = AttributeParams(prompts=ROWS, neurons=40)
        found.append(run(model, params, SilentReporter()))
    for architecture, dtype in HALF:
        place = save_tiny(architecture, folder / architecture)
        model = load(ModelSpec(str(place), device="cpu", dtype=dtype), SilentReporter())
        found.append(run(model, AttributeParams(prompts=ROWS, by_source=True), SilentReporter()))
    return found


@pytest.fixture(scope="module")
def numbers(results, tmp_path_factory):
    """Return a folder with the .npz of each script, all run by one bare interpreter."""
    folder, calls = tmp_path_factory.mktemp("scripts"), []
    for number, result in enumerate(results):
        script = folder / f"{number}.py"
        script.write_text(export_scripts.to_script(result, script.name), "utf-8")
        calls.append((str(script), [result.model.source, str(folder / f"{number}.npz")]))
    run_alone(folder, calls)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CASES)), ids=["-".join(case) for case in CASES])
def test_the_script_gives_the_neurons_of_the_result(results, numbers, tmp_path, number):
    exports.export(results[number], tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz") as own, np.load(numbers / f"{number}.npz") as found:
        names = [name for name in own.files if own[name].dtype.kind in "fi"]
        assert {"neuron_layer", "neuron", "neuron_value", "mlp", "sum_error"} <= set(names)
        for name in names:
            if own[name].dtype.kind == "i":
                np.testing.assert_array_equal(found[name], own[name], err_msg=name)
            else:
                np.testing.assert_allclose(found[name], own[name], rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(HALF)), ids=["-".join(case) for case in HALF])
def test_the_script_in_half_precision_differs_by_its_rounding_alone(
    results, numbers, tmp_path, number
):
    number += len(CASES)
    exports.export(results[number], tmp_path / "own.npz")
    with np.load(tmp_path / "own.npz") as own, np.load(numbers / f"{number}.npz") as found:
        names = [name for name in own.files if own[name].dtype.kind in "fi"]
        assert {"head", "source_0", "attn_bias", "mlp", "bias", "sum_error"} <= set(names)
        for name in names:
            np.testing.assert_allclose(found[name], own[name], atol=0.01, err_msg=name)
