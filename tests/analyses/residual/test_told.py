"""A stream that is 0, which nothing can be divided by: what is said of it, and its numbers."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from desktop_app.analyses.residual.run import run
from desktop_app.analyses.residual.spec import ResidualParams
from desktop_app.contract.params import PromptRow
from desktop_app.contract.report import SilentReporter
from desktop_app.contract.requests import ModelSpec
from desktop_app.engine.loading import load
from desktop_app.session import exports
from tests.engine.zoo import save_tiny, tiny_tokenizer
from tests.session.alone import run_alone


def residual(model, texts):
    rows = tuple(PromptRow(text=text) for text in texts)
    return run(model, ResidualParams(prompts=rows, bos="no"), SilentReporter())


def without_embedding(folder):
    """Return a model without the embedding of a token, and that token."""
    save_tiny("llama", folder)
    (token,) = tiny_tokenizer()("3", add_special_tokens=False)["input_ids"]
    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = 0
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return load(ModelSpec(str(folder), device="cpu"), SilentReporter()), token


def test_the_script_counts_a_stream_of_norm_0_as_the_run_does(tmp_path):
    model, _token = without_embedding(tmp_path / "emptied")
    result = residual(model, ("1 3 4", "2 3"))
    for name in ("script.py", "own.npz"):
        exports.export(result, tmp_path / name)
    call = (str(tmp_path / "script.py"), [model.info.source, str(tmp_path / "found.npz")])
    run_alone(tmp_path, [call])
    with np.load(tmp_path / "own.npz") as own, np.load(tmp_path / "found.npz") as found:
        for name in ("growth", "growth_rate", "cosine", "cosine_first", "share", "share_first"):
            np.testing.assert_allclose(found[name], own[name], rtol=1e-4, atol=1e-6, err_msg=name)
        assert np.isnan(own["growth"][0])


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("1 2", "1 3 4"), "of prompt 2 has norm 0 before block 0 at position {}: growth there"),
        (("3", "1 3", "3 3"), "at position 0, and so has that of prompt 2, 3: growth there"),
        (("3",), "at position 0: cosine and shares count it as 0"),
    ],
)
def test_a_stream_of_norm_0_is_said_of_its_prompt(texts, words, tmp_path):
    model, token = without_embedding(tmp_path / "emptied")
    found = residual(model, texts)
    place = next(p.tokens.ids.index(token) for p in found.prompts if token in p.tokens.ids)
    (message,) = [n.message for n in found.warnings if n.code == "stream_empty"]
    assert words.format(place) in message
    assert np.isnan(found.data["growth"][0])
    assert "not_finite" not in {n.code for n in found.warnings}
    assert "stream_empty" not in {n.code for n in residual(model, ("1 2",)).warnings}
